"""Which statement can change which part of a roster: what has to be computed again. Pure.

Everything here may say too much and never too little: a test compares with a roster from scratch.
"""

from collections.abc import Iterable

from node.federation import limits
from node.federation.candidates import Candidates
from node.federation.devices import Devices
from node.federation.index import SPOKEN, CutNote, Index, Noted
from node.federation.names import RootId
from node.federation.statements import FOR_SECTIONS, Admission, Begun, Claim, Grant, Settlement
from node.federation.strata import Strata
from store.ids import AuthorId, EntryId


class Changes:
    """What is out of date."""

    def __init__(self, index: Index, devices: Devices) -> None:
        self._index = index
        self._devices = devices
        self.version = 0
        self.sections = False
        """Strata 2, 3 and 6 have to be computed again."""
        self.everything = False
        """And nothing that was kept may be used."""
        self.candidates = True
        self._touched: set[RootId] | None = set()
        self._gone: set[AuthorId] = set()

    def note(self, noted: Noted, strata: Strata, candidates: Candidates | None) -> None:
        """Something was said by an certified device."""
        statement = noted.statement
        if isinstance(statement, Claim):
            if statement.root == noted.root:
                self._note_claim(noted.root, statement.grant, strata)
        elif isinstance(statement, SPOKEN):
            self._note_word(noted.root, strata, candidates)
        elif isinstance(statement, CutNote):
            if statement.device in self._index.of_root.get(noted.root, ()):
                self._note_devices(noted.root, strata, candidates, shifts=True)
        elif isinstance(statement, Grant):
            self._note_grant(noted.entry, strata, statement.purpose == FOR_SECTIONS)
        elif isinstance(statement, Settlement):
            self._note_grant(statement.grant, strata, for_sections=True)
        elif isinstance(statement, Admission):
            self._touch([statement.root], strata)
            self.sections |= statement.root in strata.replacing
        elif isinstance(statement, Begun):
            self._note_inception(statement, strata, candidates)

    def note_device(self, device: AuthorId, strata: Strata, candidates: Candidates | None) -> None:
        """A device came with its certificate."""
        log = self._index.logs[device]
        assert log.root is not None
        many = len(self._index.of_root[log.root]) > limits.MAX_DEVICES
        self._note_devices(log.root, strata, candidates, shifts=many)

    def note_stranger(
        self, gone: AuthorId, root: RootId | None, claimed: Iterable[EntryId], strata: Strata
    ) -> None:
        """Something of a log was taken away on which nothing depends."""
        self._gone.add(gone)
        if root is not None:
            self._devices.forget(root)
            self._touch([root], strata)
        for grant in claimed:
            strata.memberships.forget_grant(grant)

    def note_all(self, gone: AuthorId | None = None) -> None:
        """Something was taken away, from this device's log: no shortcuts."""
        if gone is not None:
            self._gone.add(gone)
        self._devices.forget_all()
        self.version += 1
        self.sections = self.everything = self.candidates = True
        self._touched = None

    def touch_all(self) -> None:
        """The standing of anybody may have changed."""
        self._touched = None

    def settled(self) -> None:
        """Sections are up to date; candidates build on them."""
        self.sections = self.everything = False
        self.candidates = True

    def waited(self, roots: Iterable[RootId]) -> None:
        """Candidates are up to date; these are new among them, or no longer."""
        self.candidates = False
        if self._touched is not None:
            self._touched.update(roots)

    def take_touched(self) -> tuple[set[RootId] | None, frozenset[AuthorId]]:
        """Roots whose standing may have changed since the last call (None: anybody's); devices that went."""
        touched, gone = self._touched, frozenset(self._gone)
        self._touched, self._gone = set(), set()
        return touched, gone

    def _touch(self, roots: Iterable[RootId], strata: Strata) -> None:
        self.version += 1
        for root in roots:
            strata.memberships.forget_member(root)
            if self._touched is not None:
                first = strata.memberships.first(root)
                self._touched.update(strata.memberships.succession.roots(first))

    def _note_word(self, root: RootId, strata: Strata, candidates: Candidates | None) -> None:
        if root in strata.voices:
            self.version += 1
            self.sections = True
        elif candidates is None or root in candidates.roots:
            self.version += 1
            self.candidates = True

    def _note_devices(
        self, root: RootId, strata: Strata, candidates: Candidates | None, shifts: bool
    ) -> None:
        """The devices of a root changed; `shifts`: the word of some of them too."""
        self._devices.forget(root)
        self._touch([root], strata)
        self._note_word(root, strata, candidates)
        self.sections |= root in strata.replacing
        if shifts:
            for noted in self._index.claims_by.get(root, {}).values():
                if isinstance(noted.statement, Claim):
                    self._note_grant(noted.statement.grant, strata, for_sections=True)

    def _note_claim(self, root: RootId, grant: EntryId, strata: Strata) -> None:
        self.sections |= root in strata.replacing
        noted = self._index.grants.get(grant)
        if noted is None:
            return
        if len(self._index.claims[grant]) > limits.MAX_STANDING_CLAIMS:
            self._note_grant(grant, strata, for_sections=True)
            return
        strata.memberships.forget_grant(grant)
        self._touch([root], strata)
        self.sections |= grant in strata.replacing_grants
        self.candidates |= isinstance(noted.statement, Grant) and noted.statement.purpose == FOR_SECTIONS

    def _note_grant(self, grant: EntryId, strata: Strata, for_sections: bool) -> None:
        strata.memberships.forget_grant(grant)
        claims = self._index.claims.get(grant, {}).values()
        self._touch({noted.root for noted in claims}, strata)
        self.sections |= grant in strata.replacing_grants
        self.candidates |= for_sections

    def _note_inception(self, begun: Begun, strata: Strata, candidates: Candidates | None) -> None:
        section = begun.inception.section
        if section in strata.wanted or section in strata.sections.valid:
            self.version += 1
            self.sections = True
        if candidates is None or section in candidates.chains:
            self.version += 1
            self.candidates = True
