"""Positions on the line, digests of frontiers and fingerprints of ranges."""

import hashlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.testing.people import NETWORK, people
from store import frontier
from store.frontier import Frontier, place_of
from store.ids import LOG_DOCS, LOG_FEED, AuthorId, EntryId, LogNo, NetworkId
from store.interface import NOTHING_HELD, LogState
from store.log import Evidence, Head, LogId, fork_proof

ALL = 2**32 - 1


def a_log(number: int, log: int = LOG_FEED) -> LogId:
    return LogId(AuthorId(number.to_bytes(32, "big")), LogNo(log))


def a_state(seq: int, mark: int = 0, evidence: Evidence | None = None) -> LogState:
    return LogState(Head(seq, EntryId(bytes([mark]) * 32)), 0, evidence)


def a_fork() -> Evidence:
    (eve,) = people(["eve"])
    one, other = (eve.sign_at(1, b"", [1, text, ""]) for text in ("one", "other"))
    return fork_proof(one, other, NETWORK)


def test_a_place_is_the_beginning_of_a_hash_of_the_logs_name() -> None:
    name = b"asterism/place/1\0" + bytes(31) + b"\7" + b"\2"
    expected = int.from_bytes(hashlib.blake2b(name, digest_size=32).digest()[:8], "big")
    assert place_of(a_log(7)) == expected
    assert place_of(a_log(7, LOG_DOCS)) != expected


def test_a_position_packs_place_seq_head_and_evidence_into_80_bytes() -> None:
    proof = a_fork()
    held = Frontier(NETWORK, {a_log(7): a_state(258, 9, proof)}).get(a_log(7))
    assert held is not None
    place = place_of(a_log(7)).to_bytes(8, "big")
    assert held.packed == place + bytes(6) + b"\1\2" + b"\t" * 32 + proof.digest()
    ended = Frontier(NETWORK, {a_log(7): LogState(None, 0, proof)}).get(a_log(7))
    assert ended is not None
    assert ended.packed == place + bytes(40) + proof.digest()


def test_a_log_of_which_nothing_is_left_has_no_position() -> None:
    states = {a_log(n): a_state(n + 1) for n in range(3)}
    held = Frontier(NETWORK, {**states, a_log(7): NOTHING_HELD})
    expected = Frontier(NETWORK, states).digest(ALL)
    assert held.get(a_log(7)) is None
    assert held.digest(ALL) == expected
    held.update(a_log(7), a_state(4))
    assert held.digest(ALL) != expected
    held.update(a_log(7), NOTHING_HELD)
    held.update(a_log(8), NOTHING_HELD)
    assert (len(held), held.digest(ALL)) == (3, expected)


def test_of_two_logs_at_one_place_only_the_one_that_is_there_leaves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontier, "place_of", lambda log_id: 5)
    held = Frontier(NETWORK, {a_log(1): a_state(1)})
    held.update(a_log(2), NOTHING_HELD)
    assert held.get(a_log(1)) is not None
    held.update(a_log(1), NOTHING_HELD)
    assert len(held) == 0


def test_the_digest_covers_network_and_positions_in_the_order_of_their_places() -> None:
    states = {a_log(n): a_state(n + 1) for n in range(5)}
    held = Frontier(NETWORK, states)
    packed = [held.get(log_id) for log_id in sorted(states, key=place_of)]
    data = b"asterism/frontier/1\0" + NETWORK + b"".join(p.packed for p in packed if p is not None)
    assert held.digest(ALL) == hashlib.blake2b(data, digest_size=32).digest()
    assert Frontier(NetworkId(b"o" * 32), states).digest(ALL) != held.digest(ALL)


@given(st.permutations(list(range(6))), st.data())
def test_a_frontier_depends_on_the_states_alone_not_on_their_order(
    order: list[int], data: st.DataObject
) -> None:
    states = {a_log(n, n % 3): a_state(n + 1) for n in range(6)}
    grown = Frontier(NETWORK)
    for n in order:
        if data.draw(st.booleans()):
            grown.update(a_log(n, n % 3), a_state(99))
            grown.digest(ALL)
        grown.update(a_log(n, n % 3), states[a_log(n, n % 3)])
    assert grown.digest(ALL) == Frontier(NETWORK, states).digest(ALL)
    assert grown.digest(0b010) == Frontier(NETWORK, states).digest(0b010)
    assert len(grown) == 6
    assert (grown.count(ALL), grown.count(0b011), grown.count(0)) == (6, 4, 0)


