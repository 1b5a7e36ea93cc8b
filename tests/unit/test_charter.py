"""Charters: their bytes, their limits, and the network ids that they give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.charter import (
    MAX_CHARTER_BYTES,
    MAX_INCEPTION_BYTES,
    MAX_NAME_CHARS,
    MAX_SECTIONS,
    Charter,
    InvalidCharter,
    parse,
)
from store.codec import encode
from store.crypto import digest

SALTS = st.binary(min_size=16, max_size=16)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=MAX_NAME_CHARS)
INCEPTIONS = st.sets(st.binary(max_size=40), min_size=1, max_size=MAX_SECTIONS).map(sorted).map(tuple)
CIRCLES = st.builds(Charter, NAMES, SALTS, st.just(0), st.just(()))
FEDERATIONS = st.builds(Charter, NAMES, SALTS, st.integers(1, MAX_SECTIONS), INCEPTIONS)
CHARTERS = st.one_of(CIRCLES, FEDERATIONS)
CHARTER = Charter("Federation of the North", bytes(range(16)))
FEDERATION = Charter("Federation of the North", bytes(range(16)), 2, (b"one", b"two"))


@given(CHARTERS)
def test_parse_inverts_encode(charter: Charter) -> None:
    assert parse(charter.encode()) == charter
    assert parse(charter.encode()).network_id() == charter.network_id()


def test_the_largest_charter_fits() -> None:
    inceptions = tuple(bytes([number]) * MAX_INCEPTION_BYTES for number in range(MAX_SECTIONS))
    largest = Charter("\U0001f30d" * MAX_NAME_CHARS, bytes(16), MAX_SECTIONS, inceptions)
    assert len(largest.encode()) == MAX_CHARTER_BYTES
    assert parse(largest.encode()) == largest


def test_the_network_id_is_the_digest_of_domain_and_charter() -> None:
    data = b"\x95\x01\xb7Federation of the North\xc4\x10" + bytes(range(16)) + b"\x00\x90"
    assert CHARTER.encode() == data
    assert CHARTER.network_id() == digest(b"asterism/charter/1\0" + data)
    assert FEDERATION.encode() == data[:-2] + b"\x02\x92\xc4\x03one\xc4\x03two"


@given(CHARTERS, CHARTERS)
def test_two_charters_name_two_networks(one: Charter, other: Charter) -> None:
    assert (one.network_id() == other.network_id()) == (one == other)


BROKEN: dict[str, tuple[Any, ...]] = {
    "no name": ("", bytes(16)),
    "a long name": ("a" * (MAX_NAME_CHARS + 1), bytes(16)),
    "a line break": ("a\nb", bytes(16)),
    "an escape": ("a\x1b[31m", bytes(16)),
    "delete": ("a\x7f", bytes(16)),
    "a C1 control": ("\x9b", bytes(16)),
    "a lone surrogate": ("\udcff", bytes(16)),
    "a short salt": ("a", bytes(15)),
    "a long salt": ("a", bytes(17)),
    "endorsements in a circle": ("a", bytes(16), 1),
    "no endorsements in a federation": ("a", bytes(16), 0, (b"one",)),
    "17 endorsements": ("a", bytes(16), 17, (b"one",)),
    "inceptions out of order": ("a", bytes(16), 1, (b"two", b"one")),
    "an inception twice": ("a", bytes(16), 1, (b"one", b"one")),
    "17 inceptions": ("a", bytes(16), 1, tuple(bytes([number]) for number in range(17))),
    "a long inception": ("a", bytes(16), 1, (bytes(MAX_INCEPTION_BYTES + 1),)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_charter_that_breaks_a_rule_is_not_encoded(name: str) -> None:
    charter = Charter(*BROKEN[name])
    with pytest.raises(InvalidCharter):
        charter.encode()
    with pytest.raises(InvalidCharter):
        charter.network_id()


@given(st.binary(max_size=60))
def test_noise_is_no_charter(data: bytes) -> None:
    try:
        charter = parse(data)
    except InvalidCharter:
        return
    assert charter.encode() == data


@given(st.integers(0, 8 * len(FEDERATION.encode()) - 1))
def test_one_flipped_bit_makes_no_charter_or_another_network(flip: int) -> None:
    data = bytearray(FEDERATION.encode())
    data[flip // 8] ^= 1 << flip % 8
    try:
        charter = parse(bytes(data))
    except InvalidCharter:
        return
    assert charter.network_id() != FEDERATION.network_id()


@pytest.mark.parametrize(
    "value",
    [
        [2, "a", bytes(16), 0, []],
        [True, "a", bytes(16), 0, []],
        [1, b"a", bytes(16), 0, []],
        [1, "a", bytes(16), False, []],
        [1, "a", bytes(16), "0", []],
        [1, "a", bytes(16), 0, b""],
        [1, "a", bytes(16), 1, ["one"]],
        [1, "a", bytes(16), 1, [[1]]],
        [1, "a", bytes(16)],
        [1, "a", bytes(16), 0],
        [1, "a", bytes(16), 0, [], 0],
        1,
        None,
    ],
)
def test_a_list_of_another_shape_is_no_charter(value: object) -> None:
    with pytest.raises(InvalidCharter):
        parse(encode(value))


def test_bytes_after_a_charter_are_refused() -> None:
    with pytest.raises(InvalidCharter):
        parse(CHARTER.encode() + b"\0")
