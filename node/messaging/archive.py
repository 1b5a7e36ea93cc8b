"""Messages as a stream of records: what an export, an import and a new device's history consist of. Pure.

Each record is a 4-byte length (big endian) and canonical msgpack:

    [0, version 1, network 32, who 32, made_ms]                           the first: whose messages
    [1, id 16, kind, other 32 or empty, title, since_ms]                  a conversation, before its messages
    [2, conversation 16, entry 32 or empty, device 32, who 32, at_ms, arrived_ms, kind, content, expires_ms,
        was_read]                                                         a message, or a notice without entry
    [3, count of messages]                                                the last

Keys and ratchets are never in it: who has an archive reads what was said, and nothing that comes. Unknown
records are passed over. The stream is sealed as a whole (`node.secrecy.streams`).
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from node.apps.messenger.conversations import CONVERSATION_BYTES
from node.secrecy.streams import Source
from store.codec import decode, encode
from store.errors import NotCanonical
from store.ids import ID_BYTES

VERSION: Final = 1
MAX_RECORD_BYTES: Final = 65_536
"""A message is at most 30 kB."""

MAX_TITLE_CHARS: Final = 64
_MAX_ITEMS: Final = 16
_LENGTH: Final = struct.Struct(">I")
_MAX_MS: Final = 2**53


class BadArchive(Exception):
    """The records of an archive are not what they should be."""


class Header(NamedTuple):
    """Whose messages these are."""

    network: bytes
    who: bytes
    made_ms: int


class Chat(NamedTuple):
    """A conversation."""

    id: bytes
    """16 bytes."""
    kind: int
    other: bytes
    """32 bytes of the other person of a direct one, else empty."""
    title: str
    since_ms: int


class Kept(NamedTuple):
    """A message or a notice."""

    conversation: bytes
    entry: bytes
    """32 bytes, or empty for a notice."""
    device: bytes
    who: bytes
    at_ms: int
    arrived_ms: int
    kind: int
    content: bytes
    expires_ms: int
    """0: never."""
    was_read: bool


class End(NamedTuple):
    """Nothing follows."""

    messages: int


Record: TypeAlias = Header | Chat | Kept | End

_NUMBERS: Final[dict[type, int]] = {Header: 0, Chat: 1, Kept: 2, End: 3}


def write_record(record: Record) -> bytes:
    """A record with its length."""
    values = [VERSION, *record] if isinstance(record, Header) else list(record)
    data = encode([_NUMBERS[type(record)], *values])
    return _LENGTH.pack(len(data)) + data


def read_records(source: Source) -> Iterator[Record]:
    """The records of an archive, the header first and the end last, each checked. Raises: BadArchive."""
    count = 0
    record: Record | None = None
    is_first = True
    while not isinstance(record, End):
        record = _read(_take(source, _LENGTH.unpack(_take(source, _LENGTH.size))[0]))
        if is_first != isinstance(record, Header):
            raise BadArchive("it does not begin as an archive")
        is_first = False
        if record is not None:
            count += isinstance(record, Kept)
            yield record
    if record.messages != count:
        raise BadArchive("messages are missing")


def _take(source: Source, size: int) -> bytes:
    if size > MAX_RECORD_BYTES:
        raise BadArchive("a record is too long")
    found = bytearray()
    while len(found) < size:
        data = source.read(size - len(found))
        if not data:
            raise BadArchive("it ends too early")
        found += data
    return bytes(found)


def _read(data: bytes) -> Record | None:
    """One record; None: of a later version. Raises: BadArchive."""
    try:
        value: Any = decode(data, MAX_RECORD_BYTES, _MAX_ITEMS)
    except NotCanonical:
        raise BadArchive("a record is malformed") from None
    record: Record | None = None
    match value:
        case (0, 1, bytes() as network, bytes() as who, int() as made_ms, *_):
            record = Header(network, who, made_ms)
            is_right = len(network) == len(who) == ID_BYTES and _are_times(made_ms)
        case (1, bytes() as name, int() as kind, bytes() as other, str() as title, int() as since_ms, *_):
            record = Chat(name, kind, other, title, since_ms)
            is_right = _is_chat(record)
        case (2, *values) if len(values) >= len(Kept._fields):
            record = Kept(*values[: len(Kept._fields)])
            is_right = _is_kept(record)
        case (3, int() as messages, *_):
            record, is_right = End(messages), True
        case (int() as number, *_):
            is_right = number > max(_NUMBERS.values())
        case _:
            is_right = False
    if not is_right:
        raise BadArchive("a record breaks a rule")
    return record


def _is_chat(chat: Chat) -> bool:
    is_direct = chat.kind == 1 and len(chat.other) == ID_BYTES
    is_group = chat.kind == 2 and not chat.other and len(chat.title) <= MAX_TITLE_CHARS
    return len(chat.id) == CONVERSATION_BYTES and (is_direct or is_group) and _are_times(chat.since_ms)


def _is_kept(kept: Kept) -> bool:
    numbers = (kept.at_ms, kept.arrived_ms, kept.kind, kept.expires_ms)
    return (
        type(kept.was_read) is bool
        and all(type(each) is int for each in numbers)
        and _are_times(*numbers)
        and all(type(each) is bytes for each in (kept.conversation, kept.entry, kept.device, kept.who))
        and type(kept.content) is bytes
        and len(kept.conversation) == CONVERSATION_BYTES
        and len(kept.entry) in (0, ID_BYTES)
        and len(kept.device) == len(kept.who) == ID_BYTES
        and (bool(kept.entry) == (kept.kind < 100))
    )


def _are_times(*times: int) -> bool:
    return all(0 <= each <= _MAX_MS for each in times)


def written(records: Iterable[Record]) -> Iterator[bytes]:
    """Records as bytes, with the end that counts the messages among them."""
    count = 0
    for record in records:
        count += isinstance(record, Kept)
        yield write_record(record)
    yield write_record(End(count))
