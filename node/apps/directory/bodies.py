"""Bodies of the log `profile`: what a member, or a section, says about itself.

Content, canonical msgpack:

    64 profile of a member     [64, name str, fields list]
    65 profile of a section    [65, section bin32, fields list]     links: those of it that this one follows

    field                      [number int, tag str, value str | bin, public bool]

A name has 1 to 64 characters. Without its third value a profile says nothing about fields: those that were
said before go on. Elements after these are reserved and ignored. docs/protocol/directory.md has the rules.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.errors import BadData, TextTooLarge
from node.network_file import MAX_NAME_CHARS, check_name, is_readable_name
from store.entry import content_of, make_body
from store.errors import InvalidEntry, TooLarge

KIND: Final = 64
KIND_SECTION: Final = 65

NAME: Final = 1
TERRITORY: Final = 2
LANGUAGE: Final = 3
CONTACT: Final = 4
HUB: Final = 5
PICTURE: Final = 6
ABOUT: Final = 7
PAGE: Final = 8

MAX_FIELDS: Final = 64
"""Of one profile: some of each kind in many languages; more are a text, which is a document."""

MAX_VALUE_BYTES: Final = 4_000
"""Of one value in UTF-8: a text about oneself of two pages of a notebook."""

MAX_TAG_CHARS: Final = 64
"""Of the tag of a field: a language tag, or a few words that say what a contact is for."""

MAX_LANGUAGE_CHARS: Final = 35
"""Longest language tag that BCP 47 asks an implementation to keep."""

MAX_LINE_CHARS: Final = 300
"""Of a territory, a contact, an address: a line."""

MAX_PICTURE_BYTES: Final = 1_048_576
"""Largest picture: 512 pixels wide and high it has some 60 kB, and no more than this."""

MAX_NUMBER: Final = 65_535
"""Largest number of a field."""

_ID_BYTES: Final = 32
_FIELD_ITEMS: Final = 4
_LANGUAGE_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_BREAKS_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Categories Cc, Cs, Zl and Zp."""

_BREAKS_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Category Cc without tabs and line ends."""

_SINGLE: Final = frozenset({NAME, TERRITORY, PICTURE, ABOUT})
"""Fields of which there is one for each tag; the picture has one in all."""

_CALLED: Final = {
    NAME: "name",
    TERRITORY: "territory",
    LANGUAGE: "language",
    CONTACT: "contact",
    HUB: "hub",
    PICTURE: "picture",
    ABOUT: "about",
    PAGE: "page",
}
"""Fields that this version knows, as doors call them."""

NUMBERS: Final = {called: number for number, called in _CALLED.items()}
"""The numbers of fields by what doors call them."""


class Field(NamedTuple):
    """One thing that is said."""

    number: int
    """1 to 65,535; those without a name in `NUMBERS` are kept for later versions."""
    tag: str
    """Of a name or an about the language; of a contact what it is for; of a picture its size in bytes."""
    value: str | bytes
    """A text; of a picture the id of its blob, 32 bytes."""
    public: bool
    """May it be shown to everybody, or to the federation alone?"""

    @property
    def called(self) -> str:
        """What doors call it; empty where this version does not know the field."""
        return _CALLED.get(self.number, "")


class Profile(NamedTuple):
    """What a member says about himself on one of his devices."""

    name: str
    fields: tuple[Field, ...] | None = None
    """None: nothing is said about fields."""


class SectionProfile(NamedTuple):
    """What somebody says about a section; whether that counts is not the body's matter."""

    section: bytes
    """32 bytes."""
    fields: tuple[Field, ...]


def compose(name: str, salt: bytes, fields: Sequence[Field] | None = None) -> bytes:
    """The body (with its 16-byte salt) of a member's profile.

    Without `fields` it says nothing about them.

    Raises:
        BadData: the name or a field breaks a rule.
        TextTooLarge: too many fields, or too long in all.
    """
    content: list[object] = [KIND, check_name(name)]
    return _made(content if fields is None else [*content, _checked(fields)], salt)


