"""The messages of the guest protocol, from bytes and back. Pure.

Each is a canonical msgpack list whose first value says which one it is:

    1  knock      guest  version 1, first 16 bytes of the network id, invite key
    2  return     guest  version 1, root
    3  present    guest  version 1, passport
    4  proof      guest  the root's signature of `bare.return_message`
    5  entries    both   header, signature, body, header, signature, body, …; entries of `id` logs
    6  done       both
    16 challenge  host   nonce, charter (empty in answer to return), grant id (or empty), purpose
    17 charter    host   charter
    18 welcome    host   pending
    19 refused    host   code, text

Frames are the shell's. What may come when is in `node.federation.hosting` and `node.federation.visiting`;
docs/protocol/federation.md, "The guest protocol".
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault, Severity
from node.federation import limits
from node.federation.bare import NONCE_BYTES
from node.federation.names import RootId, is_id
from node.federation.statements import FOR_MEMBERS, FOR_SECTIONS
from store import entry as entries
from store.charter import MAX_CHARTER_BYTES
from store.codec import decode, encode
from store.crypto import SIGNATURE_BYTES
from store.entry import Entry
from store.errors import InvalidEntry, NotCanonical
from store.ids import LOG_ID, EntryId

PROTOCOL: Final = "/asterism/guest/1"
"""The name under which libp2p negotiates the streams."""

VERSION: Final = 1

MAX_MESSAGE_BYTES: Final = 65_536
"""Twice the largest charter, and hundreds of statements."""

MAX_FROM_GUEST: Final = 16
"""Messages in a stream: a guest nobody knows yet makes a host keep 1 MiB at most."""

MAX_FROM_HOST: Final = 264
"""Messages in a stream: 16 MiB of statements and what goes before them."""

MAX_ENTRY_MESSAGES_HOST: Final = 256
MAX_ENTRY_MESSAGES_GUEST: Final = 12
"""How many of the messages above carry entries at most; the others open and close the talk."""

NETWORK_BYTES: Final = 16
"""So much of a network's id stands in codes and in a knock: nobody finds another network with the same."""

MAX_TEXT_CHARS: Final = 200
"""Of the text of a refusal: two lines of a terminal."""

UNKNOWN: Final = 1
EXPIRED: Final = 2
REVOKED: Final = 3
USED_UP: Final = 4
NOT_ENDORSED: Final = 5
WRONG_NETWORK: Final = 6
TOO_MANY_GUESTS: Final = 7
INVALID: Final = 8
NO_SUCH_MEMBER: Final = 9
TOO_MANY_DEVICES: Final = 10

REFUSALS: Final[dict[int, str]] = {
    UNKNOWN: "This node does not know the invite, or the section or member behind it.",
    EXPIRED: "The invite has expired.",
    REVOKED: "The invite, the device or the membership was revoked.",
    USED_UP: "The invite was used as often as it may be.",
    NOT_ENDORSED: "The section is not endorsed yet.",
    WRONG_NETWORK: "This node belongs to another network.",
    TOO_MANY_GUESTS: "This node has too many guests at the moment.",
    INVALID: "The statements do not prove what they should.",
    NO_SUCH_MEMBER: "No member of this network has that root.",
    TOO_MANY_DEVICES: f"The member has {limits.MAX_DEVICES} devices already.",
}
"""What is said to people for each code, where nothing more exact is known."""

_KNOCK: Final = 1
_RETURN: Final = 2
_PRESENT: Final = 3
_PROOF: Final = 4
_ENTRIES: Final = 5
_DONE: Final = 6
_CHALLENGE: Final = 16
_CHARTER: Final = 17
_WELCOME: Final = 18
_REFUSED: Final = 19

_MAX_ITEMS: Final = 1_024
"""Values in a message: 341 entries, and the smallest entries that fit a message are fewer."""

_PARTS: Final = 3
"""Values of an entry."""

