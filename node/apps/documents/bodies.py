"""The body of a version of a document, in the log `docs`.

Content, canonical msgpack:

    0  kind        int  33
    1  name        str  names the document: NFC, 1 to 200 characters, no control characters
    2  title       str  for people, at most 300 characters, may be empty
    3  media_type  str  of the text, such as text/markdown; at most 100 characters of ASCII
    4  text        str  the whole text of this version

A version follows the entries that it links to. Elements after these are reserved and ignored.
"""

import unicodedata
from typing import Final, NamedTuple

from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.entry import MAX_BODY_BYTES, MAX_LINKS, content_of, make_body
from store.errors import InvalidEntry, NotCanonical, TooLarge

KIND: Final = 33

MAX_NAME_CHARS: Final = 200
"""Longest name of a document: a path of a few folders."""

MAX_TITLE_CHARS: Final = 300
"""Longest title: two lines."""

MAX_MEDIA_TYPE_CHARS: Final = 100
"""Longest media type; the registry's longest have some 80."""

MAX_FOLLOWS: Final = MAX_LINKS
"""Versions that one can follow: an entry's links."""

DEFAULT_MEDIA_TYPE: Final = "text/plain"

_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Version(NamedTuple):
    """One version of a document."""

    name: str
    title: str
    media_type: str
    text: str


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


def compose(version: Version, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a version; its name is canonical already.

    Raises:
        BadData: a value breaks a rule.
        TextTooLarge: the text does not fit into one body.
    """
    if not _is_name(version.name) or not _is_title(version.title):
        raise BadData(f"A title has at most {MAX_TITLE_CHARS} characters.", "Shorten the title.")
    if not _is_media_type(version.media_type):
        raise BadData(f"{quoted(version.media_type)} is no media type.", "Use one such as text/markdown.")
    try:
        return make_body(salt, [KIND, *version])
    except TooLarge as error:
        raise TextTooLarge(
            f"A version of a document has at most {MAX_BODY_BYTES} bytes in all; this text alone has "
            f"{len(version.text.encode())}.",
            "Split it into several documents.",
        ) from error
    except (NotCanonical, UnicodeEncodeError) as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error


def parse(body: bytes) -> Version | None:
    """The version in a body, or None where it is none that this version understands. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[object, ...]) -> Version | None:
    """The version in decoded content ``(kind, …)``, or None."""
    match content:
        case (33, str(name), str(title), str(media_type), str(text), *_):
            canonical = _is_name(name) and name == unicodedata.normalize("NFC", name).strip()
            if canonical and _is_title(title) and _is_media_type(media_type):
                return Version(name, title, media_type, text)
    return None


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


def _is_plain(text: str) -> bool:
    return not any(unicodedata.category(char) in _CONTROL for char in text)


def text_of(body: bytes) -> str | None:
    """What people may search for in a body; None where it is no version."""
    version = parse(body)
    return None if version is None else f"{version.name}\n{version.title}\n{version.text}"
