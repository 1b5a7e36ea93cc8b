"""Small tables of a home: settings, the allow-list of peers, and addresses that were learned.

None of them is about entries, and all of them are written seldom: every change is fully synced.
"""

import threading
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from store.errors import NotFound, TooLarge
from store.ids import AuthorId
from store.sqlite.connection import Database
from store.sqlite.migrations import migrate

MAX_SETTING_BYTES: Final = 2**20
"""A setting is a small thing; what is larger belongs into a table of its own."""

MAX_PEERS: Final = 100_000
MAX_PEER_TEXT_CHARS: Final = 1_000
"""Of a peer's name and note, each."""

MAX_ADDRESSES_PER_DEVICE: Final = 16
"""Addresses are learned from others, so a talkative one cannot fill the disk."""

MAX_ADDRESS_CHARS: Final = 256
MAX_ADDRESS_DEVICES: Final = 20_000
"""Devices of which addresses are kept; beyond, those not seen for longest go."""


class Peer(NamedTuple):
    """A device that this home lets in."""

    device: AuthorId
    """32 bytes."""
    name: str
    addresses: tuple[str, ...]
    """Multiaddrs as the person gave them; what was learned is in the address book."""
    note: str
    added_ms: int
    """Unix time."""


class KnownAddress(NamedTuple):
    """An address at which a device was said to be."""

    address: str
    seen_ms: int
    """When we last heard of it, Unix time."""
    reached_ms: int
    """When we last got through to it; 0: never."""


