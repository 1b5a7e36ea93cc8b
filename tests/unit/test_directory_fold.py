"""The view of profiles: the same for every order of arrival, and without a trace of what goes."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps import blob_references
from node.apps.directory import service as directory
from node.apps.directory.bodies import ABOUT, KIND, KIND_SECTION, PICTURE, Field
from node.apps.directory.service import Said
from node.apps.registry import SCHEMAS, Projection
from node.shelf import Folding, Shelf
from node.testing.people import NETWORK, Person, people
from store.entry import Entry
from store.ids import LOG_PROFILE, EntryId
from store.log import fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Row

TABLES = ("directory_names", "directory_fields", "directory_sections")
SECTION = bytes(range(32))
BLOB = bytes([7] * 32)


def make_shelf(folder: Path) -> Shelf:
    entries = SqliteEntryStore(Database(folder / "log.db", bytes(32), create=True))
    projection = Projection(entries)
    shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
    shelf.prepare()
    return shelf


@pytest.fixture
def shelf(tmp_path: Path):
    made = make_shelf(tmp_path)
    yield made
    made.entries.close()


def tables(shelf: Shelf) -> list[list[Row]]:
    with shelf.entries.views() as views:
        return [views.execute(f"SELECT * FROM {table} ORDER BY author, seq") for table in TABLES]


def about(text: str) -> list[object]:
    return [ABOUT, "en", text, True]


def say(person: Person, chance: random.Random, earlier: Sequence[EntryId]) -> Entry:
    """Some profile, of a member with fields or without, of a section, or nothing that is understood."""
    content = chance.choice(
        (
            [KIND, person.name],
            [KIND, person.name, [about(str(chance.random()))]],
            [KIND_SECTION, SECTION, [about(str(chance.random()))]],
            [KIND_SECTION, b"short", []],
            [99, "?"],
        )
    )
    links = chance.sample(list(earlier), k=min(len(earlier), chance.choice((0, 0, 2))))
    return person.write(content, LOG_PROFILE, links)


def arrive(shelf: Shelf, logs: Sequence[Sequence[Entry]], chance: random.Random) -> None:
    left = [list(log) for log in logs if log]
    while left:
        log = chance.choice(left)
        count = chance.randint(1, len(log))
        shelf.append([log[:count]], checked=True, durable=False)
        del log[:count]
        left = [each for each in left if each]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_view_is_the_same_for_every_order_of_arrival(tmp_path_factory, seed: int) -> None:
    chance = random.Random(seed)
    logs: list[list[Entry]] = []
    for person in people():
        ids = [entry.id for log in logs for entry in log]
        logs.append([say(person, chance, ids) for _ in range(chance.randint(0, 4))])
    views = []
    for _ in range(2):
        shelf = make_shelf(tmp_path_factory.mktemp("shelf"))
        arrive(shelf, logs, chance)
        views.append(tables(shelf))
        shelf.entries.close()
    assert views[0] == views[1]
    assert len(views[0][0]) == sum(1 for log in logs for entry in log if is_of_a_member(entry))


def is_of_a_member(entry: Entry) -> bool:
    return entry.body is not None and entry.body[16 + 1 : 16 + 2] == bytes([KIND])


def test_what_is_cut_off_leaves_no_trace(shelf: Shelf) -> None:
    alice = Person("alice")
    first = alice.write([KIND, "Alice", [about("first")]], LOG_PROFILE)
    shelf.append([[first]], checked=True, durable=False)
    before = tables(shelf)
    later = [
        alice.write([KIND, "Alice", [about("second"), [PICTURE, "9", BLOB, True]]], LOG_PROFILE),
        alice.write([KIND_SECTION, SECTION, [about("third")]], LOG_PROFILE),
    ]
    shelf.append([later], checked=True, durable=False)
    with shelf.entries.views() as views:
        assert [each.size for each in blob_references.references_to(views, BLOB)] == [9]
    other = alice.sign_at(2, first.id, [KIND, "Mallory"], LOG_PROFILE)
    shelf.end_log(fork_proof(later[0], other, NETWORK))
    assert tables(shelf) == before
    with shelf.entries.views() as views:
        assert not blob_references.is_referenced(views, BLOB)


def test_a_profile_without_a_body_is_gone_and_comes_back_with_it(shelf: Shelf) -> None:
    entry = Person("alice").write([KIND, "Alice", [about("text")]], LOG_PROFILE)
    shelf.append([[entry]], checked=True, durable=False)
    before = tables(shelf)
    shelf.drop_body(entry.id)
    assert tables(shelf) == [[], [], []]
    shelf.restore_body(entry.id, entry.body or b"")
    assert tables(shelf) == before


def test_who_says_only_his_name_says_nothing_about_fields(shelf: Shelf) -> None:
    alice = Person("alice")
    with_fields = alice.write([KIND, "Alice", [about("text")]], LOG_PROFILE)
    name_alone = alice.write([KIND, "Alicia"], LOG_PROFILE)
    shelf.append([[with_fields, name_alone]], checked=True, durable=False)
    with shelf.entries.views() as views:
        [said] = directory.sayings(views)
        assert said == Said(alice.id, 1, with_fields.time_ms)
        assert directory.fields_at(views, [said]) == {said: (Field(*about("text")),)}
        assert directory.names(views) == {alice.id: "Alicia"}
        assert directory.fields_at(views, [Said(alice.id, 9, 0)]) == {}


def test_of_a_section_only_what_these_devices_say_is_given(shelf: Shelf) -> None:
    alice, bob = Person("alice"), Person("bob")
    for person in (alice, bob):
        entry = person.write([KIND_SECTION, SECTION, [about(person.name)]], LOG_PROFILE)
        shelf.append([[entry]], checked=True, durable=False)
    with shelf.entries.views() as views:
        assert directory.count_of_sections(views) == 2
        [said] = directory.said_of_section(views, SECTION, [bob.id])
        assert [field.value for field in said.fields] == ["bob"]
        assert directory.said_of_section(views, SECTION, []) == []
