"""The view of files: the same for every order of arrival, and what it answers."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps import blob_references
from node.apps.files import service
from node.apps.files.bodies import FOLDER_MEDIA_TYPE
from node.apps.files.service import Wanted
from node.apps.registry import SCHEMAS, Projection
from node.errors import Ambiguous, Missing
from node.shelf import Folding, Shelf
from node.testing.people import people
from store.entry import Entry
from store.ids import LOG_FILES, EntryId, to_text
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore

START = 1_000_000
LATER = 2**50


@contextmanager
def open_shelf() -> Iterator[Shelf]:
    with TemporaryDirectory() as folder, Database(Path(folder, "log.db"), bytes(32), create=True) as database:
        entries = SqliteEntryStore(database)
        projection = Projection(entries)
        shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        shelf.prepare()
        yield shelf


def put(shelf: Shelf, *entries: Entry) -> None:
    for entry in entries:
        shelf.append([[entry]], checked=True, durable=False)


def content(
    name: str, blob: bytes = b"b" * 32, *, folder: bool = False, tags: Sequence[str] = ()
) -> list[object]:
    media_type = FOLDER_MEDIA_TYPE if folder else "text/plain"
    return [48, name, media_type, 7, blob, folder, "", "en", tuple(tags), False]


def rows(shelf: Shelf) -> tuple[set[object], ...]:
    """All that the view holds, by ids instead of keys."""
    with shelf.entries.views() as views:
        ids = dict(views.execute("SELECT k, id FROM files_shared"))
        shared = {row[1:] for row in views.execute("SELECT * FROM files_shared")}
        tags = {(tag, at, ids[k]) for tag, at, k in views.execute("SELECT tag, at, k FROM files_tags")}
        replaced = {(old, ids[k]) for old, k in views.execute("SELECT id, k FROM files_replaced")}
        blobs = {(row.blob, row.last_key > 0) for row in blob_references.listed(views, b"", 1_000)}
    return shared, tags, replaced, blobs


def write_files(chance: random.Random, count: int) -> list[Entry]:
    written: list[Entry] = []
    authors = people()
    for _ in range(count):
        blob = bytes([chance.randrange(3)]) * 32
        said = content(chance.choice("ab"), blob, folder=chance.random() < 0.3, tags=chance.sample("xyz", 2))
        if chance.random() < 0.2:
            said = [48, "../broken", *said[2:]]
        links = [entry.id for entry in chance.sample(written, k=min(len(written), chance.choice((0, 0, 1))))]
        time_ms = START + chance.randrange(20)
        written.append(chance.choice(authors).write(said, LOG_FILES, links, time_ms))
    return written


def append(shelf: Shelf, entries: Sequence[Entry], chance: random.Random) -> None:
    logs: dict[bytes, list[Entry]] = {}
    for entry in entries:
        logs.setdefault(entry.author, []).append(entry)
    while logs:
        author = chance.choice(sorted(logs))
        count = chance.randint(1, len(logs[author]))
        shelf.append([logs[author][:count]], checked=True, durable=False)
        logs[author] = logs[author][count:]
        if not logs[author]:
            del logs[author]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_every_order_of_arrival_gives_the_same_view(seed: int):
    chance = random.Random(seed)
    written = write_files(chance, 12)
    views = []
    for _ in range(2):
        with open_shelf() as shelf:
            append(shelf, written, chance)
            views.append(rows(shelf))
    assert views[0] == views[1]
    assert len(views[0][0]) == sum(
        entry.body is not None and b"../broken" not in entry.body for entry in written
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_body_that_goes_leaves_the_view_as_if_it_had_not_come(seed: int):
    chance = random.Random(seed)
    written = write_files(chance, 8)
    gone = chance.choice(written)
    with open_shelf() as shelf:
        append(shelf, written, chance)
        shelf.drop_body(gone.id)
        without = rows(shelf)
        assert gone.body is not None
        shelf.restore_body(gone.id, gone.body)
        whole = rows(shelf)
    with open_shelf() as shelf:
        append(shelf, [entry.without_body() if entry is gone else entry for entry in written], chance)
        assert rows(shelf) == without
    with open_shelf() as shelf:
        append(shelf, written, chance)
        assert rows(shelf) == whole


def test_lists_begin_with_the_newest_and_go_on_behind_a_place():
    alice, bob, *_ = people()
    with open_shelf() as shelf:
        entries = [
            alice.write(content("one", b"1" * 32, tags=["x"]), LOG_FILES, [], START),
            alice.write(content("two", b"2" * 32, folder=True), LOG_FILES, [], START + 2),
            bob.write(content("three", b"3" * 32, tags=["x", "y"]), LOG_FILES, [], START + 1),
        ]
        put(shelf, *entries)
        everything = Wanted(10, LATER)
        with shelf.entries.views() as views:

            def names(wanted: Wanted) -> list[str]:
                return [shared.file.name for shared in service.listed(views, wanted)]

            assert names(everything) == ["two", "three", "one"]
            assert names(everything._replace(limit=2)) == ["two", "three"]
            second = service.listed(views, everything)[1]
            assert names(everything._replace(before=second)) == ["one"]
            assert names(everything._replace(tag="x")) == ["three", "one"]
            assert names(everything._replace(authors=frozenset({bob.id}))) == ["three"]
            assert names(everything._replace(folders=True)) == ["two"]
            assert names(everything._replace(until=START)) == ["one"]
            assert service.is_folder(views, b"2" * 32)
            assert not service.is_folder(views, b"1" * 32)


def test_a_file_is_found_by_name_by_entry_and_by_blob():
    alice, bob, *_ = people()
    with open_shelf() as shelf:
        first = alice.write(content("notes.txt", b"1" * 32), LOG_FILES, [], START)
        again = bob.write(content("renamed.txt", b"1" * 32), LOG_FILES, [], START + 1)
        other = bob.write(content("notes.txt", b"2" * 32), LOG_FILES, [], START + 2)
        put(shelf, first, again, other)

        def found(text: str) -> EntryId:
            return service.choose(service.candidates(shelf.entries, text, LATER), text).id

        assert found(to_text(first.id)) == first.id
        assert found(to_text(other.id)[:10]) == other.id
        assert found(to_text(b"1" * 32)) == again.id
        assert found(" renamed.txt ") == again.id
        with pytest.raises(Ambiguous):
            found("notes.txt")
        for nothing in ("nothing.txt", "aaaa", "", "x"):
            with pytest.raises(Missing):
                found(nothing)


def test_an_entry_is_replaced_by_its_own_author_alone():
    alice, bob, *_ = people()
    with open_shelf() as shelf:
        first = alice.write(content("notes.txt"), LOG_FILES, [], START)
        second = alice.write(content("notes.txt", b"2" * 32), LOG_FILES, [first.id], START + 1)
        claimed = bob.write(content("notes.txt", b"3" * 32), LOG_FILES, [first.id, second.id], START + 2)
        put(shelf, first, second, claimed)
        keys = [shelf.entries.key_of(entry.id) for entry in (first, second, claimed)]

        def same(one: bytes, other: bytes) -> bool:
            return one == other

        with shelf.entries.views() as views:
            shared = service.listed(views, Wanted(10, LATER))
            assert service.replaced(views, shared, LATER, same) == {first.id: second.id}
            assert service.replaced(views, shared, START, same) == {}
        found = service.hits(shelf.entries, [*keys, 10**9], LATER, same)
    assert [None if each is None else each.id for each in found] == [None, second.id, claimed.id, None]
