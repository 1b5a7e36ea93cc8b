"""Timelines: which posts stand in them. Synchronous.

What the reader mutes or blocks is left out here, page by page, so that an answer has as many posts as were
asked for where there are so many.
"""

from collections.abc import Callable
from typing import Final

from node.apps.feed import service as feed
from store.ids import AuthorId
from store.sqlite.entries import SqliteEntryStore

_SPARE: Final = 10
"""Posts read beyond those that are wanted: some are left out."""

_LARGEST_PAGE: Final = 2_000
"""Posts that are looked at together."""

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
