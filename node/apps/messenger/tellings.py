"""Operations that come: from who made them, or told by others. Part of the steps.

docs/protocol/secrecy.md, "Groups". An operation has no signature. It is taken from the entry of its author;
from others only what this home could not have had:

    welcome   the owner does not belong to the group, as far as is known. What a device tells waits in
              `chat_told` until it makes him a member and the teller an admin: a group is as true as who
              brings one in
    repair    he belongs to it, and the teller is one of its admins, who could do all that he tells himself
    own       the teller is another device of the owner's: one that came later learns his groups so

Whoever lacks operations that others stand on asks for them, and the admin who is asked tells everything.
"""

from collections.abc import Callable, Iterable
from typing import Final

from node.apps.messenger import bodies, conversations, operations, packets, standing
from node.apps.messenger.bodies import Told, Want
from node.apps.messenger.conversations import Conversation, Kind
from node.apps.messenger.desk import Desk
from node.apps.messenger.operations import MAX_OPERATIONS, Operation
from node.errors import NodeError
from store.entry import Entry
from store.ids import AuthorId
from store.sqlite.views import ReadViews

MAX_TOLD_BYTES: Final = 24_000
"""Of operations that one message tells: it fits into an entry."""

MAX_PENDING: Final = 2 * MAX_OPERATIONS
"""Operations that one device may have waiting in groups to which the owner does not belong."""

MAX_WAITING: Final = 256
"""Operations of one device in one group that may wait for others."""

WANT_MS: Final = 60_000
"""So long after something was missed it is asked for: most of what is late comes by itself."""

WANT_AGAIN_MS: Final = 6 * 3_600_000
TELL_AGAIN_MS: Final = 60_000
"""At most so often a device tells everything: one telling answers all who asked since the last one."""

MAX_ASKED: Final = 3
"""Admins who are asked, beside the device that named what is missed."""

Say = Callable[[Desk, Conversation, bodies.Payload, Callable[[int, int, int, Entry], None] | None], None]
"""`sending.say`, which knows groups and not the other way round."""


# --- what comes ---------------------------------------------------------------------------------------


def ops_arrived(desk: Desk, conversation: bytes, device: AuthorId, seq: int, ops: Iterable[bytes]) -> None:
    """Operations came from the device that made them, in entry `seq` of its `sealed` log."""
    fresh = [
        (operation, data)
        for operation, data in _read(desk, conversation, ops)
        if operation.device == device and operation.author == desk.world.who_of(device)
    ]
    if not fresh:
        return
    if standing.is_in(desk, conversation):
        _take(desk, conversation, device, seq, fresh)
        return
    if desk.world.is_blocked(fresh[0][0].author):
        return
    for operation, data in fresh:
        _await(desk, conversation, operation, data, seq, device)
    _welcome(desk, conversation, device)


def _take(
    desk: Desk, conversation: bytes, device: AuthorId, seq: int, fresh: list[tuple[Operation, bytes]]
) -> None:
    """Operations of the device's own on a group to which the owner belongs."""
    for operation, data in fresh:
        if _has_room(desk, conversation, operation, is_told=False):
            standing.keep(desk, conversation, operation.id, data, device, seq)
    _settle(desk, conversation)
    membership = standing.load(desk, conversation)
    if membership.lacking:
        want(desk, conversation, device)
    if any(membership.is_news_for(desk.world.device, operation.id) for operation, _ in fresh):
        _note(desk, f"tell:{conversation.hex()}", desk.now_ms, b"")


def told(desk: Desk, conversation: bytes, teller: AuthorId, ops: Iterable[tuple[bytes, int]]) -> None:
    """A device tells what operations there are, each with the seq of the entry that carried it."""
    who = desk.world.who_of(teller)
    if who is None or desk.world.is_blocked(who):
        return
    seqs = {data: seq for data, seq in ops if seq > 0}
    fresh = [
        (operation, data)
        for operation, data in _read(desk, conversation, seqs)
        if desk.world.who_of(operation.device) in (operation.author, None)
    ]
    is_in = standing.is_in(desk, conversation)
    if is_in and who != desk.world.who and not standing.load(desk, conversation).members.get(who):
        return
    for operation, data in fresh:
        if not is_in:
            _await(desk, conversation, operation, data, seqs[data], teller)
        elif _has_room(desk, conversation, operation, is_told=True):
            standing.keep(
                desk, conversation, operation.id, data, operation.device, seqs[data], told_by=teller
            )
    if is_in:
        _settle(desk, conversation)
    else:
        _welcome(desk, conversation, teller)


