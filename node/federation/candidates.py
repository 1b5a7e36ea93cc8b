"""Sections that an invite lets wait for endorsements, and whose `id` logs are carried for that. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from node.federation import limits
from node.federation.chains import Chain
from node.federation.index import Index, Noted
from node.federation.memberships import JudgedGrant, Memberships
from node.federation.names import RootId, SectionId
from node.federation.sections import Sections
from node.federation.statements import Begun
from store.ids import EntryId


class Candidates(NamedTuple):
    """What waits."""

    chains: dict[SectionId, Chain]
    roots: frozenset[RootId]
    """Stewards of any state of these."""
    claims: dict[EntryId, dict[EntryId, SectionId]]
    """By grant: the claims that stand and the section for which each asks, even where it is valid by now."""


def find_candidates(index: Index, sections: Sections, memberships: Memberships) -> Candidates:
    """Look through the grants for sections that count."""
    sections.chains.keep_only(sections.valid)
    chains: dict[SectionId, Chain] = {}
    roots: set[RootId] = set()
    claims: dict[EntryId, dict[EntryId, SectionId]] = {}
    for grant in _grants(index, sections, memberships):
        standing: dict[EntryId, SectionId] = {}
        for claim, section in _asked_for(index, grant):
            standing[claim.entry] = section
            chain = sections.chains.chain(section)
            if chain is not None and section not in sections.valid:
                chains[section] = chain
                for state in chain.states:
                    for seat in state.seats:
                        roots.update(sections.chains.roots(section, seat))
        claims[grant.noted.entry] = standing
    return Candidates(chains, frozenset(roots), claims)


def inception_before(index: Index, claim: Noted) -> SectionId | None:
    """The section whose inception stands last before a claim in the same log, by one of its stewards."""
    log = index.devices.get(claim.device)
    if log is None:
        return None
    for noted in reversed(log.said):
        statement = noted.statement
        if noted.seq < claim.seq and isinstance(statement, Begun):
            inception = statement.inception
            return inception.section if noted.root in inception.terms.stewards else None
    return None


def _grants(index: Index, sections: Sections, memberships: Memberships) -> Iterator[JudgedGrant]:
    for root in sorted(sections.voices):
        for entry in sorted(index.section_grants.get(root, ())):
            grant = memberships.grant(entry)
            if grant is not None and grant.counts:
                yield grant


def _asked_for(index: Index, grant: JudgedGrant) -> Iterator[tuple[Noted, SectionId]]:
    """The claims on a grant that stand: each section once, listed or among the first few."""
    seen: set[SectionId] = set()
    for claim in grant.claims:
        section = inception_before(index, claim)
        if section is None or section in seen or (grant.settled is not None and section not in grant.settled):
            continue
        seen.add(section)
        yield claim, section
        if grant.settled is None and len(seen) == limits.MAX_CANDIDATES:
            return
