"""How a group stands here: its operations in rows, and the rows that follow from them. Part of the steps."""

from node.apps.messenger import conversations, operations, people, receipts
from node.apps.messenger.conversations import Conversation, Kind, Notice, State
from node.apps.messenger.desk import Desk
from node.apps.messenger.membership import Membership, Placed
from store.ids import AuthorId


def load(desk: Desk, conversation: bytes) -> Membership:
    """A group as all its operations here make it."""
    if conversation not in desk.groups:
        desk.groups[conversation] = fold(desk, conversation, _rows(desk, conversation))
    return desk.groups[conversation]


def fold(desk: Desk, conversation: bytes, rows: list[tuple[bytes, int]]) -> Membership:
    """A group as these operations, each with its seq, would make it."""
    found = ((operations.parse(desk.world.network, data), seq) for data, seq in rows)
    return Membership(conversation, [Placed(each, seq) for each, seq in found if each is not None])


def load_with(desk: Desk, conversation: bytes, rows: list[tuple[bytes, int]]) -> Membership:
    """A group as all its operations here and these would make it."""
    return fold(desk, conversation, [*_rows(desk, conversation), *rows])


def _rows(desk: Desk, conversation: bytes) -> list[tuple[bytes, int]]:
    rows = desk.views.execute(
        "SELECT bytes, seq FROM chat_operations WHERE conversation = ? ORDER BY op", (conversation,)
    )
    return [(data, seq) for data, seq in rows]


def is_in(desk: Desk, conversation: bytes) -> bool:
    """Does the owner of this home belong to the group, as far as is known here?"""
    return desk.world.who in load(desk, conversation).members


def keep(
    desk: Desk,
    conversation: bytes,
    op: bytes,
    data: bytes,
    device: AuthorId,
    seq: int,
    told_by: AuthorId | None = None,
) -> None:
    """Keep an operation. What its own author shows of its place counts more than what others tell."""
    conflict = (
        "DO NOTHING"
        if told_by
        else "DO UPDATE SET seq = iif(told_by IS NULL, min(seq, excluded.seq), excluded.seq), told_by = NULL"
    )
    desk.views.execute(
        f"INSERT INTO chat_operations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (conversation, op) {conflict}",
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
        _accept_invited(desk, membership, before)
        if before:
            _note_changes(desk, conversation, membership, before)
    _retitle(desk, conversation, membership)
    _set_state(desk, conversation, is_in=own in membership.members)
    desk.regroup()


def _enter(desk: Desk, name: bytes, membership: Membership) -> Conversation:
    own = desk.world.who
    by = membership.brought_by(own)
    is_stranger = by is not None and by != own and people.is_stranger(desk, by)
    is_blocked = by is not None and by != own and desk.world.is_blocked(by)
    state = State.REQUEST if is_stranger or is_blocked else State.OPEN
    conversation = conversations.add(desk, name, Kind.GROUP, state, by=None if by == own else by)
    first = membership.operations[0].operation.author
    conversations.note(desk, conversation.c, Notice.MADE, first, [first])
    if by is not None and by != first:
        conversations.note(desk, conversation.c, Notice.ADDED, own, [own, by])
    return conversation


def _accept_invited(desk: Desk, membership: Membership, before: dict[bytes, bool]) -> None:
    """Whom the owner brought into a group is no stranger, on whichever device of his he did it."""
    own = desk.world.who
    for who in sorted(membership.members.keys() - before.keys() - {own}):
        if membership.brought_by(who) != own:
            continue
        people.accept(desk, who)
        direct = conversations.find(desk.views, conversations.direct_id(desk.world.network, own, who))
        if direct is not None:
            receipts.open_request(desk, direct)


def _note_changes(
    desk: Desk, conversation: Conversation, membership: Membership, before: dict[bytes, bool]
) -> None:
    c, after = conversation.c, membership.members
    for who in sorted(after.keys() - before.keys()):
        by = membership.brought_by(who)
        conversations.note(desk, c, Notice.ADDED, who, _pair(who, by))
    for who in sorted(before.keys() - after.keys()):
        by = membership.removed_by(who)
        if by == who:
            conversations.note(desk, c, Notice.LEFT, who, [who])
        else:
            conversations.note(desk, c, Notice.REMOVED, who, _pair(who, by))
    for who in sorted(after.keys() & before.keys()):
        if after[who] and not before[who]:
            conversations.note(desk, c, Notice.PROMOTED, who, _pair(who, membership.raised_by(who)))


def _pair(who: bytes, by: bytes | None) -> list[bytes]:
    """What a notice names: whom, and who did it where somebody did."""
    return [who] if by is None else [who, by]


def _retitle(desk: Desk, conversation: Conversation, membership: Membership) -> None:
    title = membership.title
    if title != conversation.title:
        desk.views.execute("UPDATE chat_conversations SET title = ? WHERE c = ?", (title, conversation.c))
        if conversation.title:
            by = membership.named_by
            conversations.note(desk, conversation.c, Notice.RENAMED, by, [title, by])


def _set_state(desk: Desk, conversation: Conversation, *, is_in: bool) -> None:
    if not is_in and conversation.state is not State.LEFT:
        conversations.set_state(desk, conversation.c, State.LEFT)
    elif is_in and conversation.state is State.LEFT:
        conversations.set_state(desk, conversation.c, State.OPEN)
