"""Entries in dictionaries: the store of tests and of the simulator. Nothing survives the process.

Made to be light when a thousand of them live in one process: entries are shared objects that are
only referred to, arrivals are packed integers, and the index by id is built when it is first asked.
"""

from array import array
from collections.abc import Sequence
from itertools import islice
from typing import Final

from store.entry import Entry
from store.errors import NotFound
from store.ids import EntryId
from store.interface import NOTHING_HELD, Appended, LogState, checked_up_to, state_within, states_after
from store.log import Evidence, Head, LogId, stronger

_ARRIVAL_INTS: Final = 3


class MemoryEntryStore:
    """`store.interface.EntryStore` without a disk. For one thread at a time."""

    __slots__ = ("_arrivals", "_by_id", "_entries", "_names", "_numbers", "_states")

    def __init__(self) -> None:
        self._states: dict[LogId, LogState] = {}
        self._entries: dict[LogId, list[Entry]] = {}
        self._numbers: dict[LogId, int] = {}
        self._names: list[LogId] = []
        self._arrivals = array("q")
        self._by_id: dict[EntryId, Entry] | None = None

    def logs(self) -> dict[LogId, LogState]:
        """Every log held, with its state."""
        return dict(self._states)

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, or None where nothing is known of it."""
        return self._states.get(log_id)

    def append(self, runs: Sequence[Sequence[Entry]], *, checked: bool, durable: bool) -> list[Appended]:
        """Append runs, all or none; `durable` changes nothing here.

        Raises:
            GapInLog, Forked, LogEnded: a run does not continue its log; nothing was kept.
        """
        self._states.update(states_after(self._states, runs, checked))
        return [self._add(run) for run in runs]

    def entry(self, entry_id: EntryId) -> Entry:
        """One entry by its id. Raises: NotFound."""
        try:
            return self._index()[entry_id]
        except KeyError:
            raise NotFound("no such entry is held here") from None

    def find(self, low: bytes, high: bytes, limit: int) -> list[EntryId]:
        """At most `limit` ids between two 32-byte bounds, both included, ascending. Looks at every id."""
        return sorted(entry_id for entry_id in self._index() if low <= entry_id <= high)[:limit]

    def range(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> list[Entry]:
        """Entries `first_seq` to `last_seq` that are held, in order, at most `max_bytes` but at least one."""
        found: list[Entry] = []
        left_bytes = max_bytes
        for entry in self._entries.get(log_id, [])[max(first_seq, 1) - 1 : max(last_seq, 0)]:
            left_bytes -= len(entry.header) + len(entry.signature) + len(entry.body or b"")
            if left_bytes < 0 and found:
                break
            found.append(entry)
        return found

    def mark_checked(self, log_id: LogId, seq: int) -> None:
        """Note that all signatures up to `seq` are good. Raises: NotFound: that entry is not held."""
        self._states[log_id] = checked_up_to(self._states.get(log_id, NOTHING_HELD), seq)

    def end_log(self, evidence: Evidence) -> Evidence:
        """Keep evidence, drop the entries from its seq on, and return the evidence held now."""
        log_id = evidence.log_id
        state = self._states.get(log_id, NOTHING_HELD)
        held = stronger(state.evidence, evidence)
        head = self._cut(log_id, held.seq)
        self._states[log_id] = LogState(head, min(state.checked_seq, head.seq if head else 0), held)
        return held

    def truncate(self, log_id: LogId, last_seq: int) -> None:
        """Drop the entries of a log after `last_seq` (0: all), and evidence about what lies there."""
        state = self._states.get(log_id)
        if state is None:
            return
        left = state_within(state, self._cut(log_id, last_seq + 1), last_seq)
        if left == NOTHING_HELD:
            del self._states[log_id]
        else:
            self._states[log_id] = left

    def drop_body(self, entry_id: EntryId) -> None:
        """Forget the body of an entry; header and signature stay. Raises: NotFound."""
        self._replace(self.entry(entry_id).without_body())

    def restore_body(self, entry_id: EntryId, body: bytes) -> None:
        """Put a missing body back. Raises: NotFound, InvalidEntry: it is another body."""
        self._replace(self.entry(entry_id).with_body(body))

    def missing_bodies(self, limit: int) -> list[EntryId]:
        """At most `limit` entries whose body is not here. Looks at every entry."""
        absent = (entry.id for log in self._entries.values() for entry in log if entry.body is None)
        return list(islice(absent, limit))

    def arrivals(self, after: int, limit: int) -> list[Appended]:
        """Pieces that were appended after arrival `after`, oldest first, at most `limit`."""
        found: list[Appended] = []
        for arrival in range(after + 1, len(self._arrivals) // _ARRIVAL_INTS + 1):
            if len(found) >= limit:
                break
            at = (arrival - 1) * _ARRIVAL_INTS
            number, first_seq, last_seq = self._arrivals[at : at + _ARRIVAL_INTS]
            if first_seq <= last_seq:
                found.append(Appended(arrival, self._names[number], first_seq, last_seq))
        return found

    def count(self) -> int:
        """How many entries are held."""
        return sum(map(len, self._entries.values()))

    def close(self) -> None:
        """Nothing to close; safe to call twice."""

    def _add(self, run: Sequence[Entry]) -> Appended:
        log_id = LogId(run[0].author, run[0].log)
        number = self._numbers.get(log_id)
        if number is None:
            number = self._numbers[log_id] = len(self._names)
            self._names.append(log_id)
            self._entries[log_id] = []
        self._entries[log_id].extend(run)
        if self._by_id is not None:
            self._by_id.update((entry.id, entry) for entry in run)
        self._arrivals.extend((number, run[0].seq, run[-1].seq))
        arrival = len(self._arrivals) // _ARRIVAL_INTS
        return Appended(arrival, log_id, run[0].seq, run[-1].seq)

    def _cut(self, log_id: LogId, seq: int) -> Head | None:
        """Drop the entries of a log from `seq` on; the head that is left."""
        entries = self._entries.get(log_id, [])
        if len(entries) >= seq:
            if self._by_id is not None:
                for entry in entries[seq - 1 :]:
                    del self._by_id[entry.id]
            del entries[seq - 1 :]
            self._trim_arrivals(self._numbers[log_id], seq)
        return Head(entries[-1].seq, entries[-1].id) if entries else None

    def _index(self) -> dict[EntryId, Entry]:
        if self._by_id is None:
            self._by_id = {entry.id: entry for log in self._entries.values() for entry in log}
        return self._by_id

    def _replace(self, entry: Entry) -> None:
        self._entries[LogId(entry.author, entry.log)][entry.seq - 1] = entry
        self._index()[entry.id] = entry

    def _trim_arrivals(self, number: int, seq: int) -> None:
        """Cut what was noted of a log back to the entries before `seq`."""
        for at in range(0, len(self._arrivals), _ARRIVAL_INTS):
            if self._arrivals[at] == number and self._arrivals[at + 2] >= seq:
                self._arrivals[at + 2] = seq - 1
