"""What the feed answers: posts in the order of the view, of authors, with a topic or words; answers, threads.

An answer holds the newest posts that are wanted, in the order of the view. Newest is by that order, too,
with two exceptions, so that no answer costs a walk through everything: of each author it is by the place in
the author's log, as far as that differs by more than a day, and of found posts by claimed time. They differ
where an author's clock was behind that of whom the author answered. Authors are devices; of a member's all
are asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from node.apps.feed.bodies import Post, parse
from node.apps.feed.shown import Place, Shown, TopicCount, Wanted
from node.apps.feed.tables import rest_of, tie_of
from node.words import PROBES_AT_MOST, Words
from store.entry import Entry
from store.errors import NotFound
from store.ids import LOG_FEED, AuthorId, EntryId
from store.interface import NOTHING_HELD
from store.log import LogId
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

__all__ = [
    "Shown",
    "Wanted",
    "at_keys",
    "find",
    "has_words",
    "hidden",
    "in_order",
    "read",
    "target_of",
    "thread",
    "topics",
]

_PAGE: Final = 200
"""Entries of a log that are looked at together: a few ms."""

LARGEST_PAGE: Final = 3_200
"""Rows of a table that are looked at together, where many do not fit."""

_PAGE_BYTES: Final = 16 * 2**20
"""More than a page of the largest entries has."""

_SPARE: Final = 10
"""Hits beyond those that are wanted: some are of other apps."""

_LIFTED_MS: Final = 24 * 60 * 60 * 1_000
"""How far above its claimed time a post of an author is looked for: what is further ahead is hidden."""

_PAGES_FURTHER: Final = 10
"""Pages of an author's log that are looked through for such posts alone, at most."""

_ORDERS: Final = "SELECT k, at, tie FROM carray(?) AS wanted CROSS JOIN feed_posts ON k = wanted.value"
_TIMELINE: Final = """
    SELECT at, tie, k FROM feed_timeline
    WHERE at BETWEEN ? AND ? AND (at, tie, k) < (?, ?, ?) ORDER BY at DESC, tie DESC, k DESC LIMIT ?
"""
_OF_TOPIC: Final = """
    SELECT at, tie, k FROM feed_topics
    WHERE topic = ? AND at BETWEEN ? AND ? AND (at, tie, k) < (?, ?, ?)
    ORDER BY at DESC, tie DESC, k DESC LIMIT ?
"""
_THREAD: Final = """
    SELECT at, tie, k FROM feed_links
    WHERE parent = ? AND rest = ? AND at <= ? ORDER BY at DESC, tie DESC LIMIT ?
"""
_COUNTS: Final = """
    SELECT topic, count(*) AS messages, max(at) AS last FROM feed_topics
    WHERE topic >= ? AND topic < ? AND at BETWEEN ? AND ?
    GROUP BY topic ORDER BY messages DESC, last DESC, topic LIMIT ?
"""


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
    elif wanted.topics is not None:
        found = _of_topics(store, wanted.topics, wanted)
    else:
        found = _in_pages(store, wanted, _TIMELINE, ())
    return in_order(found)[-wanted.limit :]


def in_order(posts: Sequence[Shown]) -> list[Shown]:
    """Posts in the order of the view."""
    return sorted(posts, key=lambda shown: (shown.at, shown.entry.id))


def at_keys(store: SqliteEntryStore, keys: Sequence[int]) -> list[Shown | None]:
    """The posts that have these keys; None where one is no post, or its body is not here."""
    entries = store.at_keys(keys)
    with store.views() as views:
        orders = _orders(views, keys)
    return [_shown(entry, orders.get(key)) for key, entry in zip(keys, entries, strict=True)]


def find(store: SqliteEntryStore, entry_id: EntryId) -> Shown | None:
    """The post that has this id; None where it is not held, is no post, or its body is not here."""
    try:
        [shown] = at_keys(store, [store.key_of(entry_id)])
    except NotFound:
        return None
    return shown


def target_of(store: SqliteEntryStore, entry_id: EntryId) -> EntryId | None:
    """The post that a correction, a translation or a reaction is about; None: the entry is none of these."""
    try:
        entry = store.entry(entry_id)
    except NotFound:
        return None
    if entry.log != LOG_FEED or entry.body is None or not entry.links:
        return None
    said = parse(entry.body)
    return None if said is None or isinstance(said, Post) else entry.links[0]


def thread(store: SqliteEntryStore, root: EntryId, until: int, limit: int) -> list[Shown]:
    """A thread in the order of the view: its root, if it is here, and the newest `limit` that link to it."""
    with store.views() as views:
        rows = views.execute(_THREAD, (tie_of(root), rest_of(root), until, limit))
    posts = at_keys(store, [key for _, _, key in rows])
    linked = [post for post in posts if post is not None and root in post.entry.links]
    first = find(store, root)
    return in_order([*linked, first] if first is not None and first.at <= until else linked)


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
    sql = "SELECT at, tie, k FROM feed_timeline WHERE at > ? ORDER BY at, tie LIMIT ?"
    return [(at, key) for at, _, key in views.execute(sql, (until, limit))]


def topics(store: SqliteEntryStore, begins: str, since_ms: int, until: int, limit: int) -> list[TopicCount]:
    """The topics that begin so, those with most messages first."""
    bounds = (begins, f"{begins}\U0010ffff", since_ms, until)
    with store.views() as views:
        rows = views.execute(_COUNTS, (*bounds, limit))
    return [TopicCount(*row) for row in rows]


# --- rows and entries -----------------------------------------------------------------------------------


