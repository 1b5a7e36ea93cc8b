"""Languages: tags as BCP 47 has them, and which of several texts suits a reader. Pure.

A reader's languages are an ordered list of tags. A text suits a reader of a language where both are of the
same language, in a script that is not known to be another: who reads `pt-BR` reads `pt-PT` too, and who
reads `zh-Hans` is not given `zh-TW`. Of several texts the earlier language of the list counts first, then
how close the tags are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from node.errors import BadData
from node.quoting import quoted

MAX_TAG_CHARS: Final = 35
"""Longest tag that BCP 47 asks an implementation to keep."""

MAX_LANGUAGES: Final = 16
"""Languages of a reader; who reads more has a mistake in the list."""

_TAG: Final = re.compile(r"(?:[A-Za-z]{2,8}|[XxIi])(?:-[A-Za-z0-9]{1,8})*")

_SAME: Final = {
    "nb": "no",
    "nn": "no",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "tl": "fil",
    "cmn": "zh",
    "sh": "sr",
}
"""Tags that were replaced, and languages whose readers read each other: which one stands for both."""

_SCRIPTS: Final = {
    ("zh", "tw"): "hant",
    ("zh", "hk"): "hant",
    ("zh", "mo"): "hant",
    ("zh", "cn"): "hans",
    ("zh", "sg"): "hans",
    ("zh", "my"): "hans",
}
"""Scripts that a region implies."""

_SCRIPT_CHARS: Final = 4


def read_tag(text: str) -> str:
    """A language tag that a person typed, as BCP 47 writes it (`pt-BR`, `zh-Hant`). Raises: BadData."""
    tag = text.strip().replace("_", "-")
    if len(tag) > MAX_TAG_CHARS or _TAG.fullmatch(tag) is None:
        raise BadData(f"{quoted(text)} is no language tag.", "Use a tag such as de, pt-BR or zh-Hant.")
    return _written(tag)


def read_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Language tags that a person typed, each also as a list with commas, each once. Raises: BadData."""
    parts = (part for text in texts for part in text.split(",") if part.strip())
    tags = tuple(dict.fromkeys(map(read_tag, parts)))
    if len(tags) > MAX_LANGUAGES:
        raise BadData(f"These are {len(tags)} languages; at most {MAX_LANGUAGES} count.", "Name fewer.")
    return tags


def suits(tag: str, wanted: str) -> bool:
    """Does a text of the language `tag` suit a reader of `wanted`? A tag that is none suits nobody."""
    return _closeness(tag, wanted) > 0


def is_read(tag: str, languages: Sequence[str]) -> bool:
    """Does a text of the language `tag` suit a reader of these languages?"""
    return any(suits(tag, wanted) for wanted in languages)


def choose(tags: Sequence[str], languages: Sequence[str]) -> int | None:
    """Which of the texts in these languages suits a reader best; None: none of them. The first of equals."""
    for wanted in languages:
        close = [_closeness(tag, wanted) for tag in tags]
        if close and max(close) > 0:
            return close.index(max(close))
    return None


def _written(tag: str) -> str:
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *map(_subtag_written, rest)])


def _subtag_written(subtag: str) -> str:
    if len(subtag) == _SCRIPT_CHARS and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag.lower()


def _closeness(tag: str, wanted: str) -> int:
    """0: another language or script; else more, the more of the tags is the same."""
    ours, theirs = tag.lower().split("-"), wanted.lower().split("-")
    if not ours[0] or _language(ours) != _language(theirs):
        return 0
    scripts = {script for script in (_script(ours), _script(theirs)) if script}
    if len(scripts) > 1:
        return 0
    if ours == theirs:
        return 4
    is_part = ours[: len(theirs)] == theirs or theirs[: len(ours)] == ours
    return 3 if is_part else 2 if ours[0] == theirs[0] else 1


def _language(subtags: Sequence[str]) -> str:
    return _SAME.get(subtags[0], subtags[0])


def _script(subtags: Sequence[str]) -> str:
    for subtag in subtags[1:]:
        if len(subtag) == 1:
            break
        if len(subtag) == _SCRIPT_CHARS and subtag.isalpha():
            return subtag
    return next(
        (
            _SCRIPTS[_language(subtags), each]
            for each in subtags[1:]
            if (_language(subtags), each) in _SCRIPTS
        ),
        "",
    )
