"""Padding: what comes out is what went in, and of a length only its class is seen."""

import itertools

import nacl.bindings
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.secrecy.errors import Unopenable
from node.secrecy.padding import MESSAGE_CLASSES, PACKET_CLASSES, pad, unpad

CLASSES = st.sampled_from([MESSAGE_CLASSES, PACKET_CLASSES])


@settings(max_examples=60)
@given(CLASSES, st.binary(max_size=1_500))
def test_what_is_padded_has_the_smallest_class_that_holds_it_and_comes_out_again(
    classes: tuple[int, ...], data: bytes
) -> None:
    padded = pad(data, classes)
    assert len(padded) == min(size for size in classes if size > len(data))
    assert unpad(padded) == data
    assert padded == nacl.bindings.sodium_pad(data, len(padded))


@pytest.mark.parametrize("classes", [MESSAGE_CLASSES, PACKET_CLASSES])
def test_at_the_edge_of_a_class_one_byte_more_is_the_next_class(classes: tuple[int, ...]) -> None:
    for size, larger in itertools.pairwise(classes):
        assert len(pad(b"a" * (size - 1), classes)) == size
        assert len(pad(b"a" * size, classes)) == larger


@pytest.mark.parametrize("classes", [MESSAGE_CLASSES, PACKET_CLASSES])
def test_what_is_too_long_for_the_largest_class_is_refused(classes: tuple[int, ...]) -> None:
    assert len(pad(b"a" * (classes[-1] - 1), classes)) == classes[-1]
    with pytest.raises(ValueError, match="more than"):
        pad(b"a" * classes[-1], classes)


def test_what_ends_like_padding_is_not_taken_for_it() -> None:
    data = b"a\x80\x00\x80\x00\x00"
    assert unpad(pad(data, MESSAGE_CLASSES)) == data


@pytest.mark.parametrize(
    "data", [b"", b"a", bytes(128), b"\x01" + bytes(127), b"\x80" + bytes(127) + b"\x01"]
)
def test_what_is_no_padded_text_is_refused(data: bytes) -> None:
    with pytest.raises(Unopenable):
        unpad(data)


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_unpadding_what_a_stranger_made_gives_a_beginning_of_it_or_nothing(data: bytes) -> None:
    try:
        plain = unpad(data)
    except Unopenable:
        return
    assert data[: len(plain) + 1] == plain + b"\x80"
    assert not any(data[len(plain) + 1 :])
