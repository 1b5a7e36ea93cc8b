"""The search index: many scripts, newest first, and following the home through whatever happens."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.crypto import SigningKey
from store.entry import Entry, content_of, make_body, sign
from store.errors import TooLarge
from store.ids import LOG_FEED, NetworkId
from store.interface import EntryKey
from store.log import fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search import Hit, SearchIndex

NETWORK = NetworkId(b"n" * 32)
KEY = SigningKey(b"1" * 32)
OTHER = SigningKey(b"2" * 32)
STORE_KEY = b"k" * 32
SECOND = 1_790_000_000


def text_of(entry: Entry) -> str | None:
    if entry.body is None:
        return None
    text = content_of(entry.body)[1]
    return text if isinstance(text, str) else None


def posts(
    texts: list[str], key: SigningKey = KEY, after: Entry | None = None, times: list[int] | None = None
) -> list[Entry]:
    entries: list[Entry] = []
    for number, text in enumerate(texts):
        seq, back = (after.seq + 1, after.id) if after else (1, b"")
        second = times[number] if times else SECOND + seq
        after = sign(key, NETWORK, LOG_FEED, seq, back, make_body(b"s" * 16, [1, text]), second * 1_000)
        entries.append(after)
    return entries


class Home:
    """A store and its index, which can be closed and opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.store = SqliteEntryStore(Database(self.folder / "home.db", STORE_KEY, create=True))
        self.index = SearchIndex(self.folder / "search.db", STORE_KEY, self.store, text_of)

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def put(self, *runs: list[Entry]) -> None:
        self.store.append(runs, checked=True, durable=False)

    def texts(self, query: str, limit: int = 100) -> list[str | None]:
        hits = self.index.search(query, limit)
        return [text_of(entry) for entry in self.store.at_keys([hit.key for hit in hits]) if entry]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path)
    yield opened
    opened.close()


MANY = {
    "Die Straße nach Überlingen": ["strasse", "STRASSE", "uberlingen", "Überlingen"],
    "Ёлка стоит в лесу": ["елка", "ЁЛКА", "лесу"],
    "会议纪要已经发布": ["会议", "纪要", "发布"],
    "大会の議事録はガイドにあります": ["議事録", "ガイド"],
    "회의록을 발표했습니다": ["회의록", "발표"],
    "الاجتماعُ الأوّل في المكتبة": ["الاجتماع", "الاول", "المكتبه"],
    "ประชุมใหญ่วันนี้": ["ประชุม", "วันนี"],
    "हिन्दी में बैठक": ["हिन्दी", "बैठक"],
    "ชุมชน": ["ชุมชน"],
    "ភាសាខ្មែរ": ["ភាសា"],
    "မြန်မာစာ": ["မြန်မာ"],
    "שָׁלוֹם חברים": ["שלום"],
    "Łódź i Đà Nẵng": ["lodz", "da nang"],
    "full width \uff21\uff22\uff23 and ﬁne": ["abc", "fine"],
}


@pytest.mark.parametrize(("text", "queries"), MANY.items())
def test_words_are_found_in_many_scripts(home: Home, text: str, queries: list[str]) -> None:
    home.put(posts(list(MANY)))
    for query in queries:
        assert text in home.texts(query), query


def test_kana_with_and_without_voicing_are_different_letters(home: Home) -> None:
    home.put(posts(["ガイド", "カイト"]))
    assert home.texts("ガイド") == ["ガイド"]


def test_all_words_must_occur_and_quoted_ones_as_a_phrase(home: Home) -> None:
    home.put(posts(["bread and roses", "roses and bread", "bread", "bread, roses"]))
    assert home.texts("roses bread") == ["bread, roses", "roses and bread", "bread and roses"]
    assert home.texts('"and roses"') == ["bread and roses"]
    assert home.texts("“bread roses”") == ["bread, roses"]
    assert home.texts('bread "and bread') == ["roses and bread"]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '""',
        "*",
        "a* OR NOT",
        "text : x",
        "NEAR(a b)",
        "^a",
        "a + b",
        "-a",
        "(",
        "{text}: a",
        "\0",
        "\udc80",
    ],
)
def test_no_query_is_an_error(home: Home, query: str) -> None:
    home.put(posts(["something"]))
    assert home.texts(query) == []


