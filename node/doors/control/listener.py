"""Where the control socket lies: bound when the daemon starts, removed when it ends.

Only the process that holds the home's lock may come here: it takes a socket file that is there already
for the remains of a daemon that was killed, and replaces it.
"""

import contextlib
import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Final

import trio

from node.doors.control.protocol import MAX_CONNECTIONS
from node.errors import Unavailable
from node.paths import FILE_MODE, HOME_MODE, MAX_SOCKET_PATH_BYTES, Paths

_NAME_CHARS: Final = 16
"""Of the hash of a home's path, for a socket elsewhere: 64 bits."""


def bind(paths: Paths) -> trio.SocketListener:
    """Bind the control socket of a home, mode 0600, and listen. The caller holds the home's lock.

    Raises: Unavailable: the system does not let us.
    """
    path = paths.control_socket
    try:
        if len(bytes(path)) > MAX_SOCKET_PATH_BYTES:
            path = _elsewhere(paths.home)
            _write_private(paths.control_path, f"{path}\n")
        else:
            paths.control_path.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        earlier = os.umask(0o777 & ~FILE_MODE)
        try:
            listening.bind(str(path))
        finally:
            os.umask(earlier)
        listening.listen(MAX_CONNECTIONS)
    except OSError as error:
        raise Unavailable(
            f"The control socket {path} cannot be made: {error.strerror or error}.",
            "The home must lie on a local disk and belong to you.",
        ) from error
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))


def remove(paths: Paths) -> None:
    """Remove the control socket of a home. Never raises for what is gone already."""
    path = paths.control_socket
    with contextlib.suppress(OSError):
        if len(bytes(path)) > MAX_SOCKET_PATH_BYTES:
            path = Path(paths.control_path.read_text("utf-8").strip())
            paths.control_path.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _elsewhere(home: Path) -> Path:
    """A short path that belongs to this home alone, in a directory that is ours alone.

    Raises: Unavailable: somebody else has put something in its place.
    """
    base = Path(tempfile.gettempdir())
    if len(bytes(base)) > MAX_SOCKET_PATH_BYTES // 2:
        base = Path("/tmp")
    directory = base / f"asterism-{os.getuid()}"
    directory.mkdir(mode=HOME_MODE, exist_ok=True)
    seen = directory.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or stat.S_IMODE(seen.st_mode) & 0o077:
        raise Unavailable(
            f"{directory} does not belong to you alone, so the control socket cannot lie there.",
            "Remove it, or choose a home with a shorter path.",
        )
    name = hashlib.blake2b(os.fsencode(home), digest_size=_NAME_CHARS // 2).hexdigest()
    return directory / f"{name}.sock"


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
