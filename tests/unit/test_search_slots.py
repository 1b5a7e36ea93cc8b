"""Where many entries claim one second: each is found once, in order, page by page, and goes when it goes."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.ids import LOG_FEED, NetworkId
from store.interface import EntryKey
from store.sqlite import search_steps
from store.sqlite.connection import PAGE_BYTES, Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search import Hit, SearchIndex
from store.sqlite.search_steps import MAX_SECOND, SLOT_BITS, address_in, address_of, slot_of, spare_of

KEY = b"k" * 32
SECOND = 1_763_000_000


class Home:
    """Entries of one author that claim given seconds, and their index."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteEntryStore(Database(folder / "home.db", KEY, create=True))
        self.index = SearchIndex(folder / "search.db", KEY, self.store, lambda entry: f"word n{entry.seq}")
        self.held: list[Entry] = []

    def put(self, seconds: list[int]) -> None:
        author, run = SigningKey(b"1" * 32), list[Entry]()
        for second in seconds:
            seq = len(self.held) + 1
            back = self.held[-1].id if self.held else b""
            body = make_body(b"s" * 16, [seq])
            run.append(sign(author, NetworkId(b"n" * 32), LOG_FEED, seq, back, body, second * 1_000))
            self.held.append(run[-1])
        self.store.append([run], checked=True, durable=False)

    def hits(self, gone: frozenset[int] = frozenset()) -> list[Hit]:
        """What has to be found, the newest first."""
        return sorted(
            (
                Hit(entry.time_ms // 1_000, EntryKey(key))
                for key, entry in enumerate(self.held, 1)
                if key not in gone
            ),
            reverse=True,
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.index.close()
    made.store.close()


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds with four slots."""
    monkeypatch.setattr(search_steps, "SLOT_BITS", 2)
    monkeypatch.setattr(search_steps, "_MAX_SLOT", 3)
    monkeypatch.setattr("store.sqlite.search.SLOT_BITS", 2)


def test_a_second_with_more_entries_than_slots_is_found_whole_and_in_order(home: Home) -> None:
    crowd = 3 << SLOT_BITS
    home.put([SECOND] * crowd + [SECOND + 1, SECOND - 1])
    assert home.index.search("word", 10_000) == home.hits()
    assert home.index.search("word", 5) == home.hits()[:5]
    assert home.index.count() == crowd + 2
    assert home.index.count(10) == 10
    for key in (1, 200, 300, crowd, crowd + 2):
        assert home.index.search(f"n{key}", 9) == [hit for hit in home.hits() if hit.key == key]


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_and_bounds_cut_nothing_off_however_crowded_seconds_are(
    narrow: None, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = random.Random(seed)
    home = Home(tmp_path_factory.mktemp("home"))
    for _ in range(4):
        home.put([SECOND + chance.randrange(4) for _ in range(chance.randint(1, 12))])
        if chance.random() < 0.5:
            home.index.catch_up()
    gone = frozenset(key for key in range(1, len(home.held) + 1) if chance.random() < 0.3)
    for key in gone:
        home.store.drop_body(home.held[key - 1].id)
    back = frozenset(key for key in gone if chance.random() < 0.3)
    for key in back:
        body = home.held[key - 1].body
        assert body is not None
        home.store.restore_body(home.held[key - 1].id, body)
    expected = home.hits(gone - back)
    pages, before, size = list[Hit](), None, chance.randint(1, 5)
    while page := home.index.search("word", size, before=before):
        pages += page
        before = page[-1]
    assert pages == expected
    since, until = SECOND + chance.randrange(3), SECOND + chance.randrange(1, 4)
    found = home.index.search("word", 100, since_ms=since * 1_000, until_ms=until * 1_000 + 999)
    assert found == [hit for hit in expected if since <= hit.second <= until]
    for key, entry in enumerate(home.held, 1):
        here = key not in gone or key in back
        assert home.index.contains(f"word n{key}", EntryKey(key), entry.time_ms) is here
        assert not home.index.contains("another", EntryKey(key), entry.time_ms)
    assert home.index.count() == len(expected)
    home.index.close()
    home.store.close()


@given(st.integers(-5, 2**45), st.integers(1, 2**30 - 1))
def test_each_entry_has_a_row_of_its_own_that_sqlite_can_hold(time_ms: int, key: int) -> None:
    address = address_of(time_ms, key)
    assert address_in(spare_of(address)) == address
    assert -(2**63) <= spare_of(address) < 0 <= slot_of(address) < 2**63
    assert slot_of(address) >> SLOT_BITS == min(max(time_ms, 0) // 1_000, MAX_SECOND)


def test_tidying_gives_back_what_merging_freed_and_changes_no_answer(home: Home) -> None:
    for _ in range(12):
        home.put([SECOND + len(home.held) + number for number in range(300)])
        home.index.catch_up()
    before = home.index.search("word", 5_000)
    steps = 0
    while home.index.tidy():
        steps += 1
        assert steps < 10_000
    with home.index._database.read() as connection:
        [free] = connection.execute("PRAGMA freelist_count").fetchone()
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert free * 64 <= pages
    assert home.index.search("word", 5_000) == before == home.hits()
