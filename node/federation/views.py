"""What a roster answers with: plain values. Pure."""

from enum import IntEnum
from typing import NamedTuple

from node.federation.inception import Terms
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.statements import Act, Grant
from store.ids import AuthorId, EntryId


class Standing(IntEnum):
    """How a device stands in a network."""

    UNKNOWN = 0
    CANDIDATE = 1
    """Its root is a steward of a section that waits for endorsements."""
    MEMBER = 2
    FORMER = 3
    """Revoked, of an ended membership, of a replaced root, or one device too many."""


class Device(NamedTuple):
    """A certified device."""

    id: AuthorId
    name: str
    root: RootId
    """Whose certificate it has."""
    member: RootId
    """The first root of the member for whom it speaks."""
    since_ms: int
    """What its certificate claims."""
    standing: Standing
    ends: tuple[tuple[int, int], ...] | None
    """None: no log is cut. Else (log, last good seq), ascending; a log that is not here is cut at 0."""


class Member(NamedTuple):
    """Somebody whom a valid section admits, or did until it ended that."""

    id: RootId
    """His first root; it stays the same when the root is replaced."""
    root: RootId
    """The root that speaks for him now."""
    roots: tuple[RootId, ...]
    """All of them, in the order in which one replaced another."""
    sections: tuple[SectionId, ...]
    """Of which he is a member now, ascending."""
    left: tuple[SectionId, ...]
    """Those that ended his membership, ascending."""
    devices: tuple[Device, ...]
    """Ascending by id; of all his roots."""
    since_ms: int
    """The earliest claimed time of what admits him; 0 where nothing says."""


class Section(NamedTuple):
    """A section that is valid, or a candidate."""

    id: SectionId
    state: StateId
    """The latest on its chain."""
    terms: Terms
    """What it is at that state."""
    valid: bool
    founding: bool
    endorsed_by: tuple[SectionId, ...]
    """Valid sections, ascending; none for a founding section that nobody endorsed."""
    rivals: tuple[ActId, ...]
    """Complete changes of the latest state that contradict each other, ascending; the chain stops there."""
    chain: tuple[StateId, ...]
    """From its inception to the latest state."""
    members: int
    """How many belong to it now."""
    since_ms: int
    """What the entry with its inception claims; 0 for a founding section."""


class ClaimState(NamedTuple):
    """Somebody's use of an invite. Only what a roster carries is told."""

    entry: EntryId
    device: AuthorId
    root: RootId
    section: SectionId | None
    """The section that asks to be endorsed; None for a grant for members."""
    stands: bool
    late: bool
    """Its claimed time is after the grant's expiry. Told, and of no effect."""
    time_ms: int


class GrantState(NamedTuple):
    """An invite as it was granted, and who used it."""

    entry: EntryId
    grant: Grant
    section: SectionId
    granted_by: AuthorId
    """The device."""
    by: RootId
    """The steward."""
    counts: bool
    claims: tuple[ClaimState, ...]
    """Ascending by entry id."""
    settled: tuple[bytes, ...] | None
    """Roots (or sections) that the settlements that count list, ascending; None: not settled."""
    used: int
    """How many different roots (or sections) stand."""
    over_used: bool
    """More of them claim than the grant has uses."""
    time_ms: int


class ActState(NamedTuple):
    """Something that stewards do together, as far as it has come."""

    act: ActId
    statement: Act
    section: SectionId
    """Whose act it is."""
    consents: tuple[RootId, ...]
    """Stewards of the state that the act names whose consent counts, ascending."""
    needed: int
    complete: bool
    effective: bool
    """Complete, and nothing stands against it."""
    proposed_by: AuthorId
    """A device that wrote it down: of several the one with the earliest claimed time."""
    since_ms: int
