"""Messages of blob streams: values, bytes, and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault
from gossip.proto.blob_messages import (
    MAX_CHUNK_MESSAGE_BYTES,
    MAX_HOLDING_BYTES,
    MAX_QUESTION_BYTES,
    MAX_WANTED_CHUNKS,
    MAX_WHOLE_BYTES,
    Chunk,
    Got,
    Holding,
    Lacking,
    Look,
    NoChunk,
    Want,
    encode_answer,
    encode_question,
    framed_chunk,
    parse_answer,
    parse_question,
)
from store.blobs import CHUNK_BYTES, MAX_BLOB_BYTES, MAX_CHUNKS, MAX_MANIFEST_BYTES
from store.codec import encode

BLOB = bytes(range(32))
blobs = st.binary(min_size=32, max_size=32)
places = st.integers(0, MAX_CHUNKS - 1)
questions = st.builds(Look, blobs, st.booleans()) | st.builds(
    Want, blobs, st.integers(0, MAX_CHUNKS - MAX_WANTED_CHUNKS), st.integers(1, MAX_WANTED_CHUNKS)
)
answers = (
    st.builds(Holding, blobs, st.none() | st.binary(max_size=100), st.binary(max_size=100))
    | st.builds(Chunk, places, st.binary(min_size=1, max_size=300))
    | st.builds(NoChunk, places)
    | st.builds(Lacking, blobs)
    | st.builds(Got, blobs)
)


@given(questions)
def test_questions_come_back_from_their_bytes_and_are_short(message: Look | Want) -> None:
    assert parse_question(encode_question(message)) == message
    assert len(encode_question(message)) <= MAX_QUESTION_BYTES


@given(answers)
def test_answers_come_back_from_their_bytes(message: Chunk | Holding) -> None:
    assert parse_answer(encode_answer(message)) == message


@given(st.binary(max_size=100) | questions.map(encode_question) | answers.map(encode_answer))
def test_any_bytes_are_a_message_in_its_one_form_or_a_fault(data: bytes) -> None:
    for parse, write in ((parse_question, encode_question), (parse_answer, encode_answer)):
        try:
            assert write(parse(data)) == data  # type: ignore[operator]
        except RemoteFault:
            continue


@pytest.mark.parametrize("place", [0, 127, 128, 197, 198, 199, 255, 256, 0xC6C5, 0xC6C6, MAX_CHUNKS - 1])
@pytest.mark.parametrize("size", [1, 255, 256, 65_535, 65_536, CHUNK_BYTES])
def test_chunks_have_one_form_however_large_they_are(place: int, size: int) -> None:
    chunk = Chunk(place, bytes([place & 255]) * size)
    data = encode_answer(chunk)
    assert framed_chunk(*chunk) == len(data).to_bytes(4, "big") + data
    assert parse_answer(data) == chunk
    assert len(data) <= MAX_CHUNK_MESSAGE_BYTES


@pytest.mark.parametrize(
    "head",
    [
        b"\x93\x04\xcc\x05",  # a number in a longer form
        b"\x93\x04\xcd\x00\xff",
        b"\x93\x04\xce\x00\x01\x00\x00",  # a chunk that no blob has
        b"\x94\x04\x05",  # four values
        b"\x93\x02\x05",  # another message
    ],
)
def test_a_large_chunk_in_another_form_is_refused(head: bytes) -> None:
    body = b"\xc6" + (65_536).to_bytes(4, "big") + bytes(65_536)
    assert parse_answer(b"\x93\x04\x05" + body) == Chunk(5, bytes(65_536))
    for data in (head + body, b"\x93\x04\x05" + body + b"\x00", b"\x93\x04\x05" + body[:-1]):
        with pytest.raises(RemoteFault):
            parse_answer(data)


@pytest.mark.parametrize(
    "value",
    [
        [1, BLOB],
        [1, BLOB[1:], True],
        [1, BLOB, 1],
        [1, BLOB, True, 0],
        [2, BLOB, None, b""],
        [3, BLOB, 0, 0],
        [3, BLOB, 0, MAX_WANTED_CHUNKS + 1],
        [3, BLOB, -1, 1],
        [3, BLOB, MAX_CHUNKS, 1],
        [3, BLOB, MAX_CHUNKS - 1, 2],
        [3, BLOB, True, 1],
        [8],
        [],
        [True, BLOB, True],
        [None],
        7,
    ],
)
def test_what_is_no_question_is_refused(value: object) -> None:
    with pytest.raises(RemoteFault):
        parse_question(encode(value))


@pytest.mark.parametrize(
    "value",
    [
        [1, BLOB, True],
        [2, BLOB, None],
        [2, BLOB, "", b""],
        [2, BLOB[1:], None, b""],
        [2, BLOB, None, bytes(MAX_CHUNKS // 8 + 1)],
        [4, 0, b""],
        [4, -1, b"x"],
        [4, MAX_CHUNKS, b"x"],
        [4, 0, bytes(CHUNK_BYTES + 1)],
        [4, False, b"x"],
        [5],
        [5, MAX_CHUNKS],
        [6, BLOB[1:]],
        [6, BLOB, 1],
        [7, None],
        [9, BLOB],
        [[]],
        "x",
    ],
)
def test_what_is_no_answer_is_refused(value: object) -> None:
    with pytest.raises(RemoteFault):
        parse_answer(encode(value))


def test_the_largest_messages_fit_their_limits() -> None:
    ids = bytes(32 * MAX_CHUNKS)
    manifest = encode([1, MAX_BLOB_BYTES, ids])
    assert len(manifest) <= MAX_MANIFEST_BYTES
    held = bytes(MAX_CHUNKS // 8)
    assert len(encode_answer(Holding(BLOB, manifest, held))) <= MAX_WHOLE_BYTES
    assert len(encode_answer(Holding(BLOB, None, held))) <= MAX_HOLDING_BYTES
    for message in (Lacking(BLOB), Got(BLOB), NoChunk(MAX_CHUNKS - 1)):
        assert len(encode_answer(message)) <= MAX_QUESTION_BYTES