class HomeTables:
    """Settings, peers and addresses of an open home."""

    def __init__(self, database: Database) -> None:
        """Bring the schema up to date. Raises: TooNew, WrongKey, Damaged: the file cannot be used."""
        migrate(database)
        self._database = database
        self._peers: list[Peer] | None = None
        """As they were last read, where nobody else can change them."""
        self._peer_changes = 0
        self._keeping = threading.Lock()

    # Settings

    def setting(self, name: str) -> bytes | None:
        """The value of a setting, or None."""
        with self._database.read() as connection:
            row: Any = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def set(self, values: dict[str, bytes]) -> None:
        """Write settings, all or none. Raises: TooLarge, StorageFull."""
        if any(len(value) > MAX_SETTING_BYTES for value in values.values()):
            raise TooLarge(f"a setting has at most {MAX_SETTING_BYTES} bytes")
        with self._database.write(durable=True) as connection:
            connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", values.items())

    def unset(self, name: str) -> None:
        """Remove a setting, if it is there."""
        with self._database.write(durable=True) as connection:
            connection.execute("DELETE FROM settings WHERE name = ?", (name,)).fetchall()

    # The allow-list

    def peers(self) -> list[Peer]:
        """All peers, in the order in which they were added."""
        kept = self._peers
        if kept is not None:
            return list(kept)
        changes = self._peer_changes
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT device, name, addresses, note, added_ms FROM peers ORDER BY added_ms, device"
            ).fetchall()
        found = [_peer_of(row) for row in rows]
        with self._keeping:
            if not self._database.read_only and changes == self._peer_changes:
                self._peers = found
        return list(found)

    def peer(self, device: bytes) -> Peer | None:
        """The peer that is that device, or None."""
        with self._database.read() as connection:
            row: Any = connection.execute(
                "SELECT device, name, addresses, note, added_ms FROM peers WHERE device = ?", (device,)
            ).fetchone()
        return None if row is None else _peer_of(row)

    def put_peer(self, peer: Peer) -> None:
        """Add a peer, or change the one that is that device. Raises: TooLarge, StorageFull."""
        _check_peer(peer)
        with self._database.write(durable=True) as connection:
            others: Any = connection.execute(
                "SELECT count(*) FROM peers WHERE device <> ?", (peer.device,)
            ).fetchone()
            if others[0] >= MAX_PEERS:
                raise TooLarge(f"a home has at most {MAX_PEERS} peers")
            connection.execute(
                "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?)",
                (peer.device, peer.name, "\n".join(peer.addresses), peer.note, peer.added_ms),
            ).fetchall()
        self._forget_peers()

    def remove_peer(self, device: bytes) -> None:
        """Remove a peer and the addresses learned for it. Raises: NotFound."""
        with self._database.write(durable=True) as connection:
            connection.execute("DELETE FROM peers WHERE device = ?", (device,)).fetchall()
            if connection.changes() == 0:
                raise NotFound("no such peer")
            connection.execute("DELETE FROM addresses WHERE device = ?", (device,)).fetchall()
        self._forget_peers()

    def _forget_peers(self) -> None:
        """Read them again: they changed. Whoever is reading them now keeps nothing."""
        with self._keeping:
            self._peer_changes += 1
            self._peers = None

    # The address book

    def addresses(self, device: bytes) -> list[KnownAddress]:
        """Addresses learned for a device: those that were reached last first, then the latest heard of."""
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT address, seen_ms, reached_ms FROM addresses WHERE device = ?"
                " ORDER BY reached_ms DESC, seen_ms DESC, address",
                (device,),
            ).fetchall()
        return [KnownAddress(*row) for row in rows]

    def known_devices(self) -> list[AuthorId]:
        """Every device of which an address was learned, the one last seen first."""
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT device FROM addresses GROUP BY device ORDER BY max(seen_ms) DESC, device"
            ).fetchall()
        return [device for (device,) in rows]

    def learn_addresses(
        self, device: bytes, addresses: Sequence[str], now_ms: int, *, reached: bool = False
    ) -> None:
        """Note where a device is said to be, or was reached. Over-long addresses are left out.

        At most `MAX_ADDRESSES_PER_DEVICE` are kept of each device; the ones longest unheard of go.
        """
        rows = [
            (device, address, now_ms, now_ms if reached else 0)
            for address in addresses[:MAX_ADDRESSES_PER_DEVICE]
            if len(address) <= MAX_ADDRESS_CHARS
        ]
        with self._database.write() as connection:
            connection.executemany(
                "INSERT INTO addresses VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " seen_ms = max(seen_ms, excluded.seen_ms),"
                " reached_ms = max(reached_ms, excluded.reached_ms)",
                rows,
            )
            connection.execute(
                "DELETE FROM addresses WHERE device = ?1 AND address NOT IN (SELECT address FROM addresses"
                " WHERE device = ?1 ORDER BY max(seen_ms, reached_ms) DESC, address LIMIT ?2)",
                (device, MAX_ADDRESSES_PER_DEVICE),
            ).fetchall()
            connection.execute(
                "DELETE FROM addresses WHERE device IN (SELECT device FROM addresses"
                " GROUP BY device ORDER BY max(seen_ms) DESC LIMIT -1 OFFSET ?)",
                (MAX_ADDRESS_DEVICES,),
            ).fetchall()

    def forget_address(self, device: bytes, address: str) -> None:
        """Remove an address that turned out wrong, if it is there."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM addresses WHERE device = ? AND address = ?", (device, address)
            ).fetchall()


def _peer_of(row: tuple[Any, ...]) -> Peer:
    device, name, addresses, note, added_ms = row
    return Peer(AuthorId(device), name, tuple(addresses.split()), note, added_ms)


def _check_peer(peer: Peer) -> None:
    if max(len(peer.name), len(peer.note)) > MAX_PEER_TEXT_CHARS:
        raise TooLarge(f"name and note of a peer have at most {MAX_PEER_TEXT_CHARS} characters each")
    if len(peer.addresses) > MAX_ADDRESSES_PER_DEVICE:
        raise TooLarge(f"a peer has at most {MAX_ADDRESSES_PER_DEVICE} addresses")
    if any(len(address) > MAX_ADDRESS_CHARS or len(address.split()) != 1 for address in peer.addresses):
        raise TooLarge(f"an address has at most {MAX_ADDRESS_CHARS} characters and no spaces")
