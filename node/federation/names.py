"""Names of what a federation consists of, and the rule for names that people choose. Pure."""

import unicodedata
from itertools import pairwise
from typing import Final, NewType

from store.errors import StoreError

RootId = NewType("RootId", bytes)
"""32 bytes: the Ed25519 public key of a member, from 24 words. The first root of a member names him."""

SectionId = NewType("SectionId", bytes)
"""32 bytes: digest of a section's inception."""

StateId = NewType("StateId", bytes)
"""32 bytes: a section at one time. The section id itself, or the act id of a change."""

ActId = NewType("ActId", bytes)
"""32 bytes: digest of what t stewards have to consent to."""

ID_BYTES: Final = 32

_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class InvalidStatement(StoreError):
    """A statement breaks a rule of docs/protocol/federation.md."""


def is_plain(text: object, least: int, most: int) -> bool:
    """Is this a text of `least` to `most` characters, NFC, without control characters or spaces around?"""
    return (
        type(text) is str
        and least <= len(text) <= most
        and (
            (text.isascii() and text.isprintable() and text == text.strip())
            or (
                unicodedata.is_normalized("NFC", text)
                and text == text.strip()
                and not any(unicodedata.category(char) in _CONTROL for char in text)
            )
        )
    )


def is_id(value: object) -> bool:
    """Is this 32 bytes?"""
    return type(value) is bytes and len(value) == ID_BYTES


def are_ascending(values: tuple[bytes, ...]) -> bool:
    """Does each value follow the one before it in ascending order, none twice?"""
    return all(one < other for one, other in pairwise(values))
