"""What the feed answers: posts in the order of the view, of an author, found by words, answers to one.

An answer holds the newest posts that are wanted, in the order of the view. Newest is by that order, too,
with two exceptions, so that no answer costs a walk through everything: of each author it is by the place in
the author's log, whose claimed times do not go backwards, and of found posts by claimed time. They differ
where an author's clock was behind that of whom the author answered. Authors are devices; of a member's all
are asked for.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from node.apps.feed.bodies import Post, parse
from node.apps.feed.fold import tie_of
from node.words import PROBES_AT_MOST, Words
from store.entry import Entry
from store.errors import NotFound
from store.ids import LOG_FEED, AuthorId, EntryId
from store.interface import NOTHING_HELD
from store.log import LogId
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

_PAGE: Final = 200
"""Entries of a log that are looked at together: a few ms."""

_PAGE_BYTES: Final = 16 * 2**20
"""More than a page of the largest entries has."""


_SPARE: Final = 10
"""Hits beyond those that are wanted: some are of other apps."""

_ORDER: Final = (
    "SELECT at FROM feed_timeline WHERE k = ?1 AND tie = ?2"
    " AND at = coalesce((SELECT at FROM feed_lifted WHERE k = ?1), ?3)"
)


class Shown(NamedTuple):
    """A post as it is shown."""

    at: int
    """Order in the view, ms."""
    entry: Entry
    post: Post


class Wanted(NamedTuple):
    """Which posts are asked for; all conditions together."""

    limit: int
    """The newest so many."""
    until: int
    """Posts of a later order (ms) are hidden: they claim to be from the future."""
    since_ms: int = 0
    """Posts of an earlier order are left out."""
    authors: frozenset[AuthorId] | None = None
    """Whose posts; None: everybody's."""
    words: Words | None = None
    replies_to: EntryId | None = None

    def fits(self, shown: Shown) -> bool:
        """Is it one of these? Words are looked at last, by `has_words`."""
        return (
            self.since_ms <= shown.at <= self.until
            and (self.authors is None or shown.entry.author in self.authors)
            and (self.replies_to is None or shown.entry.links[:1] == (self.replies_to,))
        )


def read(store: SqliteEntryStore, wanted: Wanted) -> list[Shown]:
    """The newest posts that are wanted, oldest first. Raises: as `Words.hits`, where words are wanted."""
    if wanted.limit < 1:
        return []
    if wanted.replies_to is not None:
        found = _answers(store, wanted.replies_to, wanted)
    elif wanted.words is not None:
        found = _found(store, wanted.words, wanted)
    elif wanted.authors is not None:
        found = _of_authors(store, wanted.authors, wanted)
    else:
        found = _newest(store, wanted)
    return in_order(found)[-wanted.limit :]


def in_order(posts: Sequence[Shown]) -> list[Shown]:
    """Posts in the order of the view."""
    return sorted(posts, key=lambda shown: (shown.at, shown.entry.id))


def at_keys(store: SqliteEntryStore, keys: Sequence[int]) -> list[Shown | None]:
    """The posts that have these keys; None where one is no post, or its body is not here."""
    entries = store.at_keys(keys)
    with store.views() as views:
        return [_shown(views, key, entry) for key, entry in zip(keys, entries, strict=True)]


def has_words(store: SqliteEntryStore, shown: Shown, words: Words | None) -> bool:
    """Does a post have these words? Raises: as `Words.hits`."""
    if words is None:
        return True
    try:
        return words.occur_in(store.key_of(shown.entry.id), shown.entry.time_ms)
    except NotFound:
        return False


def hidden(views: ReadViews, until: int, limit: int) -> list[tuple[int, int]]:
    """Order (ms) and key of the posts that are hidden, those that are hidden for the shortest first."""
    sql = "SELECT at, k FROM feed_timeline WHERE at > ? ORDER BY at, tie LIMIT ?"
    return [(at, key) for at, key in views.execute(sql, (until, limit))]


def _shown(views: ReadViews, key: int, entry: Entry | None) -> Shown | None:
    if entry is None or entry.body is None or entry.log != LOG_FEED:
        return None
    post = parse(entry.body)
    at = None if post is None else _order_at(views, entry, key)
    return None if at is None or post is None else Shown(at, entry, post)


