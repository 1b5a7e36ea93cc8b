"""Operations: what admins do to a group, each naming those that its author knew. docs/protocol/secrecy.md.

    [1, conversation 16, author 32, device 32, deps [16…], salt 8, kind, …]
        kind 1 create [name, [[who 32, admin]…]]     conversation is empty: its id is a digest of these bytes
             2 add    [[who 32…], admin]             3 remove [who 32, [[device 32, seq]…]]
             4 promote [who 32]                      5 rename [name]

An operation's id is a digest of its bytes. It carries no signature: the entry that brings it has one.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.apps.messenger.bodies import CONVERSATION_BYTES, OP_BYTES
from store.codec import decode, encode
from store.crypto import digest
from store.errors import NotCanonical
from store.ids import ID_BYTES, AuthorId, NetworkId

MAX_MEMBERS: Final = 1_000
"""Of a group. A message is one entry for all of them, and a key one packet for each device."""

MAX_NAMED: Final = 500
"""Members that one operation names: 17 kB of an entry."""

MAX_OPERATIONS: Final = 2_048
"""Of a group: some hundred bytes each, kept by everybody in it."""

MAX_DEPS: Final = 16
MAX_TITLE_CHARS: Final = 64
MAX_CUTS: Final = 64
"""Devices of one member."""

SALT_BYTES: Final = 8
_VERSION: Final = 1
_MAX_BYTES: Final = 30_720
_MAX_ITEMS: Final = 4_096
_MAX_SEQ: Final = 2**40 - 1
_OP: Final = b"asterism/op/1\x00"
_GROUP: Final = b"asterism/group/1\x00"


class Create(NamedTuple):
    """The group begins."""

    title: str
    members: tuple[tuple[bytes, bool], ...]
    """Each with whether he is an admin."""


class Add(NamedTuple):
    """Members come in."""

    members: tuple[bytes, ...]
    admin: bool


class Remove(NamedTuple):
    """A member goes, or leaves."""

    member: bytes
    cuts: tuple[tuple[AuthorId, int], ...]
    """Of his devices, the last entry of the `sealed` log that counts; of others nothing does."""


class Promote(NamedTuple):
    """A member becomes an admin."""

    member: bytes


class Rename(NamedTuple):
    """The group gets another name."""

    title: str


Change: TypeAlias = Create | Add | Remove | Promote | Rename

_KINDS: Final[dict[type, int]] = {Create: 1, Add: 2, Remove: 3, Promote: 4, Rename: 5}


class Operation(NamedTuple):
    """One operation."""

    id: bytes
    """16 bytes."""
    conversation: bytes
    """16 bytes."""
    author: bytes
    """The person, 32 bytes."""
    device: AuthorId
    deps: tuple[bytes, ...]
    """Those that nothing followed when its author made it; none where it creates the group."""
    change: Change


def op_id(network: NetworkId, data: bytes) -> bytes:
    """The 16 bytes that name an operation."""
    return digest(_OP + network + data)[:OP_BYTES]


def group_id(data: bytes) -> bytes:
    """The 16 bytes that name the group which this operation creates."""
    return digest(_GROUP + data)[:CONVERSATION_BYTES]


def compose(
    conversation: bytes,
    author: bytes,
    device: AuthorId,
    deps: Sequence[bytes],
    salt: bytes,
    change: Change,
) -> bytes:
    """The bytes of an operation. `conversation`: 16 bytes, empty for one that creates it; `salt`: 8 bytes."""
    values: list[Any] = [_plain(value) for value in change]
    kind = _KINDS[type(change)]
    return encode([_VERSION, conversation, author, device, list(deps), salt, kind, *values])


def _plain(value: Any) -> Any:  # noqa: ANN401 (a value of any shape)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def is_title(text: str) -> bool:
    """May a group be called so? 1 to 64 characters that print."""
    return 1 <= len(text) <= MAX_TITLE_CHARS and text.isprintable() and text == text.strip()


def parse(network: NetworkId, data: bytes) -> Operation | None:
    """An operation; None: it breaks a rule."""
    try:
        value = decode(data, _MAX_BYTES, _MAX_ITEMS)
    except NotCanonical:
        return None
    match value:
        case (
            version,
            bytes() as conversation,
            bytes() as author,
            bytes() as device,
            tuple() as deps,
            bytes() as salt,
            kind,
            *rest,
        ) if (
            type(version) is type(kind) is int
            and version == _VERSION
            and len(author) == len(device) == ID_BYTES
            and len(salt) == SALT_BYTES
            and len(deps) <= MAX_DEPS
            and all(_sized(dep, OP_BYTES) for dep in deps)
            and len(set(deps)) == len(deps)
        ):
            change = _change(kind, rest)
            is_first = isinstance(change, Create)
            if change is None or is_first is bool(deps):
                return None
            if len(conversation) != (0 if is_first else CONVERSATION_BYTES):
                return None
            name = conversation or group_id(data)
            return Operation(
                op_id(network, data),
                name,
                author,
                AuthorId(device),
                tuple(dep for dep in deps if isinstance(dep, bytes)),
                change,
            )
        case _:
            return None


def _change(kind: int, rest: Sequence[Any]) -> Change | None:
    match (kind, *rest):
        case (1, str() as title, tuple() as members) if is_title(title) and 1 <= len(members) <= MAX_NAMED:
            if all(_is_member(each) for each in members):
                return Create(title, members)
        case (2, tuple() as members, bool() as admin) if 1 <= len(members) <= MAX_NAMED:
            if all(_sized(who, ID_BYTES) for who in members):
                return Add(members, admin)
        case (3, bytes() as who, tuple() as cuts) if len(who) == ID_BYTES and len(cuts) <= MAX_CUTS:
            if all(_is_cut(cut) for cut in cuts):
                return Remove(who, cuts)
        case (4, bytes() as who) if len(who) == ID_BYTES:
            return Promote(who)
        case (5, str() as title) if is_title(title):
            return Rename(title)
        case _:
            pass
    return None


def _sized(value: Any, size: int) -> bool:  # noqa: ANN401 (a value from outside)
    return type(value) is bytes and len(value) == size


def _is_member(value: Any) -> bool:  # noqa: ANN401 (see above)
    match value:
        case (bytes() as who, bool()):
            return len(who) == ID_BYTES
        case _:
            return False


def _is_cut(value: Any) -> bool:  # noqa: ANN401 (see above)
    match value:
        case (bytes() as device, int() as seq) if type(seq) is int:
            return len(device) == ID_BYTES and 0 <= seq <= _MAX_SEQ
        case _:
            return False
