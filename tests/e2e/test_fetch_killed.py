"""A node is killed with -9 in the middle of a fetch: after a restart it goes on by itself with what is
lacking."""

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from cli.laptops import DemoFailed, Laptop
from store.blobs import CHUNK_BYTES

SIZE = 64 * 2**20 + 5
CHUNKS = -(-SIZE // CHUNK_BYTES)
SOME_CHUNKS = CHUNKS // 8
DEADLINE_S = 60.0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Laptop, Laptop]]:
    """Two running nodes that know each other."""
    with ExitStack() as stack:
        one, other = Laptop("alice", tmp_path), Laptop("bob", tmp_path)
        one.aster("init", "--name", "alice", "--unattended")
        network = one.aster("network", "export")
        other.aster("init", "--name", "bob", "--unattended", "--network", "-", stdin=network)
        for node in (one, other):
            stack.callback(node.kill)
        start(one, other)
        other.aster("peer", "add", one.address, "--name", "alice")
        one.aster("peer", "add", other.device, "--name", "bob")
        yield one, other


def start(*nodes: Laptop) -> None:
    for node in nodes:
        node.start()
    for node in nodes:
        node.ready()


def chunks_of(node: Laptop) -> int:
    """How many chunks lie in a home, whole."""
    return sum(1 for path in (node.home / "blobs").glob("??/*") if path.is_file())


def wait_until_chunks(node: Laptop, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while chunks_of(node) < count:
        assert time.monotonic() < deadline, "nothing comes"


def test_a_fetch_that_was_killed_goes_on_after_the_restart(
    pair: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    alice, bob = pair
    content = random.Random(1).randbytes(SIZE)
    given = tmp_path / "film.bin"
    given.write_bytes(content)
    alice.aster("file", "add", str(given))
    given.unlink()
    bob.wait_until("the file is listed", lambda: bool(bob.call("file/list")["files"]))
    asker = threading.Thread(target=ask_in_vain, args=(bob,))
    asker.start()
    wait_until_chunks(bob, SOME_CHUNKS)
    bob.kill()
    asker.join(DEADLINE_S)
    held = chunks_of(bob)
    assert SOME_CHUNKS <= held < CHUNKS, "it was not killed in the middle"
    start(bob)
    wait_until_chunks(bob, CHUNKS)
    saved = tmp_path / "saved.bin"
    bob.aster("file", "get", "film.bin", "--out", str(saved))
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(content).digest()


def ask_in_vain(node: Laptop) -> None:
    """Get the file from a daemon that is killed meanwhile."""
    with suppress(DemoFailed):
        node.lines("file/get", file="film.bin", out=str(node.home.parent / "never.bin"))
