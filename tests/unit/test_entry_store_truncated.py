"""What both stores promise of logs that are cut short: nothing of it is left, and they may grow again."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.registry import SCHEMAS, Projection, text_of
from node.shelf import Folding, Shelf
from node.testing.people import START_MS, Person
from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import NotFound
from store.ids import LOG_DOCS, LOG_FEED, LOG_PROFILE, EntryId, LogNo, NetworkId
from store.interface import Appended, EntryStore, LogState
from store.log import Head, LogId, fork_proof
from store.memory import MemoryEntryStore
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.gathering import whole
from store.sqlite.search import SearchIndex
from store.sqlite.views import Row

NETWORK = NetworkId(b"n" * 32)
KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 5)]
STORE_KEY = b"k" * 32
WHOLE = 2**40
ALL_BYTES = 2**40


def chain(
    length: int, key: SigningKey = KEYS[0], log: LogNo = LOG_FEED, text: str = "", after: Entry | None = None
) -> list[Entry]:
    entries: list[Entry] = []
    seq, back = (1, b"") if after is None else (after.seq + 1, after.id)
    for number in range(seq, seq + length):
        body = make_body(b"s" * 16, [1, f"{text}{number}"])
        entries.append(sign(key, NETWORK, log, number, back, body, number))
        back = entries[-1].id
    return entries


def log_of(entries: Sequence[Entry]) -> LogId:
    return LogId(entries[0].author, entries[0].log)


def put(store: EntryStore, *runs: list[Entry], checked: bool = True) -> list[Appended]:
    return store.append(runs, checked=checked, durable=False)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EntryStore]:
    opened: EntryStore
    if request.param == "memory":
        opened = MemoryEntryStore()
    else:
        opened = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    yield opened
    opened.close()


def test_a_truncated_log_ends_where_it_was_cut_and_stays_open(store: EntryStore) -> None:
    entries = chain(6)
    log_id = log_of(entries)
    put(store, chain(2, KEYS[1]), entries[:4])
    put(store, entries[4:])
    store.truncate(log_id, 3)
    assert store.state(log_id) == LogState(Head(3, entries[2].id), 3, None)
    assert store.range(log_id, 1, WHOLE, ALL_BYTES) == entries[:3]
    assert store.count() == 5
    for entry in entries[3:]:
        with pytest.raises(NotFound):
            store.entry(entry.id)
    assert [(piece.first_seq, piece.last_seq) for piece in store.arrivals(0, 10)] == [(1, 2), (1, 3)]


def test_a_truncated_log_grows_again_with_the_same_or_with_other_entries(store: EntryStore) -> None:
    entries = chain(6)
    log_id = log_of(entries)
    seen = put(store, entries)[-1].arrival
    store.truncate(log_id, 3)
    [again] = put(store, entries[3:5])
    assert again.arrival > seen
    assert store.range(log_id, 1, WHOLE, ALL_BYTES) == entries[:5]
    store.truncate(log_id, 2)
    other = chain(3, text="other ", after=entries[1])
    put(store, other)
    assert store.range(log_id, 1, WHOLE, ALL_BYTES) == entries[:2] + other
    assert sorted(store.find(bytes(32), b"\xff" * 32, 100)) == sorted(e.id for e in entries[:2] + other)
    assert store.entry(other[0].id) == other[0]


def test_nothing_is_known_of_a_log_that_was_truncated_to_nothing(store: EntryStore) -> None:
    entries = chain(3)
    log_id = log_of(entries)
    put(store, chain(1, KEYS[1]), entries)
    store.truncate(log_id, 0)
    assert store.state(log_id) is None
    assert log_id not in store.logs()
    assert (store.count(), store.range(log_id, 1, WHOLE, ALL_BYTES)) == (1, [])
    put(store, chain(2, KEYS[2]), entries[:2])
    assert store.state(log_id) == LogState(Head(2, entries[1].id), 2, None)


def test_a_log_that_is_short_enough_is_not_changed_by_truncation(store: EntryStore) -> None:
    entries = chain(3)
    put(store, entries, checked=False)
    before = store.logs()
    for last_seq in (3, 4, WHOLE):
        store.truncate(log_of(entries), last_seq)
    store.truncate(log_of(chain(1, KEYS[1])), 0)
    assert (store.logs(), store.count()) == (before, 3)


def test_evidence_goes_with_what_it_is_about_and_stays_with_what_is_left(store: EntryStore) -> None:
    entries = chain(6)
    log_id = log_of(entries)
    evidence = fork_proof(entries[4], chain(1, text="x", after=entries[3])[0], NETWORK)
    put(store, entries)
    store.end_log(evidence)
    store.truncate(log_id, 5)
    assert store.state(log_id) == LogState(Head(4, entries[3].id), 4, evidence)
    store.truncate(log_id, 4)
    assert store.state(log_id) == LogState(Head(4, entries[3].id), 4, None)
    put(store, entries[4:])
    store.end_log(evidence)
    store.truncate(log_id, 0)
    assert store.state(log_id) is None


def test_truncation_lowers_what_was_checked_and_no_further(store: EntryStore) -> None:
    entries = chain(6)
    put(store, entries[:2])
    put(store, entries[2:], checked=False)
    store.truncate(log_of(entries), 4)
    assert store.state(log_of(entries)) == LogState(Head(4, entries[3].id), 2, None)
    store.truncate(log_of(entries), 1)
    assert store.state(log_of(entries)) == LogState(Head(1, entries[0].id), 1, None)


def test_a_truncated_store_is_the_same_after_it_was_opened_again(tmp_path: Path) -> None:
    store = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    entries, other = chain(4), chain(3, KEYS[1])
    last = put(store, entries, other)[-1].arrival
    store.truncate(log_of(other), 0)
    store.truncate(log_of(entries), 2)
    before, last_key = store.logs(), store.last_key()
    store.close()
    reading = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, read_only=True))
    assert reading.logs() == before
    assert reading.state(log_of(other)) is None
    reading.close()
    store = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY))
    assert (store.logs(), store.last_key()) == (before, last_key)
    pieces = put(store, chain(2, KEYS[2]), other[:1], entries[2:])
    assert [piece.arrival for piece in pieces] == [last + 1, last + 2, last + 3]
    assert store.range(log_of(other), 1, WHOLE, ALL_BYTES) == other[:1]
    assert store.range(log_of(entries), 1, WHOLE, ALL_BYTES) == entries
    store.close()


# Views, against those made from scratch

LOGS = (LOG_FEED, LOG_DOCS, LOG_PROFILE)


@contextmanager
def open_shelf() -> Iterator[tuple[Shelf, SearchIndex]]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder, "log.db"), STORE_KEY, create=True)
        entries = SqliteEntryStore(database)
        projection = Projection(entries)
        shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        shelf.prepare()
        index = SearchIndex(Path(folder, "search.db"), STORE_KEY, entries, projection.text_of)
        yield shelf, index
        index.close()
        shelf.close()


def all_views(shelf: Shelf) -> dict[str, list[Row]]:
    """Every row of every table of an app."""
    with shelf.entries.views() as views:
        [*names] = views.execute("SELECT tables FROM app_schemas")
        made = [name for (text,) in names for name in text.split() if not name.startswith("sqlite")]
        tables = whole(made)
        return {name: sorted(views.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def make_anew(shelf: Shelf) -> None:
    """Build all views from all entries, as for schemas of another version."""
    projection = Projection(shelf.entries)
    other = tuple(schema._replace(version=schema.version + 1) for schema in SCHEMAS)
    assert Shelf(shelf.entries, Folding(other, projection.fold, projection.unfold)).prepare()


class Writers:
    """People who post, answer, write documents and change their names; some go on where they were cut."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.people = [Person(name) for name in ("alice", "bob", "carol")]
        self.logs: dict[LogId, list[Entry]] = {}
        self.ids: list[EntryId] = []

    def more(self, person: Person, log: LogNo, count: int) -> list[Entry]:
        """Entries that continue a log as it stands."""
        held = self.logs.setdefault(LogId(person.id, log), [])
        made = []
        for _ in range(count):
            seq, back = (held[-1].seq + 1, held[-1].id) if held else (1, b"")
            links = self.chance.sample(self.ids, k=min(len(self.ids), self.chance.choice((0, 1, 1, 2))))
            word = self.chance.choice(("north", "south", "east"))
            said = {
                LOG_FEED: [1, word, ""],
                LOG_DOCS: [33, word, "title", "text/plain", word],
                LOG_PROFILE: [64, word],
            }
            time_ms = START_MS + self.chance.randrange(5_000)
            entry = person.sign_at(seq, back, said[log], log, links, time_ms)
            held.append(entry)
            made.append(entry)
            self.ids.append(entry.id)
        return made


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_views_and_search_are_those_of_what_is_left_whatever_was_cut(chance: random.Random) -> None:
    writers = Writers(chance)
    with open_shelf() as (shelf, index):
        for _ in range(chance.randint(2, 14)):
            person, log = chance.choice(writers.people), chance.choice(LOGS)
            held = writers.logs.setdefault(LogId(person.id, log), [])
            if held and chance.random() < 0.4:
                last_seq = chance.randrange(len(held))
                cut = held[last_seq:]
                shelf.truncate(LogId(person.id, log), last_seq)
                del held[last_seq:]
                if chance.random() < 0.5:
                    held += cut
                    put(shelf, cut)
            else:
                put(shelf, writers.more(person, log, chance.randint(1, 3)))
            if chance.random() < 0.3:
                index.catch_up()
        after = all_views(shelf)
        make_anew(shelf)
        assert after == all_views(shelf)
        left = [entry for held in writers.logs.values() for entry in held]
        for word in ("north", "south", "east"):
            hits = shelf.entries.at_keys([hit.key for hit in index.search(word, 1_000)])
            assert None not in hits
            assert {hit.id for hit in hits if hit} == {e.id for e in left if word in (text_of(e) or "")}
