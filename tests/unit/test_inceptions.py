"""Cuts and inceptions: what roots sign outside of logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.federation import statements
from node.federation.cuts import LogEnd, make_cut, read_cut
from node.federation.inception import Terms, encode_inception, read_inception, sign_inception
from node.federation.names import InvalidStatement, is_plain
from node.testing.citizens import Citizen
from node.testing.federations import Federation, terms_of
from store.codec import decode, encode
from store.entry import MAX_ID_BODY_BYTES
from store.ids import LOG_ID, LogNo

SALT = bytes(16)
HASH = bytes(range(32))
FEDERATION = Federation(2)
NETWORK = FEDERATION.network
ALICE, BOB = FEDERATION.stewards[0][0], FEDERATION.stewards[1][0]


def test_a_cut_is_read_back():
    cut = make_cut(ALICE.id, [LogEnd(LogNo(3), 1, HASH), LogEnd(LOG_ID, 2**40 - 1, HASH)])
    assert read_cut(cut.encode()) == cut
    assert [cut.last_seq(log) for log in (0, 3, 2)] == [2**40 - 1, 1, 0]


@pytest.mark.parametrize(
    "ends",
    [
        [[0, 0, HASH]],
        [[0, 2**40, HASH]],
        [[32, 1, HASH]],
        [[1, 1, HASH], [0, 1, HASH]],
        [[0, 1, b""]],
        [[0, 1]],
        [0],
    ],
)
def test_a_cut_that_breaks_a_rule_is_none(ends: list[object]):
    with pytest.raises(InvalidStatement):
        read_cut(encode([HASH, ends]))


def test_an_inception_is_signed_by_each_of_its_stewards():
    one, other = sorted((ALICE.citizen, BOB.citizen), key=lambda each: each.root)
    inception = encode_inception(terms_of([ALICE, BOB], 2), SALT)
    with pytest.raises(InvalidStatement):
        sign_inception(inception, [one.key], NETWORK)
    signed = sign_inception(inception, [other.key, one.key], NETWORK)
    assert read_inception(signed, NETWORK).terms.threshold == 2
    with pytest.raises(InvalidStatement):
        read_inception(signed)
    inner, signatures = decode(signed, 2_048, 256)  # type: ignore[misc]
    with pytest.raises(InvalidStatement):
        read_inception(encode([inner, signatures[::-1]]), NETWORK)


@pytest.mark.parametrize(
    "terms",
    [
        ["", "", [], [HASH], 1],
        ["x" * 65, "", [], [HASH], 1],
        [" Lyon", "", [], [HASH], 1],
        ["Ly\non", "", [], [HASH], 1],
        ["e\u0301", "", [], [HASH], 1],
        ["Lyon", "x" * 101, [], [HASH], 1],
        ["Lyon", "", ["f"], [HASH], 1],
        ["Lyon", "", ["fr", "fr"], [HASH], 1],
        ["Lyon", "", ["1fr"], [HASH], 1],
        ["Lyon", "", ["f r"], [HASH], 1],
        ["Lyon", "", [f"x{number}" for number in range(10, 27)], [HASH], 1],
        ["Lyon", "", [], [], 1],
        ["Lyon", "", [], [HASH, HASH], 2],
        ["Lyon", "", [], [HASH, bytes(32)], 2],
        ["Lyon", "", [], [number.to_bytes(32, "big") for number in range(16)], 9],
        ["Lyon", "", [], [bytes(32), HASH], 1],
        ["Lyon", "", [], [bytes(32), HASH], 3],
        ["Lyon", "", [], [HASH], 0],
        ["Lyon", "", [], [HASH], True],
    ],
)
def test_what_no_section_can_be(terms: list[object]):
    name, territory, languages, stewards, threshold = terms
    assert isinstance(languages, list)
    assert isinstance(stewards, list)
    with pytest.raises(InvalidStatement):
        encode_inception(Terms(name, territory, tuple(languages), tuple(stewards), threshold), SALT)  # type: ignore[arg-type]


def test_the_largest_inception_and_change_fit_an_entry():
    stewards = sorted((Citizen(f"steward {number}") for number in range(15)), key=lambda each: each.root)
    terms = Terms(
        "x" * 64,
        "y" * 100,
        tuple(f"aa-{number:032}" for number in range(2)),
        tuple(each.root for each in stewards),
        15,
    )
    signed = sign_inception(encode_inception(terms, SALT), [each.key for each in stewards], NETWORK)
    assert len(statements.compose_inception(SALT, signed)) <= MAX_ID_BODY_BYTES
    body = statements.compose_change(SALT, [HASH, *(bytes([each]) * 32 for each in range(7))], terms)
    assert len(body) <= MAX_ID_BODY_BYTES


@given(st.text(max_size=70))
def test_a_plain_name_is_on_one_line_and_in_one_form(text: str):
    if is_plain(text, 1, 64):
        assert 1 <= len(text) <= 64
        assert text == text.strip()
        assert "\n" not in text
        assert text.isprintable() or not text.isascii()
