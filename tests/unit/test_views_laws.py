"""Views of all apps, for random entries of all kinds in random orders, with bodies that come late or go.

They are the same for each order of arrival, and the same byte for byte when they are made anew.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.registry import SCHEMAS, Projection
from node.shelf import Folding, Shelf
from node.testing.people import Person
from node.testing.society import Society
from store.entry import Entry
from store.ids import EntryId, LogNo
from store.log import LogId
from store.sqlite import gathering
from store.sqlite.bodies_gone import LET_GO, Drop
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.portrait import portray

MAX_FRESH = 9
"""Rows that are gathered here before they are moved: often some of a table lie in either part."""

WORLDS = st.integers(0, 2**32)
NONSENSE: tuple[object, ...] = (
    None,
    -1,
    0,
    1,
    2**62,
    "",
    " ",
    "text",
    "#",
    b"",
    b"x" * 32,
    (),
    ("a", 1),
    (()),
    True,
)
"""What may stand in a body in place of what should."""


@pytest.fixture(autouse=True, scope="module")
def few_fresh_rows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "MAX_FRESH", MAX_FRESH)
        yield


@contextmanager
def open_shelf() -> Iterator[tuple[Shelf, Database]]:
    with TemporaryDirectory() as folder, Database(Path(folder, "log.db"), bytes(32), create=True) as database:
        entries = SqliteEntryStore(database)
        projection = Projection(entries)
        shelf = Shelf(entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        shelf.prepare()
        yield shelf, database


def write(seed: int, count: int) -> list[list[Entry]]:
    """Logs of a few people; some of the links lead to what is written in other logs, later and earlier."""
    chance = random.Random(seed)
    logs = Society(chance.randint(1, 4), seed, words=20, text_bytes=40).write(count)
    crank = Person("crank")
    known = [entry.id for log in logs for entry in log]
    odd: dict[LogNo, list[Entry]] = {}
    for _ in range(count // 3):
        log = chance.choice(logs)[0].log
        kind = chance.choice((1, 2, 3, 4, 33, 34, 35, 36, 48, 64, 65, 96, 97, 500))
        content = [kind, *chance.choices(NONSENSE, k=chance.randint(0, 10))]
        links = chance.sample(known, k=min(len(known), chance.choice((0, 1, 1, 2))))
        entry = crank.write(content, log, links, 1_704_067_200_000 + chance.randrange(4_000_000))
        odd.setdefault(log, []).append(entry)
        known.append(entry.id)
    return [*logs, *odd.values()]


class Arrival:
    """Brings logs to a home in some order."""

    def __init__(
        self, shelf: Shelf, database: Database, logs: Sequence[Sequence[Entry]], chance: random.Random
    ) -> None:
        self.shelf = shelf
        self.database = database
        self.logs = logs
        self.chance = chance

    def all_of_it(self, bare: float) -> None:
        """Every log in its order, in pieces, in batches; some entries first without their bodies."""
        left = [list(log) for log in self.logs]
        late: list[Entry] = []
        batch: list[tuple[Entry, ...]] = []
        while left:
            log = self.chance.choice(left)
            run = [log.pop(0) for _ in range(min(len(log), self.chance.randint(1, 6)))]
            left = [log for log in left if log]
            missing = {entry.id for entry in run if self.chance.random() < bare}
            late += [entry for entry in run if entry.id in missing]
            batch.append(tuple(entry.without_body() if entry.id in missing else entry for entry in run))
            if self.chance.random() < 0.4 or not left:
                self.shelf.append(batch, checked=True, durable=False)
                batch = []
            if late and not batch and self.chance.random() < 0.5:
                self.restore(late.pop(self.chance.randrange(len(late))))
        self.chance.shuffle(late)
        for entry in late:
            self.restore(entry)

    def restore(self, entry: Entry) -> None:
        assert entry.body is not None
        if any(entry in log for log in self.logs):
            self.shelf.restore_body(entry.id, entry.body)

    def to_and_fro(self) -> None:
        """Some bodies go and come back, some logs end and go on."""
        entries = [entry for log in self.logs for entry in log]
        gone = self.chance.sample(entries, k=len(entries) // 3)
        for entry in gone:
            if self.chance.random() < 0.3:
                self.spoil(entry)
            else:
                self.shelf.drop_body(entry.id)
        self.chance.shuffle(gone)
        for entry in gone:
            self.restore(entry)
        for log in self.logs:
            if self.chance.random() < 0.3:
                self.shelf.truncate(LogId(log[0].author, log[0].log), self.chance.randrange(len(log)))
                held = self.shelf.state(LogId(log[0].author, log[0].log))
                last_seq = held.head.seq if held is not None and held.head is not None else 0
                self.shelf.append([log[last_seq:]], checked=True, durable=False)

    def spoil(self, entry: Entry) -> None:
        """A body is damaged on the disk, found so, and let go."""
        with self.database.write() as connection:
            sql = "UPDATE entries SET body = zeroblob(9) WHERE k = ?"
            connection.execute(sql, (self.shelf.entries.key_of(entry.id),)).fetchall()
        self.shelf.entries._recent.clear()
        assert self.shelf.drop_damaged([entry.id]) == [entry.id]

    def cut(self, keep: Sequence[int], without: frozenset[EntryId]) -> None:
        """End logs where `keep` says, and drop bodies."""
        for log, last_seq in zip(self.logs, keep, strict=True):
            self.shelf.truncate(LogId(log[0].author, log[0].log), last_seq)
            keys = [self.shelf.entries.key_of(entry.id) for entry in log[:last_seq] if entry.id in without]
            self.shelf.drop_bodies(Drop(key, LET_GO, None) for key in keys)


def look(database: Database) -> dict[str, tuple[int, bytes, int]]:
    """What the views hold, apart from keys."""
    views = portray(database, SCHEMAS).views
    return {name: (view.rows, view.digest, view.strays) for name, view in views.items() if view is not None}


@given(WORLDS)
@settings(max_examples=20, deadline=None)
def test_views_are_the_same_for_each_order_and_after_each_change(seed: int) -> None:
    chance = random.Random(seed)
    logs = write(seed, chance.randint(5, 60))
    keep = [chance.randint(len(log) // 2, len(log)) for log in logs]
    without = frozenset(entry.id for log in logs for entry in log if chance.random() < 0.1)
    seen = []
    for changes in (False, True):
        with open_shelf() as (shelf, database):
            arrival = Arrival(shelf, database, logs, random.Random(chance.random()))
            arrival.all_of_it(bare=0.3 if changes else 0)
            if changes:
                arrival.to_and_fro()
            arrival.cut(keep, without)
            seen.append(look(database))
            before = shelf.entries.view_digests()
            shelf.rebuild(lambda key: None)
            assert shelf.entries.view_digests() == before
    assert seen[0] == seen[1]
    assert all(strays == 0 for _, _, strays in seen[0].values())
