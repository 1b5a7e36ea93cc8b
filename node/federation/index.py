"""What was said, sorted by what asks for it. Nothing is judged here but whose device it was. Pure.

An `Index` takes the statements of `id` logs in and out again. Of a log that does not begin with a
certificate only its length is kept, of others little more than what they say: a log of 4,096 entries of
2 KiB takes some 10 MB at worst.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar

from node.federation.cuts import LogEnd
from node.federation.inception import SignedInception
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.statements import (
    FOR_SECTIONS,
    Act,
    Admission,
    Begun,
    Certificate,
    Change,
    Claim,
    Consent,
    End,
    Endorsement,
    Grant,
    Replacement,
    RootCut,
    Said,
    Settlement,
    Statement,
    read,
)
from store.entry import Entry
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

LogEnds: TypeAlias = dict[int, int]
"""Last good seq by log number; a log that is not here is cut at 0."""

_Key = TypeVar("_Key")
_Sub = TypeVar("_Sub")
_Item = TypeVar("_Item")

ACTS: Final = (Change, Endorsement, End, Replacement)
SPOKEN: Final = (Consent, *ACTS)
"""What is of effect only as the word of a steward."""


class Place(NamedTuple):
    """Where something was said first by a device."""

    seq: int
    time_ms: int


class Noted(NamedTuple):
    """A statement as it is kept; see `Said`."""

    device: AuthorId
    root: RootId
    seq: int
    entry: EntryId
    time_ms: int
    statement: "Statement | CutNote"


class CutNote(NamedTuple):
    """A root's cut."""

    device: AuthorId
    ends: LogEnds
    named: tuple[LogEnd, ...]
    """The same with the ids of entries."""


class DeviceLog:
    """The `id` log of one device, as far as it is held."""

    __slots__ = ("certificate", "device", "held", "name", "root", "said", "time_ms")

    def __init__(self, device: AuthorId) -> None:
        self.device = device
        self.held = 0
        self.root: RootId | None = None
        """None: not certified."""
        self.name = ""
        self.time_ms = 0
        self.certificate = EntryId(b"")
        self.said: list[Noted] = []
        """Everything but the certificate, ascending by seq."""

    def certify(self, said: Said, certificate: Certificate) -> None:
        """Take the certificate in."""
        self.root = certificate.root
        self.name = certificate.device_name
        self.time_ms = said.time_ms
        self.certificate = said.entry

    @property
    def rank(self) -> tuple[int, EntryId]:
        """The order among the devices of a root."""
        return self.time_ms, self.certificate


def state_of(act: Act) -> StateId:
    """The state for which an act is made."""
    return act.parents[0] if isinstance(act, Change) else act.state


