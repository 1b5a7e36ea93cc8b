"""The rules of one log: what may come next, runs accepted on their last signature, and evidence.

A log is named by `LogId` (author and number). What a node holds of it is a `Head`: a contiguous
prefix from seq 1. A log ends for good where there is `Evidence` against its author:

    fork   two different entries, both validly signed, with the same author, log and seq
    bad    an entry whose own signature is wrong, hash-linked from later entries of the same log of
           which the last is validly signed (so the author vouched for it)

The state of a log is a function of the set of entries seen, whatever their order: the evidence at the
lowest seq counts, at one seq a fork counts before a bad entry, of several forked entries the two of
smallest id, of several bad ones the smallest id. The prefix before that seq stays good.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from store.codec import decode_shaped, encode
from store.crypto import digest
from store.entry import MAX_HEADER_BYTES, Entry, parse
from store.errors import BadSignature, Forked, GapInLog, InvalidEntry, LogEnded
from store.ids import AuthorId, EntryId, LogNo, NetworkId

MAX_RUN_ENTRIES: Final = 1_024
"""Most entries that are accepted on one signature; bounds the size of evidence about a bad one."""

MAX_EVIDENCE_BYTES: Final = MAX_RUN_ENTRIES * (MAX_HEADER_BYTES + 80) + 100
"""A run of the largest headers with their signatures."""

FORK: Final = 0
BAD: Final = 1


class LogId(NamedTuple):
    """Names a log: author (32 bytes) and number (0 to 31)."""

    author: AuthorId
    log: LogNo


class Head(NamedTuple):
    """The last entry of a contiguous prefix that is held: its seq (from 1) and id (32 bytes)."""

    seq: int
    id: EntryId


class Evidence(NamedTuple):
    """A proof against the author of a log; see the module. Anyone can check it.

    `entries` are without bodies: for a fork the two, smaller id first; for a bad entry that entry and
    its successors up to one that is validly signed (whoever makes it stops at the first).
    """

    kind: int
    log_id: LogId
    seq: int
    entries: tuple[Entry, ...]

    def digest(self) -> bytes:
        """32 bytes that name what this evidence says, for comparing frontiers.

        Of a bad entry only its own id counts: the successors that prove it may differ.
        """
        named = self.entries if self.kind == FORK else self.entries[:1]
        return digest(b"asterism/evidence/1\x00" + bytes([self.kind]) + b"".join(entry.id for entry in named))

    def encode(self) -> bytes:
        """Canonical msgpack ``[kind, [header, signature, …]]``."""
        parts: list[bytes] = []
        for entry in self.entries:
            parts += (entry.header, entry.signature)
        return encode([self.kind, parts])


def check_next(head: Head | None, entry: Entry) -> None:
    """Check that `entry` is the one after `head` (None: the log is empty). Signatures aside.

    Raises:
        GapInLog: entries between are missing.
        Forked: it stands where another entry is held, or links back to another one.
    """
    expected = 1 if head is None else head.seq + 1
    if entry.seq > expected:
        raise GapInLog(f"entry {entry.seq} came where {expected} is next", expected)
    if entry.seq < expected:
        raise Forked(f"entry {entry.seq} is not the one held at that place", entry.seq)
    if head is not None and entry.back != head.id:
        raise Forked(f"entry {entry.seq} links back to another entry than the one held", head.seq)


def check_run(head: Head | None, entries: Sequence[Entry], network: NetworkId) -> None:
    """Check a contiguous run after `head`: every link, and the signature of its last entry only.

    The other signatures have to be checked later, before one of them is vouched for as a head.

    Raises:
        GapInLog, Forked: it does not continue the log.
        InvalidEntry: it is empty, too long, mixed, or broken inside.
        BadSignature: of the last entry.
    """
    if not 1 <= len(entries) <= MAX_RUN_ENTRIES:
        raise InvalidEntry(f"a run has 1 to {MAX_RUN_ENTRIES} entries")
    first = entries[0]
    check_next(head, first)
    author, log, seq, last_id = first.author, first.log, first.seq, first.id
    for entry in entries[1:]:
        seq += 1
        if entry.back != last_id or entry.seq != seq or entry.author != author or entry.log != log:
            raise InvalidEntry("a run that is not one chain")
        last_id = entry.id
    entries[-1].check_signature(network)


def fork_proof(one: Entry, other: Entry, network: NetworkId) -> Evidence:
    """The evidence that two entries at one place are; both signatures are checked.

    Raises:
        InvalidEntry: they are the same, or not at one place of one log.
        BadSignature: one of them is not the author's.
    """
    if one.id == other.id or (one.author, one.log, one.seq) != (
        other.author,
        other.log,
        other.seq,
    ):
        raise InvalidEntry("a fork is two different entries at one place of one log")
    one.check_signature(network)
    other.check_signature(network)
    pair = sorted((one.without_body(), other.without_body()), key=lambda entry: entry.id)
    return Evidence(FORK, LogId(one.author, one.log), one.seq, tuple(pair))


def bad_proof(entries: Sequence[Entry], network: NetworkId) -> Evidence:
    """The evidence that the first of a chain of entries is badly signed and the last vouches for it.

    Raises:
        InvalidEntry: no chain of 2 to `MAX_RUN_ENTRIES` + 1 entries, or its first is well signed.
        BadSignature: the last is not the author's.
    """
    if not 2 <= len(entries) <= MAX_RUN_ENTRIES + 1:
        raise InvalidEntry("evidence about a bad entry is a chain of at least two")
    first = entries[0]
    for before, after in pairwise(entries):
        same = (after.author, after.log, after.seq) == (
            before.author,
            before.log,
            before.seq + 1,
        )
        if not same or after.back != before.id:
            raise InvalidEntry("evidence that is not one chain")
    entries[-1].check_signature(network)
    try:
        first.check_signature(network)
    except BadSignature:
        chain = tuple(entry.without_body() for entry in entries)
        return Evidence(BAD, LogId(first.author, first.log), first.seq, chain)
    raise InvalidEntry("the entry is well signed")


def parse_evidence(data: bytes, network: NetworkId) -> Evidence:
    """The checked evidence that `data` encodes.

    Raises:
        InvalidEntry: it proves nothing, is not canonical, or is over `MAX_EVIDENCE_BYTES`.
    """
    value: Any = decode_shaped(data, MAX_EVIDENCE_BYTES, 2 * (MAX_RUN_ENTRIES + 1))
    if type(value) is not tuple or len(value) != 2 or type(value[1]) is not tuple or len(value[1]) % 2:
        raise InvalidEntry("evidence is a kind and a list of headers and signatures")
    kind, parts = value
    if any(type(part) is not bytes for part in parts):
        raise InvalidEntry("evidence consists of bytes")
    entries = [
        parse(header, signature, None) for header, signature in zip(parts[::2], parts[1::2], strict=True)
    ]
    if kind == FORK and type(kind) is int and len(entries) == 2:
        evidence = fork_proof(entries[0], entries[1], network)
    elif kind == BAD and type(kind) is int:
        evidence = bad_proof(entries, network)
    else:
        raise InvalidEntry("unknown kind of evidence")
    if evidence.entries != tuple(entries):
        raise InvalidEntry("evidence in another order than the canonical one")
    return evidence


def stronger(held: Evidence | None, new: Evidence) -> Evidence:
    """What counts of two pieces of evidence about one log; see the module. Commutative and associative."""
    if held is None:
        return new
    if (held.seq, held.kind) != (new.seq, new.kind):
        return min(held, new, key=lambda evidence: (evidence.seq, evidence.kind))
    if held.kind == BAD:
        return min(
            held,
            new,
            key=lambda evidence: (
                evidence.entries[0].id,
                len(evidence.entries),
                evidence.encode(),
            ),
        )
    by_id = {entry.id: entry for entry in held.entries + new.entries}
    first, second = sorted(by_id)[:2]
    if (first, second) == (held.entries[0].id, held.entries[1].id):
        return held
    return Evidence(FORK, held.log_id, held.seq, (by_id[first], by_id[second]))


def check_open(evidence: Evidence | None, seq: int) -> None:
    """Check that a log still takes an entry at `seq`. Raises: LogEnded."""
    if evidence is not None and seq >= evidence.seq:
        raise LogEnded(f"this log ended before entry {evidence.seq}: its author contradicted itself there")