_PART_OVERHEAD_BYTES: Final = 9
"""Lengths of the three values of an entry, 3 bytes each at most."""

_LIST_OVERHEAD_BYTES: Final = 4


class Knock(NamedTuple):
    """A guest has an invite."""

    network: bytes
    """The first 16 bytes of the network id."""
    invite_key: bytes
    """32 bytes."""


class Return(NamedTuple):
    """A guest is a further device of a member."""

    root: RootId


class Present(NamedTuple):
    """A guest belongs already and shows it."""

    passport: bytes


class Proof(NamedTuple):
    """The root of a member who returns signed the host's nonce."""

    signature: bytes


class Entries(NamedTuple):
    """Entries of `id` logs, with bodies. Their signatures are not checked yet."""

    entries: tuple[Entry, ...]


class Done(NamedTuple):
    """No more entries."""


class Challenge(NamedTuple):
    """What a guest needs for making a claim, or a proof."""

    nonce: bytes
    """16 bytes."""
    charter: bytes = b""
    grant: bytes = b""
    """An `EntryId`, or empty."""
    purpose: int = FOR_MEMBERS


class CharterSent(NamedTuple):
    """The charter, for a member who has proved that he is one."""

    charter: bytes


class Welcome(NamedTuple):
    """The guest is in."""

    pending: bool
    """As a candidate: its section waits for endorsements."""


class Refused(NamedTuple):
    """The guest is not let in."""

    code: int
    text: str


Message: TypeAlias = (
    Knock | Return | Present | Proof | Entries | Done | Challenge | CharterSent | Welcome | Refused
)


def refusal(code: int) -> Refused:
    """The refusal with the usual text of a code."""
    return Refused(code, REFUSALS[code])


def encode_message(message: Message) -> bytes:
    """The bytes of a message, at most `MAX_MESSAGE_BYTES` if `pack` made it.

    Raises:
        ValueError: it has more bytes, or entries without a body.
    """
    data = encode(_values_of(message))
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message has at most {MAX_MESSAGE_BYTES} bytes, this has {len(data)}")
    return data


def _values_of(message: Message) -> list[Any]:
    match message:
        case Knock():
            return [_KNOCK, VERSION, *message]
        case Return():
            return [_RETURN, VERSION, *message]
        case Present():
            return [_PRESENT, VERSION, *message]
        case Proof():
            return [_PROOF, *message]
        case Entries():
            return [_ENTRIES, *_parts_of(message.entries)]
        case Done():
            return [_DONE]
        case Challenge():
            return [_CHALLENGE, *message]
        case CharterSent():
            return [_CHARTER, *message]
        case Welcome():
            return [_WELCOME, *message]
        case Refused():
            return [_REFUSED, message.code, message.text[:MAX_TEXT_CHARS]]


def _parts_of(run: Iterable[Entry]) -> list[bytes]:
    parts: list[bytes] = []
    for entry in run:
        if entry.body is None:
            raise ValueError("a statement is handed on with its body")
        parts += (entry.header, entry.signature, entry.body)
    return parts


def pack(run: Iterable[Entry]) -> Iterator[Entries]:
    """Messages that carry these entries (with bodies) in order, each as full as may be."""
    batch: list[Entry] = []
    room = MAX_MESSAGE_BYTES - _LIST_OVERHEAD_BYTES
    left = room
    for entry in run:
        size = len(entry.header) + len(entry.signature) + entry.body_bytes + _PART_OVERHEAD_BYTES
        if size > left or (len(batch) + 1) * _PARTS >= _MAX_ITEMS:
            yield Entries(tuple(batch))
            batch, left = [], room
        batch.append(entry)
        left -= size
    if batch:
        yield Entries(tuple(batch))


