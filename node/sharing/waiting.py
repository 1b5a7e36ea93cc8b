"""Blobs that wait to be fetched: in which order, and which of them rest because nobody has them. Pure.

Two queues, both bounded: what somebody asked for goes before what is fetched unasked. A blob that nobody has
rests until a time, or until it is woken.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

MAX_QUEUED: Final = 4_096
"""Blobs that wait unasked, about a megabyte. What finds no room is found again by the next look at what
entries name."""

MAX_RESTING: Final = 16_384
"""Blobs that rest; of more those that rest longest are forgotten until the next look."""


class Waiting(NamedTuple):
    """A blob that waits."""

    blob: bytes
    """32 bytes."""
    sizes: frozenset[int]
    """How many bytes it may have, as far as known here."""
    asked: bool
    """A person asked for it."""
    fresh: bool
    """It was named just now: room is made for it. What was named long ago only takes room that is free."""


class WaitingRoom:
    """What waits, and what rests."""

    def __init__(self) -> None:
        self._asked: OrderedDict[bytes, Waiting] = OrderedDict()
        self._queue: OrderedDict[bytes, Waiting] = OrderedDict()
        self._resting: OrderedDict[bytes, tuple[float, Waiting]] = OrderedDict()
        """Until when."""

    def __len__(self) -> int:
        return len(self._asked) + len(self._queue) + len(self._resting)

    def __contains__(self, blob: bytes) -> bool:
        return blob in self._asked or blob in self._queue or blob in self._resting

    @property
    def is_empty(self) -> bool:
        """Does nothing wait that does not rest?"""
        return not self._asked and not self._queue

    @property
    def is_full(self) -> bool:
        """Is there no room for more that nobody asked for?"""
        return len(self._queue) >= MAX_QUEUED

    def add(self, waiting: Waiting) -> bool:
        """Let a blob wait; one that rests wakes up. False: there is no room."""
        blob = waiting.blob
        before = self._taken_out(blob)
        if before is not None:
            waiting = Waiting(
                blob,
                waiting.sizes | before.sizes,
                waiting.asked or before.asked,
                waiting.fresh or before.fresh,
            )
        if waiting.asked:
            self._asked[blob] = waiting
            return True
        if self.is_full:
            return False
        self._queue[blob] = waiting
        return True

    def next(self) -> Waiting | None:
        """Take the next one out; None: nothing waits."""
        for queue in (self._asked, self._queue):
            if queue:
                return queue.popitem(last=False)[1]
        return None

    def rest(self, waiting: Waiting, until_s: float) -> None:
        """Let a blob rest until a time."""
        self._taken_out(waiting.blob)
        self._resting[waiting.blob] = (until_s, waiting)
        while len(self._resting) > MAX_RESTING:
            unasked = next((blob for blob, (_, one) in self._resting.items() if not one.asked), None)
            if unasked is None:
                return
            del self._resting[unasked]

    def wake(self, now_s: float) -> None:
        """Let those wait again whose rest is over."""
        for blob, (until_s, _) in list(self._resting.items()):
            if until_s <= now_s:
                self._wake(blob)

    def wake_all(self) -> None:
        """Let all wait again, as far as there is room."""
        for blob in list(self._resting):
            self._wake(blob)

    def wake_one(self, blob: bytes) -> bool:
        """Let one wait again. False: it did not rest, or there is no room."""
        return blob in self._resting and self._wake(blob)

    def forget(self, blob: bytes) -> None:
        """Let a blob wait no more."""
        self._taken_out(blob)

    def _wake(self, blob: bytes) -> bool:
        waiting = self._resting[blob][1]
        if self.is_full and not waiting.asked:
            return False
        return self.add(waiting)

    def _taken_out(self, blob: bytes) -> Waiting | None:
        resting = self._resting.pop(blob, None)
        if resting is not None:
            return resting[1]
        return self._asked.pop(blob, None) or self._queue.pop(blob, None)
