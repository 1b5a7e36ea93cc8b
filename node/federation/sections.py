"""Stratum 3, and the acts of sections: which are valid, and what they did together. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from node.federation.chains import Chain, Chains, Succession
from node.federation.devices import Devices
from node.federation.inception import Terms
from node.federation.index import Index
from node.federation.names import RootId, SectionId, StateId
from node.federation.statements import Act, Change, End, Endorsement, Replacement
from store.ids import AuthorId


class Founding(NamedTuple):
    """What a charter says of sections."""

    sections: Mapping[SectionId, Terms]
    needed: int
    """Endorsements that a new section needs."""


class Sections:
    """The valid sections over an index, with the replacements of roots that are given."""

    def __init__(
        self, index: Index, devices: Devices, founding: Founding, seats: Mapping[SectionId, Succession]
    ) -> None:
        self._index = index
        self._devices = devices
        self._founding = founding
        self._seats = seats
        self.chains = Chains(index, devices, founding.sections, seats)
        self.valid: dict[SectionId, Chain] = {}
        self.endorsed: dict[SectionId, set[SectionId]] = {}
        """By which valid sections."""
        self.wanted: set[SectionId] = set()
        """Endorsed enough, but there is no inception yet."""
        self.ends: dict[RootId, dict[SectionId, list[End]]] = {}
        """By the root that they name."""
        self.replacements: list[tuple[SectionId, Replacement]] = []
        self.stewarding: dict[RootId, dict[SectionId, int]] = {}
        """In which valid sections a root is or was a steward, and the earliest time of such a state."""
        self.voices: set[RootId] = set()
        """Roots whose statements can change anything of this."""
        self._compute()

    def latest_steward(self, section: SectionId, root: RootId) -> bool:
        """Is this root a steward in a valid section's latest state?"""
        return self.chains.seat(section, root) in self.valid[section].latest.seats

    def place(self, state: StateId) -> tuple[Chain, int] | None:
        """Where a state stands on the chain of a valid section."""
        place = self.chains.places.get(state)
        return None if place is None or place[0].section not in self.valid else place

    def word(self, state: StateId, device: AuthorId, seq: int) -> tuple[SectionId, RootId] | None:
        """The valid section and the steward whose word an entry is for a state, or None."""
        place = self.place(state)
        if place is None:
            return None
        seat = self.chains.counts(*place, device, seq)
        return None if seat is None else (place[0].section, seat)

    def acts(self, chain: Chain) -> Iterator[tuple[int, Act, bool]]:
        """Acts other than changes for each state of a chain that stewards wrote; are they complete?"""
        for number, state in enumerate(chain.states):
            for act in sorted(self.chains.written(chain.section, state)):
                statement = self._index.acts[act]
                if not isinstance(statement, Change):
                    given = self.chains.consents(chain, number, act)
                    yield number, statement, len(given) >= state.terms.threshold

    def fingerprint(self) -> tuple[object, ...]:
        """Equal values, equal answers."""
        kept = [(root, self._devices.of(root)) for root in sorted(self.voices)]
        return (
            self.valid,
            self.endorsed,
            self.wanted,
            self.ends,
            [(section, act.act) for section, act in self.replacements],
            [(root, dict(devices)) for root, devices in kept],
            {section: dict(succession.links) for section, succession in self._seats.items()},
        )

    def _compute(self) -> None:
        waiting = sorted(self._founding.sections)
        while waiting:
            section = waiting.pop()
            chain = self.chains.chain(section)
            if chain is None:
                self.wanted.add(section)
                continue
            self.valid[section] = chain
            self._note_stewards(chain)
            for _, act, complete in self.acts(chain):
                if complete and self._perform(section, act):
                    assert isinstance(act, Endorsement)
                    waiting.append(act.section)
        self.replacements.sort(key=lambda each: each[1].act)
        for of_section in self.ends.values():
            for ends in of_section.values():
                ends.sort(key=lambda end: end.act)

    def _note_stewards(self, chain: Chain) -> None:
        for state in chain.states:
            for root in state.terms.stewards:
                sections = self.stewarding.setdefault(root, {})
                sections[chain.section] = min(state.since_ms, sections.get(chain.section, state.since_ms))
            for seat in state.seats:
                self.voices.update(self.chains.roots(chain.section, seat))

    def _perform(self, section: SectionId, act: Act) -> bool:
        """Take a complete act of a valid section in. Does it make another section valid?"""
        if isinstance(act, End):
            self.ends.setdefault(act.root, {}).setdefault(section, []).append(act)
        elif isinstance(act, Replacement):
            self.replacements.append((section, act))
        elif isinstance(act, Endorsement) and act.section != section:
            by = self.endorsed.setdefault(act.section, set())
            if section not in by:
                by.add(section)
                return len(by) == self._founding.needed and act.section not in self._founding.sections
        return False
