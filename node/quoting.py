"""What somebody gave, as a message repeats it: in quotes, without anything that moves a cursor, and short."""

from typing import Final

MAX_QUOTED_CHARS: Final = 60
"""Longest text that is repeated whole: a name or an id with some room."""


def quoted(text: str) -> str:
    """`text` in quotes; of a long one the beginning."""
    return repr(text if len(text) <= MAX_QUOTED_CHARS else f"{text[: MAX_QUOTED_CHARS - 1]}…")
