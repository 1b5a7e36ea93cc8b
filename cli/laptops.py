"""Nodes as processes of their own: what `aster demo` plays with, and tests that want real processes.

A `Laptop` runs this same command as a person would, with a home of its own in a folder that it is given.
Everything is on 127.0.0.1.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import cli
from cli.session import Json
from node.doors.control.client import Client
from node.errors import NodeError
from node.paths import Paths

START_DEADLINE_S: Final = 100.0
"""For a daemon to say that it is ready; on a small busy machine libp2p alone takes seconds to import."""

ARRIVAL_DEADLINE_S: Final = 100.0
"""For an entry to arrive. Usually some hundredths of a second; some seconds after a restart, and a minute
where only the sync of each minute brings it."""

END_DEADLINE_S: Final = 60.0
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"


CLOSE_LOOK_S: Final = 0.05
"""Between two looks at what a node says, while something is waited for."""


class DemoFailed(Exception):
    """Something that the demo promises did not come about."""


class _Place:
    """Keeps the port of a node that is off, so that no other process is given it before the node is back."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def keep(self, address: str) -> None:
        """Keep the port of an address. Who dials it is refused, as with nobody there."""
        self.give_up()
        if not address:
            return
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody was quicker
            self._socket.bind(("127.0.0.1", int(address.partition("/p2p/")[0].rpartition("/")[2])))

    def give_up(self) -> None:
        """Keep it no longer."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Laptop:
    """One node: a home and, while it is on, a daemon."""

    def __init__(self, name: str, folder: Path, *, listens: bool = True) -> None:
        """`listens`: without it config.toml says where; nowhere is as behind most routers."""
        self.name = name
        self._listens = listens
        self.home = folder / name
        self.device = ""
        self.address = ""
        self._daemon: subprocess.Popen[str] | None = None
        self._events: queue.Queue[Json | None] = queue.Queue()
        self._listener = threading.Thread()
        self._place = _Place()
        weakref.finalize(self, self._place.give_up)

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
                    *(["--listen", self.address.partition("/p2p/")[0] or LISTEN] if self._listens else []),
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
        self._place.give_up()
        self.device = event["device"]
        self.address = next(iter(event["addresses"]), "")

    def events(self) -> Iterator[Json]:
        """What the daemon tells from now on, until it says nothing for `START_DEADLINE_S` or ends."""
        with suppress(queue.Empty):
            while (event := self._events.get(timeout=START_DEADLINE_S)) is not None:
                yield event

    def call(self, method: str, **params: object) -> Json:
        """Ask the daemon through its control socket, without a process of its own. Raises: DemoFailed."""
        try:
            return Client(Paths(self.home)).call(method, params)
        except NodeError as error:
            raise DemoFailed(f"{self.name}: {method}: {error.message}") from error

    def lines(self, method: str, **params: object) -> list[Json]:
        """As `call`, for a method that answers with one object a line. Raises: DemoFailed."""
        try:
            return list(Client(Paths(self.home)).stream(method, params))
        except NodeError as error:
            raise DemoFailed(f"{self.name}: {method}: {error.message}") from error

    def wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        """Look again and again whether something is so by now. Raises: DemoFailed: not in time."""
        deadline = time.monotonic() + ARRIVAL_DEADLINE_S
        while not holds():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{self.name}: after {ARRIVAL_DEADLINE_S:.0f} s not yet so: {what}")
            time.sleep(CLOSE_LOOK_S)

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
        return str(self.call("post", text=text)["id"])

    def put(self, name: str, text: str) -> str:
        """Publish a version of a document in the same way; its id."""
        return str(self.call("doc/put", name=name, text=text)["id"])

    def messages(self) -> list[Json]:
        """What `aster read` shows here, with or without a daemon."""
        return [json.loads(line) for line in self.aster("read", "--json").splitlines()]

    def kill(self) -> None:
        """End the daemon with SIGKILL, as a power cut would."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._place.keep(self.address)
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
        self._place.keep(self.address)
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
