"""Topics: what a message is about, as `#words` in its text or named beside it. Pure.

A topic has one form: case-folded, NFC, without the `#`; 1 to 64 letters, digits, marks, hyphens, middle
dots and low lines, of which at least one is a letter, and neither the first nor the last is a hyphen or dot.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from node.errors import BadData
from node.quoting import quoted

MAX_TOPIC_CHARS: Final = 64
"""Longest topic: a few words that hyphens join."""

_JOINERS: Final = "-\u00b7_"
_NOT_BEFORE: Final = frozenset("&/#=\\@")
"""A `#` behind one of these is part of an address or of something else."""

_KNOWN_TOPICS: Final = 4_096
"""Topics that were found well-formed and need not be looked at again."""


def read_topic(text: str) -> str:
    """The one form of a topic that a person typed, with or without `#`. Raises: BadData: it is none."""
    topic = _canonical(text.strip().removeprefix("#"))
    if not is_topic(topic):
        raise BadData(
            f"{quoted(text)} is no topic.",
            f"A topic has 1 to {MAX_TOPIC_CHARS} letters, digits and hyphens: strike-funds",
        )
    return topic


def topics_in(text: str) -> list[str]:
    """The topics that stand as `#words` in a text, each once, in order."""
    found = (_canonical(word) for word in _words(text))
    return list(dict.fromkeys(topic for topic in found if is_topic(topic)))


def is_topic(text: str) -> bool:
    """Is this a topic in its one form?"""
    return 1 <= len(text) <= MAX_TOPIC_CHARS and _is_well_formed(text)


@lru_cache(maxsize=_KNOWN_TOPICS)
def _is_well_formed(text: str) -> bool:
    """As `is_topic`, for texts that are short enough to be remembered."""
    return (
        all(map(_belongs, text))
        and text[0] not in "-\u00b7"
        and text[-1] not in "-\u00b7"
        and any(unicodedata.category(char)[0] == "L" for char in text)
        and text == _canonical(text)
    )


def _canonical(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _belongs(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char)[0] in "LNM"


def _words(text: str) -> Iterator[str]:
    """What follows each `#` that begins a word."""
    at = text.find("#")
    while at >= 0:
        end = at + 1
        while end < len(text) and end - at <= MAX_TOPIC_CHARS + 1 and _belongs(text[end]):
            end += 1
        before = text[at - 1] if at else " "
        if end > at + 1 and before not in _NOT_BEFORE and not _belongs(before):
            yield text[at + 1 : end].rstrip("-\u00b7")
        at = text.find("#", end)
