"""Long work on files in steps of a moment each, so that whoever asked for it is told how far it has got, and
can go away.
"""

import time
from collections.abc import Generator
from typing import Final, Generic, NamedTuple, TypeVar

STEP_S: Final = 0.25
"""How long one step works: progress is told so often."""

T = TypeVar("T")
R = TypeVar("R")


class Done(NamedTuple, Generic[R]):
    """The work is done."""

    result: R


def advance(steps: Generator[T, None, R]) -> T | Done[R]:
    """Work on for a moment; the last step, or what came of it all. For a thread that may wait."""
    until_s = time.monotonic() + STEP_S
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return Done(end.value)
        if time.monotonic() >= until_s:
            return step