def _read(desk: Desk, conversation: bytes, ops: Iterable[bytes]) -> list[tuple[Operation, bytes]]:
    found = ((operations.parse(desk.world.network, data), data) for data in ops)
    return [(each, data) for each, data in found if each is not None and each.conversation == conversation]


def _has_room(desk: Desk, conversation: bytes, operation: Operation, *, is_told: bool) -> bool:
    """May another operation be kept? Those that wait for others have little room, of each device."""
    rows = desk.views.execute(
        "SELECT op, device FROM chat_operations WHERE conversation = ?", (conversation,)
    )
    if len(rows) >= MAX_OPERATIONS:
        return any(op == operation.id for op, _ in rows)
    membership = standing.load(desk, conversation)
    if is_told or membership.knows(operation.deps):
        return True
    waiting = [op for op, device in rows if device == operation.device and not membership.knows((op,))]
    return len(waiting) < MAX_WAITING


def _await(
    desk: Desk, conversation: bytes, operation: Operation, data: bytes, seq: int, teller: AuthorId
) -> None:
    [(count,)] = desk.views.execute("SELECT count(*) FROM chat_told WHERE told_by = ?", (teller,))
    if count < MAX_PENDING:
        desk.views.execute(
            "INSERT OR IGNORE INTO chat_told VALUES (?, ?, ?, ?, ?, ?)",
            (teller, conversation, operation.id, data, operation.device, seq),
        )


def _welcome(desk: Desk, conversation: bytes, teller: AuthorId) -> None:
    """Take what a device has told of a group, if by that the owner belongs to it and the teller leads it."""
    rows = desk.views.execute(
        "SELECT bytes, seq FROM chat_told WHERE told_by = ? AND conversation = ?", (teller, conversation)
    )
    members = standing.load_with(desk, conversation, [(data, seq) for data, seq in rows]).members
    who = desk.world.who_of(teller)
    if desk.world.who not in members or who is None or not (members.get(who) or who == desk.world.who):
        return
    waiting = desk.views.execute(
        "DELETE FROM chat_told WHERE conversation = ? RETURNING told_by, op, bytes, device, seq",
        (conversation,),
    )
    for told_by, op, data, device, seq in sorted(waiting, key=lambda row: row[0] != teller):
        if told_by in (teller, device) or members.get(desk.world.who_of(told_by) or b""):
            standing.keep(
                desk, conversation, op, data, device, seq, told_by=None if told_by == device else told_by
            )
    _settle(desk, conversation)


def _settle(desk: Desk, conversation: bytes) -> None:
    """Bring everything in step with the operations that are here, without those that count for nothing."""
    standing.changed(desk, conversation)
    for op in standing.load(desk, conversation).refused:
        desk.views.execute(
            "DELETE FROM chat_operations WHERE conversation = ? AND op = ?", (conversation, op)
        )


# --- what is missed -----------------------------------------------------------------------------------


def want(desk: Desk, conversation: bytes, device: AuthorId) -> None:
    """Something of this device's stands on operations that are not here: ask for them, if they stay away."""
    name, due_ms = f"want:{conversation.hex()}", desk.now_ms + WANT_MS
    for (value,) in desk.views.execute("DELETE FROM chat_notes WHERE name = ? RETURNING value", (name,)):
        due_ms = int.from_bytes(value[:8], "big")
    _note(desk, name, due_ms, device)  # the last one that named it is asked: it is there


def want_imported(desk: Desk, device: AuthorId) -> None:
    """Groups came with what was said in them, and nothing else: ask the owner's device they came from."""
    rows = desk.views.execute(
        "SELECT id FROM chat_conversations WHERE kind = ? AND NOT EXISTS"
        " (SELECT 1 FROM chat_operations WHERE conversation = chat_conversations.id) ORDER BY id",
        (int(Kind.GROUP),),
    )
    for (conversation,) in rows:
        _note(desk, f"want:{conversation.hex()}", desk.now_ms, device)


def wanted(desk: Desk, conversation: bytes, device: AuthorId) -> None:
    """A device asks for the operations of a group. It shall have them, if it belongs to the group."""
    members, who = standing.load(desk, conversation).members, desk.world.who_of(device)
    if who in members and (members.get(desk.world.who) or who == desk.world.who):
        _note(desk, f"tell:{conversation.hex()}", desk.now_ms, b"")


