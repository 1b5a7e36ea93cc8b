"""A daemon whose keys must be gone at once: asked, hanging, or wiped away under its feet."""

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.laptops import DemoFailed, Laptop
from node.closing import Ended, end_daemon
from node.keyring import open_keys
from node.paths import Paths

DEADLINE_S = 60.0
"""`aster lock` has less patience, and kills a daemon that a busy machine holds up."""

PASSPHRASE = "six unusual words for this home"


class Locked(Laptop):
    """A node whose home is locked by a passphrase."""

    @property
    def file(self) -> Path:
        return self.home.parent / "passphrase"

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "ASTERISM_PASSPHRASE_FILE": str(self.file)}


@pytest.fixture
def node(tmp_path: Path) -> Laptop:
    node = Locked("alice", tmp_path)
    node.file.write_text(PASSPHRASE + "\n")
    node.file.chmod(0o600)
    node.aster("init", "--name", "alice", "--unattended")
    node.aster("passphrase", "--passphrase-file", str(node.file))
    return node


def started(node: Laptop) -> int:
    """Start the daemon; its process."""
    node.start()
    node.ready()
    assert node._daemon is not None
    return node._daemon.pid


def test_a_lock_ends_a_daemon_that_answers_and_one_that_hangs(node: Laptop) -> None:
    pid = started(node)
    try:
        secrets = [PASSPHRASE.encode()]
        keys = open_keys(Paths(node.home), lambda: PASSPHRASE)
        for key in keys:
            secrets += [key, key.hex().encode()]
        if sys.platform == "linux":
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert not any(secret in arguments for secret in secrets)
            [limit] = [
                line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line
            ]
            assert limit.split()[4:6] == ["0", "0"]
        assert end_daemon(Paths(node.home), DEADLINE_S) is Ended.ASKED
        logged = Paths(node.home).daemon_log.read_bytes() + (node.home / "demo.err").read_bytes()
        assert not any(secret in logged for secret in secrets)
        node.kill()
        pid = started(node)
        os.kill(pid, signal.SIGSTOP)
        assert '"daemon": "killed"' in node.aster("lock", "--json")
        assert node.aster("lock", "--json").startswith('{"daemon": "none", "passphrase": true')
    finally:
        node.kill()


def test_a_home_is_wiped_while_its_daemon_runs(node: Laptop) -> None:
    started(node)
    try:
        answer = node.aster("wipe", "--yes", "--json")
        assert '"daemon": "killed"' in answer
        assert os.listdir(node.home) == ["demo.err"]
        with pytest.raises(DemoFailed, match="There is no home"):
            node.aster("status")
    finally:
        node.kill()
