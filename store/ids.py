"""Names of things: kinds of 32-byte identifiers, their text form, and the closed list of logs.

An identifier's text form is its 32 bytes in RFC 4648 base32, lower case, without padding: 52
characters, so that it fits a domain label. A short form is the first ten characters (50 bits); it is
for people to read and to type, never for programs to compare.
"""

import base64
from typing import Final, NewType

from store.errors import StoreError

AuthorId = NewType("AuthorId", bytes)
"""32 bytes: the Ed25519 public key of a device; also its identity in libp2p."""

EntryId = NewType("EntryId", bytes)
"""32 bytes: BLAKE2b-256 over an entry's header and signature."""

NetworkId = NewType("NetworkId", bytes)
"""32 bytes: BLAKE2b-256 over a network's charter."""

LogNo = NewType("LogNo", int)
"""0 to 31: the purpose of a log, see `LOG_NAMES`."""

ID_BYTES: Final = 32
SHORT_CHARS: Final = 10
"""Length of a short id in characters: 50 bits, enough that two do not meet by chance in one network."""

MIN_PREFIX_CHARS: Final = 4
"""Fewest characters of an id that a person may type; the prefix must name exactly one thing."""

_TEXT_CHARS: Final = 52
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")

MAX_LOGS_PER_AUTHOR: Final = 32
"""The list of purposes is closed, so that one device cannot open logs without end."""

LOG_NAMES: Final[tuple[str, ...]] = (
    "id",
    "keys",
    "feed",
    "docs",
    "files",
    "sealed",
    "profile",
    "mail",
    "council",
    "ledger",
    "deletions",
    "log-11",
    "log-12",
    "log-13",
    "log-14",
    "log-15",
    *(f"box-{digit:x}" for digit in range(16)),
)
"""Name of each log number. Numbers 11 to 15 have no purpose yet; nodes carry them all the same."""

LOG_ID: Final = LogNo(0)
LOG_KEYS: Final = LogNo(1)
LOG_FEED: Final = LogNo(2)
LOG_DOCS: Final = LogNo(3)
LOG_FILES: Final = LogNo(4)
LOG_SEALED: Final = LogNo(5)
LOG_PROFILE: Final = LogNo(6)
LOG_DELETIONS: Final = LogNo(10)
LOG_BOX_0: Final = LogNo(16)

FOR_ALL: Final = frozenset({LOG_ID, LOG_DELETIONS})
"""Logs that no choice of sections leaves out, nor any age: who belongs, and what is to be dropped."""


class NotAnId(StoreError):
    """The text is not an identifier."""


def to_text(identifier: bytes) -> str:
    """The 52-character text form of a 32-byte identifier."""
    return base64.b32encode(identifier).decode("ascii").rstrip("=").lower()


def short(identifier: bytes) -> str:
    """The first `SHORT_CHARS` characters of the text form, for people."""
    return to_text(identifier)[:SHORT_CHARS]


def from_text(text: str) -> bytes:
    """The 32 bytes that a 52-character text form names, in lower, upper or mixed case.

    Raises:
        NotAnId: wrong length, foreign characters, or padding bits that are not zero.
    """
    if len(text) != _TEXT_CHARS:
        raise NotAnId(f"an id has {_TEXT_CHARS} characters, this has {len(text)}")
    return prefix_range(text)[0]


def prefix_range(text: str) -> tuple[bytes, bytes]:
    """Smallest and largest 32-byte identifier whose text form begins with `text` (4 to 52 characters).

    Raises:
        NotAnId: too short, too long, foreign characters, or padding bits that are not zero.
    """
    if not MIN_PREFIX_CHARS <= len(text) <= _TEXT_CHARS:
        raise NotAnId(f"type {MIN_PREFIX_CHARS} to {_TEXT_CHARS} characters of an id")
    lower = text.lower()
    if not text.isascii() or not _ALPHABET.issuperset(lower):
        raise NotAnId("an id consists of the letters a to z and the digits 2 to 7")
    low = base64.b32decode(lower.ljust(_TEXT_CHARS, "a").upper() + "====")
    high = base64.b32decode(lower.ljust(_TEXT_CHARS, "7").upper() + "====")
    if not to_text(low).startswith(lower):
        raise NotAnId("the last character of this id is wrong")
    return low, high


def log_name(log: int) -> str:
    """Name of a log number (0 to 31)."""
    return LOG_NAMES[log]


def log_number(name: str) -> LogNo:
    """Number of the log called `name`.

    Raises:
        NotAnId: no log has that name.
    """
    try:
        return LogNo(LOG_NAMES.index(name))
    except ValueError as error:
        raise NotAnId(
            f"no log is called {name!r}; there are {', '.join(LOG_NAMES[:11])}, box-0 to box-f"
        ) from error
