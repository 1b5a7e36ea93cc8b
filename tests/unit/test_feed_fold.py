"""The feed's view against a plain model of it, for every order of arrival."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.feed import ordering
from node.apps.feed.fold import tie_of
from node.apps.feed.ordering import MAX_LIFT
from node.apps.registry import SCHEMAS, Projection
from node.shelf import Folding, Shelf
from node.testing.people import NETWORK, Person, people
from store.entry import Entry
from store.ids import EntryId
from store.log import fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Views

START = 1_000_000


@contextmanager
def open_shelf() -> Iterator[Shelf]:
    with TemporaryDirectory() as folder, Database(Path(folder, "log.db"), bytes(32), create=True) as database:
        entries = SqliteEntryStore(database)
        projection = Projection(entries)
        shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        shelf.prepare()
        yield shelf


def timeline(shelf: Shelf) -> list[tuple[int, EntryId]]:
    """What the view says: order and id."""
    with shelf.entries.views() as views:
        rows = views.execute("SELECT at, tie, k FROM feed_timeline ORDER BY at, tie")
    found = shelf.entries.at_keys([k for _, _, k in rows])
    shown = [(row, entry) for row, entry in zip(rows, found, strict=True) if entry is not None]
    assert len(shown) == len(rows)
    assert all(tie_of(entry.id) == tie for (_, tie, _), entry in shown)
    return [(at, entry.id) for (at, _, _), entry in shown]


def model(entries: Sequence[Entry]) -> list[tuple[int, EntryId]]:
    """What it has to say: posts by order, then id."""
    posts = {entry.id: entry for entry in entries if entry.body is not None}

    def order(entry: Entry) -> int:
        highest, above = entry.time_ms, entry
        for lift in range(1, MAX_LIFT + 1):
            if not above.links or above.links[0] not in posts:
                break
            above = posts[above.links[0]]
            highest = max(highest, above.time_ms + lift)
        return highest

    return sorted((order(entry), entry.id) for entry in posts.values())


def write_feed(chance: random.Random, count: int) -> list[Entry]:
    """Posts of four people, with links to earlier ones and claimed times in no order; some in long chains."""
    written: list[Entry] = []
    authors = people()
    chained = chance.choice((0.0, 0.5, 0.95))
    for _ in range(count):
        linked = chance.sample(written, k=min(len(written), chance.choice((0, 0, 1, 1, 2))))
        linked = written[-1:] if chance.random() < chained else linked
        links = [entry.id for entry in linked]
        time_ms = START + chance.randrange(20) * chance.choice((1, 1_000))
        written.append(chance.choice(authors).post("text", links, time_ms))
    return written


def arrive(shelf: Shelf, entries: Sequence[Entry], chance: random.Random, bare: float = 0.0) -> None:
    """Bring entries in: each log in its order, the logs in any, in batches; some first without body."""
    logs: dict[bytes, list[Entry]] = {}
    for entry in entries:
        logs.setdefault(entry.author, []).append(entry)
    batch: list[tuple[Entry, ...]] = []
    late: list[Entry] = []
    while logs:
        log = logs[chance.choice(sorted(logs))]
        run = tuple(log.pop(0) for _ in range(min(len(log), chance.randint(1, 3))))
        logs = {author: left for author, left in logs.items() if left}
        late += (missing := [entry for entry in run if chance.random() < bare])
        batch.append(tuple(entry.without_body() if entry in missing else entry for entry in run))
        if chance.random() < 0.6 or not logs:
            shelf.append(batch, checked=True, durable=False)
            batch = []
    chance.shuffle(late)
    for entry in late:
        assert entry.body is not None
        shelf.restore_body(entry.id, entry.body)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 45), st.sampled_from([0.0, 0.0, 0.3]))
def test_the_order_is_the_same_for_every_order_of_arrival(seed: int, count: int, bare: float) -> None:
    chance = random.Random(seed)
    entries = write_feed(chance, count)
    with open_shelf() as shelf:
        arrive(shelf, entries, chance, bare)
        assert timeline(shelf) == model(entries)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 45))
def test_what_goes_lets_down_what_it_had_lifted(seed: int, count: int) -> None:
    chance = random.Random(seed)
    entries = write_feed(chance, count)
    with open_shelf() as shelf:
        arrive(shelf, entries, chance)
        dropped = chance.choice(entries)
        shelf.drop_body(dropped.id)
        left = [entry for entry in entries if entry != dropped]
        assert timeline(shelf) == model(left)
        assert dropped.body is not None
        shelf.restore_body(dropped.id, dropped.body)
        assert timeline(shelf) == model(entries)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 20))
def test_a_log_that_ends_leaves_the_view_of_what_is_left(seed: int, count: int) -> None:
    chance = random.Random(seed)
    entries = write_feed(chance, count)
    with open_shelf() as shelf:
        arrive(shelf, entries, chance)
        bad = chance.choice(entries)
        author = next(person for person in people() if person.id == bad.author)
        other = author.sign_at(bad.seq, bad.back, [1, "two", ""], time_ms=START)
        shelf.end_log(fork_proof(bad, other, NETWORK))
        left = [entry for entry in entries if entry.author != bad.author or entry.seq < bad.seq]
        assert timeline(shelf) == model(left)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_building_the_view_anew_gives_the_same_view(seed: int) -> None:
    chance = random.Random(seed)
    entries = write_feed(chance, 20)
    with open_shelf() as shelf:
        arrive(shelf, entries, chance)
        before = timeline(shelf)
        projection = Projection(shelf.entries)
        shelf.entries.rebuild_views(projection.fold, SCHEMAS)
        assert timeline(shelf) == before


def test_a_late_parent_lifts_a_chain_of_answers() -> None:
    alice, bob = Person("alice"), Person("bob")
    root = alice.post("root", time_ms=START + 5_000)
    answers = [bob.post("first", (root.id,), START)]
    for _ in range(5):
        answers.append(bob.post("next", (answers[-1].id,), START))
    with open_shelf() as shelf:
        shelf.append([answers], checked=True, durable=False)
        assert timeline(shelf)[0] == (START, answers[0].id)
        shelf.append([[root]], checked=True, durable=False)
        expected = [(START + 5_000 + index, entry.id) for index, entry in enumerate([root, *answers])]
        assert timeline(shelf) == expected


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The key of each post that is moved, as often as it is."""
    keys: list[int] = []
    move = ordering._move

    def moving(
        views: Views, orders: ordering.Ordering, key: int, entry: Entry, where: tuple[int, int]
    ) -> None:
        keys.append(key)
        move(views, orders, key, entry, where)

    monkeypatch.setattr(ordering, "_move", moving)
    return keys


