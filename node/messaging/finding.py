"""Whom and what a text names among messages: a person, a conversation, a message. Synchronous.

A conversation with one person is named by that person; a group by its title. Both may be named by their ids,
or by the beginning of one. Titles that look alike are marked as names are (`node.naming`).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from node.apps.messenger.conversations import CONVERSATION_BYTES, Conversation, Kind, State
from node.errors import Ambiguous, BadData, Missing
from node.looking import Look
from node.naming import Names
from node.quoting import quoted
from node.social.people import find_who
from store.ids import ID_BYTES, EntryId, NotAnId, prefix_range, short, to_text
from store.sqlite.views import ReadViews

CONVERSATION_CHARS: Final = 26
"""Of the text form of a conversation's 16 bytes."""

_COLUMNS: Final = "c, id, kind, other, state, title, by"
_PADDING: Final = bytes(ID_BYTES - CONVERSATION_BYTES)
_CANDIDATES: Final = 5


class Place(NamedTuple):
    """A message as a row."""

    n: int
    c: int
    at_ms: int
    entry: EntryId
    who: bytes
    """Its author's person."""

    @property
    def text(self) -> str:
        """Its id as text."""
        return to_text(self.entry)


def conversation_text(conversation: bytes) -> str:
    """The text form of a conversation's 16 bytes: 26 characters."""
    return to_text(conversation + _PADDING)[:CONVERSATION_CHARS]


def conversations_of(views: ReadViews) -> list[Conversation]:
    """All conversations, those with the latest messages first."""
    rows = views.execute(f"SELECT {_COLUMNS} FROM chat_conversations ORDER BY last_ms DESC, c DESC")
    return [
        Conversation(c, conversation, Kind(kind), other, State(state), title, by)
        for c, conversation, kind, other, state, title, by in rows
    ]


def titles_of(known: Iterable[Conversation]) -> Names:
    """The titles of groups, those that look alike marked; by the 16 bytes of each, made 32 with zeros."""
    return Names({}, {each.id + _PADDING: each.title for each in known if each.kind is Kind.GROUP})


def title_of(titles: Names, conversation: Conversation) -> str:
    """What a group is called here."""
    return titles.of_bearer(conversation.id + _PADDING)


def find_group(known: Sequence[Conversation], text: str) -> Conversation:
    """The one group that a title or an id stands for; one that was left only where no other is meant.

    Raises: Missing, Ambiguous, BadData.
    """
    groups = [each for each in known if each.kind is Kind.GROUP]
    for among in ([each for each in groups if each.state is not State.LEFT], groups):
        try:
            bearer = titles_of(groups).find_bearer(text, (each.id + _PADDING for each in among), {})
        except Missing:
            continue
        return next(each for each in among if each.id + _PADDING == bearer)
    raise Missing(f"No group here is called {quoted(text)}.", "See: aster group list")


def find_target(look: Look, known: Sequence[Conversation], text: str) -> bytes | Conversation:
    """Whom a message to `text` is for: a person, by 32 bytes, or a group; or a conversation that is named by
    its id.

    Raises: Missing; BadData; Ambiguous: it may be several people, or a person and a group.
    """
    found: list[bytes | Conversation] = []
    with suppress(Missing):
        found.append(find_who(look, text))
    with suppress(Missing):
        found.append(find_group(known, text))
    if len(found) > 1:
        raise Ambiguous(
            f"{quoted(text)} may be a member ({_id_of(found[0])}) or a group ({_id_of(found[1])}).",
            "Type the id, or more of it.",
        )
    if found:
        return found[0]
    direct = [each for each in known if each.kind is Kind.DIRECT and _begins(each, text)]
    if len(direct) == 1:
        return direct[0]
    raise Missing(
        f"Nobody and no group here is called {quoted(text)}.", "See: aster chat list, aster directory list"
    )


def _id_of(found: bytes | Conversation) -> str:
    return short(found) if isinstance(found, bytes) else conversation_text(found.id)[:10]


def _begins(conversation: Conversation, text: str) -> bool:
    try:
        low, high = prefix_range(text.strip())
    except NotAnId:
        return False
    return low <= conversation.id + _PADDING <= high


def find_conversation(look: Look, known: Sequence[Conversation], text: str) -> Conversation:
    """The conversation that a text stands for: with a person, or a group.

    Raises: as `find_target`; Missing: there is none with this person yet.
    """
    target = find_target(look, known, text)
    if isinstance(target, Conversation):
        return target
    for each in known:
        if each.kind is Kind.DIRECT and each.other == target:
            return each
    name = look.names.now().of_bearer(target)
    raise Missing(f"There is no conversation with {name} yet.", "Begin one: aster chat send MEMBER TEXT")


def find_message(views: ReadViews, text: str) -> Place:
    """The one message whose id is or begins with `text`. Raises: BadData, Missing, Ambiguous."""
    try:
        low, high = prefix_range(text.strip())
    except NotAnId as error:
        raise BadData(f"{quoted(text)} is no id: {error}.", "Copy it from: aster chat read --json") from error
    rows = views.execute(
        "SELECT n, c, at_ms, entry, who FROM chat_messages WHERE entry BETWEEN ? AND ?"
        " ORDER BY entry LIMIT ?",
        (low, high, _CANDIDATES),
    )
    if not rows:
        raise Missing(f"No message {quoted(text)} is here.", "See: aster chat read MEMBER")
    if len(rows) > 1:
        listed = ", ".join(short(entry) for _, _, _, entry, _ in rows)
        raise Ambiguous(f"Several messages begin with {quoted(text)}: {listed}.", "Type more of the id.")
    return Place(*rows[0])
