"""A charter: what a network is named by. Pure.

Canonical msgpack ``[1, name, salt, k, [inception, …]]`` (see `store.codec`):

    0  version     int   1
    1  name        str   1 to 100 characters, none of them a control character
    2  salt        bin   16 random bytes, so that two networks of one name differ
    3  k           int   0 to 16: how many sections must endorse a new one; 0 where there are none
    4  inceptions  list  at most 16 signed inceptions of founding sections, ascending; opaque here,
                         see `node.federation.inception`

The network id is BLAKE2b-256 over ``asterism/charter/1`` ‖ 0x00 ‖ the bytes of the charter. A charter
without sections names an open circle, in which each home keeps a list of whom it lets in.
"""

from itertools import pairwise
from typing import Final, NamedTuple

from store.codec import Value, decode, encode
from store.crypto import digest
from store.errors import NotCanonical, StoreError
from store.ids import NetworkId

VERSION: Final = 1
DOMAIN: Final = b"asterism/charter/1\x00"

SALT_BYTES: Final = 16
MAX_NAME_CHARS: Final = 100
"""Fits one line of a terminal or a list, in any script."""

MAX_SECTIONS: Final = 16
"""Founding sections: each may be asked for an endorsement, so there are not many."""

MAX_INCEPTION_BYTES: Final = 2_048
"""As much as an entry of an `id` log takes."""

MAX_CHARTER_BYTES: Final = 33_243
"""A name of 100 characters of four bytes each, the salt, 16 inceptions, and framing."""

_CONTROLS: Final = frozenset(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)))
_ITEMS: Final = 5


class InvalidCharter(StoreError):
    """A charter breaks a rule, or bytes are none."""


class Charter(NamedTuple):
    """The founding document of a network. No value is checked before `encode`."""

    name: str
    """1 to 100 characters, for people; networks are told apart by their id."""
    salt: bytes
    """16 bytes."""
    endorsements: int = 0
    """How many sections must endorse a new one; of n founding sections at most n can be asked for."""
    inceptions: tuple[bytes, ...] = ()
    """Signed inceptions of the founding sections, ascending."""

    def encode(self) -> bytes:
        """The canonical bytes, at most `MAX_CHARTER_BYTES`. Raises: InvalidCharter."""
        _check_fields(self)
        return encode([VERSION, *self])

    def network_id(self) -> NetworkId:
        """The 32-byte name of the network. Raises: InvalidCharter."""
        return NetworkId(digest(DOMAIN + self.encode()))


def parse(data: bytes) -> Charter:
    """The charter whose canonical bytes `data` are. Inceptions are not looked into.

    Raises:
        InvalidCharter: not canonical, of another version, or a value breaks its rule.
    """
    try:
        value = decode(data, MAX_CHARTER_BYTES, MAX_SECTIONS)
    except NotCanonical as error:
        raise InvalidCharter("these bytes are not a charter") from error
    if type(value) is not tuple or len(value) != _ITEMS:
        raise InvalidCharter("a charter is a list of five values")
    version, name, salt, endorsements, inceptions = value
    if type(version) is not int or version != VERSION:
        raise InvalidCharter("a charter of a version that this program does not know")
    if type(name) is not str or type(salt) is not bytes or type(endorsements) is not int:
        raise InvalidCharter("a charter is a list of version, name, salt, a number and inceptions")
    charter = Charter(name, salt, endorsements, _inceptions_of(inceptions))
    _check_fields(charter)
    return charter


def _inceptions_of(value: Value) -> tuple[bytes, ...]:
    if type(value) is not tuple:
        raise InvalidCharter("inceptions are a list")
    found = tuple(each for each in value if type(each) is bytes)
    if len(found) != len(value):
        raise InvalidCharter("inceptions are bytes")
    return found


def _check_fields(charter: Charter) -> None:
    name, salt, endorsements, inceptions = charter
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise InvalidCharter(f"a network's name has 1 to {MAX_NAME_CHARS} characters, this has {len(name)}")
    if not _CONTROLS.isdisjoint(name):
        raise InvalidCharter("a network's name has no control characters, such as line breaks")
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise InvalidCharter("a network's name is text in UTF-8")
    if len(salt) != SALT_BYTES:
        raise InvalidCharter(f"the salt of a charter has {SALT_BYTES} bytes")
    if len(inceptions) > MAX_SECTIONS or any(len(each) > MAX_INCEPTION_BYTES for each in inceptions):
        raise InvalidCharter(f"a charter has at most {MAX_SECTIONS} inceptions of 2 KiB each")
    if any(one >= other for one, other in pairwise(inceptions)):
        raise InvalidCharter("inceptions stand in order, each once")
    if not (1 if inceptions else 0) <= endorsements <= (MAX_SECTIONS if inceptions else 0):
        raise InvalidCharter("a new section needs 1 to 16 endorsements, and none where there are no sections")
