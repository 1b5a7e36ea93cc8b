"""The blob store on disk: it survives crashes and damage, and the disk tells nothing."""

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.blob_interface import BlobStore, take_all
from store.blobs import CHUNK_BYTES, Manifest, chunk_id
from store.errors import NotFound, StorageFull, StoreError, StoreLocked, WrongKey
from store.sqlite import chunk_folder
from store.sqlite.blobs import SqliteBlobStore

KEY = b"k" * 32
FLAG = getattr(os, "O_DIRECT", 1 << 28)
THREE = b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c" * 1_000


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


def opened(folder: Path, key: bytes = KEY, *, read_only: bool = False) -> SqliteBlobStore:
    return SqliteBlobStore(folder / "blobs.db", folder / "blobs", key, Clock(), read_only=read_only)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SqliteBlobStore]:
    made = opened(tmp_path)
    yield made
    made.close()


def ignore(_: int) -> None:
    """For those who want no progress."""


def added(store: BlobStore, content: bytes, *, pinned: bool = True) -> Manifest:
    return store.add(io.BytesIO(content), ignore, pinned=pinned)


def content_of(store: BlobStore, blob: bytes) -> bytes:
    parts: list[bytes] = []
    store.read(blob, parts.append)
    return b"".join(parts)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "blobs").rglob("*") if path.is_file())


def test_what_was_added_is_there_after_a_new_start(tmp_path: Path):
    with_first = opened(tmp_path)
    blob = added(with_first, THREE).id
    used = with_first.used_bytes()
    with_first.close()
    with_first.close()
    second = opened(tmp_path)
    assert content_of(second, blob) == THREE
    assert second.used_bytes() == used
    second.close()


def test_the_disk_tells_neither_content_nor_id_nor_length(disk: SqliteBlobStore, tmp_path: Path):
    secret = b"what nobody else shall know " * 40
    manifest = added(disk, secret)
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    names = " ".join(str(path) for path in tmp_path.rglob("*"))
    assert secret[:28] not in raw
    assert manifest.chunks[0] not in raw
    assert manifest.id not in raw
    assert manifest.chunks[0].hex()[:12] not in names
    assert [path.stat().st_size for path in files_in(tmp_path)] == [4_096]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files_in(tmp_path))


