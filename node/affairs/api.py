"""The part of the api that is about a federation: every method about members and sections.

It runs what a steward's node does by itself: settling invites, and writing down now and
then with which sections this home was in step. For the trio thread.
"""

import logging
from collections.abc import AsyncGenerator
from typing import Final

import trio

from node.affairs.commands import FederationCommands
from node.affairs.desk import Desk
from node.affairs.invite_commands import InviteCommands
from node.affairs.petnames import Petnames
from node.affairs.queries import FederationQueries
from node.affairs.section_queries import SYNCED, read_synced, synced_sections, write_synced
from node.affairs.settling import due, due_ms
from node.affairs.shown import Held, Json
from node.author import Author
from node.errors import BadData, NodeError, Refused, Unavailable
from node.federation import bare
from node.federation.cuts import read_cut
from node.federation.names import InvalidStatement
from node.federation.statements import compose_cut
from node.home import Home
from node.intake import Intake
from node.mesh import Mesh
from store.errors import BadSignature
from store.ids import AuthorId, to_text

LOOK_S: Final = 1.0
"""After a change of the roster: wait so long before looking whether an invite is to be settled."""

LONGEST_LOOK_S: Final = 600.0
"""A clock may be set: who waits for an expiry looks at it again now and then."""

KEEP_SYNCED_S: Final = 300.0
"""How often it is written down with which sections we were in step."""

MAX_HOLDERS: Final = 3
"""Hubs that are waited for after a revocation."""

_log = logging.getLogger(__name__)


