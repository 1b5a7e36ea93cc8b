"""What both stores promise: the same calls, the same answers, whatever the order."""

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import Forked, GapInLog, InvalidEntry, LogEnded, NotFound
from store.ids import LOG_DOCS, LOG_FEED, LogNo, NetworkId
from store.interface import Appended, EntryStore, LogState, total_entries
from store.log import Head, LogId, fork_proof
from store.memory import MemoryEntryStore
from store.sqlite import id_index
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore

NETWORK = NetworkId(b"n" * 32)
KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 5)]
STORE_KEY = b"k" * 32
WHOLE = 2**40
ALL_BYTES = 2**40


def chain(
    length: int, key: SigningKey = KEYS[0], log: LogNo = LOG_FEED, text: str = "", after: Entry | None = None
) -> list[Entry]:
    entries: list[Entry] = []
    seq, back = (1, b"") if after is None else (after.seq + 1, after.id)
    for number in range(seq, seq + length):
        body = make_body(b"s" * 16, [1, f"{text}{number}"])
        entries.append(sign(key, NETWORK, log, number, back, body, number))
        back = entries[-1].id
    return entries


def log_of(entries: list[Entry]) -> LogId:
    return LogId(entries[0].author, entries[0].log)


def put(store: EntryStore, *runs: list[Entry], checked: bool = True) -> list[Appended]:
    return store.append(runs, checked=checked, durable=False)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EntryStore]:
    opened: EntryStore
    if request.param == "memory":
        opened = MemoryEntryStore()
    else:
        opened = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    yield opened
    opened.close()
    opened.close()


def test_an_empty_store_holds_nothing(store: EntryStore) -> None:
    entry = chain(1)[0]
    assert store.logs() == {}
    assert store.state(log_of([entry])) is None
    assert store.count() == 0
    assert store.find(bytes(32), b"\xff" * 32, 10) == []
    assert store.range(log_of([entry]), 1, WHOLE, ALL_BYTES) == []
    assert store.arrivals(0, 10) == []
    with pytest.raises(NotFound):
        store.entry(entry.id)


def test_what_was_appended_is_given_back_unchanged(store: EntryStore) -> None:
    entries = chain(5)
    without = entries[3].without_body()
    put(store, [*entries[:3], without, entries[4]])
    assert store.range(log_of(entries), 1, WHOLE, ALL_BYTES) == [*entries[:3], without, entries[4]]
    assert [store.entry(entry.id) for entry in entries[:3]] == entries[:3]
    assert store.entry(without.id) == without
    assert store.count() == 5


def test_the_state_of_a_log_is_its_head_and_what_was_checked(store: EntryStore) -> None:
    entries = chain(6)
    log_id = log_of(entries)
    put(store, entries[:2])
    assert store.state(log_id) == LogState(Head(2, entries[1].id), 2, None)
    put(store, entries[2:5], checked=False)
    assert store.state(log_id) == LogState(Head(5, entries[4].id), 2, None)
    put(store, entries[5:])
    assert store.state(log_id) == LogState(Head(6, entries[5].id), 2, None)
    store.mark_checked(log_id, 6)
    store.mark_checked(log_id, 4)
    assert store.state(log_id) == LogState(Head(6, entries[5].id), 6, None)
    assert store.logs() == {log_id: LogState(Head(6, entries[5].id), 6, None)}
    assert total_entries(store.logs().values()) == 6


def test_a_run_of_one_entry_is_checked_by_its_own_signature(store: EntryStore) -> None:
    entries = chain(3)
    put(store, entries[:1], entries[1:2], checked=False)
    put(store, entries[2:], checked=False)
    state = store.state(log_of(entries))
    assert state is not None
    assert state.checked_seq == 3


def test_signatures_of_entries_that_are_not_here_cannot_be_marked(store: EntryStore) -> None:
    entries = chain(2)
    with pytest.raises(NotFound):
        store.mark_checked(log_of(entries), 1)
    put(store, entries)
    with pytest.raises(NotFound):
        store.mark_checked(log_of(entries), 3)


def test_several_runs_of_one_log_follow_each_other_in_one_append(store: EntryStore) -> None:
    entries, other = chain(4), chain(2, KEYS[1])
    pieces = put(store, entries[:1], other, entries[1:])
    assert [(piece.log_id, piece.first_seq, piece.last_seq) for piece in pieces] == [
        (log_of(entries), 1, 1),
        (log_of(other), 1, 2),
        (log_of(entries), 2, 4),
    ]
    assert store.arrivals(0, 10) == pieces
    assert store.range(log_of(entries), 1, WHOLE, ALL_BYTES) == entries


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda entries: entries[3:], GapInLog),
        (lambda entries: entries[1:2], Forked),
        (lambda entries: chain(3, text="other ")[2:], Forked),
    ],
)
def test_an_append_that_does_not_continue_its_log_changes_nothing(
    store: EntryStore, wrong: Callable[[list[Entry]], list[Entry]], error: type[Exception]
) -> None:
    entries, other = chain(5), chain(2, KEYS[1])
    put(store, entries[:2])
    before = store.logs()
    with pytest.raises(error):
        put(store, other, wrong(entries))
    assert store.logs() == before
    assert store.count() == 2
    assert len(store.arrivals(0, 10)) == 1
    put(store, other, entries[2:])
    assert store.count() == 7


