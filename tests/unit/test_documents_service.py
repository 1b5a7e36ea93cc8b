"""What the documents app answers: versions of several people, current ones, hidden ones, found ones."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest

from node.apps.documents import service as documents
from node.apps.documents.reading import Reader
from node.errors import Ambiguous, BadData, Conflict, Missing
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.people import Person, people
from node.words import PROBES_AT_MOST, Words
from store.entry import Entry
from store.ids import LOG_DOCS, EntryId, short, to_text

START = 1_000_000
UNTIL = START + 86_400_000
NAME = "programme"


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as fresh:
        yield fresh


def put(
    person: Person, follows: Sequence[Entry] = (), time_ms: int = START, name: str = NAME, text: str = "text"
) -> Entry:
    content = [33, name, f"title by {person.name}", "text/plain", text]
    return person.write(content, LOG_DOCS, [entry.id for entry in follows], time_ms)


def keep(home: Home, *entries: Entry) -> None:
    for entry in entries:
        home.shelf.append([[entry]], checked=True, durable=False)


def rows_of(home: Home, until: int = UNTIL, name: str = NAME) -> list[documents.Row]:
    with home.entries.views() as views:
        return documents.versions(views, name, until)


def heads_of(home: Home, until: int = UNTIL) -> set[EntryId]:
    return {row.id for row in documents.heads(rows_of(home, until))}


def follows_of(home: Home) -> dict[EntryId, list[EntryId]]:
    rows = rows_of(home)
    with home.entries.views() as views:
        found = documents.follows(views, NAME)
    return {row.id: found.get(row.key, []) for row in rows}


def listed(home: Home, until: int = UNTIL, limit: int = 1_000) -> list[documents.Listed]:
    with home.entries.views() as views:
        return documents.listed(views, until, limit, None)


def found(home: Home, words: str, until: int = UNTIL) -> list[str]:
    return documents.with_words(home.entries, Words(home.search(), words), until)


def test_versions_of_two_people_at_once_are_both_current_until_one_follows_both(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    first = put(alice)
    second, rival = put(alice, [first], START + 5), put(bob, [first], START + 9)
    keep(home, first, second, rival)
    assert [row.id for row in rows_of(home)] == [rival.id, second.id, first.id]
    assert heads_of(home) == {second.id, rival.id}
    [document] = listed(home)
    assert (document.name, document.versions) == (NAME, 3)
    assert [row.id for row in document.heads] == [rival.id, second.id]
    merged = put(alice, [second, rival], START + 20)
    keep(home, merged)
    assert heads_of(home) == {merged.id}
    assert follows_of(home) == {
        merged.id: sorted((second.id, rival.id)),
        second.id: [first.id],
        rival.id: [first.id],
        first.id: [],
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_version_may_come_before_the_one_that_it_follows(home: Home, order: Sequence[int]) -> None:
    authors = people(("alice", "bob", "carol"))
    first = put(authors[0])
    second = put(authors[1], [first])
    third = put(authors[2], [second])
    entries = (first, second, third)
    keep(home, entries[order[0]])
    assert heads_of(home) == {entries[order[0]].id}
    assert follows_of(home) == {entries[order[0]].id: []}
    keep(home, *(entries[place] for place in order[1:]))
    assert heads_of(home) == {third.id}
    assert follows_of(home) == {third.id: [second.id], second.id: [first.id], first.id: []}
    assert [row.id for row in rows_of(home)] == [third.id, second.id, first.id]


def test_a_version_from_the_future_takes_nothing_away(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    first = put(alice)
    future = put(bob, [first], UNTIL + 1, text="comet")
    after = put(alice, [future], START + 2)
    keep(home, first, future, after, put(bob, (), UNTIL + 9, name="later"))
    assert heads_of(home) == {first.id}
    assert [(each.name, each.versions, len(each.heads)) for each in listed(home)] == [(NAME, 1, 1)]
    assert documents.what_follows(rows_of(home), None, NAME) == rows_of(home)
    assert found(home, "comet") == []
    with pytest.raises(Missing):
        documents.pick(rows_of(home), to_text(future.id), NAME)
    assert heads_of(home, UNTIL + 1) == {future.id}
    assert heads_of(home, UNTIL + 2) == {after.id}


def test_versions_of_other_names_are_other_documents(home: Home) -> None:
    alice = Person("alice")
    first = put(alice)
    other = put(alice, [first], name="other")
    keep(home, first, other)
    assert heads_of(home) == {first.id}
    assert {each.name: len(each.heads) for each in listed(home)} == {NAME: 1, "other": 1}
    with home.entries.views() as views:
        assert documents.follows(views, "other") == {}


def test_documents_are_listed_by_their_last_change_and_no_more_than_asked(home: Home) -> None:
    alice = Person("alice")
    keep(home, *(put(alice, (), START + number * 7 % 10, name=f"name {number}") for number in range(10)))
    names = [f"name {number}" for number in sorted(range(10), key=lambda number: -(number * 7 % 10))]
    assert [each.name for each in listed(home)] == names
    assert [each.name for each in listed(home, limit=3)] == names[:3]
    assert listed(home, limit=0) == listed(home, limit=-1) == []
    assert len(listed(home, limit=10**9)) == 10


def test_a_list_takes_two_statements_however_long_it_is(home: Home) -> None:
    alice = Person("alice")
    keep(home, *(put(alice, (), START, name=f"name {number}") for number in range(40)))
    with home.entries.views() as views:
        asked: list[str] = []
        execute = views.execute

        class Counted:
            def execute(self, sql: str, params: Sequence[object] = ()) -> object:
                asked.append(sql)
                return execute(sql, params)

        assert len(documents.listed(Counted(), UNTIL, 1_000, None)) == 40  # type: ignore[arg-type]
    assert len(asked) == 2


def test_words_are_looked_for_in_what_is_current(home: Home) -> None:
    alice = Person("alice")
    first = put(alice, text="old bread")
    second = put(alice, [first], START + 1, text="new wine")
    keep(home, first, second, put(alice, name="bread", text="空港"), put(alice, name="empty", text=""))
    assert found(home, "bread") == ["bread"]
    assert found(home, "new wine") == [NAME]
    assert found(home, "空港") == ["bread"]
    assert found(home, "title") == ["bread", "empty", NAME]
    assert found(home, "nothing") == []


def test_words_that_many_messages_have_do_not_hide_a_document(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    keep(home, put(alice, text="bread"), put(alice, name="other", text="wine"))
    home.shelf.append(
        [[bob.post("bread", time_ms=START + 1 + number) for number in range(3_000)]],
        checked=True,
        durable=False,
    )
    assert PROBES_AT_MOST * 2 < 200
    assert found(home, "bread") == [NAME]


def test_a_version_is_picked_by_the_beginning_of_its_id(home: Home) -> None:
    alice = Person("alice")
    entries = [put(alice, (), START + number) for number in range(3)]
    keep(home, *entries)
    rows = rows_of(home)
    for entry in entries:
        for text in (to_text(entry.id), short(entry.id), f" {to_text(entry.id).upper()} "):
            assert documents.pick(rows, text, NAME).id == entry.id
    for wrong in ("", "abc", "a b c d", to_text(entries[0].id) + "a", "ünicode"):
        with pytest.raises(BadData):
            documents.pick(rows, wrong, NAME)
    twin = rows[0]._replace(id=EntryId(rows[0].id[:5] + bytes(27)))
    with pytest.raises(Ambiguous, match=short(twin.id)):
        documents.pick([*rows, twin], to_text(rows[0].id)[:6], NAME)


def test_what_a_version_follows_has_to_be_said_where_several_are_current(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    assert documents.what_follows([], None, NAME) == []
    entries = [put(alice), put(bob)]
    keep(home, *entries)
    rows = rows_of(home)
    with pytest.raises(Conflict, match=short(entries[0].id)):
        documents.what_follows(rows, None, NAME)
    with pytest.raises(Conflict):
        documents.what_follows(rows, [], NAME)
    chosen = [to_text(entry.id) for entry in entries]
    assert {row.id for row in documents.what_follows(rows, chosen, NAME)} == {entry.id for entry in entries}
    assert documents.what_follows(rows, [chosen[0], chosen[0][:9]], NAME)[0].id == entries[0].id
    assert len(documents.what_follows(rows, [chosen[0], chosen[0][:9]], NAME)) == 1


def test_a_text_that_went_is_told(home: Home) -> None:
    alice = Person("alice")
    entry = put(alice, text="text")
    keep(home, entry)
    [row] = rows_of(home)
    reader = Reader(home.entries, home.blobs)
    assert reader.text(row) == "text"
    home.shelf.drop_body(entry.id)
    assert rows_of(home) == []
    with pytest.raises(Missing):
        reader.text(row)
    with pytest.raises(Missing):
        reader.text(row._replace(id=EntryId(bytes(32))))
