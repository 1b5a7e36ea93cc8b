"""Following the feed: what was already there once, then each post as it comes, each exactly once.

A follower goes along the entries in the order of arrival by their keys, so it loses none however fast
they come, and nobody keeps anything for it. Two kinds of posts come later than their entries: those whose
body is still missing, and those that claim a time in the future. It remembers a bounded number of each.

Synchronous; who waits for the next commit, and in which thread this runs, is the caller's.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed import service as feed
from node.limits import FOLLOW_BATCH, MAX_AWAITED_BODIES
from node.looking import Json
from node.social.queries import SocialQueries
from node.store_faults import told_plainly
from store.ids import LOG_FEED
from store.sqlite.views import ReadViews

_CHANGES_AT_ONCE: Final = 1_000

MAX_PATIENCE_S: Final = 600.0
"""A clock may be set: whoever waits for a time looks at it again now and then."""


class Step(NamedTuple):
    """What came since the last step."""

    posts: list[Json]
    is_last: bool
    """Nothing more is there at present."""


class Following:
    """One follower. For one thread at a time."""

    def __init__(self, queries: SocialQueries, wanted: feed.Wanted) -> None:
        self._queries = queries
        self._store = queries.look.home.entries
        self._wanted = wanted
        self._told: frozenset[bytes] = frozenset()
        """Ids of the posts that were already there."""
        self._last_key = 0
        self._change = 0
        """Changes to bodies up to this number were looked at."""
        self._awaited: set[int] = set()
        """Keys of entries whose body is missing."""
        self._hidden: list[tuple[int, int]] = []
        """Order and key of posts from the future, the nearest first."""

    @told_plainly()
    def begin(self) -> list[Json]:
        """What is there already. What comes meanwhile is told by the first step, and not twice."""
        self._change = self._store.last_change()
        self._last_key = self._store.last_key()
        with self._store.views() as views:
            self._awaited = set(_without_body(views, self._last_key))
            self._hidden = feed.hidden(views, self._queries.look.until(), MAX_AWAITED_BODIES)
        shown = feed.read(self._store, self._wanted)
        self._told = frozenset(post.entry.id for post in shown)
        return self._queries.posts_shown(shown)

    def has_news(self) -> bool:
        """May a step find something? Reads nothing from the disk."""
        return bool(self._awaited) or self._store.last_key() != self._last_key

    def patience_s(self) -> float:
        """How long it may take until a hidden post can be shown; infinite where there is none."""
        if not self._hidden:
            return float("inf")
        ahead_ms = self._hidden[0][0] - self._queries.look.until()
        return min(max(0.0, ahead_ms / 1_000), MAX_PATIENCE_S)

    @told_plainly()
    def step(self) -> Step:
        """The next posts, of at most `FOLLOW_BATCH` entries."""
        back = self._bodies_that_came()
        before, came = self._last_key, self._store.after_key(self._last_key, FOLLOW_BATCH)
        self._last_key = came.last_key
        fresh: list[int] = []
        for first_key, entries in came.runs:
            if entries[0].log == LOG_FEED:
                for key, entry in enumerate(entries, first_key):
                    if entry.body is None:
                        self._await(key)
                    else:
                        fresh.append(key)
        return Step(self._shown([*back, *fresh, *self._due()]), came.last_key == before)

    def _bodies_that_came(self) -> list[int]:
        """Keys of entries that were waited for and have their body now."""
        back: list[int] = []
        while changes := self._store.body_changes(self._change, _CHANGES_AT_ONCE):
            self._change = changes[-1].change
            changed = sorted(self._awaited.intersection(change.key for change in changes))
            entries = self._store.at_keys(changed)
            came = [key for key, entry in zip(changed, entries, strict=True) if entry and entry.body]
            self._awaited.difference_update(came)
            back += came
        return back

    def _await(self, key: int) -> None:
        self._awaited.add(key)
        if len(self._awaited) > MAX_AWAITED_BODIES:
            self._awaited.discard(min(self._awaited))

    def _due(self) -> list[int]:
        """Keys of posts that are no longer from the future."""
        until = self._queries.look.until()
        due: list[int] = []
        while self._hidden and self._hidden[0][0] <= until:
            due.append(heapq.heappop(self._hidden)[1])
        return due

    def _shown(self, keys: Sequence[int]) -> list[Json]:
        """Those of the posts that are wanted now, in the order of the view; what is hidden is put aside."""
        wanted = self._wanted._replace(until=self._queries.look.until())
        found = zip(keys, feed.at_keys(self._store, keys), strict=True)
        posts = [(key, post) for key, post in found if post is not None]
        self._hide((post.at, key) for key, post in posts if post.at > wanted.until)
        fit = [post for _, post in posts if self._fits(post, wanted)]
        return self._queries.posts_shown(feed.in_order(fit)) if fit else []

    def _hide(self, posts: Iterable[tuple[int, int]]) -> None:
        for post in posts:
            heapq.heappush(self._hidden, post)
        if len(self._hidden) > MAX_AWAITED_BODIES:
            self._hidden = heapq.nsmallest(MAX_AWAITED_BODIES, self._hidden)

    def _fits(self, post: feed.Shown, wanted: feed.Wanted) -> bool:
        return (
            post.entry.id not in self._told
            and wanted.fits(post)
            and feed.has_words(self._store, post, wanted.words)
        )


def _without_body(views: ReadViews, last_key: int) -> list[int]:
    """Keys of the newest entries whose body is missing."""
    sql = "SELECT k FROM bodies_missing WHERE k <= ? ORDER BY k DESC LIMIT ?"
    return [key for (key,) in views.execute(sql, (last_key, MAX_AWAITED_BODIES))]
