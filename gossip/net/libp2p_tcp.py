"""TCP for the libp2p host: listening, accepting, dialling, and one socket as libp2p sees it.

Takes the place of libp2p 0.8.1's TCP transport, whose listener shares its port with any other program
of the same user (SO_REUSEPORT), so that a second daemon starts and steals half of the connections.

`TcpConnection` has two faces. The library's handshakes use `read` and `write`; strangers have no more
than `HANDSHAKE_BYTES` there. After the handshake `gossip.net.libp2p_noise` uses `take` and `give`,
which never wait, so that bytes that were encrypted are never lost to a cancelled task.
"""

import contextlib
import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from libp2p.abc import IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import ConnectionClosedError
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from gossip.errors import BadAddress, LocalFault, PortInUse, Unreachable
from gossip.net.address import Address

HANDSHAKE_BYTES: Final = 16_384
"""What the other side may send before both handshakes are done. They need about 400 bytes; the library
would buffer 6 MB for a stranger who announces a long message."""

LISTEN_BACKLOG: Final = 256
"""Connections that the kernel holds for us until they are accepted."""

UNSENT_BYTES: Final = 131_072
"""What the kernel may hold unsent (TCP_NOTSENT_LOWAT): small, so that a ping on a slow line does not
queue behind megabytes; large enough that a fast line never runs dry."""

FAMILY_DELAY_S: Final = 0.25
"""Head start of one address of a DNS name over the next (RFC 8305)."""

ACCEPT_PAUSE_S: Final = 0.2
"""Wait before accepting again when the process or machine is out of file descriptors or memory."""

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_FAMILIES: Final = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6}

_log = logging.getLogger(__name__)


