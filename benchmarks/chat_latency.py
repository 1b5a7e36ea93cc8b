"""Two members and a hub in three processes: how soon is what one sends shown to the other?

    python benchmarks/chat_latency.py [--messages 200] [--pause-ms 50]

Real daemons over libp2p on 127.0.0.1. The two listen nowhere, as behind most routers, so that all goes
through the hub. The time of a message is from the call of `chat/send` to the line of `chat/follow` at the
other: the full sync of the sender's disk, the way through the mesh, and opening included. The last line is
one JSON object: `p50_ms`, `p99_ms`, `messages`, `lost`, and `direct`: were the two connected beside the hub?
"""

import argparse
import json
import re
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from cli.laptops import Laptop
from node.doors.control.client import Client
from node.errors import NodeError
from node.paths import Paths

ARRIVAL_S = 30.0


def make(folder: Path) -> list[Laptop]:
    """Alice, Bob and a hub, who let each other in; their daemons run."""
    made = [Laptop(name, folder, listens=name == "hub") for name in ("alice", "bob", "hub")]
    alice, *others = made
    alice.aster("init", "--name", "alice", "--unattended")
    charter = alice.aster("network", "export")
    for each in others:
        each.aster("init", "--name", each.name, "--unattended", "--network", "-", stdin=charter)
    for each in made[:2]:
        config = each.home / "config.toml"
        config.write_text(re.sub(r"(?m)^listen = .*$", "listen = []", config.read_text("utf-8")), "utf-8")
    for each in made:
        each.start(*(["--hub"] if each.name == "hub" else []))
    for each in made:
        each.ready()
    hub = made[-1]
    for each in made:
        for other in made:
            if other is not each:
                where = other.address if other is hub else other.device
                each.aster("peer", "add", where, "--name", other.name)
    return made


def follow(node: Laptop, seen: dict[str, float], ready: threading.Event) -> None:
    """Note when each message is shown."""
    ready.set()
    with suppress(NodeError):  # the daemon ends while we follow
        for message in Client(Paths(node.home)).stream("chat/follow", {}):
            seen[message["id"]] = time.perf_counter()


def measure(alice: Laptop, bob: Laptop, messages: int, pause_s: float) -> list[float]:
    """Milliseconds from sending to shown, of each message that came."""
    first = alice.call("chat/send", chat="bob", text="first: begins the session")["id"]
    alice.wait_until(
        "the first came", lambda: alice.call("chat/wait", id=first, state="delivered", timeout_s=1)["ok"]
    )
    seen: dict[str, float] = {}
    ready = threading.Event()
    threading.Thread(target=follow, args=(bob, seen, ready), daemon=True).start()
    ready.wait()
    time.sleep(0.5)
    sent: dict[str, float] = {}
    for number in range(messages):
        begun = time.perf_counter()
        sent[alice.call("chat/send", chat="bob", text=f"message {number}")["id"]] = begun
        time.sleep(pause_s)
    deadline = time.monotonic() + ARRIVAL_S
    while sent.keys() - seen.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    return [1_000 * (seen[each] - begun) for each, begun in sent.items() if each in seen]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--pause-ms", type=float, default=50.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asterism-") as folder:
        alice, bob, hub = make(Path(folder))
        try:
            delays = sorted(measure(alice, bob, given.messages, given.pause_ms / 1_000))
            peers = alice.call("peer/list")["peers"]
        finally:
            for each in (alice, bob, hub):
                each.kill()
    figures = {
        "p50_ms": round(statistics.median(delays), 1),
        "p99_ms": round(delays[min(len(delays) - 1, int(0.99 * len(delays)))], 1),
        "messages": len(delays),
        "lost": given.messages - len(delays),
        "direct": any(peer["connected"] for peer in peers if peer["device"] == bob.device),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
