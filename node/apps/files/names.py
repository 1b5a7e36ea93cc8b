"""Names of files that can be written on every system, and tags. Pure.

A name is one part of a path. It has 1 to 255 bytes of UTF-8, is in NFC, and is neither ``.`` nor ``..``. It
has no control character, none that turns the direction of writing, and none of ``/ \\ : * ? " < > |``. It
ends neither with a dot nor with a space, and is no name of a device on Windows, whatever follows its first
dot.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

MAX_NAME_BYTES: Final = 255
"""Longest name that the usual file systems take, in UTF-8."""

MAX_TAG_CHARS: Final = 64
"""Longest tag: a few words."""

_FORBIDDEN: Final = re.compile(r'[/\\:*?"<>|]')
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Controls, line and paragraph separators, and what turns the direction of writing: with the last a name
shows ``exe.txt`` where it is ``txt.exe``."""

_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"}
)
_REMEMBERED: Final = 4_096
"""Tags whose form is remembered: the same ones come again and again."""

_TAG_MARKS: Final = frozenset("_-\u00b7")


def fault_of(name: str) -> str:
    """Why a text is no name of a file, in a few words; empty where it is one."""
    if not name or name in (".", ".."):
        return "is no name of a file"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    if size > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    if not unicodedata.is_normalized("NFC", name):
        return "is not in the normal form NFC"
    if _CONTROL.search(name):
        return "has a control character"
    if found := _FORBIDDEN.search(name):
        return f"has the character {found.group()}, which not every system takes"
    if name[-1] in ". ":
        return "ends with a dot or a space, which not every system takes"
    if name.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
        return "is the name of a device on Windows"
    return ""


def is_name(name: str) -> bool:
    """Is a text the name of a file that can be written everywhere?"""
    return not fault_of(name)


def alike(name: str) -> str:
    """What systems that do not tell capitals from small letters take a name for: equal for equal ones."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def canonical_tag(text: str) -> str:
    """A tag as it is kept: NFC, without capitals and a leading #."""
    folded = unicodedata.normalize("NFC", text.strip().removeprefix("#")).casefold()
    return unicodedata.normalize("NFC", folded)


def is_tag(tag: str) -> bool:
    """Is a text a tag as it is kept: 1 to 64 letters, digits, marks, ``_``, ``-`` and ``·``?"""
    return 1 <= len(tag) <= MAX_TAG_CHARS and _is_short_tag(tag)


@lru_cache(_REMEMBERED)
def _is_short_tag(tag: str) -> bool:
    return tag == canonical_tag(tag) and all(
        char in _TAG_MARKS or unicodedata.category(char)[0] in "LNM" for char in tag
    )
