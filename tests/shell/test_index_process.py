"""The process that writes the search index: the same index with it and without, whatever becomes of it."""

import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import index_process, indexer
from node.index_process import IndexProcess
from node.limits import INDEXER_KEEP_TEXTS, INDEXER_MIN_TEXTS
from node.testing.people import Person
from store.entry import Entry
from store.errors import Damaged, StorageFull, StoreError, StoreLocked
from store.interface import MAX_KEY
from store.sqlite import search_steps
from store.sqlite.connection import Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search import SearchIndex
from store.sqlite.search_steps import KEY_BITS, Progress, Step, address_of

STORE_KEY = b"k" * 32
INDEX_KEY = b"i" * 32
WORDS = ("чайник", "teapot", "茶壶", "إبريق", "Kännchen")
DEADLINE_S = 60
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


def text_of(entry: Entry) -> str:
    return f"{WORDS[entry.seq % len(WORDS)]} \0 number {entry.seq}"


class Home:
    """A store, its index, and the process that may write it."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteEntryStore(Database(folder / "home.db", STORE_KEY, create=True))
        self.index = SearchIndex(folder / "search.db", STORE_KEY, self.store, text_of)
        self.alice = Person("alice")
        self.process = IndexProcess()
        self.index.helper = self.process

    def put(self, count: int) -> None:
        self.store.append([self.alice.posts(count)], checked=True, durable=False)

    def found(self, query: str) -> list[int]:
        return [hit.key for hit in self.index.search(query, 10_000)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.process.close()
    made.index.close()
    made.store.close()


@pytest.fixture(autouse=True)
def soon_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process is worth its while for fewer texts than usual."""
    monkeypatch.setattr(index_process, "INDEXER_MIN_TEXTS", 50)


def is_there(pid: int) -> bool:
    """Is there such a process, or what is left of one that nobody waited for?"""
    return Path(f"/proc/{pid}").exists()


def assert_complete(home: Home, count: int) -> None:
    for place, word in enumerate(WORDS):
        assert home.found(word) == [seq for seq in range(count, 0, -1) if seq % len(WORDS) == place]
    assert home.found("number 7") == [7]


def test_a_key_fits_in_front_of_the_text() -> None:
    assert 2**KEY_BITS - 1 == MAX_KEY


def test_many_texts_are_indexed_in_a_process_of_their_own(home: Home) -> None:
    home.put(300)
    home.index.catch_up()
    assert home.process.pid is not None
    assert_complete(home, 300)


def test_a_search_waits_for_what_was_committed_before_it(home: Home) -> None:
    for round_number in range(1, 6):
        home.put(60)
        assert_complete(home, 60 * round_number)
    assert home.process.pid is not None


def test_few_texts_start_no_process_and_fewer_go_to_none(home: Home) -> None:
    home.put(49)
    home.index.catch_up()
    assert home.process.pid is None
    assert INDEXER_KEEP_TEXTS < 49 < INDEXER_MIN_TEXTS


def test_changes_to_entries_go_through_it_as_well(home: Home) -> None:
    home.put(300)
    home.index.catch_up()
    dropped = home.alice.log_id()
    entries = home.store.range(dropped, 1, 300, 2**30)
    for entry in entries[:100]:
        home.store.drop_body(entry.id)
    home.put(40)
    assert home.found(WORDS[1]) == [seq for seq in range(340, 100, -1) if seq % len(WORDS) == 1]
    body = entries[0].body
    assert body is not None
    home.store.restore_body(entries[0].id, body)
    assert home.found("number 1") == [1]


def test_nobody_reads_the_key_in_a_list_of_processes(home: Home) -> None:
    home.put(100)
    home.index.catch_up()
    pid = home.process.pid
    seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert b"search.db" not in seen
    assert home.index._key.hex().encode() not in seen


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_process_that_is_killed_takes_nothing_with_it(home: Home, rounds: int) -> None:
    for _ in range(rounds):
        home.put(100)
        home.index.catch_up()
        if home.process.pid is not None:
            os.kill(home.process.pid, signal.SIGKILL)
    home.put(100)
    assert_complete(home, 100 * (rounds + 1))


def test_a_process_that_was_killed_leaves_no_zombie_and_rests_a_while(home: Home) -> None:
    home.put(100)
    home.index.catch_up()
    pid = home.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    home.put(200)
    assert_complete(home, 300)
    assert home.process.pid is None
    assert not is_there(pid)


@pytest.mark.parametrize(
    "command",
    [
        ("/nonexistent/python",),
        (sys.executable, "-c", ""),
        (sys.executable, "-c", "import os; os._exit(1)"),
        (sys.executable, "-c", "import sys; sys.stdin.buffer.read(900)"),
        (sys.executable, "-c", "print('k' * 9)"),  # answers before it is asked, and nothing is written
    ],
)
def test_without_a_process_that_works_the_thread_does_the_work(
    home: Home, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_process, "_COMMAND", command)
    home.put(500)
    home.index.catch_up()
    home.process.close()
    assert_complete(home, 500)


