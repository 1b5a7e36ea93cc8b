"""Markdown of posts and documents as safe HTML. The door to markdown-it.

HTML in a text is text. Links lead to http, https and mailto alone, and say that they are followed by nobody's
recommendation; a picture is a link to it, so that nothing is fetched from elsewhere. Headings are set
in below those of the page and skip no level. There are no styles and no scripts in what comes out.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

MAX_BRACKETS: Final = 5_000
"""A text with more of them is shown as it is: reading them takes time that grows with their square."""

MAX_CHARS: Final = 1_000_000
"""A longer text is shown as it is: a book of 500 pages."""

MAX_LEVELS: Final = 20
"""Lists and quotes inside each other."""

NOTHING: Final[Mapping[str, str]] = {}

_LAST_HEADING: Final = 6
_GOOD: Final = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
_BARE: Final = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_TRAILING: Final = ".,;:!?'\u2019\u201d\u00bb\u3002\uff0c\u060c\u061b"
_ALIGNED: Final = re.compile(r"text-align:\s*(left|right|center)")
_REL: Final = "nofollow noopener"


def is_good_link(address: str) -> bool:
    """May a page of ours link to that?"""
    return _GOOD.fullmatch(address) is not None


def rendered(
    text: str,
    top: int,
    foreign: Sequence[tuple[int, int]] = (),
    attributes: Mapping[str, str] = NOTHING,
) -> Markup:
    """The HTML of a Markdown text; its headings begin at level `top` (2 to 6).

    `foreign`: lines (the first, and the one after the last) whose blocks get these attributes.
    """
    if text.count("[") > MAX_BRACKETS or len(text) > MAX_CHARS:
        return as_it_is(text)
    tokens = _parser().parse(text)
    _set_headings(tokens, top)
    for token in tokens:
        _unstyle(token)
        if token.level == 0 and token.map is not None and _is_in(token.map[0], foreign):
            token.attrs.update(attributes)
        if token.children:
            token.children = _with_links(token.children)
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))


def _is_in(line: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= line < end for first, end in ranges)


def words(text: str) -> str:
    """What a reader reads of a Markdown text, without marks."""
    if text.count("[") > MAX_BRACKETS or len(text) > MAX_CHARS:
        return text
    blocks = []
    for token in _parser().parse(text):
        if token.type in ("fence", "code_block"):
            blocks.append(token.content)
        breaks = ("softbreak", "hardbreak")
        pieces = (" " if child.type in breaks else child.content for child in token.children or ())
        blocks.append("".join(pieces))
    return " ".join(block.strip() for block in blocks if block.strip())


def as_it_is(text: str) -> Markup:
    """A text that is no Markdown, its lines kept."""
    return Markup('<div class="plain">{}</div>\n').format(text)


def without_title(text: str, title: str) -> str:
    """A Markdown text without its first heading where that repeats the title of the page; no line moves."""
    before = len(text) - len(text.lstrip("\n"))
    first, _, rest = text[before:].partition("\n")
    is_title = first.startswith("# ") and first[2:].strip(" #") == title.strip()
    return "\n" * (before + 1) + rest if is_title else text


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_LEVELS})
    parser.enable(["table", "strikethrough"])
    parser.validateLink = is_good_link  # type: ignore[assignment,method-assign]
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("image", _image)
    return parser


def _link_open(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: dict[str, Any]
) -> str:
    tokens[at].attrSet("rel", _REL)
    return renderer.renderToken(tokens, at, options, env)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: dict[str, Any]
) -> str:
    """A link in place of a picture that lies elsewhere."""
    address = str(tokens[at].attrGet("src") or "")
    text = tokens[at].content or address
    return str(Markup('<a href="{}" rel="{}">{}</a>').format(address, _REL, text))


def _set_headings(tokens: Sequence[Token], top: int) -> None:
    """Give headings levels from `top` on, each at most one deeper than the one before."""
    open_levels: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while open_levels and open_levels[-1] >= level:
                open_levels.pop()
            open_levels.append(level)
            token.tag = f"h{min(_LAST_HEADING, top + len(open_levels) - 1)}"
        elif token.type == "heading_close":
            token.tag = f"h{min(_LAST_HEADING, top + len(open_levels) - 1)}"


def _unstyle(token: Token) -> None:
    """A class in place of a style, which the page's policy forbids."""
    style = token.attrs.pop("style", None)
    aligned = _ALIGNED.search(str(style)) if style is not None else None
    if aligned is not None:
        token.attrs["class"] = f"align-{aligned[1]}"


def _with_links(tokens: Sequence[Token]) -> list[Token]:
    """Addresses that stand in a text by themselves as links."""
    found: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and not depth and "://" in token.content:
            found += _linked(token)
        else:
            found.append(token)
    return found


def _linked(token: Token) -> list[Token]:
    found: list[Token] = []
    at = 0
    for match in _BARE.finditer(token.content):
        address = match[0].rstrip(_TRAILING)
        if address.endswith(")") and "(" not in address:
            address = address.rstrip(")")
        before, end = token.content[at : match.start()], match.start() + len(address)
        found += [_text(before, token.level), *_link(address, token.level)]
        at = end
    return [*found, _text(token.content[at:], token.level)]


def _text(content: str, level: int) -> Token:
    return Token("text", "", 0, content=content, level=level)


def _link(address: str, level: int) -> list[Token]:
    opening = Token("link_open", "a", 1, attrs={"href": address}, level=level)
    return [opening, _text(address, level + 1), Token("link_close", "a", -1, level=level)]


def link_to(address: str) -> Markup:
    """An address as a link where it may be one, else as text."""
    if not is_good_link(address):
        return escape(address)
    return Markup('<a href="{0}" rel="{1}">{2}</a>').format(address, _REL, address.removeprefix("mailto:"))
