"""Conversations and the people in them, as rows. Part of the steps; nothing here writes entries."""

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from node.apps.messenger.messages import keep
from store.codec import encode
from store.crypto import digest
from store.ids import AuthorId, NetworkId
from store.sqlite.views import ReadViews

if TYPE_CHECKING:
    from node.apps.messenger.desk import Desk

CONVERSATION_BYTES: Final = 16
_DIRECT: Final = b"asterism/direct/1\x00"

QUIET_DEVICES: Final = 16
"""A conversation of more devices sends no word of delivery: each word is a packet of 2 kB to each sender."""


class Kind(IntEnum):
    """What sort of conversation."""

    DIRECT = 1
    GROUP = 2


class State(IntEnum):
    """How the owner of this home stands to a conversation."""

    REQUEST = 1
    """A stranger began it, and it was not accepted yet."""
    OPEN = 2
    LEFT = 3
    """He left it or was removed."""


class Notice(IntEnum):
    """What this device itself notes: `chat_messages.kind` from 100 on; below is what people say."""

    RENEWED = 100
    DEVICE = 101
    KEYS = 102
    ADDED = 103
    REMOVED = 104
    RENAMED = 105
    MADE = 106
    LEFT = 107
    PROMOTED = 108
    HISTORY = 109
    TOO_MANY = 110
    DEVICE_GONE = 111


class Conversation(NamedTuple):
    """A row of `chat_conversations`."""

    c: int
    id: bytes
    """16 bytes."""
    kind: Kind
    other: bytes | None
    """The other person of a direct one."""
    state: State
    title: str
    by: bytes | None


_COLUMNS: Final = "c, id, kind, other, state, title, by"


def direct_id(network: NetworkId, one: bytes, other: bytes) -> bytes:
    """The 16 bytes that name the conversation of two people (32 bytes each), or of one with himself."""
    low, high = sorted((one, other))
    return digest(_DIRECT + network + low + high)[:CONVERSATION_BYTES]


def find(views: ReadViews, conversation: bytes) -> Conversation | None:
    """A conversation by its 16 bytes."""
    return _row(views.execute(f"SELECT {_COLUMNS} FROM chat_conversations WHERE id = ?", (conversation,)))


def at(views: ReadViews, c: int) -> Conversation | None:
    """A conversation by its row."""
    return _row(views.execute(f"SELECT {_COLUMNS} FROM chat_conversations WHERE c = ?", (c,)))


def _row(rows: Sequence[tuple[Any, ...]]) -> Conversation | None:
    if not rows:
        return None
    c, conversation, kind, other, state, title, by = rows[0]
    return Conversation(c, conversation, Kind(kind), other, State(state), title, by)


def add(
    desk: "Desk",
    conversation: bytes,
    kind: Kind,
    state: State,
    other: bytes | None = None,
    by: bytes | None = None,
) -> Conversation:
    """A new conversation. `by`: the person who brought it to us; None: ourselves."""
    desk.views.execute(
        "INSERT INTO chat_conversations (id, kind, other, state, title, by, since_ms, last_ms)"
        " VALUES (?, ?, ?, ?, '', ?, ?, ?)",
        (conversation, kind, other, state, by, desk.now_ms, desk.now_ms),
    )
    made = find(desk.views, conversation)
    assert made is not None
    return made


def direct(desk: "Desk", other: bytes) -> Conversation:
    """The conversation with a person, begun now where there is none. It is open: we write first."""
    conversation = direct_id(desk.world.network, desk.world.who, other)
    found = find(desk.views, conversation)
    if found is None:
        return add(desk, conversation, Kind.DIRECT, State.OPEN, other)
    return found


def set_state(desk: "Desk", c: int, state: State) -> None:
    """Change how the owner stands to a conversation."""
    desk.views.execute("UPDATE chat_conversations SET state = ? WHERE c = ?", (state, c))


def people(desk: "Desk", conversation: Conversation) -> list[bytes]:
    """Who takes part now, ourselves included, ascending."""
    if conversation.kind is Kind.DIRECT:
        assert conversation.other is not None
        return sorted({desk.world.who, conversation.other})
    rows = desk.views.execute("SELECT who FROM chat_members WHERE c = ? ORDER BY who", (conversation.c,))
    return [who for (who,) in rows]


def recipients(desk: "Desk", conversation: Conversation) -> list[AuthorId]:
    """The devices of all who take part, without this one. Empty where we take no part ourselves."""
    known = desk.recipients.get(conversation.id)
    if known is None:
        known = desk.recipients[conversation.id] = _recipients(desk, conversation)
    return known


def _recipients(desk: "Desk", conversation: Conversation) -> list[AuthorId]:
    world, found = desk.world, list[AuthorId]()
    taking_part = people(desk, conversation)
    if world.who not in taking_part:
        return []
    for who in taking_part:
        if who == world.who or not world.is_blocked(who):
            found += world.devices(who)
    return [device for device in found if device != world.device]


def note(
    desk: "Desk", c: int, notice: Notice, who: bytes, values: Sequence[Any], at_ms: int | None = None
) -> None:
    """Put a line of this device's own into a conversation."""
    keep(desk)
    desk.views.execute(
        "INSERT INTO chat_messages (c, device, who, at_ms, arrived_ms, kind, content, expires_ms, read_ms,"
        " gone) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0)",
        (
            c,
            desk.world.device,
            who,
            desk.now_ms if at_ms is None else at_ms,
            desk.now_ms,
            notice,
            encode(list(values)),
            desk.now_ms,
        ),
    )
    desk.views.execute("UPDATE chat_conversations SET last_ms = ? WHERE c = ?", (desk.now_ms, c))
