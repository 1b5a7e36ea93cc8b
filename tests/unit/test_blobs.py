"""Blobs as values: manifests, chunks, bitmaps, and what somebody hostile sends in their place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.blobs import (
    CHUNK_BYTES,
    MAX_BLOB_BYTES,
    MAX_CHUNKS,
    MAX_MANIFEST_BYTES,
    ChunkId,
    Manifest,
    blob_id,
    check_chunk,
    chunk_id,
    chunks_in,
    held_map,
    held_places,
)
from store.codec import encode
from store.errors import InvalidBlob, TooLarge

SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES)


def made(content: bytes) -> tuple[Manifest, list[bytes]]:
    parts = [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]
    return Manifest(len(content), tuple(map(chunk_id, parts))), parts


@pytest.mark.parametrize("size", SIZES)
def test_a_manifest_is_read_back_from_its_encoding(size: int):
    manifest, parts = made(b"x" * size)
    again = Manifest.parse(manifest.encode())
    assert again == manifest
    assert again.id == manifest.id == blob_id(manifest.encode())
    assert [check_chunk(again, index, part) for index, part in enumerate(parts)] == list(manifest.chunks)


def test_blobs_of_other_content_or_size_have_other_ids():
    ids = {
        made(content)[0].id for content in (b"", b"\0", b"\0\0", b"x" * CHUNK_BYTES, b"x" * 2 * CHUNK_BYTES)
    }
    assert len(ids) == 5


def test_ids_of_chunks_and_of_blobs_never_meet():
    data = made(b"a text")[0].encode()
    assert chunk_id(data) != blob_id(data)


def test_a_manifest_of_the_largest_blob_fits_its_bound():
    manifest = Manifest(MAX_BLOB_BYTES, (ChunkId(bytes(32)),) * MAX_CHUNKS)
    assert len(manifest.encode()) <= MAX_MANIFEST_BYTES
    assert Manifest.parse(manifest.encode()) == manifest


LIES = {
    "one byte more than its chunks have": (1, CHUNK_BYTES + 1, bytes(32)),
    "no bytes and a chunk": (1, 0, bytes(32)),
    "bytes and no chunk": (1, 1, b""),
    "a chunk too many": (1, CHUNK_BYTES, bytes(64)),
    "an id cut short": (1, CHUNK_BYTES, bytes(31)),
    "less than nothing": (1, -1, b""),
    "more than a blob may have": (1, MAX_BLOB_BYTES + 1, bytes(32)),
    "a size beyond all sizes": (1, 2**64 - 1, b""),
    "a size that is true": (1, True, bytes(32)),
    "a version that is true": (True, 1, bytes(32)),
    "a version of tomorrow": (2, 1, bytes(32)),
    "a size as text": (1, "1", bytes(32)),
    "ids as a list": (1, 1, (bytes(32),)),
    "ids as text": (1, 1, "x" * 32),
    "nothing": (),
    "too little": (1, 1),
    "too much": (1, 1, bytes(32), 0),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_manifest_that_lies_is_refused(lie: tuple[object, ...]):
    with pytest.raises(InvalidBlob):
        Manifest.parse(encode(lie))


def test_a_manifest_of_another_blob_is_refused():
    asked, given_instead = made(b"asked for")[0], made(b"sent instead")[0]
    assert Manifest.of_blob(asked.id, asked.encode()) == asked
    with pytest.raises(InvalidBlob, match="another blob"):
        Manifest.of_blob(asked.id, given_instead.encode())


def test_a_manifest_too_long_is_refused_before_it_is_read():
    with pytest.raises(InvalidBlob):
        Manifest.parse(encode((1, 0, bytes(MAX_MANIFEST_BYTES))))


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_noise_is_refused_with_our_error_alone(noise: bytes):
    with pytest.raises(InvalidBlob):
        Manifest.parse(noise)


@given(st.data())
@settings(max_examples=60)
def test_any_flipped_bit_makes_it_no_manifest_of_that_blob(data: st.DataObject):
    manifest, _ = made(b"some content")
    encoded = bytearray(manifest.encode())
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidBlob):
        Manifest.of_blob(manifest.id, bytes(encoded))


def test_a_manifest_cannot_be_made_that_breaks_a_rule():
    with pytest.raises(InvalidBlob):
        Manifest(1, ())
    with pytest.raises(InvalidBlob):
        Manifest(1, (ChunkId(b"short"),))
    with pytest.raises(TooLarge):
        Manifest(MAX_BLOB_BYTES + 1, (ChunkId(bytes(32)),) * (MAX_CHUNKS + 1))


def test_a_chunk_of_another_size_place_or_content_is_refused():
    manifest, parts = made(b"a" * CHUNK_BYTES + b"b" * 10)
    for index, data in (
        (0, parts[0][:-1]),
        (0, parts[0] + b"a"),
        (0, b"c" * CHUNK_BYTES),
        (0, b""),
        (1, parts[0]),
        (1, b"b" * 9 + b"c"),
        (2, b"b" * 10),
        (-1, parts[1]),
        (2**40, parts[1]),
    ):
        with pytest.raises(InvalidBlob):
            check_chunk(manifest, index, data)


@pytest.mark.parametrize(("size", "count"), [(0, 0), (1, 1), (CHUNK_BYTES, 1), (MAX_BLOB_BYTES, MAX_CHUNKS)])
def test_a_blob_has_as_many_chunks_as_its_size_needs(size: int, count: int):
    assert chunks_in(size) == count


@given(st.integers(0, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))))
@settings(max_examples=100)
def test_a_bitmap_tells_the_places_it_was_made_of(case: tuple[int, set[int]]):
    count, places = case
    places = {place for place in places if place < count}
    assert held_places(held_map(places, count), count) == sorted(places)


@pytest.mark.parametrize(
    ("bitmap", "count"), [(b"", 1), (b"\0\0", 8), (b"\x02", 1), (b"\0\x80", 15), (b"\0", 0)]
)
def test_a_bitmap_of_another_length_or_with_spare_bits_is_refused(bitmap: bytes, count: int):
    with pytest.raises(InvalidBlob):
        held_places(bitmap, count)
