"""What stands in the entries of the messenger, and in what is sealed in them (docs/protocol/secrecy.md).

    log keys     [112, identity 32, fallback 32, envelope 1216]                  the keys of a device
    log sealed   [113, tag 8, message] or [113, tag 8, message, [[blob 32, size]…]]   for who has the session
    log box-N    [114, envelope]                                                  for one device

Everything that is read comes from outside: a value that breaks a rule gives None, never an exception.
"""
# long because the formats of one page stand side by side

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.secrecy.bundles import CURVE_BYTES, ENVELOPE_BYTES, Bundle
from store.codec import decode, encode, encode_trusted
from store.crypto import digest
from store.entry import MAX_BODY_BYTES, make_body
from store.entry import content_of as body_content
from store.errors import InvalidEntry, NotCanonical
from store.ids import ID_BYTES, LOG_BOX_0, AuthorId, EntryId, LogNo, NetworkId

BUNDLE: Final = 112
SEALED: Final = 113
PACKET: Final = 114

VERSION: Final = 1
"""Of what is sealed. Another one is not understood, and not shown."""

CONVERSATION_BYTES: Final = 16
BINDING_BYTES: Final = 16
OP_BYTES: Final = 16
TAG_BYTES: Final = 8
MAX_ATTACHMENTS: Final = 16
MAX_HEADS: Final = 16
MAX_PLACES: Final = 1_000
"""Places or tags of one item."""

MAX_ITEMS: Final = 64
"""Items of one packet."""

MAX_OPS: Final = 2_048
"""Operations that one message carries: all that a group may have, should they be so small."""

MAX_UNSENT: Final = 64
MAX_EXPIRES_S: Final = 366 * 86_400
"""A year: a message that is to stay longer need not disappear."""

MAX_NAME_CHARS: Final = 255
MAX_INDEX: Final = 2**32 - 1
MAX_SIZE: Final = 2**62
_MAX_SEALED_BYTES: Final = MAX_BODY_BYTES
_MAX_ELEMENTS: Final = 16_384
_BIND: Final = b"asterism/bind/1\x00"
_INFO: Final = b"asterism/packet/1\x00"


# --- entries ------------------------------------------------------------------------------------------


class Sealed(NamedTuple):
    """A message for who has the session."""

    tag: bytes
    """8 bytes, names the session."""
    message: bytes
    blobs: tuple[tuple[bytes, int], ...]
    """Blobs (32 bytes) with their sizes in bytes, so that hubs keep them."""


class Packet(NamedTuple):
    """Something for one device."""

    envelope: bytes


Body: TypeAlias = Bundle | Sealed | Packet


def compose_bundle(bundle: Bundle, salt: bytes) -> bytes:
    """The body that publishes keys."""
    return make_body(salt, [BUNDLE, *bundle])


def compose_sealed(tag: bytes, message: bytes, blobs: Sequence[tuple[bytes, int]], salt: bytes) -> bytes:
    """The body of a sealed message. Raises: TooLarge."""
    content: list[Any] = [SEALED, tag, message]
    return make_body(salt, [*content, [list(blob) for blob in blobs]] if blobs else content)


def compose_packet(sealed: bytes, salt: bytes) -> bytes:
    """The body of a packet. Raises: TooLarge."""
    return make_body(salt, [PACKET, sealed])


def parse(body: bytes) -> Body | None:
    """What a body is; None: nothing of the messenger's."""
    try:
        content = body_content(body)
    except (NotCanonical, InvalidEntry):
        return None
    match content:
        case (112, bytes() as identity, bytes() as fallback, bytes() as public, *_) if (
            len(identity) == len(fallback) == CURVE_BYTES and len(public) == ENVELOPE_BYTES
        ):
            return Bundle(identity, fallback, public)
        case (113, bytes() as tag, bytes() as message) if len(tag) == TAG_BYTES:
            return Sealed(tag, message, ())
        case (113, bytes() as tag, bytes() as message, tuple() as blobs, *_) if len(tag) == TAG_BYTES:
            read = _each(blobs, _blob, MAX_ATTACHMENTS)
            return None if read is None else Sealed(tag, message, read)
        case (114, bytes() as sealed, *_):
            return Packet(sealed)
        case _:
            return None