def test_appending_nothing_changes_nothing(store: EntryStore) -> None:
    assert put(store) == []
    with pytest.raises(ValueError, match="at least one"):
        put(store, chain(1), [])
    assert (store.count(), store.arrivals(0, 9)) == (0, [])


def test_arrivals_continue_after_the_one_that_a_reader_knows(store: EntryStore) -> None:
    entries = chain(6)
    pieces = [piece for entry in entries for piece in put(store, [entry])]
    assert len({piece.arrival for piece in pieces}) == 6
    assert store.arrivals(0, 2) == pieces[:2]
    assert store.arrivals(pieces[1].arrival, 100) == pieces[2:]
    assert store.arrivals(pieces[-1].arrival, 100) == []


def test_a_range_is_what_was_asked_for_and_is_held(store: EntryStore) -> None:
    entries = chain(10)
    log_id = log_of(entries)
    put(store, entries[:4])
    put(store, entries[4:5], chain(3, KEYS[1]), entries[5:])
    for first in range(1, 12):
        for last in range(12):
            assert store.range(log_id, first, last, ALL_BYTES) == entries[first - 1 : last]


def test_a_range_ends_before_it_grows_too_large_but_gives_one_entry(store: EntryStore) -> None:
    entries = chain(4)
    put(store, entries)
    sizes = [len(entry.header) + 64 + len(entry.body or b"") for entry in entries]
    assert store.range(log_of(entries), 1, 4, 1) == entries[:1]
    assert store.range(log_of(entries), 1, 4, sum(sizes[:3])) == entries[:3]
    assert store.range(log_of(entries), 1, 4, sum(sizes[:3]) - 1) == entries[:2]
    assert store.range(log_of(entries), 2, 4, sum(sizes)) == entries[1:]


def test_ids_are_found_by_their_bounds_in_ascending_order(store: EntryStore) -> None:
    entries = chain(40) + chain(40, KEYS[1])
    put(store, entries[:40], entries[40:])
    ids = sorted(entry.id for entry in entries)
    assert store.find(bytes(32), b"\xff" * 32, 1000) == ids
    assert store.find(bytes(32), b"\xff" * 32, 7) == ids[:7]
    assert store.find(ids[10], ids[20], 1000) == ids[10:21]
    assert store.find(ids[5], ids[5], 5) == [ids[5]]
    assert store.find(ids[6], ids[5], 5) == []


@pytest.mark.parametrize("most", [1, 7, 64])
def test_ids_are_found_wherever_their_index_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(id_index, "MAX_RECENT", most)
    store = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY, create=True))
    entries = chain(90)
    for at in range(0, 90, 5):
        put(store, entries[at : at + 5])
    store.close()
    store = SqliteEntryStore(Database(tmp_path / "home.db", STORE_KEY))
    for at in range(0, 30, 3):
        put(store, chain(30, KEYS[1])[at : at + 3])
    store.end_log(fork_proof(entries[79], chain(1, text="x", after=entries[78])[0], NETWORK))
    kept = entries[:79] + chain(30, KEYS[1])
    assert store.find(bytes(32), b"\xff" * 32, 1_000) == sorted(entry.id for entry in kept)
    assert [store.entry(entry.id) for entry in kept] == kept
    with store._database.read() as connection:
        for entry in entries[79:]:
            assert id_index.keys_near(connection, entry.id) == []
    store.close()


def test_a_fork_cuts_the_log_before_it_and_is_kept(store: EntryStore) -> None:
    entries = chain(6)
    log_id = log_of(entries)
    put(store, chain(2, KEYS[1]), entries)
    store.mark_checked(log_id, 6)
    evidence = fork_proof(entries[3], chain(1, text="other", after=entries[2])[0], NETWORK)
    assert store.end_log(evidence) == evidence
    assert store.state(log_id) == LogState(Head(3, entries[2].id), 3, evidence)
    assert store.range(log_id, 1, WHOLE, ALL_BYTES) == entries[:3]
    assert store.count() == 5
    assert [(piece.first_seq, piece.last_seq) for piece in store.arrivals(0, 10)] == [(1, 2), (1, 3)]
    assert set(store.find(bytes(32), b"\xff" * 32, 100)) >= {entry.id for entry in entries[:3]}
    for entry in entries[3:]:
        with pytest.raises(NotFound):
            store.entry(entry.id)
    with pytest.raises(LogEnded):
        put(store, entries[3:])


