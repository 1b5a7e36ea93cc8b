"""Answers of a roster in full: views made of the strata, and a digest over all of them. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from node.federation.candidates import Candidates, inception_before
from node.federation.chains import Chain
from node.federation.index import DeviceLog, Index
from node.federation.memberships import Ends, JudgedGrant, Membership
from node.federation.names import ActId, RootId, SectionId
from node.federation.sections import Founding
from node.federation.statements import FOR_MEMBERS, Act, Change, Endorsement, Replacement
from node.federation.strata import Strata
from node.federation.views import ActState, ClaimState, Device, GrantState, Member, Section, Standing
from store.codec import encode_trusted
from store.crypto import digest
from store.ids import AuthorId, EntryId

_DIGEST: Final = b"asterism/roster/1\x00"


class Told:
    """What one state of a roster answers; made anew when the roster has changed."""

    def __init__(self, index: Index, founding: Founding, strata: Strata, candidates: Candidates) -> None:
        self._index = index
        self.strata = strata
        self._sections = strata.sections
        self._memberships = strata.memberships
        self.candidates = candidates
        self._counted: Counter[SectionId] | None = None
        self._seated: dict[RootId, set[SectionId]] | None = None
        self._chains = {**strata.sections.valid, **candidates.chains}

    def forget(self) -> None:
        """Somebody joined or left; sections are as they were."""
        self._counted = None

    def device(self, device: AuthorId) -> Device | None:
        """See `Roster.device`."""
        log = self._index.devices.get(device)
        if log is None or log.root is None:
            return None
        return self._device(log, log.root, self._memberships.of_root(log.root))

    def member(self, first: RootId) -> Member | None:
        """Somebody by his first root."""
        membership = self._memberships.of_root(first)
        if membership is None:
            return None
        logs = [
            (log, root) for root in membership.roots for log in self._index.of_root.get(root, {}).values()
        ]
        devices = sorted(self._device(log, root, membership) for log, root in logs)
        return Member(
            first,
            membership.roots[-1],
            membership.roots,
            membership.sections,
            membership.left,
            tuple(devices),
            membership.since_ms,
        )

    def members(self) -> list[Member]:
        """See `Roster.members`."""
        return [member for first in self._firsts() if (member := self.member(first)) is not None]

    def section(self, section: SectionId) -> Section | None:
        """See `Roster.section`."""
        chain = self._chains.get(section)
        return None if chain is None else self._section(chain)

    def sections(self) -> list[Section]:
        """See `Roster.sections`."""
        return [self._section(chain) for _, chain in sorted(self._chains.items())]

    def stewarded(self, member: RootId) -> list[Section]:
        """See `Roster.stewarded`."""
        if self._seated is None:
            self._seated = {}
            for section, chain in self._chains.items():
                for seat in chain.latest.seats:
                    for root in self._sections.chains.roots(section, seat):
                        self._seated.setdefault(root, set()).add(section)
        roots = self._memberships.succession.roots(self._memberships.first(member))
        seated = sorted({section for root in roots for section in self._seated.get(root, ())})
        return [self._section(self._chains[section]) for section in seated]

    def grants(self) -> list[GrantState]:
        """See `Roster.grants`."""
        return [grant for entry in sorted(self._index.grants) if (grant := self.grant(entry)) is not None]

    def grant(self, entry: EntryId) -> GrantState | None:
        """See `Roster.grant`."""
        judged = self._memberships.grant(entry)
        if judged is None:
            return None
        kept = self._memberships.told.get(entry)
        if kept is not None and kept[0] is judged:
            return kept[1]
        told = self._grant(entry, judged)
        if judged.counts and all(claim.root in judged.standing for claim in judged.claims):
            self._memberships.told[entry] = (judged, told)
        return told

    def _grant(self, entry: EntryId, judged: JudgedGrant) -> GrantState:
        noted, grant = judged.noted, judged.grant
        claims = tuple(self._claims(judged))
        named = {claim.section or claim.root for claim in claims}
        used = {claim.section or claim.root for claim in claims if claim.stands}
        return GrantState(
            entry,
            grant,
            judged.section,
            noted.device,
            judged.by,
            judged.counts,
            claims,
            None if judged.settled is None else tuple(sorted(judged.settled)),
            len(used),
            len(named) > grant.uses,
            noted.time_ms,
        )

    def grant_of_key(self, invite_key: bytes) -> GrantState | None:
        """See `Roster.grant_of_key`."""
        made = map(self._memberships.grant, self._index.grants_by_key.get(invite_key, ()))
        known = [(not judged.counts, judged.noted.entry) for judged in made if judged is not None]
        return self.grant(min(known)[1]) if known else None

    def acts(self) -> list[ActState]:
        """See `Roster.acts`."""
        found = (self._act(chain, number, act) for chain, number, act in self._written())
        return sorted(found, key=lambda each: each.act)

    def act(self, act: ActId) -> ActState | None:
        """See `Roster.act`."""
        statement = self._index.acts.get(act)
        if statement is None:
            return None
        state = statement.parents[0] if isinstance(statement, Change) else statement.state
        place = self._sections.chains.places.get(state)
        if place is None or place[0].section not in self._chains:
            return None
        chain, number = place
        if act not in self._sections.chains.written(chain.section, chain.states[number]):
            return None
        return self._act(chain, number, statement)

    def digest(self) -> bytes:
        """See `Roster.digest`."""
        told = [
            self._sections_plainly(),
            [_plain(member) for member in self.members()],
            [_plain(self.device(device)) for device in sorted(self._index.devices) if self._carried(device)],
            [_plain(grant) for grant in self.grants()],
            [_plain(act) for act in self.acts()],
        ]
        return digest(_DIGEST + encode_trusted(told))

    def _sections_plainly(self) -> list[object]:
        return [_plain(section) for section in self.sections()]

    def _carried(self, device: AuthorId) -> bool:
        log = self._index.devices.get(device)
        if log is None or log.root is None:
            return False
        return log.root in self.candidates.roots or self._memberships.of_root(log.root) is not None

    def _device(self, log: DeviceLog, root: RootId, membership: Membership | None) -> Device:
        member = self._memberships.first(root)
        ends: Ends | None = None
        if membership is None:
            waits = root in self.candidates.roots
            standing = Standing.CANDIDATE if waits else Standing.UNKNOWN
        else:
            ends = membership.devices[log.device]
            good = membership.sections and ends is None
            standing = Standing.MEMBER if good else Standing.FORMER
        told = None if ends is None else tuple(sorted(ends.items()))
        return Device(log.device, log.name, root, member, log.time_ms, standing, told)

    def _firsts(self) -> list[RootId]:
        """Everybody who may have been admitted."""
        known = self.strata.known
        roots = {*self._sections.stewarding, *self._index.admissions, *self._index.claims_by, *known}
        return sorted({self._memberships.first(root) for root in roots})

    def _section(self, chain: Chain) -> Section:
        latest = chain.latest
        by = self._sections.endorsed.get(chain.section, set())
        return Section(
            chain.section,
            latest.id,
            latest.terms,
            chain.section in self._sections.valid,
            chain.founding,
            tuple(sorted(by)),
            chain.rivals,
            tuple(state.id for state in chain.states),
            self._count()[chain.section],
            chain.states[0].since_ms,
        )

    def _count(self) -> Counter[SectionId]:
        if self._counted is None:
            self._counted = Counter()
            for first in self._firsts():
                membership = self._memberships.of_root(first)
                if membership is not None:
                    self._counted.update(membership.sections)
        return self._counted

    def _claims(self, judged: JudgedGrant) -> Iterator[ClaimState]:
        for_members, expires_ms = judged.grant.purpose == FOR_MEMBERS, judged.grant.expires_ms
        asked = self.candidates.claims.get(judged.noted.entry, {})
        keeps_word, standing = self._memberships.keeps_word, judged.standing
        for noted in judged.claims if judged.counts else self._memberships.fitting(judged):
            entry, (device, root, time_ms) = noted.entry, (noted.device, noted.root, noted.time_ms)
            if root in standing:
                stands = keeps_word(noted)
            elif not self._carried(device):
                continue
            else:
                stands = entry in asked
            section = None if for_members else inception_before(self._index, noted)
            yield ClaimState(entry, device, root, section, stands, time_ms > expires_ms, time_ms)

    def _written(self) -> Iterator[tuple[Chain, int, Act]]:
        chains = self._sections.chains
        for chain in self._chains.values():
            for number, state in enumerate(chain.states):
                for act in chains.written(chain.section, state):
                    yield chain, number, self._index.acts[act]

    def _act(self, chain: Chain, number: int, statement: Act) -> ActState:
        state = chain.states[number]
        chains = self._sections.chains
        if isinstance(statement, Change):
            given = chains.heard(chain.section, state, statement.act)
        else:
            given = chains.consents(chain, number, statement.act)
        complete = len(given) >= state.terms.threshold
        effective = self._effective(chain, number, statement, complete)
        seats = {root for seat in state.seats for root in chains.roots(chain.section, seat)}
        writers = [
            (place.time_ms, device)
            for device, place in self._index.writers[statement.act].items()
            if self._index.devices[device].root in seats
        ]
        since_ms, proposed_by = min(writers)
        return ActState(
            statement.act,
            statement,
            chain.section,
            tuple(sorted(given)),
            state.terms.threshold,
            complete or effective,
            effective,
            proposed_by,
            since_ms,
        )

    def _effective(self, chain: Chain, number: int, act: Act, complete: bool) -> bool:
        """Has it come about? A replacement that has may be the end of the word that made it complete."""
        if isinstance(act, Replacement):
            return act.act in self.strata.linked
        if isinstance(act, Change):
            return number + 1 < len(chain.states) and bytes(chain.states[number + 1].id) == act.act
        if not complete or chain.section not in self._sections.valid:
            return False
        if isinstance(act, Endorsement):
            return act.section != chain.section
        membership = self._memberships.of_root(act.root)
        return membership is not None and chain.section in membership.left


def _plain(value: object) -> object:
    """Named tuples, enums and statements as lists of what the codec has."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Standing):
        return int(value)
    return value
