"""What the tables say of how far own messages have got. Synchronous.

What is made of that: `node.messaging.delivery`.
"""

from typing import NamedTuple

from node.apps.messenger.conversations import QUIET_DEVICES, Conversation, Kind
from node.looking import Json
from node.messaging import delivery
from node.messaging.book import Book
from node.messaging.delivery import Progress, Share
from node.messaging.shown import Row
from store.ids import AuthorId
from store.sqlite.views import ReadViews


class Written(NamedTuple):
    """An own message, as far as its delivery is concerned."""

    row: Row
    conversation: Conversation
    now_ms: int


def read_progress(views: ReadViews, book: Book, written: Written) -> Progress:
    """What is known of an own message that this device has written."""
    row, conversation = written.row, written.conversation
    receipts = {
        device: (delivered_ms, read_ms)
        for device, delivered_ms, read_ms in views.execute(
            "SELECT device, delivered_ms, read_ms FROM chat_receipts WHERE n = ?", (row.n,)
        )
    }
    shares = {
        device: (tries > 0, got_ms)
        for device, tries, got_ms in views.execute(
            "SELECT device, tries, got_ms FROM chat_shares WHERE s = ? AND from_index <= ?", (row.s, row.idx)
        )
    }
    found = tuple(
        Share(
            AuthorId(device),
            book.names.bearer(AuthorId(device)),
            *shares.get(device, (True, 0)),
            *receipts.get(device, (0, 0)),
        )
        for device in sorted({*shares, *receipts})
    )
    went = views.execute("SELECT peers, hubs FROM chat_progress WHERE n = ?", (row.n,))
    peers, hubs = went[0] if went else (0, 0)
    return Progress(
        found,
        peers,
        hubs,
        is_told=len(found) < QUIET_DEVICES,
        is_direct=conversation.kind is Kind.DIRECT,
        is_to_self=conversation.other == book.me,
        age_ms=written.now_ms - row.at_ms,
    )


def show_delivery(views: ReadViews, book: Book, written: Written) -> Json | None:
    """How far an own message has got; None where this device did not write it and so does not know."""
    if not is_known_here(views, written.row):
        return None
    progress = read_progress(views, book, written)
    people = {share.who: book.names.of_bearer(share.who) for share in progress.shares}
    return delivery.show(progress, book.me, people)


def show_devices(views: ReadViews, book: Book, written: Written) -> list[Json]:
    """Each device for which an own message is, and what it has said."""
    if not is_known_here(views, written.row):
        return []
    return [
        {
            **book.device(share.device),
            "own": share.who == book.me,
            "state": share.state,
            "delivered_ms": share.delivered_ms or None,
            "read_ms": share.read_ms or None,
        }
        for share in read_progress(views, book, written).shares
    ]


def is_known_here(views: ReadViews, row: Row) -> bool:
    """Was a message written on this device, and not imported?"""
    return row.s is not None and bool(
        views.execute("SELECT 1 FROM chat_senders WHERE s = ?", (row.s,))
        or views.execute("SELECT 1 FROM chat_receipts WHERE n = ? LIMIT 1", (row.n,))
    )
