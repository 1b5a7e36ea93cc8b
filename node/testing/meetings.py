"""A host and a guest that talk over bytes, without streams and stores: what both shells do, in a few lines.

The host is a hub of a steward, Alice, in a federation of one section. Nothing here is random.
"""

from collections.abc import Callable, Sequence
from typing import Final

from node.federation import bare
from node.federation.guest_effects import Chartered, Effect, Send, SendLogs, TakeIn, TurnedAway
from node.federation.guest_messages import Message, encode_message, pack, parse
from node.federation.hosting import Hosting
from node.federation.names import StateId
from node.federation.offers import UsesUnderWay
from node.federation.passport import logs_behind, make
from node.federation.roster import Roster
from node.federation.visiting import Joining, Presenting, Returning
from node.testing.citizens import START_MS, Citizen, Device, found, inception, section_of
from store.entry import Entry
from store.ids import AuthorId, EntryId

ALICE: Final = Citizen("alice")
LYON: Final = inception("Lyon", [ALICE])
CHARTER: Final = found([LYON])
NETWORK: Final = CHARTER.network_id()
STATE: Final = StateId(section_of(LYON))
"""Lyon as it was founded."""

SECRET: Final = bytes(range(16))
"""Of the invite."""

INVITE: Final = bare.invite_key(SECRET).author
NONCE: Final = bytes([5] * 16)
NOW_MS: Final = START_MS + 10**9
"""The host's clock."""

Visit = Joining | Returning | Presenting


class Hub:
    """A host's home, as far as the guest protocol sees it."""

    def __init__(self) -> None:
        self.device = ALICE.device(NETWORK, "hub")
        self.roster = Roster(CHARTER)
        self.uses = UsesUnderWay()
        self.entries: dict[AuthorId, list[Entry]] = {}
        self.know(self.device)

    def know(self, *devices: Device) -> None:
        """Take in all that these devices have said."""
        for device in devices:
            self.take(device.log)

    def take(self, run: Sequence[Entry]) -> None:
        """Take in what is new of a run."""
        held = self.entries.setdefault(run[0].author, [])
        fresh = [entry for entry in run if entry.seq > len(held)]
        held += fresh
        if fresh:
            self.roster.add(fresh)

    def host(self, guest: AuthorId, nonce: bytes = NONCE) -> Hosting:
        """A host's side for one stream."""
        return Hosting(self.roster, self.device.id, guest, nonce, self.uses)

    def grant(self, **terms: int) -> EntryId:
        """Make an invite, see `Device.grant`."""
        entry = self.device.grant(STATE, SECRET, **terms)
        self.know(self.device)
        return entry.id

    def entry(self, entry_id: EntryId) -> Entry:
        """One of the entries that were taken in."""
        return next(entry for log in self.entries.values() for entry in log if entry.id == entry_id)

    def passport(self, device: Device) -> bytes:
        """The passport of a device whose log was taken in."""
        return make(self.roster, device.id, lambda author: self.entries[author][0], self.entry)


def talk(
    hub: Hub,
    host: Hosting,
    visit: Visit,
    device: Device,
    write: Callable[[Device, Chartered], object],
    logs: Hub | None = None,
) -> list[Effect]:
    """Let both sides talk to the end; what the guest's shell would have to do comes back.

    `write` adds to the guest's log once it knows the charter; `logs` has what a guest sends of others.
    """
    told: list[Effect] = []
    outgoing = list(visit.begin())
    while outgoing:
        effect = outgoing.pop(0)
        if isinstance(effect, SendLogs):
            held = {} if logs is None else logs.entries
            runs = [entry for author in effect.devices for entry in held.get(author, ())]
            outgoing = [*map(Send, pack(runs)), *outgoing]
        elif isinstance(effect, Send):
            for answer in _serve(hub, host, effect.message):
                for follow in visit.handle(parse(encode_message(answer))):
                    (outgoing if isinstance(follow, Send | SendLogs) else told).append(follow)
                    if isinstance(follow, Chartered) and not isinstance(visit, Presenting):
                        write(device, follow)
                        outgoing += visit.answer(device.log)
    host.left()
    return told


def _serve(hub: Hub, host: Hosting, message: Message) -> list[Message]:
    """What a host answers, its shell's part done."""
    said: list[Message] = []
    effects = host.handle(parse(encode_message(message)), NOW_MS)
    while effects:
        effect = effects.pop(0)
        if isinstance(effect, Send):
            said.append(effect.message)
        elif isinstance(effect, SendLogs):
            said += pack(entry for author in effect.devices for entry in hub.entries.get(author, ()))
        elif isinstance(effect, TakeIn):
            for run in effect.runs:
                hub.take(run)
            effects += host.taken()
    return said


def claim(device: Device, chartered: Chartered, hub: Device) -> None:
    """Answer a challenge with a claim."""
    if chartered.grant is None:
        raise ValueError("there is nothing to claim")
    device.claim(chartered.grant, SECRET, hub.id, chartered.nonce)


def join(hub: Hub, device: Device, nonce: bytes = NONCE) -> list[Effect]:
    """A newcomer with the invite."""
    visit = Joining(NETWORK[:16], INVITE)
    return talk(
        hub, hub.host(device.id, nonce), visit, device, lambda own, told: claim(own, told, hub.device)
    )


def go_back(hub: Hub, device: Device, citizen: Citizen) -> list[Effect]:
    """A further device of a member."""
    visit = Returning(NETWORK[:16], hub.device.id, device.id, citizen.key)
    return talk(hub, hub.host(device.id), visit, device, lambda own, told: None)


def present(hub: Hub, device: Device, passport: bytes, logs: Hub | None = None) -> list[Effect]:
    """A device with a passport, and with logs for a host that lacks something."""
    behind = () if logs is None else logs_behind(logs.roster, device.id)
    visit = Presenting(passport, behind)
    return talk(hub, hub.host(device.id), visit, device, lambda own, told: None, logs)


def turned_away(effects: Sequence[Effect]) -> int | None:
    """The code with which a guest was refused, if it was."""
    return next((effect.code for effect in effects if isinstance(effect, TurnedAway)), None)


def received(effects: Sequence[Effect]) -> dict[AuthorId, list[Entry]]:
    """The logs that a guest was sent."""
    logs: dict[AuthorId, list[Entry]] = {}
    for effect in effects:
        if isinstance(effect, TakeIn):
            for run in effect.runs:
                logs.setdefault(run[0].author, []).extend(run)
    return logs
