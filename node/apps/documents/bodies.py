"""Bodies of the log `docs`: versions of documents, and translations of them. Pure.

Contents, canonical msgpack:

    33 version           [33, name, title, media_type, language, tags, public, units [[id, text] …]]
    34 long version      [34, name, title, media_type, language, tags, public, blob, size, excerpt]
    35 translation       [35, name, title, language, public, units [[id, source digest, text] …]]
    36 long translation  [36, name, title, language, public, blob, size, excerpt]

A version follows the versions that it links to. A translation's first link is the version that it is of;
the others are translations that it follows. The blob of the long forms holds the units
(`node.apps.documents.contents`). Elements after these are reserved and ignored.

The first form of kind 33 had five elements, `[33, name, title, media_type, text]`. It is read as one unit.
Specification: docs/protocol/documents.md.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from node.apps.documents.units import UNIT_ID_BYTES, Unit
from node.errors import BadData, TextTooLarge
from node.languages import MAX_TAG_CHARS as MAX_LANGUAGE_CHARS
from node.languages import read_tag
from node.quoting import quoted
from store.crypto import digest
from store.entry import MAX_BODY_BYTES, MAX_LINKS, content_of, make_body
from store.errors import InvalidEntry, NotCanonical, TooLarge

KIND: Final = 33
LONG: Final = 34
TRANSLATION: Final = 35
LONG_TRANSLATION: Final = 36

MAX_NAME_CHARS: Final = 200
"""Longest name of a document: a path of a few folders."""

MAX_TITLE_CHARS: Final = 300
"""Longest title: two lines."""

MAX_MEDIA_TYPE_CHARS: Final = 100
"""Longest media type; the registry's longest have some 80."""

MAX_FOLLOWS: Final = MAX_LINKS
"""Versions that one can follow: an entry's links."""

MAX_TAGS: Final = 16
"""Tags of a document; who has more sorts by none of them."""

MAX_TAG_CHARS: Final = 64
"""Longest tag: a few words."""

MAX_SHORT_UNITS: Final = 1_000
"""Units in a body: a list there holds at most 1,024 values. A text of more is a long one."""

MAX_EXCERPT_BYTES: Final = 8_192
"""The beginning of a long text that stands in the body, so that it is found before the text is here."""

MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Longest text of a version in UTF-8: some 2,000 pages. What is longer is a file."""

MAX_CONTENTS_BYTES: Final = 2 * MAX_TEXT_BYTES
"""Longest blob of a long text: the text, and ids and lengths of its units."""

SOURCE_DIGEST_BYTES: Final = 8
"""Beginning of the digest of the paragraph that was translated: tells whether it is the same still."""

DEFAULT_MEDIA_TYPE: Final = "text/plain"

_BLOB_ID_BYTES: Final = 32
_FIRST_FORM_ITEMS: Final = 5
_FIRST_FORM_UNIT: Final = bytes(UNIT_ID_BYTES)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What has the category Cc, Cs, Zl or Zp."""

_REMEMBERED: Final = 4_096
"""Tags and languages that were checked, and are not checked again; each is short."""

_TAG_MARKS: Final = frozenset("_-\u00b7")


class LongText(NamedTuple):
    """Where a text is that does not fit into a body."""

    blob: bytes
    """32 bytes."""
    size: int
    """Of the blob, in bytes."""
    excerpt: str
    """The beginning of the text."""


class Version(NamedTuple):
    """One version of a document."""

    name: str
    title: str
    media_type: str
    language: str
    """Tag, or empty: not said."""
    tags: tuple[str, ...]
    public: bool
    """May be shown outside the network."""
    held: tuple[Unit, ...] | LongText

    @property
    def size(self) -> int:
        """Bytes of the text, or of the blob that holds it."""
        return _size_of(self.held)


class Rendered(NamedTuple):
    """A unit in another language."""

    id: bytes
    """Of the unit, 8 bytes."""
    source: bytes
    """`source_digest` of the text that was translated, 8 bytes."""
    text: str
    """Not empty."""


class Translation(NamedTuple):
    """A document, or part of it, in another language."""

    name: str
    title: str
    language: str
    """Tag, in the one spelling that `node.languages.read_tag` gives."""
    public: bool
    held: tuple[Rendered, ...] | LongText

    @property
    def size(self) -> int:
        """Bytes of the text, or of the blob that holds it."""
        return _size_of(self.held)


def canonical_name(name: str) -> str:
    """The name in the form by which documents are told apart (NFC, no spaces around).

    Raises:
        BadData: empty, too long, or with control characters.
    """
    kept = unicodedata.normalize("NFC", name).strip()
    if not _is_name(kept):
        raise BadData(
            f"A document's name has 1 to {MAX_NAME_CHARS} characters, none of them a control character.",
            "Choose another name (--as NAME).",
        )
    return kept


