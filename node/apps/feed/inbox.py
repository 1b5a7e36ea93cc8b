"""Posts that are addressed to somebody: those that mention him, and answers to his."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed.service import at_keys
from node.apps.feed.shown import Place, Shown
from node.apps.feed.tables import tie_of
from store.ids import LOG_FEED, AuthorId
from store.sqlite.entries import SqliteEntryStore

MENTION: Final = "mention"
ANSWER: Final = "answer"

_ROWS: Final = """
    SELECT at, tie, k FROM feed_addressed
    WHERE who = ? AND at BETWEEN ? AND ? AND (at, tie) < (?, ?) ORDER BY at DESC, tie DESC LIMIT ?
"""
_NO_TIE: Final = 2**56


class Asked(NamedTuple):
    """Whose inbox is asked for, and how much of it."""

    who: bytes
    """32 bytes that name a person."""
    devices: frozenset[AuthorId]
    """All that speak for him."""
    limit: int
    """The newest so many."""
    until: int
    """Posts of a later order (ms) are hidden."""
    since_ms: int = 0
    before: Place | None = None


class Addressed(NamedTuple):
    """A post that is addressed to somebody."""

    key: int
    """Of its entry."""
    shown: Shown
    why: tuple[str, ...]
    """`MENTION` and `ANSWER`."""


def addressed(store: SqliteEntryStore, asked: Asked) -> list[Addressed]:
    """The newest posts that are addressed to somebody, oldest first."""
    at, tie = (
        (asked.until + 1, _NO_TIE) if asked.before is None else (asked.before[0], tie_of(asked.before[1]))
    )
    bounds = (asked.since_ms, asked.until, at, tie, asked.limit)
    rows: set[tuple[int, int, int]] = set()
    with store.views() as views:
        for who in {asked.who, *asked.devices}:
            rows.update((at, tie, key) for at, tie, key in views.execute(_ROWS, (tie_of(who), *bounds)))
    newest = sorted(rows)[len(rows) - min(asked.limit, len(rows)) :]
    found = addressed_at(store, [key for _, _, key in newest], asked.who, asked.devices)
    return [each for each in found if each is not None]


def addressed_at(
    store: SqliteEntryStore, keys: Sequence[int], who: bytes, devices: Iterable[AuthorId]
) -> list[Addressed | None]:
    """The posts of these keys that are addressed to somebody; None: such a post is no other."""
    posts = at_keys(store, keys)
    answered = {post.entry.links[0] for post in posts if post is not None and post.entry.links}
    own = frozenset(devices)
    parents = {
        entry.id for _, entry in store.headers_of(answered) if entry.author in own and entry.log == LOG_FEED
    }
    found: list[Addressed | None] = []
    for key, post in zip(keys, posts, strict=True):
        if post is None:
            found.append(None)
            continue
        why = []
        if any(each == who for _, each in post.post.mentions):
            why.append(MENTION)
        if post.entry.links and post.entry.links[0] in parents:
            why.append(ANSWER)
        found.append(Addressed(key, post, tuple(why)) if why else None)
    return found
