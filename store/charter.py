"""A charter: what a network is named by. Pure.

Canonical msgpack ``[1, name, salt]`` (see `store.codec`):

    0  version  int   1
    1  name     str   1 to 100 characters, none of them a control character
    2  salt     bin   16 random bytes, so that two networks of one name differ

The network id is BLAKE2b-256 over ``asterism/charter/1`` ‖ 0x00 ‖ the bytes of the charter. A later
version adds the founding sections; it is another charter and so another network.
"""

from typing import Final, NamedTuple

from store.codec import decode, encode
from store.crypto import digest
from store.errors import NotCanonical, StoreError
from store.ids import NetworkId

VERSION: Final = 1
DOMAIN: Final = b"asterism/charter/1\x00"

SALT_BYTES: Final = 16
MAX_NAME_CHARS: Final = 100
"""Fits one line of a terminal or a list, in any script."""

MAX_CHARTER_BYTES: Final = 423
"""A name of 100 characters of four bytes each, the salt and five bytes of framing, two more for the list
and the version."""

_CONTROLS: Final = frozenset(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)))
_ITEMS: Final = 3


class InvalidCharter(StoreError):
    """A charter breaks a rule, or bytes are none."""


class Charter(NamedTuple):
    """The founding document of a network. Neither value is checked before `encode`."""

    name: str
    """1 to 100 characters, for people; networks are told apart by their id."""
    salt: bytes
    """16 bytes."""

    def encode(self) -> bytes:
        """The canonical bytes, at most `MAX_CHARTER_BYTES`. Raises: InvalidCharter."""
        _check_fields(self.name, self.salt)
        return encode([VERSION, self.name, self.salt])

    def network_id(self) -> NetworkId:
        """The 32-byte name of the network. Raises: InvalidCharter."""
        return NetworkId(digest(DOMAIN + self.encode()))


def parse(data: bytes) -> Charter:
    """The charter whose canonical bytes `data` are.

    Raises:
        InvalidCharter: not canonical, of another version, or a value breaks its rule.
    """
    try:
        value = decode(data, MAX_CHARTER_BYTES, _ITEMS)
    except NotCanonical as error:
        raise InvalidCharter("these bytes are not a charter") from error
    if type(value) is not tuple or len(value) != _ITEMS:
        raise InvalidCharter("a charter is a list of version, name and salt")
    version, name, salt = value
    if type(version) is not int or version != VERSION:
        raise InvalidCharter("a charter of a version that this program does not know")
    if type(name) is not str or type(salt) is not bytes:
        raise InvalidCharter("a charter is a list of version, name and salt")
    _check_fields(name, salt)
    return Charter(name, salt)


def _check_fields(name: str, salt: bytes) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise InvalidCharter(f"a network's name has 1 to {MAX_NAME_CHARS} characters, this has {len(name)}")
    if not _CONTROLS.isdisjoint(name):
        raise InvalidCharter("a network's name has no control characters, such as line breaks")
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise InvalidCharter("a network's name is text in UTF-8")
    if len(salt) != SALT_BYTES:
        raise InvalidCharter(f"the salt of a charter has {SALT_BYTES} bytes")
