"""Lets bodies go that nobody needs any more: what was sealed 30 days ago, and keys that were replaced.

Hubs keep ciphertexts so that who was away finds them. What was read is kept by each member's own node under
its own key. What is gone there (unsent, deleted, disappeared) takes its ciphertext along.

For the trio thread; everything else here is synchronous.
"""

import logging
from typing import Final

import trio

from node.desk import Room
from node.home import Home
from node.jobs import Errand
from store.errors import NotFound, StoreError
from store.ids import EntryId
from store.sqlite.bodies_gone import LET_GO, Drop
from store.sqlite.views import Views

_log = logging.getLogger(__name__)

KEPT_MS: Final = 30 * 86_400_000
"""How long the body of a sealed entry or a packet is kept, from what it claims as its time."""

LOOK_S: Final = 60.0
"""Between two looks."""

AT_ONCE: Final = 500
"""Bodies that go with one transaction: others wait for it."""

_REPLACED: Final = (
    "SELECT k FROM chat_bundles AS old WHERE EXISTS (SELECT 1 FROM chat_bundles AS new"
    " WHERE new.device = old.device AND new.seq > old.seq) LIMIT ?"
)


class Expiry:
    """One home's."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def run(self) -> None:
        """Let go of what is old, until cancelled."""
        while True:
            try:
                while await self.look():
                    await trio.lowlevel.checkpoint()
            except StoreError as error:
                _log.error("old messages could not be let go: %s", error)
            await trio.sleep(LOOK_S)

    async def look(self) -> bool:
        """Let go of some; True: there is more. Raises: StoreError."""
        home, now_ms = self._room.home, self._room.now_ms()
        keys, entries = await self._room.intake.read(find_old, home, now_ms)
        if not keys and not entries:
            return False

        def do() -> None:
            home.shelf.drop_bodies([Drop(key, LET_GO, None) for key in keys])
            home.entries.change_views(lambda views: _forget(views, keys, entries))

        outcome = await self._room.intake.queue.submit(Errand(do), None)
        if outcome.error is not None:
            raise outcome.error
        return len(keys) >= AT_ONCE


def find_old(home: Home, now_ms: int) -> tuple[list[int], list[EntryId]]:
    """Keys of entries whose bodies are to go, and those of them that are gone as messages here."""
    with home.entries.views() as views:
        rows = views.execute("SELECT k FROM chat_bodies WHERE at <= ? LIMIT ?", (now_ms - KEPT_MS, AT_ONCE))
        rows += views.execute(_REPLACED, (AT_ONCE,))
        dropping = views.execute("SELECT entry FROM chat_dropping LIMIT ?", (AT_ONCE,))
    keys = {key for (key,) in rows}
    entries = [EntryId(entry) for (entry,) in dropping]
    for entry in entries:
        try:
            keys.add(home.entries.key_of(entry))
        except NotFound:
            continue
    return sorted(keys), entries


def _forget(views: Views, keys: list[int], entries: list[EntryId]) -> None:
    for table in ("chat_bodies", "chat_bundles"):
        views.execute_for(f"DELETE FROM {table} WHERE k IN (SELECT value FROM carray(?))", keys)
    for entry in entries:
        views.execute("DELETE FROM chat_dropping WHERE entry = ?", (entry,))
