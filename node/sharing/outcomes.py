"""How fetches stand and how they ended, as whoever follows one is told it. Pure."""

from collections import OrderedDict
from typing import Final, NamedTuple

MAX_OUTCOMES: Final = 1_024
"""Ends of fetches that are remembered for those who ask a moment later."""


class FetchEvent(NamedTuple):
    """How a fetch stands."""

    blob: bytes
    state: str
    """``asking`` who has it, ``fetching``, ``nobody`` has it who is connected, ``done``, ``failed``."""
    held_bytes: int = 0
    """Of its chunks that are here."""
    size: int = 0
    """Bytes of the whole blob; 0: not known yet."""
    peers: int = 0
    """Who hold something of it."""
    why: str = ""
    """Why it failed."""

    @property
    def is_last(self) -> bool:
        """Will nothing more come of it?"""
        return self.state in {"done", "failed"}


class Outcomes:
    """The last ends of fetches."""

    def __init__(self) -> None:
        self._events: OrderedDict[bytes, FetchEvent] = OrderedDict()

    def __contains__(self, blob: bytes) -> bool:
        return blob in self._events

    def of(self, blob: bytes) -> FetchEvent | None:
        """How the last fetch of a blob ended; None: it did not, or that is forgotten."""
        return self._events.get(blob)

    def has_failed(self, blob: bytes) -> bool:
        """Did the last fetch of a blob fail?"""
        event = self._events.get(blob)
        return event is not None and event.state == "failed"

    def note(self, event: FetchEvent) -> None:
        """A fetch ended."""
        self._events.pop(event.blob, None)
        self._events[event.blob] = event
        if len(self._events) > MAX_OUTCOMES:
            self._events.popitem(last=False)

    def forget(self, blob: bytes) -> None:
        """A blob is fetched anew."""
        self._events.pop(blob, None)
