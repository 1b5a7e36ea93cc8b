"""Messages out of the tables into records, and from records into the tables. Synchronous.

What was read in is read only: it has no session, its entry may never come here. What is there already, was
deleted here, or was taken back by its author stays as it is.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from node.apps.messenger import conversations, people, receipts
from node.apps.messenger.bodies import text_of_content
from node.apps.messenger.conversations import Conversation, Kind, Notice, State
from node.apps.messenger.desk import Desk
from node.home import Home
from node.messaging.archive import BadArchive, Chat, Header, Kept, Record
from store.search_text import normal_form

PAGE: Final = 500
"""Messages that are read, or written in one transaction, at a time: some hundredths of a second."""

_TEXT: Final = 1
_FIRST_NOTICE: Final = 100


class Came(NamedTuple):
    """What came of reading some records in, notices apart."""

    messages: int
    """New here."""
    known: int
    """Here already, or gone for good."""


def count_of(home: Home, *, with_expiring: bool) -> int:
    """How many messages `records` would give, notices apart."""
    with home.entries.views() as views:
        [(count,)] = views.execute(
            "SELECT count(entry) FROM chat_messages WHERE gone = 0 AND (? OR expires_ms = 0)",
            (with_expiring,),
        )
        found: int = count
        return found


def records(home: Home, who: bytes, now_ms: int, *, with_expiring: bool) -> Iterator[Record]:
    """Everything that was said in this home, in the order of arrival. What is deleted meanwhile is left out.

    `with_expiring`: what is to disappear as well; it keeps its time.
    """
    yield Header(home.network, who, now_ms)
    with home.entries.views() as views:
        chats = views.execute(
            "SELECT id, kind, coalesce(other, X''), title, since_ms FROM chat_conversations ORDER BY c"
        )
    yield from (Chat(*row) for row in chats)
    known = {row[0] for row in chats}
    last = 0
    while True:
        with home.entries.views() as views:
            rows = views.execute(
                "SELECT n, id, coalesce(entry, X''), device, who, at_ms, arrived_ms, m.kind, content,"
                " expires_ms, read_ms > 0 FROM chat_messages AS m JOIN chat_conversations USING (c)"
                " WHERE n > ? AND gone = 0 AND (? OR expires_ms = 0) ORDER BY n LIMIT ?",
                (last, with_expiring, PAGE),
            )
        if not rows:
            return
        for n, *values, was_read in rows:
            last = n
            if values[0] in known:
                yield Kept._make([*values, bool(was_read)])


class ReadingIn:
    """Takes the records of one archive in, some at a time, each time in a step of its own."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._rows: dict[bytes, int] = {}
        self._opened: set[int] = set()
        self._own_who = header.who
        self.touched: dict[int, int] = {}
        """Rows of conversations, with how many messages came into each."""

    def check(self, network: bytes, who: bytes, is_federation: bool) -> None:
        """Check that this archive is of this network and this person. Raises: BadArchive.

        In an open circle each device is a person of its own, so who made a new one reads his old messages in.
        """
        if self._header.network != network:
            raise BadArchive("it is of another network")
        if is_federation and self._header.who != who:
            raise BadArchive("it is of another member")

    def take(self, desk: Desk, found: Sequence[Record]) -> Came:
        """Take some records in, after those before them. Raises: BadArchive."""
        new = known = 0
        for record in found:
            match record:
                case Chat():
                    self._rows[record.id] = self._conversation(desk, record)
                case Kept():
                    is_new = self._keep(desk, record)
                    if record.entry:
                        new, known = new + is_new, known + (not is_new)
                case _:
                    continue
        return Came(new, known)

    def note(self, desk: Desk, device: bytes) -> None:
        """Note in each conversation that its history came from another device of the owner's."""
        for c, count in self.touched.items():
            conversations.note(desk, c, Notice.HISTORY, desk.world.who, [device, count])

    def _who(self, desk: Desk, who: bytes) -> bytes:
        """A person as he is called now: the owner may be another device of an open circle."""
        return desk.world.who if who == self._header.who else who

    def _conversation(self, desk: Desk, chat: Chat) -> int:
        found: Conversation | None
        if chat.kind == Kind.DIRECT:
            own, network = self._header.who, desk.world.network
            if chat.id != conversations.direct_id(network, own, chat.other):
                raise BadArchive("a conversation is not what it says")
            other = self._who(desk, chat.other)
            name = conversations.direct_id(network, desk.world.who, other)
            found = conversations.find(desk.views, name)
            if found is None:
                state = State.REQUEST if people.is_stranger(desk, other) else State.OPEN
                found = conversations.add(desk, name, Kind.DIRECT, state, other, by=other)
                self._date(desk, found.c, chat)
            return found.c
        found = conversations.find(desk.views, chat.id)
        if found is None:
            found = conversations.add(desk, chat.id, Kind.GROUP, State.LEFT)
            self._date(desk, found.c, chat)
        return found.c

    def _date(self, desk: Desk, c: int, chat: Chat) -> None:
        desk.views.execute(
            "UPDATE chat_conversations SET title = ?, since_ms = ?, last_ms = ? WHERE c = ?",
            (chat.title, chat.since_ms, chat.since_ms, c),
        )

    def _keep(self, desk: Desk, kept: Kept) -> bool:
        """Keep a message that is not here. False: it is, or may not be any more."""
        c = self._rows.get(kept.conversation)
        if c is None:
            raise BadArchive("a message is of no conversation")
        said = text_of_content(kept.content) if kept.kind == _TEXT else None
        if (said is None) != (kept.kind >= _FIRST_NOTICE) or 0 < kept.expires_ms <= desk.now_ms:
            return False
        who = self._who(desk, kept.who)
        if self._is_known(desk, c, kept, who):
            return False
        [(n,)] = desk.views.execute(
            "INSERT INTO chat_messages (c, entry, device, who, at_ms, arrived_ms, kind, content, expires_ms,"
            " read_ms, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING n",
            (
                c,
                kept.entry or None,
                kept.device,
                who,
                kept.at_ms,
                min(kept.arrived_ms, desk.now_ms),
                kept.kind,
                kept.content,
                kept.expires_ms,
                desk.now_ms if kept.was_read else 0,
            ),
        )
        desk.views.execute(
            "UPDATE chat_conversations SET last_ms = max(last_ms, ?) WHERE c = ?",
            (min(kept.arrived_ms, desk.now_ms), c),
        )
        if said is not None:
            words = " ".join((said.text, *(attachment.name for attachment in said.attachments)))
            desk.views.execute("INSERT INTO chat_words (rowid, words) VALUES (?, ?)", (n, normal_form(words)))
            self.touched[c] = self.touched.get(c, 0) + 1
            if who == desk.world.who:
                self._open(desk, c)
        return True

    def _open(self, desk: Desk, c: int) -> None:
        """Whoever the owner has written to is no stranger."""
        if c in self._opened:
            return
        self._opened.add(c)
        conversation = conversations.at(desk.views, c)
        if conversation is not None and conversation.other not in (None, desk.world.who):
            people.accept(desk, conversation.other)
            receipts.open_request(desk, conversation)

    def _is_known(self, desk: Desk, c: int, kept: Kept, who: bytes) -> bool:
        if not kept.entry:
            return bool(
                desk.views.execute(
                    "SELECT 1 FROM chat_messages WHERE c = ? AND at_ms = ? AND kind = ? AND content = ?",
                    (c, kept.at_ms, kept.kind, kept.content),
                )
            )
        return bool(
            desk.views.execute(
                "SELECT 1 FROM chat_messages WHERE entry = ?1 UNION ALL"
                " SELECT 1 FROM chat_unsent WHERE entry = ?1 AND who = ?2",
                (kept.entry, who),
            )
        )
