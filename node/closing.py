"""Ending whatever holds a home's keys in memory, at once, from another process.

The daemon is asked first, and has a moment to end in good order. Then, or where it hangs, it is killed:
what it acknowledged is on the disk, and the system wipes a process's memory when it ends. Its helpers end
with it, because their input does. Synchronous; for a command.
"""

import os
import signal
import socket
from contextlib import suppress
from enum import Enum
from typing import Final

from node.doors.control.client import Client, NoDaemon, is_gone_within, peer_process, socket_path
from node.errors import NodeError, Unavailable
from node.home import is_held
from node.paths import Paths

GRACE_S: Final = 2.0
"""For a daemon that ends in good order. Who types `aster lock` wants it now."""

KILL_S: Final = 5.0
"""Until the system has ended a process that was killed; a disk that is stuck may hold it up for longer."""

_CONNECT_S: Final = 1.0


class Ended(Enum):
    """How a daemon ended."""

    NONE = "none"
    """There was none."""
    ASKED = "asked"
    KILLED = "killed"


def end_daemon(paths: Paths, grace_s: float = GRACE_S) -> Ended:
    """End the daemon of a home and wait until its process is gone; after `grace_s` it is killed.

    Raises: Unavailable: it cannot be reached, or is still there; or a command has the keys in memory.
    """
    pid = _daemon(paths)
    if pid is None:
        _check_nobody_else(paths)
        return Ended.NONE
    if grace_s > 0:
        with suppress(NodeError):
            Client(paths, grace_s).call("stop")
        if is_gone_within(pid, grace_s):
            return Ended.ASKED
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if not is_gone_within(pid, KILL_S):
        raise Unavailable(
            f"The daemon (process {pid}) was killed and is still there: its disk does not answer.",
            "Switch the machine off, if its keys must be gone now.",
        )
    return Ended.KILLED


def _check_nobody_else(paths: Paths) -> None:
    """Raises: Unavailable: a command holds the home, or a daemon that does not listen yet."""
    if is_held(paths):
        raise Unavailable(
            "Another command is changing the home, or a daemon is starting: it has the keys in memory.",
            "Try again when it has ended, or end it yourself.",
        )


def _daemon(paths: Paths) -> int | None:
    """The process that listens at a home's control socket. Raises: Unavailable: it cannot be told."""
    try:
        path = socket_path(paths)
    except NoDaemon:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_CONNECT_S)
        try:
            connection.connect(str(path))
            return peer_process(connection)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(
                f"The daemon's socket {path} cannot be opened: {error.strerror or error}.",
                "Only the user who started the daemon can end it.",
            ) from error
