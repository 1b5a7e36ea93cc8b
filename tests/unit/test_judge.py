"""Pieces against a log that is held: what becomes of them, and what is proven."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.proto.events import Accepted, Behind, Diverged, Piece, Rejected, Stopped
from gossip.proto.judge import (
    EMPTY,
    Decision,
    check_chain,
    decide,
    inspected,
    log_of,
    prove_bad,
    settle,
    unchecked,
)
from node.testing.people import NETWORK, Person, chain_after, spoiled
from store.entry import Entry
from store.errors import BadSignature, InvalidEntry
from store.interface import LogState
from store.log import BAD, FORK, MAX_RUN_ENTRIES, Evidence, Head, LogId, bad_proof, fork_proof, parse_evidence


def _state(held: Sequence[Entry], evidence: Evidence | None = None, checked: int = 0) -> LogState:
    head = Head(held[-1].seq, held[-1].id) if held else None
    return LogState(head, checked, evidence)


def _judge(
    piece: Piece, held: Sequence[Entry] = (), *, each: bool = False, evidence: Evidence | None = None
) -> Decision:
    """What the intake does, over a list."""
    state = _state(held, evidence) if held or evidence else EMPTY
    check_chain(piece)
    bad = []
    for entry in unchecked(piece, state, each=each):
        try:
            entry.check_signature(NETWORK)
        except BadSignature:
            bad.append(entry)
    found = inspected(piece, bad, vouched=bool(unchecked(piece, state, each=each)), each=each)
    return decide(found, state, _reader(held), NETWORK)


def _reader(held: Sequence[Entry]):
    return lambda log_id, first, last: [entry for entry in held if first <= entry.seq <= last]


def _with_bad_middle(person: Person, at: int, after: int) -> tuple[Entry, ...]:
    """A chain whose entry number `at` (from 1) is badly signed, and vouched for by those after it."""
    before = person.posts(at - 1)
    last = before[-1] if before else None
    seq, back = (1, b"") if last is None else (last.seq + 1, last.id)
    bad = spoiled(person.sign_at(seq, back, [1, "bad", ""]))
    return (*before, bad, *chain_after(person, bad, [f"after {n}" for n in range(after)]))


def test_a_chain_that_continues_is_appended() -> None:
    chain = Person("alice").posts(6)
    decision = _judge(chain[2:], chain[:2])
    assert decision.fresh == chain[2:]
    assert decision.verdict == Accepted(log_of(chain), Head(6, chain[5].id), 4)
    assert decision.evidence is None


def test_known_entries_are_skipped_and_the_rest_appended() -> None:
    chain = Person("alice").posts(6)
    decision = _judge(chain, chain[:4])
    assert decision.fresh == chain[4:]
    assert isinstance(decision.verdict, Accepted)
    assert decision.verdict.fresh == 2


@pytest.mark.parametrize(("first", "last"), [(0, 6), (2, 4), (5, 6)])
def test_what_is_known_changes_nothing_and_needs_no_signature(first: int, last: int) -> None:
    chain = Person("alice").posts(6)
    assert unchecked(chain[first:last], _state(chain), each=True) == ()
    decision = _judge(chain[first:last], chain)
    assert decision == Decision((), False, None, Accepted(log_of(chain), Head(6, chain[5].id), 0))


def test_a_gap_says_what_is_missing() -> None:
    chain = Person("alice").posts(6)
    assert _judge(chain[4:], chain[:2]).verdict == Behind(log_of(chain), 3)
    assert _judge(chain[1:]).verdict == Behind(log_of(chain), 1)


def test_a_wrong_last_signature_is_the_fault_of_who_sent_it() -> None:
    chain = Person("alice").posts(3)
    with pytest.raises(BadSignature):
        _judge((*chain[:2], spoiled(chain[2])))


def test_pieces_that_are_no_chain_are_refused() -> None:
    alice, bob = Person("alice"), Person("bob")
    chain = alice.posts(4)
    for piece in ((), chain[:1] + chain[2:], chain[:2] + bob.posts(1), (chain[0], chain[0]), chain[::-1]):
        with pytest.raises(InvalidEntry):
            check_chain(tuple(piece))
    check_chain(chain)


def test_a_piece_has_a_largest_length() -> None:
    entry = Person("alice").post("x")
    with pytest.raises(InvalidEntry):
        check_chain((entry,) * (MAX_RUN_ENTRIES + 1))


def test_another_entry_at_the_same_place_is_a_fork() -> None:
    alice = Person("alice")
    chain = alice.posts(5)
    other = chain_after(alice, chain[2], ["another"])
    decision = _judge(other, chain)
    assert decision.fresh == ()
    assert decision.evidence == fork_proof(chain[3], other[0], NETWORK)
    assert decision.verdict == Stopped(log_of(chain), decision.evidence)


def test_a_fork_inside_a_longer_piece_is_found_where_it_begins() -> None:
    alice = Person("alice")
    chain = alice.posts(6)
    other = chain_after(alice, chain[2], ["a", "b", "c", "d"])
    decision = _judge((*chain[1:3], *other), chain)
    assert decision.evidence == fork_proof(chain[3], other[0], NETWORK)


def test_a_fork_at_the_first_entry_is_found() -> None:
    alice = Person("alice")
    chain = alice.posts(2)
    other = alice.sign_at(1, b"", [1, "other", ""])
    assert _judge((other,), chain).evidence == fork_proof(chain[0], other, NETWORK)


def test_a_piece_from_behind_a_fork_is_a_divergence() -> None:
    alice = Person("alice")
    chain = alice.posts(5)
    other = chain_after(alice, chain[1], ["a", "b", "c", "d"])
    assert _judge(other[1:3], chain).verdict == Diverged(log_of(chain), 3)
    assert _judge(other[3:], chain).verdict == Diverged(log_of(chain), 5)


def test_a_badly_signed_entry_that_others_vouch_for_is_proven_against_its_author() -> None:
    chain = _with_bad_middle(Person("eve"), at=3, after=3)
    decision = _judge(chain, each=True)
    assert decision.fresh == chain[:2]
    assert decision.checked
    assert decision.evidence == bad_proof(chain[2:4], NETWORK)
    assert isinstance(decision.verdict, Stopped)


def test_a_proof_ends_at_the_first_entry_that_vouches_however_long_the_piece_is() -> None:
    eve = Person("eve")
    chain = _with_bad_middle(eve, at=3, after=200)
    shown = _judge(chain, each=True).evidence
    assert shown == bad_proof(chain[2:4], NETWORK)
    two_bad = (*chain[:3], spoiled(chain[3]))
    long = (*two_bad, *chain_after(eve, two_bad[-1], ["x", "y", "z"]))
    assert _judge(long, each=True).evidence == bad_proof(long[2:5], NETWORK)


def test_the_proof_stands_for_anyone() -> None:
    chain = _with_bad_middle(Person("eve"), at=2, after=1)
    proof = _judge(chain, each=True).evidence
    assert proof is not None
    assert parse_evidence(proof.encode(), NETWORK) == proof


def test_in_bulk_a_bad_signature_inside_is_taken_on_trust_at_first() -> None:
    chain = _with_bad_middle(Person("eve"), at=2, after=2)
    decision = _judge(chain)
    assert decision.fresh == chain
    assert not decision.checked
    assert prove_bad(log_of(chain), 2, _reader(chain), NETWORK) == bad_proof(chain[1:3], NETWORK)


def test_a_badly_signed_piece_at_a_held_place_proves_nothing_against_anyone() -> None:
    alice = Person("alice")
    chain = alice.posts(3)
    forged = spoiled(chain_after(alice, chain[1], ["forged"])[0])
    decision = _judge((forged,), chain)
    assert decision.evidence is None
    assert isinstance(decision.verdict, Rejected)


def test_a_held_entry_that_was_never_checked_may_be_the_bad_one() -> None:
    eve = Person("eve")
    chain = _with_bad_middle(eve, at=2, after=2)
    good = eve.sign_at(2, chain[0].id, [1, "good", ""])
    decision = _judge((good,), chain)
    assert decision.evidence is not None
    assert (decision.evidence.kind, decision.evidence.seq) == (BAD, 2)


def test_an_ended_log_takes_nothing_at_or_after_its_end() -> None:
    alice = Person("alice")
    chain = alice.posts(5)
    proof = fork_proof(chain[3], chain_after(alice, chain[2], ["x"])[0], NETWORK)
    decision = _judge(chain[3:], chain[:3], evidence=proof)
    assert decision == Decision((), False, None, Stopped(log_of(chain), proof))


def test_an_ended_log_takes_what_comes_before_its_end() -> None:
    alice = Person("alice")
    chain = alice.posts(5)
    proof = fork_proof(chain[3], chain_after(alice, chain[2], ["x"])[0], NETWORK)
    decision = _judge(chain, chain[:1], evidence=proof)
    assert decision.fresh == chain[1:3]
    assert decision.verdict == Stopped(log_of(chain), proof)


def test_what_is_kept_before_the_end_must_end_with_a_good_signature() -> None:
    eve = Person("eve")
    chain = _with_bad_middle(eve, at=3, after=3)
    proof = fork_proof(chain[3], eve.sign_at(4, chain[2].id, [1, "fork", ""]), NETWORK)
    decision = _judge(chain, evidence=proof)
    assert decision.fresh == ()
    assert decision.evidence is not None
    assert (decision.evidence.kind, decision.evidence.seq) == (BAD, 3)


def test_ending_a_log_finds_bad_entries_before_the_end_while_they_can_be_proven() -> None:
    eve = Person("eve")
    chain = _with_bad_middle(eve, at=3, after=3)
    proof = fork_proof(chain[3], eve.sign_at(4, chain[2].id, [1, "fork", ""]), NETWORK)
    assert settle(proof, _state(chain), _reader(chain), NETWORK) == bad_proof(chain[2:4], NETWORK)
    assert settle(proof, _state(chain, checked=3), _reader(chain), NETWORK) == proof
    assert settle(proof, EMPTY, _reader(()), NETWORK) == proof
    assert settle(proof, _state(chain[:2]), _reader(chain[:2]), NETWORK) == proof


def test_stronger_evidence_wins_over_a_bad_entry_further_on() -> None:
    eve = Person("eve")
    chain = _with_bad_middle(eve, at=4, after=2)
    fork = fork_proof(chain[1], eve.sign_at(2, chain[0].id, [1, "fork", ""]), NETWORK)
    assert fork.kind == FORK
    decision = _judge(chain, evidence=fork, each=True)
    assert decision.fresh == chain[:1]
    assert decision.evidence is None
    assert decision.verdict == Stopped(LogId(eve.id, chain[0].log), fork)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 6), st.booleans()), max_size=12))
def test_pieces_of_one_chain_in_any_order_give_a_prefix_of_it(cuts: list[tuple[int, int, bool]]) -> None:
    chain = _CHAIN
    held: tuple[Entry, ...] = ()
    for first, count, each in cuts:
        piece = chain[first : first + count]
        decision = _judge(piece, held, each=each)
        assert decision.evidence is None
        if decision.fresh:
            assert decision.fresh[0].seq == len(held) + 1
        held += decision.fresh
        assert held == chain[: len(held)]
        assert isinstance(decision.verdict, Behind if first > len(held) else Accepted)


_CHAIN = Person("alice").posts(12)
