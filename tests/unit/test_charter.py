"""Charters: their bytes, their limits, and the network ids that they give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.charter import MAX_CHARTER_BYTES, MAX_NAME_CHARS, Charter, InvalidCharter, parse
from store.codec import encode
from store.crypto import digest

SALTS = st.binary(min_size=16, max_size=16)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=MAX_NAME_CHARS)
CHARTER = Charter("Federation of the North", bytes(range(16)))


@given(NAMES, SALTS)
def test_parse_inverts_encode(name: str, salt: bytes) -> None:
    charter = Charter(name, salt)
    assert parse(charter.encode()) == charter
    assert parse(charter.encode()).network_id() == charter.network_id()


def test_the_longest_name_fits() -> None:
    assert len(Charter("\U0001f30d" * MAX_NAME_CHARS, bytes(16)).encode()) == MAX_CHARTER_BYTES


def test_the_network_id_is_the_digest_of_domain_and_charter() -> None:
    data = b"\x93\x01\xb7Federation of the North\xc4\x10" + bytes(range(16))
    assert CHARTER.encode() == data
    assert CHARTER.network_id() == digest(b"asterism/charter/1\0" + data)


@given(NAMES, SALTS, NAMES, SALTS)
def test_two_charters_name_two_networks(name: str, salt: bytes, name_2: str, salt_2: bytes) -> None:
    one, other = Charter(name, salt), Charter(name_2, salt_2)
    assert (one.network_id() == other.network_id()) == (one == other)


BROKEN = {
    "no name": ("", bytes(16)),
    "a long name": ("a" * (MAX_NAME_CHARS + 1), bytes(16)),
    "a line break": ("a\nb", bytes(16)),
    "an escape": ("a\x1b[31m", bytes(16)),
    "delete": ("a\x7f", bytes(16)),
    "a C1 control": ("\x9b", bytes(16)),
    "a lone surrogate": ("\udcff", bytes(16)),
    "a short salt": ("a", bytes(15)),
    "a long salt": ("a", bytes(17)),
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


@given(st.integers(0, 8 * len(CHARTER.encode()) - 1))
def test_one_flipped_bit_makes_no_charter_or_another_network(flip: int) -> None:
    data = bytearray(CHARTER.encode())
    data[flip // 8] ^= 1 << flip % 8
    try:
        charter = parse(bytes(data))
    except InvalidCharter:
        return
    assert charter.network_id() != CHARTER.network_id()


@pytest.mark.parametrize(
    "value",
    [
        [2, "a", bytes(16)],
        [True, "a", bytes(16)],
        [1, b"a", bytes(16)],
        [1, "a"],
        [1, "a", bytes(16), 0],
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
