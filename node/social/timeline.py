"""Timelines, threads and the inbox: which posts stand in them, in which order. Synchronous.

What the reader mutes or blocks is left out here, page by page, so that an answer has as many posts as were
asked for where there are so many.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from node.apps.feed import service as feed
from store.entry import Entry
from store.ids import AuthorId, EntryId
from store.sqlite.entries import SqliteEntryStore

_SPARE: Final = 10
"""Posts read beyond those that are wanted: some are left out."""

_LARGEST_PAGE: Final = 2_000
"""Posts that are looked at together."""

_LACKING: Final = 200
"""Places of a thread without a message, at most: links may lead through all that there ever was."""

_SCANNED: Final = 4_000
"""Newest posts that are looked through for what is followed, some 50 ms; who follows few and seldom heard
people is answered from their logs instead."""

Passes = Callable[[feed.Shown], bool]


def newest(store: SqliteEntryStore, wanted: feed.Wanted, passes: Passes) -> list[feed.Shown]:
    """The newest of the posts that are wanted and that pass, oldest first."""
    found, _ = _scan(store, wanted, passes, None)
    return found


def followed(
    store: SqliteEntryStore,
    wanted: feed.Wanted,
    passes: Passes,
    authors: frozenset[AuthorId],
    topics: frozenset[str],
) -> list[feed.Shown]:
    """The newest of the posts that are wanted and that pass: only of these authors, or with these topics."""
    found, is_whole = _scan(store, wanted, passes, _SCANNED)
    if is_whole:
        return found
    several = newest(store, wanted._replace(authors=authors), passes)
    if topics:
        several += newest(store, wanted._replace(topics=topics), passes)
    posts = {shown.entry.id: shown for shown in several}
    return feed.in_order(list(posts.values()))[-wanted.limit :]


def _scan(
    store: SqliteEntryStore, wanted: feed.Wanted, passes: Passes, at_most: int | None
) -> tuple[list[feed.Shown], bool]:
    """The newest that pass, oldest first; False: after `at_most` there might be more."""
    if wanted.limit < 1:
        return [], True
    found: list[feed.Shown] = []
    size, before, seen = wanted.limit + _SPARE, wanted.before, 0
    while True:
        page = feed.read(store, wanted._replace(limit=size, before=before))
        found += filter(passes, reversed(page))
        seen += len(page)
        if len(found) >= wanted.limit or len(page) < size:
            return found[: wanted.limit][::-1], True
        if at_most is not None and seen >= at_most:
            return [], False
        before = (page[0].at, page[0].entry.id)
        size = min(2 * size, _LARGEST_PAGE)


class Node(NamedTuple):
    """A place in a thread."""

    id: EntryId
    depth: int
    """0: the root."""
    entry: Entry | None
    """None: it is not held here."""
    shown: feed.Shown | None
    """None: its text is not here, or it is no post."""


def tree(store: SqliteEntryStore, root: EntryId, posts: Sequence[feed.Shown]) -> list[Node]:
    """A thread in the order in which it is read: each post after what it answers, set in by one.

    What is answered and is not among the posts has its place all the same, as far as headers tell.
    """
    shown = {post.entry.id: post for post in posts}
    entries: dict[EntryId, Entry] = {post.entry.id: post.entry for post in posts}
    parents: dict[EntryId, EntryId] = {}
    waiting = [root, *entries]
    known = set(waiting)
    most = len(known) + _LACKING
    while waiting:
        lacking = [each for each in waiting if each not in entries]
        for _, entry in store.headers_of(lacking):
            entries[entry.id] = entry
        following = []
        for each in waiting:
            header = entries.get(each)
            parent = header.links[0] if each != root and header is not None and header.links else None
            if parent is not None and parent not in known and len(known) >= most:
                parent = None
            parents[each] = root if parent is None else parent
            if parent is not None and parent not in known:
                known.add(parent)
                following.append(parent)
        waiting = following
    children: dict[EntryId, list[EntryId]] = {}
    for each in known:
        if each != root:
            children.setdefault(parents[each], []).append(each)

    def order(each: EntryId) -> tuple[int, bytes]:
        post, entry = shown.get(each), entries.get(each)
        return (post.at if post is not None else entry.time_ms if entry is not None else 0, each)

    nodes: list[Node] = []
    stack = [(root, 0)]
    placed: set[EntryId] = set()
    while stack:
        each, depth = stack.pop()
        if each in placed:
            continue
        placed.add(each)
        nodes.append(Node(each, depth, entries.get(each), shown.get(each)))
        below = sorted(children.get(each, ()), key=order, reverse=True)
        stack += [(child, depth + 1) for child in below]
    return nodes