def parse(data: bytes) -> Message:
    """The message that these bytes are.

    Raises:
        RemoteFault: they are none; hostile where an entry breaks a rule of the log.
    """
    try:
        values = decode(data, MAX_MESSAGE_BYTES, _MAX_ITEMS)
    except NotCanonical as error:
        raise RemoteFault("this is no message of the guest protocol") from error
    if type(values) is not tuple or not values or type(values[0]) is not int:
        raise RemoteFault("a message is a list that begins with its number")
    reader = _READERS.get(values[0])
    if reader is None:
        raise RemoteFault("a message of a number that this program does not know", Severity.SLIGHT)
    message = reader(values[1:])
    if message is None:
        raise RemoteFault(f"a malformed message of number {values[0]}")
    return message


_Values: TypeAlias = tuple[Any, ...]


def _are_bytes(values: _Values, *sizes: int) -> bool:
    return len(values) == len(sizes) and all(
        type(value) is bytes and len(value) == size for value, size in zip(values, sizes, strict=True)
    )


def _after_version(values: _Values) -> _Values:
    if values and type(values[0]) is int and values[0] != VERSION:
        raise RemoteFault("a version of the guest protocol that this program does not know", Severity.SLIGHT)
    return values[1:] if values and type(values[0]) is int else ()


def _knock(values: _Values) -> Message | None:
    rest = _after_version(values)
    return Knock(*rest) if _are_bytes(rest, NETWORK_BYTES, 32) else None


def _return(values: _Values) -> Message | None:
    rest = _after_version(values)
    return Return(*rest) if _are_bytes(rest, 32) else None


def _present(values: _Values) -> Message | None:
    rest = _after_version(values)
    fits = len(rest) == 1 and type(rest[0]) is bytes and len(rest[0]) <= limits.MAX_PASSPORT_BYTES
    return Present(*rest) if fits else None


def _proof(values: _Values) -> Message | None:
    return Proof(*values) if _are_bytes(values, SIGNATURE_BYTES) else None


def _entries(values: _Values) -> Message | None:
    if not values or len(values) % _PARTS:
        return None
    found: list[Entry] = []
    for header, signature, body in zip(*(values[part::_PARTS] for part in range(_PARTS)), strict=True):
        if type(body) is not bytes:
            return None
        try:
            entry = entries.parse(header, signature, body)
        except InvalidEntry as error:
            raise RemoteFault(f"an entry that breaks a rule: {error}", Severity.HOSTILE) from error
        if entry.log != LOG_ID:
            return None
        found.append(entry)
    return Entries(tuple(found))


def _done(values: _Values) -> Message | None:
    return None if values else Done()


def _challenge(values: _Values) -> Message | None:
    if len(values) != 4:
        return None
    nonce, charter, grant, purpose = values
    fits = (
        _are_bytes((nonce,), NONCE_BYTES)
        and type(charter) is bytes
        and len(charter) <= MAX_CHARTER_BYTES
        and (grant == b"" or is_id(grant))
        and type(purpose) is int
        and purpose in (FOR_MEMBERS, FOR_SECTIONS)
    )
    return Challenge(nonce, charter, EntryId(grant), purpose) if fits else None


def _charter(values: _Values) -> Message | None:
    fits = len(values) == 1 and type(values[0]) is bytes and len(values[0]) <= MAX_CHARTER_BYTES
    return CharterSent(values[0]) if fits else None


def _welcome(values: _Values) -> Message | None:
    return Welcome(values[0]) if len(values) == 1 and type(values[0]) is bool else None


def _refused(values: _Values) -> Message | None:
    fits = (
        len(values) == 2
        and type(values[0]) is int
        and 1 <= values[0] <= 255
        and type(values[1]) is str
        and len(values[1]) <= MAX_TEXT_CHARS
    )
    return Refused(*values) if fits else None


_READERS: Final[dict[int, Callable[[_Values], Message | None]]] = {
    _KNOCK: _knock,
    _RETURN: _return,
    _PRESENT: _present,
    _PROOF: _proof,
    _ENTRIES: _entries,
    _DONE: _done,
    _CHALLENGE: _challenge,
    _CHARTER: _charter,
    _WELCOME: _welcome,
    _REFUSED: _refused,
}
