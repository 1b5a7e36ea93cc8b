"""What can be asked about messages: conversations, what was said in them, how far it got. Synchronous.

Everything is read from what this home keeps: nothing here is asked of the network. Only the owner of an open
home sees any of it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from node.affairs.census import Census
from node.apps.messenger import people
from node.apps.messenger.conversations import Conversation, Kind, State
from node.errors import BadData, TextTooLarge
from node.federation.names import RootId
from node.federation.safety import safety_number
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.looking import Json, Look
from node.messaging import delivery, finding
from node.messaging.book import Book, live_devices, open_book, show_conversation, show_members
from node.messaging.finding import Place
from node.messaging.progress import Written, show_delivery, show_devices
from node.messaging.shown import COLUMNS, TEXT, Row, excerpt, show_message
from node.quoting import quoted
from node.social.people import find_who
from node.social.searching import excerpt as excerpt_around
from node.store_faults import told_plainly
from store.errors import TooLarge
from store.ids import from_text, to_text
from store.search_text import match_expression
from store.sqlite.views import ReadViews

MAX_UNREAD_SHOWN: Final = 1_000
"""Messages that are shown where no limit is given and so many are unread."""

SEARCH_SHOWN: Final = 20
"""Hits of a search where no limit is given."""


class MessagingQueries:
    """Reading methods about messages over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self.look = look

    # --- conversations --------------------------------------------------------------------------------

    @told_plainly()
    def chat_list(self, requests: bool = False, limit: int | None = None) -> Json:
        """`conversations`, the latest first: those that were accepted, or with `requests` those of strangers.

        `requests`: how many wait; `unread`: messages in what was accepted.
        """
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            waiting = [each for each in book.known if each.state is State.REQUEST]
            others = [each for each in book.known if each.state is not State.REQUEST]
            hidden = [each for each in waiting if each.other is not None and book.is_blocked(each.other)]
            waiting = [each for each in waiting if each not in hidden]
            chosen = (waiting if requests else others)[: _bounded(limit, MAX_SHOWN)]
            [(unread,)] = views.execute(
                "SELECT count(*) FROM chat_messages JOIN chat_conversations USING (c)"
                " WHERE read_ms = 0 AND gone = 0 AND state <> ?",
                (State.REQUEST,),
            )
            return {
                "conversations": [show_conversation(book, views, each) for each in chosen],
                "requests": len(waiting),
                "unread": unread,
            }

    @told_plainly()
    def shown_conversation(self, c: int) -> Json:
        """One conversation by its row, as `chat_list` shows it."""
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            conversation = book.at(c)
            assert conversation is not None
            return show_conversation(book, views, conversation)

    # --- messages -------------------------------------------------------------------------------------

    def chat_read(
        self,
        chat: str,
        unread: bool = False,
        before: str | None = None,
        limit: int | None = None,
        follow: bool = False,
    ) -> Iterator[Json]:
        """Messages of a conversation, oldest first: the newest, or with `unread` those not read yet.

        Where no limit is given and more is unread, that is shown too. `follow` is a running node's to do.
        Raises: as `find_conversation`; BadData, Missing: `before` is no message of it.
        """
        with told_plainly():
            found = self._page(chat, unread, before, limit)
        yield from found

    def _page(self, chat: str, unread: bool, before: str | None, limit: int | None) -> list[Json]:
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            conversation = finding.find_conversation(self.look, book.known, chat)
            condition, values = "c = ?", [conversation.c]
            if unread:
                condition += " AND read_ms = 0 AND gone = 0"
            if before is not None:
                place = finding.find_message(views, before)
                if place.c != conversation.c:
                    raise BadData(
                        f"The message {quoted(before)} is of another conversation.",
                        "Give the first id of the last page.",
                    )
                condition += " AND (at_ms, n) < (?, ?)"
                values += [place.at_ms, place.n]
            rows = views.execute(
                f"SELECT {COLUMNS} FROM chat_messages WHERE {condition} ORDER BY at_ms DESC, n DESC LIMIT ?",
                (*values, self._amount(views, conversation, limit, before)),
            )
            return [self._shown(views, book, Row(*row)) for row in reversed(rows)]

    def _amount(
        self, views: ReadViews, conversation: Conversation, limit: int | None, before: str | None
    ) -> int:
        """How many messages are shown."""
        if limit is not None or before is not None:
            return _bounded(limit, DEFAULT_SHOWN)
        [(oldest, oldest_n)] = views.execute(
            "SELECT at_ms, min(n) FROM (SELECT at_ms, n FROM chat_messages WHERE c = ? AND read_ms = 0"
            " AND gone = 0 ORDER BY at_ms, n LIMIT 1)",
            (conversation.c,),
        )
        if oldest is None:
            return DEFAULT_SHOWN
        rows = views.execute(
            "SELECT count(*) FROM chat_messages WHERE c = ? AND (at_ms, n) >= (?, ?)",
            (conversation.c, oldest, oldest_n),
        )
        return min(max(int(rows[0][0]), DEFAULT_SHOWN), MAX_UNREAD_SHOWN)

    @told_plainly()
    def last_row(self) -> int:
        """The row of the message that was kept last; 0: none. Rows ascend in the order of arrival."""
        with self.look.home.entries.views() as views:
            [(last,)] = views.execute("SELECT coalesce(max(n), 0) FROM chat_messages")
            row: int = last
            return row

    @told_plainly()
    def messages_after(
        self, n: int, c: int | None = None, *, own: bool = True, limit: int = DEFAULT_SHOWN
    ) -> list[Json]:
        """What was kept after row `n`, as it arrived: in all conversations, or in the one of row `c`.

        `own`: the owner's messages too, and notices. Requests of strangers only where `c` is given. What was
        imported did not arrive: it is left out.
        """
        condition = f"n > ? AND (s IS NOT NULL OR kind <> {TEXT})"
        values: list[object] = [n]
        if c is not None:
            condition += " AND c = ?"
            values.append(c)
        else:
            condition += f" AND c IN (SELECT c FROM chat_conversations WHERE state <> {int(State.REQUEST)})"
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            if not own:
                condition += " AND who <> ? AND kind = ?"
                values += [book.me, TEXT]
            rows = views.execute(
                f"SELECT {COLUMNS} FROM chat_messages WHERE {condition} ORDER BY n LIMIT ?", (*values, limit)
            )
            return [self._shown(views, book, Row(*row)) for row in rows]

    @told_plainly()
    def chat_show(self, id: str) -> Json:
        """One message with everything that is known: `devices` for which it is, and what each said."""
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            row = _row(views, finding.find_message(views, id).n)
            conversation = book.at(row.c)
            assert conversation is not None
            written = Written(row, conversation, self.look.now_ms())
            return {
                **self._shown(views, book, row),
                "devices": show_devices(views, book, written) if row.who == book.me else [],
            }

    @told_plainly()
    def shown_row(self, n: int) -> Json:
        """One message by its row, as `chat_read` shows it."""
        with self.look.home.entries.views() as views:
            return self._shown(views, open_book(self.look, views), _row(views, n))

    @told_plainly()
    def message(self, text: str) -> Place:
        """The row of the message whose id is or begins with `text`. Raises: BadData, Missing, Ambiguous."""
        with self.look.home.entries.views() as views:
            return finding.find_message(views, text)

    @staticmethod
    def reached(message: Json, wanted: str) -> bool:
        """Is an own message, as shown, so far or further? `wanted`: one of `delivery.STATES`."""
        shown = message["delivery"]
        return shown is not None and delivery.reached(shown["state"], wanted)

    def _shown(self, views: ReadViews, book: Book, row: Row) -> Json:
        """A message in its conversation; an own one with how far it has got."""
        conversation = book.at(row.c)
        assert conversation is not None
        shown = show_message(row, conversation.id, book.name(conversation), book.names, book.me)
        if row.kind != TEXT:
            return shown
        own = row.who == book.me
        written = Written(row, conversation, self.look.now_ms())
        return {
            **shown,
            "answers": self._answered(views, book, shown),
            "delivery": show_delivery(views, book, written) if own else None,
        }

    def _answered(self, views: ReadViews, book: Book, shown: Json) -> Json | None:
        """The message that one answers, in a line, where it is here and in the same conversation."""
        if not shown.get("reply_to"):
            return None
        rows = views.execute(
            f"SELECT {COLUMNS} FROM chat_messages WHERE entry = ?", (from_text(shown["reply_to"]),)
        )
        if not rows or Row(*rows[0]).kind != TEXT:
            return None
        answered = Row(*rows[0])
        conversation = book.at(answered.c)
        if conversation is None or finding.conversation_text(conversation.id) != shown["conversation"]:
            return None
        other = show_message(answered, conversation.id, "", book.names, book.me)
        return {"id": other["id"], "name": other["name"], "text": excerpt(other)}

    # --- words ----------------------------------------------------------------------------------------

    def chat_search(
        self,
        words: str,
        chat: str | None = None,
        who: str | None = None,
        since_ms: int | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Messages with all of these words, the newest first. In this home's own plaintext alone.

        Raises: BadData: nothing to search for. TextTooLarge; Missing, Ambiguous: as they say.
        """
        with told_plainly():
            found = self._hits(_expression(words), words, chat, who, since_ms, before, limit)
        yield from found

    def _hits(
        self,
        expression: str,
        words: str,
        chat: str | None,
        who: str | None,
        since_ms: int | None,
        before: str | None,
        limit: int | None,
    ) -> list[Json]:
        condition, values = "at_ms >= ? AND gone = 0 AND kind = ?", [since_ms or 0, TEXT]
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            bound: list[object] = [expression, *values]
            if chat is not None:
                condition += " AND c = ?"
                bound.append(finding.find_conversation(self.look, book.known, chat).c)
            if who is not None:
                condition += " AND who = ?"
                bound.append(find_who(self.look, who))
            if before is not None:
                place = finding.find_message(views, before)
                condition += " AND (at_ms, n) < (?, ?)"
                bound += [place.at_ms, place.n]
            rows = views.execute(
                f"SELECT {COLUMNS} FROM chat_messages"
                " WHERE n IN (SELECT rowid FROM chat_words WHERE chat_words MATCH ?)"
                f" AND {condition} ORDER BY at_ms DESC, n DESC LIMIT ?",
                (*bound, _bounded(limit, SEARCH_SHOWN)),
            )
            shown = [self._shown(views, book, Row(*row)) for row in rows]
        return [{**each, "excerpt": excerpt_around(each["text"], words) or excerpt(each)} for each in shown]

    # --- people and groups ----------------------------------------------------------------------------

    @told_plainly()
    def chat_verify(self, who: str) -> Json:
        """The safety number with somebody; `verified`: it was compared; `changed`: with other keys than now.

        Raises: BadData: it is the owner himself. Missing, Ambiguous: as they say.
        """
        target = self.person(who)
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            if target == book.me:
                raise BadData("A safety number is of two people.", "Name the other one.")
            census, known = book.sight.census, people.find(views, target)
        root = root_of(census, target)
        verified = None if known is None else known.verified
        return {
            **book.person(target),
            "number": safety_number(self.look.home.network, RootId(root_of(census, book.me)), RootId(root)),
            "root": to_text(root),
            "verified": verified == root,
            "changed": verified is not None and verified != root,
            "devices": [book.device(device) for device in live_devices(census, target)],
        }

    def person(self, text: str) -> bytes:
        """The one person whom a name or an id stands for, 32 bytes. Raises: Missing, Ambiguous, BadData."""
        return find_who(self.look, text)

    @told_plainly()
    def target(self, text: str) -> bytes | Conversation:
        """Whom a message is for: a person (32 bytes), or a conversation. Raises: as `find_target`."""
        with self.look.home.entries.views() as views:
            return finding.find_target(self.look, finding.conversations_of(views), text)

    @told_plainly()
    def conversation(self, text: str) -> Conversation:
        """The conversation that a text stands for. Raises: Missing, Ambiguous, BadData."""
        with self.look.home.entries.views() as views:
            return finding.find_conversation(self.look, finding.conversations_of(views), text)

    @told_plainly()
    def group(self, text: str) -> Conversation:
        """The group that a title or an id stands for. Raises: Missing, Ambiguous, BadData."""
        with self.look.home.entries.views() as views:
            return finding.find_group(finding.conversations_of(views), text)

    def people(self, texts: Sequence[str]) -> list[bytes]:
        """As `person`, of each, without repetition. Raises: as `person`."""
        return list(dict.fromkeys(map(self.person, texts)))

    @told_plainly()
    def group_list(self) -> Json:
        """`groups`, the latest first; those that were left too."""
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            groups = [each for each in book.known if each.kind is Kind.GROUP]
            return {"groups": [show_conversation(book, views, each) for each in groups]}

    @told_plainly()
    def group_members(self, group: str) -> Json:
        """A group with its `people`: admins first. Raises: Missing, Ambiguous, BadData."""
        with self.look.home.entries.views() as views:
            book = open_book(self.look, views)
            found = finding.find_group(book.known, group)
            return {
                **show_conversation(book, views, found),
                "people": show_members(book, views, found),
            }


def root_of(census: Census | None, who: bytes) -> bytes:
    """The root key that speaks for somebody now; himself in a circle, or where nothing else is known."""
    member = None if census is None else census.members.get(RootId(who))
    return who if member is None else member.root


def _row(views: ReadViews, n: int) -> Row:
    [row] = views.execute(f"SELECT {COLUMNS} FROM chat_messages WHERE n = ?", (n,))
    return Row(*row)


def _bounded(limit: int | None, usual: int) -> int:
    return usual if limit is None else min(limit, MAX_SHOWN)


def _expression(words: str) -> str:
    """What is asked of the index. Raises: BadData, TextTooLarge."""
    try:
        expression = match_expression(words)
    except TooLarge as error:
        raise TextTooLarge(f"The search is too long: {error}.", "Use fewer words.") from error
    if expression is None:
        raise BadData(
            f"There is nothing in {quoted(words)} to search for.", "A search has letters or digits."
        )
    return expression
