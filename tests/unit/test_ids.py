"""Identifiers: text forms, short forms, prefixes, names of logs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.ids import (
    LOG_NAMES,
    MAX_LOGS_PER_AUTHOR,
    SHORT_CHARS,
    NotAnId,
    from_text,
    log_name,
    log_number,
    prefix_range,
    short,
    to_text,
)

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
IDS = st.binary(min_size=32, max_size=32)


@given(IDS)
@example(bytes(32))
@example(b"\xff" * 32)
def test_the_text_form_names_the_same_bytes_in_either_case(identifier: bytes) -> None:
    text = to_text(identifier)
    assert len(text) == 52
    assert set(text) <= set(ALPHABET)
    assert from_text(text) == from_text(text.upper()) == identifier


def test_the_text_form_is_base32_of_rfc_4648() -> None:
    assert to_text(b"foobar".ljust(32, b"\0")) == "mzxw6ytboi".ljust(52, "a")


@given(IDS)
def test_the_short_form_is_a_prefix_that_covers_the_id(identifier: bytes) -> None:
    assert short(identifier) == to_text(identifier)[:SHORT_CHARS]
    low, high = prefix_range(short(identifier))
    assert low <= identifier <= high


@given(IDS)
def test_each_id_has_one_text_form(identifier: bytes) -> None:
    text = to_text(identifier)
    for last in ALPHABET:
        if last in "aq":
            assert to_text(from_text(text[:-1] + last)) == text[:-1] + last
        else:
            with pytest.raises(NotAnId):
                from_text(text[:-1] + last)


@given(
    st.text(max_size=60) | st.text(alphabet=ALPHABET + "=018Kk\u0131\u017f\u00df", min_size=52, max_size=52)
)
@example("\u00df" * 8 + "a" * 44)
@example("\u017f" * 52)
def test_noise_is_an_id_only_where_it_is_the_text_form_of_one(text: str) -> None:
    try:
        identifier = from_text(text)
    except NotAnId:
        return
    assert text.isascii()
    assert to_text(identifier) == text.lower()


@given(IDS, IDS, st.integers(4, 52))
def test_a_prefix_covers_exactly_the_ids_that_begin_with_it(one: bytes, other: bytes, length: int) -> None:
    prefix = to_text(one)[:length]
    low, high = prefix_range(prefix.upper())
    assert low <= one <= high
    assert to_text(low).startswith(prefix)
    assert to_text(high).startswith(prefix)
    assert (low <= other <= high) == to_text(other).startswith(prefix)


@pytest.mark.parametrize(
    "text", ["", "abc", "a" * 53, "abc1", "abc=", "abc ", "abc\u212a", "aaa\u0130", "a" * 51 + "b"]
)
def test_a_prefix_that_no_id_begins_with_is_refused(text: str) -> None:
    with pytest.raises(NotAnId):
        prefix_range(text)


def test_a_log_has_one_name_and_one_number() -> None:
    assert len(set(LOG_NAMES)) == MAX_LOGS_PER_AUTHOR == 32
    assert [log_number(log_name(number)) for number in range(32)] == list(range(32))
    assert (log_name(0), log_name(5), log_name(16), log_name(31)) == ("id", "sealed", "box-0", "box-f")


@pytest.mark.parametrize("name", ["", "Feed", "box-g", "box-10", "feed "])
def test_no_other_name_names_a_log(name: str) -> None:
    with pytest.raises(NotAnId, match="no log is called"):
        log_number(name)
