"""All conversations of a home at one moment, with the names and choices to show them by. Synchronous."""

from typing import Final, NamedTuple

from node.affairs.census import Census
from node.apps.messenger.conversations import Conversation, Kind, State
from node.federation.views import Standing
from node.looking import Json, Look
from node.messaging.finding import conversation_text, conversations_of, title_of, titles_of
from node.messaging.shown import COLUMNS, TEXT, Row, excerpt, show_message
from node.naming import Names
from node.social.choosing import Sight, look_around
from node.social.people import devices_of
from store.ids import AuthorId, to_text
from store.sqlite.choices import BLOCK, WHO
from store.sqlite.views import ReadViews

STATES: Final = {State.REQUEST: "request", State.OPEN: "open", State.LEFT: "left"}
KINDS: Final = {Kind.DIRECT: "direct", Kind.GROUP: "group"}


class Book(NamedTuple):
    """What is the same for everything that one question shows."""

    sight: Sight
    known: list[Conversation]
    """Those with the latest messages first."""
    titles: Names
    """Of groups."""

    @property
    def names(self) -> Names:
        """Of people."""
        return self.sight.names

    @property
    def me(self) -> bytes:
        """The owner, 32 bytes."""
        return self.sight.me

    def name(self, conversation: Conversation) -> str:
        """What a conversation is called here."""
        if conversation.kind is Kind.GROUP:
            return title_of(self.titles, conversation)
        return self.names.of_bearer(conversation.other or b"")

    def at(self, c: int) -> Conversation | None:
        """A conversation by its row."""
        return next((each for each in self.known if each.c == c), None)

    def is_blocked(self, who: bytes) -> bool:
        """Does the owner block this person?"""
        if self.sight.chosen.get((WHO, who)) == BLOCK:
            return True
        return any(map(self.sight.blocks, devices_of(self.sight.census, who)))

    def person(self, who: bytes) -> Json:
        """A person as answers name him: `who`, `name`."""
        return {"who": to_text(who), "name": self.names.of_bearer(who)}

    def device(self, device: bytes) -> Json:
        """A device as answers name it: `device`, `device_name`, and its person."""
        owner = self.names.bearer(AuthorId(device))
        return {
            "device": to_text(device),
            "device_name": self.names.device(AuthorId(device)),
            **self.person(owner),
        }


def open_book(look: Look, views: ReadViews) -> Book:
    """The conversations as they are now."""
    known = conversations_of(views)
    return Book(look_around(look), known, titles_of(known))


def show_conversation(book: Book, views: ReadViews, conversation: Conversation) -> Json:
    """A conversation in a list: what it is, what is unread, what was said last."""
    other, by = conversation.other, conversation.by
    [(unread,)] = views.execute(
        "SELECT count(*) FROM chat_messages WHERE c = ? AND read_ms = 0 AND gone = 0", (conversation.c,)
    )
    [(last_ms,)] = views.execute("SELECT last_ms FROM chat_conversations WHERE c = ?", (conversation.c,))
    return {
        "conversation": conversation_text(conversation.id),
        "kind": KINDS[conversation.kind],
        "name": book.name(conversation),
        "state": STATES[conversation.state],
        "who": None if other is None else to_text(other),
        "self": other == book.me,
        "blocked": other is not None and book.is_blocked(other),
        "by": None if by is None else book.person(by),
        "members": count_members(views, conversation),
        "unread": unread,
        "last_ms": last_ms,
        "last": _last(book, views, conversation),
    }


def count_members(views: ReadViews, conversation: Conversation) -> int | None:
    """How many take part in a group; None: it is none."""
    if conversation.kind is not Kind.GROUP:
        return None
    [(count,)] = views.execute("SELECT count(*) FROM chat_members WHERE c = ?", (conversation.c,))
    number: int = count
    return number


def _last(book: Book, views: ReadViews, conversation: Conversation) -> Json | None:
    rows = views.execute(
        f"SELECT {COLUMNS} FROM chat_messages WHERE c = ? AND kind = ? AND gone = 0"
        " ORDER BY at_ms DESC, n DESC LIMIT 1",
        (conversation.c, TEXT),
    )
    if not rows:
        return None
    message = show_message(Row(*rows[0]), conversation.id, "", book.names, book.me)
    return {
        "id": message["id"],
        "name": message["name"],
        "mine": message["mine"],
        "time_ms": message["time_ms"],
        "text": excerpt(message),
    }


def live_devices(census: Census | None, who: bytes) -> list[AuthorId]:
    """The devices that speak for somebody now, ascending."""
    if census is None:
        return [AuthorId(who)]
    return sorted(
        each
        for each in devices_of(census, who)
        if each in census.devices and census.devices[each].standing is Standing.MEMBER
    )


def show_members(book: Book, views: ReadViews, conversation: Conversation) -> list[Json]:
    """Who takes part in a group, admins first, by name."""
    rows = views.execute("SELECT who, admin FROM chat_members WHERE c = ?", (conversation.c,))
    members = [
        {
            **book.person(who),
            "admin": bool(admin),
            "self": who == book.me,
            "blocked": book.is_blocked(who),
            "devices": len(live_devices(book.sight.census, who)),
        }
        for who, admin in rows
    ]
    members.sort(key=lambda each: (not each["admin"], each["name"].casefold(), each["who"]))
    return members
