"""What is said of messages: that they came, that they were read. It is gathered in `chat_outbox`.

Part of the steps. Nothing is said to strangers, to who is blocked, nor in conversations of many devices.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from node.apps.messenger import bodies, conversations, messages, packets, people, sessions
from node.apps.messenger.bodies import Ask, Delivered, Got, Item, Own, Read, tag_number
from node.apps.messenger.conversations import QUIET_DEVICES, Conversation, State
from node.apps.messenger.desk import Desk
from store.ids import AuthorId

SOON_MS: Final = 300
"""Words of delivery are gathered so long: one packet for a handful of messages."""

LATER_MS: Final = 600_000
"""In conversations of many devices, where one session brings a word from each of them."""

MAX_PLACES: Final = 400
"""Of one packet."""

MAX_FLUSHED: Final = 64
"""Devices that are written to with one step."""

WAIT_MS: Final = 3_600_000
"""Until it is tried again to write to a device that has published no keys."""

READ_RECEIPTS: Final = "read-receipts"
"""Name in `chat_notes`: the owner lets others know what he has read."""


def delivered(desk: Desk, conversation: Conversation, tag: bytes, index: int, device: AuthorId) -> None:
    """A message of this device came and is kept: it shall know."""
    if conversation.state is not State.OPEN:
        return
    if len(conversations.recipients(desk, conversation)) >= QUIET_DEVICES:
        return
    desk.places.setdefault(device, []).append((tag, index))


def keep(desk: Desk) -> None:
    """Put into the outbox what came in this step."""
    for device, places in desk.places.items():
        for at in range(0, len(places), MAX_PLACES):
            item = Delivered(tuple(places[at : at + MAX_PLACES]))
            put(desk, device, item, desk.now_ms + SOON_MS)
    desk.places = {}


def got(desk: Desk, device: AuthorId, tag: bytes, *, soon: bool) -> None:
    """The key of a session of this device came: it need not be sent again."""
    delay_ms = SOON_MS if soon else SOON_MS + int.from_bytes(desk.chance(4), "big") % LATER_MS
    put(desk, device, Got((tag,)), desk.now_ms + delay_ms)


def put(desk: Desk, device: AuthorId, item: Item, due_ms: int) -> None:
    """Have an item sent to a device, with others, when it is due."""
    desk.views.execute(
        "INSERT OR IGNORE INTO chat_outbox VALUES (?, ?, ?)", (device, bodies.write_item(item), due_ms)
    )


def may_be_told(desk: Desk) -> bool:
    """Does the owner let others know what he has read?"""
    return bool(desk.views.execute("SELECT 1 FROM chat_notes WHERE name = ?", (READ_RECEIPTS,)))


def read(desk: Desk, conversation: Conversation, until_ms: int) -> int:
    """The owner has read what came up to then; how many messages. Other devices of his learn of it."""
    messages.keep(desk)
    rows = desk.views.execute(
        "UPDATE chat_messages SET read_ms = ? WHERE c = ? AND read_ms = 0 AND arrived_ms <= ?"
        " RETURNING s, idx, device, at_ms",
        (desk.now_ms, conversation.c, until_ms),
    )
    if not rows:
        return 0
    last_ms = max(at_ms for _, _, _, at_ms in rows)
    for device in desk.world.devices(desk.world.who):
        if device != desk.world.device:
            put(desk, device, Own((("read", conversation.id, last_ms),)), desk.now_ms + SOON_MS)
    is_small = len(conversations.recipients(desk, conversation)) < QUIET_DEVICES
    if conversation.state is State.OPEN and is_small and may_be_told(desk):
        for s, index, device, _ in rows:
            tag = None if s is None else sessions.tag_of(desk, s)
            if tag is not None and desk.world.is_live(AuthorId(device)):
                put(desk, AuthorId(device), Read(((tag, index),)), desk.now_ms + SOON_MS)
    return len(rows)


def heard(desk: Desk, device: AuthorId, places: Iterable[tuple[bytes, int]], *, is_read: bool) -> None:
    """A device says that it has messages of ours, or that its owner has read them."""
    who = desk.world.who_of(device)
    for tag, index in places:
        rows = desk.views.execute(
            "SELECT n FROM chat_messages AS m JOIN chat_sessions AS x ON m.s = x.s JOIN chat_shares AS w"
            " ON w.s = x.s AND w.device = ?1 WHERE x.tag = ?2 AND x.device = ?3 AND m.idx = ?4"
            " AND w.from_index <= m.idx",
            (device, tag_number(tag), desk.world.device, index),
        )
        for (n,) in rows:
            read_ms = desk.now_ms if is_read and who != desk.world.who else 0
            desk.views.execute(
                "INSERT INTO chat_receipts VALUES (?, ?, ?, ?) ON CONFLICT (n, device) DO UPDATE SET"
                " read_ms = max(read_ms, excluded.read_ms)",
                (n, device, desk.now_ms, read_ms),
            )


def flush(desk: Desk) -> None:
    """Send what is due, one packet or a few to each device."""
    due = desk.views.execute(
        "SELECT device, min(due_ms) FROM chat_outbox WHERE due_ms <= ? GROUP BY device ORDER BY 2 LIMIT ?",
        (desk.now_ms, MAX_FLUSHED),
    )
    for device, _ in due:
        if not desk.world.is_live(device):
            desk.views.execute("DELETE FROM chat_outbox WHERE device = ?", (device,))
            continue
        rows = desk.views.execute("SELECT item FROM chat_outbox WHERE device = ? ORDER BY item", (device,))
        found = [item for (data,) in rows for item in bodies.read_item(data)]
        packed = _packed(found)
        written = [packets.write(desk, device, part) for part in packed]
        if all(written):
            desk.views.execute("DELETE FROM chat_outbox WHERE device = ?", (device,))
        else:
            desk.views.execute(
                "UPDATE chat_outbox SET due_ms = ? WHERE device = ?", (desk.now_ms + WAIT_MS, device)
            )


def _packed(items: Sequence[Item]) -> list[list[Item]]:
    """Items put together: places and tags in lists of some hundred, everything else one after the other."""
    got = [tag for item in items if isinstance(item, Got) for tag in item.tags]
    asked = [tag for item in items if isinstance(item, Ask) for tag in item.tags]
    came = [place for item in items if isinstance(item, Delivered) for place in item.places]
    seen = [place for item in items if isinstance(item, Read) for place in item.places]
    packed: list[list[Item]] = []
    for at in range(0, max(len(got), len(came), len(seen), 1), MAX_PLACES):
        part: list[Item] = []
        if got[at : at + MAX_PLACES]:
            part.append(Got(tuple(got[at : at + MAX_PLACES])))
        if came[at : at + MAX_PLACES]:
            part.append(Delivered(tuple(came[at : at + MAX_PLACES])))
        if seen[at : at + MAX_PLACES]:
            part.append(Read(tuple(seen[at : at + MAX_PLACES])))
        packed.append(part)
    if any(isinstance(item, Ask) for item in items):
        packed[0].append(Ask(tuple(asked[:MAX_PLACES])))
    own = [value for item in items if isinstance(item, Own) for value in item.values]
    for at in range(0, len(own), 64):
        packed.append([Own(tuple(own[at : at + 64]))])
    packed += [[item] for item in items if not isinstance(item, Got | Ask | Delivered | Read | Own)]
    return [part for part in packed if part]


def accept(desk: Desk, conversation: Conversation) -> None:
    """The owner accepts a request: what came is acknowledged, and his other devices hear of it."""
    open_request(desk, conversation)
    who = conversation.other if conversation.other is not None else conversation.by
    if who is None or who == desk.world.who:
        return
    people.accept(desk, who)
    for device in desk.world.devices(desk.world.who):
        if device != desk.world.device:
            put(desk, device, Own((("accepted", conversation.id, who),)), desk.now_ms + SOON_MS)


def open_request(desk: Desk, conversation: Conversation) -> None:
    """A request is a conversation from now on, and what came of it is acknowledged."""
    if conversation.state is not State.REQUEST:
        return
    conversations.set_state(desk, conversation.c, State.OPEN)
    opened = conversation._replace(state=State.OPEN)
    for s, index, device in desk.views.execute(
        "SELECT s, idx, device FROM chat_messages WHERE c = ? AND s IS NOT NULL AND who <> ?",
        (conversation.c, desk.world.who),
    ):
        tag = sessions.tag_of(desk, s)
        if tag is not None and desk.world.is_live(device):
            delivered(desk, opened, tag, index, device)
