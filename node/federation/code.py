"""Codes that people pass on: an invite, and a contact for a member's further devices. Pure.

RFC 4648 base32, upper case, without padding, so that a QR code of it stays small:

    1   1: an invite; 2: a contact
    16  the first 16 bytes of the network id
    16  secret, in an invite only
    32  device key of the hub
    24  its address: 4, IPv4, port; or 6, IPv6, port; or 10 + length, DNS name, port; zeros after it
    4   the first 4 bytes of digest(``asterism/code/1`` ‖ 0x00 ‖ all before)

docs/protocol/federation.md, "Codes".
"""

import base64
import ipaddress
import re
from typing import Final, NamedTuple

from gossip.errors import BadAddress
from gossip.net.address import Address, parse_address
from node.errors import BadData
from node.federation.bare import SECRET_BYTES
from store.crypto import digest
from store.ids import ID_BYTES, AuthorId

NETWORK_BYTES: Final = 16

MAX_NAME_BYTES: Final = 21
"""Of a DNS name in a code: with it a code has at most 150 characters."""

INVITE_CHARS: Final = 149
CONTACT_CHARS: Final = 124

_DOMAIN: Final = b"asterism/code/1\x00"
_INVITE: Final = 1
_CONTACT: Final = 2
_CHARS: Final = {_INVITE: INVITE_CHARS, _CONTACT: CONTACT_CHARS}
_ADDRESS_BYTES: Final = 24
_PORT_BYTES: Final = 2
_IP4: Final = 4
_IP6: Final = 6
_NAME: Final = 10
"""And the length of the name."""

_CHECK_BYTES: Final = 4
_MAX_CHARS: Final = 1_024
"""Of what is read as a code, spaces included."""

_BLANK: Final = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_ADVICE: Final = "Copy the whole code again, or ask for it again."


class BadCode(BadData):
    """This is no code, or nothing that fits one."""


class Place(NamedTuple):
    """Where a hub is reached."""

    host: str
    """An IP address in its usual spelling, or a DNS name in lower case of at most `MAX_NAME_BYTES`."""
    port: int
    """1 to 65535."""

    def text(self) -> str:
        """The multiaddr, without ``/p2p/…``."""
        kind = {_IP4: "ip4", _IP6: "ip6"}.get(_ip_version(self.host), "dns")
        return f"/{kind}/{self.host}/tcp/{self.port}"


class Invite(NamedTuple):
    """What a newcomer gets. Whoever reads it can use it."""

    network: bytes
    """The first 16 bytes of the network id."""
    secret: bytes
    """16 bytes, see `bare.invite_key`."""
    hub: AuthorId
    place: Place

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return f"Invite(…, hub={self.hub.hex()}, place={self.place})"


class Contact(NamedTuple):
    """Where a member's further device finds the network. No secret."""

    network: bytes
    hub: AuthorId
    place: Place


def place_of(address: str | Address) -> Place:
    """The place that an address names; ``/p2p/…`` is left out.

    Raises:
        BadCode: it is no address to dial, or its DNS name is too long for a code.
    """
    try:
        found = parse_address(address) if isinstance(address, str) else address
    except BadAddress as error:
        raise BadCode(f"This is no address: {error}.", "") from error
    if not found.is_ip and len(found.host) > MAX_NAME_BYTES:
        raise BadCode(
            f"{found.host[:64]} is too long: a code holds a DNS name of up to {MAX_NAME_BYTES} characters,"
            f" this has {len(found.host)}.",
            "Give the hub a shorter name, or take its IP address.",
        )
    if found.port < 1:
        raise BadCode(f"{found.text}: port 0 cannot be dialled.", "Say the real port.")
    return Place(found.host, found.port)


def encode(code: Invite | Contact) -> str:
    """The text of a code: 149 characters of an invite, 124 of a contact.

    Raises:
        BadCode: its place fits no code.
        ValueError: another value has the wrong length.
    """
    if len(code.network) != NETWORK_BYTES or len(code.hub) != ID_BYTES:
        raise ValueError("a code has 16 bytes of the network's id and 32 of a key")
    if isinstance(code, Invite):
        if len(code.secret) != SECRET_BYTES:
            raise ValueError("the secret of an invite has 16 bytes")
        first = bytes([_INVITE]) + code.network + code.secret
    else:
        first = bytes([_CONTACT]) + code.network
    data = first + code.hub + _pack_place(code.place)
    return base64.b32encode(data + _checksum(data)).decode("ascii").rstrip("=")


