"""Messages as they are shown in a terminal: who, when, what; and what others made of them."""

from collections.abc import Sequence
from typing import Final

from cli.markdown import draw
from cli.render import Part, Screen, Styled, count_of, show_bytes, show_time
from cli.session import Json

SHORT: Final = 10
"""Characters of an id that are shown: enough to type."""

INDENT: Final = "    "

MAX_DEPTH: Final = 8
"""Answers to answers are set in so far; deeper ones say whom they answer."""

_GONE: Final = {
    "deleted": "deleted by its author",
    "expired": "no longer kept here",
    "blocked": "written by somebody whom you block",
    "missing": "not here yet",
}


def show_post(
    screen: Screen, post: Json, *, flush: bool = False, depth: int = 0, notes: Sequence[Part] = ()
) -> None:
    """One message with its head, its text and what belongs to it. `notes`: what stands behind its head."""
    margin = "  " * min(depth, MAX_DEPTH)
    screen.say(margin, *_head(post, depth), *notes, flush=flush)
    if post.get("text") is None:
        screen.say(margin + INDENT, Styled(f"({_GONE[post['gone']]})", "dim"), flush=flush)
        return
    translation = post.get("translation")
    shown = translation or post
    _show_text(screen, shown["text"], margin, post, flush)
    for texts in _below(post):
        screen.say(margin + INDENT, *(Styled(text, "dim") for text in texts), flush=flush)


def _head(post: Json, depth: int) -> list[Part]:
    head: list[Part] = []
    if "name" in post:
        head += [Styled(str(post["name"]), "bold"), Styled(f"  {show_time(post['time_ms'])}", "dim"), "  "]
    head.append(Styled(post["id"][:SHORT], "dim"))
    if post.get("reply_to") and (not depth or depth > MAX_DEPTH):
        head.append(Styled(f"  answers {post['reply_to'][:SHORT]}", "dim"))
    if post.get("corrected"):
        head.append(Styled("  corrected", "yellow"))
    if post.get("public"):
        head.append(Styled("  public", "dim"))
    return head


def _show_text(screen: Screen, text: str, margin: str, post: Json, flush: bool) -> None:
    called = {each["typed"]: _called(each) for each in post.get("mentions", ())}
    room = screen.width
    width = None if room is None else room - len(margin) - len(INDENT)
    for line in draw(text, width, screen.coloured, called):
        screen.verse(margin + INDENT + line.indent, line.parts, flush=flush)


def _called(mention: Json) -> str:
    """A mention as it is shown: with the name that this home knows, where another one was typed."""
    typed, name = str(mention["typed"]), str(mention["name"])
    return typed if typed.casefold() == name.casefold() else f"{typed} ({name})"


def _below(post: Json) -> list[list[str]]:
    """Lines about a message: its translation, files, topics that its text lacks, reactions, answers.

    What others chose is a text of its own in the line, in whatever direction it is written.
    """
    lines: list[list[str]] = []
    translation = post.get("translation")
    if translation:
        stale = ", of an earlier text" if translation["out_of_date"] else ""
        source = post["language"] or "another language"
        said = f"translated from {source} to {translation['language']} by "
        original = f"{stale}; as written: aster thread {post['id'][:SHORT]} --original"
        lines.append([said, str(translation["name"]), original])
    lines += [
        ["file: ", each["name"], f" ({show_bytes(each['size'])}): aster file get {each['blob'][:SHORT]}"]
        for each in post.get("attachments", ())
    ]
    text = post["text"].casefold()
    pieces = [[f"#{topic}"] for topic in post.get("topics", ()) if f"#{topic}" not in text]
    pieces += [
        [each["symbol"], f" {each['count']}{'*' if each['mine'] else ''}"]
        for each in post.get("reactions", ())
    ]
    if post.get("answers"):
        pieces.append([count_of(post["answers"], "answer")])
    line = [text for piece in pieces for text in ("  ", *piece)][1:]
    return [*lines, line] if line else lines
