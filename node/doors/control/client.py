"""A client of the control door, for a process that lives for a tenth of a second.

The standard library only, and of that as little as possible: `http.client` alone would cost 8 ms. It
speaks HTTP/1.1 with one request a connection, and reads an answer by its length or in chunks, so that an
answer that was cut off (a daemon killed in the middle) is never taken for a whole one.
"""

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.doors.control.protocol import (
    MAX_REQUEST_BYTES,
    METHODS,
    PATH_PREFIX,
    Json,
    error_in,
    write_object,
)
from node.errors import TextTooLarge, Unavailable
from node.paths import MAX_SOCKET_PATH_BYTES, Paths

CONNECT_TIMEOUT_S: Final = 5.0
"""To a socket of this machine; longer means that the daemon hangs or has too many connections."""

ANSWER_TIMEOUT_S: Final = 120.0
"""Between two pieces of an answer of a call. A full sync of the disk can take many seconds."""

END_TIMEOUT_S: Final = 60.0
"""For a daemon that was told to end. Usually a few tenths of a second; a slow disk has much to write."""

_RETRY_S: Final = 0.02
_LOOK_S: Final = 0.02
_SOL_LOCAL: Final = 0
_LOCAL_PEERPID: Final = 2
"""Of macOS, which has no SO_PEERCRED."""
_RECEIVE_BYTES: Final = 65_536
_MAX_HEAD_BYTES: Final = 16_384


class NoDaemon(Unavailable):
    """Nobody listens at the home's control socket."""

    def __init__(self) -> None:
        super().__init__("No daemon runs for this home.", "Start it with: aster run")


def socket_path(paths: Paths) -> Path:
    """Where the control socket of a home is. Raises: NoDaemon: only a daemon could say."""
    if len(bytes(paths.control_socket)) <= MAX_SOCKET_PATH_BYTES:
        return paths.control_socket
    try:
        return Path(paths.control_path.read_text("utf-8").strip())
    except OSError:
        raise NoDaemon from None


def works_offline(method: str) -> bool:
    """Can the store answer this method without a daemon? See `node.doors.offline`."""
    return METHODS[method].offline


class Client:
    """Calls to the daemon of one home; each opens its own connection."""

    def __init__(self, paths: Paths, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._paths = paths
        self._answer_timeout_s = answer_timeout_s

    def call(self, method: str, params: Json | None = None, extra_timeout_s: float = 0) -> Json:
        """Call a method that answers one object.

        `extra_timeout_s`: how much longer than usual the daemon may take, for `wait`.

        Raises:
            NoDaemon: nobody listens.
            Unavailable: the daemon ended or hung before it answered.
            NodeError: as the daemon answered.
        """
        answer = _Answer(self._open(), self._answer_timeout_s + extra_timeout_s)
        try:
            answer.ask(method, params or {})
            return _read_answer(b"".join(answer.pieces()))
        finally:
            answer.close()

    def stream(self, method: str, params: Json | None = None) -> Iterator[Json]:
        """Call a method that answers one object a line; closing the iterator ends the stream.

        Raises: as `call`, also in the middle.
        """
        answer = _Answer(self._open(), None)
        try:
            answer.ask(method, params or {})
            for line in _lines(answer.pieces()):
                yield _read_answer(line)
        finally:
            answer.close()

    def stop(self, timeout_s: float = END_TIMEOUT_S) -> None:
        """Have the daemon end in good order, and wait until its process is gone: then the home is free.

        Raises:
            NoDaemon: nobody listens.
            Unavailable: it is still there after `timeout_s`, or hung before it answered.
        """
        with self._open() as connection:
            process = peer_process(connection)
        self.call("stop")
        if not is_gone_within(process, timeout_s):
            raise Unavailable(
                f"The daemon was told to end and is still there after {timeout_s:.0f} s.",
                "Wait for it; or kill it: aster lock. What it acknowledged is safe.",
            )

    def _open(self) -> socket.socket:
        path = socket_path(self._paths)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _connect(connection, str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise NoDaemon from None
        except OSError as error:
            connection.close()
            raise Unavailable(
                f"The daemon's socket {path} cannot be opened: {error.strerror or error}.",
                "Only the user who started the daemon can use it.",
            ) from None
        return connection


def _connect(connection: socket.socket, path: str) -> None:
    """Connect; where many ask at once the system says "later" (EAGAIN), so ask again for a while."""
    connection.settimeout(CONNECT_TIMEOUT_S)
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def peer_process(connection: socket.socket) -> int:
    """The process at the other end. Raises: OSError."""
    if sys.platform == "linux":
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, _, _ = struct.unpack("3i", found)
    else:
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    return int(pid)


def is_gone_within(pid: int, timeout_s: float) -> bool:
    """Wait until a process has ended, whoever started it; False: it has not."""
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
        time.sleep(_LOOK_S)


class _Answer:
    """One request and its answer over a connection that is then closed."""

    def __init__(self, connection: socket.socket, timeout_s: float | None) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._buffer = b""

    def ask(self, method: str, params: Json) -> None:
        """Send the request."""
        body = write_object(params)
        if len(body) > MAX_REQUEST_BYTES:
            raise TextTooLarge(
                f"A request has at most {MAX_REQUEST_BYTES:,} bytes, this has {len(body):,}.",
                "Send less at a time.",
            )
        head = (
            f"POST {PATH_PREFIX}{method} HTTP/1.1\r\nHost: aster\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):  # it may have answered before it read all: see what it said
            self._connection.sendall(head.encode("ascii") + body)
        self._connection.settimeout(self._timeout_s)

    def pieces(self) -> Iterator[bytes]:
        """The body of the answer as it comes. Raises: Unavailable: it was cut off."""
        head = self._take_until(b"\r\n\r\n").decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(":", 1) for line in head[1:] if ":" in line)
        if fields.get("transfer-encoding", "").strip() == "chunked":
            while size := self._chunk_bytes():
                yield self._take(size)
                self._take(2)
        else:
            left = self._number(fields.get("content-length", ""), 10)
            if left:
                yield self._take(left)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _chunk_bytes(self) -> int:
        return self._number(self._take_until(b"\r\n").decode("latin-1").split(";")[0], 16)

    def _number(self, text: str, radix: int) -> int:
        try:
            return int(text.strip(), radix)
        except ValueError:
            raise _cut_off() from None

    def _take_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise _cut_off()
            self._receive()
        taken, self._buffer = self._buffer.split(mark, 1)
        return taken

    def _take(self, count: int) -> bytes:
        parts = [self._buffer]
        held = len(self._buffer)
        while held < count:
            self._buffer = b""
            self._receive()
            parts.append(self._buffer)
            held += len(self._buffer)
        whole = b"".join(parts)
        self._buffer = whole[count:]
        return whole[:count]

    def _receive(self) -> None:
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise Unavailable(
                f"The daemon has not answered for {self._timeout_s:.0f} s.",
                "See daemon.log in the home; end it with Ctrl-C and start it again with: aster run",
            ) from None
        except OSError:
            raise _cut_off() from None
        if not data:
            raise _cut_off()
        self._buffer += data


def _read_answer(text: bytes) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        raise _cut_off() from None
    error = error_in(value)
    if error is not None:
        raise error
    answer: Json = value
    return answer


def _cut_off() -> Unavailable:
    return Unavailable(
        "The daemon ended before it had answered.",
        "Start it again with: aster run. What it acknowledged before is safe.",
    )


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line)
    if rest:
        raise _cut_off()
