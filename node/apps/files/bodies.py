"""The body that shares a file or a folder, in the log `files`.

Content, canonical msgpack:

    0   kind         int   48
    1   name         str   as it is saved, see `node.apps.files.names`
    2   media_type   str   such as image/png, at most 100 characters of ASCII; of a folder inode/directory
    3   size         int   bytes of the blob, exactly; at most 16 GiB, of a folder 16 MiB
    4   blob         bin   32 bytes, the id of the blob
    5   is_folder    bool  the blob lists the files of a folder (docs/protocol/files.md)
    6   description  str   at most 4,000 characters, may be empty
    7   language     str   BCP 47 tag of the content, at most 35 characters; empty: not said
    8   tags         list  at most 16 different tags
    9   public       bool  may be shown outside the federation
    10  contents     list  [files int, bytes int], what a folder holds in all; left out for a file

The entry links to those that it replaces. Elements after these are reserved and ignored.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from node.apps.files.names import canonical_tag, fault_of, is_name, is_tag
from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.blobs import MAX_BLOB_BYTES
from store.entry import MAX_LINKS, content_of, make_body
from store.errors import InvalidEntry, NotCanonical, TooLarge

KIND: Final = 48

MAX_DESCRIPTION_CHARS: Final = 4_000
"""Longest description: a page."""

MAX_MEDIA_TYPE_CHARS: Final = 100
"""Longest media type; the registry's longest have some 80."""

MAX_LANGUAGE_CHARS: Final = 35
"""Longest language tag that BCP 47 asks an implementation to keep."""

MAX_TAGS: Final = 16
"""Tags of one file: more help nobody to find it."""

MAX_REPLACED: Final = MAX_LINKS
"""Entries that one can replace: an entry's links."""

MAX_FOLDER_BYTES: Final = 16 * 2**20
"""Bytes of the blob that lists a folder: 65,536 files with paths of some 200 bytes."""

MAX_FOLDER_FILES: Final = 65_536
"""Files in one folder. A machine writes so many in a minute."""

UNKNOWN_MEDIA_TYPE: Final = "application/octet-stream"
FOLDER_MEDIA_TYPE: Final = "inode/directory"

_BLOB_ID_BYTES: Final = 32
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters other than line ends and tabs, and halves of characters."""

_MAX_INT: Final = 2**53 - 1
_LANGUAGE_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class Contents(NamedTuple):
    """What a folder holds in all, as whoever shares it says."""

    files: int
    bytes: int


class SharedFile(NamedTuple):
    """A file or folder that somebody shares."""

    name: str
    media_type: str
    size: int
    """Bytes of the blob."""
    blob: bytes
    """32 bytes."""
    is_folder: bool
    description: str
    language: str
    tags: tuple[str, ...]
    public: bool
    contents: Contents | None = None
    """Of a folder."""


def compose(shared: SharedFile, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) that shares a file.

    Raises:
        BadData: a value breaks a rule.
        TextTooLarge: the description is too long.
    """
    fault = fault_of(shared.name)
    if fault:
        raise BadData(f"The name {quoted(shared.name)} {fault}.", "Choose another name: --as NAME")
    if not _is_media_type(shared.media_type):
        raise BadData(f"{quoted(shared.media_type)} is no media type.", "Use one such as image/png.")
    if not _is_language(shared.language):
        raise BadData(f"{quoted(shared.language)} is no language tag.", "Use one such as de or pt-BR.")
    if len(shared.description) > MAX_DESCRIPTION_CHARS:
        raise TextTooLarge(
            f"A description has at most {MAX_DESCRIPTION_CHARS:,} characters; this one has "
            f"{len(shared.description):,}.",
            "Shorten it, or share the text as a file.",
        )
    content: list[object] = [KIND, *shared[:-1]]
    if shared.contents is not None:
        content.append(shared.contents)
    if read(tuple(_plain(content))) is None:
        raise BadData(
            "The description of this file cannot be published.", "Leave control characters out of it."
        )
    try:
        return make_body(salt, _plain(content))
    except TooLarge as error:
        raise TextTooLarge("This description is too long in all.", "Shorten it.") from error
    except (NotCanonical, UnicodeEncodeError) as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error


def _plain(content: Sequence[object]) -> list[object]:
    return [tuple(item) if isinstance(item, tuple) else item for item in content]


def checked_tags(texts: Sequence[str]) -> tuple[str, ...]:
    """The tags that a person gives, as they are kept. Raises: BadData: one is none, or they are too many."""
    tags = tuple(dict.fromkeys(map(canonical_tag, texts)))
    for tag in tags:
        if not is_tag(tag):
            raise BadData(
                f"{quoted(tag)} is no tag.", "A tag has letters, digits, _ and -, and at most 64 of them."
            )
    if len(tags) > MAX_TAGS:
        raise BadData(f"A file has at most {MAX_TAGS} tags.", "Keep those that help to find it.")
    return tags


def parse(body: bytes) -> SharedFile | None:
    """The file that a body shares, or None where it is none that this version understands. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[object, ...]) -> SharedFile | None:
    """The file in decoded content ``(kind, …)``, or None."""
    match content:
        case (
            48,
            str(name),
            str(media_type),
            size,
            bytes(blob),
            bool(is_folder),
            str(description),
            str(language),
            tuple(tags),
            bool(public),
            *rest,
        ) if type(size) is int:
            shared = SharedFile(name, media_type, size, blob, is_folder, description, language, tags, public)
            return shared._replace(contents=_contents(rest, is_folder)) if _is_good(shared) else None
    return None


def _is_good(shared: SharedFile) -> bool:
    most = MAX_FOLDER_BYTES if shared.is_folder else MAX_BLOB_BYTES
    return (
        is_name(shared.name)
        and _is_media_type(shared.media_type)
        and 0 <= shared.size <= most
        and len(shared.blob) == _BLOB_ID_BYTES
        and len(shared.description) <= MAX_DESCRIPTION_CHARS
        and _is_text(shared.description)
        and _is_language(shared.language)
        and len(shared.tags) <= MAX_TAGS
        and len(set(shared.tags)) == len(shared.tags)
        and all(type(tag) is str and is_tag(tag) for tag in shared.tags)
    )


def _contents(rest: Sequence[object], is_folder: bool) -> Contents | None:
    """What a folder says that it holds; only for people, so what makes no sense counts as not said."""
    match rest:
        case [(files, size), *_] if is_folder and type(files) is int and type(size) is int:
            if 0 <= files <= MAX_FOLDER_FILES and 0 <= size <= _MAX_INT:
                return Contents(files, size)
    return None


def _is_media_type(media_type: str) -> bool:
    return (
        len(media_type) <= MAX_MEDIA_TYPE_CHARS
        and media_type.isascii()
        and media_type.isprintable()
        and "/" in media_type
    )


def _is_language(tag: str) -> bool:
    return len(tag) <= MAX_LANGUAGE_CHARS and _LANGUAGE_CHARS.issuperset(tag)


def _is_text(text: str) -> bool:
    return _CONTROLS.search(text) is None


def text_of(body: bytes) -> str | None:
    """What people may search for in a body; None where it shares no file."""
    shared = parse(body)
    return None if shared is None else searched(shared)


def searched(shared: SharedFile) -> str:
    """What people may search for: name, description and tags."""
    return "\n".join((shared.name, shared.description, " ".join(shared.tags)))
