"""Scrubbing: every flipped bit is found, nothing sound is blamed, and what is broken can be mended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import Damaged, Forked, NotFound
from store.ids import LOG_FEED, NetworkId
from store.log import Head, LogId, fork_proof
from store.sqlite import id_index
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.scrub import BODY, HEADER, Flaw, mend, scrub

NETWORK = NetworkId(b"n" * 32)
STORE_KEY = b"k" * 32
AUTHORS = [SigningKey(b"1" * 32), SigningKey(b"2" * 32)]
ALL_BYTES = 2**40


def chain(author: SigningKey, length: int) -> list[Entry]:
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        back = entries[-1].id if entries else b""
        body = make_body(b"s" * 16, [1, f"text {seq}"])
        entries.append(sign(author, NETWORK, LOG_FEED, seq, back, body, seq))
    return entries


ENTRIES = chain(AUTHORS[0], 9)
OTHERS = chain(AUTHORS[1], 4)
LOG = LogId(AUTHORS[0].author, LOG_FEED)


class Home:
    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "home.db", STORE_KEY, create=True)
        self.store = SqliteEntryStore(self.database)
        for runs in ([ENTRIES[:3]], [OTHERS], [ENTRIES[3:4]], [ENTRIES[4:]]):
            self.store.append(runs, checked=True, durable=False)

    def flip(self, entry: Entry, column: str, bit: int) -> None:
        """Flip a bit of what is stored, behind the store's back."""
        key = self.store.key_of(entry.id)
        with self.database.write() as connection:
            [(value,)] = connection.execute(f"SELECT {column} FROM entries WHERE k = ?", (key,)).fetchall()
            assert isinstance(value, bytes)
            data = bytearray(value)
            data[bit // 8] ^= 1 << bit % 8
            connection.execute(f"UPDATE entries SET {column} = ? WHERE k = ?", (bytes(data), key)).fetchall()

    def scrub(self, step: int = 4) -> list[Flaw]:
        flaws: list[Flaw] = []
        arrival, entries = 0, 0
        while (seen := scrub(self.database, arrival, step)).last_arrival != arrival:
            arrival, entries, flaws = seen.last_arrival, entries + seen.entries, flaws + seen.flaws
        assert entries == 13
        return flaws


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("scrubbed"))
    yield home
    home.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    fresh = Home(tmp_path)
    yield fresh
    fresh.store.close()


@pytest.mark.parametrize("step", [1, 4, 100])
def test_a_sound_home_has_no_flaws(shared: Home, step: int) -> None:
    assert shared.scrub(step) == []


def test_absent_bodies_are_no_flaws(home: Home) -> None:
    home.store.drop_body(ENTRIES[4].id)
    assert home.scrub() == []


@settings(max_examples=60, deadline=None)
@given(entry=st.sampled_from(ENTRIES), column=st.sampled_from(["head", "body"]), data=st.data())
def test_any_flipped_bit_is_found(shared: Home, entry: Entry, column: str, data: st.DataObject) -> None:
    bits = 8 * (len(entry.header) + 64 if column == "head" else len(entry.body or b""))
    bit = data.draw(st.integers(0, bits - 1))
    shared.flip(entry, column, bit)
    try:
        assert shared.scrub() == [Flaw(LOG, entry.seq, HEADER if column == "head" else BODY)]
    finally:
        mend(shared.database, entry)
    assert shared.scrub() == []


def test_a_damaged_body_counts_as_absent_and_can_be_put_back(home: Home) -> None:
    home.flip(ENTRIES[2], "body", 20 * 8)
    assert home.store.entry(ENTRIES[2].id) == ENTRIES[2].without_body()
    assert home.store.range(LOG, 3, 3, ALL_BYTES) == [ENTRIES[2].without_body()]
    home.store.restore_body(ENTRIES[2].id, ENTRIES[2].body or b"")
    assert home.scrub() == []
    assert home.store.range(LOG, 1, 9, ALL_BYTES) == ENTRIES