def _note(desk: Desk, name: str, due_ms: int, value: bytes) -> None:
    desk.views.execute(
        "INSERT OR IGNORE INTO chat_notes VALUES (?, ?)", (name, due_ms.to_bytes(8, "big") + value)
    )


def keep_up(desk: Desk, say: Say) -> None:
    """Ask for what is missed, and tell what was asked for, as far as it is due."""
    notes = _notes(desk.views)
    resting = _resting(notes)
    for name, conversation, due_ms, rest in notes:
        if max(due_ms, resting.get(name, 0)) > desk.now_ms:
            continue
        next_ms = None
        if name.startswith("want:"):
            next_ms = _ask(desk, conversation, AuthorId(rest))
        elif name.startswith("tell:"):
            _tell(desk, say, conversation)
            told_name = f"told:{conversation.hex()}"
            desk.views.execute("DELETE FROM chat_notes WHERE name = ?", (told_name,))
            _note(desk, told_name, desk.now_ms + TELL_AGAIN_MS, b"")
        desk.views.execute(
            "DELETE FROM chat_notes WHERE name = ? AND value = ?", (name, due_ms.to_bytes(8, "big") + rest)
        )
        if next_ms is not None:
            _note(desk, name, next_ms, rest)


def next_due(views: ReadViews) -> int | None:
    """When `keep_up` has something to do next, Unix ms."""
    notes = _notes(views)
    resting = _resting(notes)
    dues = (max(due_ms, resting.get(name, 0)) for name, _, due_ms, _ in notes if name[:5] != "told:")
    return min(dues, default=None)


def _resting(notes: list[tuple[str, bytes, int, bytes]]) -> dict[str, int]:
    """Until when nothing is told again, by the names of the notes that ask for it."""
    return {f"tell:{group.hex()}": due_ms for name, group, due_ms, _ in notes if name[:5] == "told:"}


def _notes(views: ReadViews) -> list[tuple[str, bytes, int, bytes]]:
    """Notes of ours: name, group, when they are due, and the rest."""
    rows = views.execute(
        "SELECT name, value FROM chat_notes WHERE name GLOB 'want:*' OR name GLOB 'tell:*'"
        " OR name GLOB 'told:*' ORDER BY name"
    )
    notes = [
        (name, bytes.fromhex(name[5:]), int.from_bytes(value[:8], "big"), value[8:]) for name, value in rows
    ]
    return notes


def _ask(desk: Desk, conversation: bytes, device: AuthorId) -> int | None:
    """Ask for the operations of a group; when to ask again, None: nothing is missed any more."""
    membership, own = standing.load(desk, conversation), desk.world.who
    is_imported = not membership.operations
    waits = membership.lacking or desk.views.execute(
        "SELECT 1 FROM chat_headless WHERE conversation = ? LIMIT 1", (conversation,)
    )
    is_out = own not in membership.members and not is_imported
    if is_out or not (waits or is_imported):
        return None
    admins = [who for who, is_admin in membership.members.items() if is_admin and who != desk.world.who]
    asked = {device, *(each for who in admins[:MAX_ASKED] for each in desk.world.devices(who)[:1])}
    asked.update(desk.world.devices(own))
    for each in sorted(asked - {desk.world.device}):
        packets.write(desk, each, [Want(conversation)])
    return desk.now_ms + WANT_AGAIN_MS if waits else None  # the owner may have left an imported one


def _tell(desk: Desk, say: Say, name: bytes) -> None:
    conversation = conversations.find(desk.views, name)
    if conversation is None or not standing.is_in(desk, name):
        return
    try:
        tell_all(desk, say, conversation)
    except NodeError:
        return  # the keys of somebody who was verified have changed: nothing goes out before that is settled


def tell_all(desk: Desk, say: Say, conversation: Conversation) -> None:
    """Tell everything that was done to the group, for those who have just come or missed something."""
    rows = desk.views.execute(
        "SELECT bytes, seq FROM chat_operations WHERE conversation = ? AND seq > 0 ORDER BY op",
        (conversation.id,),
    )  # those of this step come from us with their own entries
    part: list[tuple[bytes, int]] = []
    size = 0
    for data, seq in rows:
        if part and size + len(data) > MAX_TOLD_BYTES:
            say(desk, conversation, Told(tuple(part)), None)
            part, size = [], 0
        part.append((data, seq))
        size += len(data) + 10
    if part:
        say(desk, conversation, Told(tuple(part)), None)
