"""How soon does somebody read who was just given a code?

    python benchmarks/join.py [entries] [times]

A federation is founded; its hub, a process of its own over libp2p on 127.0.0.1, holds 10,000 posts of 20
members, each signed. Then, on a bare machine (a new folder, new processes): `aster join CODE`, `aster run`,
and messages are asked for through the control socket until they are there. Each time it is somebody new.
Prints; the last line is one JSON object, medians:

    join_s              from the start of `aster join` to the first readable message
    connected_to_50_s   from being connected, as `aster status` tells, to the newest 50 messages
    join_command_s      `aster join` alone: keys, home, hub, admission
    ready_s             from the start of `aster run` until it is ready
    all_s               from being connected until everything is here
    entries             that the hub holds
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from gossip.proto.events import Accepted
from node.apps.directory import bodies as directory
from node.apps.feed.bodies import Post, compose
from node.apps.registry import LOG_PROFILE
from node.doors.control.client import Client
from node.errors import NodeError
from node.federation.bare import invite_key
from node.federation.code import Invite, encode, place_of
from node.federation.inception import read_inception
from node.federation.limits import MAX_USES
from node.federation.names import StateId
from node.federation.statements import FOR_MEMBERS, Grant, compose_admission, compose_grant
from node.founding import write_own
from node.home import Home, open_home
from node.paths import Paths
from node.running import keep
from node.testing.citizens import Citizen, Device
from store.crypto import digest
from store.entry import MAX_TIME_MS, SALT_BYTES, Entry, sign
from store.ids import LOG_FEED, LOG_ID, AuthorId, LogNo, from_text

ENTRIES = 10_000
TIMES = 5
MEMBERS = 20
NEWEST = 50
APART_MS = 30_000
"""Between two messages: 10,000 of them are three and a half days."""

DEADLINE_S = 120.0
LOOK_S = 0.02
INSTALLED = Path(sys.executable).with_name("aster")
ASTER = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "cli"]
SECRET = bytes(range(16))
LISTEN = "/ip4/127.0.0.1/tcp/0"
TEXTS = (
    "The kitchen opens at noon, and whoever can is asked to bring a chair.",
    "Собрание в воскресенье, в десять утра, у старой мельницы.",
    "明天上午十点在老地方开会。",
    "الاجتماع يوم الأحد في العاشرة صباحا",
)


def aster(home: Path, *arguments: str) -> str:
    """What a command says."""
    environment = {**os.environ, "ASTERISM_HOME": str(home)}
    return subprocess.run(
        [*ASTER, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=DEADLINE_S,
    ).stdout


# --- the federation ---------------------------------------------------------------------------------


class Writer:
    """A member's device that signs one log after the other."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.logs: dict[LogNo, list[Entry]] = {}

    def say(self, log: LogNo, body: bytes, time_ms: int) -> None:
        """Sign the next entry of a log."""
        entries = self.logs.setdefault(log, [])
        seq, back = len(entries) + 1, entries[-1].id if entries else b""
        entries.append(sign(self.device.key, self.device.network, log, seq, back, body, time_ms))


def write_posts(writers: list[Writer], entries: int) -> None:
    """Posts of all members in turn, the last one a moment ago."""
    now_ms = time.time_ns() // 1_000_000
    for writer in writers:
        name = directory.compose(writer.device.citizen.name, salt(0))
        writer.say(LOG_PROFILE, name, now_ms - entries * APART_MS)
    for number in range(entries):
        text = f"{number}: {TEXTS[number % len(TEXTS)]}"
        when_ms = now_ms - (entries - number) * APART_MS
        writers[number % len(writers)].say(LOG_FEED, compose(Post(text, ""), salt(number)), when_ms)


def salt(number: int) -> bytes:
    """Salt of a body."""
    return digest(number.to_bytes(8, "big"))[:SALT_BYTES]


async def take_in(home: Home, writers: list[Writer]) -> None:
    """Have the home take everything in as from a peer."""
    async with keep(home) as keeping:
        for logs in ([writer.device.log] for writer in writers), (writer.logs.values() for writer in writers):
            for log in [each for writer_logs in logs for each in writer_logs]:
                for at in range(0, len(log), NEWEST):
                    [verdict] = await keeping.intake.ingest(
                        [tuple(log[at : at + NEWEST])], home.device, each_signature=True
                    )
                    assert isinstance(verdict, Accepted), verdict