def read_document_tag(text: str) -> str:
    """A tag that a person typed, as it is kept. Raises: BadData."""
    tag = _canonical_tag(text)
    if not _is_tag(tag):
        raise BadData(
            f"{quoted(text)} is no tag: 1 to {MAX_TAG_CHARS} letters, digits, hyphens and underscores.",
            "Use one such as housing or strike-funds.",
        )
    return tag


def check_text(text: str) -> str:
    """The text, where it is one that a document can have. Raises: BadData, TextTooLarge."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    if "\0" in text:
        raise BadData("This is no text: it has zero bytes in it.", "Share it as a file: aster file add")
    if size > MAX_TEXT_BYTES:
        raise TextTooLarge(
            f"A document has at most {MAX_TEXT_BYTES:,} bytes of text; this has {size:,}.",
            "Split it into several documents, or share it as a file: aster file add",
        )
    return text


def source_digest(text: str) -> bytes:
    """What tells whether the text of a unit is the one that was translated, 8 bytes."""
    return digest(text.encode())[:SOURCE_DIGEST_BYTES]


def excerpt_of(text: str) -> str:
    """The beginning of a text, at most `MAX_EXCERPT_BYTES` of UTF-8."""
    return text[:MAX_EXCERPT_BYTES].encode()[:MAX_EXCERPT_BYTES].decode(errors="ignore")


def compose(text: Version | Translation, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a version or translation; its name is canonical already.

    Raises:
        BadData: a value breaks a rule.
        TextTooLarge: it does not fit into one body; the units go into a blob then.
    """
    _check_heading(text)
    if isinstance(text.held, LongText):
        kind = LONG if isinstance(text, Version) else LONG_TRANSLATION
        content = [kind, *text[:-1], *text.held]
    else:
        if len(text.held) > MAX_SHORT_UNITS:
            raise TextTooLarge(f"A body holds at most {MAX_SHORT_UNITS:,} paragraphs.")
        kind = KIND if isinstance(text, Version) else TRANSLATION
        content = [kind, *text[:-1], [tuple(unit) for unit in text.held]]
    try:
        body = make_body(salt, content)
    except TooLarge as error:
        raise TextTooLarge(f"A body has at most {MAX_BODY_BYTES:,} bytes.") from error
    except (NotCanonical, UnicodeEncodeError) as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    if parse(body) is None:
        raise BadData("This is no text of a document.", "Look for zero bytes in it.")
    return body


def _check_heading(text: Version | Translation) -> None:
    if not _is_name(text.name) or not _is_title(text.title):
        raise BadData(
            f"A title has at most {MAX_TITLE_CHARS} characters, none of them a control character.",
            "Shorten the title.",
        )
    if isinstance(text, Translation):
        if not _spelled(text.language):
            raise BadData(f"{quoted(text.language)} is no language tag.", "Use one such as de or pt-BR.")
        return
    if not _is_media_type(text.media_type):
        raise BadData(f"{quoted(text.media_type)} is no media type.", "Use one such as text/markdown.")
    if len(text.tags) > MAX_TAGS:
        raise BadData(f"A document has at most {MAX_TAGS} tags, these are {len(text.tags)}.", "Name fewer.")


