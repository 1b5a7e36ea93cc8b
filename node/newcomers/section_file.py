"""The file of a founding section, on its way from its first steward to whoever founds the federation.

Text, one thing a line; lines that begin with ``#`` are for people:

    # Founding section '…'. Whoever founds the federation adds it with: …
    inception  base32 of the signed inception (`node.federation.inception`), lower case, without padding
    id         the section's id (52 characters), so that a damaged file is noticed

It is no secret. Pure: the caller reads and writes files.
"""

import base64
import binascii
from typing import Final

from node.errors import BadData
from node.federation.inception import SignedInception, read_inception
from node.federation.names import InvalidStatement
from store.ids import to_text

MAX_FILE_CHARS: Final = 8_192
"""An inception of 2,048 bytes has 3,277 characters; room for comments."""

_ADVICE: Final = "Ask for the file again: `aster section draft` writes it."


def write(section: SignedInception, by: str = "") -> str:
    """The text of the file, at most 3,700 characters. `by`: who drafted it, for the reader."""
    coded = base64.b32encode(section.data).decode("ascii").rstrip("=").lower()
    return (
        f"# Founding section {section.terms.name!r}{f', drafted by {by!r}' if by else ''}."
        " Whoever founds the federation adds it with: aster federation found … --with THIS-FILE\n"
        f"inception {coded}\n"
        f"id {to_text(section.section)}\n"
    )


def read(text: str) -> SignedInception:
    """The section in the text of such a file, signatures checked.

    Raises:
        BadData: no such file, or a damaged one.
    """
    if len(text) > MAX_FILE_CHARS:
        raise BadData("This file is too long for the file of a section.", _ADVICE)
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    match lines:
        case [["inception", coded], ["id", name]]:
            section = _read(coded)
        case _:
            raise BadData("This is no file of a founding section.", _ADVICE)
    if to_text(section.section) != name:
        raise BadData("This file of a section is damaged: its id does not fit.", _ADVICE)
    return section


def _read(coded: str) -> SignedInception:
    try:
        return read_inception(base64.b32decode(coded.upper() + "=" * (-len(coded) % 8)))
    except (binascii.Error, ValueError) as error:
        raise BadData("This file of a section is damaged: it is not base32.", _ADVICE) from error
    except InvalidStatement as error:
        raise BadData(
            f"This file of a section is damaged or from a newer version: {error}.", _ADVICE
        ) from error
