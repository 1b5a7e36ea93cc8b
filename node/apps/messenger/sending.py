"""Sending: a message becomes one entry of the `sealed` log. Part of the steps.

The ratchet, the entry and the line in the conversation are one transaction: no key is ever used for two
different messages, not even after a crash between any two moments.
"""

from collections.abc import Callable, Sequence
from typing import Final

from node.apps.messenger import bodies, conversations, groups, people, receipts, sessions
from node.apps.messenger.bodies import Attachment, Payload, Text
from node.apps.messenger.conversations import Conversation, Kind
from node.apps.messenger.desk import Desk
from node.apps.messenger.messages import add_text
from node.apps.messenger.sessions import Outgoing
from node.errors import BadData, Refused, TextTooLarge
from node.secrecy import padding
from store.entry import Entry
from store.ids import LOG_SEALED, EntryId

MAX_UNSENT: Final = 64
"""Messages that one entry takes back."""

Told = Callable[[int, Entry], None]
"""Called with the row of the message and its entry once both are there."""


def send_text(desk: Desk, conversation: Conversation, text: Text, told: Told | None = None) -> None:
    """Send a message to all who take part in a conversation.

    Raises:
        Refused: we take no part; or somebody who was verified has other keys now.
        TextTooLarge: it does not fit into one entry.
    """
    if conversation.id not in desk.outgoing:
        _check(desk, conversation)

    def stored(s: int, index: int, key: int, entry: Entry) -> None:
        n = add_text(desk, conversation.c, entry, s, index, desk.world.who, text, is_own=True)
        if told is not None:
            told(n, entry)

    say(desk, conversation, text, stored)


def say(
    desk: Desk,
    conversation: Conversation,
    payload: Payload,
    then: Callable[[int, int, int, Entry], None] | None = None,
) -> None:
    """Have a payload written for all who take part. `then`: with session row, index, key of the entry, entry.

    Raises:
        Refused: we take no part. TextTooLarge: it does not fit into one entry.
    """
    outgoing = desk.outgoing.get(conversation.id)
    if outgoing is None or outgoing.session.sender.index >= sessions.MAX_MESSAGES:
        outgoing = desk.outgoing[conversation.id] = _prepare(desk, conversation)
    try:
        plain = bodies.write_message(outgoing.binding, outgoing.heads, payload)
    except UnicodeEncodeError as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    try:
        padded = padding.pad(plain, padding.MESSAGE_CLASSES)
    except ValueError as error:
        raise TextTooLarge(
            f"A message has at most {padding.MESSAGE_CLASSES[-1] - 64} bytes in UTF-8.",
            "Send it as a file: aster chat send MEMBER --file PATH",
        ) from error
    s, sender = outgoing.session
    index = sender.index
    sealed = sender.encrypt(padded)

    def noted(key: int, entry: Entry) -> None:
        if then is not None:
            then(s, index, key, entry)

    desk.write(
        LOG_SEALED, lambda salt: bodies.compose_sealed(sender.tag, sealed, _blobs(payload), salt), noted
    )


def _check(desk: Desk, conversation: Conversation) -> None:
    """See that the owner may write, and note what he has to be told before. Raises: Refused."""
    if conversation.kind is Kind.DIRECT:
        assert conversation.other is not None
        if desk.world.is_blocked(conversation.other):
            raise Refused("You blocked this member.", "Take that back first: aster chat unblock MEMBER")
        if conversation.other != desk.world.who:
            people.announce_changes(desk, conversation, [conversation.other])
            people.accept(desk, conversation.other)
    else:
        others = [who for who in conversations.people(desk, conversation) if who != desk.world.who]
        people.announce_changes(desk, conversation, others)
    receipts.open_request(desk, conversation)


def _prepare(desk: Desk, conversation: Conversation) -> Outgoing:
    """The session for the next message, its key on the way to all who take part."""
    world = desk.world
    if world.who not in conversations.people(desk, conversation):
        raise Refused("You are no member of this group any more.", "Somebody of it can invite you again.")
    heads = () if conversation.kind is Kind.DIRECT else groups.heads(desk, conversation.id)
    session = sessions.current(desk, conversation.id, conversations.recipients(desk, conversation))
    return Outgoing(session, bodies.binding(world.network, conversation.id, world.device), heads)


def _blobs(payload: Payload) -> Sequence[tuple[bytes, int]]:
    attachments: Sequence[Attachment] = payload.attachments if isinstance(payload, Text) else ()
    return [(attachment.blob, attachment.size) for attachment in attachments]


def unsend(desk: Desk, conversation: Conversation, entries: Sequence[EntryId]) -> None:
    """Ask all who take part to forget messages of ours; here they are gone at once. Raises: as `say`."""
    for at in range(0, len(entries), MAX_UNSENT):
        say(desk, conversation, bodies.Unsend(tuple(entries[at : at + MAX_UNSENT])))