def tag_number(tag: bytes) -> int:
    """A tag (8 bytes) as the signed number that tables hold."""
    return int.from_bytes(tag, "big", signed=True)


def box_of(device: AuthorId) -> LogNo:
    """The log in which packets for a device lie: by the first four bits of the digest of its key."""
    return LogNo(LOG_BOX_0 + (digest(device)[0] >> 4))


# --- packets ------------------------------------------------------------------------------------------


def packet_info(network: NetworkId, author: AuthorId, log: LogNo) -> bytes:
    """What an envelope is bound to: it opens in no other log and under no other author."""
    return _INFO + network + author + bytes((log,))


def write_olm(kind: int, message: bytes) -> bytes:
    """What is in an envelope."""
    return encode([VERSION, kind, message])


def read_olm(data: bytes) -> tuple[int, bytes] | None:
    """Type (0 or 1) and bytes of the Olm message in an envelope."""
    match _decoded(data):
        case (1, kind, bytes() as message, *_) if _is_count(kind, 1):
            return kind, message
        case _:
            return None


class Key(NamedTuple):
    """The key of a session of the sender's."""

    conversation: bytes
    """16 bytes."""
    key: bytes
    """229 or 165 bytes, see `node.secrecy.broadcast`."""

    def __repr__(self) -> str:
        return "Key(…)"


class Got(NamedTuple):
    """The keys of these sessions of the recipient's came."""

    tags: tuple[bytes, ...]


Place: TypeAlias = tuple[bytes, int]
"""Tag (8 bytes) of a session, and index of a message in it."""


class Delivered(NamedTuple):
    """These messages of the recipient's are kept at the sender's."""

    places: tuple[Place, ...]


class Read(NamedTuple):
    """These messages of the recipient's were read by the sender's owner."""

    places: tuple[Place, ...]


class Ask(NamedTuple):
    """The sender lost sessions: it asks for their keys again. Without tags: for all that it had."""

    tags: tuple[bytes, ...]


class Own(NamedTuple):
    """Between devices of one owner: what he did, each [name, value…]."""

    values: tuple[tuple[Any, ...], ...]


class History(NamedTuple):
    """Between devices of one owner: where the messages of the past are, and the key to them."""

    blob: bytes
    size: int
    key: bytes

    def __repr__(self) -> str:
        return "History(…)"


class Want(NamedTuple):
    """The sender lacks operations of a group on which others stand: they shall be told."""

    conversation: bytes
    """16 bytes."""


Item: TypeAlias = Key | Got | Delivered | Read | Ask | Own | History | Want

_NUMBERS: Final[dict[type, int]] = {
    Key: 1,
    Got: 2,
    Delivered: 3,
    Read: 4,
    Ask: 5,
    Own: 6,
    History: 7,
    Want: 8,
}


class Items(NamedTuple):
    """What a packet says, and between whom."""

    sender: bytes
    recipient: bytes
    items: tuple[Item, ...]


def _item_value(item: Item) -> list[Any]:
    return [_NUMBERS[type(item)], *item]


def write_item(item: Item) -> bytes:
    """One item as bytes, as it waits in a table."""
    return encode(_item_value(item))


def read_item(data: bytes) -> tuple[Item, ...]:
    """What `write_item` was given; empty: of a later version."""
    found = _item(_decoded(data))
    return () if found is None else (found,)


def write_items(sender: AuthorId, recipient: AuthorId, items: Sequence[Item]) -> bytes:
    """What a packet says, before it is padded."""
    return encode([VERSION, sender, recipient, [_item_value(item) for item in items]])


def read_items(data: bytes) -> Items | None:
    """What a packet says. Items that are not understood are left out."""
    match _decoded(data):
        case (1, bytes() as sender, bytes() as recipient, tuple() as values, *_) if (
            len(sender) == len(recipient) == ID_BYTES and len(values) <= MAX_ITEMS
        ):
            found = (_item(value) for value in values)
            return Items(sender, recipient, tuple(item for item in found if item is not None))
        case _:
            return None


