"""A portrait of a home: the same for two homes that hold the same, in whatever order it came."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.ids import LOG_DOCS, LOG_FEED, EntryId, LogNo, NetworkId
from store.interface import KeyedRun
from store.log import LogId, fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.portrait import Portrait, portray, unheld
from store.sqlite.views import Schema, Views

NETWORK = NetworkId(b"n" * 32)
AUTHORS = (SigningKey(b"1" * 32), SigningKey(b"2" * 32))
TEXTS = Schema(
    "texts",
    1,
    (
        "CREATE TABLE texts_entries (at INT, k INT, note TEXT, PRIMARY KEY (at, k)) WITHOUT ROWID",
        "CREATE TABLE texts_authors (author BLOB, seq INT, PRIMARY KEY (author, seq)) WITHOUT ROWID",
    ),
)


def fold(views: Views, runs: Sequence[KeyedRun]) -> None:
    keyed = [item for run in runs for item in enumerate(run.entries, run.first_key)]
    held = [(entry.time_ms, key, None) for key, entry in keyed if entry.body is not None]
    views.insert_rows("texts_entries", ("at", "k", "note"), held)
    views.insert_rows("texts_authors", ("author", "seq"), [(entry.author, entry.seq) for _, entry in keyed])


def unfold(views: Views, runs: Sequence[KeyedRun]) -> None:
    for run in runs:
        for key, _ in enumerate(run.entries, run.first_key):
            views.execute("DELETE FROM texts_entries WHERE k = ?", (key,))


def chain(key: SigningKey, length: int, log: LogNo = LOG_FEED, text: str = "") -> list[Entry]:
    entries: list[Entry] = []
    back = b""
    for seq in range(1, length + 1):
        entries.append(sign(key, NETWORK, log, seq, back, make_body(b"s" * 16, [1, text]), 7 * seq % 5))
        back = entries[-1].id
    return entries


class Shelf:
    def __init__(self, path: Path) -> None:
        self.database = Database(path, b"k" * 32, create=True)
        self.store = SqliteEntryStore(self.database)
        self.store.prepare_views(fold, [TEXTS])

    def put(self, *runs: Sequence[Entry]) -> "Shelf":
        self.store.append(runs, checked=True, durable=False, fold=fold)
        return self

    def look(self) -> Portrait:
        return portray(self.database, [TEXTS])


@pytest.fixture
def shelves(tmp_path: Path):
    made = [Shelf(tmp_path / name) for name in ("one.db", "other.db")]
    yield made
    for shelf in made:
        shelf.store.close()


def test_the_order_of_arrival_does_not_show(shelves):
    one, other = shelves
    first, second = chain(AUTHORS[0], 5), chain(AUTHORS[1], 3, LOG_DOCS)
    one.put(first, second)
    other.put(second[:1]).put(first[:4]).put(second[1:], first[4:])
    assert one.look().views == other.look().views
    assert one.look().states == other.look().states
    assert one.look().views["texts"].rows == 16


def test_one_row_more_or_less_shows(shelves):
    one, other = shelves
    entries = chain(AUTHORS[0], 5)
    one.put(entries)
    other.put([*entries[:4], entries[4].without_body()])
    assert one.look().states == other.look().states
    assert one.look().views != other.look().views
    other.store.restore_body(entries[4].id, entries[4].body or b"", fold=lambda views, runs: None)
    assert one.look().views != other.look().views


def test_one_value_that_differs_shows(shelves):
    one, other = shelves
    for shelf in shelves:
        shelf.put(chain(AUTHORS[0], 2))
    with other.database.write() as connection:
        connection.execute("UPDATE texts_entries SET note = '' WHERE k = 1").fetchall()
    assert one.look().views["texts"].digest != other.look().views["texts"].digest


def test_rows_that_change_places_do_show(shelves):
    one, other = shelves
    for shelf in shelves:
        shelf.put(chain(AUTHORS[0], 2))
    with other.database.write() as connection:
        connection.execute("UPDATE texts_entries SET k = 3 - k").fetchall()
    assert one.look().views["texts"].digest != other.look().views["texts"].digest


def test_a_row_without_its_entry_is_a_stray(shelves):
    one, _ = shelves
    one.put(chain(AUTHORS[0], 2))
    assert one.look().views["texts"].strays == 0
    with one.database.write() as connection:
        connection.execute("INSERT INTO texts_entries VALUES (1, 99, NULL)").fetchall()
    assert one.look().views["texts"].strays == 1


def test_it_is_of_one_moment(shelves):
    one, _ = shelves
    entries = chain(AUTHORS[0], 3)
    one.put(entries[:2])
    before = one.look()
    one.put(entries[2:])
    fork = sign(AUTHORS[0], NETWORK, LOG_FEED, 3, entries[1].id, make_body(b"s" * 16, [1, "other"]), 9)
    one.store.end_log(fork_proof(entries[2], fork, NETWORK), unfold=unfold)
    after = one.look()
    log_id = LogId(entries[0].author, LOG_FEED)
    assert (before.last_key, after.last_key) == (2, 3)
    assert (before.last_change, after.last_change) == (0, 1)
    assert before.states[log_id].evidence is None
    assert after.states[log_id].evidence is not None


def test_of_an_app_without_tables_the_view_is_empty(shelves):
    one, _ = shelves
    assert portray(one.database, [Schema("absent", 1, ())]).views["absent"].rows == 0


def test_progress_is_told(shelves):
    one, _ = shelves
    told: list[int] = []
    for at in range(3):
        one.put(chain(SigningKey(bytes([50 + at]) * 32), 2_500))
    portray(one.database, [TEXTS], told.append)
    assert told == [10_000]


def test_what_is_not_held_is_found_by_its_id(shelves):
    one, _ = shelves
    held, other = chain(AUTHORS[0], 3), chain(AUTHORS[1], 2)
    one.put(held[:2])
    one.store.drop_body(held[0].id)
    ids = [entry.id for entry in (*held, *other)]
    assert unheld(one.database, ids) == [held[2].id, other[0].id, other[1].id]
    near = EntryId(held[0].id[:4] + bytes(28))
    assert unheld(one.database, [near]) == [near]
