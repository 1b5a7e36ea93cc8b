"""Evidence against an author: forks, bad signatures, and which of several counts."""

import functools
import itertools
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.codec import encode
from store.crypto import SigningKey
from store.entry import Entry, make_body, parse, sign
from store.errors import BadSignature, InvalidEntry, NotCanonical
from store.ids import LOG_DOCS, LOG_FEED, EntryId, LogNo, NetworkId
from store.log import (
    BAD,
    FORK,
    MAX_EVIDENCE_BYTES,
    MAX_RUN_ENTRIES,
    Evidence,
    LogId,
    bad_proof,
    fork_proof,
    parse_evidence,
    stronger,
)

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


# Evidence: what proves something.


def forks(seq: int = 2) -> list[Evidence]:
    """The three pairs of three branches."""
    branches = [entry(seq, text=text) for text in ("one", "two", "three")]
    return [fork_proof(one, other, NETWORK) for one, other in itertools.combinations(branches, 2)]


def test_two_entries_at_one_place_are_a_fork_in_either_order() -> None:
    one, other = entry(2, text="one"), entry(2, text="other")
    evidence = fork_proof(one, other, NETWORK)
    assert evidence == fork_proof(other, one, NETWORK)
    assert evidence.kind == FORK
    assert (evidence.log_id, evidence.seq) == (LogId(KEY.author, LOG_FEED), 2)
    assert [item.id for item in evidence.entries] == sorted([one.id, other.id])
    assert all(item.body is None for item in evidence.entries)


@pytest.mark.parametrize(
    "other",
    [
        entry(2, text="one"),
        entry(3, text="other"),
        entry(2, text="other", log=LOG_DOCS),
        entry(2, text="other", key=OTHER_KEY),
    ],
)
def test_entries_of_different_places_are_no_fork(other: Entry) -> None:
    with pytest.raises(InvalidEntry, match="one place"):
        fork_proof(entry(2, text="one"), other, NETWORK)


def test_a_relay_cannot_make_a_fork_of_an_honest_log() -> None:
    honest = entry(2, text="one")
    for forged in (
        spoiled(honest),
        spoiled(entry(2, text="two")),
        entry(2, text="two", network=OTHER_NETWORK),
    ):
        for pair in ((honest, forged), (forged, honest)):
            with pytest.raises(BadSignature):
                fork_proof(*pair, NETWORK)


def test_a_bad_entry_is_proved_by_the_first_good_successor() -> None:
    run = chain(5, bad=(2, 3))
    evidence = bad_proof(run[1:4], NETWORK)
    assert (evidence.kind, evidence.seq) == (BAD, 2)
    assert evidence.digest() == bad_proof(run[1:5], NETWORK).digest()
    assert evidence.digest() != bad_proof(run[2:4], NETWORK).digest()
    assert all(item.body is None for item in evidence.entries)


def test_an_honest_chain_proves_nothing() -> None:
    honest = chain(4)
    for start in range(3):
        with pytest.raises(InvalidEntry, match="well signed"):
            bad_proof(honest[start:], NETWORK)
    # A relay who spoils a signature changes the id, so that the chain breaks.
    with pytest.raises(InvalidEntry, match="one chain"):
        bad_proof([spoiled(honest[1]), *honest[2:]], NETWORK)
    # A relay who makes up a successor cannot sign it.
    with pytest.raises(BadSignature):
        bad_proof([spoiled(honest[1]), spoiled(entry(3, spoiled(honest[1]).id))], NETWORK)
    with pytest.raises(InvalidEntry, match="one chain"):
        bad_proof([spoiled(honest[1]), entry(3, spoiled(honest[1]).id, key=OTHER_KEY)], NETWORK)


def test_a_chain_about_a_bad_entry_has_no_gap_and_a_bounded_length() -> None:
    run = chain(4, bad=(2,))
    leap, repeated = entry(4, run[1].id), entry(2, run[1].id)
    for broken in (run[1:2], [], [run[1], run[3]], [run[1], chain(3)[2]], [run[1], leap], [run[1], repeated]):
        with pytest.raises(InvalidEntry):
            bad_proof(broken, NETWORK)


