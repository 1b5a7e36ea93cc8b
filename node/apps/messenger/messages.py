"""Messages as rows: added, found by their words, read, gone. Part of the steps."""

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from node.apps.messenger import bodies
from node.apps.messenger.bodies import Text
from store.entry import Entry
from store.ids import EntryId
from store.search_text import normal_form

if TYPE_CHECKING:
    from node.apps.messenger.desk import Desk
    from store.sqlite.views import ReadViews

MAX_INDEXED: Final = 500
"""Messages that one step makes findable: others of the writer's wait for it."""

INDEX_AFTER_MS: Final = 1_000
"""Words wait so long for more of them."""

_INDEXED: Final = "indexed"

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


class Added(NamedTuple):
    """A message that is to become a row."""

    row: tuple[Any, ...]
    """As in `_COLUMNS`."""
    c: int
    entry: EntryId
    who: bytes


_COLUMNS: Final = (
    "n",
    "c",
    "entry",
    "s",
    "idx",
    "device",
    "who",
    "at_ms",
    "arrived_ms",
    "kind",
    "content",
    "expires_ms",
    "read_ms",
    "gone",
)


_IMPORTED: Final = (
    "ON CONFLICT (entry) DO UPDATE SET s = excluded.s, idx = excluded.idx, device = excluded.device"
)
"""A message that was imported before its entry came: it has its words already."""


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
    """Keep a message that was sent or came; its row. It is there after `keep`."""
    arrived = desk.now_ms
    expires_ms = 0
    if text.expires_s:
        expires_ms = min(entry.time_ms, arrived) + text.expires_s * 1_000
    n = _next_row(desk)
    at_ms = min(entry.time_ms, arrived)
    read_ms = arrived if is_own else 0
    content = bodies.content_of(text)
    place = (n, c, entry.id, s, index, entry.author, who, at_ms, arrived)
    row = (*place, TEXT, content, expires_ms, read_ms, Gone.HELD)
    desk.added.append(Added(row, c, entry.id, who))
    return n


def _next_row(desk: "Desk") -> int:
    if desk.added:
        last: int = desk.added[-1].row[0]
        return last + 1
    [(highest,)] = desk.views.execute("SELECT max(n) FROM chat_messages")
    return (highest or 0) + 1


def keep(desk: "Desk") -> None:
    """Write the rows of what was added."""
    added, views = desk.added, desk.views
    if not added:
        return
    desk.added = []
    views.insert_rows("chat_messages", _COLUMNS, [each.row for each in added], _IMPORTED)
    for c in {each.c for each in added}:
        views.execute("UPDATE chat_conversations SET last_ms = max(last_ms, ?) WHERE c = ?", (desk.now_ms, c))
    if views.execute("SELECT 1 FROM chat_unsent LIMIT 1"):
        for each in added:
            if views.execute(
                "DELETE FROM chat_unsent WHERE entry = ? AND who = ? RETURNING 1", (each.entry, each.who)
            ):
                forget(desk, [each.row[0]], Gone.UNSENT)


def index(desk: "Desk") -> bool:
    """Make some messages that came lately findable by their words; True: there are more.

    It is a fifth of what a message costs, so it is done a moment later, and before somebody searches.
    """
    keep(desk)
    mark = indexed_up_to(desk.views)
    rows = desk.views.execute(
        "SELECT n, kind, content, gone FROM chat_messages WHERE n > ? ORDER BY n LIMIT ?", (mark, MAX_INDEXED)
    )
    if not rows:
        return False
    found = []
    for n, kind, content, gone in rows:
        text = bodies.text_of_content(content) if kind == TEXT and not gone else None
        if text is not None:
            words = " ".join((text.text, *(attachment.name for attachment in text.attachments)))
            found.append((n, normal_form(words)))
    for row in found:
        desk.views.execute("INSERT OR REPLACE INTO chat_words (rowid, words) VALUES (?, ?)", row)
    desk.views.execute(
        "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)", (_INDEXED, rows[-1][0].to_bytes(8, "big"))
    )
    return len(rows) == MAX_INDEXED


def indexed_up_to(views: "ReadViews") -> int:
    """The row up to which messages can be found by their words."""
    rows = views.execute("SELECT value FROM chat_notes WHERE name = ?", (_INDEXED,))
    return int.from_bytes(rows[0][0], "big") if rows else 0


def forget(desk: "Desk", rows: Sequence[int], why: Gone) -> None:
    """Take the words of messages away; the lines stay, and say why."""
    keep(desk)
    for n in rows:
        desk.views.execute("UPDATE chat_messages SET gone = ?, content = X'' WHERE n = ?", (why, n))
        desk.views.execute("DELETE FROM chat_words WHERE rowid = ?", (n,))
        desk.views.execute(
            "INSERT OR IGNORE INTO chat_dropping SELECT entry FROM chat_messages WHERE n = ?"
            " AND entry IS NOT NULL",
            (n,),
        )


def unsent(desk: "Desk", entries: Sequence[EntryId], who: bytes) -> None:
    """A person takes messages of his back. Those of others stay."""
    keep(desk)
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
