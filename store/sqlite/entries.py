"""The log side of a home: `store.interface.EntryStore` on an encrypted SQLite file.

Entries lie in the order of arrival, so that every append goes to the end of its table; `arrivals`
says which piece of which log lies where. The process that writes keeps the states of all logs in
memory; one that only reads asks the file, for another may be writing to it.
"""
# long because every change goes through the one lock and the one transaction of this class

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, TypeVar

import apsw

from store.entry import Entry, check_body
from store.errors import NotFound, StorageFull
from store.ids import EntryId
from store.interface import (
    MAX_KEY,
    NOTHING_HELD,
    Appended,
    EntryKey,
    KeyedRun,
    LogState,
    checked_up_to,
    exceeds,
    state_within,
    states_after,
)
from store.log import Evidence, Head, LogId, stronger
from store.sqlite import id_index, logs
from store.sqlite.bodies_gone import Drop, Dropped, drop_bodies
from store.sqlite.changes import BodyChange, count_changes, note_changes, read_changes
from store.sqlite.connection import Database
from store.sqlite.finding import find_between, find_entry, find_headers
from store.sqlite.gathering import settle_all, settle_full
from store.sqlite.migrations import migrate
from store.sqlite.rebuilding import ViewDigest, digest_of, fold_anew
from store.sqlite.recent import Recent
from store.sqlite.removal import cut_log, keep_counter, next_free
from store.sqlite.rows import (
    SELECT_RANGE,
    Batch,
    entry_of,
    insert_entries,
    read_after,
    read_entries,
    read_headers,
)
from store.sqlite.views import Fold, ReadViews, Schema, Unfold, Views, installed

T = TypeVar("T")


class _Added(NamedTuple):
    """What a transaction appends; counts once it is committed."""

    keyed: list[KeyedRun]
    pieces: list[Appended]
    numbers: dict[LogId, int]
    states: dict[LogId, LogState]
    recent_ids: int
    fresh: dict[str, int]


