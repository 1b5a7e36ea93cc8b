"""The part of the api that is about messages and groups. For the trio thread.

What is asked for becomes steps of the messenger (`node.apps.messenger`), which the courier does; what is
answered is read again from what was kept.
"""
# long because each method of the control protocol has its function here, most of them of some lines

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Final

import trio

from node.apps.messenger import conversations, groups, messages, people, receipts, sending
from node.apps.messenger.bodies import MAX_ATTACHMENTS, MAX_EXPIRES_S, Attachment, Own, Text
from node.apps.messenger.conversations import Conversation
from node.apps.messenger.desk import Desk
from node.apps.messenger.messages import Gone
from node.desk import Room
from node.errors import BadData, BadRequest, Conflict, Missing, Refused, TextTooLarge
from node.looking import Json
from node.messaging.attachments import Attachments
from node.messaging.courier import Courier
from node.messaging.delivery import FAILED, STATES
from node.messaging.dispatch import Dispatch
from node.messaging.expiry import Expiry
from node.messaging.finding import Place
from node.messaging.queries import MessagingQueries
from node.sharing.api import SharingApi
from node.social.choosing import Choosing
from store.entry import Entry
from store.ids import EntryId, NotAnId, from_text
from store.sqlite.choices import BLOCK

FOLLOWED_AT_ONCE: Final = 200
"""Messages that one look gives to who follows."""

WAITED: Final = tuple(state for state in STATES if state != "queued")


