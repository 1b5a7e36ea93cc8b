"""Tables of apps: folded with the append, taken back with it, and made anew when a schema changes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import Forked
from store.ids import LOG_DOCS, LOG_FEED, LogNo, NetworkId
from store.interface import EntryKey, KeyedRun
from store.log import fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Schema, Views

NETWORK = NetworkId(b"n" * 32)
AUTHOR = SigningKey(b"1" * 32)
STORE_KEY = b"k" * 32
SEEN = Schema(
    "seen",
    1,
    (
        "CREATE TABLE seen_entries (k INTEGER PRIMARY KEY, seq INTEGER, held INTEGER) STRICT",
        "CREATE INDEX seen_by_seq ON seen_entries (seq)",
    ),
)
OTHER = Schema("other", 1, ("CREATE TABLE other_things (a)", "CREATE TABLE other_more (b)"))


def fold(views: Views, runs: Sequence[KeyedRun]) -> None:
    keyed = [item for run in runs for item in enumerate(run.entries, run.first_key)]
    columns = [
        [key for key, _ in keyed],
        [entry.seq for _, entry in keyed],
        [int(entry.body is not None) for _, entry in keyed],
    ]
    conflict = " ON CONFLICT DO UPDATE SET held = excluded.held"
    views.insert_columns("seen_entries", ("k", "seq", "held"), columns, conflict)


def unfold(views: Views, runs: Sequence[KeyedRun]) -> None:
    for run in runs:
        for key, entry in enumerate(run.entries, run.first_key):
            assert views.execute("SELECT seq FROM seen_entries WHERE k = ?", (key,)) == [(entry.seq,)]
            views.execute("DELETE FROM seen_entries WHERE k = ?", (key,))


def chain(length: int, after: Entry | None = None, log: LogNo = LOG_FEED, text: str = "") -> list[Entry]:
    entries: list[Entry] = []
    for _ in range(length):
        seq, back = (after.seq + 1, after.id) if after else (1, b"")
        after = sign(AUTHOR, NETWORK, log, seq, back, make_body(b"s" * 16, [1, text]), seq)
        entries.append(after)
    return entries


def rows(store: SqliteEntryStore) -> list[tuple[Any, ...]]:
    with store.views() as views:
        return views.execute("SELECT k, seq, held FROM seen_entries ORDER BY k")


def put(store: SqliteEntryStore, *runs: Sequence[Entry]) -> None:
    store.append(runs, checked=True, durable=False, fold=fold)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEntryStore]:
    opened = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    assert opened.prepare_views(fold, [SEEN])
    yield opened
    opened.close()


def test_a_fold_sees_each_entry_with_its_key(store: SqliteEntryStore) -> None:
    entries = chain(3)
    put(store, entries[:2], chain(2, log=LOG_DOCS))
    put(store, entries[2:])
    assert rows(store) == [(1, 1, 1), (2, 2, 1), (3, 1, 1), (4, 2, 1), (5, 3, 1)]
    assert [store.key_of(entry.id) for entry in entries] == [1, 2, 5]
    assert store.at_keys([5, 1, 9]) == [entries[2], entries[0], None]
    batch = store.after_key(1, 3)
    assert [(run.first_key, len(run.entries)) for run in batch.runs] == [(2, 1), (3, 2)]
    assert batch.last_key == 4


def test_a_fold_that_fails_undoes_the_append(store: SqliteEntryStore) -> None:
    entries = chain(2)

    def failing(views: Views, runs: Sequence[KeyedRun]) -> None:
        fold(views, runs)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.append([entries], checked=True, durable=False, fold=failing)
    assert (rows(store), store.count(), store.logs()) == ([], 0, {})
    put(store, entries)
    assert rows(store) == [(1, 1, 1), (2, 2, 1)]


def test_an_append_that_is_refused_folds_nothing(store: SqliteEntryStore) -> None:
    put(store, chain(2))
    with pytest.raises(Forked):
        put(store, chain(1, log=LOG_DOCS), chain(1, text="other"))
    assert rows(store) == [(1, 1, 1), (2, 2, 1)]


def test_what_a_fork_removes_is_unfolded_first(store: SqliteEntryStore) -> None:
    entries = chain(5)
    put(store, entries[:3])
    put(store, chain(1, log=LOG_DOCS), entries[3:])
    store.end_log(fork_proof(entries[2], chain(1, entries[1], text="x")[0], NETWORK), unfold=unfold)
    assert rows(store) == [(1, 1, 1), (2, 2, 1), (4, 1, 1)]


def test_a_long_tail_is_unfolded_in_pieces(store: SqliteEntryStore) -> None:
    entries = chain(2_100)
    put(store, entries[:1_000], entries[1_000:])
    sizes: list[int] = []

    def counting(views: Views, runs: Sequence[KeyedRun]) -> None:
        sizes.append(sum(len(run.entries) for run in runs))
        unfold(views, runs)

    store.end_log(fork_proof(entries[9], chain(1, entries[8], text="x")[0], NETWORK), unfold=counting)
    assert sum(sizes) == 2_091
    assert len(sizes) > 1
    assert [row[0] for row in rows(store)] == list(range(1, 10))


def test_bodies_that_go_and_come_back_are_unfolded_and_folded(store: SqliteEntryStore) -> None:
    entries = chain(2)
    put(store, entries)
    store.drop_body(entries[0].id, unfold=unfold)
    assert rows(store) == [(2, 2, 1)]
    store.restore_body(entries[0].id, entries[0].body or b"", fold=fold)
    assert rows(store) == [(1, 1, 1), (2, 2, 1)]


def test_readers_in_the_order_of_arrival_do_not_get_a_body_that_went(store: SqliteEntryStore) -> None:
    entries = chain(3)
    put(store, entries)
    store.drop_body(entries[1].id)
    [run] = store.after_key(0, 10).runs
    assert run.entries == [entries[0], entries[1].without_body(), entries[2]]
    store.restore_body(entries[1].id, entries[1].body or b"")
    assert store.after_key(0, 10).runs == [KeyedRun(EntryKey(1), entries)]


def test_keys_and_arrivals_are_never_used_twice(tmp_path: Path, store: SqliteEntryStore) -> None:
    entries = chain(5)
    put(store, entries[:2])
    put(store, entries[2:])
    store.end_log(fork_proof(entries[0], chain(1, text="x")[0], NETWORK), unfold=unfold)
    assert store.last_key() == 5
    store.close()
    again = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY))
    [piece] = again.append([chain(1, log=LOG_DOCS)], checked=True, durable=False, fold=fold)
    assert piece.arrival == 3
    assert again.key_of(chain(1, log=LOG_DOCS)[0].id) == 6
    again.close()


def test_current_views_are_left_alone(store: SqliteEntryStore) -> None:
    store.append([chain(2)], checked=True, durable=False)
    assert not store.prepare_views(fold, [SEEN])
    assert rows(store) == []


@pytest.mark.parametrize(
    "schemas", [[SEEN._replace(version=2)], [SEEN, OTHER], [SEEN._replace(name="renamed")]]
)
def test_views_are_folded_anew_when_the_schemas_change(
    store: SqliteEntryStore, schemas: list[Schema]
) -> None:
    entries = chain(2_500)
    put(store, entries[:1_200], entries[1_200:])
    before = rows(store)
    with store._database.write() as connection:
        connection.execute("UPDATE seen_entries SET held = 7").fetchall()
    assert store.prepare_views(fold, schemas)
    assert rows(store) == before
    assert store.views_current(schemas)
    assert not store.prepare_views(fold, schemas)


def test_tables_of_an_app_that_is_gone_are_dropped(store: SqliteEntryStore) -> None:
    store.prepare_views(fold, [SEEN, OTHER])
    store.prepare_views(fold, [SEEN])
    with store.views() as views:
        names = views.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'other%'")
    assert names == []


def test_a_rebuild_that_fails_leaves_the_old_views(store: SqliteEntryStore) -> None:
    put(store, chain(3))
    before = rows(store)

    def failing(views: Views, runs: Sequence[KeyedRun]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.rebuild_views(failing, [SEEN._replace(version=2)])
    assert rows(store) == before
    assert store.views_current([SEEN])


def test_a_rebuild_gives_what_the_appends_gave(store: SqliteEntryStore) -> None:
    entries, documents = chain(20), chain(20, log=LOG_DOCS)
    for at in range(0, 20, 3):
        put(store, entries[at : at + 3], documents[at : at + 3])
    before = rows(store)
    store.rebuild_views(fold, [SEEN])
    assert rows(store) == before


def test_views_are_only_read_outside_of_a_fold(store: SqliteEntryStore) -> None:
    with store.views() as views:
        assert not hasattr(views, "insert_rows")
        assert not hasattr(views, "insert_columns")
