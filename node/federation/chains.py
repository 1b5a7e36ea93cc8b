"""Stratum 2: the chains of sections, and whose word counts for a state of one. Pure.

A *seat* is the place of a steward in a section. It is named by the root that a change or an inception
names, or by the first root where the section replaced that one by another.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from node.federation.devices import Devices
from node.federation.inception import Terms
from node.federation.index import Index, LogEnds, Place
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.statements import Act, Change, Replacement
from store.entry import MAX_ID_SEQ
from store.ids import LOG_ID, AuthorId


class State(NamedTuple):
    """A section at one time."""

    id: StateId
    terms: Terms
    seats: frozenset[RootId]
    ends: Mapping[AuthorId, int]
    """What the change that led here says of devices; empty for an inception."""
    since_ms: int


class Chain(NamedTuple):
    """The states of a section, from its inception on."""

    section: SectionId
    founding: bool
    states: tuple[State, ...]
    rivals: tuple[ActId, ...]
    """Changes between which nobody has chosen, ascending."""

    @property
    def latest(self) -> State:
        """The last state."""
        return self.states[-1]


class Link(NamedTuple):
    """A replacement of a root that counts."""

    act: ActId
    section: SectionId
    new_root: RootId
    ends: Mapping[AuthorId, Mapping[int, int]]
    """Last good seqs of the devices of the old root; one that is not here is cut at 0."""


def link_of(act: Replacement, section: SectionId) -> Link:
    """What a replacement says."""
    ends: dict[AuthorId, LogEnds] = {}
    for cut in act.cuts:
        ends[cut.device] = {end.log: end.seq for end in cut.ends}
    return Link(act.act, section, act.new_root, ends)


class Succession:
    """Which root follows which. Never branches and has no circles."""

    __slots__ = ("first", "links")

    def __init__(self) -> None:
        self.links: dict[RootId, Link] = {}
        """By old root."""
        self.first: dict[RootId, RootId] = {}
        """From each later root to the first one."""

    def add(self, old_root: RootId, link: Link) -> bool:
        """Take a replacement in, unless one of the two roots has its place already."""
        new = link.new_root
        if old_root in self.links or new in self.links or new in self.first:
            return False
        self.links[old_root] = link
        self.first[new] = self.first.get(old_root, old_root)
        return True

    def roots(self, first: RootId) -> tuple[RootId, ...]:
        """The roots of a member in their order."""
        roots = [first]
        while (link := self.links.get(roots[-1])) is not None:
            roots.append(link.new_root)
        return tuple(roots)


_NOBODY: Final = Succession()


class Chains:
    """Chains over an index, with the replacements of roots that are given. Computed when asked for."""

    def __init__(
        self,
        index: Index,
        devices: Devices,
        founding: Mapping[SectionId, Terms],
        seats: Mapping[SectionId, Succession],
    ) -> None:
        self._index = index
        self._devices = devices
        self._founding = founding
        self._successions = seats
        self._chains: dict[SectionId, Chain | None] = {}
        self.places: dict[StateId, tuple[Chain, int]] = {}
        """Where each state of a computed chain stands."""
        self._steps: dict[tuple[SectionId, AuthorId], tuple[list[int], list[int]]] = {}

    def chain(self, section: SectionId) -> Chain | None:
        """The chain of a section; None without an inception."""
        if section not in self._chains:
            chain = self._begin(section)
            self._chains[section] = chain
            if chain is not None:
                for number, state in enumerate(chain.states):
                    self.places[state.id] = (chain, number)
        return self._chains[section]

    def keep_only(self, sections: Iterable[SectionId]) -> None:
        """Forget the chains of all other sections: something was said about one of them."""
        kept = set(sections)
        self._chains = {section: chain for section, chain in self._chains.items() if section in kept}
        self.places = {state: place for state, place in self.places.items() if place[0].section in kept}
        self._steps = {key: steps for key, steps in self._steps.items() if key[0] in kept}

    def roots(self, section: SectionId, seat: RootId) -> tuple[RootId, ...]:
        """The roots that speak, or once spoke, from a seat of a section."""
        return self._successions.get(section, _NOBODY).roots(seat)

    def seat(self, section: SectionId, root: RootId) -> RootId:
        """The seat that a root would have in a section."""
        return self._successions.get(section, _NOBODY).first.get(root, root)

    def voice(self, section: SectionId, device: AuthorId) -> tuple[RootId, int] | None:
        """The seat that a device would speak from, and the last seq of its word; None: not certified."""
        log = self._index.devices.get(device)
        if log is None or log.root is None:
            return None
        succession = self._successions.get(section)
        if succession is None:
            return log.root, self._devices.of(log.root)[device].word
        link = succession.links.get(log.root)
        seat = succession.first.get(log.root, log.root)
        if link is None:
            return seat, self._devices.of(log.root)[device].word
        return seat, link.ends.get(device, {}).get(LOG_ID, 0)

    def counts(self, chain: Chain, number: int, device: AuthorId, seq: int) -> RootId | None:
        """The steward whose word for the state of that number an entry is, or None. "Whose word counts"."""
        voice = self.voice(chain.section, device)
        if voice is None:
            return None
        seat, word = voice
        if seq > word or seat not in chain.states[number].seats:
            return None
        if number + 1 < len(chain.states) and seq > self._last_word(chain, number, device, seat):
            return None
        return seat

    def consents(self, chain: Chain, number: int, act: ActId) -> dict[RootId, Place]:
        """The seats of a state whose word for an act counts, with the earliest entry of each."""
        given: dict[RootId, Place] = {}
        for device, place, seat in self._heard(chain.section, chain.states[number], act):
            if self.counts(chain, number, device, place.seq) is not None:
                before = given.get(seat)
                if before is None or place.time_ms < before.time_ms:
                    given[seat] = place
        return given

    def heard(self, section: SectionId, state: State, act: ActId) -> dict[RootId, Place]:
        """The seats whose consent counts towards a change, whatever later changes say of them."""
        return {seat: place for _, place, seat in self._heard(section, state, act)}

    def written(self, section: SectionId, state: State) -> set[ActId]:
        """Acts for a state that stand in the log of one of its stewards."""
        return {
            act
            for seat in state.seats
            for root in self.roots(section, seat)
            for act in self._index.written.get((state.id, root), ())
        }

    def act(self, act: ActId) -> Act:
        """What is to be done."""
        return self._index.acts[act]

    def _begin(self, section: SectionId) -> Chain | None:
        terms = self._founding.get(section)
        since_ms = 0
        if terms is None:
            found = self._index.inception(section)
            if found is None:
                return None
            terms, since_ms = found[0].terms, found[1]
        state = State(StateId(section), terms, self._seats(section, terms), {}, since_ms)
        states = [state]
        while True:
            left = self._next(section, state)
            if len(left) != 1:
                return Chain(section, section in self._founding, tuple(states), tuple(sorted(left)))
            ((act, since_ms),) = left.items()
            change = self._index.acts[act]
            assert isinstance(change, Change)
            seats = self._seats(section, change.terms)
            state = State(StateId(act), change.terms, seats, dict(change.ends), since_ms)
            states.append(state)

    def _next(self, section: SectionId, state: State) -> dict[ActId, int]:
        """Complete changes of a state that no other one names, with the earliest time of each."""
        complete: dict[ActId, int] = {}
        named: set[bytes] = set()
        for act in self.written(section, state):
            change = self._index.acts[act]
            if not isinstance(change, Change):
                continue
            heard = self._heard(section, state, act)
            if len({seat for _, _, seat in heard}) >= state.terms.threshold:
                complete[act] = min(place.time_ms for _, place, _ in heard)
                named.update(change.parents[1:])
        return {act: since_ms for act, since_ms in complete.items() if act not in named}

    def _heard(self, section: SectionId, state: State, act: ActId) -> list[tuple[AuthorId, Place, RootId]]:
        """Who among the stewards of a state consented, as far as stratum 1 leaves them that word."""
        given = self._index.consents.get(act, {})
        devices: Iterable[AuthorId] = given
        if len(given) > len(state.seats) and len(given) > len(
            of_seats := list(self._of_seats(section, state))
        ):
            devices = [device for device in of_seats if device in given]
        heard = []
        for device in devices:
            voice = self.voice(section, device)
            if voice is not None and voice[0] in state.seats and given[device].seq <= voice[1]:
                heard.append((device, given[device], voice[0]))
        return heard

    def _of_seats(self, section: SectionId, state: State) -> Iterable[AuthorId]:
        for seat in state.seats:
            for root in self.roots(section, seat):
                yield from self._index.of_root.get(root, ())

    def _seats(self, section: SectionId, terms: Terms) -> frozenset[RootId]:
        succession = self._successions.get(section)
        if succession is None:
            return frozenset(terms.stewards)
        return frozenset(succession.first.get(root, root) for root in terms.stewards)

    def _last_word(self, chain: Chain, number: int, device: AuthorId, seat: RootId) -> int:
        """Up to which seq later changes leave a device its word for the state of that number.

        A change up to the one that first retires the steward limits what it names; that one leaves
        nothing to what it does not name.
        """
        key = (chain.section, device)
        steps = self._steps.get(key)
        if steps is None:
            steps = self._steps[key] = _limit_steps(chain, device, seat)
        numbers, limits = steps
        at = bisect_left(numbers, number)
        return limits[at] if at < len(limits) else MAX_ID_SEQ


def _limit_steps(chain: Chain, device: AuthorId, seat: RootId) -> tuple[list[int], list[int]]:
    """Where the limits of a device change: the last number of a state each of them is for, and the limit."""
    numbers: list[int] = []
    limits: list[int] = []
    limit = MAX_ID_SEQ
    for number in range(len(chain.states) - 1, 0, -1):
        state = chain.states[number]
        if seat in state.seats:
            now = min(limit, state.ends.get(device, MAX_ID_SEQ))
        else:
            now = state.ends.get(device, 0) if seat in chain.states[number - 1].seats else MAX_ID_SEQ
        if now != limit:
            limit = now
            numbers.append(number - 1)
            limits.append(now)
    return numbers[::-1], limits[::-1]