class FederationApi(FederationCommands, InviteCommands):
    """What a running node answers about its federation."""

    def __init__(
        self, home: Home, intake: Intake, author: Author, mesh: Mesh, queries: FederationQueries
    ) -> None:
        super().__init__(Desk(home, intake, author, mesh, queries))
        self._home = home
        self._intake = intake
        self._author = author
        self._mesh = mesh
        self._queries = queries

    # --- questions ------------------------------------------------------------------------------------

    async def section_list(self) -> Json:
        """`sections`: valid ones and those that wait for endorsements."""
        return await self._desk.ask(self._queries.section_list)

    async def section_show(self, section: str | None = None) -> Json:
        """A section with its members, its hubs, and what its stewards have before them."""
        return await self._desk.ask(self._queries.section_show, section, self._desk.held())

    async def steward_list(self, section: str | None = None) -> Json:
        """`stewards` of a section."""
        return await self._desk.ask(self._queries.steward_list, section)

    async def steward_pending(self, section: str | None = None, all: bool = False) -> Json:
        """`acts` that wait for consents."""
        return await self._desk.ask(self._queries.steward_pending, section, all)

    async def invite_list(self, section: str | None = None, all: bool = False) -> Json:
        """`invites`, the newest last."""
        return await self._desk.ask(self._queries.invite_list, section, all)

    async def member_list(self, section: str | None = None) -> Json:
        """`members`."""
        return await self._desk.ask(self._queries.member_list, section)

    async def roster(self, at_ms: int | None = None) -> AsyncGenerator[Json, None]:
        """Each section, and after it its members."""
        for line in await self._desk.ask(lambda: list(self._queries.roster(at_ms))):
            yield line

    async def whois(self, who: str | None = None, safety: bool = False) -> Json:
        """Somebody."""
        return await self._desk.ask(self._queries.whois, who, safety, self._desk.held())

    async def device_list(self, member: str | None = None) -> Json:
        """`devices` of a member."""
        return await self._desk.ask(self._queries.device_list, member, self._desk.held())

    async def device_cut(self, device: str, before_ms: int | None = None) -> Json:
        """What a revocation would cut."""
        return await self._desk.ask(self._queries.device_cut, device, before_ms)

    async def petname_list(self) -> Json:
        """`petnames`."""
        return await self._desk.ask(self._queries.petname_list)

    async def petname_set(self, who: str, name: str) -> Json:
        """Call a member by a name of one's own."""
        return await self._desk.ask(Petnames(self._queries).give, who, name)

    async def petname_remove(self, who: str) -> Json:
        """Take a member's petname away."""
        return await self._desk.ask(Petnames(self._queries).take, who)

    def held(self) -> Held:
        """What this node knows of devices beside the roster."""
        return self._desk.held()

    # --- devices --------------------------------------------------------------------------------------

    async def device_revoke(self, cut: str, signature: str) -> Json:
        """Publish a cut of an own device that the member's root has signed.

        `cut`, `signature`: hex, as `device/cut` gave it and as the root signed it.
        """
        steward = self._desk.steward()
        try:
            data, signed = bytes.fromhex(cut), bytes.fromhex(signature)
            device = self._queries.own_device(to_text(read_cut(data).device))
            bare.check(device.root, signed, bare.cut_message(self._home.network, data))
        except (ValueError, InvalidStatement) as error:
            raise BadData("This is no cut.", "Ask for it again: aster device revoke NAME") from error
        except BadSignature as error:
            raise Refused(
                "These are not the words of that device's member.", "Look at the words again."
            ) from error
        own = steward.census.devices.get(self._home.device)
        if own is None or own.root != device.root:
            raise Refused(
                "This device was linked with other words than that one, so its word counts nothing for it.",
                "Revoke it from a device that was linked with the same words, or let a section do it.",
            )
        if device.id == self._home.device and not self._mesh.connected():
            raise Unavailable(
                "This is the device you sit at, and no peer is connected: nobody would ever hear of its end.",
                "Revoke it while it has a link, or from another device of yours, or with aster recover.",
            )
        await self._desk.write([compose_cut(steward.salt(), read_cut(data), signed)])
        view = self._desk.view()
        shown = view.census.devices[device.id]
        return {
            "device": to_text(device.id),
            "name": device.name,
            "standing": shown.standing.name.lower(),
            "held_by": await self._holders(),
        }

    async def _holders(self) -> list[str]:
        """Names of connected hubs that hold what was just written."""
        hubs = [device for device in self._mesh.connected() if self._mesh.state_of(device).hub][:MAX_HOLDERS]
        holders: list[str] = []
        names = self._queries.names.now()

        async def ask(device: AuthorId) -> None:
            if not await self._desk.why_not_at(device):
                holders.append(names.of(device))

        async with trio.open_nursery() as nursery:
            for device in hubs:
                nursery.start_soon(ask, device)
        return sorted(holders)

    # --- what goes on by itself -----------------------------------------------------------------------

    async def run(self) -> None:
        """Settle invites when it is time, and note with whom we are in step, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._settle_invites)
            nursery.start_soon(self._keep_synced)

    async def _settle_invites(self) -> None:
        while True:
            seen = self._intake.commits
            wait_s = LONGEST_LOOK_S
            try:
                wait_s = await self._settle_due()
            except NodeError as error:
                _log.warning("an invite could not be settled: %s", error)
            with trio.move_on_after(wait_s):
                await self._roster_moved(seen)
                await trio.sleep(LOOK_S)

    async def _roster_moved(self, seen: int) -> None:
        """Wait for a commit after number `seen` that changed the roster."""
        membership = self._home.membership
        version = None if membership is None else membership.roster.version
        while membership is not None and membership.roster.version == version:
            await self._intake.changed(seen)
            seen = self._intake.commits

    async def _settle_due(self) -> float:
        """Settle what is due; gives how long nothing else will be, in seconds."""
        view = self._desk.view()
        if view.me is None or self._author.why_not:
            return LONGEST_LOOK_S
        census, device = view.census, self._home.device
        stewarded = frozenset(section.id for section in census.stewarded(view.me))
        mine = [grant for grant in census.grants.values() if due_ms(grant, view.me, device) is not None]
        now_ms = view.now_ms
        for settling in due(mine, view.me, device, stewarded, lambda entry: 0, now_ms):
            await self.settle(self._desk.steward(), census.grants[settling.grant])
            _log.info("the invite %s was settled", to_text(settling.grant)[:10])
        later = [at for grant in mine if (at := due_ms(grant, view.me, device) or 0) > now_ms]
        return min(LONGEST_LOOK_S, (min(later) - now_ms) / 1_000) if later else LONGEST_LOOK_S

    async def _keep_synced(self) -> None:
        while True:
            await trio.sleep(KEEP_SYNCED_S)
            held = self._desk.held()
            try:
                await self._desk.ask(self._write_synced, held)
            except NodeError as error:
                _log.warning("it could not be written down with whom we are in step: %s", error)

    def _write_synced(self, held: Held) -> None:
        tables = self._home.tables
        before = read_synced(tables.setting(SYNCED))
        now = synced_sections(self._queries.census(), held)
        if any(time_ms > before.get(section, 0) for section, time_ms in now.items()):
            tables.set({SYNCED: write_synced({**before, **now})})
