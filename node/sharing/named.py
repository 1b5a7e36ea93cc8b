"""Follows what entries name: all of it at first and now and then, and what comes, as it comes.

For the trio thread; the store is looked at in threads.
"""

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

import trio

from node.intake import Intake
from node.sharing.candidates import Candidates
from store.errors import StoreError

SWEEP_S: Final = 3_600.0
"""How often everything that entries name is looked at again: it may have found no room in the queue, or on
the disk."""

LOOK_BACK_S: Final = 15.0
"""How often, while anything is written, it is looked again at what recent entries name: a body may come long
after its entry."""

RECENT_S: Final = 600.0
"""Entries that came within so long, or twice that, are recent."""

FOLLOW_S: Final = 0.1
"""What is written within this time is looked at together."""

FULL_S: Final = 1.0
"""How often it is looked whether there is room again for more."""

_log = logging.getLogger(__name__)


class Named(NamedTuple):
    """A blob that an entry names and that this node keeps unasked."""

    blob: bytes
    size: int
    """Bytes, as the entry says."""
    fresh: bool
    """The entry came after the first look."""


class NamedBlobs:
    """What entries name, as it is handed to whoever fetches it."""

    def __init__(
        self,
        candidates: Candidates,
        intake: Intake,
        offer: Callable[[Named], None],
        is_full: Callable[[], bool],
    ) -> None:
        """`offer` is given each, some of them several times. `is_full`: nothing is offered while this says
        so."""
        self._candidates = candidates
        self._intake = intake
        self._offer = offer
        self._is_full = is_full
        self.complete: set[bytes] = set()
        """Blobs that were here when everything was looked at last. Whoever fetches adds to them."""

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._note_complete()
        key, fresh = await self._look(0, fresh=False)
        recent_key = older_key = key
        swept_s = looked_s = turned_s = trio.current_time()
        looked = seen = self._intake.commits
        while True:
            with trio.move_on_after(FULL_S if self._is_full() else LOOK_BACK_S):
                await self._intake.changed(seen)
            await trio.sleep(FOLLOW_S)
            seen, now_s = self._intake.commits, trio.current_time()
            key, at_end = await self._look(key, fresh=fresh)
            fresh = fresh or at_end
            if seen != looked and now_s - looked_s >= LOOK_BACK_S and fresh:
                looked, looked_s = seen, now_s
                await self._look(older_key, fresh=True)
            if now_s - turned_s >= RECENT_S:
                turned_s, older_key, recent_key = now_s, recent_key, key
            if now_s - swept_s >= SWEEP_S and fresh:
                swept_s = now_s
                await self._note_complete()
                await self._look(0, fresh=False)

    async def _note_complete(self) -> None:
        try:
            self.complete = await trio.to_thread.run_sync(self._candidates.complete)
        except StoreError as error:
            _log.warning("which files are here cannot be read: %s", error)

    async def _look(self, key: int, *, fresh: bool) -> tuple[int, bool]:
        """Offer what entries after `key` name, while there is room: the key that was reached, and whether
        that was the end."""
        while not self._is_full():
            try:
                page = await trio.to_thread.run_sync(self._candidates.named_after, key)
            except StoreError as error:
                _log.warning("what entries name cannot be read: %s", error)
                return key, False
            if page is None:
                return key, True
            key = page.last_key
            for blob, size in page.blobs:
                self._offer(Named(blob, size, fresh))
        return key, False
