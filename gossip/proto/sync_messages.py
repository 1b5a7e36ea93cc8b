"""The messages of a sync stream: values and their bytes. `docs/protocol/sync.md` has the tables.

`parse_sync` is the only way from bytes; whatever breaks a rule is a `RemoteFault`. A run leaves out
what its receiver can rebuild (seq, back links, commitments of bodies that are there); parsing it
rebuilds each header byte for byte, so a wrong one shows in the last signature.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from gossip.proto.fields import (
    HASH_BYTES,
    PROTOCOL_VERSION,
    is_bytes,
    require,
    require_version,
    values_of,
)
from gossip.proto.interest import Interest, parse_interest
from gossip.proto.messages import parse_evidence_values
from gossip.proto.parts import Part, parse_parts, part_values
from store.codec import encode, encode_trusted
from store.crypto import digest
from store.entry import MAX_SEQ, VERSION, Entry, build, check_fields, parse
from store.errors import InvalidEntry
from store.ids import MAX_LOGS_PER_AUTHOR, AuthorId, LogNo
from store.log import MAX_RUN_ENTRIES, LogId

_VALUES_PER_RUN_ENTRY: Final = 4
_RUN_FIELDS: Final = 5
_NONCE_BYTES: Final = 16


class Open(NamedTuple):
    """The initiator's first message."""

    interest: Interest
    nonce: bytes
    """16 random bytes: first half of the session's fingerprint key."""
    digest: bytes
    """32 bytes: of the frontier over both interests, as far as the initiator knows them."""
    logs: int
    """Logs in that frontier."""


class Same(NamedTuple):
    """The digests are equal; nothing to do."""


class Differ(NamedTuple):
    """The digests differ: the responder's side, and the first turn of the reconciliation."""

    interest: Interest
    nonce: bytes
    """16 random bytes: second half of the key."""
    digest: bytes
    """32 bytes, over the intersection of both interests."""
    parts: tuple[Part, ...]


class Turn(NamedTuple):
    """One side's turn of the reconciliation."""

    parts: tuple[Part, ...]


class Totals(NamedTuple):
    """The reconciliation is over for this side: what it is going to send."""

    entries: int
    size_bytes: int
    """An estimate, for people."""
    whole: bool
    """False: the sender left differences out of its turns, so that another session has to follow."""


class Run(NamedTuple):
    """A contiguous run of one log, rebuilt; the last signature is vouched for."""

    entries: tuple[Entry, ...]


class Ack(NamedTuple):
    """So many runs of this session were judged, in all."""

    runs: int


class Done(NamedTuple):
    """Every run was sent."""


class Bye(NamedTuple):
    """Everything received was judged and nothing is left to ask."""


class Contradiction(NamedTuple):
    """Evidence against an author, encoded."""

    evidence: bytes


class Probe(NamedTuple):
    """Please show your entry at that place (header and signature)."""

    log_id: LogId
    seq: int


class Shown(NamedTuple):
    """The entry that was asked for by `Probe`, without its body."""

    entry: Entry


class Stop(NamedTuple):
    """The sender has to end the session: why, for people (at most 200 characters)."""

    why: str


class Absent(NamedTuple):
    """The entry that was asked for by `Probe` is not held, or cannot be vouched for."""

    log_id: LogId
    seq: int


class Decline(NamedTuple):
    """Please send no more of that log in this session: it is not carried here, or it has ended."""

    log_id: LogId


SyncMessage: TypeAlias = (
    Open
    | Same
    | Differ
    | Turn
    | Totals
    | Run
    | Ack
    | Done
    | Bye
    | Contradiction
    | Probe
    | Shown
    | Stop
    | Absent
    | Decline
)


def encode_sync(message: SyncMessage) -> bytes:
    """The bytes of a sync message."""
    match message:
        case Run(entries):
            return _encode_run(entries)
        case Open(interest, nonce, known, logs):
            return encode([1, PROTOCOL_VERSION, interest.value(), nonce, known, logs])
        case Same():
            return encode([2])
        case Differ(interest, nonce, known, parts):
            return encode([3, interest.value(), nonce, known, *map(part_values, parts)])
        case Turn(parts):
            return encode([4, *map(part_values, parts)])
        case Totals(entries_sum, bytes_sum, whole):
            return encode([5, entries_sum, bytes_sum, whole])
        case _:
            return _encode_rest(message)


def _encode_rest(
    message: Ack | Done | Bye | Contradiction | Probe | Shown | Stop | Absent | Decline,
) -> bytes:
    match message:
        case Ack(runs):
            return encode([7, runs])
        case Done():
            return encode([8])
        case Bye():
            return encode([9])
        case Contradiction(evidence):
            return encode([10, evidence])
        case Probe(log_id, seq):
            return encode([11, log_id.author, log_id.log, seq])
        case Shown(entry):
            return encode([12, entry.header, entry.signature])
        case Stop(why):
            return encode([13, why])
        case Absent(log_id, seq):
            return encode([14, log_id.author, log_id.log, seq])
        case Decline(log_id):
            return encode([15, log_id.author, log_id.log])


def _encode_run(entries: Sequence[Entry]) -> bytes:
    """Author, log, first seq and back link once; then for each entry what cannot be rebuilt."""
    first = entries[0]
    flat: list[Any] = [6, first.author, first.log, first.seq, first.back]
    time_ms = 0
    for entry in entries:
        body: Any = entry.body
        if body is None:
            body = (entry.body_bytes, entry.commitment)
        flat += (entry.time_ms - time_ms, entry.links or None, entry.signature, body)
        time_ms = entry.time_ms
    return encode_trusted(flat)