def _item(value: Any) -> Item | None:  # noqa: ANN401 (a value from outside)
    match value:
        case (1, bytes() as conversation, bytes() as key, *_) if len(conversation) == CONVERSATION_BYTES:
            return Key(conversation, key)
        case (2 | 5 as number, tuple() as values, *_):
            tags = _each(values, _tag, MAX_PLACES)
            return None if tags is None else (Got if number == 2 else Ask)(tags)
        case (3 | 4 as number, tuple() as values, *_):
            places = _each(values, _place, MAX_PLACES)
            return None if places is None else (Delivered if number == 3 else Read)(places)
        case (6, tuple() as values, *_):
            own = _each(values, _own, MAX_PLACES)
            return None if own is None else Own(own)
        case (7, blob, size, key, *_) if _entry_id(blob) and _is_count(size) and _sized(key, ID_BYTES):
            return History(blob, size, key)
        case (8, bytes() as conversation, *_) if len(conversation) == CONVERSATION_BYTES:
            return Want(conversation)
        case _:
            return None


# --- messages -----------------------------------------------------------------------------------------


class Attachment(NamedTuple):
    """A file that a message carries, encrypted as a blob."""

    blob: bytes
    """32 bytes: the encrypted file."""
    size: int
    """Bytes of the blob."""
    key: bytes
    """32 bytes."""
    name: str
    media_type: str
    plain_size: int
    """Bytes of the file."""

    def __repr__(self) -> str:
        return "Attachment(…)"


class Text(NamedTuple):
    """Something said."""

    text: str
    reply_to: bytes = b""
    """Id of the message's entry that it answers, 32 bytes, or empty."""
    expires_s: int = 0
    """Seconds after which it is to disappear; 0: never."""
    attachments: tuple[Attachment, ...] = ()


class Change(NamedTuple):
    """Operations of the sender's on the group."""

    ops: tuple[bytes, ...]


class Told(NamedTuple):
    """All operations on the group that the sender knows, with the seq of the entry that carried each."""

    ops: tuple[tuple[bytes, int], ...]


class Unsend(NamedTuple):
    """Messages of the sender's owner that are to be forgotten."""

    entries: tuple[EntryId, ...]


Payload: TypeAlias = Text | Change | Told | Unsend


class Said(NamedTuple):
    """What is in a message."""

    binding: bytes
    """16 bytes, see `binding`."""
    heads: tuple[bytes, ...]
    """Operations (16 bytes each) that nothing follows, as the sender knew the group; none in one of two."""
    payload: Payload


def binding(network: NetworkId, conversation: bytes, device: AuthorId) -> bytes:
    """What ties a message to one conversation and one sender, 16 bytes.

    Whoever has the key of a session could otherwise send what another said as his own.
    """
    return digest(_BIND + network + conversation + device)[:BINDING_BYTES]


def write_message(bound: bytes, heads: Sequence[bytes], payload: Payload) -> bytes:
    """A message, before it is padded."""
    return encode_trusted([VERSION, bound, heads, *_payload_value(payload)])


def _payload_value(payload: Payload) -> list[Any]:
    match payload:
        case Text(text, reply_to, expires_s, attachments):
            return [1, text, reply_to, expires_s, attachments]
        case Change(ops):
            return [2, list(ops)]
        case Told(ops):
            return [3, [list(each) for each in ops]]
        case Unsend(entries):
            return [4, list(entries)]


def read_message(data: bytes) -> Said | None:
    """What a message says."""
    match _decoded(data):
        case (1, bytes() as bound, tuple() as values, *rest) if len(bound) == BINDING_BYTES:
            heads = _each(values, _op_id, MAX_HEADS)
            payload = _payload(rest)
            return None if heads is None or payload is None else Said(bound, heads, payload)
        case _:
            return None