def test_a_process_that_hangs_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_process, "INDEXER_HANG_S", 0.2)
    monkeypatch.setattr(index_process, "_COMMAND", HANGS)
    home.put(400)
    home.index.catch_up()
    assert home.process.pid is None
    assert_complete(home, 400)


def test_it_ends_when_it_had_nothing_to_do_and_comes_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put(100)
    home.index.catch_up()
    first = home.process.pid
    assert first is not None
    home.process.rest()
    assert home.process.pid == first
    monkeypatch.setattr(index_process, "INDEXER_IDLE_S", 0.0)
    home.process.rest()
    assert home.process.pid is None
    assert not is_there(first)
    home.put(100)
    home.index.catch_up()
    assert home.process.pid is not None
    assert_complete(home, 200)


def test_after_it_was_closed_none_is_started(home: Home) -> None:
    home.process.close()
    home.put(100)
    assert_complete(home, 100)
    assert home.process.pid is None


def test_a_damaged_index_is_begun_anew_with_another_process(home: Home) -> None:
    home.put(300)
    home.index.catch_up()
    first = home.process.pid
    home.index._replace()
    assert home.process.pid is None
    assert first is not None
    assert not is_there(first)
    assert_complete(home, 300)
    assert home.process.pid is not None


@pytest.mark.parametrize(("answer", "error"), [("f", StorageFull), ("l", StoreLocked), ("d", Damaged)])
def test_what_it_could_not_write_is_told(
    home: Home, answer: str, error: type[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import sys; sys.stdin.read(9); print({answer!r}, end='', flush=True); sys.stdin.read()"
    monkeypatch.setattr(index_process, "_COMMAND", (sys.executable, "-c", code))
    step = Step(Progress(1, 1, b"a" * 32, 0), [(address_of(1, 1), "text")] * 100, [], [])
    with pytest.raises(error):
        home.process.write(Path("x"), INDEX_KEY, Progress(0, 0, None, 0), step)


def test_it_ends_with_the_one_who_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from node.index_process import IndexProcess\n"
        "from store.sqlite import search_steps as s\n"
        "path, process = Path(sys.argv[1]), IndexProcess()\n"
        "database = s.open_index(path, bytes(32), create=True)\n"
        "s.lay_out(database)\n"
        "step = s.Step(s.Progress(2000, 0, None, 0), [(n, 'word') for n in range(2000)], [], [])\n"
        "assert process.write(path, bytes(32), s.Progress(0, 0, None, 0), step)\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(index_process.__file__).parents[1]
    command = [sys.executable, "-c", code, str(tmp_path / "search.db")]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert gone(int(run.stdout))
    with search_steps.open_index(tmp_path / "search.db", bytes(32), create=False).read() as connection:
        assert search_steps.read_progress(connection).key == 2000


def gone(pid: int) -> bool:
    """Wait until a process that is nobody's child of ours has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], DEADLINE_S)[0])
    finally:
        os.close(handle)


def test_the_process_stops_at_the_end_of_its_input(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    database = search_steps.open_index(path, INDEX_KEY, create=True)
    search_steps.lay_out(database)
    before, after = Progress(0, 0, None, 0), Progress(3, 3, b"a" * 32, 1)
    came = [(address_of(1_000, 2), "чай"), (address_of(2_000, 3), "")]
    step = Step(after, came, [address_of(5, 1)], [(address_of(5, 1), "茶")])
    head, request = indexer.pack_file(path, INDEX_KEY), indexer.pack_step(before, step)
    for cut in (0, 1, len(head) - 1, len(head) + 5, len(head + request) - 1):
        sink = io.BytesIO()
        with pytest.raises(SystemExit):
            indexer.serve(io.BytesIO((head + request)[:cut]), sink)
        assert sink.getvalue() == b""
    sink = io.BytesIO()
    indexer.serve(io.BytesIO(head + request + request), sink)
    assert sink.getvalue() == indexer.WRITTEN + indexer.SKIPPED
    with database.read() as connection:
        assert search_steps.read_progress(connection) == after
        assert connection.execute("SELECT count(*) FROM words").fetchone() == (3,)
    database.close()
    sink = io.BytesIO()
    indexer.serve(io.BytesIO(indexer.pack_file(tmp_path / "none.db", INDEX_KEY) + request), sink)
    assert sink.getvalue() == indexer.BROKEN
    sink = io.BytesIO()
    indexer.serve(io.BytesIO(indexer.pack_file(path, bytes(32)) + request), sink)
    assert sink.getvalue() == indexer.BROKEN


def test_the_process_loads_nothing_but_what_it_needs() -> None:
    code = "import node.indexer, sys; print(*sys.modules)"
    root = Path(indexer.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"trio", "nacl", "libp2p", "msgpack", "store.entry", "node.intake"}