def _newest(store: SqliteEntryStore, wanted: Wanted) -> list[Shown]:
    sql = "SELECT at, k FROM feed_timeline WHERE at BETWEEN ? AND ? ORDER BY at DESC, tie DESC LIMIT ?"
    with store.views() as views:
        rows = views.execute(sql, (wanted.since_ms, wanted.until, wanted.limit))
    entries = store.at_keys([key for _, key in rows])
    found = []
    for (at, _), entry in zip(rows, entries, strict=True):
        post = None if entry is None or entry.body is None else parse(entry.body)
        if entry is not None and post is not None:
            found.append(Shown(at, entry, post))
    return found


def _of_authors(store: SqliteEntryStore, authors: frozenset[AuthorId], wanted: Wanted) -> list[Shown]:
    return [shown for author in authors for shown in _of_author(store, author, wanted)]


def _of_author(store: SqliteEntryStore, author: AuthorId, wanted: Wanted) -> list[Shown]:
    """The end of one author's log, read backwards until there are enough, or all are too old."""
    found: list[Shown] = []
    for entries in _backwards(store, LogId(author, LOG_FEED)):
        shown = [post for post in _shown_of(store, entries) if wanted.fits(post)]
        found += [post for post in reversed(shown) if has_words(store, post, wanted.words)]
        if len(found) >= wanted.limit or all(entry.time_ms < wanted.since_ms for entry in entries):
            break
    return found[: wanted.limit]


def _backwards(store: SqliteEntryStore, log_id: LogId) -> Iterator[list[Entry]]:
    """A log in pages from its end, each in ascending order."""
    head = (store.state(log_id) or NOTHING_HELD).head
    last = 0 if head is None else head.seq
    while last > 0:
        entries = store.range(log_id, max(1, last - _PAGE + 1), last, _PAGE_BYTES)
        if entries:
            yield entries
        last -= _PAGE


def _shown_of(store: SqliteEntryStore, entries: Sequence[Entry]) -> list[Shown]:
    """The posts among entries of a feed. One without links stands at its claimed time: no look is needed."""
    found = []
    for entry in entries:
        post = None if entry.body is None else parse(entry.body)
        at = None if post is None else _order_of(store, entry) if entry.links else entry.time_ms
        if post is not None and at is not None:
            found.append(Shown(at, entry, post))
    return found


def _order_of(store: SqliteEntryStore, entry: Entry) -> int | None:
    try:
        key = store.key_of(entry.id)
    except NotFound:
        return None
    with store.views() as views:
        return _order_at(views, entry, key)


def _order_at(views: ReadViews, entry: Entry, key: int) -> int | None:
    """The order of a post in ms; None where it is not in the view."""
    rows = views.execute(_ORDER, (key, tie_of(entry.id), entry.time_ms))
    return int(rows[0][0]) if rows else None


def _answers(store: SqliteEntryStore, parent: EntryId, wanted: Wanted) -> list[Shown]:
    with store.views() as views:
        rows = views.execute("SELECT k FROM feed_links WHERE parent = ?", (tie_of(parent),))
    posts = at_keys(store, [key for (key,) in rows])
    found: list[Shown] = []
    for post in reversed(in_order([post for post in posts if post is not None and wanted.fits(post)])):
        if has_words(store, post, wanted.words):
            found.append(post)
        if len(found) >= wanted.limit:
            break
    return found


def _found(store: SqliteEntryStore, words: Words, wanted: Wanted) -> list[Shown]:
    found: list[Shown] = []
    looked_at = 0
    authors = wanted.authors
    first = _PAGE if authors is not None else wanted.limit + _SPARE
    probes = 0 if authors is None else PROBES_AT_MOST * sum(_length(store, author) for author in authors)
    for hits in words.hits(wanted.since_ms, wanted.until, first):
        posts = at_keys(store, [hit.key for hit in hits])
        found += [post for post in posts if post is not None and wanted.fits(post)]
        if len(found) >= wanted.limit:
            break
        looked_at += len(hits)
        if authors is not None and looked_at > probes:
            return _of_authors(store, authors, wanted)
    return found


def _length(store: SqliteEntryStore, author: AuthorId) -> int:
    head = (store.state(LogId(author, LOG_FEED)) or NOTHING_HELD).head
    return 0 if head is None else head.seq
