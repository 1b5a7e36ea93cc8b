"""`aster chat list`, `read`, `show`, `search` and `requests`: what was said in conversations."""

from typing import Annotated, Final

import typer

from cli.messages import SHORT, in_words, show_message
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.timeline import Since, since_of
from node.errors import BadRequest, Unavailable

Limit = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most the newest N.")]
Id = Annotated[
    str, typer.Argument(metavar="ID", help="A message: its id or the beginning of it.", show_default=False)
]

USUAL: Final = 50
"""Messages of a page, unless more are new."""

TEXT_CHARS: Final = 50
"""Of a message in the list of conversations."""

_KEY_STATES: Final = {
    "read": "read",
    "delivered": "delivered",
    "key-came": "can open it, has not said that it came",
    "key-sent": "its key is on the way",
    "no-keys": "has published no keys to write to",
}

_OWN_KEY_STATES: Final = {**_KEY_STATES, "key-came": "can open it"}
"""Of other devices of the owner, which say nothing of messages."""


def list_chats(
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most N, the latest first.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List your conversations, the latest first, with how much is new in each.

    What strangers write waits apart: aster chat requests.

    Examples:
    aster chat list
    aster chat list --json
    """
    _list(Screen(as_json, quiet), None, limit)


def requests(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List what strangers wrote to you: people whom you neither follow, nor named, nor answered.

    They learn nothing until you accept: not that their messages came, and not that you read them. To read one
    marks nothing either. aster chat accept takes it among your conversations, aster chat block refuses it.

    Examples:
    aster chat requests
    aster chat read mallory
    aster chat accept mallory
    """
    _list(Screen(as_json, quiet), True, None)


def _list(screen: Screen, requests: bool | None, limit: int | None) -> None:
    answer = Session().call("chat/list", requests=requests, limit=limit)
    if screen.as_json:
        for each in answer["conversations"]:
            screen.emit(each)
        return
    screen.table(map(_row, answer["conversations"]), ("NAME", "NEW", "LAST", ""))
    if not answer["conversations"]:
        screen.note(
            "Nobody waits." if requests else "No conversations. Begin one: aster chat send MEMBER TEXT"
        )
    if not requests and answer["requests"]:
        screen.note(f"{count_of(answer['requests'], 'request')} of strangers: aster chat requests")


def _row(chat: Json) -> tuple[str, str, str, str]:
    name = chat["name"]
    if chat["kind"] == "group":
        name += f" ({count_of(chat['members'], 'member')})"
    elif chat["self"]:
        name += " (yourself)"
    last = chat["last"]
    text = "" if last is None else f"{'you' if last['mine'] else last['name']}: {last['text']}"
    if len(text) > TEXT_CHARS:
        text = text[: TEXT_CHARS - 1] + "…"
    marks = [chat["state"] if chat["state"] == "left" else "", "blocked" if chat["blocked"] else ""]
    new = str(chat["unread"]) if chat["unread"] else ""
    return name, new, show_time(chat["last_ms"]), " ".join(filter(None, [*marks, text]))


def read(
    chat: Annotated[
        str | None,
        typer.Argument(metavar="MEMBER|GROUP", help="Whose messages: a name or an id.", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, with each new message.")] = False,
    unread: Annotated[bool, typer.Option("--unread", help="Only what is new.")] = False,
    peek: Annotated[bool, typer.Option("--peek", help="Mark nothing as read.")] = False,
    before: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The page before this message: the first one of the last page."),
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read a conversation, oldest message first: the newest 50, or all that is new.

    What is shown counts as read, here and on your other devices. Others learn of it only if you allow that:
    aster chat receipts on. With --follow and no name, new messages of all conversations are shown.

    Behind your own messages stands how far they got: queued, sent to so many peers, on a hub, delivered,
    read. More about one of them: aster chat show ID.

    Examples:
    aster chat read bob
    aster chat read "Bakers of Lyon" --follow
    aster chat read bob --before k3jd7wq2 --limit 20
    """
    screen, session = Screen(as_json, quiet), Session()
    if chat is None:
        if not follow or unread or before is not None or limit is not None:
            raise BadRequest("Name a member or a group.", "For example: aster chat read bob")
        for message in session.stream("chat/follow", own=True):
            _show(screen, message, flush=True, with_chat=True)
        return
    name = check_argument(chat)
    messages = session.stream(
        "chat/read",
        chat=name,
        unread=unread or None,
        before=None if before is None else check_argument(before),
        limit=limit,
        follow=follow or None,
    )
    marks = _Marks(screen, session, name, enabled=not peek)
    first: Json | None = None
    shown = 0
    for message in messages:
        first = first or message
        shown += 1
        _show(screen, message, flush=follow)
        marks.saw(message, at_once=follow)
    if first is None:
        screen.note("Nothing new." if unread else "No messages.")
        return
    if before is None and not (first["unread"] and shown == limit):
        marks.make()
    elif marks.waiting:
        screen.note("There may be new messages before these: nothing was marked as read.")
    if shown >= (limit or USUAL) and first["id"] is not None and screen.width is not None:
        screen.note(f"Earlier ones: --before {first['id'][:SHORT]}")


def _show(screen: Screen, message: Json, *, flush: bool, with_chat: bool = False) -> None:
    if screen.as_json:
        screen.emit(message, flush)
    else:
        show_message(screen, message, flush=flush, with_chat=with_chat)


class _Marks:
    """Marks as read what was shown."""

    def __init__(self, screen: Screen, session: Session, chat: str, *, enabled: bool) -> None:
        self._screen = screen
        self._session = session
        self._chat = chat
        self._enabled = enabled
        self._until_ms = 0

    @property
    def waiting(self) -> bool:
        """Was something new shown that is not marked yet?"""
        return self._until_ms > 0

    def saw(self, message: Json, *, at_once: bool) -> None:
        """A message was shown; `at_once`: mark it now."""
        if self._enabled and message["unread"]:
            self._until_ms = max(self._until_ms, message["arrived_ms"])
            if at_once:
                self.make()

    def make(self) -> None:
        """Mark what was shown, where a daemon runs to do it."""
        if not self._until_ms:
            return
        until_ms, self._until_ms = self._until_ms, 0
        try:
            self._session.call("chat/mark", chat=self._chat, until_ms=until_ms)
        except Unavailable:
            self._enabled = False
            self._screen.note("No daemon runs: nothing was marked as read.")


def show(id: Id, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show one message, and of your own how far it got: for each device what it has said.

    "On a hub" means that a node which is always on has it: who is away now gets it from there. "Delivered"
    is what the device itself says, and "read" what its owner lets it say. To a
    stranger a device says nothing until its owner has accepted or answered. In conversations of more than 16
    devices nobody says that a message came.

    Examples:
    aster chat show k3jd7wq2
    aster chat show k3jd7wq2 --json
    """
    screen = Screen(as_json, quiet)
    message = Session().call("chat/show", id=check_argument(id))
    if as_json:
        screen.emit(message)
        return
    show_message(screen, message, with_chat=True)
    delivery = message["delivery"]
    if not message["mine"]:
        screen.say(Styled(f"arrived {show_time(message['arrived_ms'])}", "dim"))
    elif delivery is None:
        screen.say(Styled("Only the device that sent it knows how far it got.", "dim"))
    else:
        peers, hubs = count_of(delivery["peers"], "peer"), count_of(delivery["hubs"], "hub")
        screen.say(in_words(message), Styled(f"  to {peers}, {hubs} among them", "dim"))
    for each in message["devices"]:
        owner = "you" if each["own"] else each["name"]
        at_ms = each["read_ms"] or each["delivered_ms"]
        since = f"  {show_time(at_ms)}" if at_ms else ""
        named = each["device_name"] or each["device"][:SHORT]
        states = _OWN_KEY_STATES if each["own"] else _KEY_STATES
        screen.say("    ", owner, f" ({named})  ", Styled(states[each["state"]] + since, "dim"))


def search(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...", help='All of these words; "in quotes": a phrase.', show_default=False
        ),
    ],
    chat: Annotated[
        str | None, typer.Option("--in", metavar="MEMBER|GROUP", help="Only in this conversation.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--from", metavar="MEMBER", help="Only what this member wrote.")
    ] = None,
    since: Since = None,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The page after this one, which was the last hit.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most N hits.")] = 20,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search your conversations, in any script; the newest first.

    Only what this home holds is searched, on this machine. Case and accents do not count. Names of files are
    searched too.

    Examples:
    aster chat search bread
    aster chat search '"strike funds"' --in "Bakers of Lyon" --since 1w
    aster chat search хлеб --from bob
    """
    screen = Screen(as_json, quiet)
    hits = Session().stream(
        "chat/search",
        words=check_argument(" ".join(words)),
        chat=None if chat is None else check_argument(chat),
        who=None if who is None else check_argument(who),
        since_ms=since_of(since),
        before=None if before is None else check_argument(before),
        limit=limit,
    )
    last: Json | None = None
    shown = 0
    for hit in hits:
        last = hit
        shown += 1
        if as_json:
            screen.emit(hit)
            continue
        screen.say(
            Styled(hit["name"], "bold"),
            Styled(f"  in {hit['chat']}  {show_time(hit['time_ms'])}  {hit['id'][:SHORT]}", "dim"),
        )
        screen.paragraph(hit["excerpt"])
    if not shown:
        screen.note("Nothing was found.")
    elif last is not None and shown == limit and screen.width is not None:
        screen.note(f"More: --before {last['id'][:SHORT]}")
