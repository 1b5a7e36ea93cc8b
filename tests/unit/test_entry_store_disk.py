"""A home on a disk that is watched, that is full, that fails, or that was tampered with."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import apsw
import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import Damaged, StorageFull, WrongKey
from store.ids import LOG_FEED, NetworkId
from store.log import LogId
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore

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


class WatchedFile(apsw.VFSFile):
    """A file of the disk that tells `WatchedDisk` what is done to it."""

    def __init__(self, disk: "WatchedDisk", name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        text = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk, self.name = disk, os.path.basename(text or "")

    def xSync(self, flags: int) -> None:
        self.disk.synced.append(self.name)
        super().xSync(flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self.disk.check_write()
        super().xWrite(data, offset)


class WatchedDisk(apsw.VFS):
    """The disk under the encryption: counts syncs, and refuses writes once `writes_left` is used up."""

    def __init__(self) -> None:
        self.reset()
        super().__init__("watched", "unix")

    def reset(self) -> None:
        self.synced: list[str] = []
        self.writes_left: int | None = None
        self.error: type[apsw.Error] = apsw.FullError

    def xOpen(self, name: Any, flags: list[int]) -> WatchedFile:
        return WatchedFile(self, name, flags)

    def check_write(self) -> None:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise self.error("no more")


VFS = "multipleciphers-watched"


@cache
def watched_disk() -> WatchedDisk:
    """One for the whole run: the encryption above it keeps a pointer to it for ever."""
    return WatchedDisk()


@pytest.fixture
def disk() -> Iterator[WatchedDisk]:
    watched = watched_disk()
    watched.reset()
    yield watched
    watched.reset()


def test_only_a_durable_append_syncs_and_it_syncs_all_before_it(path: Path, disk: WatchedDisk) -> None:
    entries = chain(6)
    store = opened(path, create=True, vfs=VFS)
    put(store, entries[:1])
    disk.synced.clear()
    put(store, entries[1:2])
    assert disk.synced == []
    put(store, entries[2:3], durable=True)
    assert disk.synced == ["home.db-wal"]
    put(store, entries[3:4], durable=True)
    assert disk.synced == ["home.db-wal"] * 2
    put(store, entries[4:])
    assert len(disk.synced) == 2
    store.close()


def test_a_full_disk_is_reported_and_leaves_nothing_half_written(path: Path, disk: WatchedDisk) -> None:
    entries = chain(40, body_bytes=1_500)
    store = opened(path, create=True, vfs=VFS)
    put(store, entries[:4])
    before = store.logs()
    refused = 0
    while True:
        disk.writes_left = refused
        try:
            put(store, entries[4:])
            break
        except StorageFull:
            refused += 1
            assert refused < 1_000
        disk.writes_left = None
        assert store.logs() == before
        assert store.range(LOG, 1, 99, ALL_BYTES) == entries[:4]
        assert store.last_key() == 4
    assert refused > 3
    disk.writes_left = None
    assert store.range(LOG, 1, 99, ALL_BYTES) == entries
    store.close()
    store = opened(path)
    assert store.range(LOG, 1, 99, ALL_BYTES) == entries
    store.close()


def test_a_disk_that_fails_to_write_is_reported_as_damaged(path: Path, disk: WatchedDisk) -> None:
    entries = chain(8)
    store = opened(path, create=True, vfs=VFS)
    put(store, entries[:4])
    disk.error, disk.writes_left = apsw.IOError, 0
    with pytest.raises(Damaged):
        put(store, entries[4:])
    disk.writes_left = None
    put(store, entries[4:])
    assert store.range(LOG, 1, 99, ALL_BYTES) == entries
    store.close()


def test_a_home_that_has_reached_its_size_takes_no_more(path: Path) -> None:
    store = opened(path, create=True)
    with store._database.write() as connection:
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {int(str(pages)) + 3}").fetchall()
    put(store, chain(4))
    with pytest.raises(StorageFull):
        put(store, chain(200, store.entry(chain(4)[-1].id), body_bytes=1_000))
    assert store.count() == len(store.range(LOG, 1, 999, ALL_BYTES)) == 4
    assert store.find(bytes(32), b"\xff" * 32, 999) == sorted(entry.id for entry in chain(4))
    store.close()


@pytest.mark.parametrize("place", [0.7, 0.9])
def test_a_page_that_was_tampered_with_is_an_error_not_an_entry(path: Path, place: float) -> None:
    entries = chain(200, body_bytes=1_000)
    store = opened(path, create=True)
    put(store, entries)
    store.close()
    flip(path, int(path.stat().st_size * place))
    store = opened(path)
    with pytest.raises(Damaged):
        store.range(LOG, 1, 200, ALL_BYTES)
    store.close()


def test_a_tampered_first_page_does_not_open(path: Path) -> None:
    opened(path, create=True).close()
    flip(path, 200)
    with pytest.raises(WrongKey):
        opened(path)


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "spoil", [cut, lambda data: data + b"\0" * 10_000, lambda data: os.urandom(len(data))]
)
def test_a_spoiled_file_is_refused_with_an_error_of_ours(path: Path, spoil: Callable[[bytes], bytes]) -> None:
    store = opened(path, create=True)
    put(store, chain(50, body_bytes=1_000))
    store.close()
    path.write_bytes(spoil(path.read_bytes()))
    try:
        store = opened(path)
        found = store.range(LOG, 1, 99, ALL_BYTES)
        store.close()
    except (WrongKey, Damaged):
        return
    assert found == chain(50, body_bytes=1_000)
