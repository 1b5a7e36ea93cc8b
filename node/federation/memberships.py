"""Strata 4 and 5: who is admitted, by what, and whose membership ended. Pure.

Everything is computed when it is asked for and kept until it is forgotten: members are many, and most
of what is said concerns one of them.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from node.federation import bare, limits
from node.federation.bare import check
from node.federation.chains import Succession
from node.federation.devices import NO_LOGS, Devices, merge_ends
from node.federation.index import Index, LogEnds, Noted
from node.federation.names import RootId, SectionId
from node.federation.sections import Sections
from node.federation.statements import FOR_MEMBERS, Admission, Claim, End, Grant, Settlement
from node.federation.views import GrantState
from store.errors import BadSignature
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

Ends: TypeAlias = Mapping[int, int]


class JudgedGrant(NamedTuple):
    """A grant, and what it brings about."""

    noted: Noted
    grant: Grant
    section: SectionId
    by: RootId
    counts: bool
    settled: frozenset[bytes] | None
    """What the settlements that count list; None: there are none."""
    claims: list[Noted]
    """Made with the invite; empty where the grant does not count."""
    standing: Mapping[bytes, list[Noted]]
    """Claims that stand, or would if their device had not been cut before, by root; none for sections."""


class Membership(NamedTuple):
    """Somebody whom a valid section admits or admitted."""

    roots: tuple[RootId, ...]
    sections: tuple[SectionId, ...]
    left: tuple[SectionId, ...]
    came: frozenset[SectionId]
    """Sections to which he came by himself: by a claim that stands, or as one who signed the inception."""
    withdrawn: frozenset[SectionId]
    """Those to which he came by a claim that his own cuts took back."""
    since_ms: int
    devices: Mapping[AuthorId, Ends | None]
    """Where the logs of each end; None: nowhere."""


_NEVER_MS: Final = 2**63


class Memberships:
    """See the module. `sections` may be exchanged for one with the same fingerprint."""

    def __init__(
        self,
        index: Index,
        devices: Devices,
        sections: Sections,
        succession: Succession,
        fits: dict[EntryId, bool],
    ) -> None:
        self.sections = sections
        self.succession = succession
        self._index = index
        self._devices = devices
        self._fits = fits
        self._known: frozenset[RootId] = frozenset()
        self._grants: dict[EntryId, JudgedGrant | None] = {}
        self.told: dict[EntryId, tuple[JudgedGrant, GrantState]] = {}
        """Grants as `node.federation.telling` told them; good as long as they are judged so."""
        self._members: dict[RootId, Membership | None] = {}

    def know(self, roots: frozenset[RootId]) -> None:
        """Take these as former members where they are none: replacements depend on what they said."""
        self._known = roots
        self._members.clear()

    def forget_grant(self, grant: EntryId) -> None:
        """Something was said about a grant."""
        self._grants.pop(grant, None)
        self.told.pop(grant, None)

    def forget_member(self, root: RootId) -> None:
        """Something was said about a member or his devices."""
        self._members.pop(self.first(root), None)

    def first(self, root: RootId) -> RootId:
        """The first root of the member for whom a root speaks."""
        return self.succession.first.get(root, root)

    def of_root(self, root: RootId) -> Membership | None:
        """The membership of the member for whom a root speaks; None: never admitted."""
        first = self.succession.first.get(root, root)
        try:
            return self._members[first]
        except KeyError:
            membership = self._judge(first)
        if membership is not None or root in self._index.of_root:
            self._members[first] = membership
        return membership

    def grant(self, entry: EntryId) -> JudgedGrant | None:
        """What a grant brings about; None if it is not one of a steward of a valid section."""
        if entry not in self._grants:
            noted = self._index.grants.get(entry)
            self._grants[entry] = None if noted is None else self._judge_grant(noted)
        return self._grants[entry]

    def keeps_word(self, noted: Noted) -> bool:
        """Does what cuts a device leave it what it said there for its own member?

        Where the root was replaced, what either the old root or the section leaves it: neither takes
        away what the member has in other sections.
        """
        device, root, seq, *_ = noted
        if seq <= self._devices.of(root)[device].word:
            return True
        link = self.succession.links.get(root)
        return link is not None and seq <= link.ends.get(device, NO_LOGS).get(LOG_ID, 0)

    def fitting(self, grant: JudgedGrant) -> list[Noted]:
        """Claims made with the invite of a grant, ascending by entry id.

        Not asked here: whether their devices were cut before that. Who cuts what he himself claimed with is
        carried like a former member, so that everybody knows of the cut.
        """
        claims = self._index.claims.get(grant.noted.entry, {})
        return [claim for _, claim in sorted(claims.items()) if self._fit(claim, grant.grant)]

    def _fit(self, noted: Noted, grant: Grant) -> bool:
        """Was a claim signed with the invite? Checked once."""
        fits = self._fits.get(noted.entry)
        if fits is None:
            fits = self._fits[noted.entry] = claim_fits(noted, grant, self._index.network)
        return fits

    def _judge_grant(self, noted: Noted) -> JudgedGrant | None:
        grant = noted.statement
        assert isinstance(grant, Grant)
        place = self.sections.place(grant.state)
        if place is None:
            return None
        section = place[0].section
        seat = self.sections.chains.seat(section, noted.root)
        if seat not in place[0].states[place[1]].seats:
            return None
        counts = self.sections.word(grant.state, noted.device, noted.seq) is not None
        judged = JudgedGrant(noted, grant, section, seat, counts, self._settled(noted.entry, section), [], {})
        if not counts:
            return judged
        claims = self.fitting(judged)
        if grant.purpose != FOR_MEMBERS:
            return judged._replace(claims=claims)
        standing: dict[bytes, list[Noted]] = {}
        for claim in claims:
            if claim.root in standing:
                standing[claim.root].append(claim)
            elif judged.settled is not None:
                if claim.root in judged.settled:
                    standing[claim.root] = [claim]
            elif len(standing) < limits.MAX_STANDING_CLAIMS:
                standing[claim.root] = [claim]
        return judged._replace(claims=claims, standing=standing)

    def _settled(self, grant: EntryId, section: SectionId) -> frozenset[bytes] | None:
        listed: set[bytes] | None = None
        for noted in self._index.settlements.get(grant, {}).values():
            assert isinstance(noted.statement, Settlement)
            word = self.sections.word(noted.statement.state, noted.device, noted.seq)
            if word is not None and word[0] == section:
                listed = (listed or set()) | set(noted.statement.roots)
        return None if listed is None else frozenset(listed)

    def _judge(self, first: RootId) -> Membership | None:
        roots = self.succession.roots(first)
        withdrawn: set[SectionId] = set()
        admitted: dict[SectionId, int] = {}
        came: set[SectionId] = set()
        for root in roots:
            withdrawn |= self._admit(root, admitted, came)
            link = self.succession.links.get(root)
            if link is not None and link.section in self.sections.valid:
                admitted.setdefault(link.section, _NEVER_MS)
        if not admitted:
            known = withdrawn or not self._known.isdisjoint(roots)
            return self._former(roots, frozenset(withdrawn)) if known else None
        ended = {section: ends for section in sorted(admitted) if (ends := self._ends(section, roots))}
        since_ms = min(admitted.values())
        return Membership(
            roots,
            tuple(section for section in sorted(admitted) if section not in ended),
            tuple(ended),
            frozenset(came),
            frozenset(withdrawn),
            0 if since_ms == _NEVER_MS else since_ms,
            self._device_ends(roots, list(ended.values()) if len(ended) == len(admitted) else []),
        )

    def _former(self, roots: tuple[RootId, ...], withdrawn: frozenset[SectionId]) -> Membership:
        """Somebody who cut the device with which he claimed, or whose admission a replacement took away."""
        devices = {device: NO_LOGS for root in roots for device in self._devices.of(root)}
        return Membership(roots, (), (), frozenset(), withdrawn, 0, devices)

    def _admit(self, root: RootId, admitted: dict[SectionId, int], came: set[SectionId]) -> set[SectionId]:
        """By what a root is admitted: note the sections, the earliest times, and where it came by itself.

        Where would it be admitted by claims that its own cuts took back?
        """
        withdrawn: set[SectionId] = set()

        def note(section: SectionId, time_ms: int) -> None:
            admitted[section] = min(time_ms, admitted.get(section, time_ms))

        for section, time_ms in self.sections.stewarding.get(root, {}).items():
            note(section, time_ms)
            if root in self.sections.valid[section].states[0].terms.stewards:
                came.add(section)
        for noted in self._index.admissions.get(root, {}).values():
            assert isinstance(noted.statement, Admission)
            word = self.sections.word(noted.statement.state, noted.device, noted.seq)
            if word is not None:
                note(word[0], noted.time_ms)
        for noted in self._index.claims_by.get(root, {}).values():
            assert isinstance(noted.statement, Claim)
            grant = self.grant(noted.statement.grant)
            if grant is None or noted not in grant.standing.get(root, ()):
                continue
            if self.keeps_word(noted):
                note(grant.section, noted.time_ms)
                came.add(grant.section)
            else:
                withdrawn.add(grant.section)
        return withdrawn

    def _ends(self, section: SectionId, roots: Iterable[RootId]) -> list[End]:
        """Ends of a membership that have effect."""
        if any(self.sections.latest_steward(section, root) for root in roots):
            return []
        return [end for root in roots for end in self.sections.ends.get(root, {}).get(section, ())]

    def _device_ends(self, roots: Iterable[RootId], ended: list[list[End]]) -> dict[AuthorId, Ends | None]:
        """Where the logs of each device end; `ended`: of all sections, if no membership is left."""
        devices: dict[AuthorId, Ends | None] = {}
        for root in roots:
            link = self.succession.links.get(root)
            for device, kept in self._devices.of(root).items():
                own = kept.ends if link is None else link.ends.get(device, NO_LOGS)
                if ended:
                    allowed = _union(_named(ends, device, link is not None) for ends in ended)
                    own = allowed if own is None else own if allowed is None else merge_ends((own, allowed))
                devices[device] = own
        return devices


def claim_fits(noted: Noted, grant: Grant, network: NetworkId) -> bool:
    """Was a claim signed with the invite of a grant?"""
    claim = noted.statement
    assert isinstance(claim, Claim)
    message = bare.claim_message(network, claim.grant, claim.root, noted.device, claim.hub, claim.nonce)
    try:
        check(grant.invite_key, claim.signature, message)
    except BadSignature:
        return False
    return True


def _named(ends: list[End], device: AuthorId, replaced: bool) -> Ends | None:
    """What one section's ends leave of a device: a replaced root's devices are cut already."""
    cuts = [
        {int(end.log): end.seq for end in cut.ends}
        for act in ends
        for cut in act.cuts
        if cut.device == device
    ]
    if cuts:
        return merge_ends(cuts)
    return None if replaced else NO_LOGS


def _union(allowed: Iterable[Ends | None]) -> Ends | None:
    """What is good by at least one of several sections."""
    union: LogEnds = {}
    for ends in allowed:
        if ends is None:
            return None
        for log, seq in ends.items():
            union[log] = max(seq, union.get(log, 0))
    return union
