"""The roster: who belongs to a network, as a function of the set of statements. Pure.

The rules are in docs/protocol/federation.md, "The roster". A `Roster` takes entries of `id` logs, in any
order of the logs, and answers; it computes again only what is asked for and may have changed:

    index          what was said                                with each entry
    devices        stratum 1                                    by root
    sections       strata 2, 3 and 6                            all at once, where a steward's word changed
    memberships    strata 4 and 5                               by grant and by member
    candidates     sections that wait                           all at once, where one of theirs changed

The caller checks the signatures of entries; inner ones are checked here.
"""

from collections.abc import Mapping, Sequence

from node.federation.candidates import Candidates, find_candidates
from node.federation.changes import Changes
from node.federation.devices import Devices
from node.federation.inception import read_inception
from node.federation.index import Index
from node.federation.names import ActId, RootId, SectionId
from node.federation.pins import find_pins
from node.federation.sections import Founding
from node.federation.statements import Claim
from node.federation.strata import compute_strata
from node.federation.telling import Told
from node.federation.views import ActState, Device, GrantState, Member, Section, Standing
from store.charter import Charter
from store.entry import MAX_ID_SEQ, MAX_SEQ, Entry
from store.ids import LOG_ID, AuthorId, EntryId, LogNo
from store.log import Head, LogId


