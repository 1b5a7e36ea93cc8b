"""Files as sealed streams: whole or not at all, and of the size only a few bits."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.secrecy import streams
from node.secrecy.errors import Unopenable
from node.secrecy.streams import (
    HEADER_BYTES,
    LIGHT,
    PIECE_BYTES,
    SEAL_BYTES,
    NoArchive,
    Sealing,
    key_behind,
    new_head,
    new_key,
    opened,
    padded_bytes,
    read_head,
    sealed_bytes,
)

KEY = bytes(range(32))


class Dribble:
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def sealed(data: bytes, key: bytes = KEY, *, padded: bool = True, step: int = PIECE_BYTES) -> bytes:
    source = Sealing(Dribble(data, step), key, padded=padded)
    found = b"".join(iter(lambda: source.read(10_000), b""))
    assert source.plain_bytes == len(data)
    return found


def unsealed(stream: bytes, size: int | None, key: bytes = KEY) -> bytes:
    return b"".join(opened(Dribble(stream, 7_001), key, size))


SIZES = [0, 1, 4_095, 4_096, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 200_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [997, PIECE_BYTES])
def test_a_file_comes_out_as_it_went_in(size: int, step: int) -> None:
    data = bytes(index % 251 for index in range(size))
    padded = sealed(data, step=step)
    assert len(padded) == sealed_bytes(size)
    assert unsealed(padded, size) == data
    plain = sealed(data, padded=False, step=step)
    assert len(plain) == HEADER_BYTES + size + max(1, -(-size // PIECE_BYTES)) * SEAL_BYTES
    assert unsealed(plain, None) == data


@given(st.integers(0, 2**34))
def test_padding_adds_little_and_hides_the_last_bits(size: int) -> None:
    padded = padded_bytes(size)
    assert padded >= size
    assert padded <= max(streams.MIN_PADDED_BYTES, size * 1.12 + 1)
    assert padded_bytes(padded) == padded


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    stream = sealed(b"words " * 15_000)
    at = data.draw(st.integers(0, len(stream) - 1))
    bad = bytearray(stream)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Unopenable):
        unsealed(bytes(bad), 90_000)


def test_pieces_that_are_missing_repeated_swapped_or_added_are_noticed() -> None:
    stream = sealed(bytes(3 * PIECE_BYTES), padded=False)
    head, rest = stream[:HEADER_BYTES], stream[HEADER_BYTES:]
    whole = PIECE_BYTES + SEAL_BYTES
    one, two, three = rest[:whole], rest[whole : 2 * whole], rest[2 * whole :]
    wrong = [(), (one,), (one, two), (one, three), (two, one, three), (one, one, two, three)]
    for pieces in [*wrong, (one, two, three, one), (one, two, three, b"x"), (one, two, three[:-1])]:
        with pytest.raises(Unopenable):
            unsealed(head + b"".join(pieces), None)


@pytest.mark.parametrize("junk", [b"", b"x", bytes(HEADER_BYTES), bytes(100_000)])
def test_noise_is_no_stream(junk: bytes) -> None:
    with pytest.raises(Unopenable):
        unsealed(junk, None)


def test_another_key_or_a_length_beyond_the_end_opens_nothing() -> None:
    stream = sealed(b"words")
    with pytest.raises(Unopenable):
        unsealed(stream, 5, new_key())
    with pytest.raises(Unopenable):
        unsealed(stream, 5, b"short")
    with pytest.raises(Unopenable):
        unsealed(stream, 5_000)


def test_a_passphrase_gives_the_same_key_however_it_is_typed() -> None:
    head = new_head(LIGHT)
    assert key_behind(head, "größer") == key_behind(head, "gro\u0308ßer")
    assert key_behind(head, "größer") != key_behind(head, "größe")
    assert key_behind(head, "größer") != key_behind(new_head(LIGHT), "größer")


def test_a_head_is_read_back_and_anything_else_is_none() -> None:
    head = new_head(LIGHT)
    assert read_head(io.BytesIO(head + b"more")) == head
    for junk in (b"", head[:-1], b"x" + head[1:]):
        with pytest.raises(NoArchive):
            read_head(io.BytesIO(junk))


@pytest.mark.parametrize("cost", [(2**32 - 1, 8), (1, 2**32 - 1), (0, 8_192), (1, 0)])
def test_a_head_that_asks_for_too_much_is_refused_at_once(cost: tuple[int, int]) -> None:
    head = streams.MAGIC + struct.pack(">16sII", bytes(16), *cost)
    with pytest.raises(Unopenable):
        key_behind(head, "passphrase")


@pytest.mark.parametrize("passphrase", ["", "x" * 1_025])
def test_an_empty_or_endless_passphrase_opens_nothing(passphrase: str) -> None:
    with pytest.raises(Unopenable):
        key_behind(new_head(LIGHT), passphrase)
