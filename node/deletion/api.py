"""The part of the api that is about deletion. For the trio thread."""

import os
from collections.abc import Sequence
from typing import Final

import trio

from node.apps.deletion.bodies import MAX_TARGETS, compose_deletion
from node.apps.deletion.service import Asked
from node.deletion.executor import Executor
from node.deletion.hubs import Heard, heard_of, merged, read_hubs, write_hubs
from node.deletion.queries import GONE, DeletionQueries
from node.deletion.receipts import Receipts
from node.desk import Room, written
from node.looking import Json
from node.signing import Intent
from store.entry import SALT_BYTES
from store.errors import StoreError
from store.ids import LOG_DELETIONS, AuthorId, EntryId, to_text

WAIT_S: Final = 3.0
"""How long `delete` waits for the hubs that are connected: they answer within a second or not soon."""

HUBS_S: Final = 60.0
"""How often it is kept which hubs there are."""


class DeletionApi:
    """What a running node does about deletion for its owner."""

    def __init__(self, room: Room, queries: DeletionQueries) -> None:
        self._room = room
        self._queries = queries
        self._receipts = Receipts(room)
        self.executor = Executor(room.home, room.intake, self._done)
        self.executor.is_held_up = lambda: not self._receipts.is_idle

    async def delete_preview(self, ids: Sequence[str]) -> Json:
        """What would go if these entries were deleted."""
        return await self._room.ask(self._queries.delete_preview, ids)

    async def delete(self, ids: Sequence[str], reason: str | None = None) -> Json:
        """Have entries of our own deleted, with our corrections and translations of them.

        Waits a moment for the hubs that are connected. Gives what went, and how it stands with the hubs.
        """
        own, along = await self._room.ask(self._queries.going, ids)
        targets = [entry.id for entry in (*own, *along)]
        parts = [targets[at : at + MAX_TARGETS] for at in range(0, len(targets), MAX_TARGETS)]
        intents = [
            Intent(compose_deletion(reason or "", os.urandom(SALT_BYTES)), tuple(part)) for part in parts
        ]
        made = await self._room.write(LOG_DELETIONS, intents)
        status = await self._wait_for_hubs(made[0].id)
        return {
            "deletions": [written(entry) for entry in made],
            "deleted": [to_text(target) for target in targets],
            "along": len(along),
            "hubs": status["hubs"],
            "gone": status["gone"],
            "of": status["of"],
        }

    async def delete_status(self, id: str) -> Json:
        """From which hubs an entry has gone."""
        return await self._room.ask(self._queries.delete_status, id, self._heard())

    async def _wait_for_hubs(self, deletion: EntryId) -> Json:
        """How it stands once each connected hub has answered, or the time is up."""
        text, intake = to_text(deletion), self._room.intake
        seen = intake.commits
        status = await self.delete_status(text)
        with trio.move_on_after(WAIT_S):
            while self._is_awaited(status):
                await intake.changed(seen)
                seen = intake.commits
                status = await self.delete_status(text)
        return status

    def _is_awaited(self, status: Json) -> bool:
        """Is something still here, or has a hub that is connected not answered?"""
        if any(target["here"] == "held" for target in status["targets"]):
            return True
        connected = self._connected()
        return any(hub["state"] != GONE and hub["author"] in connected for hub in status["hubs"])

    def _connected(self) -> frozenset[str]:
        return frozenset(map(to_text, self._room.mesh.connected()))

    def _heard(self) -> dict[AuthorId, Heard]:
        now_ms, mesh = self._room.now_ms(), self._room.mesh
        heard = heard_of(mesh, now_ms)
        if mesh.hub:
            heard[self._room.home.device] = Heard(now_ms, now_ms)
        return heard

    def _done(self, done: Sequence[Asked]) -> None:
        if self._room.mesh.hub:
            self._receipts.add(done)

    async def run(self) -> None:
        """Carry deletions out, and as a hub say so, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.executor.run)
            nursery.start_soon(self._receipts.run)
            nursery.start_soon(self._keep_hubs)

    async def _keep_hubs(self) -> None:
        while True:
            await trio.sleep(HUBS_S)
            heard = self._heard()
            if heard:
                await self._room.ask(self._write_hubs, heard)

    def _write_hubs(self, heard: dict[AuthorId, Heard]) -> None:
        home = self._room.home
        try:
            write_hubs(home, merged(read_hubs(home), heard))
        except StoreError:
            return  # kept again in a minute, when there may be room on the disk
