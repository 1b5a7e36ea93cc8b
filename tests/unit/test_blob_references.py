"""Which entries name which blobs: noted by folds, the same for each order, gone with the entries."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps import blob_references
from node.apps.kit import MAX_BLOB_SIZE, BlobReference, Places, Reach, Texts
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.ids import EntryId
from store.interface import EntryKey, KeyedRun
from store.log import LogId
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Views

BLOBS = [bytes([number]) * 32 for number in range(4)]


class Naming:
    """A fold in which the text of a post says which blobs it names: "0 3" the first and the last."""

    def __init__(self, store: SqliteEntryStore) -> None:
        self.store = store

    def fold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        reach = Reach(self.store, runs, Texts(), Places())
        for first_key, entries in runs:
            for key, entry in enumerate(entries, first_key):
                reach.note_blobs(key, self.named(entry))
        blob_references.note(views, reach.blobs())

    def unfold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        blob_references.forget(views, runs)

    @staticmethod
    def named(entry: Entry) -> list[tuple[bytes, int]]:
        return [(BLOBS[entry.seq * step % 4], entry.seq) for step in range(entry.seq % 3)]


def rows(store: SqliteEntryStore) -> set[tuple[bytes, EntryId, int]]:
    with store.views() as views:
        found = views.execute("SELECT blob, k, size FROM blobs_referenced")
    entries = store.at_keys([key for _, key, _ in found])
    return {
        (blob, entry.id, size)
        for (blob, _, size), entry in zip(found, entries, strict=True)
        if entry is not None
    }


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_references_are_the_same_for_each_order_and_gone_with_their_entries(seed: int) -> None:
    chance = random.Random(seed)
    logs = [list(Person(name).posts(6)) for name in ("alice", "bob")]
    kept = {entry.id: entry for log in logs for entry in log}
    with temporary_home() as home:
        naming = Naming(home.entries)
        left = [list(log) for log in logs]
        while any(left):
            log = chance.choice([log for log in left if log])
            run = [log.pop(0) for _ in range(min(len(log), chance.randint(1, 3)))]
            home.entries.append([run], checked=True, durable=False, fold=naming.fold)
        for log in logs:
            last_seq = chance.randint(2, 6)
            home.entries.truncate(LogId(log[0].author, log[0].log), last_seq, unfold=naming.unfold)
            for entry in log[last_seq:]:
                del kept[entry.id]
        gone = chance.choice(sorted(kept))
        home.entries.drop_body(gone, unfold=naming.unfold)
        without = {
            (blob, entry.id, size)
            for entry in kept.values()
            if entry.id != gone
            for blob, size in naming.named(entry)
        }
        assert rows(home.entries) == without
        body = kept[gone].body
        assert body is not None
        home.entries.restore_body(gone, body, fold=naming.fold)
        again = {(blob, gone, size) for blob, size in naming.named(kept[gone])}
        assert rows(home.entries) == without | again


def test_what_is_no_reference_is_left_out() -> None:
    with temporary_home() as home:
        reach = Reach(home.entries, [], Texts(), Places())
        reach.note_blobs(1, [(b"short", 1), (BLOBS[0], -1), (BLOBS[1], MAX_BLOB_SIZE + 1), (BLOBS[2], 0)])
        assert reach.blobs() == [BlobReference(BLOBS[2], 1, 0)]


def test_a_blob_named_twice_by_one_entry_counts_once_at_its_larger_size() -> None:
    with temporary_home() as home:
        reach = Reach(home.entries, [], Texts(), Places())
        reach.note_blobs(1, [(BLOBS[0], 5), (BLOBS[0], 9), (BLOBS[0], 7)])
        assert reach.blobs() == [BlobReference(BLOBS[0], 1, 9)]


def test_references_are_read_by_blob_by_entry_and_in_the_order_of_arrival() -> None:
    noted = [(BLOBS[0], 1, 10), (BLOBS[0], 2, 12), (BLOBS[1], 2, 20), (BLOBS[2], 3, 30)]
    references = [BlobReference(*one) for one in noted]
    first, second, third, fourth = references
    with temporary_home() as home:

        def keep(views: Views, runs: Sequence[KeyedRun]) -> None:
            blob_references.note(views, references)

        home.entries.append([Person("alice").posts(3)], checked=True, durable=False, fold=keep)
        with home.entries.views() as views:
            assert blob_references.references_to(views, BLOBS[0]) == [first, second]
            assert blob_references.references_of(views, 2) == [second, third]
            assert blob_references.is_referenced(views, BLOBS[2])
            assert not blob_references.is_referenced(views, BLOBS[3])
            assert blob_references.references_after(views, 0, 2) == [first, second, third]
            assert blob_references.references_after(views, 2, 5) == [fourth]
            listed = blob_references.listed(views, b"", 2)
            assert [(one.blob, one.size, one.last_key) for one in listed] == [
                (BLOBS[0], 12, 2),
                (BLOBS[1], 20, 2),
            ]
            assert [one.blob for one in blob_references.listed(views, BLOBS[1], 5)] == [BLOBS[2]]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_places_are_found_for_many_ids_at_once(count: int) -> None:
    alice, bob = Person("alice"), Person("bob")
    held, given, unknown = alice.posts(5), bob.posts(2), Person("carol").posts(1)
    with temporary_home() as home:
        home.entries.append([held], checked=True, durable=False)
        key = home.entries.last_key() + 1
        reach = Reach(home.entries, [KeyedRun(EntryKey(key), given)], Texts(), Places())
        asked = [*held[:count], *given[:count]]
        found = reach.find_all([entry.id for entry in (*asked, *unknown)])
        assert {entry_id: (place.author, place.time_ms) for entry_id, place in found.items()} == {
            entry.id: (entry.author, entry.time_ms) for entry in asked
        }


def test_one_statement_answers_for_many_numbers_in_their_order() -> None:
    with temporary_home() as home:
        home.entries.append([Person("alice").posts(9)], checked=True, durable=False)
        with home.entries.views() as views:
            sql = "SELECT k FROM carray(?) AS wanted CROSS JOIN entries ON k = wanted.value"
            assert views.execute_for(sql, [7, 99, 3, 3]) == [(7,), (3,), (3,)]
            assert views.execute_for(sql, []) == []
