"""The codec: one encoding of each value, and nothing else gets in, at bounded cost."""

import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.codec import MAX_DEPTH, decode, decode_shaped, encode, encode_trusted
from store.entry import MAX_BODY_BYTES
from store.errors import NotCanonical

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=20).map(tuple), max_leaves=40)
# What msgpack has and this format has not, too.
FOREIGN = st.recursive(
    SCALARS | st.floats() | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def depth_of(value: Any) -> int:
    return 1 + max(map(depth_of, value), default=0) if type(value) is tuple else 0


def nested(depth: int) -> Any:
    value: Any = ()
    for _ in range(depth - 1):
        value = (value,)
    return value


@given(VALUES.filter(lambda value: depth_of(value) <= MAX_DEPTH))
def test_decode_inverts_encode_with_types_kept(value: Any) -> None:
    data = encode(value)
    decoded = decode(data, len(data), 20)
    assert repr(decoded) == repr(value)
    assert encode(decoded) == encode_trusted(decoded) == data
    assert repr(decode_shaped(data, len(data), 20)) == repr(value)


@given(st.binary(max_size=200) | FOREIGN.map(msgpack.packb))
@example(b"\xc1")
@example(b"\xa3\xed\xa0\x80")
@example(b"\xd6\xff\x00\x00\x00\x00")
@example(b"\xc7\x00\xff")
def test_noise_is_refused_or_the_one_encoding_of_what_it_gives(data: bytes) -> None:
    for read in (decode, decode_shaped):
        try:
            value = read(data, 1_000, 100)
        except NotCanonical:
            continue
        assert encode_trusted(value) == data
    try:
        value = decode(data, 1_000, 100)
    except NotCanonical:
        return
    assert encode(value) == data


@given(VALUES, st.data())
def test_a_mutated_encoding_is_refused_or_another_value(value: Any, data: st.DataObject) -> None:
    encoding = bytearray(encode_trusted(value))
    place = data.draw(st.integers(0, len(encoding) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "insert"])):
        case "flip":
            encoding[place] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del encoding[place]
        case "insert":
            encoding.insert(place, data.draw(st.integers(0, 255)))
    try:
        decoded = decode(bytes(encoding), 100_000, 100)
    except NotCanonical:
        return
    assert encode(decoded) == bytes(encoding) != encode_trusted(value)


@given(st.integers(-(2**63), 2**64 - 1) | st.integers(-(2**9), 2**9))
def test_an_int_is_read_only_in_its_shortest_form(number: int) -> None:
    forms = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    for first, form in forms.items():
        try:
            data = bytes([first]) + struct.pack(form, number)
        except struct.error:
            continue
        if data == encode(number):
            assert decode(data, 9, 0) == number
        else:
            with pytest.raises(NotCanonical):
                decode(data, 9, 0)


def test_a_bool_is_not_a_number() -> None:
    assert encode(True) != encode(1)
    assert decode(encode(True), 1, 0) is True
    assert type(decode(encode(1), 1, 0)) is int


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        2.0,
        {},
        {1: 2},
        {1, 2},
        bytearray(b"x"),
        memoryview(b"x"),
        msgpack.ExtType(1, b"x"),
        object(),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [1, [value]]])
def test_a_value_that_the_format_lacks_is_not_encoded(value: Any, wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="the format has no"):
        encode(wrap(value))


def test_a_subclass_of_a_scalar_is_not_encoded() -> None:
    class Number(int):
        pass

    with pytest.raises(TypeError, match="Number"):
        encode([Number(1)])


@pytest.mark.parametrize(
    ("value", "error"),
    [(2**64, OverflowError), (-(2**63) - 1, OverflowError), ("\ud800", UnicodeEncodeError)],
)
def test_a_failed_encoding_leaves_nothing_behind(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode(["left over", value])
    assert encode(1) == b"\x01"


def test_lists_nest_eight_deep_and_no_deeper() -> None:
    assert decode(encode(nested(MAX_DEPTH)), 100, 1) == nested(MAX_DEPTH)
    with pytest.raises(NotCanonical):
        encode(nested(MAX_DEPTH + 1))
    with pytest.raises(NotCanonical):
        decode(b"\x91" + encode(nested(MAX_DEPTH)), 100, 1)


def test_a_list_that_holds_itself_is_not_encoded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotCanonical):
        encode(endless)


def test_lengths_are_bounded_by_what_the_caller_allows() -> None:
    data = encode([b"x" * 50, 1])
    assert decode(data, len(data), 2)
    for max_bytes, max_items in ((len(data) - 1, 2), (len(data), 1)):
        with pytest.raises(NotCanonical):
            decode(data, max_bytes, max_items)
        with pytest.raises(NotCanonical):
            decode_shaped(data, max_bytes, max_items)


HOSTILE = {
    "a list of 2**32 - 1": b"\xdd\xff\xff\xff\xff",
    "lists of 65,535 in each other": b"\xdc\xff\xff" * 10_000,
    "the widest allowed lists in each other, as a body": b"\xdc\x04\x00" * 10_000,
    "the widest allowed lists in each other, as a frame": b"\xdc\x20\x00" * 200_000,
    "lists of one in each other": b"\x91" * 700_000,
    "lists of one in each other, closed": b"\x91" * 30_000 + b"\x90",
    "bytes of 2**32 - 1": b"\xc6\xff\xff\xff\xff",
    "a text of 2**32 - 1": b"\xdb\xff\xff\xff\xff",
    "a map of 2**32 - 1": b"\xdf\xff\xff\xff\xff",
    "an extension value of 2**32 - 1": b"\xc9\xff\xff\xff\xff\x05",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("read", [decode, decode_shaped])
def test_hostile_lengths_and_depths_are_refused_in_little_memory(
    name: str, read: Callable[[bytes, int, int], Any]
) -> None:
    data = HOSTILE[name]
    limits = (MAX_BODY_BYTES, 1_024) if len(data) <= MAX_BODY_BYTES else (2**20, 8_192)
    # A body: 1,024 open lists of 1,024 items. A frame: 8 bytes of room for each byte that came.
    allowed_bytes = 10_000_000
    tracemalloc.start()
    try:
        with pytest.raises(NotCanonical):
            read(data, *limits)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < allowed_bytes


def test_a_deep_value_that_is_whole_takes_room_for_what_came() -> None:
    depth, width = 100, 8_192
    data = (b"\xdc" + width.to_bytes(2, "big")) * depth + b"\xc0" * (depth * (width - 1) + 1)
    tracemalloc.start()
    try:
        decode_shaped(data, 2**20, width)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10 * len(data) + 2_000_000
    with pytest.raises(NotCanonical, match="nested deeper"):
        decode(data, 2**20, width)
