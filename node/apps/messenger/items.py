"""What a packet says, done. Part of the steps. All of it may come twice, late, or in another order."""

from collections.abc import Sequence
from typing import Any, Final

from node.apps.messenger import bodies, conversations, people, receipts, sessions, tellings
from node.apps.messenger.bodies import Ask, Delivered, Got, History, Item, Key, Own, Read, Want, tag_number
from node.apps.messenger.conversations import QUIET_DEVICES, Notice
from node.apps.messenger.desk import Desk
from node.secrecy.broadcast import Receiver
from node.secrecy.errors import SecrecyError
from store.codec import encode
from store.entry import Entry
from store.ids import ID_BYTES, AuthorId

MAX_SESSIONS: Final = 4_096
"""Sessions of one device that are kept: a thousand conversations and more. The oldest go."""

RENEW_MS: Final = 3_600_000
"""At most so often a device is asked to begin anew."""


def heed(desk: Desk, entry: Entry, found: Sequence[Item]) -> None:
    """Do what the author of a packet says in it."""
    device = entry.author
    for item in found:
        match item:
            case Key():
                _key(desk, device, item)
            case Got(tags):
                sessions.acknowledged(desk, device, tags)
            case Delivered(places):
                receipts.heard(desk, device, places, is_read=False)
            case Read(places):
                receipts.heard(desk, device, places, is_read=True)
            case Ask():
                sessions.ask_again(desk, device)
            case Want(conversation):
                tellings.wanted(desk, conversation, device)
            case Own(values) if desk.world.who_of(device) == desk.world.who:
                for value in values:
                    _own(desk, device, value)
            case History() if desk.world.who_of(device) == desk.world.who:
                desk.views.execute(
                    "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)",
                    (f"history:{item.blob.hex()}", encode([device, item.blob, item.size, item.key])),
                )


def _key(desk: Desk, device: AuthorId, item: Key) -> None:
    """A session key came: what waited for it is looked at again."""
    who = desk.world.who_of(device)
    try:
        receiver = Receiver.from_key(item.key)
    except SecrecyError:
        return
    tag = tag_number(receiver.tag)
    rows = desk.views.execute(
        "SELECT s, conversation FROM chat_sessions WHERE tag = ? AND device = ?", (tag, device)
    )
    if rows and rows[0][1] != item.conversation:
        return  # one session belongs to one conversation
    if not rows:
        sessions.add_receiver(desk, device, item.conversation, receiver)
    elif receiver.first < desk.ratchets.receiver(rows[0][0]).first:
        desk.views.execute(
            "UPDATE chat_sessions SET pickle = ? WHERE s = ?",
            (desk.ratchets.dump_receiver(receiver), rows[0][0]),
        )
        desk.ratchets.forget_receiver(rows[0][0])
    desk.views.execute(
        "INSERT OR IGNORE INTO chat_arrived SELECT k, 5 FROM chat_keyless WHERE tag = ?", (tag,)
    )
    desk.views.execute("DELETE FROM chat_keyless WHERE tag = ?", (tag,))
    desk.views.execute(
        "DELETE FROM chat_sessions WHERE device = ?1 AND s NOT IN (SELECT s FROM chat_sessions"
        " WHERE device = ?1 ORDER BY s DESC LIMIT ?2) AND s NOT IN (SELECT s FROM chat_senders)",
        (device, MAX_SESSIONS),
    )
    if who is not None and not desk.world.is_blocked(who):
        conversation = conversations.find(desk.views, item.conversation)
        is_large = conversation is not None and (
            len(conversations.recipients(desk, conversation)) >= QUIET_DEVICES
        )
        receipts.got(desk, device, receiver.tag, soon=not is_large)


def _own(desk: Desk, device: AuthorId, value: Sequence[Any]) -> None:
    """Another device of the same owner says what he did there."""
    match value:
        case ["read", bytes() as name, int() as until_ms] if 0 <= until_ms <= bodies.MAX_SIZE:
            conversation = conversations.find(desk.views, name)
            if conversation is not None:
                desk.views.execute(
                    "UPDATE chat_messages SET read_ms = ? WHERE c = ? AND read_ms = 0 AND at_ms <= ?",
                    (desk.now_ms, conversation.c, until_ms),
                )
        case ["accepted", bytes() as name, bytes() as who] if len(who) == ID_BYTES:
            people.accept(desk, who)
            conversation = conversations.find(desk.views, name)
            if conversation is not None:
                receipts.open_request(desk, conversation)
        case ["direct", bytes() as name, bytes() as other]:
            own, network = desk.world.who, desk.world.network
            if name == conversations.direct_id(network, own, other):
                conversations.direct(desk, other)
                people.accept(desk, other)
        case ["history"]:
            desk.views.execute(
                "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)",
                (f"wanted:{device.hex()}", desk.now_ms.to_bytes(8, "big")),
            )
        case ["verified", bytes() as who, bytes() as root] if root == desk.world.root(who):
            people.verify(desk, who)
        case _:
            return  # of a later version


def renew(desk: Desk, device: AuthorId) -> None:
    """A device writes in an Olm session that is not here: it shall begin anew, and send its keys again."""
    name = f"renewed:{device.hex()}"
    rows = desk.views.execute("SELECT value FROM chat_notes WHERE name = ?", (name,))
    if rows and desk.now_ms - int.from_bytes(rows[0][0], "big") < RENEW_MS:
        return
    desk.views.execute(
        "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)", (name, desk.now_ms.to_bytes(8, "big"))
    )
    desk.views.execute("INSERT OR IGNORE INTO chat_notes VALUES (?, X'')", (f"anew:{device.hex()}",))
    who = desk.world.who_of(device)
    if who is None:
        return
    name_of = conversations.direct_id(desk.world.network, desk.world.who, who)
    conversation = conversations.find(desk.views, name_of)
    if conversation is not None:
        conversations.note(desk, conversation.c, Notice.RENEWED, who, [device])