def test_the_longest_evidence_is_within_its_bound() -> None:
    run = chain(MAX_RUN_ENTRIES + 2, bad=(1, 2))
    evidence = bad_proof(run[1:], NETWORK)
    data = evidence.encode()
    assert parse_evidence(data, NETWORK) == evidence
    # The largest header has 673 bytes; three bytes frame it, two the signature.
    assert (MAX_RUN_ENTRIES + 1) * (673 + 3 + 64 + 2) + 5 <= MAX_EVIDENCE_BYTES
    with pytest.raises(InvalidEntry):
        bad_proof(run, NETWORK)


# Evidence: bytes.

SAMPLES = [*forks(), bad_proof(chain(4, bad=(2,))[1:], NETWORK), bad_proof(chain(3, "x", bad=(1,)), NETWORK)]


@pytest.mark.parametrize("evidence", SAMPLES)
def test_parse_inverts_encode(evidence: Evidence) -> None:
    assert parse_evidence(evidence.encode(), NETWORK) == evidence
    with pytest.raises(BadSignature):
        parse_evidence(evidence.encode(), OTHER_NETWORK)


@pytest.mark.parametrize("evidence", SAMPLES)
def test_any_flipped_bit_of_evidence_is_refused(evidence: Evidence) -> None:
    data = evidence.encode()
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(InvalidEntry):
            parse_evidence(bytes(changed), NETWORK)


@given(st.binary(max_size=300))
@example(encode([0, []]))
@example(encode([False, [SAMPLES[0].entries[0].header, SAMPLES[0].entries[0].signature] * 2]))
@example(encode([1, [b"", b""]]))
@example(encode([0, [1, 2, 3, 4]]))
@example(encode([0, [[], [], [], []]]))
@example(encode([0, ["a", "b"]]))
@example(encode([[], []]))
@example(encode([0, [b""]]))
@example(encode([None, None]))
@example(b"\x92\x00\x80")
@example(b"\x92\xcb" + bytes(8) + b"\x90")
def test_noise_is_no_evidence(data: bytes) -> None:
    with pytest.raises(InvalidEntry):
        parse_evidence(data, NETWORK)


@given(st.sampled_from(SAMPLES), st.data())
def test_mutated_evidence_is_refused(evidence: Evidence, data: st.DataObject) -> None:
    parts = [part for item in evidence.entries for part in (item.header, item.signature)]
    kind = data.draw(st.sampled_from([evidence.kind, 1 - evidence.kind, 2, -1, True, None]))
    order = data.draw(st.permutations(parts))
    keep = data.draw(st.integers(0, len(parts)))
    value = [kind, order[:keep]]
    if encode(value) == evidence.encode():
        return
    try:
        read = parse_evidence(encode(value), NETWORK)
    except InvalidEntry:
        return
    # A shorter proof of the same.
    assert read.digest() == evidence.digest()
    assert len(read.entries) < len(evidence.entries)


def test_evidence_has_one_form() -> None:
    whole = forks()[0].encode()
    for changed in (whole + b"\0", b"\xdc\x00\x02" + whole[1:], b"\x92\xcc\x00" + whole[2:]):
        with pytest.raises(NotCanonical):
            parse_evidence(changed, NETWORK)
    first, second = forks()[0].entries
    swapped = encode([FORK, [second.header, second.signature, first.header, first.signature]])
    with pytest.raises(InvalidEntry, match="another order"):
        parse_evidence(swapped, NETWORK)


@pytest.mark.parametrize(
    "data",
    [
        b"\x92\x01\xdc\x08\x02" + b"\x90" * (2 * MAX_RUN_ENTRIES + 2),
        b"\xdc\x08\x02" * 200_000,
        b"\x92\x01\xdd\x7f\xff\xff\xff",
        bytes(MAX_EVIDENCE_BYTES + 1),
    ],
)
def test_hostile_evidence_is_refused_in_little_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidEntry):
            parse_evidence(data, NETWORK)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


