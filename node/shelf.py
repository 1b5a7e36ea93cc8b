"""The home's entry store with its views: what changes entries changes the views in the same transaction.

Nothing here knows any app: the folds are given. Beside the apps' tables there is one of our own:

    bodies_missing  (k, log, at)  entries whose body has not come yet; log: its number; at: as `_wanted_at`

Those whose body is gone for good are in `store.sqlite.bodies_gone`, and how much is held of each log in
`store.sqlite.holdings`: both change in the transaction in which entries and bodies go.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from gossip.proto.interest import EVERYTHING, Interest
from store.entry import Entry
from store.errors import Damaged, NotFound, StoreError
from store.ids import FOR_ALL, MAX_LOGS_PER_AUTHOR, EntryId
from store.interface import Appended, KeyedRun, LogState
from store.log import Evidence, LogId
from store.sqlite import bodies_gone, holdings
from store.sqlite.bodies_gone import Drop, Dropped
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Fold, Schema, Unfold, Views

_SCHEMA: Final = Schema(
    "bodies",
    4,
    (
        "CREATE TABLE bodies_missing (k INTEGER PRIMARY KEY, log INT NOT NULL, at INT NOT NULL)",
        "CREATE INDEX bodies_missing_by_log ON bodies_missing (log, k, at)",
    ),
)

_MISSING: Final = ("k", "log", "at")

_ALWAYS: Final = 2**62
"""Later than any claimed time: bodies of some logs are wanted however old they are."""


class Folding(NamedTuple):
    """The views that follow the entries."""

    schemas: tuple[Schema, ...]
    fold: Fold
    unfold: Unfold


class Shelf:
    """`store.interface.EntryStore` with views. Reads may come from any thread, writes from one at a time."""

    def __init__(self, entries: SqliteEntryStore, folding: Folding) -> None:
        self.entries = entries
        """The store itself, for readers who want keys or views."""
        self._folding = folding

    def prepare(self) -> bool:
        """Build views that are new here or of another version, from all entries; True if it was done."""
        return self.entries.prepare_views(self._fold, (*self._folding.schemas, _SCHEMA))

    def rebuild(self, tell: Callable[[int], None]) -> None:
        """Drop all views and build them from all entries. `tell` is told the key that it has come to.

        Raises:
            StorageFull, Damaged: the views are as they were.
        """
        self.entries.rebuild_views(self._fold, (*self._folding.schemas, _SCHEMA), tell)

    def check(self) -> None:
        """See that the views are those of this version, where they cannot be built.

        Raises:
            StoreError: they are not.
        """
        if not self.entries.views_current((*self._folding.schemas, _SCHEMA)):
            raise StoreError("its views are of another version: start the daemon once")

    def logs(self) -> dict[LogId, LogState]:
        """Every log held, with its state."""
        return self.entries.logs()

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, or None where nothing is known of it."""
        return self.entries.state(log_id)

    def append(self, runs: Sequence[Sequence[Entry]], *, checked: bool, durable: bool) -> list[Appended]:
        """Append runs and fold them. Raises: as `store.interface.EntryStore.append`."""
        return self.entries.append(runs, checked=checked, durable=durable, fold=self._fold)

    def compose(
        self,
        make: Callable[[Views], Sequence[Sequence[Entry]]],
        then: Callable[[Views, Sequence[KeyedRun]], None],
    ) -> Sequence[Sequence[Entry]]:
        """Make, append and fold our entries in one transaction with what belongs to them. Raises: as
        `store.sqlite.entries.SqliteEntryStore.compose`."""
        return self.entries.compose(make, then, fold=self._fold)

    def entry(self, entry_id: EntryId) -> Entry:
        """One entry by its id. Raises: NotFound."""
        return self.entries.entry(entry_id)

    def find(self, low: bytes, high: bytes, limit: int) -> list[EntryId]:
        """At most `limit` ids between two 32-byte bounds, both included, in ascending order."""
        return self.entries.find(low, high, limit)

    def range(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> list[Entry]:
        """Entries of a log that are held, in order, at most `max_bytes` but at least one."""
        return self.entries.range(log_id, first_seq, last_seq, max_bytes)

    def mark_checked(self, log_id: LogId, seq: int) -> None:
        """Note that all signatures up to `seq` are good. Raises: NotFound."""
        self.entries.mark_checked(log_id, seq)

    def end_log(self, evidence: Evidence) -> Evidence:
        """Keep evidence, drop the entries from its seq on, and return the evidence held now."""
        return self.entries.end_log(evidence, unfold=self._unfold)

    def truncate(self, log_id: LogId, last_seq: int) -> None:
        """Drop the entries of a log after `last_seq` (0: all), and evidence about what lies there."""
        self.entries.truncate(log_id, last_seq, unfold=self._unfold)

    def drop_body(self, entry_id: EntryId) -> None:
        """Forget the body of an entry; header and signature stay. Raises: NotFound."""
        self.entries.drop_body(entry_id, unfold=self._unfold_body)

    def drop_damaged(self, ids: Sequence[EntryId]) -> list[EntryId]:
        """Let go of bodies that are damaged on the disk; from now on they are missing. Gives those it did.

        Raises:
            StorageFull: those before were let go.
        """
        dropped: list[EntryId] = []
        for entry_id in ids:
            with suppress(NotFound, Damaged):
                if self.entries.entry(entry_id).body is None:
                    self.entries.drop_body(entry_id, unfold=self._unfold_damaged)
                    dropped.append(entry_id)
        return dropped

    def drop_bodies(self, drops: Iterable[Drop]) -> Dropped:
        """Take bodies out for good, with all that apps made of them, and note why; one transaction.

        Raises:
            StorageFull: nothing was changed.
        """
        return self.entries.drop_bodies(drops, unfold=self._unfold_body)

    def restore_body(self, entry_id: EntryId, body: bytes) -> None:
        """Put a missing body back and fold the entry. One that is gone for good stays away, and one that is
        here stays as it is. Raises: NotFound, InvalidEntry."""
        key = self.entries.key_of(entry_id)
        [entry] = self.entries.at_keys([key])
        with self.entries.views() as views:
            is_gone = bodies_gone.gone(views, key) is not None
        if entry is None or entry.body is not None or is_gone:
            return
        self.entries.restore_body(entry_id, body, fold=self._fold_restored)

    def why_gone(self, entry_id: EntryId) -> tuple[int, EntryId | None] | None:
        """Why a body is gone for good: `DELETED` with the deletion, or `LET_GO`; None: it is not.

        Raises:
            NotFound: no such entry is held.
        """
        key = self.entries.key_of(entry_id)
        with self.entries.views() as views:
            found = bodies_gone.gone(views, key)
        if found is None:
            return None
        [deletion] = [None] if found.source is None else self.entries.at_keys([found.source])
        return found.why, None if deletion is None else deletion.id

    def reasons_of(self, ids: Iterable[EntryId]) -> dict[EntryId, int]:
        """Why these entries hold no body (`bodies_gone.DELETED`, `LET_GO`), where that is known."""
        keyed = sorted((key, entry.id) for key, entry in self.entries.headers_of(ids))
        with self.entries.views() as views:
            found = [(entry_id, bodies_gone.gone(views, key)) for key, entry_id in keyed]
        return {entry_id: gone.why for entry_id, gone in found if gone is not None}

    def rest_bodies(self, ids: Iterable[EntryId], now_ms: int) -> None:
        """Nobody asked has these bodies: they are not asked for again for a while, longer each time."""
        keys: list[int] = []
        for entry_id in ids:
            with suppress(NotFound):
                keys.append(self.entries.key_of(entry_id))
        self.entries.change_views(lambda views: bodies_gone.rest(views, keys, now_ms))

    def arrivals(self, after: int, limit: int) -> list[Appended]:
        """Pieces that were appended after arrival `after`, oldest first, at most `limit`."""
        return self.entries.arrivals(after, limit)

    def count(self) -> int:
        """How many entries are held."""
        return self.entries.count()

    def close(self) -> None:
        """Close; safe to call twice."""
        self.entries.close()

    def missing_bodies(
        self, limit: int, interest: Interest = EVERYTHING, now_ms: int | None = None
    ) -> list[EntryId]:
        """At most `limit` entries whose body has not come yet, in the order of arrival.

        None whose body `interest` does not want, and none that rests at `now_ms` (see `rest_bodies`); None:
        those too, after those that were asked for less often.
        """
        wanted = [log for log in range(MAX_LOGS_PER_AUTHOR) if interest.bodies >> log & 1]
        sql = (
            "SELECT k FROM bodies_missing INDEXED BY bodies_missing_by_log LEFT JOIN bodies_asked USING (k)"
            f" WHERE log IN ({', '.join(map(str, wanted))}) AND at >= ?"
        )
        with self.entries.views() as views:
            if now_ms is None:
                sql += " ORDER BY coalesce(tries, 0), k LIMIT ?"
                rows = views.execute(sql, (interest.bodies_since_ms, limit))
            else:
                sql += " AND coalesce(due_ms, 0) <= ? ORDER BY k LIMIT ?"
                rows = views.execute(sql, (interest.bodies_since_ms, now_ms, limit))
        keys = [key for (key,) in rows]
        return [entry.id for entry in self.entries.at_keys(keys) if entry is not None]

    def _fold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        missing = [
            (key, entry.log, _wanted_at(entry))
            for first_key, entries in runs
            for key, entry in enumerate(entries, first_key)
            if entry.body is None
        ]
        if missing:
            is_gone = bodies_gone.gone_among(views, [row[0] for row in missing])
            missing = [row for row in missing if row[0] not in is_gone]
            views.insert_rows("bodies_missing", _MISSING, missing)
        self._folding.fold(views, runs)

    def _fold_restored(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        _forget_missing(views, runs)
        holdings.add_bodies(views, runs)
        self._folding.fold(views, runs)

    def _unfold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        """Entries go."""
        _forget_missing(views, runs)
        bodies_gone.forget(views, runs)
        holdings.subtract(views, runs)
        self._folding.unfold(views, runs)

    def _unfold_body(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        """Bodies go; the entries stay."""
        _forget_missing(views, runs)
        holdings.subtract_bodies(views, runs)
        self._folding.unfold(views, runs)

    def _unfold_damaged(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        """Bodies go that are to come again."""
        self._unfold_body(views, runs)
        rows = [
            (key, entry.log, _wanted_at(entry))
            for first_key, entries in runs
            for key, entry in enumerate(entries, first_key)
        ]
        views.insert_rows("bodies_missing", _MISSING, rows)


def _wanted_at(entry: Entry) -> int:
    return _ALWAYS if entry.log in FOR_ALL else entry.time_ms


def _forget_missing(views: Views, runs: Sequence[KeyedRun]) -> None:
    for first_key, entries in runs:
        keys = (first_key, first_key + len(entries) - 1)
        views.execute("DELETE FROM bodies_missing WHERE k BETWEEN ? AND ?", keys)
        views.execute("DELETE FROM bodies_asked WHERE k BETWEEN ? AND ?", keys)