class Index:
    """See the module. Whoever changes it forgets what was computed from it."""

    def __init__(self, network: NetworkId) -> None:
        self.network = network
        self.logs: dict[AuthorId, DeviceLog] = {}
        self.devices: dict[AuthorId, DeviceLog] = {}
        """Certified ones."""
        self.of_root: dict[RootId, dict[AuthorId, DeviceLog]] = {}
        self.cuts: dict[tuple[RootId, AuthorId], dict[EntryId, LogEnds]] = {}
        """By who signed it and the device that it names."""
        self.named: dict[tuple[RootId, AuthorId], dict[EntryId, tuple[LogEnd, ...]]] = {}
        """The entries that these name."""
        self.acts: dict[ActId, Act] = {}
        self.writers: dict[ActId, dict[AuthorId, Place]] = {}
        self.consents: dict[ActId, dict[AuthorId, Place]] = {}
        """Writers consent too."""
        self.written: dict[tuple[StateId, RootId], dict[ActId, dict[AuthorId, None]]] = {}
        """Acts for a state by who wrote them, so that nobody pays for what strangers write."""
        self.begun: dict[SectionId, dict[EntryId, Noted]] = {}
        self.grants: dict[EntryId, Noted] = {}
        self.section_grants: dict[RootId, dict[EntryId, Noted]] = {}
        """Grants of purpose 1 by who granted."""
        self.grants_by_key: dict[bytes, dict[EntryId, Noted]] = {}
        self.settlements: dict[EntryId, dict[EntryId, Noted]] = {}
        self.admissions: dict[RootId, dict[EntryId, Noted]] = {}
        self.claims: dict[EntryId, dict[EntryId, Noted]] = {}
        """By grant."""
        self.claims_by: dict[RootId, dict[EntryId, Noted]] = {}

    def add(self, entries: Sequence[Entry]) -> tuple[list[Noted], bool]:
        """Take entries of one log in, in order: what they say, and did a device come with its certificate?

        Raises:
            ValueError: not of one `id` log, or not following on what is held.
        """
        if not entries:
            return [], False
        device = entries[0].author
        log = self.logs.get(device) or DeviceLog(device)
        for seq, entry in enumerate(entries, log.held + 1):
            if entry.author != device or entry.log != LOG_ID or entry.seq != seq:
                raise ValueError("entries of one id log, going on where it stands")
        self.logs[device] = log
        certified = False
        fresh: list[Noted] = []
        for entry in entries:
            log.held = entry.seq
            if log.root is None and entry.seq > 1:
                continue
            said = read(entry, self.network, log.root)
            if said is None:
                continue
            if isinstance(said.statement, Certificate):
                log.certify(said, said.statement)
                self.devices[device] = log
                self.of_root.setdefault(said.statement.root, {})[device] = log
                certified = True
            elif log.root is not None:
                fresh.append(_note(said, log.root))
        log.said += fresh
        for noted in fresh:
            self._put(noted)
        return fresh, certified

    def drop(self, device: AuthorId, from_seq: int) -> bool:
        """Take the tail of a log out, from a seq on. Was there something to take out?"""
        log = self.logs.get(device)
        if log is None or log.held < from_seq:
            return False
        while log.said and log.said[-1].seq >= from_seq:
            self._take(log.said.pop())
        log.held = max(from_seq, 1) - 1
        if log.held == 0:
            del self.logs[device]
            if log.root is not None:
                del self.devices[device]
                _remove(self.of_root, log.root, device)
        return True

    def inception(self, section: SectionId) -> tuple[SignedInception, int] | None:
        """A section's inception, where it stands in the log of a device of one of its stewards.

        With the earliest time that such an entry claims.
        """
        found: SignedInception | None = None
        since_ms = 0
        for noted in self.begun.get(section, {}).values():
            assert isinstance(noted.statement, Begun)
            inception = noted.statement.inception
            if found is None or noted.time_ms < since_ms:
                found, since_ms = inception, noted.time_ms
        return None if found is None else (found, since_ms)

    def _put(self, noted: Noted) -> None:
        self._shelve(noted, _insert)
        statement = noted.statement
        if isinstance(statement, Grant):
            self.grants[noted.entry] = noted
        elif isinstance(statement, Consent):
            self._consent(statement.act, noted)
        elif isinstance(statement, ACTS):
            act = statement.act
            self.acts.setdefault(act, statement)
            self.writers.setdefault(act, {}).setdefault(noted.device, Place(noted.seq, noted.time_ms))
            by_act = self.written.setdefault((state_of(statement), noted.root), {})
            by_act.setdefault(act, {})[noted.device] = None
            self._consent(act, noted)

    def _take(self, noted: Noted) -> None:
        """Take out what `_put` put in. Of one log the last goes first."""
        self._shelve(noted, _remove)
        statement = noted.statement
        if isinstance(statement, Grant):
            del self.grants[noted.entry]
        elif isinstance(statement, Consent):
            self._withdraw(statement.act, noted)
        elif isinstance(statement, ACTS):
            self._withdraw(statement.act, noted)
            self._unwrite(statement, noted)

    def _unwrite(self, act: Act, noted: Noted) -> None:
        if self.writers[act.act][noted.device].seq != noted.seq:
            return
        _remove(self.writers, act.act, noted.device)
        if act.act not in self.writers:
            del self.acts[act.act]
        key = (state_of(act), noted.root)
        _remove(self.written[key], act.act, noted.device)
        if not self.written[key]:
            del self.written[key]

    def _shelve(self, noted: Noted, do: "_Do") -> None:
        """Put a statement where it stands as a whole, or take it away from there."""
        statement, entry = noted.statement, noted.entry
        if isinstance(statement, Claim):
            if statement.root == noted.root:
                do(self.claims, statement.grant, entry, noted)
                do(self.claims_by, noted.root, entry, noted)
        elif isinstance(statement, CutNote):
            do(self.cuts, (noted.root, statement.device), entry, statement.ends)
            do(self.named, (noted.root, statement.device), entry, statement.named)
        elif isinstance(statement, Grant):
            do(self.grants_by_key, statement.invite_key, entry, noted)
            if statement.purpose == FOR_SECTIONS:
                do(self.section_grants, noted.root, entry, noted)
        elif isinstance(statement, Settlement):
            do(self.settlements, statement.grant, entry, noted)
        elif isinstance(statement, Admission):
            do(self.admissions, statement.root, entry, noted)
        elif isinstance(statement, Begun) and noted.root in statement.inception.terms.stewards:
            do(self.begun, statement.inception.section, entry, noted)

    def _consent(self, act: ActId, noted: Noted) -> None:
        self.consents.setdefault(act, {}).setdefault(noted.device, Place(noted.seq, noted.time_ms))

    def _withdraw(self, act: ActId, noted: Noted) -> None:
        if self.consents[act][noted.device].seq == noted.seq:
            _remove(self.consents, act, noted.device)


def _note(said: Said, root: RootId) -> Noted:
    statement: Statement | CutNote = said.statement
    if isinstance(statement, RootCut):
        cut = statement.cut
        statement = CutNote(cut.device, {end.log: end.seq for end in cut.ends}, cut.ends)
    return Noted(said.device, root, said.seq, said.entry, said.time_ms, statement)


class _Do(Protocol):
    def __call__(
        self, mapping: dict[_Key, dict[_Sub, _Item]], key: _Key, sub: _Sub, item: _Item, /
    ) -> None: ...


def _insert(mapping: dict[_Key, dict[_Sub, _Item]], key: _Key, sub: _Sub, item: _Item, /) -> None:
    mapping.setdefault(key, {})[sub] = item


def _remove(
    mapping: dict[_Key, dict[_Sub, _Item]], key: _Key, sub: _Sub, item: _Item | None = None, /
) -> None:
    inner = mapping[key]
    del inner[sub]
    if not inner:
        del mapping[key]
