"""Steps of the search index: by several threads, refused by the disk, broken, or of a damaged home."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import Damaged, StorageFull
from store.ids import LOG_FEED, NetworkId
from store.sqlite import search_steps
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.rows import Batch
from store.sqlite.search import SearchIndex

STORE_KEY = b"k" * 32


class Home:
    """A store in which every text is the same word, and its index."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteEntryStore(Database(folder / "home.db", STORE_KEY, create=True))
        self.index = SearchIndex(folder / "search.db", STORE_KEY, self.store, lambda entry: "word")
        self.last: Entry | None = None

    def put(self, number: int) -> None:
        author = SigningKey(b"1" * 32)
        entries: list[Entry] = []
        for _ in range(number):
            seq, back = (self.last.seq + 1, self.last.id) if self.last else (1, b"")
            body = make_body(b"s" * 16, [1])
            self.last = sign(author, NetworkId(b"n" * 32), LOG_FEED, seq, back, body, seq * 1_000)
            entries.append(self.last)
        self.store.append([entries], checked=True, durable=False)

    def found(self) -> list[int]:
        return [hit.key for hit in self.index.search("word", 1_000)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path)
    yield opened
    opened.index.close()
    opened.store.close()


def in_threads(count: int, work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result()


def test_several_threads_index_in_turns(home: Home) -> None:
    home.put(150)

    def follow() -> None:
        while home.index.index_some(7):
            pass

    in_threads(3, follow)
    assert home.index.behind() == 0
    assert home.found() == list(range(150, 0, -1))
    home.put(50)
    in_threads(3, home.index.catch_up)
    assert home.found() == list(range(200, 0, -1))


def test_a_step_that_could_not_be_written_is_made_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.put(100)
    calls = count(1)
    insert = search_steps._insert

    def insert_if_there_is_room(connection: Any, rows: Any) -> None:
        if next(calls) % 4 == 0:
            raise StorageFull("no more")
        insert(connection, rows)

    monkeypatch.setattr(search_steps, "_insert", insert_if_there_is_room)
    refused: list[StorageFull] = []

    def follow() -> None:
        while True:
            try:
                if not home.index.index_some(5):
                    return
            except StorageFull as error:
                refused.append(error)

    in_threads(3, follow)
    assert refused
    monkeypatch.undo()
    assert home.found() == list(range(100, 0, -1))


def test_an_index_that_breaks_while_it_is_filled_is_made_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put(100)
    calls = count(1)
    insert = search_steps._insert

    def insert_until_it_breaks(connection: Any, rows: Any) -> None:
        if next(calls) in (9, 20):
            raise apsw.CorruptError("broken")
        insert(connection, rows)

    monkeypatch.setattr(search_steps, "_insert", insert_until_it_breaks)

    def follow() -> None:
        while home.index.index_some(5):
            pass

    in_threads(2, follow)
    assert next(calls) > 25
    assert home.found() == list(range(100, 0, -1))


def test_a_damaged_home_is_reported_and_not_blamed_on_the_index(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put(1)
    home.index.catch_up()
    home.put(1)

    def after_key(key: int, limit: int) -> Batch:
        raise Damaged("a page of the home")

    monkeypatch.setattr(home.store, "after_key", after_key)
    with pytest.raises(Damaged):
        home.index.index_some()
    assert home.index.behind() == 1
