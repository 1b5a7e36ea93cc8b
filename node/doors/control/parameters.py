"""What parameters of the control protocol are, and what a method takes. The standard library alone, no I/O.

The tables of methods are in `node.doors.control.tables`, one room for each part of the api.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

MAX_INT: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exact."""

MAX_TEXTS: Final = 10_000
"""Longest list of texts in one request; bounds one transaction."""


class Parameter(NamedTuple):
    """One parameter of a method."""

    fits: Callable[[object], bool]
    kind: str
    """What it is, for error messages."""
    required: bool = False


class Method(NamedTuple):
    """What a method takes and how it answers."""

    parameters: Mapping[str, Parameter]
    streaming: bool = False
    """Answers one object a line."""
    waits: bool = False
    """Answers late; ends where the client goes away, as streams do."""
    offline: bool = False
    """The store can answer without a daemon; see `node.doors.offline`."""
    part: str = ""
    """The part of the api, and of the queries, that answers; empty: they themselves."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 86_400  # type: ignore[operator]


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_TEXTS and all(type(text) is str for text in value)


TEXT: Final = Parameter(_is_text, "a text")
"""A text; left out where it is not given."""

NAME: Final = Parameter(_is_text, "a text", required=True)
"""A text that has to be given."""

INT: Final = Parameter(_is_int, "a whole number from 0")
"""A whole number."""

BOOL: Final = Parameter(_is_bool, "true or false")
"""True or false."""

TEXTS: Final = Parameter(_are_texts, f"a list of at most {MAX_TEXTS:,} texts")
"""A list of texts."""

LINES: Final = TEXTS._replace(required=True)
"""A list of texts that has to be given."""

SECONDS: Final = Parameter(_is_seconds, "a number of seconds up to a day", required=True)
"""A span of time that has to be given."""

NUMBER: Final = INT._replace(required=True)
"""A whole number that has to be given."""
