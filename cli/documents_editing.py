"""`aster doc edit` and `merge`: changing a document, and making one of several current versions."""

import shlex
from pathlib import Path, PurePath
from typing import Annotated

import typer

from cli.documents import (
    MAX_TEXT_BYTES,
    SHORT,
    Force,
    Language,
    Name,
    Public,
    Tags,
    Title,
    checked,
    media_type_of,
    show_published,
)
from cli.documents_export import write_file
from cli.documents_history import show_diff
from cli.editor import Draft, drafting
from cli.options import AsJson, Quiet
from cli.render import Screen, count_of
from cli.session import Json, Session
from cli.texts import check_argument
from cli.words import has_terminal
from node.errors import BadRequest, Conflict


def edit(
    name: Name,
    title: Title = None,
    language: Language = None,
    tags: Tags = None,
    public: Public = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Change a document in your editor, and publish it as the next version.

    The editor is the one that VISUAL or EDITOR names. Where several versions are current, their merge is
    opened. What others publish while you write is merged in; where that does not go by itself the editor
    opens again, with both sides between marks. If anything fails your text is kept, and you are told where.
    A name that is new begins a document. Needs a running daemon.

    Examples:
    aster doc edit programme.md
    EDITOR="code --wait" aster doc edit minutes-2026-11 --lang en
    """
    screen = Screen(as_json, quiet)
    document = check_argument(name)
    session = Session()
    begun = session.call("doc/edit", name=document)
    text = begun["text"]
    follows = begun["follows"]
    if begun["conflicts"]:
        _tell_conflicts(screen, begun["conflicts"])
    said: Json = {"title": checked(title), "language": checked(language), "tags": tags, "public": public}
    again = f"aster doc put PATH --as {shlex.quote(document)}{_following(follows)}"
    with drafting(screen, document, MAX_TEXT_BYTES, again) as draft:
        while True:
            written = draft.edit(text)
            if written == text and not any(each is not None for each in said.values()):
                _end_unchanged(screen, draft, begun)
                return
            answer = session.call(
                "doc/put",
                name=document,
                text=written,
                media_type=None if follows else media_type_of(document),
                follows=follows or None,
                catch_up=True,
                force=force or None,
                **said,
            )
            if answer["published"]:
                break
            screen.note("Somebody else has published meanwhile.")
            _tell_conflicts(screen, answer["conflicts"])
            begun, text, follows = answer, answer["text"], answer["follows"]
    show_published(screen, answer)
    if begun.get("left"):
        screen.note(f"Others are current still: aster doc merge {document}")


def _tell_conflicts(screen: Screen, count: int) -> None:
    screen.note(
        f"{count_of(count, 'place')} to settle: choose between the lines after <<<<<<< and those after "
        "=======, and take the marks out."
    )


def _end_unchanged(screen: Screen, draft: Draft, begun: Json) -> None:
    if begun["conflicts"]:
        raise Conflict("The conflicts are still there; nothing was published.", "Start again: aster doc edit")
    screen.note("Nothing changed, so nothing was published.")
    if begun.get("current", 0) > 1:
        screen.note(f"To publish the merge as it is: aster doc merge {begun['name']}")


def merge(
    name: Name,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE", help="Where a text with conflicts goes; else NAME.merge."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Publish a clean merge without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make one of several current versions of a document.

    Changes in different places are merged, and published after you have seen them and said yes. Where both
    sides changed the same lines, both are written into a file between marks: choose, take the marks out,
    and publish the file. No line of either side is lost.

    Examples:
    aster doc merge programme.md
    aster doc merge programme.md --yes
    aster doc merge programme.md --to settled.md
    """
    screen = Screen(as_json, quiet)
    session = Session()
    plan = session.call("doc/merge", name=check_argument(name))
    if plan["current"] == 1:
        if as_json:
            screen.emit({**plan, "published": False})
        else:
            screen.note("There is one current version: nothing to merge.")
        return
    if plan["conflicts"]:
        _write_conflicts(screen, plan, to, force)
    if not yes and not _agrees(screen, session, plan):
        screen.note("Nothing was published.")
        return
    answer = session.call("doc/merge-publish", name=plan["name"], follows=plan["follows"])
    show_published(screen, answer)


def _agrees(screen: Screen, session: Session, plan: Json) -> bool:
    """Show what a merge would change in the newest version, and ask a person."""
    if not has_terminal():
        raise BadRequest(
            "A merge is shown and asked about before it is published, and there is no terminal.",
            "Say that you agree beforehand: --yes",
        )
    newest, *others = plan["follows"]
    for other in others:
        answer = session.call("doc/diff", name=plan["name"], from_=newest, to=other)
        show_diff(screen, answer["diff"])
    screen.note(f"{count_of(len(plan['follows']), 'version')} can be merged without conflicts.")
    return screen.ask("Publish the merge? Type yes: ").strip().casefold() == "yes"


def _write_conflicts(screen: Screen, plan: Json, to: str | None, force: bool) -> None:
    """Write the text with its marks, and say what to do with it. Always raises: Conflict."""
    path = Path(to if to is not None else f"{PurePath(plan['name']).name or 'document'}.merge")
    write_file(path, plan["text"], force)
    if screen.as_json:
        screen.emit({**plan, "published": False, "file": str(path)})
    raise Conflict(
        f"{count_of(plan['conflicts'], 'place')} to settle: both sides stand in {path} between marks.",
        f"Edit it, then: aster doc put {path} --as {shlex.quote(plan['name'])}{_following(plan['follows'])}",
    )


def _following(versions: list[str]) -> str:
    """The options that say which versions a text follows."""
    return "".join(f" --follows {each[:SHORT]}" for each in versions)
