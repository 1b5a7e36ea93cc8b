"""The rules of one log: what may come next, and runs accepted on their last signature."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.crypto import SigningKey
from store.entry import Entry, make_body, parse, sign
from store.errors import BadSignature, Forked, GapInLog, InvalidEntry, LogEnded
from store.ids import LOG_DOCS, LOG_FEED, LogNo, NetworkId
from store.log import MAX_RUN_ENTRIES, Head, check_next, check_open, check_run, fork_proof

KEY = SigningKey(b"a" * 32)
OTHER_KEY = SigningKey(b"b" * 32)
NETWORK = NetworkId(b"n" * 32)
OTHER_NETWORK = NetworkId(b"o" * 32)


def entry(
    seq: int,
    back: bytes = b"",
    text: str = "",
    key: SigningKey = KEY,
    log: LogNo = LOG_FEED,
    network: NetworkId = NETWORK,
) -> Entry:
    back = back or (b"" if seq == 1 else b"?" * 32)
    return sign(key, network, log, seq, back, make_body(b"s" * 16, [1, text, ""]), seq)


def spoiled(good: Entry) -> Entry:
    """The same header with a signature that does not fit."""
    return parse(good.header, good.signature[:-1] + bytes([good.signature[-1] ^ 1]), good.body)


def chain(
    length: int, text: str = "", bad: tuple[int, ...] = (), first: int = 1, **other: Any
) -> list[Entry]:
    """A chain from seq `first`; those at the seqs of `bad` are badly signed and linked to all the same."""
    entries: list[Entry] = []
    for seq in range(first, first + length):
        made = entry(seq, entries[-1].id if entries else b"", text, **other)
        entries.append(spoiled(made) if seq in bad else made)
    return entries


def head_of(last: Entry) -> Head:
    return Head(last.seq, last.id)


# What may come next.


def test_an_empty_log_takes_entry_1_only() -> None:
    one, two, three = chain(3)
    check_next(None, one)
    for later in (two, three):
        with pytest.raises(GapInLog) as caught:
            check_next(None, later)
        assert caught.value.expected_seq == 1


def test_a_log_takes_the_entry_that_links_back_to_its_head() -> None:
    one, two, three = chain(3)
    check_next(head_of(one), two)
    with pytest.raises(GapInLog) as caught:
        check_next(head_of(one), three)
    assert caught.value.expected_seq == 2


def test_an_entry_at_a_place_that_is_held_is_a_fork() -> None:
    one, two, _ = chain(3)
    other = entry(1, text="other")
    with pytest.raises(Forked) as caught:
        check_next(head_of(two), other)
    assert caught.value.seq == 1
    for repeated in (one, entry(1, text="other")):
        with pytest.raises(Forked):
            check_next(head_of(one), repeated)
    # Its author links it to the entry whose place it takes.
    with pytest.raises(Forked) as caught:
        check_next(head_of(two), entry(2, two.id))
    assert caught.value.seq == 2


def test_a_link_back_to_another_entry_is_a_fork_at_the_place_before() -> None:
    two = chain(2)[1]
    with pytest.raises(Forked) as caught:
        check_next(head_of(entry(1, text="other")), two)
    assert caught.value.seq == 1


# Runs.


def test_a_run_needs_only_its_last_signature() -> None:
    check_run(None, chain(5), NETWORK)
    check_run(None, chain(5, bad=(1, 2, 4)), NETWORK)
    check_run(head_of(chain(2)[1]), chain(5)[2:], NETWORK)
    check_run(None, chain(1), NETWORK)


def test_a_run_with_a_bad_last_signature_is_refused() -> None:
    for run in (chain(3, bad=(3,)), chain(1, bad=(1,))):
        with pytest.raises(BadSignature):
            check_run(None, run, NETWORK)
    with pytest.raises(BadSignature):
        check_run(None, chain(3), OTHER_NETWORK)
    with pytest.raises(BadSignature):
        check_run(None, chain(3, network=OTHER_NETWORK), NETWORK)


def test_a_run_that_does_not_continue_the_log_is_refused() -> None:
    good = chain(4)
    with pytest.raises(GapInLog):
        check_run(None, good[1:], NETWORK)
    with pytest.raises(GapInLog):
        check_run(head_of(good[0]), good[2:], NETWORK)
    with pytest.raises(Forked):
        check_run(head_of(good[1]), good[1:], NETWORK)
    with pytest.raises(Forked):
        check_run(head_of(entry(2, text="other")), good[2:], NETWORK)


def test_a_run_is_of_one_log_of_one_author() -> None:
    good = chain(2)
    for stranger in ({"key": OTHER_KEY}, {"log": LOG_DOCS}):
        third = entry(3, good[1].id, **stranger)  # type: ignore[arg-type]
        with pytest.raises(InvalidEntry, match="one chain"):
            check_run(None, [*good, third], NETWORK)


@pytest.mark.parametrize("seq", [2, 4, 1000])
def test_a_run_counts_without_gaps_even_where_its_author_links_them(seq: int) -> None:
    one, two = chain(2)
    with pytest.raises(InvalidEntry, match="one chain"):
        check_run(None, [one, two, entry(seq, two.id)], NETWORK)


@given(st.integers(2, 6), st.data())
def test_every_broken_run_is_refused(length: int, data: st.DataObject) -> None:
    run, other = chain(length), chain(length, "other")
    place = data.draw(st.integers(0, length - 1))
    broken = list(run)
    match data.draw(st.sampled_from(["drop", "repeat", "replace", "spoil", "swap"])):
        case "drop" if place < length - 1:
            del broken[place]
        case "repeat":
            broken.insert(place, broken[place])
        case "replace" if place > 0:
            broken[place] = other[place]
        case "spoil":
            broken[place] = spoiled(broken[place])
        case _:
            broken[0], broken[-1] = broken[-1], broken[0]
    with pytest.raises((InvalidEntry, GapInLog, Forked)):
        check_run(None, broken, NETWORK)


def test_the_length_of_a_run_is_bounded() -> None:
    with pytest.raises(InvalidEntry, match="1 to 1024"):
        check_run(None, [], NETWORK)
    longest = chain(MAX_RUN_ENTRIES + 1)
    check_run(None, longest[:-1], NETWORK)
    with pytest.raises(InvalidEntry, match="1 to 1024"):
        check_run(None, longest, NETWORK)


# What has ended.


def test_a_log_ends_before_the_place_of_the_evidence() -> None:
    evidence = fork_proof(entry(3, text="one"), entry(3, text="two"), NETWORK)
    check_open(None, 10)
    check_open(evidence, 1)
    check_open(evidence, 2)
    for seq in (3, 4, 1000):
        with pytest.raises(LogEnded, match="before entry 3"):
            check_open(evidence, seq)
