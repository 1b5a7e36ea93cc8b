"""Messages and conversations as doors hand them out: values ready for JSON. Pure.

What people wrote is in `text`. A line of this home's own (`kind` is "notice") says in `text` what happened,
and in `notice` what that was. Keys of attachments are never handed out.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from node.apps.messenger.bodies import Attachment, Text, text_of_content
from node.apps.messenger.conversations import Notice
from node.messaging.finding import conversation_text
from node.naming import Names
from store.codec import decode
from store.errors import StoreError
from store.ids import ID_BYTES, AuthorId, to_text

Json = dict[str, Any]

TEXT: Final = 1
"""`chat_messages.kind` of what people say."""

EXCERPT_CHARS: Final = 80
"""Of a message that stands beside another one, or in a list."""

GONE: Final = ("", "unsent", "deleted", "expired")
"""Why a message is shown without its words; by `chat_messages.gone`."""

MAX_NOTICE_BYTES: Final = 4_096
_NOTICE_ITEMS: Final = 8

COLUMNS: Final = (
    "n, c, entry, s, idx, device, who, at_ms, arrived_ms, kind, content, expires_ms, read_ms, gone"
)


class Row(NamedTuple):
    """A row of `chat_messages`."""

    n: int
    c: int
    entry: bytes | None
    s: int | None
    idx: int | None
    device: AuthorId
    who: bytes
    at_ms: int
    arrived_ms: int
    kind: int
    content: bytes
    expires_ms: int
    read_ms: int
    gone: int


def show_message(row: Row, conversation: bytes, chat: str, names: Names, me: bytes) -> Json:
    """A message or a notice. `conversation`: 16 bytes; `chat`: what that is called here; `me`: whose home."""
    shown: Json = {
        "n": row.n,
        "id": None if row.entry is None else to_text(row.entry),
        "conversation": conversation_text(conversation),
        "chat": chat,
        "kind": "text" if row.kind == TEXT else "notice",
        "author": to_text(row.device),
        "device_name": names.device(row.device),
        "who": to_text(row.who),
        "name": names.of_bearer(row.who),
        "mine": row.who == me,
        "time_ms": row.at_ms,
        "arrived_ms": row.arrived_ms,
        "expires_ms": row.expires_ms or None,
        "unread": row.read_ms == 0,
        "text": None,
        "gone": GONE[row.gone] or None,
    }
    if row.kind != TEXT:
        return {**shown, **_notice(row, names, me)}
    if row.gone:
        return {**shown, "reply_to": None, "attachments": []}
    said = text_of_content(row.content) or Text("", b"", 0, ())
    return {
        **shown,
        "text": said.text,
        "reply_to": to_text(said.reply_to) if said.reply_to else None,
        "attachments": [show_attachment(each) for each in said.attachments],
    }


def show_attachment(attachment: Attachment) -> Json:
    """What is told of an attachment: no key."""
    return {
        "blob": to_text(attachment.blob),
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.plain_size,
    }


def excerpt(message: Json) -> str:
    """A message in a line: the beginning of its text, else the names of its files, else why it is gone."""
    if message["gone"]:
        return f"({message['gone']})"
    flat = " ".join((message["text"] or "").split())
    if not flat:
        flat = ", ".join(each["name"] for each in message.get("attachments", ()))
    return flat if len(flat) <= EXCERPT_CHARS else flat[: EXCERPT_CHARS - 1] + "…"


# --- notices ----------------------------------------------------------------------------------------


class _Told:
    """The values of a notice, each as what it should be; what is missing or foreign is shown as unknown."""

    def __init__(self, values: Sequence[Any], names: Names, me: bytes) -> None:
        self._values = values
        self._names = names
        self._me = me

    def who(self, at: int) -> str:
        """A person by name."""
        value = self.id(at)
        if value is None:
            return "somebody"
        return "you" if value == self._me else self._names.of_bearer(value)

    def id(self, at: int) -> bytes | None:
        """32 bytes."""
        value = self._values[at] if at < len(self._values) else None
        return value if isinstance(value, bytes) and len(value) == ID_BYTES else None

    def device(self, at: int) -> str:
        """A device as its owner calls it, else by its id."""
        value = self.id(at)
        if value is None:
            return "a device"
        return self._names.device(AuthorId(value)) or to_text(value)[:10]

    def owner(self, at: int) -> str:
        """The person to whom a device belongs, by name."""
        value = self.id(at)
        if value is None:
            return "somebody"
        who = self._names.bearer(AuthorId(value))
        return "you" if who == self._me else self._names.of_bearer(who)

    def text(self, at: int) -> str:
        """A text."""
        value = self._values[at] if at < len(self._values) else None
        return value if isinstance(value, str) else ""

    def count(self, at: int) -> int:
        """A number."""
        value = self._values[at] if at < len(self._values) else None
        return value if type(value) is int else 0


def _did(told: _Told, at: int, did: str) -> str:
    """Who did something, as far as that is known: else that it was done."""
    return f"{told.who(at)} {did} " if told.id(at) else f"{did.capitalize()}: "


_LINES: Final[dict[Notice, tuple[str, Callable[[_Told], str]]]] = {
    Notice.RENEWED: (
        "renewed",
        lambda told: (
            f"The session with {told.device(0)} ({told.owner(0)}) is renewed: its state was lost on one side."
            " Messages in between may not be readable."
        ),
    ),
    Notice.DEVICE: ("device", lambda told: f"New device: {told.device(1)} ({told.who(0)})."),
    Notice.DEVICE_GONE: (
        "device-gone",
        lambda told: f"Device gone: {told.device(1)} ({told.who(0)}). Nothing more is sent to it.",
    ),
    Notice.KEYS: (
        "keys",
        lambda told: f"New keys: {told.who(0)}. Compare your numbers to be sure whose they are.",
    ),
    Notice.ADDED: ("added", lambda told: f"{told.who(1)} added {told.who(0)}."),
    Notice.REMOVED: ("removed", lambda told: f"{_did(told, 1, 'removed')}{told.who(0)}."),
    Notice.RENAMED: ("renamed", lambda told: f"{_did(told, 1, 'named')}the group “{told.text(0)}”."),
    Notice.MADE: ("made", lambda told: f"{told.who(0)} made this group."),
    Notice.LEFT: ("left", lambda told: f"{told.who(0)} left."),
    Notice.PROMOTED: (
        "promoted",
        lambda told: (
            f"{told.who(1)} made {told.who(0)} an admin." if told.id(1) else f"Admin now: {told.who(0)}."
        ),
    ),
    Notice.HISTORY: ("history", lambda told: f"Earlier messages from {told.device(0)}: {told.count(1):,}."),
    Notice.TOO_MANY: (
        "too-many",
        lambda told: f"Messages that were not kept, because the request holds enough: {told.count(0):,}.",
    ),
}


def _notice(row: Row, names: Names, me: bytes) -> Json:
    """What a line of this home's own says."""
    try:
        values = decode(row.content, MAX_NOTICE_BYTES, _NOTICE_ITEMS)
        what, line = _LINES[Notice(row.kind)]
    except (StoreError, ValueError):
        return {"notice": "unknown", "text": "Something happened that this version does not know."}
    text = line(_Told(values if isinstance(values, tuple) else (), names, me))
    return {"notice": what, "text": f"You{text[3:]}" if text.startswith("you ") else text}