class TcpConnection(IRawConnection):
    """One connected socket, not blocking, without delay for small writes."""

    def __init__(self, sock: socket.socket, dialled: Address | None = None) -> None:
        """Take over a connected socket; `dialled`: how we got there, None if it was accepted.

        Raises:
            OSError: it is no longer connected.
        """
        self.is_initiator = dialled is not None
        self.is_visit = False
        """We dialled as a guest: whom we reach need not be admitted here."""
        self._socket = sock
        self._allowed_bytes = HANDSHAKE_BYTES
        self._closed = False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        name = sock.getpeername()
        self.remote_ip: str = _plain_ip(name[0])
        self.remote_port: int = name[1]
        kind = "ip6" if ":" in self.remote_ip else "ip4"
        self.ip_text = f"/{kind}/{self.remote_ip}/tcp/{self.remote_port}"
        """The other end as multiaddr text."""
        self.remote_text = self.ip_text if dialled is None else dialled.text
        """The same, or the name under which we dialled it."""

    def take(self, max_bytes: int) -> bytes | None:
        """What has arrived, at most `max_bytes`; empty at the end; None: nothing yet. Never waits.

        Raises:
            ConnectionClosedError: the connection is lost or closed.
        """
        try:
            return self._socket.recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ConnectionClosedError(f"connection lost: {error}") from error

    def give(self, data: bytes | memoryview) -> int:
        """Hand bytes to the kernel and say how many it took. Never waits.

        Raises:
            ConnectionClosedError: the connection is lost or closed.
        """
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ConnectionClosedError(f"connection lost: {error}") from error

    async def wait_readable(self) -> None:
        """Wait until `take` has something. Raises: ConnectionClosedError: closed here meanwhile."""
        await self._wait(trio.lowlevel.wait_readable)

    async def wait_writable(self) -> None:
        """Wait until `give` takes something. Raises: ConnectionClosedError: closed here meanwhile."""
        await self._wait(trio.lowlevel.wait_writable)

    async def _wait(self, wait: Callable[[int], Awaitable[None]]) -> None:
        if self._closed:
            raise ConnectionClosedError("closed here")
        try:
            await wait(self._socket.fileno())
        except trio.ClosedResourceError as error:
            raise ConnectionClosedError("closed here") from error

    async def read(self, n: int | None = None) -> bytes:
        """For handshakes: at least one byte, at most `n`.

        Raises:
            ConnectionClosedError: the end, a loss, or more than `HANDSHAKE_BYTES` in all.
        """
        wanted = min(self._allowed_bytes if n is None else n, self._allowed_bytes)
        if wanted <= 0:
            raise ConnectionClosedError(f"over {HANDSHAKE_BYTES} bytes before the handshake was done")
        while (data := self.take(wanted)) is None:
            await self.wait_readable()
        if not data:
            raise ConnectionClosedError("the other side hung up")
        self._allowed_bytes -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        """For handshakes: send everything. Raises: ConnectionClosedError."""
        rest = memoryview(data)
        while rest:
            sent = self.give(rest)
            rest = rest[sent:]
            if rest:
                await self.wait_writable()

    def close_now(self) -> None:
        """Close the socket and wake whoever waits for it. Never raises."""
        if self._closed:
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._socket.fileno())
        self._socket.close()

    async def close(self) -> None:
        """The same, as libp2p wants it."""
        self.close_now()

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and port of the other end."""
        return self.remote_ip, self.remote_port

    def get_transport_addresses(self) -> list[Multiaddr]:
        """The other end as a multiaddr object."""
        return [Multiaddr(self.ip_text)]

    def get_connection_type(self) -> ConnectionType:
        """Always direct: relays are not spoken."""
        return ConnectionType.DIRECT


def _plain_ip(text: str) -> str:
    """Without the zone of a link-local address, which a multiaddr cannot carry."""
    return text.partition("%")[0]


def origin_of(ip: str) -> str:
    """Whom an IP address stands for: itself, or the /64 of an IPv6 address, of which one has billions."""
    return ":".join(ipaddress.IPv6Address(ip).exploded.split(":")[:4]) if ":" in ip else ip


async def connect_tcp(address: Address) -> TcpConnection:
    """Connect to an address; a DNS name is looked up and its addresses tried in turn. The caller sets
    the deadline.

    Raises:
        Unreachable: nobody answers there, or the name is unknown.
    """
    host = address.host
    try:
        if address.kind in _FAMILIES:
            found = await trio.socket.getaddrinfo(
                host, address.port, family=_FAMILIES[address.kind], type=socket.SOCK_STREAM
            )
            host = str(found[0][4][0])
        stream = await trio.open_tcp_stream(host, address.port, happy_eyeballs_delay=FAMILY_DELAY_S)
        return TcpConnection(socket.socket(fileno=stream.socket.detach()), address)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{address.text}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and isinstance(error.__cause__, ExceptionGroup):
        error = error.__cause__.exceptions[-1]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def listen_tcp(address: Address) -> socket.socket:
    """A socket that listens at an IP address of this machine.

    Raises:
        PortInUse: another program listens there.
        BadAddress: it is no address of this machine, or the port needs more rights than we have.
    """
    family = socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise BadAddress(f"{address.text}: this machine has no such network") from error
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Allows a restart while old connections linger; never two listeners at once.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
        sock.listen(LISTEN_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _listen_fault(address, error) from error
    return sock


def _listen_fault(address: Address, error: OSError) -> LocalFault:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(f"{address.text} is in use by another program; choose another port, or 0 for any")
    if error.errno == errno.EADDRNOTAVAIL:
        return BadAddress(f"{address.text} is no address of this machine")
    if error.errno == errno.EACCES:
        return BadAddress(f"{address.text}: ports below 1024 need rights that this program does not have")
    return BadAddress(f"{address.text}: {_reason(error)}")


async def accept_forever(sock: socket.socket, serve: Callable[[TcpConnection], None]) -> None:
    """Hand each accepted connection to `serve`, which must not wait. Ends only by cancellation."""
    exhausted = False
    while True:
        await trio.lowlevel.wait_readable(sock.fileno())
        try:
            accepted, _ = sock.accept()
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in _EXHAUSTED:
                if not exhausted:
                    _log.warning("cannot accept connections for now: %s", _reason(error))
                exhausted = True
                await trio.sleep(ACCEPT_PAUSE_S)
            continue
        exhausted = False
        try:
            connection = TcpConnection(accepted)
        except OSError:
            accepted.close()
            continue
        serve(connection)
