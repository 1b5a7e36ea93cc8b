"""Gathered tables: one table to whoever reads or changes it, wherever its rows lie at the moment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.ids import LOG_FEED, NetworkId
from store.interface import KeyedRun
from store.sqlite import gathering
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.gathering import FRESH, KEPT, Gathered, settle_all, whole
from store.sqlite.views import Row, Schema, Views, tables_of

STORE_KEY = b"k" * 32
NETWORK = NetworkId(b"n" * 32)
AUTHOR = SigningKey(b"1" * 32)
NOTES = Gathered("seen_notes", ("at INT", "k INT", "text TEXT NOT NULL"), 2)
SEEN = Schema("seen", 1, ("CREATE TABLE seen_plain (k INTEGER PRIMARY KEY)",), (NOTES,))


def fold(views: Views, runs: Sequence[KeyedRun]) -> None:
    keyed = [item for run in runs for item in enumerate(run.entries, run.first_key)]
    rows = [(-entry.seq, key, "text") for key, entry in keyed if entry.body is not None]
    views.gather("seen_notes", NOTES.names, rows)


def unfold(views: Views, runs: Sequence[KeyedRun]) -> None:
    for run in runs:
        for key in range(run.first_key, run.first_key + len(run.entries)):
            views.execute("DELETE FROM seen_notes WHERE k = ?", (key,))


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        back = entries[-1].id if entries else b""
        entries.append(sign(AUTHOR, NETWORK, LOG_FEED, seq, back, make_body(b"s" * 16, [1, ""]), seq))
    return entries


def rows(store: SqliteEntryStore, table: str = "seen_notes") -> list[Row]:
    with store.views() as views:
        return views.execute(f"SELECT * FROM {table} ORDER BY at, k")


def parts(store: SqliteEntryStore) -> tuple[int, int]:
    """Rows of the large table and of the small one."""
    return len(rows(store, "seen_notes" + KEPT)), len(rows(store, "seen_notes" + FRESH))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home.db"


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteEntryStore]:
    monkeypatch.setattr(gathering, "MAX_FRESH", 4)
    opened = SqliteEntryStore(Database(path, STORE_KEY, create=True))
    assert opened.prepare_views(fold, [SEEN])
    yield opened
    opened.close()


def put(store: SqliteEntryStore, entries: Sequence[Entry]) -> None:
    store.append([entries], checked=True, durable=False, fold=fold)


def test_rows_are_found_before_and_after_they_are_moved(store: SqliteEntryStore) -> None:
    entries = chain(6)
    put(store, entries[:3])
    assert (parts(store), [row[1] for row in rows(store)]) == ((0, 3), [3, 2, 1])
    put(store, entries[3:5])
    assert (parts(store), [row[1] for row in rows(store)]) == ((5, 0), [5, 4, 3, 2, 1])
    put(store, entries[5:])
    assert (parts(store), [row[1] for row in rows(store)]) == ((5, 1), [6, 5, 4, 3, 2, 1])


def test_rows_of_an_append_that_is_undone_do_not_count(store: SqliteEntryStore) -> None:
    entries = chain(4)

    def failing(views: Views, runs: Sequence[KeyedRun]) -> None:
        fold(views, runs)
        raise ZeroDivisionError

    put(store, entries[:1])
    with pytest.raises(ZeroDivisionError):
        store.append([entries[1:]], checked=True, durable=False, fold=failing)
    assert parts(store) == (0, 1)
    put(store, entries[1:3])
    assert parts(store) == (0, 3)


def test_fresh_rows_of_an_earlier_run_count(store: SqliteEntryStore, path: Path) -> None:
    entries = chain(4)
    put(store, entries[:3])
    store.close()
    with Database(path, STORE_KEY) as database:
        again = SqliteEntryStore(database)
        assert parts(again) == (0, 3)
        put(again, entries[3:])
        assert parts(again) == (4, 0)


def test_rows_are_changed_and_deleted_wherever_they_lie(store: SqliteEntryStore) -> None:
    put(store, chain(5))
    store.change_views(lambda views: views.execute("INSERT INTO seen_notes VALUES (7, 9, 'new')"))
    assert parts(store) == (5, 1)
    for key in (2, 9):
        sql = "UPDATE seen_notes SET at = at + 100, text = 'moved' WHERE k = ?"
        store.change_views(lambda views, sql=sql, key=key: views.execute(sql, (key,)))
    assert rows(store)[-2:] == [(98, 2, "moved"), (107, 9, "moved")]
    assert parts(store) == (5, 1)
    store.change_views(lambda views: views.execute("DELETE FROM seen_notes WHERE k IN (2, 9)"))
    assert [row[1] for row in rows(store)] == [5, 4, 3, 1]
    assert parts(store) == (4, 0)


@pytest.mark.parametrize("length", [2, 5])
def test_a_body_that_comes_twice_is_folded_once(store: SqliteEntryStore, length: int) -> None:
    entries = chain(length)
    put(store, [entries[0].without_body(), *entries[1:]])
    for _ in range(2):
        store.restore_body(entries[0].id, entries[0].body or b"", fold=fold)
        assert [row[1] for row in rows(store)] == list(range(length, 0, -1))
    store.drop_body(entries[0].id, unfold=unfold)
    assert [row[1] for row in rows(store)] == list(range(length, 1, -1))


def test_the_digest_of_a_view_does_not_depend_on_where_its_rows_lie(store: SqliteEntryStore) -> None:
    put(store, chain(3))
    before = store.view_digests()
    assert before["seen"].rows == 3
    store.change_views(lambda views: settle_all(views.connection))
    assert parts(store) == (3, 0)
    assert store.view_digests() == before
    store.rebuild_views(fold, [SEEN])
    assert store.view_digests() == before


def test_an_app_has_its_tables_and_no_parts_of_them(store: SqliteEntryStore) -> None:
    with store.views() as views:
        assert tables_of(views.connection, "seen") == ["seen_notes", "seen_plain"]
        assert tables_of(views.connection, "another") == []
    assert whole(["a_kept", "b", "b_fresh", "b_kept"]) == ["a_kept", "b"]


def test_tables_of_an_app_that_is_gone_are_dropped_with_their_parts(store: SqliteEntryStore) -> None:
    other = Schema("other", 1, ("CREATE TABLE other_things (a)",))
    store.rebuild_views(lambda views, runs: None, [other])
    with store.views() as views:
        names = views.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%seen%'")
    assert names == []


def test_the_newest_are_read_from_both_parts_in_order_without_sorting(store: SqliteEntryStore) -> None:
    sql = "EXPLAIN QUERY PLAN SELECT at, k FROM seen_notes WHERE at < 9 ORDER BY at DESC, k DESC LIMIT 5"
    with store.views() as views:
        steps = [row[-1] for row in views.execute(sql)]
    assert [step for step in steps if "B-TREE" in step] == []
    assert len([step for step in steps if "USING PRIMARY KEY" in step]) == 2