def compose_section(section: bytes, fields: Sequence[Field], salt: bytes) -> bytes:
    """The body of a section's profile; `section` has 32 bytes. Raises: as `compose`."""
    return _made([KIND_SECTION, section, _checked(fields)], salt)


def _made(content: Sequence[object], salt: bytes) -> bytes:
    try:
        return make_body(salt, content)
    except TooLarge as error:
        raise TextTooLarge(
            "This profile is too long in all.", "Shorten it, or publish the long part as a document."
        ) from error


def _checked(fields: Sequence[Field]) -> list[list[object]]:
    if len(fields) > MAX_FIELDS:
        raise TextTooLarge(
            f"A profile has at most {MAX_FIELDS} fields; this one would have {len(fields)}.",
            "Take some away: aster profile unset FIELD",
        )
    for field in fields:
        check_field(field)
    return [list(field) for field in fields]


def check_field(field: Field) -> None:
    """Check a field that a person wants to publish. Raises: BadData, TextTooLarge: which rule is broken."""
    try:
        size = len(field.value if isinstance(field.value, bytes) else field.value.encode())
        field.tag.encode()
    except UnicodeEncodeError as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    if size > MAX_VALUE_BYTES:
        raise TextTooLarge(
            f"A field has at most {MAX_VALUE_BYTES:,} bytes; this one has {size:,}.",
            "Shorten it, or publish it as a document and name that.",
        )
    if not _has_shape(field.number, field.tag, field.value) or not is_good(field):
        raise BadData(_why_bad(field), "See: aster profile set --help")


def _why_bad(field: Field) -> str:
    if field.number in (NAME, ABOUT) and not is_language(field.tag, may_be_empty=True):
        return "The tag of a name or a text is a language, such as de, pt-BR or zh-Hant."
    match field.number:
        case 1:
            return "A name has 1 to 64 characters on one line, at least one that is seen."
        case 2:
            return f"A territory is one line of at most {MAX_LINE_CHARS} characters, without a tag."
        case 3:
            return "A language is a tag such as de, pt-BR or zh-Hant."
        case 4:
            return (
                f"A contact is one line of at most {MAX_LINE_CHARS} characters: an address, a number, a link."
            )
        case 5:
            return "The address of a hub begins with a slash, as aster status shows it."
        case 6:
            return "A picture is named by the blob that holds it."
        case 7:
            return "A text has letters and line breaks, but no other control characters."
        case 8:
            return "A web page begins with http:// or https://."
    return "A field is a number from 1 to 65,535 with a tag of at most 64 characters and a value."