def parse(body: bytes) -> Version | Translation | None:
    """What a body says, or None where this version of the program does not understand it. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[object, ...]) -> Version | Translation | None:
    """The version or translation in decoded content ``(kind, …)``, or None."""
    match content:
        case (33, str(name), str(title), str(media_type), str(text)) if "\0" not in text:
            units = (Unit(_FIRST_FORM_UNIT, text),) if text else ()
            return _checked(Version(name, title, media_type, "", (), False, units))
        case (33, str(name), str(title), str(media_type), str(tag), tags, bool(public), units, *_):
            held = read_units(units)
            kept = _read_tags(tags)
            if held is not None and kept is not None:
                return _checked(Version(name, title, media_type, _spelled(tag), kept, public, held))
        case (34, str(name), str(title), str(media_type), str(tag), tags, bool(public), *held):
            long, kept = _read_long(held), _read_tags(tags)
            if long is not None and kept is not None:
                return _checked(Version(name, title, media_type, _spelled(tag), kept, public, long))
        case (35, str(name), str(title), str(tag), bool(public), units, *_):
            rendered = read_rendered(units)
            if rendered is not None and tag == _spelled(tag) != "":
                return _checked(Translation(name, title, tag, public, rendered))
        case (36, str(name), str(title), str(tag), bool(public), *held):
            long = _read_long(held)
            if long is not None and tag == _spelled(tag) != "":
                return _checked(Translation(name, title, tag, public, long))
    return None


def read_units(value: object) -> tuple[Unit, ...] | None:
    """The units in a decoded list, or None where it breaks a rule."""
    if type(value) is not tuple:
        return None
    units = tuple(Unit(*each) for each in value if type(each) is tuple and len(each) == 2)
    if len(units) != len(value) or not all(_is_unit(unit.id, unit.text) for unit in units):
        return None
    return units if len({unit.id for unit in units}) == len(units) else None


def read_rendered(value: object) -> tuple[Rendered, ...] | None:
    """The units of a translation in a decoded list, or None where it breaks a rule."""
    if type(value) is not tuple:
        return None
    units = tuple(Rendered(*each) for each in value if type(each) is tuple and len(each) == 3)
    if len(units) != len(value) or not all(_is_unit(unit.id, unit.text) for unit in units):
        return None
    if not all(type(each.source) is bytes and len(each.source) == SOURCE_DIGEST_BYTES for each in units):
        return None
    return units if len({unit.id for unit in units}) == len(units) else None


def _is_unit(identifier: object, text: object) -> bool:
    return (
        type(identifier) is bytes
        and len(identifier) == UNIT_ID_BYTES
        and type(text) is str
        and text != ""
        and "\0" not in text
    )


def _read_long(value: Sequence[object]) -> LongText | None:
    match value:
        case (bytes(blob), size, str(excerpt), *_) if type(size) is int and len(blob) == _BLOB_ID_BYTES:
            if 0 < size <= MAX_CONTENTS_BYTES and len(excerpt.encode()) <= MAX_EXCERPT_BYTES:
                return LongText(blob, size, excerpt)
    return None


def _read_tags(value: object) -> tuple[str, ...] | None:
    if type(value) is not tuple or len(value) > MAX_TAGS:
        return None
    is_kept = all(type(tag) is str and _is_tag(tag) for tag in value) and len(set(value)) == len(value)
    return value if is_kept else None


def _checked(text: Version | Translation) -> Version | Translation | None:
    canonical = _is_name(text.name) and text.name == unicodedata.normalize("NFC", text.name).strip()
    if not canonical or not _is_title(text.title):
        return None
    return text if isinstance(text, Translation) or _is_media_type(text.media_type) else None


def _spelled(tag: str) -> str:
    """A language tag in its one spelling; empty where it is none."""
    return _short_spelled(tag) if 0 < len(tag) <= MAX_LANGUAGE_CHARS else ""


@lru_cache(_REMEMBERED)
def _short_spelled(tag: str) -> str:
    try:
        return read_tag(tag)
    except BadData:
        return ""


def _size_of(held: LongText | Sequence[Unit] | Sequence[Rendered]) -> int:
    if isinstance(held, LongText):
        return held.size
    return sum(len(unit.text.encode()) for unit in held)


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= MAX_NAME_CHARS and _is_plain(name)


def _is_title(title: str) -> bool:
    return len(title) <= MAX_TITLE_CHARS and _is_plain(title)


def _is_media_type(media_type: str) -> bool:
    return (
        len(media_type) <= MAX_MEDIA_TYPE_CHARS
        and media_type.isascii()
        and media_type.isprintable()
        and "/" in media_type
    )


def _canonical_tag(text: str) -> str:
    folded = unicodedata.normalize("NFC", text.strip().removeprefix("#")).casefold()
    return unicodedata.normalize("NFC", folded)


def _is_tag(tag: str) -> bool:
    return 1 <= len(tag) <= MAX_TAG_CHARS and _is_short_tag(tag)


@lru_cache(_REMEMBERED)
def _is_short_tag(tag: str) -> bool:
    return tag == _canonical_tag(tag) and all(
        char in _TAG_MARKS or unicodedata.category(char)[0] in "LNM" for char in tag
    )


def _is_plain(text: str) -> bool:
    return _CONTROL.search(text) is None


def searched(text: Version | Translation) -> str:
    """What people may search for in a version or translation."""
    tags = " ".join(text.tags) if isinstance(text, Version) else ""
    return f"{text.name}\n{text.title}\n{tags}\n{beginning(text)}"


def text_of(body: bytes) -> str | None:
    """What people may search for in a body; None where it is none of these."""
    text = parse(body)
    return None if text is None else searched(text)


def beginning(text: Version | Translation) -> str:
    """The text, or the beginning of a long one."""
    return text.held.excerpt if isinstance(text.held, LongText) else "".join(each.text for each in text.held)
