"""Own Megolm sessions: when a new one is begun, and to whom its key goes. Part of the steps.

docs/protocol/secrecy.md, "Sessions". The key of a session goes to each device of each person who takes part,
in a packet, and again until that device has said that it came.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.messenger import bodies, conversations, packets
from node.apps.messenger.bodies import tag_number
from node.apps.messenger.desk import DAY_MS, Desk
from node.secrecy.broadcast import Receiver, Sender
from store.ids import AuthorId

MAX_MESSAGES: Final = 1_000
"""Of one session: who learns its key reads no more than these."""

MAX_AGE_MS: Final = 7 * DAY_MS

HOUR_MS: Final = 3_600_000
TRIES_MS: Final = (HOUR_MS, 6 * HOUR_MS, DAY_MS)
"""After how long a key is sent again that was not acknowledged; from the third time on daily."""

GIVE_UP_MS: Final = 30 * DAY_MS
"""After so long the messages of a session have gone from hubs, and its key with them."""

TAG_BYTES: Final = 8
NEVER_MS: Final = 2**62
MAX_REPEATED: Final = 64
"""Keys that one step sends again: others of ours wait for it."""


class Session(NamedTuple):
    """The session that is written with now."""

    s: int
    sender: Sender


class Outgoing(NamedTuple):
    """How a conversation is written to, for the length of a step."""

    session: Session
    binding: bytes
    """16 bytes, see `bodies.binding`."""
    heads: tuple[bytes, ...]
    """Of its operations, where it is a group."""


def current(desk: Desk, conversation: bytes, devices: Sequence[AuthorId]) -> Session:
    """The session for the next message of a conversation to these devices, its key on the way to all of them.

    A new one is begun where the last one is worn out, or somebody has its key who is to read no more.
    """
    rows = desk.views.execute(
        "SELECT s, made_ms FROM chat_senders WHERE conversation = ? AND current = 1", (conversation,)
    )
    if rows:
        s, made_ms = rows[0]
        sender = desk.ratchets.sender(s)
        shared = _shared_with(desk, s)
        is_worn = sender.index >= MAX_MESSAGES or not 0 <= desk.now_ms - made_ms < MAX_AGE_MS
        if not is_worn and shared.issubset(devices):
            share(desk, s, sender, [device for device in devices if device not in shared])
            return Session(s, desk.ratchets.use_sender(s))
        end(desk, conversation)
    s, sender = _begin(desk, conversation)
    share(desk, s, sender, devices)
    return Session(s, desk.ratchets.use_sender(s))


def _shared_with(desk: Desk, s: int) -> set[AuthorId]:
    return {device for (device,) in desk.views.execute("SELECT device FROM chat_shares WHERE s = ?", (s,))}


def end(desk: Desk, conversation: bytes) -> None:
    """Write nothing more with the present session of a conversation. Its key is still repeated."""
    desk.views.execute(
        "UPDATE chat_senders SET current = 0 WHERE conversation = ? AND current = 1", (conversation,)
    )


def _begin(desk: Desk, conversation: bytes) -> tuple[int, Sender]:
    sender = Sender.new()
    receiver = Receiver.from_key(sender.key())
    s = add_receiver(desk, desk.world.device, conversation, receiver)
    desk.views.execute(
        "INSERT INTO chat_senders VALUES (?, ?, ?, ?, 0, 1)",
        (s, conversation, desk.ratchets.add_sender(s, sender), desk.now_ms),
    )
    return s, sender


def add_receiver(desk: Desk, device: AuthorId, conversation: bytes, receiver: Receiver) -> int:
    """Keep a session to read with; its row."""
    [(s,)] = desk.views.execute(
        "INSERT INTO chat_sessions (tag, device, conversation, pickle, made_ms) VALUES (?, ?, ?, ?, ?)"
        " RETURNING s",
        (
            tag_number(receiver.tag),
            device,
            conversation,
            desk.ratchets.dump_receiver(receiver),
            desk.now_ms,
        ),
    )
    found: int = s
    return found


def tag_of(desk: Desk, s: int) -> bytes | None:
    """The 8 bytes by which entries name a session; None: it was forgotten."""
    rows = desk.views.execute("SELECT tag FROM chat_sessions WHERE s = ?", (s,))
    return None if not rows else bytes(rows[0][0].to_bytes(TAG_BYTES, "big", signed=True))


def share(desk: Desk, s: int, sender: Sender, devices: Iterable[AuthorId]) -> None:
    """Send the key of a session, as it is now, to devices that do not have it."""
    devices = list(devices)
    if not devices:
        return
    key, index = sender.key(), sender.index
    [(conversation,)] = desk.views.execute("SELECT conversation FROM chat_senders WHERE s = ?", (s,))
    rows = []
    for device in devices:
        is_sent = packets.write(desk, device, _with_key(desk, device, conversation, key))
        next_ms = desk.now_ms + TRIES_MS[0] if is_sent else desk.now_ms
        rows.append((s, device, index, int(is_sent), next_ms, 0))
    desk.views.insert_rows("chat_shares", ("s", "device", "from_index", "tries", "next_ms", "got_ms"), rows)


def repeat(desk: Desk) -> None:
    """Send keys again that were not acknowledged, or whose device has published its keys since."""
    rows = desk.views.execute(
        "SELECT s, device, from_index, tries, made_ms FROM chat_shares JOIN chat_senders USING (s)"
        " WHERE got_ms = 0 AND next_ms <= ? ORDER BY next_ms LIMIT ?",
        (desk.now_ms, MAX_REPEATED),
    )
    for s, device, from_index, tries, made_ms in rows:
        if desk.now_ms - made_ms >= GIVE_UP_MS or not _may_still_read(desk, s, device):
            next_ms = NEVER_MS
        elif _send_again(desk, s, device, from_index):
            next_ms = desk.now_ms + TRIES_MS[min(tries, len(TRIES_MS) - 1)]
            tries += 1
        else:
            next_ms = desk.now_ms + HOUR_MS
        desk.views.execute(
            "UPDATE chat_shares SET tries = ?, next_ms = ? WHERE s = ? AND device = ?",
            (tries, next_ms, s, device),
        )


def _may_still_read(desk: Desk, s: int, device: AuthorId) -> bool:
    """A device that was revoked, or whose person was removed or blocked, gets no key again.

    Who has left a group himself still owes the others the key to what he said before.
    """
    [(name,)] = desk.views.execute("SELECT conversation FROM chat_senders WHERE s = ?", (s,))
    conversation, who = conversations.find(desk.views, name), desk.world.who_of(device)
    if conversation is None or who is None or not desk.world.is_live(device):
        return False
    if who == desk.world.who:
        return True
    return who in conversations.people(desk, conversation) and not desk.world.is_blocked(who)


def _send_again(desk: Desk, s: int, device: AuthorId, from_index: int) -> bool:
    [(conversation,)] = desk.views.execute("SELECT conversation FROM chat_sessions WHERE s = ?", (s,))
    key = desk.ratchets.receiver(s).export_at(from_index)
    return packets.write(desk, device, _with_key(desk, device, conversation, key))


def _with_key(desk: Desk, device: AuthorId, conversation: bytes, key: bytes) -> list[bodies.Item]:
    """A key for a device. Another one of the owner's learns with whom a conversation of two is."""
    items: list[bodies.Item] = [bodies.Key(conversation, key)]
    if desk.world.who_of(device) == desk.world.who:
        found = conversations.find(desk.views, conversation)
        if found is not None and found.other is not None:
            items.insert(0, bodies.Own((("direct", conversation, found.other),)))
    return items


def wake(desk: Desk, device: AuthorId) -> None:
    """A device has published keys: what waited for that is sent with the next step."""
    desk.views.execute(
        "UPDATE chat_shares SET next_ms = ? WHERE device = ? AND tries = 0 AND got_ms = 0",
        (desk.now_ms, device),
    )


def ask_again(desk: Desk, device: AuthorId) -> None:
    """A device has lost its sessions: it gets the keys again that it got before, from the same places on."""
    desk.views.execute(
        "UPDATE chat_shares SET next_ms = ?, got_ms = 0 WHERE device = ? AND next_ms < ?"
        " AND s IN (SELECT s FROM chat_senders WHERE made_ms > ?)",
        (desk.now_ms, device, NEVER_MS, desk.now_ms - GIVE_UP_MS),
    )


def acknowledged(desk: Desk, device: AuthorId, tags: Iterable[bytes]) -> None:
    """A device has the keys of these sessions of ours."""
    for tag in tags:
        desk.views.execute(
            "UPDATE chat_shares SET got_ms = ? WHERE got_ms = 0 AND device = ? AND s ="
            " (SELECT s FROM chat_sessions WHERE tag = ? AND device = ?)",
            (desk.now_ms, device, tag_number(tag), desk.world.device),
        )