def test_a_chunk_that_was_cut_in_writing_is_put_again(disk: SqliteBlobStore, tmp_path: Path):
    manifest = Manifest(CHUNK_BYTES, (chunk_id(THREE[:CHUNK_BYTES]),))
    disk.begin(manifest)
    path = tmp_path / "blobs" / disk._folder.name_of(manifest.chunks[0])
    path.parent.mkdir()
    path.write_bytes(b"the first part")
    before = disk.used_bytes()
    assert disk.missing(manifest.id) == [0]
    disk.put_chunk(manifest.chunks[0], THREE[:CHUNK_BYTES])
    assert disk.missing(manifest.id) == []
    assert content_of(disk, manifest.id) == THREE[:CHUNK_BYTES]
    assert disk.used_bytes() - before == path.stat().st_size - len(b"the first part")


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EOPNOTSUPP])
def test_where_the_page_cache_cannot_be_passed_by_chunks_are_kept_all_the_same(
    disk: SqliteBlobStore, monkeypatch: pytest.MonkeyPatch, error: int
):
    flags_seen: list[int] = []
    open_file = os.open

    def open_cached(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_WRONLY:
            flags_seen.append(flags & FLAG)
            if flags & FLAG:
                raise OSError(error, os.strerror(error))
        return open_file(path, flags, mode)

    monkeypatch.setattr(disk._folder, "_past_cache", FLAG)
    monkeypatch.setattr(chunk_folder.os, "open", open_cached)
    manifest = Manifest(2 * CHUNK_BYTES, (chunk_id(THREE[:CHUNK_BYTES]), chunk_id(bytes(CHUNK_BYTES))))
    disk.begin(manifest)
    disk.put_chunk(manifest.chunks[0], THREE[:CHUNK_BYTES])
    disk.put_chunk(manifest.chunks[1], bytes(CHUNK_BYTES))
    assert content_of(disk, manifest.id) == THREE[:CHUNK_BYTES] + bytes(CHUNK_BYTES)
    assert flags_seen.count(FLAG) == 1


def test_one_of_two_who_put_the_same_chunk_waits_for_the_other(
    disk: SqliteBlobStore, monkeypatch: pytest.MonkeyPatch
):
    chunk, data = chunk_id(THREE[:CHUNK_BYTES]), THREE[:CHUNK_BYTES]
    is_writing, may_write = threading.Event(), threading.Event()
    write = os.pwrite
    written: list[int] = []

    def write_slowly(handle: int, file: memoryview, at: int) -> int:
        is_writing.set()
        assert may_write.wait(30)
        written.append(len(file))
        return write(handle, file, at)

    monkeypatch.setattr(chunk_folder.os, "pwrite", write_slowly)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(disk.put_chunk, chunk, data)
        assert is_writing.wait(30)
        second = threads.submit(disk.put_chunk, chunk, data)
        reading = threads.submit(disk.read_chunk, chunk)
        may_write.set()
        first.result(30)
        second.result(30)
        assert reading.result(30) in (None, data)
    assert disk.read_chunk(chunk) == data
    assert len(written) == 1


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty", "gone", "swap"])
def test_a_damaged_chunk_counts_as_absent_and_can_be_put_again(
    disk: SqliteBlobStore, tmp_path: Path, damage: str
):
    manifest = added(disk, THREE)
    path = tmp_path / "blobs" / disk._folder.name_of(manifest.chunks[0])
    other = tmp_path / "blobs" / disk._folder.name_of(manifest.chunks[1])
    data = path.read_bytes()
    spoilt = {
        "flip": data[:5_000] + bytes([data[5_000] ^ 1]) + data[5_001:],
        "cut": data[:10_000],
        "grow": data + b"\0",
        "empty": b"",
        "gone": None,
        "swap": other.read_bytes(),
    }[damage]
    if spoilt is None:
        path.unlink()
    else:
        path.write_bytes(spoilt)
    assert disk.read_chunk(manifest.chunks[0]) is None
    assert disk.missing(manifest.id) == [0]
    with pytest.raises(NotFound):
        content_of(disk, manifest.id)
    assert not disk.listed()[0].is_complete
    disk.put_chunk(manifest.chunks[0], THREE[:CHUNK_BYTES])
    assert disk.missing(manifest.id) == []
    assert content_of(disk, manifest.id) == THREE


def test_damage_that_shows_only_in_reading_ends_the_reading(disk: SqliteBlobStore, tmp_path: Path):
    manifest = added(disk, THREE)
    path = tmp_path / "blobs" / disk._folder.name_of(manifest.chunks[1])
    data = bytearray(path.read_bytes())
    data[100] ^= 0x80
    path.write_bytes(data)
    parts: list[bytes] = []
    with pytest.raises(NotFound, match="damaged"):
        disk.read(manifest.id, parts.append)
    assert parts == [THREE[:CHUNK_BYTES]]
    assert disk.missing(manifest.id) == [1]


def test_adding_a_file_again_mends_its_damaged_chunks(disk: SqliteBlobStore, tmp_path: Path):
    manifest = added(disk, THREE)
    for path in files_in(tmp_path):
        path.write_bytes(bytes(path.stat().st_size))
    assert added(disk, THREE) == manifest
    assert content_of(disk, manifest.id) == THREE


def test_what_a_crash_left_behind_is_removed(tmp_path: Path):
    first = opened(tmp_path)
    kept = added(first, b"kept")
    first.put_chunk(chunk_id(b"of a file that was being added"), b"of a file that was being added")
    first.close()
    half_written = tmp_path / "blobs" / first._folder.name_of(chunk_id(b"nothing names it"))
    half_written.parent.mkdir(exist_ok=True)
    half_written.write_bytes(b"half of a chunk")
    second = opened(tmp_path)
    assert second.tidy() == 2
    assert len(files_in(tmp_path)) == 1
    assert content_of(second, kept.id) == b"kept"
    second.close()


def test_what_was_added_without_being_durable_is_made_so_with_the_next(
    disk: SqliteBlobStore, monkeypatch: pytest.MonkeyPatch
):
    synced: list[bytes] = []
    monkeypatch.setattr(disk._folder, "sync", synced.extend)
    monkeypatch.setattr(disk._folder, "sync_disk", lambda: synced.append(b"all"))
    first = take_all(disk.adding(io.BytesIO(b"first"), durable=False), ignore)
    assert synced == []
    last = added(disk, b"last")
    assert set(synced) == {first.chunks[0], last.chunks[0]}
    synced.clear()
    monkeypatch.setattr("store.sqlite.blobs.SYNC_CHUNKS", 2)
    for content in (b"a", b"b", b"d"):
        take_all(disk.adding(io.BytesIO(content), durable=False), ignore)
    added(disk, b"c")
    assert b"all" in synced


def test_tidying_leaves_a_file_alone_that_is_being_added(disk: SqliteBlobStore):
    removed: list[int] = []
    manifest = disk.add(io.BytesIO(THREE), lambda _: removed.append(disk.tidy()))
    assert removed == [0, 0, 0]
    assert content_of(disk, manifest.id) == THREE


def test_dropping_a_blob_leaves_chunks_of_a_file_that_is_being_added(disk: SqliteBlobStore):
    before = added(disk, THREE)

    def drop_once(read_bytes: int) -> None:
        if read_bytes == CHUNK_BYTES:
            disk.drop(before.id)

    again = disk.add(io.BytesIO(THREE), drop_once)
    assert content_of(disk, again.id) == THREE


def test_others_may_read_while_one_writes(tmp_path: Path):
    writer = opened(tmp_path)
    blob = added(writer, THREE).id
    reader = opened(tmp_path, read_only=True)
    assert content_of(reader, blob) == THREE
    second = added(writer, b"later").id
    assert content_of(reader, second) == b"later"
    assert reader.used_bytes() == writer.used_bytes()
    with pytest.raises(StoreLocked):
        opened(tmp_path)
    changes: list[Callable[[], object]] = [
        lambda: added(reader, b"x"),
        lambda: reader.put_chunk(chunk_id(b"x"), b"x"),
        lambda: reader.drop(blob),
        lambda: reader.pin(blob, False),
    ]
    for change in changes:
        with pytest.raises(StoreError):
            change()
    assert reader.tidy() == 0
    reader.close()
    writer.close()


def test_reading_only_makes_no_store(tmp_path: Path):
    with pytest.raises(NotFound):
        opened(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_another_homes_key_opens_nothing(tmp_path: Path):
    opened(tmp_path).close()
    with pytest.raises(WrongKey):
        opened(tmp_path, b"o" * 32)


def test_a_full_disk_is_told_and_keeps_nothing(
    disk: SqliteBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    room = [300_000]

    write = os.pwrite

    def write_within(handle: int, data: memoryview, at: int) -> int:
        taken = min(room[0], len(data))
        room[0] -= taken
        return write(handle, data[:taken], at)

    monkeypatch.setattr(chunk_folder.os, "pwrite", write_within)
    with pytest.raises(StorageFull):
        added(disk, THREE)
    assert disk.listed() == []
    assert files_in(tmp_path) == []
