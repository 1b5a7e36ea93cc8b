"""What the feed answers: posts in the order of the view, of an author, found by words, answers to one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed.bodies import Post, parse
from node.apps.feed.fold import order_of, tie_of
from store.entry import Entry
from store.ids import LOG_FEED, AuthorId, EntryId
from store.interface import NOTHING_HELD, EntryKey
from store.log import LogId
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search import SearchIndex
from store.sqlite.views import ReadViews

_READ_BYTES: Final = 16 * 2**20
"""Of one author's log at a time."""

_PAGE: Final = 200
"""Hits of the search index that are looked at together: some may be of other apps."""


class Shown(NamedTuple):
    """A post as it is shown."""

    at: int
    """Order in the view, ms."""
    key: EntryKey
    entry: Entry
    post: Post


class Wanted(NamedTuple):
    """Which posts are asked for; all conditions together."""

    limit: int
    """The newest so many."""
    until: int
    """Posts of a later order (ms) are hidden: they claim to be from the future."""
    since_ms: int = 0
    author: AuthorId | None = None
    search: str | None = None
    replies_to: EntryId | None = None

    def fits(self, shown: Shown) -> bool:
        """Is it one of these? Words are the search index's matter."""
        return (
            self.since_ms <= shown.at <= self.until
            and (self.author is None or shown.entry.author == self.author)
            and (self.replies_to is None or shown.entry.links[:1] == (self.replies_to,))
        )


def read(store: SqliteEntryStore, search: Callable[[], SearchIndex], wanted: Wanted) -> list[Shown]:
    """The newest posts that are wanted, oldest first.

    Raises: as `SearchIndex.search`, where words are asked for.
    """
    if wanted.limit < 1:
        return []
    if wanted.search is not None:
        found = _found(store, search(), wanted)
    elif wanted.replies_to is not None:
        found = _answers(store, wanted.replies_to, wanted)
    elif wanted.author is not None:
        found = _of_author(store, wanted.author, wanted)
    else:
        found = _newest(store, wanted)
    found.sort(key=lambda shown: (shown.at, shown.entry.id))
    return found[-wanted.limit :]


def show(store: SqliteEntryStore, keys: Sequence[int]) -> list[Shown]:
    """The posts among entries of these keys that are in the view."""
    entries = store.at_keys(keys)
    with store.views() as views:
        found = (_shown(views, key, entry) for key, entry in zip(keys, entries, strict=True))
        return [shown for shown in found if shown is not None]


def _shown(views: ReadViews, key: int, entry: Entry | None) -> Shown | None:
    if entry is None or entry.body is None or entry.log != LOG_FEED:
        return None
    at, post = order_of(views, key, entry), parse(entry.body)
    return None if at is None or post is None else Shown(at, EntryKey(key), entry, post)


def _newest(store: SqliteEntryStore, wanted: Wanted) -> list[Shown]:
    sql = "SELECT at, k FROM feed_timeline WHERE at BETWEEN ? AND ? ORDER BY at DESC, tie DESC LIMIT ?"
    with store.views() as views:
        rows = views.execute(sql, (wanted.since_ms, wanted.until, wanted.limit))
    entries = store.at_keys([key for _, key in rows])
    posts = (
        (at, key, entry, entry and entry.body and parse(entry.body))
        for (at, key), entry in zip(rows, entries, strict=True)
    )
    return [Shown(at, key, entry, post) for at, key, entry, post in posts if entry and post]


def _of_author(store: SqliteEntryStore, author: AuthorId, wanted: Wanted) -> list[Shown]:
    """The end of one author's log, read backwards until there are enough."""
    log_id = LogId(author, LOG_FEED)
    head = (store.state(log_id) or NOTHING_HELD).head
    last = head.seq if head is not None else 0
    found: list[Shown] = []
    while last > 0 and len(found) < wanted.limit:
        first = max(1, last - max(wanted.limit, _PAGE) + 1)
        entries = store.range(log_id, first, last, _READ_BYTES)
        keys = [store.key_of(entry.id) for entry in entries]
        shown = [each for each in show(store, keys) if wanted.fits(each)]
        found = shown + found
        if entries and entries[-1].seq < last:
            found += [
                each for each in _of_rest(store, log_id, entries[-1].seq + 1, last) if wanted.fits(each)
            ]
        if shown == [] and entries and entries[-1].time_ms < wanted.since_ms:
            break
        last = first - 1
    return found


def _of_rest(store: SqliteEntryStore, log_id: LogId, first: int, last: int) -> list[Shown]:
    """What a read that met its limit of bytes left out."""
    found: list[Shown] = []
    while first <= last and (entries := store.range(log_id, first, last, _READ_BYTES)):
        found += show(store, [store.key_of(entry.id) for entry in entries])
        first = entries[-1].seq + 1
    return found


def _answers(store: SqliteEntryStore, parent: EntryId, wanted: Wanted) -> list[Shown]:
    with store.views() as views:
        rows = views.execute("SELECT k FROM feed_links WHERE parent = ?", (tie_of(parent),))
    return [shown for shown in show(store, [key for (key,) in rows]) if wanted.fits(shown)]


def _found(store: SqliteEntryStore, index: SearchIndex, wanted: Wanted) -> list[Shown]:
    found: list[Shown] = []
    before = None
    while len(found) < wanted.limit:
        hits = index.search(wanted.search or "", _PAGE, since_ms=wanted.since_ms, before=before)
        found += (shown for shown in show(store, [hit.key for hit in hits]) if wanted.fits(shown))
        if len(hits) < _PAGE:
            break
        before = hits[-1]
    return found


def fresh(store: SqliteEntryStore, keys: Iterable[int], wanted: Wanted) -> list[Shown]:
    """Of entries that came just now, the posts that are wanted, in the order of the view."""
    shown = [each for each in show(store, list(keys)) if wanted.fits(each)]
    return sorted(shown, key=lambda each: (each.at, each.entry.id))