def test_what_looks_like_syntax_is_text(home: Home) -> None:
    home.put(posts(["to be or not to be", "near far"]))
    assert home.texts("or NOT") == ["to be or not to be"]
    assert home.texts("NEAR") == ["near far"]


def test_a_text_is_searched_beyond_a_zero_character(home: Home) -> None:
    home.put(posts(["before\0after"]))
    assert home.texts("after") == ["before\0after"]


def test_a_query_has_a_bounded_length(home: Home) -> None:
    with pytest.raises(TooLarge):
        home.index.search("x" * 1_001, 1)
    with pytest.raises(TooLarge):
        home.index.search("x " * 33, 1)


def test_hits_come_newest_first_by_claimed_time_whatever_the_order_of_arrival(home: Home) -> None:
    home.put(
        posts([f"word early {number}" for number in range(5)], times=[SECOND + 10 * n for n in range(5)])
    )
    home.put(
        posts([f"word between {n}" for n in range(5)], OTHER, times=[SECOND + 5 + 10 * n for n in range(5)])
    )
    assert home.texts("word", 4) == ["word between 4", "word early 4", "word between 3", "word early 3"]
    hits = home.index.search("word", 100)
    assert [hit.second for hit in hits] == [SECOND + 5 * number for number in range(9, -1, -1)]


def test_hits_of_one_second_come_in_the_reverse_order_of_arrival(home: Home) -> None:
    home.put(posts(["word 1", "word 2", "word 3"], times=[SECOND] * 3))
    assert home.index.search("word", 2) == [Hit(SECOND, EntryKey(3)), Hit(SECOND, EntryKey(2))]


def test_hits_can_be_bounded_by_time_and_read_in_pages(home: Home) -> None:
    home.put(posts([f"word {number}" for number in range(10)], times=[SECOND + n for n in range(10)]))
    bounded = home.index.search(
        "word", 100, since_ms=(SECOND + 2) * 1_000, until_ms=(SECOND + 5) * 1_000 + 999
    )
    assert [hit.second - SECOND for hit in bounded] == [5, 4, 3, 2]
    pages: list[Hit] = []
    while page := home.index.search("word", 3, before=pages[-1] if pages else None):
        pages += page
    assert pages == home.index.search("word", 100)
    assert home.index.search("word", 0) == []


def test_times_beyond_the_range_of_the_index_are_kept_apart(home: Home) -> None:
    home.put(posts(["word a", "word b", "word c"], times=[0, 2**33 - 1, 2**43]))
    assert home.texts("word") == ["word c", "word b", "word a"]


def test_the_index_follows_in_steps_of_any_size(home: Home) -> None:
    entries = posts([f"word {number}" for number in range(23)])
    home.put(entries[:10])
    home.put(entries[10:])
    assert home.index.behind() == 23
    while home.index.index_some(4):
        pass
    assert home.index.behind() == 0
    assert len(home.texts("word")) == 23


def test_the_index_goes_on_where_it_was_when_opened_again(home: Home) -> None:
    entries = posts([f"word {number}" for number in range(9)])
    home.put(entries[:5])
    assert len(home.texts("word")) == 5
    home.close()
    home.open()
    assert home.index.behind() == 0
    home.put(entries[5:])
    assert home.index.behind() == 4
    assert len(home.texts("word")) == 9


def test_what_has_no_text_is_not_found(home: Home) -> None:
    entries = posts(["word 1", "word 2", "", "word 4"])
    home.put([entries[0], entries[1].without_body(), *entries[2:]])
    assert home.texts("word") == ["word 4", "word 1"]


@pytest.mark.parametrize("indexed", [True, False])
def test_a_dropped_body_is_not_found_and_a_restored_one_is(home: Home, indexed: bool) -> None:
    entries = posts(["word 1", "word 2", "word 3"])
    home.put(entries)
    if indexed:
        home.index.catch_up()
    home.store.drop_body(entries[1].id)
    assert [hit.key for hit in home.index.search("word", 9)] == [3, 1]
    home.store.restore_body(entries[1].id, entries[1].body or b"")
    assert [hit.key for hit in home.index.search("word", 9)] == [3, 2, 1]


