"""A text and its translations: which of them a reader gets. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.languages import choose
from node.site.content import Document, Post, Translated

MAX_EXCERPT_CHARS: Final = 280
"""Of a text in a list."""


class Shown(NamedTuple):
    """One of the texts of a message or a document."""

    language: str
    title: str
    text: str
    outdated: bool
    time_ms: int
    is_original: bool
    left: tuple[tuple[int, int], ...] = ()
    """Lines of a translation that are in the language of the original, as `Translated.left`."""


def texts_of(document: Document) -> list[Shown]:
    """The text of a document as it was written, then its translations."""
    original = Shown(document.language, document.title, document.text, False, document.time_ms, True)
    return [original, *_translations(document.translations)]


def shown_of(document: Document, tag: str) -> Shown:
    """The text of a document for readers of a language."""
    return _best(texts_of(document), tag)


def shown_in(post: Post, tag: str) -> Shown:
    """The text of a message for readers of a language."""
    return _best(_texts_of(post), tag)


def others_of(post: Post, shown: Shown) -> list[Shown]:
    """The texts of a message beside the one that is shown."""
    return [each for each in _texts_of(post) if each != shown]


def _texts_of(post: Post) -> list[Shown]:
    original = Shown(post.language, "", post.text, False, post.time_ms, True)
    return [original, *_translations(post.translations)]


def _translations(translations: Sequence[Translated]) -> list[Shown]:
    return [
        Shown(each.language, each.title, each.text, each.outdated, each.time_ms, False, each.left)
        for each in translations
    ]


def _best(texts: Sequence[Shown], tag: str) -> Shown:
    """The one in that language; what was written where there is none."""
    place = choose([text.language for text in texts], (tag,))
    return texts[place or 0]


def excerpt(text: str, most: int = MAX_EXCERPT_CHARS) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