class MessagingApi:
    """What a running node does with messages for its owner."""

    def __init__(self, room: Room, queries: MessagingQueries, sharing: SharingApi) -> None:
        self._room = room
        self._queries = queries
        self.courier = Courier(room)
        """Does the steps; what is done by itself too."""
        self._dispatch = Dispatch(room, self.courier)
        self._expiry = Expiry(room)
        self._attachments = Attachments(room, sharing)
        self._choosing = Choosing(queries.look)

    async def run(self) -> None:
        """Receive, and do what is due, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.courier.run)
            nursery.start_soon(self._dispatch.run)
            nursery.start_soon(self._expiry.run)

    async def compose(self, step: Callable[[Desk], None]) -> None:
        """Do a step that writes; see `Courier.compose`."""
        await self.courier.compose(step)

    # --- sending --------------------------------------------------------------------------------------

    async def chat_send(
        self,
        chat: str,
        text: str,
        files: Sequence[str] | None = None,
        reply_to: str | None = None,
        expires_s: int | None = None,
    ) -> Json:
        """Send a message; once this returns it is durable. Raises: NodeError: nothing was sent."""
        if not text.strip() and not files:
            raise BadData("There is nothing to send.", "Give a text or files.")
        if expires_s is not None and not 0 < expires_s <= MAX_EXPIRES_S:
            raise BadData("A message disappears after a second to a year.", "Give another span.")
        target = await self._room.ask(self._queries.target, chat)
        answered = None if reply_to is None else await self._room.ask(self._queries.message, reply_to)
        enclosed = await self._enclosed(files or ())
        said = Text(text, answered.entry if answered else b"", expires_s or 0, enclosed)
        sent: list[int] = []
        before: list[int] = []

        def step(desk: Desk) -> None:
            sent.clear()
            before.clear()
            conversation = _conversation(desk, target)
            if answered is not None and answered.c != conversation.c:
                raise BadData(
                    "The message that this answers is of another conversation.", "Name another one."
                )
            before.extend(n for (n,) in desk.views.execute("SELECT coalesce(max(n), 0) FROM chat_messages"))
            sending.send_text(desk, conversation, said, told)

        def told(n: int, entry: Entry) -> None:
            sent.append(n)

        await self.courier.compose(step)
        return await self._room.ask(self._shown_sent, sent[0], before[0])

    async def _enclosed(self, paths: Sequence[str]) -> tuple[Attachment, ...]:
        if len(paths) > MAX_ATTACHMENTS:
            raise TextTooLarge(
                f"A message has at most {MAX_ATTACHMENTS} files, this one {len(paths)}.", "Send several."
            )
        return tuple([await self._attachments.enclose(path) for path in paths])

    def _shown_sent(self, n: int, before: int) -> Json:
        shown = self._queries.shown_row(n)
        c = self._queries.message(shown["id"]).c
        after = self._queries.messages_after(before, c)
        return {**shown, "notices": [each for each in after if each["kind"] == "notice"]}

    async def chat_wait(self, id: str, state: str, timeout_s: float) -> Json:
        """Wait until an own message is so far or further; `ok`: it was so in time."""
        if state not in WAITED:
            raise BadRequest(f"One waits for one of {', '.join(WAITED)}.", "See: aster chat wait --help")
        shown = {}
        with trio.move_on_after(timeout_s):
            while True:
                news = self.courier.news
                shown = await self._room.ask(self._queries.chat_show, id)
                _check_waitable(shown, state)
                if self._queries.reached(shown, state) or shown["delivery"]["state"] == FAILED:
                    break
                await news.wait()
        if not shown:
            shown = await self._room.ask(self._queries.chat_show, id)
            _check_waitable(shown, state)
        return {**shown, "ok": self._queries.reached(shown, state)}

    # --- reading --------------------------------------------------------------------------------------

    async def chat_list(self, requests: bool = False, limit: int | None = None) -> Json:
        """The conversations, or the requests of strangers."""
        return await self._room.ask(self._queries.chat_list, requests, limit)

    async def chat_read(
        self,
        chat: str,
        unread: bool = False,
        before: str | None = None,
        limit: int | None = None,
        follow: bool = False,
    ) -> AsyncGenerator[Json, None]:
        """Messages of a conversation, oldest first; with `follow` then each new one as it comes."""
        last = await self._room.ask(self._queries.last_row)
        page = await self._room.ask(lambda: list(self._queries.chat_read(chat, unread, before, limit)))
        for message in page:
            yield message
        if not follow:
            return
        conversation = await self._room.ask(self._queries.conversation, chat)
        seen = {message["n"] for message in page if message["n"] > last}
        async with aclosing(self._after(last, conversation.c, own=True)) as messages:
            async for message in messages:
                if message["n"] not in seen:
                    yield message

    async def chat_follow(
        self, chat: str | None = None, after: int | None = None, own: bool = False
    ) -> AsyncGenerator[Json, None]:
        """Messages of all conversations, or of one, as they arrive; `after`: first those since that row."""
        last = await self._room.ask(self._queries.last_row) if after is None else after
        c = None if chat is None else (await self._room.ask(self._queries.conversation, chat)).c
        async with aclosing(self._after(last, c, own=own)) as messages:
            async for message in messages:
                yield message

    async def _after(self, last: int, c: int | None, *, own: bool) -> AsyncGenerator[Json, None]:
        look = partial(self._queries.messages_after, own=own, limit=FOLLOWED_AT_ONCE)
        while True:
            news = self.courier.news
            found = await self._room.ask(look, last, c)
            for message in found:
                yield message
                last = message["n"]
            if not found:
                await news.wait()

    async def chat_show(self, id: str) -> Json:
        """One message, and what each device said of it."""
        return await self._room.ask(self._queries.chat_show, id)

    async def chat_search(
        self,
        words: str,
        chat: str | None = None,
        who: str | None = None,
        since_ms: int | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Json, None]:
        """Messages with all of these words, the newest first."""
        while await self.courier.change(messages.index):
            pass
        asked = (words, chat, who, since_ms, before, limit)
        for hit in await self._room.ask(lambda: list(self._queries.chat_search(*asked))):
            yield hit

    async def chat_mark(self, chat: str, until_ms: int) -> Json:
        """What had arrived by then counts as read."""
        found = await self._room.ask(self._queries.conversation, chat)
        marked = await self.courier.change(lambda desk: receipts.read(desk, _at(desk, found.c), until_ms))
        return {"marked": marked}

    # --- people ---------------------------------------------------------------------------------------

    async def chat_verify(self, who: str) -> Json:
        """The safety number with somebody."""
        return await self._room.ask(self._queries.chat_verify, who)

    async def chat_confirm(self, who: str, root: str, off: bool = False) -> Json:
        """The owner compared the number with somebody, whose root was this one; or it counts no more."""
        person = await self._room.ask(self._queries.person, who)
        shown = _root(root)

        def step(desk: Desk) -> None:
            if off:
                people.keep(desk, people.met(desk, person)._replace(verified=None))
                return
            if desk.world.root(person) != shown:
                raise Conflict(
                    "The keys have changed since the number was shown: nothing was confirmed.",
                    "Compare again: aster chat verify MEMBER",
                )
            people.verify(desk, person)
            for device in desk.world.devices(desk.world.who):
                if device != desk.world.device:
                    said = Own((("verified", person, shown),))
                    receipts.put(desk, device, said, desk.now_ms + receipts.SOON_MS)

        await self.courier.change(step)
        return await self._room.ask(self._queries.chat_verify, who)

    async def chat_accept(self, chat: str) -> Json:
        """What a stranger began is a conversation like others from now on."""
        found = await self._room.ask(self._queries.conversation, chat)
        await self.courier.change(lambda desk: receipts.accept(desk, _at(desk, found.c)))
        return await self._room.ask(self._queries.shown_conversation, found.c)

    async def chat_block(self, who: str) -> Json:
        """Block somebody, here and everywhere."""
        return await self._room.ask(lambda: self._choosing.make(BLOCK, who=who))

    async def chat_unblock(self, who: str) -> Json:
        """Block somebody no longer."""
        return await self._room.ask(lambda: self._choosing.take_back(BLOCK, who=who))

    async def chat_receipts(self, on: bool | None = None) -> Json:
        """Whether others learn what was read; with `on` change it."""

        def step(desk: Desk) -> bool:
            if on:
                desk.views.execute(
                    "INSERT OR REPLACE INTO chat_notes VALUES (?, X'')", (receipts.READ_RECEIPTS,)
                )
            elif on is not None:
                desk.views.execute("DELETE FROM chat_notes WHERE name = ?", (receipts.READ_RECEIPTS,))
            return receipts.may_be_told(desk)

        return {"on": await self.courier.change(step)}

    async def hook_place(self, name: str) -> Json:
        """`after`: the row of the last message that a hook of this name has done."""

        def step(desk: Desk) -> int:
            rows = desk.views.execute("SELECT value FROM chat_notes WHERE name = ?", (f"hook:{name}",))
            if rows:
                return int.from_bytes(rows[0][0], "big")
            [(last,)] = desk.views.execute("SELECT coalesce(max(n), 0) FROM chat_messages")
            _keep_place(desk, name, last)
            return int(last)

        return {"after": await self.courier.change(step)}

    async def hook_done(self, name: str, after: int) -> Json:
        """A hook has done everything up to that row."""
        if not 0 <= after < 2**62:
            raise BadData("This is no row of a message.", "Give the field n of a message.")
        await self.courier.change(lambda desk: _keep_place(desk, name, after))
        return {"after": after}

    # --- deleting -------------------------------------------------------------------------------------

    async def chat_delete(self, ids: Sequence[str], for_everyone: bool = False) -> Json:
        """Take the words of messages away here; own ones with `for_everyone` from all who have them."""
        places = await self._room.ask(lambda: [self._queries.message(id) for id in ids])
        if not places:
            raise BadRequest("Say what is to be deleted.", "aster chat delete ID")
        if not for_everyone:
            rows = [place.n for place in places]
            await self.courier.change(lambda desk: messages.forget(desk, rows, Gone.DELETED))
        else:
            await self.courier.compose(partial(_unsend, places=places))
        return {"deleted": [place.text for place in places]}

    # --- groups ---------------------------------------------------------------------------------------

    async def group_create(self, name: str, members: Sequence[str] | None = None) -> Json:
        """Make a group of these people and the owner."""
        whom = await self._room.ask(self._queries.people, members or ())
        made: list[int] = []

        def step(desk: Desk) -> None:
            made.clear()
            made.append(groups.create(desk, sending.say, name, whom).c)

        await self.courier.compose(step)
        return await self._room.ask(self._queries.shown_conversation, made[0])

    async def group_invite(self, group: str, members: Sequence[str], admin: bool = False) -> Json:
        """Take people into a group."""
        whom = await self._room.ask(self._queries.people, members)
        return await self._change(
            group, lambda desk, found: groups.invite(desk, sending.say, found, whom, admin=admin)
        )

    async def group_remove(self, group: str, member: str) -> Json:
        """Take somebody out of a group."""
        who = await self._room.ask(self._queries.person, member)
        return await self._change(group, lambda desk, found: groups.remove(desk, sending.say, found, who))

    async def group_leave(self, group: str) -> Json:
        """Leave a group."""
        return await self._change(
            group, lambda desk, found: groups.remove(desk, sending.say, found, desk.world.who)
        )

    async def group_rename(self, group: str, name: str) -> Json:
        """Give a group another name."""
        return await self._change(group, lambda desk, found: groups.rename(desk, sending.say, found, name))

    async def group_promote(self, group: str, member: str) -> Json:
        """Make somebody an admin of a group."""
        who = await self._room.ask(self._queries.person, member)
        return await self._change(group, lambda desk, found: groups.promote(desk, sending.say, found, who))

    async def _change(self, group: str, change: Callable[[Desk, Conversation], None]) -> Json:
        found = await self._room.ask(self._queries.group, group)
        await self.courier.compose(lambda desk: change(desk, _at(desk, found.c)))
        return await self._room.ask(self._queries.shown_conversation, found.c)

    async def group_members(self, group: str) -> Json:
        """Who takes part in a group."""
        return await self._room.ask(self._queries.group_members, group)

    async def group_list(self) -> Json:
        """The groups."""
        return await self._room.ask(self._queries.group_list)


def _conversation(desk: Desk, target: bytes | Conversation) -> Conversation:
    """Where a message is said; with somebody who was never written to, a new conversation."""
    if isinstance(target, Conversation):
        return _at(desk, target.c)
    return conversations.direct(desk, target)


def _at(desk: Desk, c: int) -> Conversation:
    """A conversation as this step finds it. Raises: Missing: it is gone."""
    found = conversations.at(desk.views, c)
    if found is None:
        raise Missing("That conversation is not here any more.", "See: aster chat list")
    return found


def _unsend(desk: Desk, places: Sequence[Place]) -> None:
    """Ask all who have them to forget own messages, and forget them here. Raises: Refused: not ours."""
    by_conversation: dict[int, list[EntryId]] = {}
    for place in places:
        if place.who != desk.world.who:
            raise Refused(
                "Only your own messages can be deleted for everyone: nothing was deleted.",
                "Delete it here: aster chat delete ID",
            )
        by_conversation.setdefault(place.c, []).append(place.entry)
    for c, entries in by_conversation.items():
        sending.unsend(desk, _at(desk, c), entries)
    messages.forget(desk, [place.n for place in places], Gone.UNSENT)


def _keep_place(desk: Desk, name: str, after: int) -> None:
    desk.views.execute(
        "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)", (f"hook:{name}", after.to_bytes(8, "big"))
    )


def _root(text: str) -> bytes:
    with suppress(NotAnId):
        return from_text(text.strip())
    raise BadData("That is no root.", "Give `root` as chat/verify gave it.")


def _check_waitable(shown: Json, state: str) -> None:
    """Check that this message can get so far, and that we would hear of it. Raises: BadRequest, Refused."""
    if not shown["mine"] or shown["delivery"] is None:
        raise BadRequest(
            "Only of a message that this device sent it is known how far it got.", "Name one of those."
        )
    if state in ("delivered", "read") and not shown["delivery"]["told"]:
        raise Refused(
            "In a conversation of so many devices nobody says that a message came.",
            "Wait for: aster chat wait ID --for hub",
        )