def parse_sync(data: bytes) -> SyncMessage:
    """The sync message that `data` encodes. Raises: RemoteFault."""
    values = values_of(data)
    try:
        return _SYNC[values[0]](values)
    except (KeyError, TypeError) as error:
        raise RemoteFault("an unknown sync message", Severity.SLIGHT) from error
    except InvalidEntry as error:
        raise RemoteFault(f"a sync message with an invalid entry: {error}", Severity.HOSTILE) from error


def _parse_open(values: tuple[Any, ...]) -> Open:
    require(len(values) == 6, "open has six values")
    _, version, interest, nonce, known, logs = values
    require_version(version)
    require(is_bytes(nonce, _NONCE_BYTES) and is_bytes(known, HASH_BYTES), "open")
    require(type(logs) is int and logs >= 0, "number of logs")
    return Open(parse_interest(interest), nonce, known, logs)


def _parse_differ(values: tuple[Any, ...]) -> Differ:
    require(len(values) >= 4, "differ has four values and parts")
    _, interest, nonce, known, *parts = values
    require(is_bytes(nonce, _NONCE_BYTES) and is_bytes(known, HASH_BYTES), "differ")
    return Differ(parse_interest(interest), nonce, known, parse_parts(parts))


def _parse_run(values: tuple[Any, ...]) -> Run:
    count, rest = divmod(len(values) - _RUN_FIELDS, _VALUES_PER_RUN_ENTRY)
    require(rest == 0 and 1 <= count <= MAX_RUN_ENTRIES, "number of entries in a run")
    _, author, log, seq, back = values[:_RUN_FIELDS]
    entries: list[Entry] = []
    time_ms = 0
    for at in range(_RUN_FIELDS, len(values), _VALUES_PER_RUN_ENTRY):
        delta, links, signature, body = values[at : at + 4]
        require(type(delta) is int and is_bytes(signature, 64) and links != (), "an entry of a run")
        time_ms += delta
        if type(body) is bytes:
            size, commitment = len(body), digest(body)
        else:
            require(type(body) is tuple and len(body) == 2, "an entry of a run")
            (size, commitment), body = body, None
        fields = (VERSION, author, log, seq, back, size, commitment, time_ms, () if links is None else links)
        check_fields(fields)
        entry = build(fields, encode_trusted(fields), signature, body)
        entries.append(entry)
        back = entry.id
        seq += 1
    return Run(tuple(entries))


def _parse_log_id(author: Any, log: Any) -> LogId:  # noqa: ANN401 (values from outside)
    require(is_bytes(author, HASH_BYTES), "an author")
    require(type(log) is int and 0 <= log < MAX_LOGS_PER_AUTHOR, "a log")
    return LogId(AuthorId(author), LogNo(log))


def _parse_place(values: tuple[Any, ...]) -> tuple[LogId, int]:
    require(len(values) == 4, "the name of an entry")
    _, author, log, seq = values
    require(type(seq) is int and 1 <= seq <= MAX_SEQ, "a seq")
    return _parse_log_id(author, log), seq


def _parse_shown(values: tuple[Any, ...]) -> Shown:
    require(len(values) == 3, "shown")
    return Shown(parse(values[1], values[2], None))


def _parse_totals(values: tuple[Any, ...]) -> Totals:
    require(len(values) == 4, "totals")
    _, entries, size_bytes, whole = values
    require(type(entries) is int and type(size_bytes) is int, "totals")
    require(entries >= 0 and size_bytes >= 0 and type(whole) is bool, "totals")
    return Totals(entries, size_bytes, whole)


def _parse_ack(values: tuple[Any, ...]) -> Ack:
    require(len(values) == 2 and type(values[1]) is int and values[1] >= 1, "ack")
    return Ack(values[1])


def _parse_decline(values: tuple[Any, ...]) -> Decline:
    require(len(values) == 3, "decline")
    return Decline(_parse_log_id(values[1], values[2]))


def _parse_contradiction(values: tuple[Any, ...]) -> Contradiction:
    return Contradiction(parse_evidence_values(values).evidence)


def _parse_stop(values: tuple[Any, ...]) -> Stop:
    require(len(values) == 2 and type(values[1]) is str and len(values[1]) <= limits.MAX_STOP_CHARS, "stop")
    return Stop(values[1])


def _bare(message: SyncMessage) -> Callable[[tuple[Any, ...]], SyncMessage]:
    def parse_bare(values: tuple[Any, ...]) -> SyncMessage:
        require(len(values) == 1, "a message without values")
        return message

    return parse_bare


_SYNC: Final[dict[int, Callable[[tuple[Any, ...]], SyncMessage]]] = {
    1: _parse_open,
    2: _bare(Same()),
    3: _parse_differ,
    4: lambda values: Turn(parse_parts(values[1:])),
    5: _parse_totals,
    6: _parse_run,
    7: _parse_ack,
    8: _bare(Done()),
    9: _bare(Bye()),
    10: _parse_contradiction,
    11: lambda values: Probe(*_parse_place(values)),
    12: _parse_shown,
    13: _parse_stop,
    14: lambda values: Absent(*_parse_place(values)),
    15: _parse_decline,
}
