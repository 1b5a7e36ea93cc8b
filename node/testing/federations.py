"""A whole federation for tests: sections with stewards, members with devices, and a roster of it.

Built on `node.testing.citizens`, whose devices sign everything; `Federation` keeps them together, counts
their statements on one clock, and names things shortly. The same calls give the same bytes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from node.federation.cuts import Cut, LogEnd, make_cut
from node.federation.inception import Terms
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.roster import Roster
from node.federation.statements import FOR_MEMBERS, FOR_SECTIONS
from node.testing.citizens import NEVER_MS, Citizen, Device, act_of, found, inception, section_of
from store.charter import Charter
from store.crypto import digest
from store.entry import Entry
from store.ids import LOG_ID, AuthorId, EntryId, LogNo, NetworkId

_SECRET_BYTES = 16


class Invite(NamedTuple):
    """A grant, with the secret that its code carries."""

    grant: EntryId
    secret: bytes
    """16 bytes."""
    hub: AuthorId


class Federation:
    """A charter, and everybody who says something about it.

    `sections` founding sections called "section 0", …, each with `stewards` stewards called "steward 0.0", …,
    of whom `threshold` act together (more than half where it is 0). Each steward has one device.
    """

    def __init__(
        self, sections: int = 1, stewards: int = 1, threshold: int = 0, endorsements: int = 1
    ) -> None:
        self.devices: dict[AuthorId, Device] = {}
        founders = [
            [Citizen(f"steward {number}.{each}") for each in range(stewards)] for number in range(sections)
        ]
        inceptions = [
            inception(f"section {number}", each, threshold or None) for number, each in enumerate(founders)
        ]
        self.charter: Charter = found(inceptions, min(endorsements, 16))
        self.network: NetworkId = self.charter.network_id()
        self.sections: list[SectionId] = [section_of(each) for each in inceptions]
        """Founding ones, in the order of their names."""
        self.stewards: list[list[Device]] = [[self.device(citizen) for citizen in each] for each in founders]
        """By founding section: a device of each steward."""
        self._invites = 0

    def state(self, section: int = 0) -> StateId:
        """The first state of a founding section."""
        return StateId(self.sections[section])

    def device(self, citizen: Citizen, name: str = "laptop") -> Device:
        """A device of a citizen, with its certificate."""
        device = citizen.device(self.network, name)
        self.devices[device.id] = device
        return device

    def newcomer(self, name: str) -> Device:
        """A device of a new citizen whom nobody has admitted."""
        return self.device(Citizen(name))

    def invite(
        self,
        device: Device,
        state: StateId | None = None,
        uses: int = 1,
        expires_ms: int = NEVER_MS,
        purpose: int = FOR_MEMBERS,
    ) -> Invite:
        """A steward's device makes an invite, to the first founding section if no state is given."""
        self._invites += 1
        secret = digest(b"invite %d" % self._invites)[:_SECRET_BYTES]
        entry = device.grant(state or self.state(), secret, uses, expires_ms, purpose)
        return Invite(entry.id, secret, device.id)

    def join(self, name: str, invite: Invite) -> Device:
        """A new citizen's device uses an invite."""
        device = self.newcomer(name)
        self.claim(device, invite)
        return device

    def claim(self, device: Device, invite: Invite) -> Entry:
        """A device uses an invite."""
        return device.claim(invite.grant, invite.secret, invite.hub)

    def begin(
        self, name: str, devices: Sequence[Device], invite: Invite | None = None, threshold: int | None = None
    ) -> SectionId:
        """The owners of devices begin a section; the first carries the inception, and claims an invite."""
        signed = inception(name, [device.citizen for device in devices], threshold, self.network)
        devices[0].begin(signed)
        if invite is not None:
            self.claim(devices[0], invite)
        return section_of(signed, self.network)

    def new_section(self, name: str, endorsers: Iterable[tuple[Device, StateId]]) -> tuple[Device, SectionId]:
        """A section of one new steward, by an invite of the first endorser, endorsed by all of them."""
        endorsers = list(endorsers)
        device, state = endorsers[0]
        invite = self.invite(device, state, purpose=FOR_SECTIONS)
        steward = self.newcomer(f"steward of {name}")
        section = self.begin(name, [steward], invite)
        for by, of_state in endorsers:
            by.endorse(of_state, section)
        return steward, section

    def act(self, entry: Entry) -> ActId:
        """The id of the act that an entry holds; of a change it is the next state."""
        return act_of(entry, self.network)

    def roster(self, devices: Iterable[Device] | None = None) -> Roster:
        """The roster of what all devices (or these) have said."""
        roster = Roster(self.charter)
        for device in self.devices.values() if devices is None else devices:
            roster.add(device.log)
        return roster

    def logs(self) -> dict[AuthorId, tuple[Entry, ...]]:
        """All `id` logs."""
        return {device.id: tuple(device.log) for device in self.devices.values()}


def terms_of(
    stewards: Iterable[Device | RootId], threshold: int = 0, name: str = "a section", territory: str = ""
) -> Terms:
    """What a section is, with these stewards; a threshold of 0 is the smallest one."""
    roots = tuple(sorted({each.citizen.root if isinstance(each, Device) else each for each in stewards}))
    return Terms(name, territory, (), roots, threshold or len(roots) // 2 + 1)


def cut_at(device: Device, seq: int | None = None, ends: Iterable[tuple[int, int]] = ()) -> Cut:
    """A cut of a device after entry `seq` of its `id` log (the last if None), and of other logs at `ends`."""
    last = len(device.log) if seq is None else seq
    own = [LogEnd(LOG_ID, last, device.log[last - 1].id)] if last else []
    others = [LogEnd(LogNo(log), end, EntryId(digest(b"%d.%d" % (log, end)))) for log, end in ends]
    return make_cut(device.id, own + others)
