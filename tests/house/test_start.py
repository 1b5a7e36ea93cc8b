"""How little a command loads: what talks to the daemon imports neither libp2p nor anything of the node.

Many commands run in one process, one after another, and after each it is noted what came to be imported.
"""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from cli.verbs import VERBS, Group

OURS = ["gossip.proto", "node.api", "node.apps", "node.daemon", "node.doors.offline", "store.codec"]
THEIRS = ["apsw", "asyncio", "cryptography", "h11", "libp2p", "msgpack", "multiaddr", "nacl", "pydantic"]
SLOW = [*OURS, *THEIRS, "rich", "trio"]

PROBE = """\
import contextlib, io, json, sys
from cli.house import check_house
check_house()
from cli.main import run
slow, commands = json.loads(sys.argv[1])
found = {}
for command in commands:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        code = run(command)
    found[" ".join(command)] = [code, [name for name in slow if name in sys.modules], errors.getvalue()]
print(json.dumps(found))
"""

ANSWERS = {
    "status": {
        "device": "p" * 52,
        "name": "alice",
        "network": "n" * 52,
        "network_name": "The coast",
        "version": "0.1.0",
        "hub": False,
        "uptime_s": 5,
        "addresses": ["/ip4/127.0.0.1/tcp/1/p2p/x"],
        "logs": 1,
        "entries": 1,
        "unchecked": 0,
        "signing": True,
        "signing_why": None,
        "at_quota": [],
        "peers": [],
    },
    "post": {"id": "q" * 52, "author": "p" * 52, "log": "feed", "seq": 1, "time_ms": 0},
    "timeline": {"id": "q" * 52, "author": "p" * 52, "name": "alice", "time_ms": 0, "text": "good morning"},
    "doc/list": {"documents": []},
    "peer/list": {"peers": []},
    "log/list": {"logs": []},
    "sync": {"event": "result", "name": "bob", "ok": True, "entries_received": 0, "entries_sent": 0},
}
"""What a daemon could say to each of these."""

TO_THE_DAEMON = [
    ["status"],
    ["post", "good morning"],
    ["read"],
    ["doc", "list"],
    ["peer", "list"],
    ["log", "list"],
    ["sync"],
]


def run_in_one_process(commands, home):
    """Exit code, slow modules loaded by then, and messages, by command."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps([SLOW, commands])],
        env={**os.environ, "ASTERISM_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def all_verbs():
    found = []
    for name, entry in VERBS.items():
        found += [[name, verb] for verb in entry.verbs] if isinstance(entry, Group) else [[name]]
    return found


@pytest.fixture
def daemon(tmp_path):
    """A home whose control socket answers each method with a fixed object."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "control.sock"))
    door.listen()
    server = threading.Thread(target=answer_all, args=(door,))
    server.start()
    yield tmp_path
    door.shutdown(socket.SHUT_RDWR)
    server.join()
    door.close()


def answer_all(door):
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return  # the test is over
        with caller, caller.makefile("rb") as request:
            method = request.readline().split()[1].decode().removeprefix("/1/")
            length = 0
            while line := request.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            request.read(length)
            body = json.dumps(ANSWERS[method]).encode() + b"\n"
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def test_no_help_loads_anything_slow(tmp_path):
    commands = [["--help"], *([*verb, "--help"] for verb in all_verbs())]
    found = run_in_one_process(commands, tmp_path)
    assert found == {" ".join(command): [0, [], ""] for command in commands}


def test_no_command_to_the_daemon_loads_anything_slow(daemon):
    found = run_in_one_process(TO_THE_DAEMON, daemon)
    assert {command: (code, loaded) for command, (code, loaded, _) in found.items()} == {
        " ".join(command): (0, []) for command in TO_THE_DAEMON
    }


def test_a_command_without_a_home_says_so_and_loads_nothing_slow(tmp_path):
    found = run_in_one_process(TO_THE_DAEMON, tmp_path / "nowhere")
    for code, loaded, message in found.values():
        assert (code, loaded) == (66, [])
        assert "There is no home" in message
        assert "aster init" in message


def test_slow_modules_would_be_noticed(tmp_path):
    probe = PROBE.replace("code = run(command)", "import trio; code = 0")
    done = subprocess.run(
        [sys.executable, "-c", probe, json.dumps([SLOW, [["read"]]])],
        env={**os.environ, "ASTERISM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert json.loads(done.stdout)["read"][1] == ["trio"]
