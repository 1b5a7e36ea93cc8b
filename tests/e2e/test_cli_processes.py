"""`aster` as a person or a script has it: real processes, real homes, libp2p on 127.0.0.1."""
# long because its stories share the means to run homes as people do

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from cli.laptops import LISTEN, Laptop
from node.doors.control.client import Client
from node.home import is_held
from node.paths import Paths

DEADLINE_S = 100
FOREIGN = ("apsw", "libp2p", "nacl", "pydantic", "rich", "trio")
"""Libraries that a command which talks to the daemon has no time to import."""


@contextmanager
def laptop(folder: Path, name: str, *init: str, stdin: str = "") -> Iterator[Laptop]:
    """A home that was just made; its daemon is killed at the end if it still runs."""
    node = Laptop(name, folder)
    node.aster("init", "--name", name, "--unattended", *init, stdin=stdin)
    try:
        yield node
    finally:
        node.kill()


def start(*nodes: Laptop) -> None:
    """Start daemons at once and wait until all are ready."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.ready()


def run_aster(
    home: Path, *arguments: str, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `aster` for a home; whatever exit code it ends with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASTERISM_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        input=stdin,
        env={**kept, **variables, "ASTERISM_HOME": str(home)},
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def json_lines(text: str) -> list[dict[str, Any]]:
    """What `--json` printed."""
    return [json.loads(line) for line in text.splitlines()]


def at_terminal(home: Path, arguments: list[str], answers: list[str]) -> tuple[int, str]:
    """Run `aster` at a terminal where a person answers each question; exit code and what is shown."""
    ours, theirs = pty.openpty()
    with open(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            env={**os.environ, "ASTERISM_HOME": str(home)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        left = list(answers)
        try:
            while data := _read_terminal(terminal):
                shown += data
                if left and shown.endswith(b": "):
                    terminal.write(left.pop(0).encode() + b"\n")
            return process.wait(DEADLINE_S), shown.decode()
        finally:
            process.kill()


def _read_terminal(terminal: FileIO) -> bytes:
    """What is shown next; empty where the other side has gone, which Linux says with EIO."""
    try:
        return terminal.read(1000) or b""
    except OSError:
        return b""


def acquaint(one: Laptop, other: Laptop) -> None:
    """Let each other in; `one` knows where the other is."""
    one.aster("peer", "add", other.address, "--name", other.name)
    other.aster("peer", "add", one.device, "--name", one.name)


def test_what_one_publishes_the_other_reads_also_after_it_was_killed(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        file = alice.aster("network", "export")
        with laptop(tmp_path, "bob", "--network", "-", stdin=file) as bob:
            start(alice, bob)
            acquaint(bob, alice)
            post = json.loads(alice.aster("post", "hello bob", "--json"))
            document = json.loads(alice.aster("doc", "put", "-", "--as", "a.md", "--json", stdin="one\n"))
            assert (post["author"], post["log"], post["seq"]) == (alice.device, "feed", 1)
            for entry in (post["id"], document["id"]):
                bob.wait_for(entry)
            [message] = bob.messages()
            assert (message["text"], message["name"], message["id"]) == ("hello bob", "alice", post["id"])
            assert bob.aster("doc", "show", "a.md", "--quiet") == "one\n"

            answer = json.loads(bob.aster("post", "hello alice", "--reply-to", post["id"][:8], "--json"))
            alice.wait_for(answer["id"])
            assert alice.messages()[-1]["reply_to"] == post["id"]

            bob.kill()
            missed = json.loads(alice.aster("post", "while you were away", "--json"))
            bob.start()
            bob.ready()
            bob.wait_for(missed["id"])
            assert [each["text"] for each in bob.messages()] == [each["text"] for each in alice.messages()]
            [result] = [
                json.loads(line) for line in bob.aster("sync", "alice", "--explain", "--json").splitlines()
            ]
            assert result["ok"]
            assert {"rounds", "bytes_sent", "bytes_received", "entries_sent", "entries_received"} <= set(
                result
            )
            status = json.loads(bob.aster("status", "--json"))
            assert [(peer["device"], peer["connected"]) for peer in status["peers"]] == [(alice.device, True)]
            alice.end()
            bob.end()


def test_two_versions_at_once_are_both_kept_and_merged(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        file = alice.aster("network", "export")
        with laptop(tmp_path, "bob", "--network", "-", stdin=file) as bob:
            start(alice, bob)
            for node in (alice, bob):
                node.aster("doc", "put", "-", "--as", "plan", stdin=f"by {node.name}\n")
            acquaint(bob, alice)
            entries = [json.loads(node.aster("doc", "show", "plan", "--json"))["id"] for node in (alice, bob)]
            alice.wait_for(entries[1])
            bob.wait_for(entries[0])
            shown = json.loads(alice.aster("doc", "show", "plan", "--json"))
            assert sorted([shown["id"], *shown["concurrent"]]) == sorted(entries)
            refused = run_aster(alice.home, "doc", "put", "-", "--as", "plan", stdin=b"third\n")
            assert refused.returncode == 65
            merged = json.loads(
                alice.aster("doc", "put", "-", "--as", "plan", "--follows-all", "--json", stdin="merged\n")
            )
            assert sorted(merged["follows"]) == sorted(entries)
            bob.wait_for(merged["id"])
            assert bob.aster("doc", "show", "plan", "--quiet") == "merged\n"


def test_what_was_acknowledged_survives_kill_9_and_the_log_goes_on(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        start(alice)
        client = Client(Paths(alice.home))
        acknowledged = 0
        for number in range(20):
            answer = client.call("post-lines", {"lines": [f"{number}-{line}" for line in range(10)]})
            acknowledged += answer["count"]
        alice.kill()
        assert json.loads(alice.aster("log", "verify", "--json"))["bad"] == []
        assert len(alice.aster("read", "--json", "--limit", "1000").splitlines()) == acknowledged == 200
        start(alice)
        assert json.loads(alice.aster("post", "on we go", "--json"))["seq"] == 201
        alice.end()


def test_a_copied_home_signs_only_after_a_peer_has_told_its_own_entries(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        file = alice.aster("network", "export")
        with laptop(tmp_path, "hub", "--network", "-", stdin=file) as hub:
            start(alice, hub)
            acquaint(alice, hub)
            alice.aster("post", "one")
            alice.end()
            (tmp_path / "old").mkdir()
            shutil.copytree(alice.home, tmp_path / "old" / "alice")
            start(alice)
            hub.wait_for(json.loads(alice.aster("post", "two", "--json"))["id"])
            alice.end()
            hub.end()

            copy = Laptop("alice", tmp_path / "old")
            try:
                start(copy)
                refused = run_aster(copy.home, "post", "three")
                assert refused.returncode == 75
                assert "aster init --new-device" in refused.stderr
                hub.start()
                hub.ready()
                assert any(event["event"] == "signing" for event in copy.events())
                three = json.loads(copy.aster("post", "three", "--json"))
                assert three["seq"] == 3
                hub.wait_for(three["id"])
                assert not any(log["ended"] for log in json_lines(hub.aster("log", "list", "--json")))
            finally:
                copy.kill()


def test_a_follower_sees_new_messages_as_they_come(tmp_path):
    with laptop(tmp_path, "alice") as alice, ExitStack() as stack:
        start(alice)
        alice.aster("post", "old")
        environment = {**os.environ, "ASTERISM_HOME": str(alice.home)}
        follower = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "cli", "read", "--follow", "--json"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        stack.callback(follower.kill)
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["text"] == "old"
        alice.aster("post", "new")
        assert json.loads(follower.stdout.readline())["text"] == "new"
        alice.end()
        assert follower.wait(DEADLINE_S) == 69


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_daemon_without_a_traceback(number, tmp_path):
    with laptop(tmp_path, "alice") as alice:
        environment = {**os.environ, "ASTERISM_HOME": str(alice.home)}
        with subprocess.Popen(
            [sys.executable, "-m", "cli", "run", "--listen", LISTEN],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            try:
                assert daemon.stdout is not None
                assert daemon.stderr is not None
                assert "ready" in daemon.stdout.readline()
                daemon.send_signal(number)
                assert daemon.wait(DEADLINE_S) == 0
                assert "Traceback" not in daemon.stderr.read()
            finally:
                daemon.kill()
        assert not Paths(alice.home).control_socket.exists()


def test_a_home_has_one_daemon_and_stop_ends_it(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        start(alice)
        second = run_aster(alice.home, "run", "--listen", LISTEN)
        assert (second.returncode, second.stdout) == (75, "")
        assert "holds" in second.stderr or "run" in second.stderr
        assert len(second.stderr.splitlines()) == 2
        alice.aster("stop")
        assert not is_held(Paths(alice.home))
        alice.end()
        assert run_aster(alice.home, "post", "hello").returncode == 69


def test_a_port_in_use_is_named(tmp_path):
    with laptop(tmp_path, "alice") as alice, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
        done = run_aster(alice.home, "run", "--listen", address)
        assert done.returncode == 69
        assert address in done.stderr
        assert "Traceback" not in done.stderr
        malformed = run_aster(alice.home, "run", "--listen", "/ip4/nonsense")
        assert malformed.returncode == 65
        assert "/ip4/nonsense" in malformed.stderr


def test_a_passphrase_opens_a_home_and_a_wrong_one_does_not(tmp_path):
    home = tmp_path / "home"
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    right.chmod(0o600)
    wrong.chmod(0o600)
    assert run_aster(home, "init", "--name", "a", ASTERISM_PASSPHRASE_FILE=str(right)).returncode == 0
    assert run_aster(home, "status", ASTERISM_PASSPHRASE_FILE=str(right)).returncode == 0
    for command in (["status"], ["run"]):
        assert run_aster(home, *command, ASTERISM_PASSPHRASE_FILE=str(wrong)).returncode == 77
        none = run_aster(home, *command)
        assert none.returncode == 77
        assert "ASTERISM_PASSPHRASE_FILE" in none.stderr


def test_a_passphrase_is_asked_for_at_a_terminal(tmp_path):
    home = tmp_path / "home"
    assert at_terminal(home, ["init", "--name", "a"], ["one thing", "another"])[0] == 65
    assert not home.exists()
    code, shown = at_terminal(home, ["init", "--name", "a"], ["the same thing", "the same thing"])
    assert code == 0
    assert "Choose a passphrase" in shown
    assert "the same thing" not in shown
    assert at_terminal(home, ["status"], ["the same thing"])[0] == 0
    assert at_terminal(home, ["status"], ["another thing"])[0] == 77


def test_a_new_home_without_a_terminal_needs_a_passphrase_or_unattended(tmp_path):
    done = run_aster(tmp_path / "home", "init", "--name", "alice")
    assert done.returncode == 77
    assert "--unattended" in done.stderr
    assert not (tmp_path / "home" / "network.aster").exists()


def test_a_home_is_not_made_twice(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        before = (alice.home / "keys" / "device.key").read_bytes()
        assert run_aster(alice.home, "init", "--name", "again", "--unattended").returncode == 64
        assert (alice.home / "keys" / "device.key").read_bytes() == before


def test_nodes_of_two_networks_do_not_connect_and_say_why(tmp_path):
    with laptop(tmp_path, "alice") as alice, laptop(tmp_path, "bob") as bob:
        start(alice, bob)
        acquaint(bob, alice)
        done = run_aster(bob.home, "sync", "alice")
        assert done.returncode in (69, 76)
        bob.wait_until(
            "it is told why", lambda: "network" in (bob.call("status")["peers"][0]["problem"] or "")
        )
        status = json.loads(bob.aster("status", "--json"))
        assert [peer["connected"] for peer in status["peers"]] == [False]
        assert "network" in status["peers"][0]["problem"]


def test_peers_are_let_in_without_a_daemon_too(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        start(alice)
        device = alice.device
        address = alice.address
        alice.end()
        with laptop(tmp_path, "bob") as bob:
            added = json.loads(bob.aster("peer", "add", address, "--name", "alice", "--json"))
            assert added["device"] == device
            [peer] = json_lines(bob.aster("peer", "list", "--json"))
            assert (peer["name"], peer["device"], peer["connected"]) == ("alice", device, False)
            malformed = run_aster(bob.home, "peer", "add", "/ip4/1.2.3/tcp/x")
            assert malformed.returncode == 65
            bob.aster("peer", "remove", "alice")
            assert run_aster(bob.home, "peer", "remove", "alice").returncode == 66
            assert bob.aster("peer", "list", "--json") == ""


def test_input_that_breaks_a_rule_is_refused_and_nothing_is_published(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        start(alice)
        cases = [
            (["post", "-"], b"\xff\xfe", 65),
            (["post", "-"], b"x" * 40_000, 65),
            (["post", ""], b"", 65),
            (["post", "hi", "--reply-to", "zzzzzzzz"], b"", 66),
            (["doc", "put", "-", "--as", "a"], b"x" * 4_200_000, 65),
            (["doc", "show", "nothing"], b"", 66),
            (["log", "show", "nobody", "feed"], b"", 66),
        ]
        for arguments, stdin, code in cases:
            done = run_aster(alice.home, *arguments, stdin=stdin)
            assert (arguments, done.returncode) == (arguments, code)
            assert "Traceback" not in done.stderr
            assert len(done.stderr.splitlines()) == 2, done.stderr
        assert alice.messages() == []
        alice.end()


def test_a_command_that_talks_to_the_daemon_imports_no_foreign_library(tmp_path):
    with laptop(tmp_path, "alice") as alice:
        start(alice)
        script = (
            "import sys; from cli.__main__ import main\n"
            "try: main()\n"
            "finally: print(*sys.modules, file=sys.stderr)"
        )
        for arguments in (
            ["post", "hello"],
            ["read"],
            ["status"],
            ["doc", "list"],
            ["peer", "list"],
            ["sync"],
        ):
            done = subprocess.run(
                [sys.executable, "-c", script, *arguments],
                env={**os.environ, "ASTERISM_HOME": str(alice.home)},
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
                check=False,
            )
            modules = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
            assert "cli" in modules
            assert modules.isdisjoint(FOREIGN), arguments
        alice.end()
