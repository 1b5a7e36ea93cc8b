"""A federation as people have it: real processes, each with a home of its own, on 127.0.0.1."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.laptops import Laptop
from node.doors.control.client import Client
from node.errors import NotSigning
from node.federation.bare import invite_key
from node.federation.code import Contact, Invite, encode, parse, place_of
from node.federation.statements import FOR_MEMBERS, Grant, compose_grant
from node.founding import now_ms, write_own
from node.home import open_home
from node.newcomers.staging import FOLDER
from node.paths import Paths
from store.entry import SALT_BYTES
from store.ids import LOG_ID, AuthorId, from_text, to_text

DEADLINE_S = 100


class Machine(Laptop):
    """A laptop or a hub, and the words that its owner wrote down."""

    def __init__(self, name: str, folder: Path, owner: str = "") -> None:
        super().__init__(name, folder)
        self.words = folder / f"{owner or name}.words"
        self.network = b""

    def remember(self, answer: str) -> "Machine":
        """Note what `--json` said of a home that was just made."""
        made = json.loads(answer)
        self.device, self.network = made["device"], from_text(made["network"])
        return self

    def up(self, *options: str) -> "Machine":
        self.start(*options)
        self.ready()
        return self

    def call(self, method: str, **params: object) -> dict:
        return Client(Paths(self.home)).call(method, params)

    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages()]

    def code(self, hub: "Machine", uses: int = 1) -> tuple[str, str]:
        """Make an invite while the daemon is off: the id of its grant, and its code."""
        secret = os.urandom(16)
        with open_home(Paths(self.home), lambda: None, writing=True) as home:
            assert home.membership is not None
            state = home.membership.roster.sections()[0].state
            terms = Grant(state, invite_key(secret).author, uses, now_ms() + 3_600_000, FOR_MEMBERS)
            [entry] = write_own(home, LOG_ID, [compose_grant(os.urandom(SALT_BYTES), terms)])
        invite = Invite(self.network[:16], secret, hub.author, place_of(hub.address))
        return to_text(entry.id), encode(invite)

    def contact(self) -> str:
        return encode(Contact(self.network[:16], self.author, place_of(self.address)))

    @property
    def author(self) -> AuthorId:
        return AuthorId(from_text(self.device))


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Makes machines, whose daemons are killed at the end."""
    made: list[Machine] = []

    def make(name: str, owner: str = "") -> Machine:
        made.append(Machine(name, tmp_path, owner))
        return made[-1]

    yield make
    for machine in made:
        machine.kill()


def found(alice: Machine) -> Machine:
    answer = alice.aster(
        *("federation", "found", "--name", "Federation X", "--section", "Lyon", "--as", "Alice"),
        *("--words-file", str(alice.words), "--unattended", "--json"),
    )
    return alice.remember(answer)


def link(machine: Machine, code: str) -> Machine:
    answer = machine.aster(
        *("device", "link", code, "--name", machine.name, "--words-file", str(machine.words)),
        *("--unattended", "--json"),
    )
    return machine.remember(answer)


def join(machine: Machine, code: str, name: str) -> Machine:
    return machine.remember(machine.aster(*join_line(machine, code, name)))


