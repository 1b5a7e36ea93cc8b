"""Both blob stores keep the same promises."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.blob_interface import BlobStore
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES, Manifest, chunk_id, held_map
from store.errors import NotFound, TooLarge
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


def ignore(_: int) -> None:
    """For those who want no progress."""


def added(store: BlobStore, content: bytes, *, pinned: bool = True) -> Manifest:
    return store.add(io.BytesIO(content), ignore, pinned=pinned)


def content_of(store: BlobStore, blob: bytes) -> bytes:
    parts: list[bytes] = []
    store.read(blob, parts.append)
    return b"".join(parts)


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
    assert store.summary() == (4, 4)
    assert store.begun_bytes() == len(THREE)
    assert store.state(kept.id) is not None


def test_many_are_pinned_and_dropped_at_once(store: BlobStore):
    blobs = [added(store, bytes([n]) * 10, pinned=False).id for n in range(3)]
    store.pin_all([*blobs[:2], bytes(32)], True)
    assert {state.blob for state in store.listed() if state.pinned} == set(blobs[:2])
    assert store.drop_all([*blobs, blobs[0], bytes(32)]) > 0
    assert store.listed() == []
    assert store.used_bytes() == 0
