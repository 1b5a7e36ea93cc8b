"""Where commands about a federation meet the running node: who acts, what is known, what is written.

For the trio thread. It looks at the roster anew before each answer, so that what was just written is seen.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeVar

import trio

from gossip.net.sync_streams import SyncReport
from node.affairs.plans import Plan, Steward
from node.affairs.queries import FederationQueries
from node.affairs.shown import Held, Json, View, show_act
from node.author import Author
from node.errors import Refused
from node.federation.views import Standing
from node.home import Home
from node.intake import Intake
from node.mesh import Mesh
from node.signing import Intent
from node.store_faults import told_plainly
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_ID, AuthorId

T = TypeVar("T")

CATCH_UP_S: Final = 10.0
"""How long a command that cuts something looks first for what is news."""

HOLD_WAIT_S: Final = 20.0
"""How long we wait until a hub holds what was written; a person waits for it."""


class Desk:
    """What the commands share."""

    def __init__(
        self, home: Home, intake: Intake, author: Author, mesh: Mesh, queries: FederationQueries
    ) -> None:
        self.home = home
        self.mesh = mesh
        self.queries = queries
        self._intake = intake
        self._author = author

    def view(self) -> View:
        """The roster as it is now. Raises: BadRequest: this is an open circle."""
        self.queries.names.refresh(at_once=True)
        return self.queries.view()

    def steward(self) -> Steward:
        """Who acts here, be he a steward or not. Raises: BadRequest; Refused: this device cannot act."""
        view = self.view()
        device = view.census.devices.get(self.home.device)
        if view.me is None or (device is not None and device.standing is Standing.FORMER):
            raise Refused(
                "This device belongs to nobody who is a member.", "See: aster status, aster section list"
            )
        return Steward(
            view.me, view.census, view.names, view.titles, self.home.network, lambda: os.urandom(SALT_BYTES)
        )

    def held(self) -> Held:
        """What this node knows of devices beside the roster."""
        hubs = self.mesh.hubs()
        if self.mesh.hub:
            hubs[self.home.device] = next(iter(self.mesh.addresses), "")
        connected = frozenset(self.mesh.connected())
        interests = {**self.mesh.interests(), self.home.device: self.mesh.interest}
        return Held(self.home.device, connected, hubs, self.mesh.synced_ms(), interests)

    async def ask(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in a thread, by the roster as it is now. Raises: NodeError."""
        self.queries.names.refresh()
        with told_plainly():
            return await self._intake.read(look, *args)

    async def write(self, bodies: Sequence[bytes]) -> list[Entry]:
        """Write statements at the end of our `id` log; returned once they are durable and counted."""
        with told_plainly():
            return await self._author.write(LOG_ID, [Intent(body) for body in bodies])

    async def carry_out(self, plan: Plan) -> list[Json]:
        """Write what a plan says, and give its acts as they stand then."""
        before = self.view().census
        if plan.bodies:
            await self.write(plan.bodies)
        view = self.view()
        return [show_act(view, act, before) for act in view.census.acts if act.act in plan.acts]

    async def catch_up(self) -> None:
        """Sync with a connected hub, else with whoever is connected: what is cut should be known first."""
        connected = self.mesh.connected()
        hubs = [device for device in connected if self.mesh.state_of(device).hub]
        with trio.move_on_after(CATCH_UP_S):
            for device in (hubs or connected)[:1]:
                await self._sync_with(device)

    async def why_not_at(self, device: AuthorId) -> str:
        """Sync with a device until it holds what we hold now; empty, or why it may not."""
        why = "it has not taken everything in yet"
        with trio.move_on_after(HOLD_WAIT_S):
            # the first sync may have begun before the last entry was written
            why = await self._sync_with(device) or await self._sync_with(device)
        return why

    async def _sync_with(self, device: AuthorId) -> str:
        async with aclosing(self.mesh.sync([device])) as session:
            async for news in session:
                if isinstance(news, SyncReport) and not news.ended.ok:
                    return news.ended.why or "the sync ended early"
        return ""
