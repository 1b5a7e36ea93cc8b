"""`aster demo`: a hub and two laptops as processes of their own, one of them killed, and what happens.

The demo does what a person would: it runs this same command in other processes, each with a home in a
temporary folder, and looks with `aster read` whether it came about. Everything is on 127.0.0.1.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import cli
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled
from cli.session import Json
from node.doors.control.client import Client
from node.errors import Missing, NodeError
from node.paths import Paths

START_DEADLINE_S: Final = 60.0
"""For a daemon to say that it is ready; on a small busy machine libp2p alone takes seconds to import."""

ARRIVAL_DEADLINE_S: Final = 30.0
"""For an entry to arrive. Usually some hundredths of a second; some seconds after a restart."""

END_DEADLINE_S: Final = 15.0
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"
EXIT_FAILED: Final = 1

MESSAGES: Final = (
    "Good morning from alice. The assembly is on Sunday at ten.",
    "Собрание в воскресенье, в десять утра.",
    "Who can bring bread?",
)
MISSED: Final = ("Bob, are you there?", "Bread is found, thank you all.")
DOCUMENT: Final = "agenda.md"
FIRST_AGENDA: Final = "# Agenda\n\n1. The kitchen\n"
NEXT_AGENDA: Final = "# Agenda\n\n1. The kitchen\n2. The roof\n"


class DemoFailed(Exception):
    """Something that the demo promises did not come about."""


class Laptop:
    """One node: a home and, while it is on, a daemon."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.home = folder / name
        self.device = ""
        self.address = ""
        self._daemon: subprocess.Popen[str] | None = None
        self._events: queue.Queue[Json | None] = queue.Queue()
        self._listener = threading.Thread()

    def aster(self, *arguments: str, stdin: str = "") -> str:
        """Run `aster` for this home and return what it says. Raises: DemoFailed."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            input=stdin,
            env=self._environment(),
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=START_DEADLINE_S,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(
                f"{self.name}: aster {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
            )
        return done.stdout

    def start(self, *options: str) -> None:
        """Start the daemon. `ready` waits for it."""
        self._events = queue.Queue()
        with (self.home / "demo.err").open("a") as errors:
            self._daemon = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "cli",
                    "run",
                    "--json",
                    "--listen",
                    self.address.partition("/p2p/")[0] or LISTEN,
                    *options,
                ],
                env=self._environment(),
                cwd=self.home.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
        self._listener = threading.Thread(target=_listen, args=(self._daemon, self._events), daemon=True)
        self._listener.start()

    def ready(self) -> None:
        """Wait until the daemon says that it is ready. Raises: DemoFailed."""
        try:
            event = self._events.get(timeout=START_DEADLINE_S)
        except queue.Empty:
            raise DemoFailed(f"{self.name} was not ready within {START_DEADLINE_S:.0f} s") from None
        if event is None or event.get("event") != "ready":
            raise DemoFailed(f"{self.name} did not start: {(self.home / 'demo.err').read_text()}")
        self.device = event["device"]
        self.address = event["addresses"][0]

    def events(self) -> Iterator[Json]:
        """What the daemon tells from now on, until it says nothing for `START_DEADLINE_S` or ends."""
        with suppress(queue.Empty):
            while (event := self._events.get(timeout=START_DEADLINE_S)) is not None:
                yield event

    def wait_for(self, entry: str) -> None:
        """Wait until an entry is here. Raises: DemoFailed."""
        try:
            answer = Client(Paths(self.home)).call(
                "wait", {"id": entry, "timeout_s": ARRIVAL_DEADLINE_S}, extra_timeout_s=ARRIVAL_DEADLINE_S
            )
        except NodeError as error:
            raise DemoFailed(f"{self.name}: {error.message}") from error
        if not answer["ok"]:
            raise DemoFailed(f"after {ARRIVAL_DEADLINE_S:.0f} s it had not arrived at {self.name}")

    def post(self, text: str) -> str:
        """Publish a message through the control socket, without a process of its own; its id."""
        return str(Client(Paths(self.home)).call("post", {"text": text})["id"])

    def put(self, name: str, text: str) -> str:
        """Publish a version of a document in the same way; its id."""
        return str(Client(Paths(self.home)).call("doc/put", {"name": name, "text": text})["id"])

    def messages(self) -> list[Json]:
        """What `aster read` shows here."""
        return [json.loads(line) for line in self.aster("read", "--json").splitlines()]

    def kill(self) -> None:
        """End the daemon with SIGKILL, as a power cut would."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._listener.join()
            self._daemon = None

    def end(self) -> None:
        """End the daemon with SIGTERM. Raises: DemoFailed: not in time, or not in good order."""
        if self._daemon is None:
            return
        self._daemon.terminate()
        try:
            code = self._daemon.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"{self.name} did not end within {END_DEADLINE_S:.0f} s") from None
        self._listener.join()
        self._daemon = None
        if code:
            raise DemoFailed(f"{self.name} ended with exit code {code}")

    def _environment(self) -> dict[str, str]:
        """The surroundings of a process: its home, and the place where this very program lies."""
        place = str(Path(cli.__file__).parents[1])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASTERISM_")}
        path = os.pathsep.join(filter(None, [place, kept.get("PYTHONPATH")]))
        return {**kept, "ASTERISM_HOME": str(self.home), "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}


def _listen(daemon: "subprocess.Popen[str]", events: "queue.Queue[Json | None]") -> None:
    """Queue what a daemon tells; None at its end."""
    assert daemon.stdout is not None
    with daemon.stdout:
        for line in daemon.stdout:
            events.put(json.loads(line))
    events.put(None)


class Story:
    """Says what happens, with the time since the beginning."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._begun = time.monotonic()

    def tell(self, text: str, **facts: object) -> None:
        """One thing that happened."""
        at_s = time.monotonic() - self._begun
        if self._screen.as_json:
            self._screen.emit({"at_s": round(at_s, 3), "text": text, **facts}, flush=True)
        else:
            self._screen.say(Styled(f"{at_s:6.1f} s", "dim"), f"  {text}", flush=True)

    def more(self, text: str) -> None:
        """A detail, for people alone."""
        if not self._screen.as_json:
            self._screen.say(f"          {text}", flush=True)


def demo(as_json: AsJson = False, quiet: Quiet = False) -> int:
    """See it work: a hub and two laptops on this machine, one of them killed in the middle.

    Takes about ten seconds, needs no home and no network, and leaves nothing behind. Ends with exit code 0
    only if everything that it tells came about.

    Examples:
    aster demo
    """
    screen = Screen(as_json, quiet)
    story = Story(screen)
    try:
        with _laptops() as (hub, alice, bob):
            _found(story, hub, alice, bob)
            _publish(story, hub, alice, bob)
            _lose_and_recover(story, hub, alice, bob)
            _compare(story, hub, alice, bob)
    except (DemoFailed, NodeError, subprocess.TimeoutExpired, OSError) as error:
        screen.complain(f"aster: the demo failed: {error}")
        screen.complain("Please report it with the lines above.")
        return EXIT_FAILED
    return 0


@contextmanager
def _laptops() -> Iterator[tuple[Laptop, Laptop, Laptop]]:
    """Three homes in a folder that is gone afterwards, with their processes."""
    folder = Path(tempfile.mkdtemp(prefix="aster-demo-"))
    nodes = (Laptop("hub", folder), Laptop("alice", folder), Laptop("bob", folder))
    try:
        yield nodes
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _found(story: Story, hub: Laptop, alice: Laptop, bob: Laptop) -> None:
    story.tell("Alice founds a network and gives its file to bob and to a hub, a node that is always on.")
    alice.aster("init", "--name", "alice", "--network-name", "demo", "--unattended")
    file = alice.aster("network", "export")
    for node in (hub, bob):
        node.aster("init", "--name", node.name, "--network", "-", "--unattended", stdin=file)
    for node in (hub, alice, bob):
        node.start(*(("--hub",) if node is hub else ()))
    for node in (hub, alice, bob):
        node.ready()
    story.tell(
        "All three run, each a process of its own with an encrypted store of its own.",
        devices={node.name: node.device for node in (hub, alice, bob)},
    )
    for node in (hub, alice, bob):
        story.more(f"{node.name:<6}{node.address}")
    for node, other in ((hub, alice), (hub, bob), (alice, bob), (bob, alice)):
        node.aster("peer", "add", other.device, "--name", other.name)
    for node in (alice, bob):
        node.aster("peer", "add", hub.address, "--name", "hub")
    story.tell("They let each other in. Alice and bob know the hub's address, but not each other's.")


def _publish(story: Story, hub: Laptop, alice: Laptop, bob: Laptop) -> None:
    first = _id(alice.aster("post", MESSAGES[0], "--json"))
    bob.wait_for(first)
    story.tell(f"Alice publishes {MESSAGES[0]!r}: it is at the hub and, through the hub, at bob.")
    for text in MESSAGES[1:]:
        _tell_arrival(story, f"Alice publishes {text!r}", partial(alice.post, text), hub, bob)
    _tell_arrival(
        story,
        f"Alice publishes the document {DOCUMENT}",
        partial(alice.put, DOCUMENT, FIRST_AGENDA),
        hub,
        bob,
    )
    story.tell("Bob reads:")
    for message in bob.messages():
        story.more(f"{message['name']}: {message['text']}")
    if [message["text"] for message in bob.messages()] != list(MESSAGES):
        raise DemoFailed("bob does not read what alice wrote")
    if bob.aster("doc", "show", DOCUMENT, "--quiet") != FIRST_AGENDA:
        raise DemoFailed("bob's document is not alice's")


def _tell_arrival(story: Story, what: str, publish: Callable[[], str], *nodes: Laptop) -> None:
    """Publish an entry, wait for it at several nodes at once, and say how long each had to wait for it."""
    begun = time.monotonic()
    entry = publish()
    took_ms: dict[str, int] = {}
    failures: list[DemoFailed] = []

    def watch(node: Laptop) -> None:
        try:
            node.wait_for(entry)
            took_ms[node.name] = round((time.monotonic() - begun) * 1000)
        except DemoFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=watch, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    arrivals = ", ".join(f"at {name} after {ms} ms" for name, ms in took_ms.items())
    story.tell(f"{what}: {arrivals}.", arrived_ms=took_ms)


def _lose_and_recover(story: Story, hub: Laptop, alice: Laptop, bob: Laptop) -> None:
    bob.kill()
    story.tell("Bob's laptop is switched off without warning (kill -9).")
    entries = [_id(alice.aster("post", text, "--json")) for text in MISSED]
    entries.append(_id(alice.aster("doc", "put", "-", "--as", DOCUMENT, "--json", stdin=NEXT_AGENDA)))
    for entry in entries:
        hub.wait_for(entry)
    alice.end()
    story.tell("Meanwhile alice publishes two messages and a new version of the document, and goes offline.")
    begun = time.monotonic()
    bob.start()
    bob.ready()
    ready_s = time.monotonic() - begun
    for entry in entries:
        bob.wait_for(entry)
    caught_up_s = time.monotonic() - begun
    story.tell(
        f"Bob starts again: ready after {ready_s:.1f} s, and after {caught_up_s:.1f} s he has all he missed.",
        ready_s=round(ready_s, 3),
        caught_up_s=round(caught_up_s, 3),
    )
    for message in bob.messages()[-len(MISSED) :]:
        story.more(f"{message['name']}: {message['text']}")


def _compare(story: Story, hub: Laptop, alice: Laptop, bob: Laptop) -> None:
    shown = [[message["id"] for message in node.messages()] for node in (hub, alice, bob)]
    if not shown[0] == shown[1] == shown[2]:
        raise DemoFailed("the three nodes do not show the same messages")
    if [message["text"] for message in bob.messages()] != [*MESSAGES, *MISSED]:
        raise DemoFailed("a message is missing")
    for node in (hub, alice, bob):
        if node.aster("doc", "show", DOCUMENT, "--quiet") != NEXT_AGENDA:
            raise DemoFailed(f"the document at {node.name} is not the newest version")
        if json.loads(node.aster("log", "verify", "--json"))["bad"]:
            raise DemoFailed(f"a log at {node.name} is damaged")
    story.tell("All three hold the same, every signature is good, and nothing was lost.")
    bob.end()
    hub.end()
    story.tell("Everything that was promised came about.", ok=True)


def _id(answer: str) -> str:
    entry = json.loads(answer).get("id")
    if not isinstance(entry, str):
        raise Missing("An answer without an id.", "")
    return entry
