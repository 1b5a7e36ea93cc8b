"""Threads: each message once, after what it answers, whatever links to what."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from node.social.threads import MAX_ABOVE, read_thread
from node.testing.homes import temporary_home
from node.testing.people import START_MS, Person, people
from store.entry import Entry
from store.ids import EntryId

UNTIL = START_MS + 10**9


def keep(home, entries):
    """Take entries in, one after the other."""
    for entry in entries:
        home.shelf.append([[entry]], checked=True, durable=False)


def answer(author: Person, text: str, parent: Entry, time_ms: int | None = None) -> Entry:
    """An answer with its two links."""
    root = parent.links[-1] if parent.links else parent.id
    links = [parent.id] if root == parent.id else [parent.id, root]
    return author.post(text, links, time_ms)


@given(st.integers(0, 2**32), st.integers(1, 25))
@settings(max_examples=25, deadline=None)
def test_each_message_stands_once_and_after_what_it_answers(seed, count):
    chance = random.Random(seed)
    authors = people()
    thread = [authors[0].post("root")]
    for number in range(count):
        thread.append(answer(chance.choice(authors), str(number), chance.choice(thread)))
    with temporary_home() as home:
        kept = [each for each in thread if chance.random() < 0.8]
        chance.shuffle(kept)
        by_author: dict[bytes, list[Entry]] = {}
        for each in sorted(thread, key=lambda entry: entry.seq):
            body = each if each in kept else each.without_body()
            by_author.setdefault(each.author, []).append(body)
        for entries in by_author.values():
            home.shelf.append([entries], checked=True, durable=False)
        nodes = read_thread(home.entries, thread[0].id, UNTIL, 1_000)
        places = {node.id: place for place, node in enumerate(nodes)}
        assert len(places) == len(nodes)
        assert {each.id for each in kept} <= places.keys()
        assert {node.id for node in nodes if node.shown is not None} == {each.id for each in kept}
        depths = {node.id: node.depth for node in nodes}
        for each in thread[1:]:
            if each.id in places:
                assert places[each.links[0]] < places[each.id]
                assert depths[each.id] == depths[each.links[0]] + 1


def test_of_a_long_thread_the_newest_are_shown_with_what_they_answer():
    bob, carol = Person("bob"), Person("carol")
    root = bob.post("root")
    early = answer(carol, "early", root)
    many = [answer(bob, str(number), root, START_MS + 100_000 + number) for number in range(20)]
    last = answer(carol, "last", early, START_MS + 200_000)
    with temporary_home() as home:
        keep(home, [root, early, *many, last])
        nodes = read_thread(home.entries, root.id, UNTIL, 3)
        texts = [(node.shown.post.text, node.depth) for node in nodes if node.shown is not None]
        assert texts == [("root", 0), ("early", 1), ("last", 2), ("18", 1), ("19", 1)]


def test_a_chain_through_everything_is_not_followed_without_end():
    bob, eve = Person("bob"), Person("eve")
    chain = [bob.post("first")]
    for number in range(MAX_ABOVE + 50):
        chain.append(answer(bob, str(number), chain[-1]))
    other = eve.post("other root")
    trick = eve.post("trick", [chain[-1].id, other.id])
    with temporary_home() as home:
        home.shelf.append([chain], checked=True, durable=False)
        keep(home, [other, trick])
        nodes = read_thread(home.entries, other.id, UNTIL, 100)
        assert len(nodes) <= MAX_ABOVE + 3
        assert {other.id, trick.id} <= {node.id for node in nodes}


def test_what_is_hidden_or_unknown_has_its_place_alone():
    bob = Person("bob")
    unknown = EntryId(bytes(31) + b"\x01")
    late = bob.post("late", [unknown])
    future = bob.post("from the future", [late.id, unknown], UNTIL + 1)
    below = bob.post("below", [future.id, unknown], UNTIL + 2)
    with temporary_home() as home:
        home.shelf.append([[late, future, below]], checked=True, durable=False)
        nodes = read_thread(home.entries, unknown, UNTIL, 100)
        assert [(node.id, node.depth, node.shown is None) for node in nodes] == [
            (unknown, 0, True),
            (late.id, 1, False),
        ]
