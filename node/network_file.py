"""The network file: a charter on its way from one person to another, and names that people give.

Text, one thing a line; lines that begin with ``#`` are for people:

    # Asterism network '…'. How to join it: …
    charter  base32 of the charter (`store.charter`), lower case, without padding
    id       the network's id (52 characters), so that a damaged file is noticed

Pure: the caller reads and writes files and brings the salt.
"""

import base64
import binascii
import unicodedata
from typing import Final

from node.errors import BadData
from store.charter import Charter, InvalidCharter, parse
from store.ids import to_text

MAX_NAME_CHARS: Final = 64
"""Longest name of a network or a device that we let a person choose: fits a line of a terminal."""

MAX_FILE_CHARS: Final = 65_536
"""A charter with 16 sections has 33,243 bytes, so 53,189 characters; room for comments. That of a circle is
under 1,500 characters."""

_ADVICE: Final = "Ask for the network file again: `aster network export` writes it."
_CIRCLE_WAY_IN: Final = "Join it with: aster init --name NAME --network THIS-FILE"
_FEDERATION_WAY_IN: Final = (
    "To join it, ask one of its stewards for a code, then: aster join CODE --name NAME"
)
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the text around it."""
_JOINERS: Final = frozenset("\u200c\u200d")


def found(name: str, salt: bytes) -> Charter:
    """The charter of a new network; `salt` is 16 random bytes.

    Raises:
        BadData: the name breaks a rule, see `check_name`.
    """
    charter = Charter(check_name(name), salt)
    charter.network_id()
    return charter


def check_name(name: str) -> str:
    """A name that a person chose, in the form that is kept: NFC, no spaces around.

    Raises:
        BadData: empty, over `MAX_NAME_CHARS`, with characters that nobody sees, or like an option.
    """
    kept = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(kept) <= MAX_NAME_CHARS:
        raise BadData(f"A name has 1 to {MAX_NAME_CHARS} characters.", "Choose another name.")
    if not is_readable_name(kept):
        raise BadData("A name has no line breaks or control characters.", "Choose another name.")
    if any(unicodedata.category(char) == "Cf" and not _joins(kept, at) for at, char in enumerate(kept)):
        raise BadData("A name has no characters that nobody sees.", "Type it instead of pasting it.")
    if kept.startswith("-"):
        raise BadData(
            "A name does not begin with a hyphen: it would be taken for an option.", "Choose another."
        )
    return kept


def is_readable_name(name: str) -> bool:
    """May a name that somebody else chose be shown? `check_name` asks more of those that are chosen here."""
    return (
        1 <= len(name) <= MAX_NAME_CHARS
        and unicodedata.normalize("NFC", name).strip() == name
        and not any(unicodedata.category(char) in _CONTROL or char in _DIRECTIONS for char in name)
    )


def _joins(name: str, at: int) -> bool:
    """Does a joiner or non-joiner stand between two signs, as some scripts and emoji need it?"""
    around = name[at - 1 : at] + name[at + 1 : at + 2]
    return name[at] in _JOINERS and len(around) == 2 and all(_may_be_joined(char) for char in around)


def _may_be_joined(char: str) -> bool:
    """Is this a letter, vowel sign or emoji (with its variation selector) outside ASCII?"""
    return not char.isascii() and unicodedata.category(char)[0] in "LMS"


def write(charter: Charter) -> str:
    """The text of a network file, at most 55,000 characters."""
    coded = base64.b32encode(charter.encode()).decode("ascii").rstrip("=").lower()
    way_in = _FEDERATION_WAY_IN if charter.inceptions else _CIRCLE_WAY_IN
    return (
        f"# Asterism network {charter.name!r}. {way_in}\n"
        f"charter {coded}\n"
        f"id {to_text(charter.network_id())}\n"
    )


def read(text: str) -> Charter:
    """The charter in the text of a network file.

    Raises:
        BadData: no network file, or a damaged one.
    """
    if len(text) > MAX_FILE_CHARS:
        raise BadData("This file is too long for a network file.", _ADVICE)
    fields: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or words[0] not in ("charter", "id") or words[0] in fields:
            raise BadData("This is no network file.", _ADVICE)
        fields[words[0]] = words[1]
    if len(fields) != 2:
        raise BadData("This is no network file, or a part of it is missing.", _ADVICE)
    try:
        charter = parse(_unbase32(fields["charter"]))
    except InvalidCharter as error:
        raise BadData(f"This network file is damaged or from a newer version: {error}.", _ADVICE) from error
    if to_text(charter.network_id()) != fields["id"]:
        raise BadData("This network file is damaged: its id does not fit its charter.", _ADVICE)
    return charter


def _unbase32(text: str) -> bytes:
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as error:
        raise BadData("This network file is damaged: the charter is not base32.", _ADVICE) from error
