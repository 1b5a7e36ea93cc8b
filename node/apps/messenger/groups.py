"""Groups: operations that came or that the owner asks for, and what follows from them. Part of the steps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from node.apps.messenger import bodies, conversations, operations, people
from node.apps.messenger.bodies import Told
from node.apps.messenger.conversations import Conversation, Kind, Notice, State
from node.apps.messenger.desk import Desk
from node.apps.messenger.membership import Membership, Placed
from node.apps.messenger.operations import (
    MAX_MEMBERS,
    MAX_NAMED,
    MAX_OPERATIONS,
    Add,
    Change,
    Create,
    Promote,
    Remove,
    Rename,
)
from node.errors import BadData, Missing, Refused
from store.entry import Entry
from store.ids import AuthorId

MAX_TOLD_BYTES: Final = 24_000
"""Of operations that one message tells: it fits into an entry."""

Say = Callable[[Desk, Conversation, bodies.Payload, Callable[[int, int, int, Entry], None] | None], None]
"""`sending.say`, which knows groups and not the other way round."""


# --- what is known ------------------------------------------------------------------------------------


def load(desk: Desk, conversation: bytes) -> Membership:
    """A group as all its operations here make it."""
    if conversation not in desk.groups:
        rows = desk.views.execute(
            "SELECT bytes, seq FROM chat_operations WHERE conversation = ? ORDER BY op", (conversation,)
        )
        found = ((operations.parse(desk.world.network, data), seq) for data, seq in rows)
        placed = [Placed(operation, seq) for operation, seq in found if operation is not None]
        desk.groups[conversation] = Membership(conversation, placed)
    return desk.groups[conversation]


def heads(desk: Desk, conversation: bytes) -> tuple[bytes, ...]:
    """Operations (16 bytes each) that nothing follows."""
    return load(desk, conversation).heads


def may_show(
    desk: Desk, conversation: bytes, device: AuthorId, seq: int, known: Sequence[bytes]
) -> bool | None:
    """Does a message of this device count? None: that hangs on operations that are not here yet."""
    membership, who = load(desk, conversation), desk.world.who_of(device)
    if who is None or not known:
        return False
    if not membership.knows(known):
        return None
    return membership.may_speak(who, device, seq, known)


# --- what comes ---------------------------------------------------------------------------------------


def ops_arrived(desk: Desk, conversation: bytes, device: AuthorId, seq: int, ops: Iterable[bytes]) -> None:
    """Operations came from the device that made them, in entry `seq` of its `sealed` log."""
    for data in ops:
        operation = operations.parse(desk.world.network, data)
        if operation is None or operation.device != device or operation.conversation != conversation:
            continue
        if operation.author == desk.world.who_of(device):
            _keep(desk, conversation, operation.id, data, device, seq, told_by=None)
    changed(desk, conversation)


def told(desk: Desk, conversation: bytes, teller: AuthorId, ops: Iterable[tuple[bytes, int]]) -> None:
    """Somebody tells what operations there are. It counts if he belongs to the group by what he tells."""
    before = {
        op
        for (op,) in desk.views.execute(
            "SELECT op FROM chat_operations WHERE conversation = ?", (conversation,)
        )
    }
    for data, seq in ops:
        operation = operations.parse(desk.world.network, data)
        if operation is not None and operation.conversation == conversation:
            _keep(desk, conversation, operation.id, data, operation.device, seq, told_by=teller)
    desk.groups.pop(conversation, None)
    if desk.world.who_of(teller) in load(desk, conversation).members:
        changed(desk, conversation)
        return
    rows = desk.views.execute(
        "SELECT op FROM chat_operations WHERE conversation = ? AND told_by = ?", (conversation, teller)
    )
    for (op,) in rows:
        if op not in before:
            desk.views.execute(
                "DELETE FROM chat_operations WHERE conversation = ? AND op = ?", (conversation, op)
            )
    desk.groups.pop(conversation, None)


def _keep(
    desk: Desk,
    conversation: bytes,
    op: bytes,
    data: bytes,
    device: AuthorId,
    seq: int,
    told_by: AuthorId | None,
) -> None:
    """Keep an operation. What its own author says of its place counts more than what others do."""
    [(count,)] = desk.views.execute(
        "SELECT count(*) FROM chat_operations WHERE conversation = ?", (conversation,)
    )
    if count >= MAX_OPERATIONS:
        return
    on_conflict = (
        "DO NOTHING"
        if told_by
        else "DO UPDATE SET seq = excluded.seq, told_by = NULL WHERE told_by IS NOT NULL"
    )
    desk.views.execute(
        f"INSERT INTO chat_operations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (conversation, op) {on_conflict}",
        (conversation, op, data, device, seq, told_by),
    )


def changed(desk: Desk, name: bytes) -> None:
    """Bring the rows of a group in step with its operations, and note what has changed."""
    desk.groups.pop(name, None)
    desk.regroup()
    membership, own = load(desk, name), desk.world.who
    conversation = conversations.find(desk.views, name)
    if conversation is None:
        if own not in membership.members:
            return
        conversation = _enter(desk, name, membership)
    rows = desk.views.execute("SELECT who, admin FROM chat_members WHERE c = ?", (conversation.c,))
    before = {who: bool(admin) for who, admin in rows}
    if before != membership.members:
        desk.views.execute("DELETE FROM chat_members WHERE c = ?", (conversation.c,))
        desk.views.insert_rows(
            "chat_members",
            ("c", "who", "admin"),
            [(conversation.c, who, int(admin)) for who, admin in membership.members.items()],
        )
        if before:
            _note_changes(desk, conversation, membership, before)
    _retitle(desk, conversation, membership)
    _set_state(desk, conversation, is_in=own in membership.members)
    desk.regroup()


def _enter(desk: Desk, name: bytes, membership: Membership) -> Conversation:
    own = desk.world.who
    by = membership.doer(own, gone=False)
    is_stranger = by is not None and by != own and people.is_stranger(desk, by)
    is_blocked = by is not None and by != own and desk.world.is_blocked(by)
    state = State.REQUEST if is_stranger or is_blocked else State.OPEN
    conversation = conversations.add(desk, name, Kind.GROUP, state, by=None if by == own else by)
    first = membership.operations[0].operation.author
    conversations.note(desk, conversation.c, Notice.MADE, first, [first])
    if by is not None and by != first:
        conversations.note(desk, conversation.c, Notice.ADDED, own, [own, by])
    return conversation


def _note_changes(
    desk: Desk, conversation: Conversation, membership: Membership, before: dict[bytes, bool]
) -> None:
    c, after = conversation.c, membership.members
    for who in sorted(after.keys() - before.keys()):
        conversations.note(desk, c, Notice.ADDED, who, [who, membership.doer(who, gone=False) or b""])
    for who in sorted(before.keys() - after.keys()):
        by = membership.doer(who, gone=True)
        values: list[Any] = [who] if by in (None, who) else [who, by]
        conversations.note(desk, c, Notice.LEFT if by == who else Notice.REMOVED, who, values)
    for who in sorted(after.keys() & before.keys()):
        if after[who] and not before[who]:
            by = membership.doer(who, gone=False) or b""
            conversations.note(desk, c, Notice.PROMOTED, who, [who, by])


def _retitle(desk: Desk, conversation: Conversation, membership: Membership) -> None:
    title = membership.title
    if title != conversation.title:
        desk.views.execute("UPDATE chat_conversations SET title = ? WHERE c = ?", (title, conversation.c))
        if conversation.title:
            conversations.note(desk, conversation.c, Notice.RENAMED, desk.world.who, [title])


def _set_state(desk: Desk, conversation: Conversation, *, is_in: bool) -> None:
    if not is_in and conversation.state is not State.LEFT:
        conversations.set_state(desk, conversation.c, State.LEFT)
    elif is_in and conversation.state is State.LEFT:
        conversations.set_state(desk, conversation.c, State.OPEN)


# --- what the owner asks for --------------------------------------------------------------------------


def create(desk: Desk, say: Say, title: str, members: Iterable[bytes]) -> Conversation:
    """Begin a group with these people (32 bytes each); the owner is its first admin.

    Raises:
        BadData: the title cannot be one, or they are too many.
    """
    own = desk.world.who
    others = sorted(set(members) - {own})
    _check_title(title)
    if len(others) >= MAX_MEMBERS:
        raise BadData(f"A group has at most {MAX_MEMBERS} members.", "Make several groups.")
    first = ((own, True), *((who, False) for who in others[: MAX_NAMED - 1]))
    data = _compose(desk, b"", Create(title, first))
    name = operations.group_id(data)
    for who in others:
        people.accept(desk, who)
    _apply(desk, name, [data])
    rest = others[MAX_NAMED - 1 :]
    datas = [data]
    for at in range(0, len(rest), MAX_NAMED):
        datas.append(_compose(desk, name, Add(tuple(rest[at : at + MAX_NAMED]), False)))
        _apply(desk, name, datas[-1:])
    conversation = _found(desk, name)
    for each in datas:
        _say(desk, say, conversation, each)
    return conversation


def invite(
    desk: Desk, say: Say, conversation: Conversation, members: Sequence[bytes], *, admin: bool
) -> None:
    """Bring people into a group. Raises: Refused: the owner is no admin. BadData: they are too many."""
    membership = _admin_of(desk, conversation)
    fresh = sorted(set(members) - membership.members.keys())
    if not fresh:
        raise Refused("They are members already.", "See who is in: aster group members GROUP")
    if len(membership.members) + len(fresh) > MAX_MEMBERS:
        raise BadData(f"A group has at most {MAX_MEMBERS} members.", "Make another group.")
    for who in fresh:
        people.accept(desk, who)
    datas: list[bytes] = []
    for at in range(0, len(fresh), MAX_NAMED):
        datas.append(_compose(desk, conversation.id, Add(tuple(fresh[at : at + MAX_NAMED]), admin)))
        _apply(desk, conversation.id, datas[-1:])
    for each in datas:
        _say(desk, say, conversation, each)
    _tell_all(desk, say, conversation)


def remove(desk: Desk, say: Say, conversation: Conversation, member: bytes) -> None:
    """Take somebody out of a group; he reads nothing that is said after this.

    Raises:
        Refused: the owner is no admin, though he may always leave himself. Missing: he is no member.
    """
    own = desk.world.who
    membership = load(desk, conversation.id)
    if member == own:
        _member_of(desk, conversation)
    else:
        _admin_of(desk, conversation)
    if member not in membership.members:
        raise Missing("This member does not belong to the group.", "See who does: aster group members GROUP")
    cuts = tuple((device, desk.world.last_sealed(device)) for device in desk.world.devices(member))
    data = _compose(desk, conversation.id, Remove(member, cuts))
    _say(desk, say, conversation, data)  # while he is in: he learns that he is not any more
    _apply(desk, conversation.id, [data])


def promote(desk: Desk, say: Say, conversation: Conversation, member: bytes) -> None:
    """Make a member an admin. Raises: Refused: the owner is none. Missing: he is no member."""
    membership = _admin_of(desk, conversation)
    if member not in membership.members:
        raise Missing("This member does not belong to the group.", "Invite him first: aster group invite")
    if membership.members[member]:
        raise Refused("This member is an admin already.", "See: aster group members GROUP")
    _change(desk, say, conversation, Promote(member))


def rename(desk: Desk, say: Say, conversation: Conversation, title: str) -> None:
    """Give a group another name. Raises: Refused: the owner is no admin. BadData: it cannot be one."""
    _admin_of(desk, conversation)
    _check_title(title)
    _change(desk, say, conversation, Rename(title))


def _change(desk: Desk, say: Say, conversation: Conversation, change: Change) -> None:
    data = _compose(desk, conversation.id, change)
    _apply(desk, conversation.id, [data])
    _say(desk, say, conversation, data)


def _check_title(title: str) -> None:
    if not operations.is_title(title):
        raise BadData(
            f"A group's name has 1 to {operations.MAX_TITLE_CHARS} characters, without control characters.",
            "Choose another one.",
        )


def _member_of(desk: Desk, conversation: Conversation) -> Membership:
    if conversation.kind is not Kind.GROUP:
        raise Refused("This is a conversation of two, not a group.", "Make one: aster group create NAME")
    membership = load(desk, conversation.id)
    if desk.world.who not in membership.members:
        raise Refused("You are no member of this group.", "Somebody of it can invite you.")
    return membership


def _admin_of(desk: Desk, conversation: Conversation) -> Membership:
    membership = _member_of(desk, conversation)
    if not membership.members[desk.world.who]:
        raise Refused("Only an admin of the group can do this.", "See who is: aster group members GROUP")
    return membership


def _compose(desk: Desk, name: bytes, change: Change) -> bytes:
    world = desk.world
    deps = load(desk, name).heads if name else ()
    salt = desk.chance(operations.SALT_BYTES)
    return operations.compose(name, world.who, world.device, deps, salt, change)


def _apply(desk: Desk, name: bytes, datas: Sequence[bytes]) -> None:
    """Our own operations count at once; where they stand is noted when their entry is signed."""
    for data in datas:
        op = operations.op_id(desk.world.network, data)
        _keep(desk, name, op, data, desk.world.device, 0, told_by=None)
    changed(desk, name)


def _say(desk: Desk, say: Say, conversation: Conversation, data: bytes) -> None:
    op = operations.op_id(desk.world.network, data)

    def placed(s: int, index: int, key: int, entry: Entry) -> None:
        desk.views.execute(
            "UPDATE chat_operations SET seq = ? WHERE conversation = ? AND op = ?",
            (entry.seq, conversation.id, op),
        )

    say(desk, conversation, bodies.Change((data,)), placed)


def _tell_all(desk: Desk, say: Say, conversation: Conversation) -> None:
    """Tell everything that was done to the group, for those who have just come."""
    rows = desk.views.execute(
        "SELECT bytes, seq FROM chat_operations WHERE conversation = ? ORDER BY op", (conversation.id,)
    )
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


def _found(desk: Desk, name: bytes) -> Conversation:
    conversation = conversations.find(desk.views, name)
    assert conversation is not None
    return conversation