def _payload(rest: Sequence[Any]) -> Payload | None:
    match rest:
        case (1, str() as text, bytes() as reply_to, expires_s, tuple() as values, *_):
            attachments = _each(values, _attachment, MAX_ATTACHMENTS)
            if attachments is None or len(reply_to) not in (0, ID_BYTES):
                return None
            return (
                Text(text, reply_to, expires_s, attachments) if _is_count(expires_s, MAX_EXPIRES_S) else None
            )
        case (2, tuple() as values, *_):
            ops = _each(values, _bytes, MAX_OPS)
            return None if ops is None else Change(ops)
        case (3, tuple() as values, *_):
            told = _each(values, _told, MAX_OPS)
            return None if told is None else Told(told)
        case (4, tuple() as values, *_):
            entries = _each(values, _entry_id, MAX_UNSENT)
            return None if entries is None else Unsend(entries)
        case _:
            return None


def content_of(text: Text) -> bytes:
    """A text as tables hold it."""
    return encode_trusted(_payload_value(text))


def text_of_content(content: bytes) -> Text | None:
    """What `content_of` was given; None: it is gone, or of another kind."""
    value = _decoded(content)
    found = _payload(value) if isinstance(value, tuple) else None
    return found if isinstance(found, Text) else None


# --- parts --------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> Any:  # noqa: ANN401 (a value from outside)
    try:
        value = decode(data, _MAX_SEALED_BYTES, _MAX_ELEMENTS)
    except NotCanonical:
        return None
    return None if type(value) is tuple and value and value[0] is True else value


def _each(values: Sequence[Any], read: Callable[[Any], Any], most: int) -> Any:  # noqa: ANN401 (see above)
    """All values as `read` gives them; None where one is none, or they are too many."""
    if len(values) > most:
        return None
    found = tuple(map(read, values))
    return None if None in found else found


def _is_count(value: Any, most: int = MAX_SIZE) -> bool:  # noqa: ANN401
    """A number from 0 on; `True` is none, though Python takes it for 1."""
    return type(value) is int and 0 <= value <= most


def _bytes(value: Any) -> bytes | None:  # noqa: ANN401
    return value if type(value) is bytes else None


def _sized(value: Any, size: int) -> bytes | None:  # noqa: ANN401
    return value if type(value) is bytes and len(value) == size else None


def _tag(value: Any) -> bytes | None:  # noqa: ANN401
    return _sized(value, TAG_BYTES)


def _op_id(value: Any) -> bytes | None:  # noqa: ANN401
    return _sized(value, OP_BYTES)


def _entry_id(value: Any) -> bytes | None:  # noqa: ANN401
    return _sized(value, ID_BYTES)


def _own(value: Any) -> tuple[Any, ...] | None:  # noqa: ANN401
    if type(value) is not tuple or not value or type(value[0]) is not str:
        return None
    return value if all(type(each) is not int or abs(each) <= MAX_SIZE for each in value) else None


def _place(value: Any) -> Place | None:  # noqa: ANN401
    match value:
        case (bytes() as tag, index) if len(tag) == TAG_BYTES and _is_count(index, MAX_INDEX):
            return tag, index
        case _:
            return None


def _blob(value: Any) -> tuple[bytes, int] | None:  # noqa: ANN401
    match value:
        case (bytes() as blob, size) if len(blob) == ID_BYTES and _is_count(size):
            return blob, size
        case _:
            return None


def _told(value: Any) -> tuple[bytes, int] | None:  # noqa: ANN401
    match value:
        case (bytes() as op, seq) if _is_count(seq):
            return op, seq
        case _:
            return None


def _attachment(value: Any) -> Attachment | None:  # noqa: ANN401
    match value:
        case (
            bytes() as blob,
            size,
            bytes() as key,
            str() as name,
            str() as media_type,
            plain_size,
            *_,
        ) if (
            len(blob) == len(key) == ID_BYTES
            and _is_count(size)
            and _is_count(plain_size, size)
            and len(name) <= MAX_NAME_CHARS
            and len(media_type) <= MAX_NAME_CHARS
        ):
            return Attachment(blob, size, key, name, media_type, plain_size)
        case _:
            return None