# Evidence: which counts.


@functools.cache
def pool() -> tuple[Evidence, ...]:
    """Evidence about one log: forks of four branches and bad entries at three places, each proved twice."""
    found: list[Evidence] = []
    for seq in (1, 2, 3):
        branches = [entry(seq, text=f"branch {number}") for number in range(4)]
        found += [fork_proof(one, other, NETWORK) for one, other in itertools.combinations(branches, 2)]
        for text in ("x", "y"):
            run = chain(3, text, bad=(seq,), first=seq)
            found += [bad_proof(run[:2], NETWORK), bad_proof(run, NETWORK)]
    return tuple(found)


def fold(items: list[Evidence]) -> Evidence:
    held: Evidence | None = None
    for item in items:
        held = stronger(held, item)
    assert held is not None
    return held


def expected(items: list[Evidence]) -> tuple[int, int, list[EntryId]]:
    """Place, kind and ids that count, from the words of the specification."""
    seq = min(item.seq for item in items)
    here = [item for item in items if item.seq == seq]
    fork_ids = {found.id for item in here if item.kind == FORK for found in item.entries}
    if fork_ids:
        return seq, FORK, sorted(fork_ids)[:2]
    return seq, BAD, [min(item.entries[0].id for item in here)]


@given(st.lists(st.integers(0, 29), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_what_counts_does_not_depend_on_order_or_repetition(places: list[int], chance: random.Random) -> None:
    items = [pool()[place] for place in places]
    held = fold(items)
    shuffled = items + chance.sample(items, len(items) // 2)
    chance.shuffle(shuffled)
    assert fold(shuffled) == held
    middle = len(items) // 2
    if middle:
        assert stronger(fold(items[:middle]), fold(items[middle:])) == held
    seq, kind, ids = expected(items)
    assert (held.seq, held.kind) == (seq, kind)
    assert [item.id for item in held.entries][: len(ids)] == ids
    assert parse_evidence(held.encode(), NETWORK) == held


@given(*[st.integers(0, 29)] * 3)
def test_stronger_is_commutative_associative_and_idempotent(x: int, y: int, z: int) -> None:
    one, two, three = pool()[x], pool()[y], pool()[z]
    assert stronger(one, two) == stronger(two, one)
    assert stronger(stronger(one, two), three) == stronger(one, stronger(two, three))
    assert stronger(one, one) == stronger(None, one) == one
    assert stronger(stronger(one, two), two) == stronger(one, two)


def test_of_three_branches_the_two_smallest_ids_count_though_never_seen_together() -> None:
    branches = sorted((entry(2, text=text) for text in ("one", "two", "three")), key=lambda item: item.id)
    first = fork_proof(branches[0], branches[2], NETWORK)
    second = fork_proof(branches[1], branches[2], NETWORK)
    assert stronger(first, second) == fork_proof(branches[0], branches[1], NETWORK)


def test_of_two_proofs_about_one_entry_the_shorter_counts() -> None:
    run = chain(4, bad=(2,))
    short, long = bad_proof(run[1:3], NETWORK), bad_proof(run[1:], NETWORK)
    assert stronger(short, long) == stronger(long, short) == short


def test_the_digest_names_kind_and_entries() -> None:
    digests = {item.digest() for item in pool()}
    # Of each place six forks and two bad entries; the proofs of one bad entry share a digest.
    assert len(digests) == 3 * (6 + 2)


def test_a_relay_cannot_give_a_good_signature_a_second_form() -> None:
    honest = entry(1)
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(honest.signature[32:], "little") + order
    second_form = parse(honest.header, honest.signature[:32] + scalar.to_bytes(32, "little"), None)
    assert second_form.id != honest.id
    with pytest.raises(BadSignature):
        fork_proof(honest, second_form, NETWORK)
