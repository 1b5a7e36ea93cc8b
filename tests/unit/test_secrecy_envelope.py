"""Envelopes and the keys they are sealed to: for one key and one purpose, and no key that gives no secret."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.secrecy import envelope
from node.secrecy.bundles import Bundle, check
from node.secrecy.envelope import OVERHEAD_BYTES, PUBLIC_BYTES, EnvelopeKey, new_key, open_, public_of, seal
from node.secrecy.errors import BadBundle, Unopenable
from node.secrecy.pairwise import Account

PRIVATE = new_key()
PUBLIC = public_of(PRIVATE)
INFO = b"asterism/packet/1\x00" + bytes(65)
SEALED = seal(PUBLIC, INFO, b"good morning")

SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]
"""Every point of small order on Curve25519, in each form that is read as one."""


@settings(max_examples=20)
@given(st.binary(max_size=5_000), st.binary(max_size=100))
def test_an_envelope_opens_with_its_key_and_is_longer_by_a_fixed_length(data: bytes, info: bytes) -> None:
    sealed = seal(PUBLIC, info, data)
    assert len(sealed) == len(data) + OVERHEAD_BYTES
    assert open_(PRIVATE, info, sealed) == data


def test_the_same_words_are_never_sealed_alike() -> None:
    assert seal(PUBLIC, INFO, b"yes") != seal(PUBLIC, INFO, b"yes")


def test_a_public_key_belongs_to_one_private_key() -> None:
    assert len(PUBLIC) == PUBLIC_BYTES
    assert public_of(PRIVATE) == PUBLIC
    assert public_of(new_key()) != PUBLIC


def test_an_envelope_for_another_key_stays_closed() -> None:
    with pytest.raises(Unopenable):
        open_(new_key(), INFO, SEALED)


@pytest.mark.parametrize("half", [slice(0, 64), slice(64, 96)])
def test_one_half_of_a_key_opens_nothing(half: slice) -> None:
    other = bytearray(new_key())
    other[half] = PRIVATE[half]
    with pytest.raises(Unopenable):
        open_(bytes(other), INFO, SEALED)


@pytest.mark.parametrize(
    "info", [b"", INFO[:-1], INFO + b"\x00", b"asterism/packet/1\x00" + bytes(64) + b"\x01"]
)
def test_an_envelope_for_another_purpose_stays_closed(info: bytes) -> None:
    with pytest.raises(Unopenable):
        open_(PRIVATE, info, SEALED)


@settings(max_examples=100)
@given(st.integers(0, len(SEALED) * 8 - 1))
def test_an_envelope_with_one_flipped_bit_stays_closed(bit: int) -> None:
    flipped = bytearray(SEALED)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unopenable):
        open_(PRIVATE, INFO, bytes(flipped))


@settings(max_examples=60)
@given(st.one_of(st.integers(0, len(SEALED) - 1).map(lambda at: SEALED[:at]), st.binary(max_size=2_000)))
def test_an_envelope_that_was_cut_and_bytes_that_are_none_stay_closed(data: bytes) -> None:
    with pytest.raises(Unopenable):
        open_(PRIVATE, INFO, data)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_an_envelope_that_brings_a_point_of_small_order_stays_closed(point: bytes) -> None:
    for place in (0, 1_088):
        with pytest.raises(Unopenable):
            open_(PRIVATE, INFO, SEALED[:place] + point + SEALED[place + 32 :])


@pytest.mark.parametrize("size", [0, 32, 95, 97])
def test_a_private_key_has_one_length(size: int) -> None:
    with pytest.raises(ValueError, match="96"):
        EnvelopeKey(bytes(size))


def test_a_private_key_does_not_show_itself() -> None:
    assert repr(EnvelopeKey(PRIVATE)) == "EnvelopeKey(…)"


# --- bundles ------------------------------------------------------------------------------------------

ACCOUNT = Account.new()
BUNDLE = Bundle(ACCOUNT.identity, ACCOUNT.fallback, PUBLIC)


def test_keys_of_a_device_pass() -> None:
    check(BUNDLE)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_is_refused_wherever_it_stands(point: bytes) -> None:
    for bad in (
        BUNDLE._replace(identity=point),
        BUNDLE._replace(fallback=point),
        BUNDLE._replace(envelope=PUBLIC[:-32] + point),
    ):
        with pytest.raises(BadBundle):
            check(bad)
    with pytest.raises(BadBundle):
        seal(PUBLIC[:-32] + point, INFO, b"a")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    for bad in (
        BUNDLE._replace(identity=bytes([9]) * size),
        BUNDLE._replace(fallback=bytes([9]) * size),
        BUNDLE._replace(envelope=PUBLIC[: size * 32]),
        BUNDLE._replace(envelope=PUBLIC + bytes(size + 1)),
    ):
        with pytest.raises(BadBundle):
            check(bad)


def test_a_post_quantum_key_beyond_its_modulus_is_refused() -> None:
    bad = b"\xff" * 1_184 + PUBLIC[1_184:]
    with pytest.raises(BadBundle):
        check(BUNDLE._replace(envelope=bad))
    with pytest.raises(BadBundle):
        seal(bad, INFO, b"a")
    with pytest.raises(BadBundle):
        envelope.check_public(bad)


@settings(max_examples=60)
@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(max_size=1_300))
def test_keys_that_a_stranger_made_pass_or_are_refused(identity: bytes, fallback: bytes, key: bytes) -> None:
    try:
        check(Bundle(identity, fallback, key))
    except BadBundle:
        return
    assert (len(identity), len(fallback), len(key)) == (32, 32, PUBLIC_BYTES)
