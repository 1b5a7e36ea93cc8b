"""The pool of unknown authors: bounded, and the same whatever came first."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from node.belonging.waiting_room import MAX_AUTHOR_BYTES, MAX_POOL_AUTHORS, Waiting, WaitingRoom
from node.testing.people import NETWORK, Person, people, spoiled
from store.entry import Entry
from store.ids import LOG_ID, AuthorId
from store.log import BAD, bad_proof, fork_proof

PEER, OTHER_PEER = Person("peer").id, Person("other peer").id


def said(person: Person, count: int, text: str = "") -> tuple[Entry, ...]:
    return tuple(person.write([99, f"{text}{number}"], LOG_ID) for number in range(count))


def after(person: Person, entries: tuple[Entry, ...], text: str, count: int = 1) -> tuple[Entry, ...]:
    """Another branch after some entries."""
    made = list(entries)
    for _ in range(count):
        seq, back = (made[-1].seq + 1, made[-1].id) if made else (1, b"")
        made.append(person.sign_at(seq, back, [99, text], LOG_ID))
    return tuple(made[len(entries) :])


def room_with(*pieces: tuple[Entry, ...]) -> WaitingRoom:
    room = WaitingRoom(NETWORK)
    for piece in pieces:
        room.put(piece, PEER)
    return room


def test_a_log_that_comes_in_pieces_becomes_one_chain() -> None:
    (alice,) = people(["alice"])
    entries = said(alice, 5)
    room = room_with(entries[:2])
    assert room.put(entries[2:4], OTHER_PEER) == (3, 5, None, ())
    assert room.put(entries[1:3], PEER) == (0, 5, None, ())
    assert room.put(entries, PEER) == (5, 6, None, ())
    assert room.get(alice.id) == Waiting(entries, None, PEER)
    assert all(map(room.holds, entries))
    assert not room.holds(after(alice, entries[:1], "x")[0])


def test_entries_after_a_gap_are_not_kept_and_the_next_one_is_named() -> None:
    (alice,) = people(["alice"])
    entries = said(alice, 5)
    room = WaitingRoom(NETWORK)
    assert room.put(entries[2:], PEER) == (0, 1, None, ())
    assert (len(room), room.get(alice.id)) == (0, None)
    room.put(entries[:1], PEER)
    assert room.put(entries[3:], PEER).next_seq == 2
    assert room.get(alice.id) == Waiting(entries[:1], None, PEER)


def test_an_entry_without_its_body_is_not_kept() -> None:
    (alice,) = people(["alice"])
    first, second, third = said(alice, 3)
    room = room_with((first, second.without_body(), third))
    assert room.get(alice.id) == Waiting((first,), None, PEER)


def test_a_forked_log_ends_before_the_fork_and_keeps_the_proof() -> None:
    (eve,) = people(["eve"])
    entries = said(eve, 4)
    branch = after(eve, entries[:2], "other", 2)
    room = room_with(entries)
    proof = fork_proof(entries[2], branch[0], NETWORK)
    assert room.put((*entries[:2], *branch), OTHER_PEER) == (3, 3, proof, ())
    assert room.put(entries, PEER) == (0, 3, proof, ())
    assert room.get(eve.id) == Waiting(entries[:2], proof, PEER)


def test_two_first_entries_leave_nothing_but_the_proof() -> None:
    (eve,) = people(["eve"])
    one, other = after(eve, (), "one"), after(eve, (), "other")
    room = room_with(one, other)
    assert room.get(eve.id) == Waiting((), fork_proof(one[0], other[0], NETWORK), PEER)
    assert eve.id in room


def test_evidence_that_is_put_with_a_log_ends_it() -> None:
    (eve,) = people(["eve"])
    entries = said(eve, 2)
    bad = spoiled(eve.sign_at(3, entries[1].id, [99, "bad"], LOG_ID))
    voucher = eve.sign_at(4, bad.id, [99, "voucher"], LOG_ID)
    proof = bad_proof((bad, voucher), NETWORK)
    assert proof.kind == BAD
    room = WaitingRoom(NETWORK)
    assert room.put(entries, PEER, proof) == (1, 3, proof, ())
    assert room.put((*entries, *after(eve, entries, "good")), PEER).evidence == proof
    assert room.get(eve.id) == Waiting(entries, proof, PEER)
    empty = WaitingRoom(NETWORK)
    empty.put((), PEER, proof)
    assert empty.get(eve.id) == Waiting((), proof, PEER)


def test_who_is_released_waits_no_longer() -> None:
    alice, bob = people(["alice", "bob"])
    room = room_with(said(alice, 2), said(bob, 1))
    assert room.release(alice.id) is not None
    assert room.release(alice.id) is None
    assert list(room) == [bob.id]


def test_of_one_author_the_beginning_is_kept_as_far_as_there_is_room() -> None:
    (alice,) = people(["alice"])
    entries = tuple(alice.write([99, b"x" * 2_000], LOG_ID) for _ in range(40))
    room = room_with(entries)
    held = room.get(alice.id)
    assert held is not None
    assert 25 <= len(held.entries) <= 32
    assert held.entries == entries[: len(held.entries)]
    assert room.size_bytes <= MAX_AUTHOR_BYTES


def test_a_full_room_lets_go_of_those_that_wait_longest() -> None:
    crowd = [Person(f"number {n}") for n in range(MAX_POOL_AUTHORS + 5)]
    room = WaitingRoom(NETWORK)
    evicted: list[AuthorId] = []
    for person in crowd:
        evicted += room.put(said(person, 1), PEER).evicted
    assert len(room) == MAX_POOL_AUTHORS
    assert evicted == [person.id for person in crowd[:5]]


def test_a_peer_that_makes_up_authors_pushes_out_its_own() -> None:
    honest, crowd = people(["alice", "bob"]), [Person(f"number {n}") for n in range(MAX_POOL_AUTHORS + 50)]
    room = WaitingRoom(NETWORK)
    for person in honest:
        room.put(said(person, 2), OTHER_PEER)
    for person in crowd:
        room.put(said(person, 1), PEER)
    assert all(person.id in room for person in honest)
    assert len(room) <= MAX_POOL_AUTHORS


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_room_is_never_fuller_than_its_bounds(chance: random.Random) -> None:
    crowd = [Person(f"number {n}") for n in range(60)]
    room = WaitingRoom(NETWORK, max_authors=20, max_bytes=100_000)
    for _ in range(100):
        person = chance.choice(crowd)
        size = chance.choice((10, 500, 2_000))
        piece = tuple(person.write([99, b"x" * size], LOG_ID) for _ in range(chance.randint(1, 12)))
        room.put(piece, chance.choice((PEER, OTHER_PEER)))
        if chance.random() < 0.05:
            room.release(chance.choice(crowd).id)
        assert room.size_bytes <= 100_000
        assert len(room) <= 20
    for author in room:
        room.release(author)
    assert (len(room), room.size_bytes) == (0, 0)
    assert not room._weights


def grow(chance: random.Random, count: int) -> list[list[Entry]]:
    """A tree of entries of one `id` log, as the paths from its root to each of them."""
    eve = Person("eve")
    paths: list[list[Entry]] = [[]]
    for number in range(count):
        path = paths[-1] if chance.random() < 0.8 else chance.choice(paths)
        back = path[-1].id if path else b""
        paths.append([*path, eve.sign_at(len(path) + 1, back, [99, number], LOG_ID)])
    return paths[1:]


def outcome(room: WaitingRoom, author: AuthorId) -> tuple[tuple[Entry, ...], bytes]:
    held = room.get(author)
    assert held is not None
    return held.entries, b"" if held.evidence is None else held.evidence.digest()


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 14))
def test_what_is_kept_is_the_same_whatever_came_first(chance: random.Random, count: int) -> None:
    paths = grow(chance, count)
    outcomes = []
    for _ in range(2):
        room = WaitingRoom(NETWORK)
        for _ in range(count):
            path = chance.choice(paths)
            room.put(tuple(path[chance.randrange(len(path)) :]), PEER)
        for path in chance.sample(paths, k=len(paths)):
            room.put(tuple(path), PEER)
        outcomes.append(outcome(room, Person("eve").id))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 10))
def test_changed_from_says_where_the_chain_differs(chance: random.Random, count: int) -> None:
    paths = grow(chance, count)
    room = WaitingRoom(NETWORK)
    seen: tuple[Entry, ...] = ()
    for _ in range(2 * count):
        path = chance.choice(paths)
        change = room.put(tuple(path[chance.randrange(len(path)) :]), PEER)
        held = room.get(path[0].author)
        now = () if held is None else held.entries
        same = change.changed_from - 1 if change.changed_from else len(now)
        assert now[:same] == seen[:same]
        assert change.changed_from or now == seen
        seen = now
