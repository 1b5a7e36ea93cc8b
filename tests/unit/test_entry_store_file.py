"""The file of a home: encrypted, private, one writer, readers beside it, versions."""

import stat
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import NotFound, StoreError, StoreLocked, WrongKey
from store.ids import LOG_FEED, NetworkId
from store.log import LogId
from store.sqlite import connection as connection_module
from store.sqlite.connection import APPLICATION_ID, MAX_READERS, Database, insert_rows
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.migrations import TooNew, migrate, migrations

NETWORK = NetworkId(b"n" * 32)
AUTHOR = SigningKey(b"1" * 32)
LOG = LogId(AUTHOR.author, LOG_FEED)
STORE_KEY = b"k" * 32
ALL_BYTES = 2**40


def chain(length: int, after: Entry | None = None, body_bytes: int = 100) -> list[Entry]:
    entries: list[Entry] = []
    for _ in range(length):
        seq, back = (after.seq + 1, after.id) if after else (1, b"")
        body = make_body(b"s" * 16, [1, f"{seq:0{body_bytes}d}"])
        after = sign(AUTHOR, NETWORK, LOG_FEED, seq, back, body, seq)
        entries.append(after)
    return entries


def opened(path: Path, **options: Any) -> SqliteEntryStore:
    return SqliteEntryStore(Database(path, STORE_KEY, **options))


def put(store: SqliteEntryStore, entries: list[Entry], durable: bool = False) -> None:
    store.append([entries], checked=True, durable=durable)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home.db"


def test_nothing_on_the_disk_can_be_read_without_the_key(path: Path) -> None:
    store = opened(path, create=True)
    body = make_body(b"s" * 16, [1, "a sentence that nobody else shall read"])
    entry = sign(AUTHOR, NETWORK, LOG_FEED, 1, b"", body, 1)
    put(store, [entry])
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"home.db", "home.db-wal"}
    for file in files:
        data = file.read_bytes()
        assert b"a sentence" not in data
        assert entry.author not in data
        assert not data.startswith(b"SQLite format 3")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    store.close()
    assert not path.read_bytes().startswith(b"SQLite format 3")


def test_a_store_is_not_made_by_opening_it(path: Path) -> None:
    for read_only in (True, False):
        with pytest.raises(NotFound):
            opened(path, read_only=read_only)
    assert list(path.parent.iterdir()) == []


def test_a_wrong_key_is_refused_and_harms_nothing(path: Path) -> None:
    store = opened(path, create=True)
    put(store, chain(3))
    store.close()
    for read_only in (True, False):
        with pytest.raises(WrongKey):
            Database(path, b"?" * 32, read_only=read_only)
    with pytest.raises(ValueError, match="32 bytes"):
        Database(path, b"short")
    store = opened(path)
    assert store.count() == 3
    store.close()


def test_a_plain_database_is_not_taken_for_a_store(path: Path) -> None:
    plain = apsw.Connection(str(path))
    plain.execute("CREATE TABLE entries (k)").fetchall()
    plain.close()
    with pytest.raises(WrongKey):
        opened(path)


def test_an_encrypted_database_of_something_else_is_not_taken_for_a_store(path: Path) -> None:
    with Database(path, STORE_KEY, create=True) as database, database.write() as connection:
        connection.execute("CREATE TABLE entries (k)").fetchall()
    with pytest.raises(WrongKey):
        opened(path)


def test_a_second_writer_is_kept_out_until_the_first_has_closed(path: Path) -> None:
    store = opened(path, create=True)
    with pytest.raises(StoreLocked):
        opened(path)
    store.close()
    opened(path).close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = opened(path, create=True)
    store.close()
    with pytest.raises(StoreError):
        store.entry(chain(1)[0].id)
    with pytest.raises(StoreError):
        put(store, chain(1))
    with opened(path)._database as database:
        pass
    with pytest.raises(StoreError), database.write():
        pass


def test_one_that_reads_sees_what_another_connection_writes_and_writes_nothing(path: Path) -> None:
    entries = chain(6)
    writer = opened(path, create=True)
    put(writer, entries[:4])
    reader = opened(path, read_only=True)
    assert reader.logs() == writer.logs()
    put(writer, entries[4:])
    assert reader.state(LOG) == writer.state(LOG)
    assert reader.count() == 6
    assert reader.last_key() == 6
    assert reader.range(LOG, 1, 9, ALL_BYTES) == entries
    with pytest.raises(StoreError):
        put(reader, chain(1, entries[-1]))
    with pytest.raises(apsw.ReadOnlyError), reader._database.read() as connection:
        connection.execute("DELETE FROM entries").fetchall()
    writer.close()
    assert reader.count() == 6
    reader.close()


