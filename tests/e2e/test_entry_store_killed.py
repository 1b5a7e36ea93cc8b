"""A process that writes a home is killed with -9: nothing acknowledged is lost, nothing is half there."""

import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.interface import LogState
from store.log import LogId
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.scrub import scrub

STORE_KEY = b"k" * 32
DEADLINE_S = 60

WRITER = """
import sys
from pathlib import Path
from store.crypto import SigningKey
from store.entry import make_body, sign
from store.ids import LOG_FEED, NetworkId
from store.interface import NOTHING_HELD
from store.log import LogId
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Schema

def fold(views, runs):
    for run in runs:
        for key, entry in enumerate(run.entries, run.first_key):
            views.insert_rows("seen_entries", ("k", "seq"), [(key, entry.seq)])

network = NetworkId(b"n" * 32)
store = SqliteEntryStore(Database(Path(sys.argv[1]), b"k" * 32, create=True))
store.prepare_views(fold, [Schema("seen", 1, ("CREATE TABLE seen_entries (k INTEGER PRIMARY KEY, seq)",))])
keys = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
heads = {key: store.state(LogId(key.author, LOG_FEED)) or NOTHING_HELD for key in keys}
places = {key: tuple(state.head or (0, b"")) for key, state in heads.items()}
while True:
    runs = []
    for key in keys:
        seq, back = places[key]
        run = []
        for _ in range(17):
            body = make_body(b"s" * 16, [1, "x" * 500])
            run.append(sign(key, network, LOG_FEED, seq + 1, back, body, seq))
            seq, back = run[-1].seq, run[-1].id
        runs.append(run)
        places[key] = seq, back
    store.append(runs, checked=True, durable=seq % 2 == 0, fold=fold)
    print(seq, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home.db"


@contextmanager
def writer(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that writes without end, and the first line that it said; killed at the end."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert select.select([process.stdout], [], [], DEADLINE_S)[0], "the writer said nothing"
            yield process, process.stdout.readline()
        finally:
            process.kill()
            process.wait(DEADLINE_S)


def write_until_killed(path: Path, after_s: float) -> int:
    """Kill a writer some time after its first acknowledgement; the last seq that it acknowledged."""
    with writer(path) as (process, first):
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        said = first + process.communicate(timeout=DEADLINE_S)[0]
    return int(said.rsplit("\n", 1)[0].split("\n")[-1])


def check_home(path: Path, acknowledged: int) -> None:
    with Database(path, STORE_KEY) as database:
        store = SqliteEntryStore(database)
        seqs = set()
        for log_id, state in store.logs().items():
            seqs.add(check_log(store, log_id, state))
        [seq] = seqs
        assert seq >= acknowledged
        arrival, entries = 0, 0
        while (seen := scrub(database, arrival, 1_000)).last_arrival != arrival:
            assert seen.flaws == []
            arrival, entries = seen.last_arrival, entries + seen.entries
        assert entries == store.count() == 3 * seq
        with store.views() as views:
            assert views.execute("SELECT count(*), max(k) FROM seen_entries") == [(3 * seq, 3 * seq)]


def check_log(store: SqliteEntryStore, log_id: LogId, state: LogState) -> int:
    assert state.head is not None
    entries = store.range(log_id, 1, state.head.seq, 2**40)
    assert [entry.seq for entry in entries] == list(range(1, state.head.seq + 1))
    assert [entry.back for entry in entries[1:]] == [entry.id for entry in entries[:-1]]
    assert entries[-1].id == state.head.id
    return state.head.seq


def test_a_killed_writer_loses_nothing_that_it_acknowledged(path: Path) -> None:
    chance = random.Random(5)
    for _ in range(4):
        acknowledged = write_until_killed(path, chance.uniform(0.0, 0.3))
        check_home(path, acknowledged)


def test_another_process_reads_while_one_writes_and_after_it_was_killed(path: Path) -> None:
    with writer(path) as (_, first):
        acknowledged = int(first)
        reader = SqliteEntryStore(Database(path, STORE_KEY, read_only=True))
        log_id = min(reader.logs())
        for _ in range(20):
            state = reader.state(log_id)
            assert state is not None
            assert state.head is not None
            assert state.head.seq >= acknowledged
            check_log(reader, log_id, state)
            acknowledged = state.head.seq
    assert reader.count() >= 3 * acknowledged
    reader.close()
    late = SqliteEntryStore(Database(path, STORE_KEY, read_only=True))
    assert late.count() >= 3 * acknowledged
    late.close()