class Roster:
    """Who belongs to the network of a charter. Not for several threads at once."""

    def __init__(self, charter: Charter) -> None:
        """Raises: InvalidStatement: an inception in the charter is none; ValueError: an open circle."""
        if not charter.inceptions:
            raise ValueError("an open circle has no roster")
        inceptions = [read_inception(each) for each in charter.inceptions]
        self.charter = charter
        self.network = charter.network_id()
        self.needed = min(charter.endorsements, len(inceptions))
        """Endorsements that a new section needs."""
        self._founding = Founding({each.section: each.terms for each in inceptions}, self.needed)
        self._index = Index(self.network)
        self._devices = Devices(self._index)
        self._fits: dict[EntryId, bool] = {}
        self._strata = compute_strata(self._index, self._devices, self._founding, self._fits)
        self._candidates: Candidates | None = None
        self._changes = Changes(self._index, self._devices)
        self._told: Told | None = None
        self._told_version = -1

    @property
    def version(self) -> int:
        """Grows whenever an answer may have changed, and sometimes when none has."""
        return self._changes.version

    def add(self, entries: Sequence[Entry]) -> None:
        """Take entries of one `id` log in, in order, going on where the log stood here.

        Raises:
            ValueError: they do not go on there, or are not of one `id` log.
        """
        said, certified = self._index.add(entries)
        if certified:
            self._changes.note_device(entries[0].author, self._strata, self._candidates)
        for noted in said:
            self._changes.note(noted, self._strata, self._candidates)

    def drop(self, device: AuthorId, from_seq: int) -> None:
        """The `id` log of a device lost its tail, from this seq on; all of it from seq 1.

        Of a log that is not carried nothing depends, so nothing else is computed again.
        """
        log = self._index.logs.get(device)
        if log is None:
            return
        stranger = self.standing(device) is Standing.UNKNOWN
        root, claimed = log.root, []
        for noted in log.said:
            if noted.seq >= from_seq and isinstance(noted.statement, Claim):
                claimed.append(noted.statement.grant)
                self._fits.pop(noted.entry, None)
        if not self._index.drop(device, from_seq):
            return
        if stranger:
            self._changes.note_stranger(device, root, claimed, self._strata)
        else:
            self._changes.note_all(device)

    def take_touched(self) -> frozenset[AuthorId]:
        """Devices whose standing or ends may have changed since the last call, and perhaps others."""
        self._settle()
        self._waiting()
        roots, gone = self._changes.take_touched()
        if roots is None:
            return gone | self._index.devices.keys()
        return gone.union(*(self._index.of_root.get(root, ()) for root in roots))

    def settle(self) -> None:
        """Compute now what the next question would: for a moment when nobody waits."""
        self._settle()
        self._waiting()

    def held(self, device: AuthorId) -> int:
        """Last seq added of the `id` log of a device; 0: none of it."""
        log = self._index.logs.get(device)
        return 0 if log is None else log.held

    def standing(self, device: AuthorId) -> Standing:
        """How a device stands."""
        self._settle()
        log = self._index.devices.get(device)
        if log is None or log.root is None:
            return Standing.UNKNOWN
        membership = self._strata.memberships.of_root(log.root)
        if membership is None:
            waits = log.root in self._waiting().roots
            return Standing.CANDIDATE if waits else Standing.UNKNOWN
        good = membership.sections and membership.devices[device] is None
        return Standing.MEMBER if good else Standing.FORMER

    def last_good(self, log_id: LogId) -> int:
        """Up to which seq a log is carried: 0 none, `MAX_SEQ` all of it; of an `id` log `MAX_ID_SEQ`."""
        device, log = log_id
        standing = self.standing(device)
        if log == LOG_ID:
            return 0 if standing is Standing.UNKNOWN else MAX_ID_SEQ
        if standing is Standing.MEMBER:
            return MAX_SEQ
        if standing is not Standing.FORMER:
            return 0
        certified = self._index.devices[device].root
        membership = None if certified is None else self._strata.memberships.of_root(certified)
        ends = None if membership is None else membership.devices[device]
        return 0 if ends is None else ends.get(log, 0)

    def pins(self, device: AuthorId) -> dict[LogNo, Head]:
        """By log the entry at which cuts that count leave a device."""
        self._settle()
        return find_pins(self._index, self._strata.memberships, device)

    def member_of(self, device: AuthorId) -> RootId | None:
        """The first root of the member to whom a certified device belongs, admitted or not."""
        self._settle()
        log = self._index.devices.get(device)
        return None if log is None or log.root is None else self._strata.memberships.first(log.root)

    def device(self, device: AuthorId) -> Device | None:
        """A certified device, admitted or not."""
        self._settle()
        return self._tell().device(device)

    def member(self, member: RootId) -> Member | None:
        """Somebody who was ever admitted, by any of his roots."""
        self._settle()
        return self._tell().member(self._strata.memberships.first(member))

    def members(self) -> list[Member]:
        """All who were ever admitted, ascending by id."""
        return self._tell().members()

    def section(self, section: SectionId) -> Section | None:
        """A section that is valid or a candidate."""
        return self._tell().section(section)

    def sections(self) -> list[Section]:
        """Valid sections and candidates, ascending by id."""
        return self._tell().sections()

    def stewarded(self, member: RootId) -> list[Section]:
        """Sections in whose latest state a member is a steward, candidates too, ascending by id."""
        return self._tell().stewarded(member)

    def grants(self) -> list[GrantState]:
        """Grants by stewards of valid sections, ascending by entry id."""
        return self._tell().grants()

    def grant(self, entry: EntryId) -> GrantState | None:
        """A grant by a steward of a valid section, by its entry."""
        return self._tell().grant(entry)

    def grant_of_key(self, invite_key: bytes) -> GrantState | None:
        """The grant with this invite key: of several one that counts, then the smallest entry id."""
        return self._tell().grant_of_key(invite_key)

    def acts(self) -> list[ActState]:
        """What stewards of valid sections and candidates wrote to do together, ascending by act id."""
        return self._tell().acts()

    def act(self, act: ActId) -> ActState | None:
        """One of these."""
        return self._tell().act(act)

    def supporters(self) -> list[AuthorId]:
        """Devices of all who are or were stewards of valid sections: a newcomer needs their `id` logs."""
        self._settle()
        roots = sorted(self._strata.sections.voices)
        return sorted(device for root in roots for device in self._index.of_root.get(root, ()))

    def digest(self) -> bytes:
        """32 bytes over all answers: the same for the same set of statements."""
        return self._tell().digest()

    def _tell(self) -> Told:
        self._settle()
        waiting = self._waiting()
        told = self._told
        if told is None or told.strata is not self._strata or told.candidates is not waiting:
            told = self._told = Told(self._index, self._founding, self._strata, waiting)
        elif self._told_version != self.version:
            told.forget()
        self._told_version = self.version
        return told

    def _settle(self) -> None:
        """Bring sections up to date."""
        changes = self._changes
        if not changes.sections:
            return
        strata = compute_strata(self._index, self._devices, self._founding, self._fits)
        if not changes.everything and strata.fingerprint == self._strata.fingerprint:
            kept = self._strata.memberships
            kept.sections, kept.succession = strata.sections, strata.memberships.succession
            strata = strata._replace(memberships=kept)
        else:
            changes.touch_all()
            self._candidates = None
        self._strata = strata
        changes.settled()

    def _waiting(self) -> Candidates:
        """The candidates, brought up to date."""
        if self._candidates is None or self._changes.candidates:
            before = frozenset() if self._candidates is None else self._candidates.roots
            self._candidates = find_candidates(self._index, self._strata.sections, self._strata.memberships)
            self._changes.waited(before ^ self._candidates.roots)
        return self._candidates


def roster_at(charter: Charter, entries_by_log: Mapping[AuthorId, Sequence[Entry]], time_ms: int) -> Roster:
    """The roster by the claimed times: of each `id` log what stands before the first later entry."""
    roster = Roster(charter)
    for entries in entries_by_log.values():
        until = next(
            (number for number, entry in enumerate(entries) if entry.time_ms > time_ms), len(entries)
        )
        roster.add(entries[:until])
    return roster
