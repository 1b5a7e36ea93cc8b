"""Stratum 6: replacements of roots, and the strata computed again with those that came out. Pure.

A replacement gives a *seat* in the section that made it to another root, and makes the new root speak
for the *member*. The second is for sections only to which the member came by himself, so that nobody takes
a member over by admitting him first; and no section gives away a seat in another one.
"""

from typing import NamedTuple

from node.federation import limits
from node.federation.chains import Succession, link_of
from node.federation.devices import Devices
from node.federation.index import Index
from node.federation.memberships import Memberships
from node.federation.names import ActId, RootId, SectionId
from node.federation.sections import Founding, Sections
from node.federation.statements import Claim, Replacement
from store.ids import EntryId


class Strata(NamedTuple):
    """The result, and whose statements can change it."""

    sections: Sections
    memberships: Memberships
    voices: frozenset[RootId]
    """Roots of stewards, in any round."""
    known: frozenset[RootId]
    """Roots that were admitted in any round, as far as replacements depend on them."""
    wanted: frozenset[SectionId]
    """Sections of which only the inception is missing, in any round."""
    replacing: frozenset[RootId]
    """Old and new roots of complete replacements, in any round."""
    replacing_grants: frozenset[EntryId]
    """Grants that these claim."""
    linked: frozenset[ActId]
    """Replacements that came about, of a seat or of a member."""
    fingerprint: tuple[object, ...]


def compute_strata(index: Index, devices: Devices, founding: Founding, fits: dict[EntryId, bool]) -> Strata:
    """All strata over an index. `fits`: claims whose signature was checked before."""
    seats: dict[SectionId, Succession] = {}
    members = Succession()
    voices: set[RootId] = set()
    wanted: set[SectionId] = set()
    replacing: set[RootId] = set()
    known: set[RootId] = set()
    left = limits.MAX_SUCCESSIONS
    while True:
        sections = Sections(index, devices, founding, seats)
        memberships = Memberships(index, devices, sections, members, fits)
        voices |= sections.voices
        wanted |= sections.wanted
        named = {root for _, act in sections.replacements for root in (act.old_root, act.new_root)}
        known |= _influential(index, memberships, named)
        replacing |= named
        if not left or not _replace(sections, memberships, seats, members):
            break
        left -= 1
    grants = {
        noted.statement.grant
        for root in replacing
        for noted in index.claims_by.get(root, {}).values()
        if isinstance(noted.statement, Claim)
    }
    known |= voices
    memberships.know(frozenset(known))
    return Strata(
        sections,
        memberships,
        frozenset(voices),
        frozenset(known),
        frozenset(wanted),
        frozenset(replacing),
        frozenset(grants),
        frozenset(link.act for each in (members, *seats.values()) for link in each.links.values()),
        (*sections.fingerprint(), dict(members.links), known),
    )


def _influential(index: Index, memberships: Memberships, named: set[RootId]) -> set[RootId]:
    """Of roots that replacements name, those admitted, and those whose claims stand where theirs might.

    And those roots themselves whose claims others keep from standing.
    """
    found = {root for root in named if memberships.of_root(root) is not None}
    for root in named:
        for noted in index.claims_by.get(root, {}).values():
            assert isinstance(noted.statement, Claim)
            grant = memberships.grant(noted.statement.grant)
            if grant is not None and noted in grant.claims:
                found.add(root)
                found.update(claim.root for claims in grant.standing.values() for claim in claims)
    return found


def _replace(
    sections: Sections,
    memberships: Memberships,
    seats: dict[SectionId, Succession],
    members: Succession,
) -> bool:
    """Take in what these strata say of replacements. Is there anything new?"""
    chosen = [
        (section, act, _moves_seat(sections, section, act), _moves_member(memberships, section, act))
        for section, act in sections.replacements
    ]
    grown = False
    for section, act, moves_seat, moves_member in chosen:
        link = link_of(act, section)
        if moves_seat:
            grown |= seats.setdefault(section, Succession()).add(act.old_root, link)
        if moves_member:
            grown |= members.add(act.old_root, link)
    return grown


def _moves_seat(sections: Sections, section: SectionId, act: Replacement) -> bool:
    """Is the old root a steward there, at one time, and the new one at none?"""
    seat = sections.chains.seat(section, act.old_root)
    states = sections.valid[section].states
    return any(seat in state.seats for state in states) and not any(
        act.new_root in state.seats for state in states
    )


def _moves_member(memberships: Memberships, section: SectionId, act: Replacement) -> bool:
    """Did the old root come to this section by itself, and the new one to none?

    Who has the words could take every claim of the old root back. Where none is left, those count.
    """
    old = memberships.of_root(act.old_root)
    new = memberships.of_root(act.new_root)
    return old is not None and section in (old.came or old.withdrawn) and (new is None or not new.came)