def test_every_part_of_a_state_is_in_the_digest() -> None:
    digests = {
        Frontier(NETWORK, {a_log(1): state}).digest(ALL)
        for state in (
            a_state(1),
            a_state(2),
            a_state(1, 1),
            a_state(1, 0, a_fork()),
            LogState(None, 0, a_fork()),
            LogState(None, 0, None),
        )
    }
    assert len(digests) == 6
    head = a_state(5).head
    one, other = (Frontier(NETWORK, {a_log(1): LogState(head, seq, None)}).digest(ALL) for seq in (0, 5))
    assert one == other, "how much was checked is nobody else's business"


def test_what_is_not_held_has_no_position() -> None:
    held = Frontier(NETWORK, {a_log(1): a_state(1)})
    assert held.get(a_log(2)) is None
    assert held.snapshot(ALL).at(place_of(a_log(2))) is None


def test_an_interest_leaves_the_other_logs_out() -> None:
    held = Frontier(NETWORK, {a_log(1, LOG_FEED): a_state(1), a_log(1, LOG_DOCS): a_state(2)})
    only = held.snapshot(1 << LOG_DOCS)
    assert [p.log_id for p in only.positions] == [a_log(1, LOG_DOCS)]
    assert held.digest(1 << LOG_DOCS) == Frontier(NETWORK, {a_log(1, LOG_DOCS): a_state(2)}).digest(ALL)


def test_of_two_logs_at_one_place_the_smaller_name_counts_whatever_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontier, "place_of", lambda log_id: 5)
    small, large = a_log(1), a_log(2)
    states = {large: a_state(2), small: a_state(1)}
    whole = Frontier(NETWORK, states)
    grown = Frontier(NETWORK)
    for log_id, state in states.items():
        grown.update(log_id, state)
    grown.update(large, a_state(3))
    assert whole.digest(ALL) == grown.digest(ALL) == Frontier(NETWORK, {small: a_state(1)}).digest(ALL)
    assert whole.get(large) is None
    assert len(grown) == 1


def test_peers_cannot_make_it_remember_digests_without_end() -> None:
    held = Frontier(NETWORK, {a_log(1): a_state(1)})
    for interest in range(1_000):
        held.digest(interest)
    assert len(held._digests) <= frontier.MAX_DIGESTS


@given(st.integers(0, 200), st.integers(0, 2**32), st.integers(0, 8))
def test_the_ranges_of_one_depth_cover_the_line_in_order(count: int, seed: int, depth: int) -> None:
    chance = Random(seed)
    logs = {LogId(AuthorId(chance.randbytes(32)), LOG_FEED): a_state(1) for _ in range(count)}
    snapshot = Frontier(NETWORK, logs).snapshot(ALL)
    bounds = [snapshot.bounds(depth, prefix) for prefix in range(1 << depth)]
    assert [index for low, high in bounds for index in range(low, high)] == list(range(count))
    for prefix, (low, high) in enumerate(bounds):
        assert all(p.place >> (64 - depth) == prefix for p in snapshot.positions[low:high])


def test_a_fingerprint_is_keyed_and_covers_the_range() -> None:
    snapshot = Frontier(NETWORK, {a_log(n): a_state(n + 1) for n in range(4)}).snapshot(ALL)
    packed = b"".join(p.packed for p in snapshot.positions[1:3])
    expected = hashlib.blake2b(packed, digest_size=6, key=b"k" * 32).digest()
    assert snapshot.fingerprint(b"k" * 32, 1, 3, 6) == expected
    assert snapshot.fingerprint(b"l" * 32, 1, 3, 6) != expected
    assert snapshot.fingerprint(b"k" * 32, 1, 1, 6) == snapshot.fingerprint(b"k" * 32, 2, 2, 6)


def test_a_snapshot_does_not_follow_the_frontier() -> None:
    held = Frontier(NETWORK, {a_log(1): a_state(1)})
    snapshot = held.snapshot(ALL)
    before = snapshot.digest(NETWORK)
    held.update(a_log(1), a_state(2))
    held.update(a_log(2), a_state(1))
    assert snapshot.digest(NETWORK) == before
    assert len(snapshot) == 1
    assert held.digest(ALL) != before