class SqliteEntryStore:
    """`store.interface.EntryStore` on disk, with the tables of apps beside the entries.

    Reading methods may be called from any thread, also while another writes.
    """

    def __init__(self, database: Database) -> None:
        """Bring the schema up to date and load the states of all logs (about 3 µs each).

        Raises:
            TooNew, WrongKey, Damaged: the file cannot be used.
        """
        migrate(database)
        self._database = database
        self._changing = threading.Lock()
        self._recent = Recent()
        with database.read() as connection:
            self._numbers, self._states = logs.read_states(connection)
            self._next_key = next_free(connection, "key", "SELECT max(k) FROM entries")
            self._next_arrival = next_free(connection, "arrival", "SELECT max(n) FROM arrivals")
            self._recent_ids = id_index.count_recent(connection)
        self._fresh: dict[str, int] = {}

    def logs(self) -> dict[LogId, LogState]:
        """Every log held, with its state."""
        return dict(self._known())

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, or None where nothing is known of it."""
        if not self._database.read_only:
            return self._states.get(log_id)
        with self._database.read() as connection:
            return logs.read_state(connection, log_id)

    def count(self) -> int:
        """How many entries are held."""
        return sum(state.head.seq for state in self._known().values() if state.head is not None)

    def entry(self, entry_id: EntryId) -> Entry:
        """One entry by its id. Raises: NotFound, Damaged."""
        with self._database.read() as connection:
            return find_entry(connection, entry_id)[1]

    def key_of(self, entry_id: EntryId) -> EntryKey:
        """The key of an entry. Raises: NotFound."""
        with self._database.read() as connection:
            found = find_headers(connection, frozenset((entry_id,)))
        if not found:
            raise NotFound("no such entry is held here")
        return found[0][0]

    def headers_of(
        self, ids: Iterable[EntryId], views: ReadViews | None = None
    ) -> list[tuple[EntryKey, Entry]]:
        """The entries with these ids that are held, without their bodies, with their keys; less those that
        are damaged. A few µs each.

        `views`: look into the transaction of these, where a fold asks.
        """
        with nullcontext(views.connection) if views else self._database.read() as connection:
            return find_headers(connection, frozenset(ids))

    def headers_at(self, keys: Sequence[int], views: ReadViews | None = None) -> list[tuple[EntryKey, Entry]]:
        """The entries of these ascending keys, without bodies; else as `headers_of`."""
        with nullcontext(views.connection) if views else self._database.read() as connection:
            return read_headers(connection, keys)

    def at_keys(self, keys: Sequence[int]) -> list[Entry | None]:
        """The entries of these keys, in their order; None where a key has no entry any more, or one whose
        header is damaged."""
        with self._database.read() as connection:
            found = read_entries(connection, sorted(set(keys)))
        return [found.get(key) for key in keys]

    def after_key(self, key: int, limit: int) -> Batch:
        """At most `limit` entries with keys above `key`, in the order of arrival.

        Those that were just appended come from memory. Those with a damaged header are left out.
        """
        remembered = self._recent.after(key, limit)
        if remembered is not None:
            return remembered
        with self._database.read() as connection:
            return read_after(connection, key, limit)

    def last_key(self) -> int:
        """The highest key that was given so far; 0: none."""
        if not self._database.read_only:
            return self._next_key - 1
        with self._database.read() as connection:
            return next_free(connection, "key", "SELECT max(k) FROM entries") - 1

    def body_changes(self, after: int, limit: int) -> list[BodyChange]:
        """What happened to bodies after they arrived, beyond change number `after`, oldest first."""
        with self._database.read() as connection:
            return read_changes(connection, after, limit)

    def last_change(self) -> int:
        """The number of the last change to a body; 0: none."""
        with self._database.read() as connection:
            return count_changes(connection)

    def find(self, low: bytes, high: bytes, limit: int) -> list[EntryId]:
        """At most `limit` ids between two 32-byte bounds, both included, in ascending order."""
        with self._database.read() as connection:
            return find_between(connection, low, high, limit)

    def range(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> list[Entry]:
        """Entries `first_seq` to `last_seq` that are held, in order, at most `max_bytes` but at least one.

        Raises:
            Damaged: the header of one is.
        """
        found: list[Entry] = []
        left_bytes = max_bytes
        with self._database.read() as connection:
            number = logs.read_number(connection, log_id)
            if number is None:
                return []
            rows: Any = connection.execute(SELECT_RANGE, (number, first_seq, last_seq))
            for _, head, body in rows:
                left_bytes -= len(head) + len(body or b"")
                if left_bytes < 0 and found:
                    break
                found.append(entry_of(head, body))
            rows.close()
        return found

    def arrivals(self, after: int, limit: int) -> list[Appended]:
        """Pieces that were appended after arrival `after`, oldest first, at most `limit`."""
        with self._database.read() as connection:
            return logs.read_arrivals(connection, after, limit)

    def append(
        self,
        runs: Sequence[Sequence[Entry]],
        *,
        checked: bool,
        durable: bool,
        fold: Fold | None = None,
    ) -> list[Appended]:
        """Append runs in one transaction, and bring views up to date in the same one by `fold`.

        Fast with 1,000 to 4,000 entries at a time. An exception of `fold` undoes the whole append.

        Raises:
            GapInLog, Forked, LogEnded: a run does not continue its log; nothing was written.
            StorageFull: nothing was written.
        """
        if not runs:
            return []
        with self._changing:
            with self._database.write(durable=durable) as connection:
                added = self._insert(connection, runs, checked, fold)
            self._note(added)
            return added.pieces

    def compose(
        self,
        make: Callable[[Views], Sequence[Sequence[Entry]]],
        then: Callable[[Views, Sequence[KeyedRun]], None],
        *,
        fold: Fold | None = None,
    ) -> Sequence[Sequence[Entry]]:
        """Have entries made, append them, and go on, all in one durable transaction; the runs that were made.

        `make` and `then` may change tables beside the entries: those are committed with the entries or not
        at all. `then` is given the entries with their keys. Any exception of theirs undoes everything.

        Raises:
            GapInLog, Forked, LogEnded: a run does not continue its log.
            StorageFull: nothing was written.
        """
        with self._changing:
            with self._database.write(durable=True) as connection:
                views = Views(connection)
                runs = make(views)
                added = self._insert(connection, runs, True, fold) if runs else None
                then(views, added.keyed if added is not None else ())
            if added is not None:
                self._note(added)
            return runs

    def _insert(
        self,
        connection: apsw.Connection,
        runs: Sequence[Sequence[Entry]],
        checked: bool,
        fold: Fold | None,
    ) -> "_Added":
        """Write runs that continue their logs. After the commit `_note` has to be called."""
        states = states_after(self._states, runs, checked)
        numbers = self._numbers_of(states)
        keyed, pieces = self._place(runs)
        insert_entries(connection, keyed)
        recent_ids = id_index.note(connection, keyed, self._recent_ids)
        logs.write_pieces(connection, logs.numbered(pieces, keyed, numbers))
        logs.write_states(connection, [(numbers[log_id], log_id, states[log_id]) for log_id in states])
        fresh = self._fresh
        if fold is not None:
            views = Views(connection)
            fold(views, keyed)
            fresh = settle_full(connection, fresh, views.came)
        return _Added(keyed, pieces, numbers, states, recent_ids, fresh)

    def _note(self, added: "_Added") -> None:
        self._numbers.update(added.numbers)
        self._states.update(added.states)
        self._recent_ids = added.recent_ids
        self._fresh = added.fresh
        self._next_arrival += len(added.pieces)
        self._next_key += sum(len(run.entries) for run in added.keyed)
        self._recent.add(added.keyed)

    def mark_checked(self, log_id: LogId, seq: int) -> None:
        """Note that all signatures up to `seq` are good. Raises: NotFound: that entry is not held."""
        with self._changing:
            self._set_state(log_id, checked_up_to(self._states.get(log_id, NOTHING_HELD), seq))

    def end_log(self, evidence: Evidence, *, unfold: Unfold | None = None) -> Evidence:
        """Keep evidence, drop the entries from its seq on, and return the evidence held now.

        `unfold` is given the entries before they go, at most 2,000 at a time, in the transaction.

        Raises:
            Damaged: the entry that would become the head is; it has to be mended first.
        """
        log_id = evidence.log_id
        with self._changing:
            state = self._states.get(log_id, NOTHING_HELD)
            held = stronger(state.evidence, evidence)
            self._recent.clear()
            with self._database.write() as connection:
                head = self._cut(connection, log_id, state.head, held.seq, unfold)
                ended = LogState(head, min(state.checked_seq, head.seq if head else 0), held)
                numbers = self._numbers_of([log_id])
                logs.write_states(connection, [(numbers[log_id], log_id, ended)])
            self._numbers.update(numbers)
            self._states[log_id] = ended
            return held

    def truncate(self, log_id: LogId, last_seq: int, *, unfold: Unfold | None = None) -> None:
        """Drop the entries of a log after `last_seq` (0: all), and evidence about what lies there.

        `unfold` is given the entries before they go, at most 2,000 at a time, in the transaction.

        Raises:
            Damaged: the entry that would become the head is; it has to be mended first.
        """
        with self._changing:
            state = self._states.get(log_id)
            if state is None or not exceeds(state, last_seq):
                return
            self._recent.clear()
            with self._database.write() as connection:
                head = self._cut(connection, log_id, state.head, last_seq + 1, unfold)
                left = state_within(state, head, last_seq)
                logs.write_states(connection, [(self._numbers[log_id], log_id, left)])
            if left == NOTHING_HELD:
                del self._states[log_id]
            else:
                self._states[log_id] = left

    def drop_body(self, entry_id: EntryId, *, unfold: Unfold | None = None) -> None:
        """Forget the body of an entry; header and signature stay. Raises: NotFound.

        `unfold` is given the entry with its body before it goes.
        """
        with self._changing:
            self._recent.clear()
            with self._database.write() as connection:
                key, entry = find_entry(connection, entry_id)
                if unfold is not None:
                    unfold(Views(connection), [KeyedRun(key, [entry])])
                connection.execute("UPDATE entries SET body = NULL WHERE k = ?", (key,)).fetchall()
                note_changes(connection, [(key, entry)])

    def drop_bodies(self, drops: Iterable[Drop], *, unfold: Unfold | None = None) -> Dropped:
        """Take bodies out for good, and note why, in one transaction; see `store.sqlite.bodies_gone`."""
        with self._changing:
            self._recent.clear()
            with self._database.write() as connection:
                return drop_bodies(connection, drops, unfold)

    def change_views(self, change: Callable[[Views], T]) -> T:
        """Change tables that stand beside the entries, in one transaction that nothing else is part of."""
        with self._changing, self._database.write() as connection:
            return change(Views(connection))

    def restore_body(self, entry_id: EntryId, body: bytes, *, fold: Fold | None = None) -> None:
        """Put a missing body back and fold the entry. Raises: NotFound, InvalidEntry: it is another body."""
        with self._changing:
            self._recent.clear()
            with self._database.write() as connection:
                key, entry = find_entry(connection, entry_id)
                check_body(body, entry.body_bytes, entry.commitment)
                connection.execute("UPDATE entries SET body = ? WHERE k = ?", (body, key)).fetchall()
                note_changes(connection, [(key, entry)])
                if fold is not None:
                    settle_all(connection)
                    fold(Views(connection, is_settled=True), [KeyedRun(key, [entry._replace(body=body)])])

    def close(self) -> None:
        """Close the file and its connections; safe to call twice."""
        self._database.close()

    # Views

    @contextmanager
    def views(self) -> Iterator[ReadViews]:
        """The tables of apps for reading, in one state."""
        with self._database.read() as connection:
            yield ReadViews(connection)

    def views_current(self, schemas: Sequence[Schema]) -> bool:
        """Whether the tables of exactly these apps are here, in these versions."""
        with self._database.read() as connection:
            return installed(connection) == {schema.name: schema.version for schema in schemas}

    def rebuild_views(
        self, fold: Fold, schemas: Sequence[Schema], tell: Callable[[int], None] = lambda key: None
    ) -> None:
        """Drop the tables of all apps, make new ones and fold every entry again, in the order of keys.

        One transaction: readers see the old views until it is done, and a crash leaves them. `tell` is
        told the key that it has come to, every 2,000 entries.
        """
        with self._changing, self._database.write() as connection:
            fold_anew(connection, fold, schemas, tell)

    def view_digests(self) -> dict[str, ViewDigest]:
        """What the tables of each app hold, by the app's name. Some 3 µs a row."""
        with self._database.read() as connection:
            names = installed(connection)
        return {name: digest_of(self._database, name) for name in names}

    def prepare_views(self, fold: Fold, schemas: Sequence[Schema]) -> bool:
        """Rebuild the views where a schema is new, gone or of another version; True if it was done."""
        if self.views_current(schemas):
            return False
        self.rebuild_views(fold, schemas)
        return True

    # Inside

    def _known(self) -> dict[LogId, LogState]:
        if not self._database.read_only:
            return self._states
        with self._database.read() as connection:
            return logs.read_states(connection)[1]

    def _numbers_of(self, log_ids: Iterable[LogId]) -> dict[LogId, int]:
        """Local numbers of these logs; new ones get the next free numbers."""
        numbers: dict[LogId, int] = {}
        free = len(self._numbers) + 1
        for log_id in log_ids:
            number = self._numbers.get(log_id)
            if number is None:
                number, free = free, free + 1
            numbers[log_id] = number
        return numbers

    def _place(self, runs: Sequence[Sequence[Entry]]) -> tuple[list[KeyedRun], list[Appended]]:
        """Give the entries keys and the runs arrival numbers. Raises: StorageFull: no keys are left."""
        key, keyed, pieces = self._next_key, [], []
        for arrival, run in enumerate(runs, self._next_arrival):
            first, last = run[0], run[-1]
            keyed.append(KeyedRun(EntryKey(key), run))
            pieces.append(Appended(arrival, LogId(first.author, first.log), first.seq, last.seq))
            key += len(run)
        if key - 1 > MAX_KEY:
            raise StorageFull(f"a home numbers at most {MAX_KEY} entries")
        return keyed, pieces

    def _cut(
        self, connection: apsw.Connection, log_id: LogId, head: Head | None, seq: int, unfold: Unfold | None
    ) -> Head | None:
        """Remove the entries of a log from `seq` on; the head that is left."""
        if head is None or head.seq < seq:
            return head
        keep_counter(connection, "key", self._next_key)
        keep_counter(connection, "arrival", self._next_arrival)
        return cut_log(connection, self._numbers[log_id], seq, head.seq, unfold)

    def _set_state(self, log_id: LogId, state: LogState) -> None:
        with self._database.write() as connection:
            logs.write_states(connection, [(self._numbers[log_id], log_id, state)])
        self._states[log_id] = state