def _orders(views: ReadViews, keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Order and tie of the posts of these keys."""
    return {key: (at, tie) for key, at, tie in views.execute_for(_ORDERS, sorted(set(keys)))}


def _shown(entry: Entry | None, place: tuple[int, int] | None) -> Shown | None:
    if entry is None or place is None or entry.body is None or entry.log != LOG_FEED:
        return None
    at, tie = place
    if tie != tie_of(entry.id):
        return None
    post = parse(entry.body)
    return Shown(at, entry, post) if isinstance(post, Post) else None


def _in_pages(store: SqliteEntryStore, wanted: Wanted, sql: str, first: tuple[str, ...]) -> list[Shown]:
    """The newest posts of a table that fit, newest first; `first`: what its rows begin with."""
    found: list[Shown] = []
    size = wanted.limit + 1
    bound = first_bound(wanted.until, wanted.before)
    while True:
        with store.views() as views:
            rows = views.execute(sql, (*first, wanted.since_ms, min(wanted.until, bound[0]), *bound, size))
        entries = store.at_keys([key for _, _, key in rows])
        posts = [_shown(entry, (at, tie)) for (at, tie, _), entry in zip(rows, entries, strict=True)]
        found += [post for post in posts if post is not None and wanted.fits(post)]
        if len(rows) < size or is_enough([post.place for post in found], wanted.limit, rows[-1]):
            return found
        bound = rows[-1]
        size = min(2 * size, LARGEST_PAGE)


def first_bound(until: int, before: Place | None) -> tuple[int, int, int]:
    """What rows (order, tie, key) before a place are less than, with all that share its tie."""
    return (until + 1, 0, 0) if before is None else (before[0], tie_of(before[1]) + 1, 0)


def is_enough(found: Sequence[Place], limit: int, last_row: tuple[int, int, int]) -> bool:
    """Are there so many, and all that share order and tie with the last of them? The newest come first."""
    if len(found) < limit:
        return False
    at, entry_id = found[limit - 1]
    return last_row[:2] < (at, tie_of(entry_id))


def _of_topics(store: SqliteEntryStore, topics: frozenset[str], wanted: Wanted) -> list[Shown]:
    found = [post for topic in topics for post in _in_pages(store, wanted, _OF_TOPIC, (topic,))]
    return list({post.entry.id: post for post in found}.values())


# --- of authors -----------------------------------------------------------------------------------------


def _of_authors(store: SqliteEntryStore, authors: frozenset[AuthorId], wanted: Wanted) -> list[Shown]:
    return [shown for author in authors for shown in _of_author(store, author, wanted)]


def _of_author(store: SqliteEntryStore, author: AuthorId, wanted: Wanted) -> list[Shown]:
    """The end of one author's log, read backwards until there are enough, or all are too old."""
    found: list[Shown] = []
    further = 0
    for entries in _backwards(store, LogId(author, LOG_FEED), wanted):
        shown = [post for post in _shown_of(store, entries) if wanted.fits(post)]
        found += [post for post in shown if has_words(store, post, wanted.words)]
        found = in_order(found)[-wanted.limit :]
        first_ms = max(wanted.since_ms, found[0].at if len(found) == wanted.limit else 0)
        latest_ms = max(entry.time_ms for entry in entries)
        further += latest_ms < first_ms
        if latest_ms < first_ms - _LIFTED_MS or further >= _PAGES_FURTHER:
            break
    return found


def _backwards(store: SqliteEntryStore, log_id: LogId, wanted: Wanted) -> Iterator[list[Entry]]:
    """A log in pages from its end, or from where it may be old enough, each in ascending order."""
    head = (store.state(log_id) or NOTHING_HELD).head
    last = 0 if head is None else head.seq
    if wanted.before is not None:
        last = _last_seq(store, log_id, last, wanted.before[0])
    while last > 0:
        entries = store.range(log_id, max(1, last - _PAGE + 1), last, _PAGE_BYTES)
        if entries:
            yield entries
        last -= _PAGE


def _last_seq(store: SqliteEntryStore, log_id: LogId, last: int, time_ms: int) -> int:
    """The last seq of a log that claims no later time: no post stands before the time that it claims."""
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        entries = store.range(log_id, middle, middle, _PAGE_BYTES)
        if entries and entries[0].time_ms > time_ms:
            high = middle - 1
        else:
            low = middle
    return low


def _shown_of(store: SqliteEntryStore, entries: Sequence[Entry]) -> list[Shown]:
    """The posts among entries of a feed. One without links stands at its claimed time: no look is needed."""
    posts = [(entry, parse(entry.body)) for entry in entries if entry.body is not None]
    keys = {each.id: key for key, each in store.headers_of([entry.id for entry, _ in posts if entry.links])}
    with store.views() as views:
        orders = _orders(views, keys.values())
    found = []
    for entry, post in posts:
        at = orders.get(keys.get(entry.id, 0), (None, 0))[0] if entry.links else entry.time_ms
        if at is not None and isinstance(post, Post):
            found.append(Shown(at, entry, post))
    return found


# --- answers and words ----------------------------------------------------------------------------------


def _answers(store: SqliteEntryStore, parent: EntryId, wanted: Wanted) -> list[Shown]:
    with store.views() as views:
        rows = views.execute("SELECT k FROM feed_links WHERE parent = ? AND place = 0", (tie_of(parent),))
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
    until = wanted.until if wanted.before is None else min(wanted.until, wanted.before[0])
    first = _PAGE if authors is not None else wanted.limit + _SPARE
    probes = 0 if authors is None else PROBES_AT_MOST * sum(_length(store, author) for author in authors)
    for hits in words.hits(wanted.since_ms, until, first):
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
