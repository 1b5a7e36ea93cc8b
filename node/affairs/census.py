"""A census: everyone and everything in the roster at one moment. Immutable, so any thread may look at it.

The roster itself belongs to the thread that takes entries in. `CensusBook.refresh` is called there; queries,
in whatever thread they run, look at what it left.
"""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from node.apps.directory.service import Published
from node.federation.names import RootId, SectionId
from node.federation.views import ActState, Device, GrantState, Member, Section
from store.entry import MAX_SEQ
from store.ids import AuthorId, EntryId, LogNo

if TYPE_CHECKING:
    from node.belonging.membership import Membership
    from node.federation.roster import Roster

_NEVER: Final = 2**62

MANY: Final = 2_000
"""Members from which on a census is taken with rests; of fewer it takes some ms."""

REST: Final = 10
"""Between two looks we do something else for so many times as long as a look takes."""


class Census(NamedTuple):
    """The roster at one moment."""

    version: int
    """Of the roster; another one where anything changed."""
    needed: int
    """Endorsements that a new section needs."""
    members: Mapping[RootId, Member]
    """All who ever were admitted, by the root that names them, in order."""
    sections: Mapping[SectionId, Section]
    """Valid ones and candidates, in order."""
    grants: Mapping[EntryId, GrantState]
    acts: tuple[ActState, ...]
    devices: Mapping[AuthorId, Device]
    """The devices of all members."""
    owners: Mapping[AuthorId, RootId]
    """The member to whom each device belongs."""
    roots: Mapping[RootId, RootId]
    """The member for whom each root speaks or ever spoke."""
    me: RootId | None
    """The member whose home this is, admitted or not; None where its device has no certificate."""
    supporters: frozenset[AuthorId]
    """Devices of all who are or were stewards."""
    seats: Mapping[SectionId, tuple[RootId, ...]]
    """The members who are stewards of each section now."""
    offices: Mapping[RootId, tuple[SectionId, ...]]
    """The sections of which each steward is one now."""

    def member(self, device: AuthorId) -> Member | None:
        """The member to whom a device belongs; None: nobody who was ever admitted."""
        owner = self.owners.get(device)
        return None if owner is None else self.members[owner]

    def member_of_root(self, root: RootId) -> RootId:
        """The member for whom a root speaks; of who was never admitted, the root itself."""
        return self.roots.get(root, root)

    def stewards(self, section: Section) -> list[RootId]:
        """The members who are stewards of a section now, by root; some may have no device yet."""
        return list(self.seats[section.id])

    def stewarded(self, member: RootId) -> list[Section]:
        """The sections of which a member is steward now."""
        return [self.sections[section] for section in self.offices.get(member, ())]

    def members_of(self, section: SectionId) -> list[Member]:
        """Who belongs to a section now."""
        return [member for member in self.members.values() if section in member.sections]


def take_census(roster: "Roster", own: AuthorId) -> Census:
    """The roster as it is now, seen from a device. Takes some µs a device."""
    members = {member.id: member for member in roster.members()}
    sections = {section.id: section for section in roster.sections()}
    roots = {root: member.id for member in members.values() for root in member.roots}
    seats = {
        section.id: tuple(dict.fromkeys(roots.get(root, root) for root in section.terms.stewards))
        for section in sections.values()
    }
    offices: dict[RootId, tuple[SectionId, ...]] = {}
    for section, stewards in seats.items():
        for steward in stewards:
            offices[steward] = (*offices.get(steward, ()), section)
    return Census(
        roster.version,
        roster.needed,
        members,
        sections,
        {grant.entry: grant for grant in roster.grants()},
        tuple(roster.acts()),
        {device.id: device for member in members.values() for device in member.devices},
        {device.id: member.id for member in members.values() for device in member.devices},
        roots,
        roster.member_of(own),
        frozenset(roster.supporters()),
        seats,
        offices,
    )


class CensusBook:
    """Keeps the census of a home. `refresh` belongs to the thread of the roster; `now` to any."""

    def __init__(self, membership: "Membership | None", own: AuthorId) -> None:
        """`membership`: None in an open circle. `own`: this home's device."""
        self._membership = membership
        self._own = own
        self._now = None if membership is None else take_census(membership.roster, own)
        self._taken_s = time.monotonic()
        self._took_s = 0.0

    def refresh(self, *, at_once: bool = False) -> None:
        """Take a new census if the roster has changed.

        In a large federation it takes a tenth of a second, so it is taken again only after a while, or
        `at_once` for who has just said something.
        """
        if self._membership is None or self._now is None:
            return
        roster, begun_s = self._membership.roster, time.monotonic()
        is_small = len(self._now.members) < MANY
        is_rested = is_small or begun_s - self._taken_s >= REST * self._took_s
        if roster.version != self._now.version and (at_once or is_rested):
            self._now = take_census(roster, self._own)
            self._taken_s = time.monotonic()
            self._took_s = self._taken_s - begun_s

    def now(self) -> Census | None:
        """The census as it was taken last; None in an open circle."""
        return self._now


def good_up_to(device: Device, log: LogNo) -> int:
    """The last seq of a log up to which a device's word is good."""
    if device.ends is None:
        return MAX_SEQ
    return dict(device.ends).get(log, 0)


class MemberNames(NamedTuple):
    """What members call themselves."""

    names: Mapping[bytes, str]
    due_ms: int
    """From this time on there may be others: a profile that claims to be from the future counts then."""


def member_names(
    census: Census, profiles: Iterable[Published], log: LogNo, until_ms: int, ahead_ms: int
) -> MemberNames:
    """The latest name in the profiles of each member's devices, as far as these are good.

    `log`: where profiles stand. What claims to be later than `until_ms` does not count yet; it counts
    from the time on that is `ahead_ms` before what it claims.
    """
    latest: dict[bytes, tuple[int, AuthorId, int]] = {}
    names: dict[bytes, str] = {}
    due_ms = _NEVER
    for profile in profiles:
        device = census.devices.get(profile.device)
        owner = census.owners.get(profile.device)
        if device is None or owner is None or profile.seq > good_up_to(device, log):
            continue
        if profile.time_ms > until_ms:
            due_ms = min(due_ms, profile.time_ms - ahead_ms)
            continue
        place = (profile.time_ms, profile.device, profile.seq)
        if place > latest.get(owner, (-1, profile.device, 0)):
            latest[owner], names[owner] = place, profile.name
    return MemberNames(names, due_ms)
