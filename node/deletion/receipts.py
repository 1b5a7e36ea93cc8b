"""Receipts of a hub: it says of which deletions the bodies are gone from it. For the trio thread.

Up to 16 deletions to a receipt and a few receipts a minute, the authors of deletions taking turns: whoever
deletes without end makes others wait for a moment and is told later himself. How many wait is bounded; of
those beyond it the hub says nothing.
"""

import os
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import trio

from node.apps.deletion import service
from node.apps.deletion.bodies import MAX_TARGETS, compose_receipt
from node.apps.deletion.service import Asked
from node.desk import Room
from node.errors import NodeError
from node.signing import Intent
from store.entry import SALT_BYTES
from store.ids import LOG_DELETIONS, AuthorId, EntryId
from store.sqlite.entries import SqliteEntryStore

GATHER_S: Final = 0.3
"""How long a receipt waits for more that it can say: people wait for it."""

PER_MINUTE: Final = 6
"""Receipts over time: 96 deletions a minute."""

BURST: Final = 12
"""Receipts at once beyond that rate."""

MAX_WAITING: Final = 1_024
"""Deletions of one author that wait for a receipt; further ones get none."""

MAX_WAITING_ALL: Final = 16_384
"""The same of all authors: 2 MB, and three hours of receipts."""

MAX_AGE_MS: Final = 90 * 86_400_000
"""Older deletions get none: a hub that is new says nothing of what nobody waits for."""

REST_S: Final = 60.0
"""How long to wait where the home does not sign now, or the disk is full."""


class Receipts:
    """What one hub has still to say."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._waiting: OrderedDict[AuthorId, deque[EntryId]] = OrderedDict()
        self._known: set[EntryId] = set()
        self._work = trio.Event()
        self._left = float(BURST)
        self._left_at = trio.current_time()

    def add(self, done: Sequence[Asked]) -> None:
        """These deletions are carried out here."""
        oldest_ms = self._room.now_ms() - MAX_AGE_MS
        for asked in done:
            author, entry_id = asked.entry.author, asked.entry.id
            if entry_id in self._known or asked.entry.time_ms < oldest_ms:
                continue
            if len(self._known) >= MAX_WAITING_ALL:
                return
            queue = self._waiting.setdefault(author, deque())
            if len(queue) < MAX_WAITING:
                queue.append(entry_id)
                self._known.add(entry_id)
                self._work.set()

    @property
    def is_idle(self) -> bool:
        """Has everything been said?"""
        return not self._known

    async def run(self) -> None:
        """Write receipts, until cancelled."""
        while True:
            await self._work.wait()
            await trio.sleep(GATHER_S)
            while self._waiting:
                await self._pause()
                taken = self._next()
                await self._say(taken)
                self._known.difference_update(taken)
            self._work = trio.Event()

    def _next(self) -> list[EntryId]:
        """One of each author by turns."""
        taken: list[EntryId] = []
        while self._waiting and len(taken) < MAX_TARGETS:
            author, queue = self._waiting.popitem(last=False)
            taken.append(queue.popleft())
            if queue:
                self._waiting[author] = queue
        return taken

    async def _say(self, ids: list[EntryId]) -> None:
        own = self._room.home.device
        fresh = await self._room.ask(_without_receipt, self._room.home.entries, ids, own)
        if not fresh:
            return
        while True:
            try:
                await self._room.write(
                    LOG_DELETIONS, [Intent(compose_receipt(os.urandom(SALT_BYTES)), tuple(fresh))]
                )
            except NodeError:
                await trio.sleep(REST_S)
            else:
                self._left -= 1
                return

    async def _pause(self) -> None:
        """Wait until the rate allows one more."""
        now = trio.current_time()
        self._left = min(float(BURST), self._left + (now - self._left_at) * PER_MINUTE / 60)
        self._left_at = now
        if self._left < 1:
            await trio.sleep((1 - self._left) * 60 / PER_MINUTE)
            await self._pause()


def _without_receipt(store: SqliteEntryStore, ids: Sequence[EntryId], own: AuthorId) -> list[EntryId]:
    """Those of these deletions for which this device gave no receipt yet."""
    return [
        entry_id
        for entry_id in ids
        if all(given.entry.author != own for given in service.receipts(store, entry_id))
    ]
