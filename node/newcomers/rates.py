"""How often something may happen within a minute, in all and for each origin. Pure: the clock comes in."""

from collections import deque
from typing import Final

WINDOW_S: Final = 60.0

MAX_ORIGINS: Final = 4_096
"""Origins that are remembered; where there are more, those without a recent event go first."""


class Rate:
    """A limit in all and one for each origin, over the last minute."""

    def __init__(self, in_all: int, from_one: int) -> None:
        self._in_all = in_all
        self._from_one = from_one
        self._times: deque[float] = deque()
        self._origins: dict[str, deque[float]] = {}

    def take(self, origin: str, now: float, *, exempt: bool = False) -> bool:
        """Count an event, if it may happen. `exempt`: only the limit in all holds for this origin."""
        own = self._origins.get(origin, deque())
        _forget(self._times, now)
        _forget(own, now)
        if len(self._times) >= self._in_all or (not exempt and len(own) >= self._from_one):
            return False
        if len(self._origins) >= MAX_ORIGINS:
            self._clear(now)
        self._times.append(now)
        own.append(now)
        self._origins[origin] = own
        return True

    def _clear(self, now: float) -> None:
        for origin, times in list(self._origins.items()):
            _forget(times, now)
            if not times:
                del self._origins[origin]


def _forget(times: deque[float], now: float) -> None:
    while times and now - times[0] >= WINDOW_S:
        times.popleft()
