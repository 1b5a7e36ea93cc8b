"""Noise for the libp2p host: the library's handshake, admission right after it, our own records.

The handshake (`/noise`, XX pattern) is libp2p's. What follows it, the records that carry all else, is
done here on the two ciphers that the handshake left: the library's own path reads each record with two
system calls and several locks, and loses bytes when a writing task is cancelled.

A record is a length of 2 bytes, big endian, and at most 65,535 bytes of ChaCha20-Poly1305: at most
`MAX_PLAIN_BYTES` of content and 16 of tag. The nonce counts records of a direction from 0.
"""

import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

import trio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from libp2p.abc import IRawConnection, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.peer.id import ID
from libp2p.security.base_session import BaseSession
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.noise.io import NoiseTransportReadWriter
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.security.secure_session import SecureSession
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from gossip.errors import BadAddress
from gossip.net.address import author_of_peer_id
from gossip.net.libp2p_tcp import TcpConnection, origin_of
from store.ids import AuthorId

TAG_BYTES: Final = 16
MAX_PLAIN_BYTES: Final = 65_535 - TAG_BYTES
"""Content of one record."""

READ_BYTES: Final = 65_536
"""Asked of the kernel at a time while little arrives."""

BULK_READ_BYTES: Final = 262_144
"""Asked of the kernel at a time while reads come back full. Also bounds how long one connection keeps
the others waiting: decrypting this much takes about 0.1 ms."""

ROOM_BYTES: Final = 262_144
"""Encrypted bytes that wait for the kernel before writers of streams have to wait."""

MAX_WAITING_BYTES: Final = 1_048_576
"""Encrypted bytes that may wait at all. Only answers (pings, window updates, resets) go on beyond
`ROOM_BYTES`; whoever asks for a megabyte of them and reads none is cut off."""

SHAKES_A_SECOND, SHAKES_AT_ONCE = 20, 200
"""Inbound handshakes done for one IP address, steadily and after a pause. Each costs us 2 ms, so that one
machine can use 4 % of a core; a whole section behind one address can still come back at once."""

MAX_ORIGINS: Final = 1_024
"""Addresses whose handshakes are counted; the one that came longest ago is forgotten."""

_LENGTH: Final = struct.Struct(">H")
_NONCE: Final = struct.Struct("<4xQ")


class NotAdmitted(HandshakeFailure):
    """The handshake proved a device that is not let in, or one whose key is not Ed25519."""


def author_of(peer: ID) -> AuthorId:
    """The device key inside a libp2p peer id. Raises: NotAdmitted: another kind of key."""
    try:
        return author_of_peer_id(peer.to_base58())
    except BadAddress as error:
        raise NotAdmitted(str(error)) from error


class _ShakeRate:
    """How many handshakes each address has left (a bucket that fills with time)."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, ip: str) -> bool:
        """Count one handshake. False: too many."""
        origin, now_s = origin_of(ip), trio.current_time()
        left, then_s = self._left.pop(origin, (float(SHAKES_AT_ONCE), now_s))
        left = min(float(SHAKES_AT_ONCE), left + (now_s - then_s) * SHAKES_A_SECOND)
        self._left[origin] = (max(left - 1, 0.0), now_s)
        if len(self._left) > MAX_ORIGINS:
            self._left.popitem(last=False)
        return left >= 1


class NoiseGate(NoiseTransport):
    """libp2p's Noise, then: is this device let in?"""

    def __init__(
        self,
        keys: KeyPair,
        admit: Callable[[AuthorId], bool],
        guests: Callable[[AuthorId], bool] = lambda device: False,
    ) -> None:
        """`admit` is asked in each handshake, ours and theirs; where it says False, `guests` is asked about
        those who dialled us. False ends the connection at once."""
        super().__init__(keys, create_new_key_pair().private_key)
        self._admit = admit
        self._guests = guests
        self._rate = _ShakeRate()

    async def secure_inbound(self, conn: IRawConnection) -> ISecureConn:
        """Who is it? Raises: NotAdmitted, and whatever the library's handshake raises."""
        if isinstance(conn, TcpConnection) and not self._rate.allows(conn.remote_ip):
            raise HandshakeFailure("too many handshakes with this address")
        return self._checked(conn, await super().secure_inbound(conn))

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> ISecureConn:
        """Is it `peer_id`? Raises: NotAdmitted, and whatever the library's handshake raises."""
        return self._checked(conn, await super().secure_outbound(conn, peer_id))

    def _checked(self, conn: IRawConnection, session: ISecureConn) -> "NoiseSession":
        if not isinstance(conn, TcpConnection) or not isinstance(session, SecureSession):
            raise HandshakeFailure("not over our TCP")
        author = author_of(session.get_remote_peer())
        is_guest = conn.is_visit
        if not is_guest and not self._admit(author):
            is_guest = not session.is_initiator and self._guests(author)
            if not is_guest:
                conn.close_now()
                raise NotAdmitted("this device is not admitted")
        return NoiseSession(conn, session, author, is_guest=is_guest)


