"""Both blob stores keep the same promises; the one on disk also survives crashes and damage."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from store.blob_interface import BlobStore, take_all
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES, Manifest, chunk_id, held_map
from store.errors import NotFound, StorageFull, StoreError, StoreLocked, TooLarge, WrongKey
from store.sqlite import chunk_folder
from store.sqlite.blobs import SqliteBlobStore

KEY = b"k" * 32
THREE = b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c" * 1_000


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


def opened(folder: Path, key: bytes = KEY, *, read_only: bool = False) -> SqliteBlobStore:
    return SqliteBlobStore(folder / "blobs.db", folder / "blobs", key, Clock(), read_only=read_only)


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    made: BlobStore = MemoryBlobStore(Clock()) if request.param == "memory" else opened(tmp_path)
    yield made
    made.close()


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


@pytest.mark.parametrize(
    "content", [b"", b"x", b"y" * CHUNK_BYTES, THREE], ids=["empty", "one", "chunk", "three"]
)
def test_what_is_added_is_read_back(store: BlobStore, content: bytes):
    manifest = added(store, content)
    assert manifest.size == len(content)
    assert store.manifest(manifest.id) == manifest
    assert store.missing(manifest.id) == []
    assert content_of(store, manifest.id) == content
    [state] = store.listed()
    assert state.is_complete
    assert (state.blob, state.size, state.pinned) == (manifest.id, len(content), True)


def test_a_source_that_gives_little_at_a_time_makes_the_same_blob(store: BlobStore):
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 10_007))

    assert store.add(Trickle(THREE), ignore) == added(MemoryBlobStore(), THREE)
    assert content_of(store, store.listed()[0].blob) == THREE


def test_progress_is_told_in_bytes_read(store: BlobStore):
    told: list[int] = []
    store.add(io.BytesIO(THREE), told.append)
    assert told == [CHUNK_BYTES, 2 * CHUNK_BYTES, len(THREE)]


def test_a_blob_that_was_begun_becomes_complete_chunk_by_chunk(store: BlobStore):
    manifest = added(MemoryBlobStore(), THREE)
    parts = [THREE[at : at + CHUNK_BYTES] for at in range(0, len(THREE), CHUNK_BYTES)]
    store.begin(manifest)
    assert store.missing(manifest.id) == [0, 1, 2]
    with pytest.raises(NotFound):
        content_of(store, manifest.id)
    for index in (2, 0, 1):
        assert store.read_chunk(manifest.chunks[index]) is None
        store.put_chunk(manifest.chunks[index], parts[index])
        assert store.read_chunk(manifest.chunks[index]) == parts[index]
        if index == 2:
            assert store.held(manifest.id) == held_map([2], 3)
            assert store.listed()[0].held_bytes == 1_000
    assert store.missing(manifest.id) == []
    assert content_of(store, manifest.id) == THREE
    assert not store.listed()[0].pinned


def test_beginning_a_blob_that_is_here_changes_nothing(store: BlobStore):
    manifest = added(store, THREE)
    before = store.listed()[0]
    store.begin(manifest)
    assert store.missing(manifest.id) == []
    assert store.listed()[0].pinned == before.pinned


def test_nothing_is_known_of_other_blobs(store: BlobStore):
    other = bytes(32)
    assert store.manifest(other) is None
    assert store.read_chunk(other) is None
    store.note_use(other)
    for ask in (store.missing, store.held, store.drop, lambda blob: store.pin(blob, True)):
        with pytest.raises(NotFound):
            ask(other)
    assert store.listed() == []


def test_chunks_are_kept_once(store: BlobStore):
    added(store, THREE)
    once = store.used_bytes()
    added(store, THREE)
    added(store, THREE[: 2 * CHUNK_BYTES])
    assert store.used_bytes() == once
    added(store, b"a" * CHUNK_BYTES * 5)
    assert store.used_bytes() == once


def test_dropping_a_blob_leaves_chunks_that_others_have(store: BlobStore):
    whole, part = added(store, THREE), added(store, THREE[:CHUNK_BYTES])
    used = store.used_bytes()
    freed = store.drop(whole.id)
    assert freed > CHUNK_BYTES
    assert store.used_bytes() == used - freed
    assert store.manifest(whole.id) is None
    assert content_of(store, part.id) == THREE[:CHUNK_BYTES]
    store.drop(part.id)
    assert store.used_bytes() == 0


def test_the_list_begins_with_what_was_used_last(store: BlobStore):
    blobs = [added(store, bytes([n])).id for n in range(3)]
    assert [state.blob for state in store.listed()] == blobs[::-1]
    store.note_use(blobs[0])
    content_of(store, blobs[1])
    assert [state.blob for state in store.listed()] == [blobs[1], blobs[0], blobs[2]]


def test_a_pin_is_set_and_taken_away(store: BlobStore):
    blob = added(store, b"kept", pinned=False).id
    assert not store.listed()[0].pinned
    store.pin(blob, True)
    assert store.listed()[0].pinned
    added(store, b"kept", pinned=False)
    assert store.listed()[0].pinned
    store.pin(blob, False)
    assert not store.listed()[0].pinned


def test_adding_that_is_broken_off_keeps_nothing(store: BlobStore):
    class Stop(Exception):
        pass

    def stop(read_bytes: int) -> None:
        if read_bytes > CHUNK_BYTES:
            raise Stop

    kept = added(store, THREE[:CHUNK_BYTES])
    used = store.used_bytes()
    with pytest.raises(Stop):
        store.add(io.BytesIO(THREE), stop)
    assert [state.blob for state in store.listed()] == [kept.id]
    assert store.used_bytes() == used
    assert content_of(store, kept.id) == THREE[:CHUNK_BYTES]


def test_a_source_that_fails_keeps_nothing(store: BlobStore):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= CHUNK_BYTES:
                raise OSError("the disk was pulled out")
            return super().read(size)

    with pytest.raises(OSError, match="pulled out"):
        store.add(Broken(THREE), ignore)
    assert store.listed() == []
    assert store.used_bytes() == 0


def test_a_file_beyond_the_limit_is_refused(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    for room in ("store.blob_memory", "store.sqlite.blobs"):
        monkeypatch.setattr(f"{room}.MAX_BLOB_BYTES", 2 * CHUNK_BYTES)
    with pytest.raises(TooLarge):
        added(store, THREE)
    assert store.listed() == []
    assert store.used_bytes() == 0


def test_chunks_of_no_blob_are_tidied_away(store: BlobStore):
    kept = added(store, b"kept")
    store.put_chunk(chunk_id(b"stray"), b"stray")
    assert store.tidy() == 1
    assert store.read_chunk(chunk_id(b"stray")) is None
    assert content_of(store, kept.id) == b"kept"


def test_parts_of_a_folder_are_noted_until_it_goes(store: BlobStore):
    whole, empty, part = added(store, b"a list").id, added(store, b"an empty list").id, b"p" * 32
    assert store.parts_of(whole) is None
    store.note_parts(whole, [(part, 7), (b"o" * 32, 1)])
    store.note_parts(whole, [(b"other" * 6 + b"..", 1)])
    store.note_parts(empty, [])
    assert store.parts_of(whole) == [(b"o" * 32, 1), (part, 7)]
    assert store.parts_of(empty) == []
    assert store.wholes_of(part) == [whole]
    assert store.wholes_of(whole) == []
    assert store.parts_held(whole) == (2, 0, 0)
    assert store.parts_held(empty) == (0, 0, 0)
    assert store.parts_held(part) is None
    store.drop(whole)
    assert store.wholes_of(part) == []
    assert store.parts_of(whole) is None
    with pytest.raises(NotFound):
        store.note_parts(whole, [])


def test_parts_that_are_complete_are_counted(store: BlobStore):
    here, begun = added(store, b"here"), added(MemoryBlobStore(), THREE)
    store.begin(begun)
    whole = added(store, b"a list").id
    store.note_parts(whole, [(here.id, 4), (begun.id, len(THREE)), (bytes(32), 1)])
    assert store.parts_held(whole) == (3, 1, 4)
    assert store.state(bytes(32)) is None
    state = store.state(begun.id)
    assert state is not None
    assert (state.size, state.held_bytes, state.is_complete) == (len(THREE), 0, False)


def test_adding_step_by_step_that_is_left_keeps_nothing(store: BlobStore):
    steps = store.adding(io.BytesIO(THREE))
    assert [next(steps), next(steps)] == [CHUNK_BYTES, 2 * CHUNK_BYTES]
    steps.close()
    assert store.listed() == []
    assert store.used_bytes() == 0


def test_what_is_stale_comes_with_the_one_unused_for_longest_first(store: BlobStore):
    kept, old, young = (
        added(store, b"kept"),
        added(store, b"old", pinned=False),
        added(store, b"y", pinned=False),
    )
    begun = added(MemoryBlobStore(), THREE)
    store.begin(begun)
    times = {state.blob: state.used_ms for state in store.listed()}
    late = max(times.values()) + 1

    def stale(used_before_ms: int, begun_before_ms: int, limit: int = 9) -> list[bytes]:
        return [state.blob for state in store.stale(used_before_ms, begun_before_ms, limit)]

    assert stale(late, late) == [old.id, young.id, begun.id]
    assert stale(late, late, 1) == [old.id]
    assert stale(times[young.id], late) == [old.id, begun.id]
    assert stale(late, times[begun.id]) == [old.id, young.id]
    assert store.stale_bytes(late, late) == 4 + len(THREE)
    assert store.stale_bytes(0, 0) == 0
    assert store.summary() == (4, 4, len(THREE))
    assert store.state(kept.id) is not None


def test_many_are_pinned_and_dropped_at_once(store: BlobStore):
    blobs = [added(store, bytes([n]) * 10, pinned=False).id for n in range(3)]
    store.pin_all([*blobs[:2], bytes(32)], True)
    assert {state.blob for state in store.listed() if state.pinned} == set(blobs[:2])
    assert store.drop_all([*blobs, blobs[0], bytes(32)]) > 0
    assert store.listed() == []
    assert store.used_bytes() == 0


# --- on disk ------------------------------------------------------------------------------------------


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
    half_written = tmp_path / "blobs" / "new" / "0123456789abcdef"
    half_written.write_bytes(b"half of a chunk")
    second = opened(tmp_path)
    assert not half_written.exists()
    assert second.tidy() == 1
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

    def write_within(handle: int, parts: Sequence[bytes]) -> int:
        data = b"".join(parts)
        taken = min(room[0], len(data))
        room[0] -= taken
        return os.write(handle, data[:taken])

    monkeypatch.setattr(chunk_folder.os, "writev", write_within)
    with pytest.raises(StorageFull):
        added(disk, THREE)
    assert disk.listed() == []
    assert files_in(tmp_path) == []
