"""Moments and spans as people type them: ``2h``, ``3d``, ``1y``, ``2026-11-22``, ``2026-11-22T17:04``."""

import re
from datetime import datetime
from typing import Final

from node.errors import BadData

_SPAN: Final = re.compile(r"(\d{1,9})\s*(s|min|m|h|d|w|y)")
MAX_SPAN_MS: Final = 2**53 - 1
"""Longer ones are cut to this: it is the largest number that every JSON reader keeps exact."""

_UNIT_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def read_moment(text: str, now_ms: int) -> int:
    """The moment that `text` names, in ms since 1970; spans count back from `now_ms`, never before 1970.

    Dates and times without a zone are local.

    Raises:
        BadData: it names none.
    """
    span = _SPAN.fullmatch(text.strip().lower())
    if span is not None:
        return max(0, now_ms - int(span[1]) * _UNIT_S[span[2]] * 1000)
    try:
        moment_ms = int(datetime.fromisoformat(text.strip()).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise BadData(
            f"{text!r} is no moment.",
            "Give a span such as 30min, 2h, 3d or 1w, or a date such as 2026-11-22 or 2026-11-22T17:04.",
        ) from None
    return max(0, moment_ms)


def read_span(text: str) -> int:
    """The span that `text` names, in ms. Raises: BadData: it names none."""
    span = _SPAN.fullmatch(text.strip().lower())
    if span is None:
        raise BadData(f"{text!r} is no span of time.", "Give one such as 30min, 2h, 3d, 1w or 1y.")
    return min(int(span[1]) * _UNIT_S[span[2]] * 1000, MAX_SPAN_MS)