def test_earlier_evidence_cuts_further_and_later_evidence_nothing(store: EntryStore) -> None:
    entries = chain(6)
    late = fork_proof(entries[4], chain(1, text="x", after=entries[3])[0], NETWORK)
    early = fork_proof(entries[1], chain(1, text="y", after=entries[0])[0], NETWORK)
    put(store, entries)
    assert store.end_log(late) == late
    assert store.end_log(early) == early
    assert store.end_log(late) == early
    assert store.state(log_of(entries)) == LogState(Head(1, entries[0].id), 1, early)


def test_a_log_that_forks_at_its_first_entry_has_no_head_left(store: EntryStore) -> None:
    entries = chain(3)
    evidence = fork_proof(entries[0], chain(1, text="x")[0], NETWORK)
    put(store, entries)
    store.end_log(evidence)
    assert store.state(log_of(entries)) == LogState(None, 0, evidence)
    assert store.count() == 0


def test_evidence_can_come_before_the_log(store: EntryStore) -> None:
    entries = chain(4)
    evidence = fork_proof(entries[2], chain(1, text="x", after=entries[1])[0], NETWORK)
    store.end_log(evidence)
    assert store.state(log_of(entries)) == LogState(None, 0, evidence)
    with pytest.raises(LogEnded):
        put(store, entries)
    put(store, entries[:2])
    assert store.state(log_of(entries)) == LogState(Head(2, entries[1].id), 2, evidence)


def test_a_cursor_of_arrivals_stays_good_when_a_log_was_cut(store: EntryStore) -> None:
    entries, other = chain(3), chain(2, KEYS[1])
    seen = put(store, other[:1], entries)[-1].arrival
    store.end_log(fork_proof(entries[0], chain(1, text="x")[0], NETWORK))
    [piece] = put(store, other[1:])
    assert piece.arrival > seen
    assert store.arrivals(seen, 10) == [piece]


def test_a_body_is_dropped_and_put_back(store: EntryStore) -> None:
    entries = chain(3)
    put(store, entries)
    store.drop_body(entries[1].id)
    store.drop_body(entries[1].id)
    assert store.entry(entries[1].id) == entries[1].without_body()
    assert store.range(log_of(entries), 2, 2, ALL_BYTES) == [entries[1].without_body()]
    body = entries[1].body
    assert body is not None
    with pytest.raises(InvalidEntry):
        store.restore_body(entries[1].id, body[:-1] + b"?")
    assert store.entry(entries[1].id).body is None
    store.restore_body(entries[1].id, body)
    assert store.range(log_of(entries), 1, 3, ALL_BYTES) == entries


def test_bodies_of_unknown_entries_are_neither_dropped_nor_put_back(store: EntryStore) -> None:
    entry = chain(1)[0]
    with pytest.raises(NotFound):
        store.drop_body(entry.id)
    with pytest.raises(NotFound):
        store.restore_body(entry.id, entry.body or b"")


POOL = [chain(12, key, log) for key in KEYS[:3] for log in (LOG_FEED, LOG_DOCS)]


@settings(max_examples=25, deadline=None)
@given(chance=st.randoms(use_true_random=False), checked=st.booleans())
def test_both_stores_say_the_same_after_any_history(chance: random.Random, checked: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare_histories(Path(folder) / "home.db", chance, checked)


def compare_histories(path: Path, chance: random.Random, checked: bool) -> None:
    memory, sqlite = MemoryEntryStore(), SqliteEntryStore(Database(path, STORE_KEY, create=True))
    held = [0] * len(POOL)
    for _ in range(chance.randint(1, 12)):
        if chance.random() < 0.3:
            which = chance.randrange(len(POOL))
            held[which] = min(held[which], last_seq := chance.randint(0, 12))
            for store in (memory, sqlite):
                store.truncate(log_of(POOL[which]), last_seq)
        runs = []
        for _ in range(chance.randint(1, 3)):
            which = chance.randrange(len(POOL))
            length = min(chance.randint(1, 5), len(POOL[which]) - held[which])
            if length:
                runs.append(POOL[which][held[which] : held[which] + length])
                held[which] += length
        if runs:
            assert put(memory, *runs, checked=checked) == put(sqlite, *runs, checked=checked)
    sqlite.close()
    sqlite = SqliteEntryStore(Database(path, STORE_KEY))
    for entries in POOL:
        assert memory.range(log_of(entries), 2, 9, 1500) == sqlite.range(log_of(entries), 2, 9, 1500)
    assert memory.logs() == sqlite.logs()
    assert memory.count() == sqlite.count() == sum(held)
    assert memory.arrivals(1, 5) == sqlite.arrivals(1, 5)
    assert memory.find(b"\x20" * 32, b"\xd0" * 32, 9) == sqlite.find(b"\x20" * 32, b"\xd0" * 32, 9)
    sqlite.close()
