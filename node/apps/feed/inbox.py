"""Posts that are addressed to somebody: those that mention him, and answers to his."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed.ordering import ORDERS
from node.apps.feed.service import LARGEST_PAGE, at_keys, first_bound, is_enough
from node.apps.feed.shown import Place, Shown
from node.apps.feed.tables import tie_of
from store.ids import LOG_FEED, AuthorId, EntryId
from store.sqlite.entries import SqliteEntryStore

MENTION: Final = "mention"
ANSWER: Final = "answer"

_ROWS: Final = """
    SELECT at, tie, k FROM feed_addressed
    WHERE who = ? AND at BETWEEN ? AND ? AND (at, tie, k) < (?, ?, ?)
    ORDER BY at DESC, tie DESC, k DESC LIMIT ?
"""


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

    def fits(self, shown: Shown) -> bool:
        """Does it stand where it is asked for?"""
        is_before = self.before is None or shown.place < self.before
        return is_before and self.since_ms <= shown.at <= self.until


class Addressed(NamedTuple):
    """A post that is addressed to somebody."""

    key: int
    """Of its entry."""
    shown: Shown
    why: tuple[str, ...]
    """`MENTION` and `ANSWER`."""


def addressed(store: SqliteEntryStore, asked: Asked) -> list[Addressed]:
    """The newest posts that are addressed to somebody, oldest first."""
    if asked.limit < 1:
        return []
    found: list[Addressed] = []
    size, bound = asked.limit + 1, first_bound(asked.until, asked.before)
    while True:
        rows = _newest_rows(store, asked, bound, size)
        page = addressed_at(store, [key for _, _, key in rows], asked.who, asked.devices)
        found += [each for each in page if each is not None and asked.fits(each.shown)]
        places = [each.shown.place for each in found]
        if len(rows) < size or is_enough(places, asked.limit, rows[-1]):
            return sorted(found, key=lambda each: each.shown.place)[-asked.limit :]
        size, bound = min(2 * size, LARGEST_PAGE), rows[-1]


def _newest_rows(
    store: SqliteEntryStore, asked: Asked, bound: tuple[int, int, int], size: int
) -> list[tuple[int, int, int]]:
    """The newest so many rows before a bound, newest first."""
    rows: set[tuple[int, int, int]] = set()
    with store.views() as views:
        for who in {asked.who, *asked.devices}:
            bounds = (tie_of(who), asked.since_ms, min(asked.until, bound[0]), *bound, size)
            rows.update((at, tie, key) for at, tie, key in views.execute(_ROWS, bounds))
    return sorted(rows, reverse=True)[:size]


def addressed_at(
    store: SqliteEntryStore, keys: Sequence[int], who: bytes, devices: Iterable[AuthorId]
) -> list[Addressed | None]:
    """The posts of these keys that are addressed to somebody; None: such a post is no other."""
    posts = at_keys(store, keys)
    answered = {post.entry.links[0] for post in posts if post is not None and post.entry.links}
    parents = _posts_of(store, answered, frozenset(devices))
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


def _posts_of(
    store: SqliteEntryStore, ids: Iterable[EntryId], devices: frozenset[AuthorId]
) -> frozenset[EntryId]:
    """Those of some ids that are posts of these devices and in the view."""
    headers = [(key, entry) for key, entry in store.headers_of(ids) if entry.author in devices]
    own = {key: entry.id for key, entry in headers if entry.log == LOG_FEED}
    with store.views() as views:
        held = {key for key, *_ in views.execute_for(ORDERS, sorted(own))}
    return frozenset(entry_id for key, entry_id in own.items() if key in held)
