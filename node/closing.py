"""Ending whatever holds a home's keys in memory, at once, from another process.

The daemon is asked first, and has a moment to end in good order. Then, or where it hangs, it is killed:
what it acknowledged is on the disk, and the system wipes a process's memory when it ends. Its helpers end
with it, because their input does. Synchronous; for a command.
"""

import os
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from enum import Enum
from typing import Final

from node.doors.control.client import Client, NoDaemon, socket_path
from node.errors import NodeError, Unavailable
from node.home import is_held
from node.paths import Paths

GRACE_S: Final = 2.0
"""For a daemon that ends in good order. Who types `aster lock` wants it now."""

KILL_S: Final = 5.0
"""Until the system has ended a process that was killed; a disk that is stuck may hold it up for longer."""

_STEP_S: Final = 0.02
_CONNECT_S: Final = 1.0
_SOL_LOCAL: Final = 0
_LOCAL_PEERPID: Final = 2
"""Of macOS, which has no SO_PEERCRED."""


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
        if _is_gone_within(pid, grace_s):
            return Ended.ASKED
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if not _is_gone_within(pid, KILL_S):
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
            return _peer(connection)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(
                f"The daemon's socket {path} cannot be opened: {error.strerror or error}.",
                "Only the user who started the daemon can end it.",
            ) from error


def _peer(connection: socket.socket) -> int:
    """The process at the other end. Raises: OSError."""
    if sys.platform == "linux":
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, _, _ = struct.unpack("3i", found)
    else:
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    return int(pid)


def _is_gone_within(pid: int, timeout_s: float) -> bool:
    """Wait until a process has ended, whoever started it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # no Linux, or an old one
        return _is_gone_by_asking(pid, timeout_s)
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        return bool(waiting.poll(timeout_s * 1_000))
    finally:
        os.close(handle)


def _is_gone_by_asking(pid: int, timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        if time.monotonic() >= until:
            return False
        time.sleep(_STEP_S)