def parse(body: bytes) -> Profile | SectionProfile | None:
    """The profile in a body, or None where it is none that this version understands. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[object, ...]) -> Profile | SectionProfile | None:
    """The profile in decoded content ``(kind, …)``, or None."""
    match content:
        case (64, str(name), *rest):
            return Profile(name, read_fields(rest[0]) if rest else None) if _is_name(name) else None
        case (65, bytes(section), given, *_) if len(section) == _ID_BYTES:
            fields = read_fields(given)
            return None if fields is None else SectionProfile(section, fields)
    return None


def read_fields(value: object) -> tuple[Field, ...] | None:
    """The fields in a decoded list; None where it is no list of at most `MAX_FIELDS`.

    What is no field, and what breaks the rule of its kind, is left out; of fields of which there can be
    one, the first counts. Unknown numbers are kept.
    """
    if type(value) is not tuple or len(value) > MAX_FIELDS:
        return None
    found: list[Field] = []
    seen: set[tuple[object, ...]] = set()
    for item in value:
        field = _read_field(item)
        if field is not None and is_good(field) and (place := place_of(field)) not in seen:
            seen.add(place)
            found.append(field)
    return tuple(found)


def _read_field(item: object) -> Field | None:
    if type(item) is not tuple or len(item) < _FIELD_ITEMS:
        return None
    number, tag, value, public = item[:_FIELD_ITEMS]
    if type(number) is not int or type(tag) is not str or type(value) not in (str, bytes):
        return None
    return Field(number, tag, value, public) if type(public) is bool and _has_shape(*item[:3]) else None


def _has_shape(number: int, tag: str, value: str | bytes) -> bool:
    size = len(value if isinstance(value, bytes) else value.encode())
    return (
        1 <= number <= MAX_NUMBER and len(tag) <= MAX_TAG_CHARS and _is_line(tag) and size <= MAX_VALUE_BYTES
    )


def place_of(field: Field) -> tuple[object, ...]:
    """Two fields of one place are one thing said twice: which one counts is said where they are read."""
    if field.number == PICTURE:
        return (PICTURE,)
    if field.number in _SINGLE:
        return field.number, field.tag.casefold()
    return field.number, field.tag, field.value


def is_good(field: Field) -> bool:
    """Does a field keep the rule of its kind? Of unknown kinds all do."""
    if field.number == PICTURE:
        return _is_picture(field)
    if field.number not in _CALLED:
        return True
    return isinstance(field.value, str) and _is_good_text(field.number, field.tag, field.value)


def _is_picture(field: Field) -> bool:
    return isinstance(field.value, bytes) and len(field.value) == _ID_BYTES and size_of(field) > 0


def _is_good_text(number: int, tag: str, value: str) -> bool:
    match number:
        case 1:
            return is_language(tag, may_be_empty=True) and _is_name(value) and _is_seen(value)
        case 3:
            return not tag and is_language(value)
        case 4:
            return _is_line(value) and bool(value)
        case 7:
            return is_language(tag, may_be_empty=True) and _is_text(value)
    if tag or not value or not _is_line(value):
        return False
    if number == HUB:
        return value.startswith("/") and value.isascii() and " " not in value
    return number != PAGE or value.startswith(("http://", "https://"))


def _is_line(text: str) -> bool:
    """Up to `MAX_LINE_CHARS` on one line, no white space around."""
    return (
        len(text) <= MAX_LINE_CHARS
        and text == text.strip()
        and (text.isprintable() or _BREAKS_LINE.search(text) is None)
    )


def _is_text(text: str) -> bool:
    """Lines of text, not blank."""
    return text != "" and not text.isspace() and _BREAKS_TEXT.search(text) is None


def _is_name(name: str) -> bool:
    if name.isascii():
        return 1 <= len(name) <= MAX_NAME_CHARS and name.isprintable() and name == name.strip()
    return is_readable_name(name)


def _is_seen(name: str) -> bool:
    """Is there a letter, digit or sign in a name that a reader sees?"""
    return any(unicodedata.category(char)[0] in "LNPS" for char in name)


def is_language(tag: str, may_be_empty: bool = False) -> bool:
    """Has a text the form of a BCP 47 tag of 2 to 35 characters?"""
    if not tag:
        return may_be_empty
    return 2 <= len(tag) <= MAX_LANGUAGE_CHARS and tag[0].isalpha() and _LANGUAGE_CHARS.issuperset(tag)


def size_of(picture: Field) -> int:
    """The size in bytes that a picture's field says; 0 where it says none that can be."""
    tag = picture.tag
    if not tag.isascii() or not tag.isdigit() or len(tag) > len(str(MAX_PICTURE_BYTES)) or tag[0] == "0":
        return 0
    return int(tag) if int(tag) <= MAX_PICTURE_BYTES else 0


def picture_of(fields: Iterable[Field]) -> Field | None:
    """The picture among fields, if any."""
    return next((field for field in fields if field.number == PICTURE), None)


def text_of(body: bytes) -> str | None:
    """What people may search for in a body: a name, and what the fields say."""
    profile = parse(body)
    return None if profile is None else words_of(profile) or None


def words_of(profile: Profile | SectionProfile) -> str:
    """What people may search for in a profile; may be empty."""
    said = [profile.name] if isinstance(profile, Profile) else []
    fields = profile.fields or ()
    said += [
        field.value
        for field in fields
        if isinstance(field.value, str) and field.called and field.number != HUB
    ]
    return "\n".join(said)