def test_a_damaged_header_is_not_handed_out(home: Home) -> None:
    home.flip(ENTRIES[2], "head", 0)
    with pytest.raises(Damaged):
        home.store.range(LOG, 1, 9, ALL_BYTES)
    home.store._recent.clear()
    batch = home.store.after_key(0, 100)
    assert [entry.seq for run in batch.runs for entry in run.entries] == [1, 2, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]
    assert home.store.at_keys([3]) == [None]


def test_a_log_can_be_ended_across_a_damaged_entry(home: Home) -> None:
    home.flip(ENTRIES[5], "head", 0)
    other = sign(AUTHORS[0], NETWORK, LOG_FEED, 5, ENTRIES[3].id, make_body(b"s" * 16, [1, "other"]), 5)
    home.store.end_log(fork_proof(ENTRIES[4], other, NETWORK))
    state = home.store.state(LOG)
    assert state is not None
    assert state.head == Head(4, ENTRIES[3].id)
    assert home.store.range(LOG, 1, 9, ALL_BYTES) == ENTRIES[:4]
    assert scrub(home.database, 0, 100).flaws == []
    with home.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchall() == [(8,)]


def test_a_row_that_vanished_is_found_and_mended(home: Home) -> None:
    key = home.store.key_of(ENTRIES[5].id)
    with home.database.write() as connection:
        connection.execute("DELETE FROM entries WHERE k = ?", (key,)).fetchall()
    assert home.scrub() == [Flaw(LOG, 6, HEADER)]
    mend(home.database, ENTRIES[5])
    assert home.scrub() == []
    assert home.store.entry(ENTRIES[5].id) == ENTRIES[5]


def test_an_entry_that_lies_in_the_place_of_another_is_found(home: Home) -> None:
    key, other = (home.store.key_of(entry.id) for entry in (ENTRIES[5], OTHERS[1]))
    with home.database.write() as connection:
        connection.execute(
            "UPDATE entries SET (head, body) = (SELECT head, body FROM entries WHERE k = ?) WHERE k = ?",
            (other, key),
        ).fetchall()
    assert home.scrub() == [Flaw(LOG, 6, HEADER)]


def test_an_entry_that_breaks_the_chain_is_found_though_the_index_knows_it(home: Home) -> None:
    key = home.store.key_of(ENTRIES[5].id)
    other = sign(AUTHORS[0], NETWORK, LOG_FEED, 6, ENTRIES[4].id, make_body(b"s" * 16, [1, "other"]), 6)
    with home.database.write() as connection:
        connection.execute(
            "UPDATE entries SET head = ?, body = ? WHERE k = ?",
            (other.header + other.signature, other.body, key),
        ).fetchall()
        id_index.add(connection, [id_index.place(other.id, key)])
    assert home.scrub() == [Flaw(LOG, 7, HEADER)]


def test_only_the_entry_that_was_there_mends(home: Home) -> None:
    home.flip(ENTRIES[8], "head", 300)
    home.flip(ENTRIES[3], "head", 300)
    mend(home.database, ENTRIES[8])
    mend(home.database, ENTRIES[3])
    assert home.scrub() == []
    other = sign(AUTHORS[0], NETWORK, LOG_FEED, 4, ENTRIES[2].id, make_body(b"s" * 16, [1, "other"]), 4)
    with pytest.raises(Forked):
        mend(home.database, other)
    with pytest.raises(NotFound):
        mend(home.database, chain(AUTHORS[0], 10)[9])
    with pytest.raises(NotFound):
        mend(home.database, chain(SigningKey(b"3" * 32), 1)[0])


def test_an_entry_whose_successor_is_damaged_too_waits_for_it(home: Home) -> None:
    home.flip(ENTRIES[3], "head", 0)
    home.flip(ENTRIES[4], "head", 0)
    with pytest.raises(Forked):
        mend(home.database, ENTRIES[3])
    mend(home.database, ENTRIES[4])
    mend(home.database, ENTRIES[3])
    assert home.scrub() == []
