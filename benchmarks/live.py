"""Six nodes in a ring, each verifying and storing: how soon does an entry reach all the others?

    python benchmarks/live.py [--seconds 30] [--rates 20,100,1000] [--nodes 6]

Six processes over libp2p on 127.0.0.1, each with an encrypted store, view and search index, linked in a
ring. All of them publish posts of 300 bytes, together at the given rate. The time of an entry is from the
call that publishes it (signing and full sync included) to the commit at another node. The last line is one
JSON object: for each rate the share delivered, p50 and p99 in ms, and the CPU time a node spends on an
entry, publishing included, in ms.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import time
from typing import Any

import trio
from mesh import Node, running_node

from gossip.proto.events import Committed
from node.apps.feed.bodies import Post, compose
from node.signing import Intent
from node.testing.people import Person
from store.entry import SALT_BYTES, content_of
from store.ids import LOG_FEED, AuthorId

Json = dict[str, Any]

TEXT_BYTES = 300
SETTLE_S = 5.0
"""After the last post of a rate: what has not come by then counts as lost."""


class Arrivals:
    """What came from others: when it was published (in its text) and when it was committed here."""

    def __init__(self, device: AuthorId) -> None:
        self._device = device
        self.delays_ms: list[float] = []

    def note(self, commit: Committed) -> None:
        """Take the time of every entry of another node."""
        now = time.time()
        for piece in commit.pieces:
            if piece[0].author == self._device or piece[0].log != LOG_FEED:
                continue
            for entry in piece:
                assert entry.body is not None
                published = float(content_of(entry.body)[1].split(" ", 1)[0])
                self.delays_ms.append((now - published) * 1_000)


async def publish(node: Node, rate: float, seconds: float, chance: random.Random) -> int:
    """Publish `rate` posts a second, each on its own, at random moments; how many there were."""
    count = 0
    due = trio.current_time()
    end = due + seconds
    async with trio.open_nursery() as nursery:
        while True:
            due += chance.expovariate(rate)
            if due >= end:
                break
            await trio.sleep_until(due)
            count += 1
            nursery.start_soon(post, node, chance.randbytes(SALT_BYTES))
    return count


async def post(node: Node, salt: bytes) -> None:
    """Publish one post that says when."""
    text = f"{time.time():.6f} ".ljust(TEXT_BYTES, "x")
    await node.author.write(LOG_FEED, [Intent(compose(Post(text, ""), salt))])


async def follow(node: Node, arrivals: Arrivals) -> None:
    """Note what is committed."""
    with node.bus.follow() as follower:
        async for change in follower:
            if not isinstance(change, Committed):
                raise RuntimeError("the benchmark itself did not keep up")
            arrivals.note(change)


async def run_node(number: int, names: list[str]) -> None:
    """One process: obey the lines that come on standard input."""
    friends = [Person(name) for name in names]
    person = friends[number]
    chance = random.Random(number)
    arrivals = Arrivals(person.id)
    async with running_node(person, friends, target_links=2) as node, trio.open_nursery() as nursery:
        nursery.start_soon(follow, node, arrivals)
        print(json.dumps({"address": node.host.addresses[0]}), flush=True)
        lines = trio.wrap_file(sys.stdin)
        async for line in lines:
            order = json.loads(line)
            if "dial" in order:
                node.know(friends[order["device"]].id, order["dial"])
            elif "rate" in order:
                cpu = time.process_time()
                arrivals.delays_ms.clear()
                sent = await publish(node, order["rate"], order["seconds"], chance)
                await trio.sleep(SETTLE_S)
                cpu_s = time.process_time() - cpu
                print(json.dumps({"sent": sent, "cpu_s": cpu_s, "delays": arrivals.delays_ms}), flush=True)
            elif "links" in order:
                print(json.dumps({"links": len(node.driver.neighbours())}), flush=True)
        nursery.cancel_scope.cancel()


class Process:
    """A node in a process of its own."""

    def __init__(self, number: int, nodes: int) -> None:
        command = [sys.executable, __file__, "--node", str(number), "--nodes", str(nodes)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.answer()["address"]

    def tell(self, **order: object) -> None:
        """Give an order."""
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)

    def answer(self) -> Json:
        """The next answer."""
        assert self._process.stdout is not None
        heard: Json = json.loads(self._process.stdout.readline())
        return heard

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()


def measure(processes: list[Process], rate: float, seconds: float) -> Json:
    """One rate: publish, wait, and put the answers together."""
    for process in processes:
        process.tell(rate=rate / len(processes), seconds=seconds)
    answers = [process.answer() for process in processes]
    sent = sum(answer["sent"] for answer in answers)
    delays = sorted(delay for answer in answers for delay in answer["delays"])
    expected = sent * (len(processes) - 1)
    cpu_ms = sum(answer["cpu_s"] for answer in answers) * 1_000
    return {
        "rate": rate,
        "delivered": round(len(delays) / expected, 4),
        "p50_ms": round(delays[len(delays) // 2], 1),
        "p99_ms": round(delays[int(len(delays) * 0.99)], 1),
        "cpu_ms_per_entry_per_node": round(cpu_ms / sent / len(processes), 3),
    }


def main() -> None:
    """Run the nodes and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rates", default="20,100,1000")
    parser.add_argument("--node", type=int, default=-1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.node >= 0:
        trio.run(run_node, given.node, [f"node {number}" for number in range(given.nodes)])
        return
    processes = [Process(number, given.nodes) for number in range(given.nodes)]
    try:
        for number, process in enumerate(processes):
            beyond = (number + 1) % len(processes)
            process.tell(dial=processes[beyond].address, device=beyond)
        time.sleep(5)
        for process in processes:
            process.tell(links=True)
        print("links:", [process.answer()["links"] for process in processes], flush=True)
        rates = []
        for rate in map(float, given.rates.split(",")):
            rates.append(measure(processes, rate, given.seconds))
            print(json.dumps(rates[-1]), flush=True)
        print(json.dumps({"nodes": given.nodes, "rates": rates}))
    finally:
        for process in processes:
            process.end()


if __name__ == "__main__":
    main()