def found(folder: Path, entries: int) -> Path:
    """A federation whose founder's home is a full hub; the home."""
    hub = folder / "hub"
    words = str(folder / "alice.words")
    named = ("--name", "Federation X", "--section", "Lyon", "--as", "Alice")
    aster(hub, "federation", "found", *named, "--unattended", "--quiet", "--words-file", words)
    with open_home(Paths(hub), lambda: None, writing=True) as home:
        state = StateId(read_inception(home.charter.inceptions[0]).section)
        citizens = [Citizen(f"member {number}") for number in range(MEMBERS)]
        bodies = [
            compose_admission(salt(number), state, citizen.root) for number, citizen in enumerate(citizens)
        ]
        grant = Grant(state, invite_key(SECRET).author, MAX_USES, MAX_TIME_MS, FOR_MEMBERS)
        write_own(home, LOG_ID, [*bodies, compose_grant(salt(MEMBERS), grant)])
    writers = [Writer(citizen.device(home.network)) for citizen in citizens]
    write_posts(writers, entries)
    with open_home(Paths(hub), lambda: None, writing=True) as home:
        trio.run(take_in, home, writers)
        home.search().catch_up()
    return hub


# --- the measurement --------------------------------------------------------------------------------


class Daemon:
    """`aster run` and when it said what."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [*ASTER, "run", "--json", "--listen", LISTEN, *options],
            env={**os.environ, "ASTERISM_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: list[tuple[float, dict[str, Any]]] = []
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append((time.perf_counter(), json.loads(line)))

    def heard(self, event: str) -> float:
        """When it first told of an event, once it has."""
        for _ in until(f"the daemon tells {event}"):
            for at, news in self.told:
                if news["event"] == event:
                    return at
        raise AssertionError


@contextmanager
def running(home: Path, *options: str) -> Iterator[Daemon]:
    """A daemon over a home, ended at the end."""
    daemon = Daemon(home, *options)
    try:
        yield daemon
    finally:
        daemon.process.terminate()
        daemon.process.wait(30)


def until(what: str) -> Iterator[None]:
    """Look again and again. Raises: TimeoutError."""
    deadline = time.perf_counter() + DEADLINE_S
    while time.perf_counter() < deadline:
        yield
        time.sleep(LOOK_S)
    raise TimeoutError(f"after {DEADLINE_S:.0f} s it did not come about that {what}")


def newest(home: Path, limit: int) -> list[str]:
    """Ids of the newest messages that can be read. Raises: NodeError: nobody answers."""
    return [message["id"] for message in Client(Paths(home)).stream("read", {"limit": limit})]


def entries_of(home: Path) -> int:
    """How many entries a node holds."""
    return int(Client(Paths(home)).call("status")["entries"])


def join(code: str, hub: Path, home: Path) -> dict[str, float]:
    """Somebody joins at the hub; the figures."""
    wanted, held = newest(hub, NEWEST), entries_of(hub)
    begun = time.perf_counter()
    words = str(home.with_suffix(".words"))
    aster(home, "join", code, "--name", home.name, "--unattended", "--quiet", "--words-file", words)
    joined = time.perf_counter()
    with running(home) as daemon:
        at = watch(home, wanted, held)
        ready_s = daemon.heard("ready") - daemon.begun
    return {
        "join_s": at["first"] - begun,
        "connected_to_50_s": at["newest"] - at["connected"],
        "join_command_s": joined - begun,
        "ready_s": ready_s,
        "all_s": at["all"] - at["connected"],
    }


def watch(home: Path, wanted: list[str], held: int) -> dict[str, float]:
    """When a daemon that was just started had come so far, as its control door tells."""
    at: dict[str, float] = {}
    for _ in until("everything is here"):
        try:
            status = Client(Paths(home)).call("status")
            shown = newest(home, NEWEST)
        except NodeError:  # it does not listen yet
            continue
        reached = {
            "connected": any(peer["connected"] for peer in status["peers"]),
            "first": bool(shown),
            "newest": shown == wanted,
            "all": status["entries"] >= held,
        }
        now = time.perf_counter()
        at.update((name, now) for name, is_so in reached.items() if is_so and name not in at)
        if len(at) == len(reached):
            return at
    raise AssertionError


def invite(daemon: Daemon) -> str:
    """The code of the invite that was granted when the hub was filled."""
    daemon.heard("ready")
    ready = daemon.told[0][1]
    network, hub = from_text(Client(Paths(daemon.home)).call("status")["network"]), from_text(ready["device"])
    place = place_of(ready["addresses"][0].partition("/p2p/")[0])
    return encode(Invite(network[: len(SECRET)], SECRET, AuthorId(hub), place))


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    times = int(sys.argv[2]) if len(sys.argv) > 2 else TIMES
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        hub = found(Path(folder), entries)
        print(f"founded and filled in {time.perf_counter() - begun:.0f} s", flush=True)
        with running(hub, "--hub") as daemon:
            code = invite(daemon)
            figures = []
            for number in range(times):
                figures.append(join(code, hub, Path(folder, f"newcomer{number}")))
                print(json.dumps({name: round(value, 3) for name, value in figures[-1].items()}), flush=True)
            held = entries_of(hub)
    medians = {name: round(statistics.median(each[name] for each in figures), 2) for name in figures[0]}
    print(json.dumps({**medians, "entries": held}))


if __name__ == "__main__":
    main()
