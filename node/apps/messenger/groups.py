"""Groups: what the owner asks for becomes operations, and who may be heard in one. Part of the steps.

What comes from others is in `tellings`, the rows that follow from operations in `standing`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from node.apps.messenger import bodies, conversations, operations, standing, tellings
from node.apps.messenger.conversations import Conversation, Kind
from node.apps.messenger.desk import Desk
from node.apps.messenger.membership import Membership
from node.apps.messenger.operations import (
    MAX_CUTS,
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
from node.apps.messenger.tellings import Say, tell_all
from node.errors import BadData, Missing, Refused
from store.entry import Entry
from store.ids import AuthorId

SPARE_OPERATIONS: Final = 64
"""Changes of a group that are left for removals when there is room for no others."""

# --- what is known ------------------------------------------------------------------------------------


def heads(desk: Desk, conversation: bytes) -> tuple[bytes, ...]:
    """Operations (16 bytes each) that nothing follows."""
    return standing.load(desk, conversation).heads


def may_show(
    desk: Desk, conversation: bytes, device: AuthorId, seq: int, known: Sequence[bytes]
) -> bool | None:
    """Does a message of this device count? None: that hangs on what is not here yet."""
    membership, who = standing.load(desk, conversation), desk.world.who_of(device)
    if who is None or not known:
        return False
    if not membership.knows(known):
        tellings.want(desk, conversation, device)
        return None
    if not membership.may_speak(who, device, seq, known):
        return False
    # where the owner has left before this device knew the group, he may come back to it
    return True if conversations.find(desk.views, conversation) is not None else None


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
    datas: list[bytes] = []
    for at in range(0, len(fresh), MAX_NAMED):
        datas.append(_compose(desk, conversation.id, Add(tuple(fresh[at : at + MAX_NAMED]), admin)))
        _apply(desk, conversation.id, datas[-1:])
    for each in datas:
        _say(desk, say, conversation, each)
    tell_all(desk, say, conversation)


def remove(desk: Desk, say: Say, conversation: Conversation, member: bytes) -> None:
    """Take somebody out of a group; he reads nothing that is said after this.

    Raises:
        Refused: the owner is no admin, though he may always leave himself. Missing: he is no member.
    """
    own = desk.world.who
    membership = standing.load(desk, conversation.id)
    if member == own:
        _member_of(desk, conversation)
    else:
        _admin_of(desk, conversation)
    if member not in membership.members:
        raise Missing("This member does not belong to the group.", "See who does: aster group members GROUP")
    data = _compose(desk, conversation.id, Remove(member, _cuts(desk, conversation, member)))
    _say(desk, say, conversation, data)  # while he is in: he learns that he is not any more
    _apply(desk, conversation.id, [data])


def _cuts(desk: Desk, conversation: Conversation, member: bytes) -> tuple[tuple[AuthorId, int], ...]:
    """How far a member's devices have written, former ones too: that stays, what is beyond does not."""
    world = desk.world
    rows = desk.views.execute(
        "SELECT DISTINCT device FROM chat_sessions WHERE conversation = ?", (conversation.id,)
    )
    former = {device for (device,) in rows if world.who_of(device) == member}
    devices = sorted(former.union(world.devices(member)))
    return tuple((device, world.last_sealed(device)) for device in devices[:MAX_CUTS])


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
    membership = standing.load(desk, conversation.id)
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
    if name and len(standing.load(desk, name).operations) >= MAX_OPERATIONS - (
        0 if isinstance(change, Remove) else SPARE_OPERATIONS
    ):
        raise Refused("This group was changed too often to be changed again.", "Make a new group.")
    deps = standing.load(desk, name).heads if name else ()
    salt = desk.chance(operations.SALT_BYTES)
    return operations.compose(name, world.who, world.device, deps, salt, change)


def _apply(desk: Desk, name: bytes, datas: Sequence[bytes]) -> None:
    """Our own operations count at once; where they stand is noted when their entry is signed."""
    for data in datas:
        op = operations.op_id(desk.world.network, data)
        standing.keep(desk, name, op, data, desk.world.device, 0)
    standing.changed(desk, name)


def _say(desk: Desk, say: Say, conversation: Conversation, data: bytes) -> None:
    op = operations.op_id(desk.world.network, data)

    def placed(s: int, index: int, key: int, entry: Entry) -> None:
        desk.views.execute(
            "UPDATE chat_operations SET seq = ? WHERE conversation = ? AND op = ?",
            (entry.seq, conversation.id, op),
        )

    say(desk, conversation, bodies.Change((data,)), placed)


def _found(desk: Desk, name: bytes) -> Conversation:
    conversation = conversations.find(desk.views, name)
    assert conversation is not None
    return conversation