def parse(text: str) -> Invite | Contact:
    """The code in a text. Case, spaces, line breaks and hyphens do not matter.

    Raises:
        BadCode: mistyped, cut, or of a newer version.
    """
    if len(text) > _MAX_CHARS:
        raise BadCode("This text is too long for a code.", _ADVICE)
    plain = _BLANK.sub("", text)
    if not plain:
        raise BadCode("There is no code.", _ADVICE)
    data = _unbase32(plain)
    version = data[0]
    if version not in _CHARS:
        raise BadCode("This code was made by a newer version of Asterism.", "Install the newest version.")
    if len(plain) != _CHARS[version]:
        raise BadCode("This is no code: it is too short or too long.", _ADVICE)
    network, rest = data[1 : 1 + NETWORK_BYTES], data[1 + NETWORK_BYTES : -_CHECK_BYTES]
    place = _read_place(rest[-_ADDRESS_BYTES:])
    hub = AuthorId(rest[-_ADDRESS_BYTES - ID_BYTES : -_ADDRESS_BYTES])
    return (
        Invite(network, rest[:SECRET_BYTES], hub, place)
        if version == _INVITE
        else Contact(network, hub, place)
    )


def _unbase32(plain: str) -> bytes:
    """What the characters stand for, its checksum verified: 5 bytes or more. Raises: BadCode."""
    upper = plain.upper() if plain.isascii() else plain
    strange = next((char for char in upper if char not in _ALPHABET), None)
    if strange is not None:
        raise BadCode(
            f"This code is mistyped: {strange!a} does not occur in codes, only A to Z and 2 to 7.", _ADVICE
        )
    padding = "=" * (-len(upper) % 8)
    try:
        data = base64.b32decode(upper + padding)
    except ValueError as error:
        raise _mistyped(upper) from error
    whole = base64.b32encode(data).decode("ascii") == upper + padding and len(data) > _CHECK_BYTES
    if not whole or _checksum(data[:-_CHECK_BYTES]) != data[-_CHECK_BYTES:]:
        raise _mistyped(upper)
    return data


def _mistyped(upper: str) -> BadCode:
    """What is wrong with characters that are no code."""
    chars = len(upper)
    expected = _CHARS.get(base64.b32decode(upper[:2].ljust(8, "A"))[0])
    if chars == expected or (expected is None and chars in _CHARS.values()):
        return BadCode("This code is mistyped: its checksum does not fit.", _ADVICE)
    if expected is None:
        return BadCode(
            f"This is no code: it has {chars} characters; an invite has {INVITE_CHARS},"
            f" a contact {CONTACT_CHARS}.",
            _ADVICE,
        )
    return BadCode(
        f"A part of this code is missing or doubled: it has {chars} characters, not {expected}.", _ADVICE
    )


def _checksum(data: bytes) -> bytes:
    return digest(_DOMAIN + data)[:_CHECK_BYTES]


def _ip_version(host: str) -> int:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _pack_place(place: Place) -> bytes:
    if place != place_of(place.text()):
        raise BadCode("The address of a hub is written in its usual form.", "")
    version = _ip_version(place.host)
    if version:
        packed = bytes([version]) + ipaddress.ip_address(place.host).packed
    else:
        name = place.host.encode("ascii")
        packed = bytes([_NAME + len(name)]) + name
    return (packed + place.port.to_bytes(_PORT_BYTES, "big")).ljust(_ADDRESS_BYTES, b"\x00")


def _read_place(packed: bytes) -> Place:
    """The place in 24 bytes. Raises: BadCode."""
    kind = packed[0]
    size = {_IP4: 4, _IP6: 16}.get(kind, kind - _NAME)
    if not 1 <= size <= MAX_NAME_BYTES:
        raise BadCode("This code holds an address of a kind that this version does not know.", _ADVICE)
    host, port = packed[1 : 1 + size], packed[1 + size : 1 + size + _PORT_BYTES]
    try:
        named = str(ipaddress.ip_address(host)) if kind in (_IP4, _IP6) else host.decode("ascii")
        place = Place(named, int.from_bytes(port, "big"))
        if _pack_place(place) == packed:
            return place
    except (ValueError, BadCode):
        pass
    raise BadCode("This code holds no address that can be dialled.", _ADVICE)
