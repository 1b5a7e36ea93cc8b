"""Where entries are kept, as the rest of the program sees it. Two real implementations: `store.memory`
(tests, simulator) and `store.sqlite` (a home on disk).

Every method is synchronous and may be called from one thread at a time for writing; reading methods
may be called from any thread. Nothing here judges an entry: `node.intake` does, through `store.log`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, NewType, Protocol

from store.entry import Entry
from store.errors import NotFound
from store.ids import EntryId
from store.log import Evidence, Head, LogId, check_next, check_open

EntryKey = NewType("EntryKey", int)
"""Local number of an entry in a home: 1, 2, 3, … in the order of arrival, at most `MAX_KEY`. Never used
twice, not even after the entry was removed. It means nothing to other nodes and is never sent."""

MAX_KEY: Final = 2**30 - 1
"""A billion entries a home; leaves room for a time beside the key in one 64-bit integer."""


class LogState(NamedTuple):
    """What is held of one log."""

    head: Head | None
    """None: no entry yet (only evidence is known)."""
    checked_seq: int
    """Every signature up to this seq was checked one by one; 0: none."""
    evidence: Evidence | None


class Appended(NamedTuple):
    """A contiguous piece of one log in order of arrival."""

    arrival: int
    """Counts pieces from 1 in the order of commits at this node; a cursor for readers."""
    log_id: LogId
    first_seq: int
    last_seq: int


class KeyedRun(NamedTuple):
    """Consecutive entries of one log with their keys, as folds are given them."""

    first_key: EntryKey
    """Key of ``entries[0]``; the next entry has the next key, and so on."""
    entries: Sequence[Entry]


NOTHING_HELD: Final = LogState(None, 0, None)


class EntryStore(Protocol):
    """The log side of a store."""

    def logs(self) -> dict[LogId, LogState]:
        """Every log held, with its state. About 1 µs a log."""
        ...

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, or None where nothing is known of it."""
        ...

    def append(self, runs: Sequence[Sequence[Entry]], *, checked: bool, durable: bool) -> list[Appended]:
        """Append runs, each a non-empty chain that continues its log, in one transaction.

        `checked`: each signature was checked, not only the last of each run; a run of one entry counts
        as checked in any case. `durable`: return only once the bytes are safe against loss of power
        (full sync), as for our own entries. Links between the entries of a run are the caller's to
        check (`store.log.check_run`); here only the place where each run begins is.

        Raises:
            GapInLog, Forked, LogEnded: a run does not continue its log; nothing was written.
            StorageFull: nothing was written.
        """
        ...

    def entry(self, entry_id: EntryId) -> Entry:
        """One entry by its id. Raises: NotFound."""
        ...

    def find(self, low: bytes, high: bytes, limit: int) -> list[EntryId]:
        """At most `limit` ids between two 32-byte bounds, both included, in ascending order."""
        ...

    def range(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> list[Entry]:
        """Entries `first_seq` to `last_seq` that are held, in order; stops before headers, signatures
        and bodies would exceed `max_bytes`, but gives at least one entry where there is one."""
        ...

    def mark_checked(self, log_id: LogId, seq: int) -> None:
        """Note that all signatures up to `seq` are good."""
        ...

    def end_log(self, evidence: Evidence) -> Evidence:
        """Keep evidence (merged with what is held, see `store.log.stronger`), drop the entries from its
        seq on, and return what is held now."""
        ...

    def truncate(self, log_id: LogId, last_seq: int) -> None:
        """Drop the entries of a log after `last_seq` (0: all of them), and evidence about what lies there.

        Other than `end_log` it says nothing about the author: the log may grow again, also with other
        entries. Nothing is known of a log of which nothing is left.
        """
        ...

    def drop_body(self, entry_id: EntryId) -> None:
        """Forget the body of an entry; header and signature stay. Raises: NotFound."""
        ...

    def restore_body(self, entry_id: EntryId, body: bytes) -> None:
        """Put a missing body back. Raises: NotFound, InvalidEntry: it is another body."""
        ...

    def arrivals(self, after: int, limit: int) -> list[Appended]:
        """Pieces that were appended after arrival `after`, oldest first, at most `limit`."""
        ...

    def count(self) -> int:
        """How many entries are held."""
        ...

    def close(self) -> None:
        """Close; safe to call twice."""
        ...


def total_entries(states: Iterable[LogState]) -> int:
    """Entries in logs of these states."""
    return sum(state.head.seq for state in states if state.head is not None)


def states_after(
    known: Mapping[LogId, LogState], runs: Sequence[Sequence[Entry]], checked: bool
) -> dict[LogId, LogState]:
    """The new states of the logs that `runs` belong to, once they are appended to what is `known`.

    Raises:
        GapInLog, Forked, LogEnded: a run does not continue its log.
        ValueError: a run is empty.
    """
    changed: dict[LogId, LogState] = {}
    for run in runs:
        if not run:
            raise ValueError("a run has at least one entry")
        first, last = run[0], run[-1]
        log_id = LogId(first.author, first.log)
        state = changed.get(log_id) or known.get(log_id, NOTHING_HELD)
        check_open(state.evidence, last.seq)
        check_next(state.head, first)
        checked_seq = state.checked_seq
        if checked_seq == first.seq - 1 and (checked or len(run) == 1):
            checked_seq = last.seq
        changed[log_id] = LogState(Head(last.seq, last.id), checked_seq, state.evidence)
    return changed


def exceeds(state: LogState, last_seq: int) -> bool:
    """Does a log hold entries after `last_seq`, or evidence about what lies there?"""
    return (state.head is not None and state.head.seq > last_seq) or (
        state.evidence is not None and state.evidence.seq > last_seq
    )


def state_within(state: LogState, head: Head | None, last_seq: int) -> LogState:
    """What is left of `state` once a log was truncated to `last_seq` and ends with `head`."""
    evidence = state.evidence
    if evidence is not None and evidence.seq > last_seq:
        evidence = None
    return LogState(head, min(state.checked_seq, 0 if head is None else head.seq), evidence)


def checked_up_to(state: LogState, seq: int) -> LogState:
    """`state` with the signatures up to `seq` noted as good. Raises: NotFound: that entry is not held."""
    if state.head is None or seq > state.head.seq:
        raise NotFound(f"entry {seq} of that log is not held here")
    return state._replace(checked_seq=max(state.checked_seq, seq))
