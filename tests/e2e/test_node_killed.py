"""A node that writes, takes in and indexes is killed with -9 again and again, at moments that a seed chose.

Nothing that it acknowledged or told to anyone is lost, no log of it forks, views and entries agree.
"""

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

from gossip.proto.judge import check_chain
from node.home import Home, open_home
from node.paths import Paths
from node.testing.homes import befriend, make_home
from node.testing.people import Person
from store.ids import LOG_DOCS, LOG_FEED, EntryId, LogNo
from store.log import LogId

ROUNDS = 6
DEADLINE_S = 120

NODE = """
import sys
from pathlib import Path
import trio
from node.author import Author
from node.bus import Bus
from node.founding import now_ms
from node.home import open_home
from node.indexing import Indexing
from node.intake import Intake
from node.paths import Paths
from node.signing import Intent
from node.testing.people import Person
from node.verification import Verification
from store.entry import make_body
from store.ids import LOG_DOCS, LOG_FEED

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + chr(10))
    sys.stdout.flush()

def tell(committed):
    for piece in committed.pieces:
        for entry in piece:
            if committed.source is None:
                say("told", entry.log, entry.seq, entry.id.hex())

async def write(author, log, content, count):
    while True:
        body = make_body(bytes(16), content)
        for entry in await author.write(log, [Intent(body)] * count):
            say("kept", entry.log, entry.seq, entry.id.hex())

async def take(intake, alice, chain):
    while True:
        state = intake.state(alice.log_id())
        held = state.head.seq if state and state.head else 0
        piece = chain[held : held + 97]
        if not piece:
            return
        [verdict] = await intake.ingest([piece], alice.id, each_signature=held % 2 == 0)
        say("taken", verdict.head.seq)

async def main():
    home = open_home(Paths(Path(sys.argv[1])), lambda: None, writing=True)
    alice = Person("alice")
    chain = alice.posts(3000)
    intake = Intake(home.shelf, home.network, home.allowed, Bus())
    intake.listen(tell)
    author = Author(home.key, home.network, intake, now_ms, home.why_not)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.run)
        nursery.start_soon(Verification(intake).run)
        nursery.start_soon(Indexing(intake, home.search()).run)
        nursery.start_soon(write, author, LOG_FEED, [1, "one at a time", ""], 1)
        nursery.start_soon(write, author, LOG_FEED, [1, "x" * 3000, ""], 1)
        nursery.start_soon(write, author, LOG_FEED, [1, "many at a time", ""], 60)
        nursery.start_soon(write, author, LOG_DOCS, [33, "doc", "", "text/plain", "y" * 5000], 1)
        nursery.start_soon(take, intake, alice, chain)

trio.run(main)
"""


class Witness:
    """What the node said to the world, over all its lives."""

    def __init__(self) -> None:
        self.ids: dict[tuple[LogNo, int], EntryId] = {}
        self.taken = 0

    def has_heard_enough(self) -> bool:
        """Has the node lived long enough, over all its lives, to have something to lose?"""
        return len(self.ids) > 100 and self.taken > 0

    def hear(self, line: str) -> None:
        match line.split():
            case ["told" | "kept", log, seq, entry_id]:
                place = (LogNo(int(log)), int(seq))
                said = EntryId(bytes.fromhex(entry_id))
                assert self.ids.setdefault(place, said) == said, f"two entries at {place}"
            case ["taken", seq]:
                self.taken = max(self.taken, int(seq))
            case words:
                raise AssertionError(words)


@contextmanager
def node(home: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", NODE, str(home)], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_until_killed(home: Path, witness: Witness, chance: random.Random) -> None:
    """Let the node live for a random while after it said something, and kill it."""
    with node(home) as process:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
        assert ready, "the node said nothing"
        until = time.monotonic() + chance.uniform(0.0, 0.5)
        lines = []
        while time.monotonic() < until:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = lines + process.stdout.readlines()
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
    for line in rest:
        if line.endswith("\n"):
            witness.hear(line)


def check(home: Home, witness: Witness) -> None:
    """What the witness heard is there; logs are chains; the views show what the logs hold."""
    held: dict[tuple[LogNo, int], EntryId] = {}
    for log in (LOG_FEED, LOG_DOCS):
        entries = home.shelf.range(LogId(home.device, log), 1, 2**40, 2**40)
        for start in range(0, len(entries), 1000):
            check_chain(tuple(entries[start : start + 1000]))
        if entries:
            entries[-1].check_signature(home.network)
        held.update({(entry.log, entry.seq): entry.id for entry in entries})
    lost = {place for place, entry_id in witness.ids.items() if held.get(place) != entry_id}
    assert not lost
    state = home.shelf.state(Person("alice").log_id())
    taken = 0 if state is None or state.head is None else state.head.seq
    assert taken >= witness.taken
    posts = sum(log == LOG_FEED for log, _ in held) + taken
    with home.entries.views() as views:
        [(shown,)] = views.execute("SELECT count(*) FROM feed_timeline")
        [(heads,)] = views.execute("SELECT count(*) FROM documents_versions")
    assert (shown, heads) == (posts, len(held) + taken - posts)
    home.search().catch_up()
    assert home.search().behind() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_node_that_is_killed_loses_nothing_it_acknowledged_and_forks_nothing(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with make_home(tmp_path / "home") as home:
        befriend(home, [Person("alice")])
    witness = Witness()
    rounds = 0
    while rounds < ROUNDS or not witness.has_heard_enough():
        run_until_killed(tmp_path / "home", witness, chance)
        with open_home(Paths(tmp_path / "home"), lambda: None, writing=True) as home:
            check(home, witness)
        rounds += 1