class NoiseSession(BaseSession):
    """An encrypted connection to a proven device.

    Writing never waits and never fails: bytes go to the kernel, or wait for `flush_forever`. Callers
    look at `has_room` first, and at `broken` for the reason why nothing works any more.
    """

    def __init__(
        self, conn: TcpConnection, session: SecureSession, author: AuthorId, *, is_guest: bool = False
    ) -> None:
        """Take over from the library's session, directly after its handshake."""
        super().__init__(
            local_peer=session.get_local_peer(),
            local_private_key=session.get_local_private_key(),
            remote_peer=session.get_remote_peer(),
            remote_permanent_pubkey=session.get_remote_public_key(),
            is_initiator=session.is_initiator,
        )
        self.author = author
        self.conn = conn
        self.is_guest = is_guest
        """One side is not admitted by the other: the connection serves the guest protocols only."""
        self.broken: str | None = None
        """Why the connection is over, once it is."""
        self.when_broken: Callable[[], None] = lambda: None
        """Called once, when the connection is over; must not wait."""
        self.waiting_bytes = 0
        """Encrypted, and not yet taken by the kernel."""
        self._seal, self._seal_count, self._unseal, self._unseal_count = _ciphers(session)
        self._waiting: deque[memoryview] = deque()
        self._flush_wanted = trio.Event()
        self._room = trio.lowlevel.ParkingLot()
        self._encrypted = b""
        self._more_to_read = False
        self._plain = bytearray()

    # --- records out -------------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """A writer of streams may go on."""
        return self.waiting_bytes <= ROOM_BYTES

    @property
    def room_bytes(self) -> int:
        """How much may be sent until writers of streams should wait; at least 0."""
        return max(ROOM_BYTES - self.waiting_bytes, 0)

    async def wait_for_room(self) -> None:
        """Wait until `has_room`, or until the connection is over."""
        while self.broken is None and not self.has_room:
            await self._room.park()

    def send(self, plain: bytes) -> None:
        """Send at most `MAX_PLAIN_BYTES` in one record."""
        self.send_all([(plain, b"")])

    def send_all(self, contents: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Send a record for each content, which is given in two parts of at most `MAX_PLAIN_BYTES` together.
        The kernel gets all of them at once."""
        if self.broken is not None:
            return
        size = sum(2 + len(head) + len(body) + TAG_BYTES for head, body in contents)
        view = memoryview(bytearray(size))
        at = 0
        for head, body in contents:
            begin, middle = at + 2, at + 2 + len(head)
            end = middle + len(body)
            _LENGTH.pack_into(view, at, end + TAG_BYTES - begin)
            view[begin:middle], view[middle:end] = head, body
            at = end + TAG_BYTES
            self._seal.encrypt_into(_NONCE.pack(self._seal_count), view[begin:end], None, view[begin:at])
            self._seal_count += 1
        self._hand_over(view)

    def _hand_over(self, view: memoryview) -> None:
        sent = 0
        if not self._waiting:
            try:
                sent = self.conn.give(view)
            except ConnectionClosedError as error:
                self.break_off(str(error))
                return
            if sent == len(view):
                return
        self._waiting.append(view[sent:])
        self.waiting_bytes += len(view) - sent
        self._flush_wanted.set()
        if self.waiting_bytes > MAX_WAITING_BYTES:
            self.break_off("the other side asks for answers and reads none")

    async def flush_forever(self, stall_s: float) -> None:
        """Hand waiting records to the kernel until the connection is over, or took nothing for `stall_s`."""
        while self.broken is None:
            await self._flush_wanted.wait()
            try:
                with trio.fail_after(stall_s):
                    await self.conn.wait_writable()
                self._flush()
            except trio.TooSlowError:
                self.break_off(f"the other side took nothing for {stall_s:.0f} s")
            except ConnectionClosedError as error:
                self.break_off(str(error))

    def _flush(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            sent = self.conn.give(first)
            if sent == 0:
                break
            self.waiting_bytes -= sent
            if sent == len(first):
                self._waiting.popleft()
            else:
                self._waiting[0] = first[sent:]
        if not self._waiting:
            self._flush_wanted = trio.Event()
        if self.has_room:
            self._room.unpark_all()

    # --- records in --------------------------------------------------------------------------------------

    async def receive(self) -> list[bytes]:
        """The content of at least one record, each not empty.

        Raises:
            ConnectionClosedError: the end, a loss, or a record that was tampered with.
        """
        if self._plain:
            rest, self._plain = bytes(self._plain), bytearray()
            return [rest]
        while True:
            # Both branches let other tasks run, so that one busy connection starves nobody.
            if self._more_to_read:
                await trio.lowlevel.checkpoint()
            else:
                await self.conn.wait_readable()
            asked = BULK_READ_BYTES if self._more_to_read else READ_BYTES
            data = self.conn.take(asked)
            if data == b"":
                raise ConnectionClosedError("the other side hung up")
            self._more_to_read = data is not None and len(data) == asked
            contents = self._open(self._encrypted + data) if data else []
            if contents:
                return contents

    def _open(self, data: bytes) -> list[bytes]:
        contents = []
        view = memoryview(data)
        at, end = 0, len(data)
        while end - at >= 2:
            start = at + 2
            after = start + _LENGTH.unpack_from(data, at)[0]
            if after > end:
                break
            try:
                plain = self._unseal.decrypt(_NONCE.pack(self._unseal_count), view[start:after], None)
            except (InvalidTag, ValueError) as error:
                raise ConnectionClosedError("a record was tampered with") from error
            self._unseal_count += 1
            at = after
            if plain:
                contents.append(plain)
        self._encrypted = data[at:]
        return contents

    # --- as libp2p wants it, for the choice of the muxer -------------------------------------------------

    async def read(self, n: int | None = None) -> bytes:
        """At least one byte, at most `n`. Raises: ConnectionClosedError."""
        if not self._plain:
            for content in await self.receive():
                self._plain += content
        data = bytes(self._plain[:n])
        del self._plain[:n]
        return data

    async def write(self, data: bytes) -> None:
        """Send everything. Raises: ConnectionClosedError."""
        for at in range(0, len(data), MAX_PLAIN_BYTES):
            self.send(data[at : at + MAX_PLAIN_BYTES])
        if self.broken is not None:
            raise ConnectionClosedError(self.broken)
        await trio.lowlevel.checkpoint()

    def break_off(self, reason: str) -> None:
        """End the connection here and now. Never raises; the first reason stands."""
        if self.broken is None:
            self.broken = reason
            self.conn.close_now()
            self._waiting.clear()
            self.waiting_bytes = 0
            self._encrypted = b""
            self._flush_wanted.set()
            self._room.unpark_all()
            self.when_broken()

    async def close(self) -> None:
        """The same, as libp2p wants it."""
        self.break_off("closed here")

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and port of the other end."""
        return self.conn.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """The other end as a multiaddr object."""
        return self.conn.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """Always direct."""
        return self.conn.get_connection_type()


def _ciphers(session: SecureSession) -> tuple[ChaCha20Poly1305, int, ChaCha20Poly1305, int]:
    """Cipher and next nonce for sending, cipher and next nonce for receiving."""
    records = session.conn
    if not isinstance(records, NoiseTransportReadWriter):
        raise HandshakeFailure("not the library's Noise session")
    state = records.noise_state.noise_protocol
    sending, receiving = state.cipher_state_encrypt, state.cipher_state_decrypt
    ciphers = sending.cipher.cipher, receiving.cipher.cipher
    if not all(isinstance(cipher, ChaCha20Poly1305) for cipher in ciphers):
        raise HandshakeFailure("the Noise library keeps its ciphers elsewhere in this version")
    return ciphers[0], sending.n, ciphers[1], receiving.n
