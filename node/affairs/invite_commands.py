"""Invites and contacts: codes that people pass on, and the hub that they name. For the trio thread.

The secret of an invite is in its code and nowhere else: this home keeps nothing of it.
"""

import os
from typing import Final

from node.affairs.desk import Desk
from node.affairs.hub_choice import Hub, Node, choose_hub, choose_of
from node.affairs.plans import (
    Steward,
    find_by_id,
    grant,
    limiting,
    section_of,
    settle,
    valid_section_of,
)
from node.affairs.settling import who_is_in
from node.affairs.shown import Json, show_invite
from node.errors import BadData, Missing
from node.federation.bare import SECRET_BYTES, invite_key
from node.federation.code import NETWORK_BYTES, Contact, Invite, encode
from node.federation.statements import FOR_MEMBERS, FOR_SECTIONS
from node.federation.views import ActState, GrantState
from store.errors import NotFound
from store.ids import AuthorId, EntryId, short, to_text

DEFAULT_VALID_MS: Final = 7 * 86_400_000
"""An invite can be used for a week."""

MAX_VALID_MS: Final = 366 * 86_400_000
"""And for a year at most: a forgotten code should not open the door for ever."""


class InviteCommands:
    """What `invite/…`, `section/invite` and `contact` do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def invite_create(
        self,
        section: str | None = None,
        uses: int | None = None,
        valid_ms: int | None = None,
        hub: str | None = None,
    ) -> Json:
        """Make a code with which members join."""
        return await self._create(FOR_MEMBERS, section, uses, valid_ms, hub)

    async def section_invite(
        self,
        section: str | None = None,
        uses: int | None = None,
        valid_ms: int | None = None,
        hub: str | None = None,
    ) -> Json:
        """Make a code with which a new section comes to wait for endorsements."""
        return await self._create(FOR_SECTIONS, section, uses, valid_ms, hub)

    async def _create(
        self, purpose: int, section: str | None, uses: int | None, valid_ms: int | None, hub: str | None
    ) -> Json:
        valid_ms = DEFAULT_VALID_MS if valid_ms is None else valid_ms
        if not 0 < valid_ms <= MAX_VALID_MS:
            raise BadData(
                "An invite is valid for some time, at most for a year.", "For example: --expires 7d"
            )
        steward = self._desk.steward()
        chosen = valid_section_of(steward, section)
        found = await self._find_hub(hub)
        secret = os.urandom(SECRET_BYTES)
        expires_ms = self._desk.view().now_ms + valid_ms
        plan = grant(
            steward, chosen, invite_key(secret).author, 1 if uses is None else uses, expires_ms, purpose
        )
        [entry] = await self._desk.write(plan.bodies)
        code = encode(Invite(self._desk.home.network[:NETWORK_BYTES], secret, found.device, found.place))
        made = self._desk.view().census.grants[entry.id]
        return {
            **show_invite(self._desk.view(), made),
            "code": code,
            "hub": self._hub_shown(found),
            **_warned(await self._held_by(found), limiting(steward, chosen, self._desk.home.device)),
        }

    async def contact(self, hub: str | None = None) -> Json:
        """The code that leads a member's further device to the network. No secret."""
        self._desk.view()
        found = await self._find_hub(hub)
        network = self._desk.home.network[:NETWORK_BYTES]
        code = encode(Contact(network, found.device, found.place))
        return {"code": code, "hub": self._hub_shown(found), **await self._held_by(found)}

    async def invite_revoke(self, invite: str) -> Json:
        """Close an invite: who has used it so far is in, as far as it allows, and nobody else."""
        steward = self._desk.steward()
        found = find_by_id(steward.census.grants, invite, "invite", "aster invite list")
        made = steward.census.grants[EntryId(found)]
        return await self.settle(steward, made)

    async def settle(self, steward: Steward, made: GrantState) -> Json:
        """Settle an invite as it stands. Raises: Refused: he is no steward of its section."""
        section = section_of(steward, to_text(made.section))
        if made.settled is None:
            roots = await self._desk.ask(lambda: who_is_in(made, self._seen))
            await self._desk.write(settle(steward, section, made.entry, roots).bodies)
        view = self._desk.view()
        return show_invite(view, view.census.grants[made.entry])

    def _seen(self, entry: EntryId) -> int:
        """The order in which entries came to this node."""
        try:
            return self._desk.home.entries.key_of(entry)
        except NotFound:
            return 2**62

    # --- hubs -----------------------------------------------------------------------------------------

    async def _find_hub(self, text: str | None) -> Hub:
        if text is None:
            known = {*self._desk.mesh.connected(), *self._desk.mesh.hubs()}
            return choose_hub([self._own(), *await self._nodes(known)])
        wanted = await self._desk.ask(self._named, text)
        if self._desk.home.device in wanted:
            return choose_of([self._own()], "this node")
        return choose_of(await self._nodes(set(wanted)), text)

    def _named(self, text: str) -> list[AuthorId]:
        """Devices that a text names: a device or a member, or a device by what its owner calls it."""
        census = self._desk.queries.census()
        known = {*census.owners, self._desk.home.device}
        try:
            return self._desk.queries.names.now().find_all(text, known)
        except Missing:
            wanted = text.strip().casefold()
            found = [device.id for device in census.devices.values() if device.name.casefold() == wanted]
            if not found:
                raise
            return found

    def _own(self) -> Node:
        mesh = self._desk.mesh
        return Node(self._desk.home.device, mesh.addresses, True, mesh.hub, True)

    async def _nodes(self, devices: set[AuthorId]) -> list[Node]:
        mesh = self._desk.mesh
        others = sorted(devices - {self._desk.home.device})
        states = [mesh.state_of(device) for device in others]
        connected = frozenset(mesh.connected())
        addresses = await self._desk.ask(lambda: [self._addresses(device) for device in others])
        return [
            Node(
                device,
                tuple(filter(None, (state.address, *known))),
                is_hub=state.hub,
                is_connected=device in connected,
                is_near=self._is_near(device),
            )
            for device, state, known in zip(others, states, addresses, strict=True)
        ]

    def _is_near(self, device: AuthorId) -> bool:
        """Does a device belong to a member of a section of ours?"""
        census = self._desk.queries.census()
        member = census.member(device)
        own = None if census.me is None else census.members.get(census.me)
        return member is not None and own is not None and not {*member.sections}.isdisjoint(own.sections)

    def _addresses(self, device: AuthorId) -> list[str]:
        """Where a device was said to be: by this home's owner, then as it was learned."""
        tables = self._desk.home.tables
        peer = tables.peer(device)
        given = peer.addresses if peer is not None else ()
        return [*given, *(known.address for known in tables.addresses(device))]

    def _hub_shown(self, hub: Hub) -> Json:
        return {
            "device": to_text(hub.device),
            "name": self._desk.queries.names.now().of(hub.device),
            "address": hub.place.text(),
            "own": hub.is_own,
            "hub": hub.is_hub,
        }

    async def _held_by(self, hub: Hub) -> Json:
        """`held`: the hub has everything that we have. `warning`: what is to be said of it."""
        if hub.is_own:
            alone = "This node is no hub: the code works only while it runs and others can reach it."
            return {"held": True, "warning": "" if hub.is_hub else alone}
        why = await self._desk.why_not_at(hub.device)
        if why:
            name = self._desk.queries.names.now().of(hub.device)
            return {
                "held": False,
                "warning": f"The hub {name} does not have it yet ({why}): the code works once it has.",
            }
        name = self._desk.queries.names.now().of(hub.device)
        alone = f"{name} is no hub: the code works only while that machine runs."
        return {"held": True, "warning": "" if hub.is_hub else alone}


def _warned(answer: Json, act: ActState | None) -> Json:
    """An answer that also warns of a change which will leave what is said now no effect."""
    if act is None:
        return answer
    warning = f"Once the change {short(act.act)} is complete this invite counts no longer; make another then."
    return {**answer, "warning": " ".join(filter(None, (answer["warning"], warning)))}
