"""Messages as rows: added, found by their words, read, gone. Part of the steps."""

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from node.apps.messenger import bodies
from node.apps.messenger.bodies import Text
from store.entry import Entry
from store.ids import EntryId
from store.search_text import normal_form

if TYPE_CHECKING:
    from node.apps.messenger.desk import Desk

TEXT: Final = 1
"""`chat_messages.kind` of what people say."""


class Gone(IntEnum):
    """Why a message is shown without its words."""

    HELD = 0
    UNSENT = 1
    """By its author, for everyone."""
    DELETED = 2
    """By the owner of this home, here."""
    EXPIRED = 3


def add_text(
    desk: "Desk",
    c: int,
    entry: Entry,
    s: int,
    index: int,
    who: bytes,
    text: Text,
    *,
    is_own: bool,
) -> int:
    """Keep a message that was sent or came; its row."""
    arrived = desk.now_ms
    expires_ms = 0
    if text.expires_s:
        expires_ms = min(entry.time_ms, arrived) + text.expires_s * 1_000
    [(n,)] = desk.views.execute(
        "INSERT INTO chat_messages (c, entry, s, idx, device, who, at_ms, arrived_ms, kind, content,"
        " expires_ms, read_ms, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING n",
        (
            c,
            entry.id,
            s,
            index,
            entry.author,
            who,
            min(entry.time_ms, arrived),
            arrived,
            TEXT,
            bodies.content_of(text),
            expires_ms,
            arrived if is_own else 0,
        ),
    )
    words = " ".join((text.text, *(attachment.name for attachment in text.attachments)))
    desk.views.execute("INSERT INTO chat_words (rowid, words) VALUES (?, ?)", (n, normal_form(words)))
    desk.views.execute("UPDATE chat_conversations SET last_ms = max(last_ms, ?) WHERE c = ?", (arrived, c))
    if desk.views.execute("DELETE FROM chat_unsent WHERE entry = ? AND who = ? RETURNING 1", (entry.id, who)):
        forget(desk, [n], Gone.UNSENT)
    row: int = n
    return row


def forget(desk: "Desk", rows: Sequence[int], why: Gone) -> None:
    """Take the words of messages away; the lines stay, and say why."""
    for n in rows:
        desk.views.execute("UPDATE chat_messages SET gone = ?, content = X'' WHERE n = ?", (why, n))
        desk.views.execute("DELETE FROM chat_words WHERE rowid = ?", (n,))


def unsent(desk: "Desk", entries: Sequence[EntryId], who: bytes) -> None:
    """A person takes messages of his back. Those of others stay."""
    for entry in entries:
        rows = desk.views.execute(
            "SELECT n FROM chat_messages WHERE entry = ? AND who = ? AND gone = 0", (entry, who)
        )
        forget(desk, [n for (n,) in rows], Gone.UNSENT)
        if not desk.views.execute("SELECT 1 FROM chat_messages WHERE entry = ?", (entry,)):
            desk.views.execute("INSERT OR IGNORE INTO chat_unsent VALUES (?, ?)", (entry, who))


def expire(desk: "Desk") -> None:
    """Take away what was to disappear by now."""
    rows = desk.views.execute(
        "SELECT n FROM chat_messages WHERE expires_ms > 0 AND expires_ms <= ? AND gone = 0", (desk.now_ms,)
    )
    forget(desk, [n for (n,) in rows], Gone.EXPIRED)
