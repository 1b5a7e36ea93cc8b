"""Addresses and peer ids as text, without libp2p.

An address is a multiaddr of one of these forms, at most `MAX_ADDRESS_TEXT_CHARS` long:

    /ip4/192.0.2.7/tcp/4001        /dns/hub.example.org/tcp/4001
    /ip6/2001:db8::7/tcp/4001      /dns4/…   /dns6/…

each with or without ``/p2p/<peer id>`` at its end. A peer id is base58btc (Bitcoin's alphabet) over 38
bytes: an identity multihash (00 24) of libp2p's protobuf of an Ed25519 key (08 01 12 20, then the 32
bytes of the key). It therefore is the device key in another spelling and needs no lookup.

Nothing here does I/O or imports anything foreign, so that the command line may use it.
"""

import ipaddress
import re
from typing import Final, NamedTuple

from gossip.errors import BadAddress
from store.ids import ID_BYTES, AuthorId

MAX_ADDRESS_TEXT_CHARS: Final = 320
"""Longest address that is looked at: a DNS name of 253 characters, a port and a peer id need 316."""

MAX_PORT: Final = 65_535

PEER_ID_PREFIX: Final = bytes.fromhex("002408011220")
"""What the bytes of a peer id have before the 32 bytes of an Ed25519 key."""

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_MAX_PEER_ID_CHARS: Final = 64
"""Longest peer id that is decoded: ours have 52 characters; the work grows with the square."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_DNS_KINDS: Final = frozenset({"dns", "dns4", "dns6"})
_MAX_DNS_CHARS: Final = 253
_FORM: Final = "an address looks like /ip4/192.0.2.7/tcp/4001 or /dns/hub.example.org/tcp/4001/p2p/12D3…"


class Address(NamedTuple):
    """A place to dial or to listen at, checked."""

    kind: str
    """``ip4``, ``ip6``, ``dns``, ``dns4`` or ``dns6``."""
    host: str
    """The IP address in its usual spelling, or the DNS name in lower case."""
    port: int
    """0 to 65535; 0 only where we listen."""
    peer: AuthorId | None
    """The device named by ``/p2p/…``, or None."""

    @property
    def text(self) -> str:
        """The multiaddr without ``/p2p/…``."""
        return f"/{self.kind}/{self.host}/tcp/{self.port}"

    @property
    def full_text(self) -> str:
        """The multiaddr with ``/p2p/…`` where the device is known."""
        return self.text if self.peer is None else f"{self.text}/p2p/{peer_id_text(self.peer)}"

    @property
    def is_ip(self) -> bool:
        """It needs no name server."""
        return self.kind not in _DNS_KINDS


def peer_id_text(author: AuthorId) -> str:
    """libp2p's spelling of a 32-byte device key: 52 characters that begin with ``12D3KooW``."""
    number = int.from_bytes(PEER_ID_PREFIX + author, "big")
    characters = []
    while number:
        number, value = divmod(number, 58)
        characters.append(_ALPHABET[value])
    return "1" + "".join(reversed(characters))


def author_of_peer_id(text: str) -> AuthorId:
    """The device key inside a peer id.

    Raises:
        BadAddress: it is no peer id, or one of another kind of key.
    """
    if not 1 <= len(text) <= _MAX_PEER_ID_CHARS:
        raise BadAddress(f"{_shown(text)} is no peer id: one has 52 characters and begins with 12D3KooW")
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise BadAddress(f"{_shown(text)} is no peer id: {character!r} is not in its alphabet")
        number = number * 58 + value
    key = number.to_bytes(_MAX_PEER_ID_CHARS, "big")[-ID_BYTES:]
    author = AuthorId(key)
    if peer_id_text(author) != text:
        raise BadAddress(f"{_shown(text)} is no peer id of an Ed25519 device; those begin with 12D3KooW")
    return author


def parse_address(text: str) -> Address:
    """An address to dial.

    Raises:
        BadAddress: it is malformed, or of a kind that this node does not speak.
    """
    address = _parse(text)
    if address.port == 0:
        raise BadAddress(f"{_shown(text)}: port 0 cannot be dialled; say the real port")
    return address


def parse_listen_address(text: str) -> Address:
    """An address to listen at: an IP address of this machine and a port, 0 for any free one.

    Raises:
        BadAddress: it is malformed, has a DNS name, or names a device.
    """
    address = _parse(text)
    if not address.is_ip:
        raise BadAddress(f"{_shown(text)}: listen at an IP address, such as /ip4/0.0.0.0/tcp/4001")
    if address.peer is not None:
        raise BadAddress(f"{_shown(text)}: leave out /p2p/…; we listen as ourselves")
    return address


def _parse(text: str) -> Address:
    if len(text) > MAX_ADDRESS_TEXT_CHARS:
        raise BadAddress(f"an address has at most {MAX_ADDRESS_TEXT_CHARS} characters; this has {len(text)}")
    parts = text.split("/")
    if parts[0] or len(parts) not in (5, 7):
        raise BadAddress(f"{_shown(text)} is no address: {_FORM}")
    _, kind, host, transport, port_text, *rest = parts
    if transport != "tcp":
        raise BadAddress(f"{_shown(text)}: only TCP is spoken here, not {_shown(transport)}; {_FORM}")
    peer = None
    if rest:
        if rest[0] != "p2p":
            raise BadAddress(f"{_shown(text)}: after the port comes /p2p/ and a peer id, or nothing")
        peer = author_of_peer_id(rest[1])
    return Address(kind, _host(kind, host, text), _port(port_text, text), peer)


def _host(kind: str, host: str, text: str) -> str:
    try:
        if kind == "ip4":
            return str(ipaddress.IPv4Address(host))
        if kind == "ip6":
            address = ipaddress.IPv6Address(host)
            if address.scope_id is not None:
                raise BadAddress(f"{_shown(text)}: an address with a zone is good on one machine only")
            return str(address)
    except ipaddress.AddressValueError as error:
        raise BadAddress(f"{_shown(text)}: {_shown(host)} is no {kind} address") from error
    if kind not in _DNS_KINDS:
        raise BadAddress(f"{_shown(text)}: an address begins with /ip4, /ip6, /dns, /dns4 or /dns6")
    labels = host.rstrip(".").split(".")
    if len(host) > _MAX_DNS_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(f"{_shown(text)}: {_shown(host)} is no DNS name")
    return ".".join(labels).lower()


def _port(port_text: str, text: str) -> int:
    if not (port_text.isascii() and port_text.isdecimal() and len(port_text) <= 5):
        raise BadAddress(f"{_shown(text)}: {_shown(port_text)} is no port")
    port = int(port_text)
    if port > MAX_PORT:
        raise BadAddress(f"{_shown(text)}: ports end at {MAX_PORT}")
    return port


def _shown(text: str) -> str:
    """Foreign text, safe for a terminal and short enough for one line."""
    return ascii(text if len(text) <= 80 else text[:77] + "…")
