"""Signatures, digests and the start-up self-test."""

import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nacl.exceptions
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from store import crypto
from store.crypto import SigningKey, UnfitLibrary, check_author, digest, keyed_digest, self_test, verify
from store.crypto_vectors import ACCEPTED, REFUSED, REFUSED_KEYS
from store.errors import BadSignature, InvalidEntry, StoreError

KEY = SigningKey(b"k" * 32)
MESSAGE = b"asterism/test/1\0message"
SIGNATURE = KEY.sign(MESSAGE)


@functools.cache
def load_maker() -> ModuleType:
    """The script that makes the cases, with an arithmetic of its own."""
    path = Path(__file__).parents[1] / "vectors" / "make_signature_vectors.py"
    spec = importlib.util.spec_from_file_location("make_signature_vectors", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_a_signature_fits_its_message_and_key(seed: bytes, rest: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(b"asterism/" + rest)
    assert len(signature) == 64
    verify(key.author, signature, b"asterism/" + rest)
    check_author(key.author)
    with pytest.raises(BadSignature):
        verify(KEY.author, signature, b"asterism/" + rest)


def test_signing_is_that_of_rfc_8032() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert SigningKey(seed).author.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    verify(SigningKey(seed).author, signature, b"")


def flipped(data: bytes) -> Iterator[bytes]:
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


def test_one_flipped_bit_of_a_signature_key_or_message_is_refused() -> None:
    changed = [(KEY.author, signature, MESSAGE) for signature in flipped(SIGNATURE)]
    changed += [(author, SIGNATURE, MESSAGE) for author in flipped(KEY.author)]
    changed += [(KEY.author, SIGNATURE, message) for message in flipped(MESSAGE)]
    for parts in changed:
        with pytest.raises(BadSignature):
            verify(*parts)


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=20))
@example(b"", b"", b"")
@example(KEY.author, SIGNATURE[:63], MESSAGE)
@example(KEY.author, SIGNATURE + b"\0", MESSAGE)
@example(KEY.author + b"\0", SIGNATURE, MESSAGE)
@example(KEY.author, SIGNATURE + MESSAGE[:1], MESSAGE[1:])
def test_noise_is_a_bad_signature(author: bytes, signature: bytes, message: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(author, signature, message)


@given(st.binary(max_size=40).filter(lambda message: not message.startswith(b"asterism/")))
@example(b"asterism")
@example(b"Asterism/entry/1")
@example(b" asterism/entry/1")
@example(b"\0asterism/entry/1")
def test_nothing_outside_our_domain_is_signed(message: bytes) -> None:
    with pytest.raises(ValueError, match="outside the domain"):
        KEY.sign(message)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(bytes(size))


def test_a_key_does_not_show_its_secret() -> None:
    assert repr(KEY) == "SigningKey(…)"


def test_digests_are_blake2b_of_32_bytes() -> None:
    assert digest(b"abc") == hashlib.blake2b(b"abc", digest_size=32).digest()
    assert digest(b"abc") != hashlib.blake2b(b"abc").digest()[:32]
    assert keyed_digest(b"key", b"abc", 16) == hashlib.blake2b(b"abc", digest_size=16, key=b"key").digest()
    assert keyed_digest(b"key", b"abc", 32) != keyed_digest(b"yek", b"abc", 32) != digest(b"abc")


@pytest.mark.parametrize(("name", "author", "signature", "message"), ACCEPTED)
def test_an_edge_case_is_accepted(name: str, author: bytes, signature: bytes, message: bytes) -> None:
    verify(author, signature, message)


@pytest.mark.parametrize(("name", "author", "signature", "message"), REFUSED)
def test_an_edge_case_is_refused(name: str, author: bytes, signature: bytes, message: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(author, signature, message)


@pytest.mark.parametrize(("name", "author"), REFUSED_KEYS)
def test_an_unusable_key_is_refused(name: str, author: bytes) -> None:
    with pytest.raises(BadSignature):
        check_author(author)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(BadSignature):
        check_author(KEY.author.ljust(33, b"\0")[:size])


def test_every_key_with_torsion_is_refused() -> None:
    maker = load_maker()
    assert maker.decoded(KEY.author) is not None
    for part in range(1, 8):
        torsion = maker.multiply(part, maker.TORSION)
        for point in (torsion, maker.add(maker.decoded(KEY.author), torsion)):
            with pytest.raises(BadSignature):
                check_author(maker.encoded(point))
    check_author(maker.encoded(maker.add(maker.decoded(KEY.author), maker.multiply(8, maker.TORSION))))


def test_the_cases_are_those_that_the_script_makes() -> None:
    maker = load_maker()
    assert maker.accepted() == list(ACCEPTED)
    assert maker.refused() == list(REFUSED)
    assert maker.refused_keys() == list(REFUSED_KEYS)
    names = [case[0] for case in (*ACCEPTED, *REFUSED, *REFUSED_KEYS)]
    assert len(set(names)) == len(names) > 16


def test_each_refused_case_would_pass_a_laxer_verifier() -> None:
    maker = load_maker()
    bare = [name for name, *case in REFUSED if maker.fits(*case, 1)]
    cofactored = [name for name, *case in REFUSED if maker.fits(*case, 8)]
    assert cofactored == [case[0] for case in REFUSED]
    assert [name for name in cofactored if name not in bare] == [case[0] for case in REFUSED[-2:]]
    assert all(maker.fits(*case, 1) for _, *case in ACCEPTED)


PARTS = st.integers(0, 7)


@settings(max_examples=80, deadline=None)
@given(
    PARTS,
    PARTS,
    st.sampled_from(["plain", "torsion", "long", "signed"]),
    st.booleans(),
    st.booleans(),
    st.binary(max_size=2),
)
def test_the_library_decides_as_the_words_of_the_specification(
    part_a: int, part_r: int, form: str, small_r: bool, long_s: bool, message: bytes
) -> None:
    maker = load_maker()
    neutral_forms = {
        "long": (maker.P + 1).to_bytes(32, "little"),
        "signed": maker.encoded(maker.NEUTRAL)[:31] + b"\x80",
    }
    torsion_a = maker.multiply(part_a, maker.TORSION)
    torsion_r = maker.multiply(part_r, maker.TORSION)
    key = maker.KEY if form == "plain" else 0
    a = maker.encoded(maker.add(maker.HONEST_A, torsion_a) if form == "plain" else torsion_a)
    a = neutral_forms.get(form, a)
    nonce = 0 if small_r else maker.NONCE
    r = maker.encoded(torsion_r if small_r else maker.add(maker.HONEST_R, torsion_r))
    signature = maker.forged(a, r, message, key, nonce)
    if long_s:
        s = int.from_bytes(signature[32:], "little") + maker.L
        signature = r + s.to_bytes(32, "little")
    try:
        verify(a, signature, message)
        good = True
    except BadSignature:
        good = False
    assert good == maker.is_good(a, signature, message)


def test_the_cases_are_decided_as_the_words_of_the_specification() -> None:
    maker = load_maker()
    assert all(maker.is_good(*case) for _, *case in ACCEPTED)
    assert not any(maker.is_good(*case) for _, *case in REFUSED)


def test_the_self_test_passes_with_the_installed_library() -> None:
    self_test()


def test_the_self_test_notices_a_library_that_accepts_any_one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = crypto._open
    for name, author, signature, _ in REFUSED:

        def lax(signed: bytes, key: bytes, author: bytes = author, signature: bytes = signature) -> Any:
            return b"" if (key, signed[:64]) == (author, signature) else strict(signed, key)

        monkeypatch.setattr(crypto, "_open", lax)
        with pytest.raises(UnfitLibrary, match="accepts the signature") as caught:
            self_test()
        assert repr(name) in str(caught.value)


def test_the_self_test_notices_a_library_that_refuses_any_one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = crypto._open
    for name, author, signature, _ in ACCEPTED:

        def stricter(signed: bytes, key: bytes, author: bytes = author, signature: bytes = signature) -> Any:
            if (key, signed[:64]) == (author, signature):
                raise nacl.exceptions.BadSignatureError
            return strict(signed, key)

        monkeypatch.setattr(crypto, "_open", stricter)
        with pytest.raises(UnfitLibrary, match="refuses the signature") as caught:
            self_test()
        assert repr(name) in str(caught.value)


def test_the_self_test_notices_a_library_that_takes_mixed_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto.nacl.bindings, "crypto_core_ed25519_is_valid_point", lambda _: True)
    with pytest.raises(UnfitLibrary, match="public key"):
        self_test()


def test_a_bad_signature_is_the_senders_fault_and_an_unfit_library_is_not() -> None:
    assert issubclass(BadSignature, InvalidEntry)
    assert issubclass(UnfitLibrary, StoreError)
    assert not issubclass(UnfitLibrary, InvalidEntry)