def test_a_reader_keeps_one_state_while_another_thread_writes(path: Path) -> None:
    entries = chain(4)
    store = opened(path, create=True)
    put(store, entries[:2])
    with store._database.read() as connection:
        before = connection.execute("SELECT count(*) FROM entries").fetchall()
        thread = threading.Thread(target=put, args=(store, entries[2:]))
        thread.start()
        thread.join()
        assert connection.execute("SELECT count(*) FROM entries").fetchall() == before == [(2,)]
    assert len(store.range(LOG, 1, 9, ALL_BYTES)) == 4
    store.close()


def test_many_threads_read_while_one_writes(path: Path) -> None:
    entries = chain(300)
    store = opened(path, create=True)
    put(store, entries[:1])
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            found = store.range(LOG, 1, 1_000, ALL_BYTES)
            if found != entries[: len(found)] or store.entry(entries[0].id) != entries[0]:
                wrong.append(found)
                return

    threads = [threading.Thread(target=read) for _ in range(MAX_READERS + 2)]
    for thread in threads:
        thread.start()
    for at in range(1, 300, 7):
        put(store, entries[at : at + 7])
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.range(LOG, 1, 1_000, ALL_BYTES) == entries
    store.close()


def interrupted(database: Database) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO t VALUES (1)").fetchall()
        raise KeyboardInterrupt


def test_an_exception_in_a_transaction_undoes_it(path: Path) -> None:
    with Database(path, STORE_KEY, create=True) as database:
        with database.write() as connection:
            connection.execute("CREATE TABLE t (x)").fetchall()
        with pytest.raises(KeyboardInterrupt):
            interrupted(database)
        with database.read() as connection:
            assert connection.execute("SELECT * FROM t").fetchall() == []


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 63, 511, 512, 513, 1_700])
def test_bulk_inserts_write_every_row_in_its_columns(path: Path, count: int) -> None:
    rows = [(number, f"text {number}", None if number % 3 else b"blob") for number in range(count)]
    with Database(path, STORE_KEY, create=True) as database, database.write() as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b, c)").fetchall()
        insert_rows(connection, "t", ("a", "b", "c"), rows)
        assert connection.execute("SELECT * FROM t ORDER BY a").fetchall() == rows
        again = [(number, "other", None) for number in range(count)]
        insert_rows(connection, "t", ("a", "b", "c"), again, " ON CONFLICT (a) DO UPDATE SET b = excluded.b")
        assert connection.execute("SELECT count(*) FROM t WHERE b = 'other'").fetchall() == [(count,)]


def test_a_home_of_every_older_version_is_brought_up_to_date(path: Path) -> None:
    steps = migrations()
    assert steps
    for version in range(len(steps)):
        home = path.with_name(f"{version}.db")
        with Database(home, STORE_KEY, create=True) as database, database.write() as connection:
            for number, step in enumerate(steps[:version], 1):
                connection.execute(step).fetchall()
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
                connection.execute(f"PRAGMA user_version = {number}").fetchall()
        with Database(home, STORE_KEY) as database:
            assert migrate(database) == len(steps)
            assert migrate(database) == len(steps)
        store = opened(home)
        put(store, chain(2))
        assert store.count() == 2
        store.close()


def test_a_home_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    store = opened(path, create=True)
    put(store, chain(2))
    store.close()
    newer = len(migrations()) + 1
    with Database(path, STORE_KEY) as database, database.write() as connection:
        connection.execute(f"PRAGMA user_version = {newer}").fetchall()
    for read_only in (True, False):
        with (
            Database(path, STORE_KEY, read_only=read_only) as database,
            pytest.raises(TooNew, match="update"),
        ):
            SqliteEntryStore(database)
    with Database(path, STORE_KEY) as database, database.read() as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchall() == [(2,)]


def test_one_that_only_reads_changes_no_version(path: Path) -> None:
    Database(path, STORE_KEY, create=True).close()
    with Database(path, STORE_KEY, read_only=True) as database, pytest.raises(StoreError, match="older"):
        migrate(database)


def test_the_log_of_a_larger_file_may_grow_further_before_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CHECKPOINT_PAGES", 4)
    monkeypatch.setattr(connection_module, "MAX_CHECKPOINT_PAGES", 30)

    def limit() -> int:
        for _ in range(33):
            with database.write() as connection:
                [(pages,)] = connection.execute("PRAGMA wal_autocheckpoint").fetchall()
        return int(pages)

    with Database(tmp_path / "log.db", bytes(32), create=True) as database:
        assert limit() == 4
        with database.write() as connection:
            connection.execute("CREATE TABLE t (b BLOB)").fetchall()
        for megabytes, expected in ((0.4, (16, 20)), (2, (30, 30))):
            with database.write() as connection:
                connection.execute("INSERT INTO t VALUES (zeroblob(?))", (int(megabytes * 10**6),)).fetchall()
            low, high = expected
            assert low <= limit() <= high
