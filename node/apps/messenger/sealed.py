"""A sealed entry whose session is known becomes what its sender said. Part of the steps."""

from typing import Final

from node.apps.messenger import bodies, conversations, groups, messages, people, receipts, tellings
from node.apps.messenger.bodies import Change, Payload, Sealed, Text, Told, Unsend
from node.apps.messenger.conversations import Conversation, Kind, Notice, State
from node.apps.messenger.desk import Desk
from node.secrecy import padding
from node.secrecy.errors import SecrecyError
from store.codec import decode, encode
from store.entry import Entry
from store.ids import AuthorId

MAX_NOTICE_BYTES: Final = 64
MAX_HELD_BACK: Final = 1_000
"""Messages of one device that wait for operations of groups: at most 30 MB, of a session's whole length."""

MAX_FROM_STRANGER: Final = 32
"""Messages that a request holds: who is not answered has said enough. More are counted, not kept."""


def session_of(desk: Desk, tag: int, device: AuthorId) -> int | None:
    """The row of the session that a device calls so; None: its key is not here."""
    rows = desk.views.execute("SELECT s FROM chat_sessions WHERE tag = ? AND device = ?", (tag, device))
    return rows[0][0] if rows else None


def open_(desk: Desk, s: int, k: int, entry: Entry, sealed: Sealed) -> None:
    """Open a sealed entry and take it in, if it is what it should be and was not there before."""
    try:
        index, padded = desk.ratchets.receiver(s).decrypt(sealed.message)
        plain = padding.unpad(padded)
    except SecrecyError:
        return
    if not desk.views.execute(
        "INSERT OR IGNORE INTO chat_opened VALUES (?, ?, ?) RETURNING 1", (s, index, k)
    ):
        return  # this place of the session was used by another entry, or it is the same one again
    take(desk, s, index, k, entry, plain)


def take(desk: Desk, s: int, index: int, k: int, entry: Entry, plain: bytes) -> None:
    """Take in what somebody said. May wait: for the operations of a group that it stands on."""
    said = bodies.read_message(plain)
    name = desk.ratchets.conversation_of(s)
    if said is None or said.binding != bodies.binding(desk.world.network, name, entry.author):
        return
    who = desk.world.who_of(entry.author)
    if who is None:
        return
    if isinstance(said.payload, Change):
        tellings.ops_arrived(desk, name, entry.author, entry.seq, said.payload.ops)
        retry_headless(desk, name)
        return
    if isinstance(said.payload, Told):
        tellings.told(desk, name, entry.author, said.payload.ops)
        retry_headless(desk, name)
        return
    conversation = _conversation(desk, name, who)
    if conversation is not None and conversation.kind is Kind.DIRECT:
        if who in (conversation.other, desk.world.who):  # anybody can name a conversation of two others
            _keep(desk, conversation, s, index, entry, who, said.payload)
        return
    may = groups.may_show(desk, name, entry.author, entry.seq, said.heads)
    if may is None:
        _hold_back(desk, name, entry.author, (k, s, index, plain))
    elif may and conversation is not None:
        _keep(desk, conversation, s, index, entry, who, said.payload)


def _hold_back(desk: Desk, name: bytes, device: AuthorId, row: tuple[int, int, int, bytes]) -> None:
    """Keep a message until the operations on which it stands are here; of many by one device, the first."""
    [(count,)] = desk.views.execute(
        "SELECT count(*) FROM chat_headless JOIN chat_sessions USING (s) WHERE device = ?", (device,)
    )
    if count < MAX_HELD_BACK:
        desk.views.execute("INSERT OR IGNORE INTO chat_headless VALUES (?, ?, ?, ?, ?)", (name, *row))


def retry_headless(desk: Desk, name: bytes) -> None:
    """Look again at messages that waited for operations of a group."""
    rows = desk.views.execute(
        "DELETE FROM chat_headless WHERE conversation = ? RETURNING k, s, idx, plaintext", (name,)
    )
    rows.sort()
    for (k, s, index, plain), entry in zip(rows, desk.world.entries([row[0] for row in rows]), strict=True):
        if entry is not None:
            take(desk, s, index, k, entry, plain)


def _conversation(desk: Desk, name: bytes, who: bytes) -> Conversation | None:
    """The conversation that a message belongs to; a direct one begins with its first message."""
    found = conversations.find(desk.views, name)
    if found is not None or name != conversations.direct_id(desk.world.network, desk.world.who, who):
        return found
    state = State.REQUEST if people.is_stranger(desk, who) else State.OPEN
    return conversations.add(desk, name, Kind.DIRECT, state, who, by=who)


def _keep(
    desk: Desk,
    conversation: Conversation,
    s: int,
    index: int,
    entry: Entry,
    who: bytes,
    payload: Payload,
) -> None:
    if isinstance(payload, Unsend):
        messages.unsent(desk, payload.entries, who)
        return
    if not isinstance(payload, Text):
        return
    is_own = who == desk.world.who
    if not is_own and desk.world.is_blocked(who):
        return
    if conversation.state is State.REQUEST and not is_own and _is_full(desk, conversation):
        return
    if is_own:
        receipts.open_request(desk, conversation)  # answered on another device
    if is_own and conversation.other is not None:
        people.accept(desk, conversation.other)
    messages.add_text(desk, conversation.c, entry, s, index, who, payload, is_own=is_own)
    if not is_own:
        receipts.delivered(desk, conversation, desk.ratchets.receiver(s).tag, index, entry.author)


def _is_full(desk: Desk, conversation: Conversation) -> bool:
    """Does a request hold all that it may? Then it is counted how much was not kept."""
    messages.keep(desk)
    rows = desk.views.execute(
        "SELECT kind, n, content FROM chat_messages WHERE c = ? AND (kind = ? OR kind = ?)",
        (conversation.c, messages.TEXT, Notice.TOO_MANY),
    )
    if sum(kind == messages.TEXT for kind, _, _ in rows) < MAX_FROM_STRANGER:
        return False
    for kind, n, content in rows:
        if kind == Notice.TOO_MANY:
            desk.views.execute(
                "UPDATE chat_messages SET content = ? WHERE n = ?", (encode([_count(content) + 1]), n)
            )
            return True
    whose = conversation.other or conversation.by or desk.world.who
    conversations.note(desk, conversation.c, Notice.TOO_MANY, whose, [1])
    return True


def _count(content: bytes) -> int:
    match decode(content, MAX_NOTICE_BYTES, 1):
        case (int() as count,):
            return count
        case _:
            return 0