@pytest.mark.parametrize("indexed", [True, False])
def test_entries_that_a_fork_removed_are_not_found(home: Home, indexed: bool) -> None:
    entries = posts(["word 1", "word 2", "word 3"])
    home.put(entries)
    if indexed:
        home.index.catch_up()
    home.store.end_log(fork_proof(entries[1], posts(["other"], after=entries[0])[0], NETWORK))
    home.put(posts(["word 4"], OTHER))
    assert [hit.key for hit in home.index.search("word", 9)] == [4, 1]


def spoil(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 2))


def test_a_missing_index_is_made_anew(home: Home) -> None:
    home.put(posts(["word 1"]))
    home.index.catch_up()
    home.close()
    (home.folder / "search.db").unlink()
    home.open()
    assert home.texts("word") == ["word 1"]


@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_a_file_that_is_no_index_is_replaced(home: Home, size: int) -> None:
    home.put(posts(["word 1"]))
    home.close()
    (home.folder / "search.db").write_bytes(os.urandom(size))
    home.open()
    assert home.texts("word") == ["word 1"]


def test_a_damaged_index_is_made_anew_when_it_is_opened_or_used(home: Home) -> None:
    entries = posts([f"word {number} {os.urandom(200).hex()}" for number in range(400)])
    home.put(entries)
    home.index.catch_up()
    home.close()
    spoil(home.folder / "search.db")
    home.open()
    assert len(home.texts("word", 1_000)) == 400


def test_an_index_of_another_version_is_made_anew(home: Home) -> None:
    home.put(posts(["word 1"]))
    home.index.catch_up()
    home.close()
    path = home.folder / "search.db"
    with Database(path, home.index._key, exclusive=False) as database, database.write() as connection:
        connection.execute("DELETE FROM words").fetchall()
        connection.execute("PRAGMA user_version = 1").fetchall()
    home.open()
    assert home.texts("word") == ["word 1"]


def test_an_index_that_followed_another_home_is_made_anew(home: Home, tmp_path: Path) -> None:
    home.put(posts(["word 1", "word 2"]))
    home.index.catch_up()
    home.close()
    (tmp_path / "home.db").unlink()
    home.open()
    assert home.texts("word") == []
    home.put(posts(["word a", "word b"], OTHER))
    home.index.catch_up()
    home.close()
    (tmp_path / "home.db").unlink()
    store = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    store.append([posts(["x", "word y", "word z"])], checked=True, durable=False)
    store.close()
    home.open()
    assert home.texts("word") == ["word z", "word y"]


def test_two_indexes_that_follow_one_home_do_not_double_anything(home: Home) -> None:
    second = SearchIndex(home.folder / "search.db", STORE_KEY, home.store, text_of)
    home.put(posts([f"word {number}" for number in range(20)]))
    while home.index.index_some(3) or second.index_some(4):
        pass
    assert len(second.search("word", 100)) == 20
    second.close()


def test_of_two_indexes_the_one_that_comes_second_writes_nothing(home: Home) -> None:
    def text_after_the_other_was_here(entry: Entry) -> str | None:
        home.index.catch_up()
        return text_of(entry)

    second = SearchIndex(home.folder / "search.db", STORE_KEY, home.store, text_after_the_other_was_here)
    home.put(posts(["word 1", "word 2"]))
    second.catch_up()
    assert [hit.key for hit in second.search("word", 100)] == [2, 1]
    second.close()


def test_tidying_ends_and_changes_no_answer(home: Home) -> None:
    entries = posts([f"word {number}" for number in range(60)])
    home.put(entries)
    while home.index.index_some(2):
        pass
    before = home.index.search("word", 100)
    steps = 0
    while home.index.tidy():
        steps += 1
        assert steps < 1_000
    assert home.index.search("word", 100) == before


def test_what_is_indexed_can_be_counted_up_to_a_key(home: Home) -> None:
    entries = posts(["one", "", "three", "four"], times=[SECOND + 3, SECOND + 2, SECOND + 1, SECOND])
    home.put(entries[:3])
    home.index.catch_up()
    assert home.index.count() == 2
    home.put(entries[3:])
    home.index.catch_up()
    assert [home.index.count(last_key) for last_key in (0, 1, 3, 4)] == [0, 1, 2, 3]
    fork = posts(["other"], after=entries[1])
    home.store.end_log(fork_proof(entries[2], fork[0], NETWORK))
    home.index.catch_up()
    assert home.index.count() == 1
