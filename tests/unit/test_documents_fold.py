"""The view of documents, and the directory's, against plain models, for every order of arrival."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.documents.fold import MAX_LIFT
from node.apps.registry import SCHEMAS, Projection
from node.shelf import Folding, Shelf
from node.testing.people import NETWORK, Person, people
from store.entry import Entry
from store.ids import LOG_DOCS, LOG_PROFILE, AuthorId, EntryId
from store.log import fork_proof
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Views

START = 1_000_000
NAMES = ("one", "two")


@contextmanager
def open_shelf() -> Iterator[Shelf]:
    with TemporaryDirectory() as folder, Database(Path(folder, "log.db"), bytes(32), create=True) as database:
        entries = SqliteEntryStore(database)
        projection = Projection(entries)
        shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        shelf.prepare()
        yield shelf


def view(shelf: Shelf) -> set[tuple[EntryId, str, int, bool]]:
    """Id, name and language of translations, order and whether it is a head, of every version."""
    with shelf.entries.views() as views:
        rows = views.execute("SELECT id, name || '|' || turned, at, head FROM documents_versions")
    return {(EntryId(row[0]), row[1], row[2], bool(row[3])) for row in rows}


def model(written: Sequence[tuple[Entry, str]]) -> set[tuple[EntryId, str, int, bool]]:
    """What it has to say."""
    names = {entry.id: name for entry, name in written}
    entries = {entry.id: entry for entry, _ in written}

    def same(one: str, other: str) -> bool:
        return one.partition("|")[0] == other.partition("|")[0]

    def order(entry: Entry, lift: int = 0) -> int:
        links = entry.links[:1] if lift else entry.links
        above = [entries[link] for link in links if link in names and same(names[link], names[entry.id])]
        higher = [order(before, lift + 1) for before in above] if lift < MAX_LIFT else []
        return max([entry.time_ms + lift, *higher])

    superseded = {
        link for entry in entries.values() for link in entry.links if names.get(link) == names[entry.id]
    }
    return {(entry.id, name, order(entry), entry.id not in superseded) for entry, name in written}


def write_documents(chance: random.Random, count: int) -> list[tuple[Entry, str]]:
    """Versions and translations of two documents by four people, following some earlier ones, of the other
    name too. Each with its name and language."""
    written: list[tuple[Entry, str]] = []
    authors = people()
    for _ in range(count):
        name = chance.choice(NAMES)
        linked = chance.sample(written, k=min(len(written), chance.choice((0, 1, 1, 2))))
        links = [entry.id for entry, _ in linked]
        turned = chance.choice(("", "", "de", "it"))
        content = [35, name, "", turned, False, []] if turned else [33, name, "title", "text/plain", "text"]
        time_ms = START + chance.randrange(20) * chance.choice((1, 1_000))
        entry = chance.choice(authors).write(content, LOG_DOCS, links, time_ms)
        written.append((entry, f"{name}|{turned}"))
    return written


def arrive(shelf: Shelf, entries: Sequence[Entry], chance: random.Random) -> None:
    """Bring entries in: each log in its order, the logs in any, in batches."""
    logs: dict[AuthorId, list[Entry]] = {}
    for entry in entries:
        logs.setdefault(entry.author, []).append(entry)
    while logs:
        batch = []
        for author in chance.sample(sorted(logs), k=chance.randint(1, len(logs))):
            count = chance.randint(1, 3)
            batch.append(logs[author][:count])
            logs[author] = logs[author][count:]
        logs = {author: left for author, left in logs.items() if left}
        shelf.append(batch, checked=True, durable=False)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20))
def test_heads_and_order_are_the_same_for_every_order_of_arrival(seed: int, count: int) -> None:
    chance = random.Random(seed)
    written = write_documents(chance, count)
    with open_shelf() as shelf:
        arrive(shelf, [entry for entry, _ in written], chance)
        assert view(shelf) == model(written)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 20))
def test_what_goes_makes_heads_of_what_it_followed(seed: int, count: int) -> None:
    chance = random.Random(seed)
    written = write_documents(chance, count)
    with open_shelf() as shelf:
        arrive(shelf, [entry for entry, _ in written], chance)
        bad, _ = chance.choice(written)
        author = next(person for person in people() if person.id == bad.author)
        other = author.sign_at(bad.seq, bad.back, [33, "x", "", "text/plain", ""], LOG_DOCS, time_ms=START)
        shelf.end_log(fork_proof(bad, other, NETWORK))
        left = [(e, name) for e, name in written if e.author != bad.author or e.seq < bad.seq]
        assert view(shelf) == model(left)


def moves_of_a_chain(monkeypatch: pytest.MonkeyPatch, count: int) -> int:
    """Versions moved where a chain, its clocks running backwards, comes in from its newer end."""
    written: list[Entry] = []
    for number in range(count):
        links = [entry.id for entry in written[-1:]]
        person = Person(f"writer {number}")
        written.append(person.write([33, "plan", "", "text/plain", ""], LOG_DOCS, links, START - number))
    moved: list[object] = []
    execute = Views.execute

    def executing(views: Views, sql: str, bindings: Sequence[Any] = ()) -> Any:
        if sql.startswith("UPDATE documents_versions SET at"):
            moved.append(bindings[1])
        return execute(views, sql, bindings)

    monkeypatch.setattr(Views, "execute", executing)
    with open_shelf() as shelf:
        for entry in reversed(written):
            shelf.append([[entry]], checked=True, durable=False)
        assert view(shelf) == model([(entry, "plan|") for entry in written])
    monkeypatch.undo()
    return len(moved)


def test_a_chain_that_comes_from_its_newer_end_moves_each_version_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert moves_of_a_chain(monkeypatch, 10) == 9 * 10 // 2
    short, long = (moves_of_a_chain(monkeypatch, count) for count in (40, 80))
    assert long - short == 40 * MAX_LIFT


def test_two_versions_after_one_are_both_heads_until_a_third_follows_both() -> None:
    alice, bob = Person("alice"), Person("bob")

    def put(person: Person, *links: EntryId) -> Entry:
        return person.write([33, "plan", "", "text/plain", ""], LOG_DOCS, links)

    first = put(alice)
    second, rival = put(alice, first.id), put(bob, first.id)
    with open_shelf() as shelf:
        shelf.append([[first, second], [rival]], checked=True, durable=False)
        assert {row[0] for row in view(shelf) if row[3]} == {second.id, rival.id}
        merged = put(bob, second.id, rival.id)
        shelf.append([[merged]], checked=True, durable=False)
        assert {row[0] for row in view(shelf) if row[3]} == {merged.id}


def test_the_newest_profile_counts_until_it_goes() -> None:
    alice = Person("alice")
    names = [alice.write([64, name], LOG_PROFILE) for name in ("Al", "Alice", "Alicia")]

    def published(shelf: Shelf) -> list[str]:
        with shelf.entries.views() as views:
            rows = views.execute("SELECT name FROM directory_names ORDER BY seq DESC")
        return [name for (name,) in rows]

    with open_shelf() as shelf:
        shelf.append([names], checked=True, durable=False)
        assert published(shelf) == ["Alicia", "Alice", "Al"]
        other = alice.sign_at(3, names[1].id, [64, "Eve"], LOG_PROFILE)
        shelf.end_log(fork_proof(names[2], other, NETWORK))
        assert published(shelf) == ["Alice", "Al"]