def join_line(machine: Machine, code: str, name: str) -> list[str]:
    return [
        *("join", code, "--name", name, "--words-file", str(machine.words)),
        *("--unattended", "--json"),
    ]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for what no process tells by itself."""
    until = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_somebody_joins_while_the_steward_is_away_and_all_read_each_other(machines):
    alice = found(machines("alice")).up()
    hub = link(machines("hub", "alice"), alice.contact()).up("--hub")
    alice.end()
    grant, code = alice.code(hub)
    alice.up()
    hub.wait_for(grant)
    alice.end()

    bob = join(machines("bob"), code, "Bob").up()
    hub.wait_for(bob.post("hello, I am Bob"))
    alice.up()
    welcome = alice.post("welcome, Bob")
    bob.wait_for(welcome)
    expected = ["hello, I am Bob", "welcome, Bob"]
    for machine in (alice, bob, hub):
        wait_until(lambda machine=machine: machine.texts() == expected, f"{machine.name} reads all")

    phone = link(machines("phone", "bob"), hub.contact()).up()
    phone.wait_for(welcome)
    alice.wait_for(phone.post("from my phone"))
    for machine in (alice, bob, phone, hub):
        machine.end()


def test_a_lost_laptop_is_cut_off_everywhere_while_a_thief_uses_it(machines):
    alice = found(machines("alice"))
    alice.up().end()
    _, code = alice.code(alice)
    alice.up("--hub")
    bob = join(machines("bob"), code, "Bob").up()
    kept = bob.post("before it was stolen")
    alice.wait_for(kept)

    new = machines("new", "bob")
    answer = json.loads(
        new.aster(
            *("recover", alice.contact(), "--name", "new laptop", "--words-file", str(new.words)),
            *("--unattended", "--yes", "--json"),
        )
    )
    assert [each["device"] for each in answer["cut"]] == [bob.device]
    assert answer["held"] is True
    new.remember(json.dumps(answer)).up()
    with suppress(NotSigning):  # it may have heard already what was cut
        bob.post("by the thief")
    alice.wait_for(new.post("I am back"))
    new.wait_for(alice.post("good to read you"))
    wanted = ["before it was stolen", "I am back", "good to read you"]
    assert alice.texts() == new.texts() == wanted
    for machine in (alice, new):
        logs = {(log["author"], log["log"]): log for log in machine.call("log/list")["logs"]}
        assert logs[bob.device, "feed"]["entries"] == 1


class Line:
    """A port of its own that leads to another one; what comes back from there is held back at will."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.holds_back: Callable[[], bool] = lambda: False
        """Asked before each piece that comes back, and again while it says so."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pump, args=(ours, theirs, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(theirs, ours, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_back: bool) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(65_536):
                while is_back and self.holds_back():
                    time.sleep(0.05)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def line_to() -> Iterator[Callable[[int], Line]]:
    made: list[Line] = []

    def lay(port: int) -> Line:
        made.append(Line(port))
        return made[-1]

    yield lay
    for line in made:
        line.close()


def test_a_join_that_is_killed_goes_on_and_uses_no_second_place(machines, line_to):
    alice = found(machines("alice"))
    alice.up().end()
    _, code = alice.code(alice)
    alice.up("--hub")
    line = line_to(place_of(alice.address).port)
    invite = parse(code)
    code = encode(invite._replace(place=invite.place._replace(port=line.port)))
    bob = machines("bob")

    def others() -> list[str]:
        logs = alice.call("log/list")["logs"]
        return [log["author"] for log in logs if log["log"] == "id" and log["author"] != alice.device]

    line.holds_back = lambda: bool(others())
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *join_line(bob, code, "Bob")],
        env=bob._environment(),
        cwd=bob.home.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: bool(others()), "the hub takes the newcomer in")
    finally:
        process.kill()
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
    [device] = others()
    assert not Paths(bob.home).network.exists()
    assert (bob.home / FOLDER).exists()
    words = bob.words.read_text()

    line.holds_back = lambda: False
    join(bob, code, "Bob")
    assert bob.device == device
    assert bob.words.read_text() == words
    assert not (bob.home / FOLDER).exists()
    bob.up()
    alice.wait_for(bob.post("here I am"))
    assert others() == [device]


def test_a_join_that_is_killed_before_it_began_leaves_nothing_and_begins_anew(machines, line_to):
    alice = found(machines("alice"))
    alice.up().end()
    _, code = alice.code(alice)
    alice.up("--hub")
    bob = machines("bob")
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *join_line(bob, code, "Bob")],
        env=bob._environment(),
        cwd=bob.home.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        ready, _, _ = select.select([process.stderr], [], [], DEADLINE_S)
        assert ready, "a line of progress comes at once"
        assert b"Looking for the hub" in process.stderr.readline()
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        process.stderr.close()
    assert not Paths(bob.home).network.exists()
    join(bob, code, "Bob")
    bob.up()
    alice.wait_for(bob.post("here I am"))
