"""Cuts from what is held: every log named where it stands, or where its author claims to have been."""

from node.affairs.cutting import LogPart, cut_of, parts_of
from node.federation.cuts import Cut, LogEnd, read_cut
from node.testing.people import NETWORK, START_MS, Person, people
from store.ids import LOG_FEED, LOG_ID
from store.log import fork_proof
from store.memory import MemoryEntryStore

PROFILE = 6


def store_of(person: Person, posts: int = 5, words: int = 2) -> MemoryEntryStore:
    store = MemoryEntryStore()
    said = tuple(person.write([16, number], LOG_ID) for number in range(words))
    store.append([said, person.posts(posts)], checked=True, durable=False)
    return store


def test_a_cut_names_each_log_at_its_last_entry() -> None:
    [bob] = people(["bob"])
    store = store_of(bob)
    cut = cut_of(store, bob.id)
    assert read_cut(cut.encode()) == cut
    held = {log: store.state(bob.log_id(log)) for log in (LOG_ID, LOG_FEED)}
    assert cut.ends == tuple(LogEnd(log, *state.head) for log, state in held.items() if state and state.head)


def test_of_a_device_that_wrote_nothing_nothing_is_named() -> None:
    assert cut_of(MemoryEntryStore(), Person("bob").id) == Cut(Person("bob").id, ())


def test_a_log_ends_before_the_first_entry_that_claims_a_later_time() -> None:
    [bob] = people(["bob"])
    store = store_of(bob)
    after_three = START_MS + 3_500
    assert cut_of(store, bob.id, after_three).last_seq(LOG_FEED) == 3
    assert cut_of(store, bob.id, START_MS - 1).ends == (
        LogEnd(LOG_ID, 1, store.range(bob.log_id(LOG_ID), 1, 1, 10_000)[0].id),
    )


def test_a_clock_that_went_back_hides_nothing_that_came_after_a_late_entry() -> None:
    [bob] = people(["bob"])
    store = MemoryEntryStore()
    times = (START_MS, START_MS + 9_000, START_MS + 1)
    store.append([tuple(bob.post(str(time), time_ms=time) for time in times)], checked=True, durable=False)
    assert cut_of(store, bob.id, START_MS + 5_000).last_seq(LOG_FEED) == 1


def test_a_forked_log_is_named_where_it_is_still_good() -> None:
    [bob] = people(["bob"])
    store = store_of(bob, posts=4)
    [third] = store.range(bob.log_id(), 3, 3, 10_000)
    other = bob.sign_at(3, third.back, [1, "another third", ""])
    store.end_log(fork_proof(third, other, NETWORK))
    assert cut_of(store, bob.id).last_seq(LOG_FEED) == 2


def test_what_a_cut_leaves_and_takes_can_be_shown() -> None:
    [bob] = people(["bob"])
    store = store_of(bob, posts=5)
    profile = bob.write([64, "bob"], PROFILE)  # type: ignore[arg-type]
    store.append([(profile,)], checked=True, durable=False)
    cut = cut_of(store, bob.id, START_MS + 2_000)
    cut = cut._replace(ends=tuple(end for end in cut.ends if end.log != PROFILE))
    assert parts_of(store, cut) == [
        LogPart(LOG_ID, 2, 2, START_MS + 2_000),
        LogPart(LOG_FEED, 5, 2, START_MS + 2_000),
        LogPart(PROFILE, 1, 0, 0),  # type: ignore[arg-type]
    ]
