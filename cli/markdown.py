"""Text with a small Markdown, as lines for a terminal: emphasis, code, lists, quotes, headings, links.

Only what people type in messages. There is no HTML, no picture, and nothing that hides words: a link shows
its address; HTML and definitions of addresses are shown as they were typed. Marks stay where a terminal has
no colours, so that the text reads as it was written; line ends and empty lines stay in any case. What has
more brackets or levels than people type is shown as plain text. `Screen` makes all of it safe to look at;
nothing here escapes anything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from cli.render import Part, Styled, width_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_LEVELS: Final = 20
"""Lists and quotes inside each other, emphasis and links as well; beyond, text is shown as it is."""

MAX_BRACKETS: Final = 1_000
"""A text with more of them is shown as it is: reading 30,000 takes more than half a second."""

MIN_WIDTH: Final = 20
"""Columns; a narrower terminal wraps by itself."""

_OFF: Final = ("reference", "lheading", "html_block", "html_inline")
_WIDE: Final = "\u1100-\u115f\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uff60"
_PIECES: Final = re.compile(rf"[ \t]+|[{_WIDE}]|[^ \t{_WIDE}]+")
_MARKED: Final = re.compile(r"[*_`\[<\\&]|^[ \t]*(?:[-+>#~]|\d+[.)])|^    |^\t", re.MULTILINE)
"""Nothing else begins anything in Markdown: most messages need no parser, whose import takes 0.1 s."""

_EMPHASIS: Final = {"em": "italic", "strong": "bold"}


class Line(NamedTuple):
    """One line: what it is set in by, and its text."""

    indent: str
    parts: tuple[Part, ...]


def draw(text: str, width: int | None, coloured: bool, called: Mapping[str, str]) -> list[Line]:
    """The lines of a text that somebody wrote.

    `width`: columns to wrap at; None: not. `called`: of mentions, what was typed after the @ and what stands
    in its place (a name with a mark, where another goes by the typed one).
    """
    if (_MARKED.search(text) is None and not called) or text.count("[") > MAX_BRACKETS:
        lines = _as_it_is(text)
    else:
        tokens = _parser().parse(text)
        is_deep = any(token.level >= MAX_LEVELS for token in _all(tokens))
        lines = _as_it_is(text) if is_deep else _Drawing(coloured, called).lines(tokens)
    if width is None or width < MIN_WIDTH:
        return lines
    return [wrapped for line in lines for wrapped in _wrap(line, width)]


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_LEVELS + 1}).disable(_OFF)


def _as_it_is(text: str) -> list[Line]:
    lines = text.rstrip("\n").split("\n")
    return [Line("", (line.removesuffix("\r").expandtabs(),)) for line in lines]


def _all(tokens: "Sequence[Token]") -> "Iterator[Token]":
    for token in tokens:
        yield token
        yield from token.children or ()


class _Drawing:
    """Lines as they come."""

    def __init__(self, coloured: bool, called: Mapping[str, str]) -> None:
        self._coloured = coloured
        self._called = called
        self._mention = _mention_pattern(called)
        self._lines: list[Line] = []
        self._first: list[str] = []
        """What the next line begins with, of each block around it; "" where its line has come."""
        self._rest: list[str] = []
        """What further lines begin with."""
        self._open = 0
        """Blocks around the last line that are still open."""
        self._end = 0
        """Line of the source after the last block."""

    def lines(self, tokens: "Sequence[Token]") -> list[Line]:
        """The lines of a whole text."""
        prefix = ""
        for token in tokens:
            match token.type:
                case "blockquote_open":
                    self._enter("> ", "> ")
                case "list_item_open":
                    mark = f"{token.info}{token.markup} "
                    self._enter(mark, " " * len(mark))
                case "blockquote_close" | "list_item_close":
                    self._leave()
                case "heading_open":
                    prefix = f"{token.markup} "
                case "heading_close":
                    prefix = ""
                case "inline":
                    self._space(token)
                    self._inline(token.children or [], prefix)
                case "fence" | "code_block":
                    self._space(token)
                    self._code(token)
                case "hr":
                    self._space(token)
                    self._put((Styled("-" * 3, "dim"),))
        return self._lines

    def _enter(self, first: str, rest: str) -> None:
        self._first.append(first)
        self._rest.append(rest)

    def _leave(self) -> None:
        if self._first[-1] != self._rest[-1] and self._first[-1]:
            self._put(())
        self._first.pop()
        self._rest.pop()
        self._open = min(self._open, len(self._rest))

    def _space(self, token: "Token") -> None:
        """An empty line where the source has some."""
        begin, end = token.map or [self._end, self._end]
        if self._lines and begin > self._end:
            self._lines.append(Line("".join(self._rest[: self._open]).rstrip(), ()))
        self._end = end

    def _put(self, parts: Sequence[Part]) -> None:
        indent = "".join(first or rest for first, rest in zip(self._first, self._rest, strict=True))
        self._first = [
            first if first == rest else "" for first, rest in zip(self._first, self._rest, strict=True)
        ]
        self._open = len(self._rest)
        self._lines.append(Line(indent, tuple(parts)))

    def _code(self, token: "Token") -> None:
        fence = token.markup if token.type == "fence" else ""
        if fence:
            self._put((Styled(f"{fence}{token.info}", "dim"),))
        indent = "" if fence else "    "
        for line in token.content.removesuffix("\n").split("\n"):
            self._put((indent + line.expandtabs(),))
        if fence:
            self._put((Styled(fence, "dim"),))

    def _inline(self, tokens: "Sequence[Token]", prefix: str) -> None:
        """A paragraph or heading."""
        styles = ["bold"] if prefix else []
        parts: list[Part] = [Styled(prefix, "bold")] if prefix else []
        links: list[tuple[str, str, int]] = []
        for token in tokens:
            kind, _, side = token.type.rpartition("_")
            if kind in _EMPHASIS:
                if side == "open":
                    styles.append(_EMPHASIS[kind])
                else:
                    styles.pop()
                if not self._coloured:
                    parts.append(token.markup)
            elif token.type == "link_open":
                title = str(token.attrs.get("title") or "")
                links.append((str(token.attrs.get("href", "")), title, len(parts)))
            elif token.type == "link_close":
                href, title, start = links.pop()
                parts += _address(href, title, "".join(map(_text_of, parts[start:])))
            elif token.type == "image":
                parts += [
                    token.content,
                    *_address(str(token.attrs["src"]), str(token.attrs.get("title") or ""), token.content),
                ]
            elif token.type == "code_inline":
                parts.append(self._styled(f"{token.markup}{token.content}{token.markup}", [*styles, "code"]))
            elif token.type in ("softbreak", "hardbreak"):
                self._put(parts)
                parts = []
                links = [(href, title, 0) for href, title, _ in links]
            else:
                parts += self._named(token.content, styles)
        self._put(parts)

    def _named(self, text: str, styles: Sequence[str]) -> Iterator[Part]:
        """Text, with those whom it mentions called as this home calls them."""
        end = 0
        for found in self._mention.finditer(text) if self._mention else ():
            yield self._styled(text[end : found.start()], styles)
            yield self._styled(f"@{self._called[found[1] or found[2]]}", [*styles, "bold"])
            end = found.end()
        yield self._styled(text[end:], styles)

    def _styled(self, text: str, styles: Sequence[str]) -> Part:
        text = text.expandtabs()
        return Styled(text, " ".join(sorted(set(styles)))) if styles and text else text


def _mention_pattern(called: Mapping[str, str]) -> re.Pattern[str] | None:
    if not called:
        return None
    typed = "|".join(re.escape(name) for name in sorted(called, key=len, reverse=True))
    return re.compile(rf"(?<!\w)@(?:\[({typed})\]|({typed})(?!\w))")


def _address(href: str, title: str, text: str) -> list[Part]:
    """What follows the text of a link: where it leads, unless the text is just that."""
    said: list[Part] = (
        [] if href in (text, f"mailto:{text}") else [Styled(f" <{href}>" if text else f"<{href}>", "dim")]
    )
    return [*said, f" ({title})"] if title else said


def _text_of(part: Part) -> str:
    return part.text if isinstance(part, Styled) else part


def _wrap(line: Line, width: int) -> Iterator[Line]:
    """A line in pieces that fit; further ones are set in as the first one's text."""
    room = max(width - width_of(line.indent), MIN_WIDTH // 2)
    indent, row, used = line.indent, list[Part](), 0
    rest = "".join(char if char == ">" else " " for char in line.indent)
    gap: Part = ""
    for word in _words(line.parts, room):
        wide = sum(width_of(_text_of(part)) for part in word)
        text = "".join(map(_text_of, word))
        if not text.strip(" \t"):
            gap = word[0]
            continue
        gap_wide = width_of(_text_of(gap))
        if row and used + gap_wide + wide > room:
            yield Line(indent, _joined(row))
            indent, row, used = rest, [], 0
        elif gap_wide:
            row.append(gap)
            used += gap_wide
        row += word
        used += wide
        gap = ""
    yield Line(indent, _joined(row))


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts of one style in a row as one."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, Styled):
            is_same = isinstance(before, Styled) and before.style == part.style
            text: Part = Styled(_text_of(before or "") + part.text, part.style) if is_same else part
        else:
            is_same = isinstance(before, str)
            text = f"{before}{part}" if is_same else part
        if is_same:
            joined[-1] = text
        else:
            joined.append(text)
    return tuple(joined)


def _words(parts: Sequence[Part], room: int) -> Iterator[list[Part]]:
    """Words, gaps, and signs of scripts without gaps; pieces of one word may have several styles."""
    word: list[Part] = []
    for part in parts:
        style = part.style if isinstance(part, Styled) else None
        for piece in _PIECES.findall(_text_of(part)):
            is_apart = piece[0] in " \t" or _is_wide(piece)
            if is_apart and word:
                yield word
                word = []
            for cut in _cut(piece, room):
                styled: Part = cut if style is None else Styled(cut, style)
                if is_apart or len(cut) < len(piece):
                    if word:
                        yield word
                    yield [styled]
                    word = []
                else:
                    word.append(styled)
    if word:
        yield word


def _is_wide(piece: str) -> bool:
    return len(piece) == 1 and width_of(piece) > 1


def _cut(piece: str, room: int) -> list[str]:
    """A piece that is wider than a line, in pieces."""
    if width_of(piece) <= room:
        return [piece]
    cuts, start, used = list[str](), 0, 0
    for at, char in enumerate(piece):
        wide = width_of(char)
        if used + wide > room:
            cuts.append(piece[start:at])
            start, used = at, 0
        used += wide
    return [*cuts, piece[start:]]