def test_a_chain_of_clocks_that_run_backwards_moves_each_post_once(moved: list[int]) -> None:
    alice = Person("alice")
    chain = [alice.post("0", time_ms=START)]
    for number in range(1, 200):
        chain.append(alice.post("next", (chain[-1].id,), START - number))
    with open_shelf() as shelf:
        shelf.append([chain], checked=True, durable=False)
        assert timeline(shelf) == model(chain)
        assert 0 < len(moved) == len(set(moved)) < len(chain)


def test_parents_that_come_one_by_one_move_what_is_near_and_not_the_chain(moved: list[int]) -> None:
    alice, bob = Person("alice"), Person("bob")
    chain: list[Entry] = []
    parents: list[Entry] = []
    for number in range(60):
        parents.append(bob.post("late", chain[-1:] and (chain[-1].id,), START + 1_000 * (number + 1)))
        chain.append(alice.post("early", (parents[-1].id,), START))
    with open_shelf() as shelf:
        shelf.append([chain], checked=True, durable=False)
        for parent in parents:
            shelf.append([[parent]], checked=True, durable=False)
        assert timeline(shelf) == model([*chain, *parents])
        assert len(chain) <= len(moved) <= len(chain) * MAX_LIFT


def test_what_is_no_post_is_carried_and_not_shown() -> None:
    alice = Person("alice")
    entries = [alice.write([999, "x"]), alice.write([1, " ", ""]), alice.post("shown")]
    with open_shelf() as shelf:
        shelf.append([entries], checked=True, durable=False)
        assert [entry_id for _, entry_id in timeline(shelf)] == [entries[2].id]
        assert shelf.count() == 3


def test_bodies_that_have_not_come_are_known_until_they_come() -> None:
    alice = Person("alice")
    entries = alice.posts(3)
    with open_shelf() as shelf:
        shelf.append([[entry.without_body() for entry in entries]], checked=True, durable=False)
        assert shelf.missing_bodies(10) == [entry.id for entry in entries]
        assert shelf.missing_bodies(2) == [entry.id for entry in entries[:2]]
        assert entries[1].body is not None
        shelf.restore_body(entries[1].id, entries[1].body)
        assert shelf.missing_bodies(10) == [entries[0].id, entries[2].id]
        other = alice.sign_at(3, entries[1].id, [1, "two", ""])
        shelf.end_log(fork_proof(entries[2], other, NETWORK))
        assert shelf.missing_bodies(10) == [entries[0].id]
