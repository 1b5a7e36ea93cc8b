"""Bodies of the log `deletions`.

Content, canonical msgpack (see `store.entry` for the salt before it):

    96 deletion    [96, reason str]    links: 1 to 16 entries whose bodies are to be dropped
    97 receipt     [97]                links: 1 to 16 deletions whose targets' bodies are not on this node

A reason has at most 300 characters and may be empty. Elements after these are reserved and ignored. What
is named stands in the header, as links: whoever lacks a body of this log knows all the same what is named.
Rules: docs/protocol/deletion.md.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.errors import BadData, TextTooLarge
from store.entry import MAX_LINKS, Entry, content_of, make_body
from store.errors import InvalidEntry
from store.ids import EntryId

KIND_DELETION: Final = 96
KIND_RECEIPT: Final = 97

MAX_REASON_CHARS: Final = 300
"""A line or two. It stays when what it is about has gone."""

MAX_TARGETS: Final = MAX_LINKS
"""Entries that one deletion names: as many as an entry has links."""


class Deletion(NamedTuple):
    """Somebody asks that bodies be dropped."""

    targets: tuple[EntryId, ...]
    """1 to 16."""
    reason: str


class Receipt(NamedTuple):
    """A hub says that it did."""

    deletions: tuple[EntryId, ...]
    """1 to 16."""


Said = Deletion | Receipt


def compose_deletion(reason: str, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a deletion; what it names goes into the entry's links.

    Raises:
        BadData: the reason is no valid Unicode.
        TextTooLarge: over `MAX_REASON_CHARS`.
    """
    if len(reason) > MAX_REASON_CHARS:
        raise TextTooLarge(
            f"A reason has at most {MAX_REASON_CHARS} characters; this has {len(reason)}.", "Shorten it."
        )
    try:
        return make_body(salt, [KIND_DELETION, reason])
    except (ValueError, InvalidEntry) as error:
        raise BadData("The reason is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error


def compose_receipt(salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a receipt; the deletions go into the entry's links."""
    return make_body(salt, [KIND_RECEIPT])


def parse(entry: Entry) -> Said | None:
    """What an entry of this log says; None: nothing that this version understands, or its body is not here.

    Never raises.
    """
    if entry.body is None or not entry.links:
        return None
    try:
        content = content_of(entry.body)
    except InvalidEntry:
        return None
    return _read(content, entry.links)


def _read(content: Sequence[object], links: tuple[EntryId, ...]) -> Said | None:
    if content[0] == KIND_RECEIPT:
        return Receipt(links)
    if content[0] != KIND_DELETION or len(content) < 2:
        return None
    reason = content[1]
    if type(reason) is not str or len(reason) > MAX_REASON_CHARS:
        return None
    return Deletion(links, reason)


def text_of(body: bytes) -> None:
    """Nothing: reasons are shown with what they are about, and not searched for."""
    return None
