"""Orders of posts: looked up for many at a time, and put right where a parent came late or went.

A post that comes late lifts those that link to it, and those after them; one that goes lets them down.
Posts that this affects are visited in their old order, in which each stands after those it links to.
"""

import heapq
from collections.abc import Collection, Iterable
from typing import Final

from node.apps.feed import bodies
from node.apps.feed.tables import tie_of
from node.apps.kit import Place, Reach
from store.entry import Entry
from store.ids import LOG_FEED, EntryId
from store.sqlite.views import Views

ORDERS: Final = "SELECT k, at, tie FROM carray(?) AS wanted CROSS JOIN feed_posts ON k = wanted.value"
"""Order and tie of posts by their keys."""

_AHEAD: Final = 256
"""Posts that are read together before they are put right: at most 8 MB of bodies."""


class Ordering:
    """Which posts are in the view, and where. Keeps what it has looked up."""

    def __init__(self, views: Views, reach: Reach) -> None:
        self._views = views
        self._reach = reach
        self._posts: dict[EntryId, Place | None] = {}
        self._orders: dict[int, int] = {}

    def learn(self, ids: Iterable[EntryId]) -> None:
        """Look these entries up."""
        wanted = [entry_id for entry_id in ids if entry_id not in self._posts]
        places = self._reach.find_all(wanted)
        keys = sorted({place.key for place in places.values() if place.log == LOG_FEED})
        found = {key: (at, tie) for key, at, tie in self._views.execute_for(ORDERS, keys)}
        for entry_id in wanted:
            place = places.get(entry_id)
            at, tie = found.get(place.key, (0, -1)) if place is not None else (0, -1)
            if place is None or tie != tie_of(entry_id):
                self._posts[entry_id] = None
            else:
                self._posts[entry_id] = place
                self._orders.setdefault(place.key, at)

    def post(self, entry_id: EntryId) -> Place | None:
        """Where a post lies; None where the view has none of that id."""
        if entry_id not in self._posts:
            self.learn((entry_id,))
        return self._posts[entry_id]

    def orders_at(self, keys: Collection[int]) -> dict[int, int]:
        """The orders of posts by their keys; without those that are in no view."""
        unknown = sorted({key for key in keys if key not in self._orders})
        self._orders.update({key: at for key, at, _ in self._views.execute_for(ORDERS, unknown)})
        return {key: self._orders[key] for key in keys if key in self._orders}

    def order_at(self, key: int) -> int | None:
        """The order of the post of a key, in ms; None where the view has none."""
        return self.orders_at((key,)).get(key)

    def right_order(self, entry: Entry) -> int:
        """The order that a post has to have."""
        right = entry.time_ms
        for link in entry.links:
            place = self.post(link)
            if place is not None and self._orders[place.key] >= right:
                right = self._orders[place.key] + 1
        return right

    def move(self, key: int, at: int) -> None:
        """Note that a post stands elsewhere now."""
        self._orders[key] = at


def put_right(views: Views, reach: Reach, ordering: Ordering, keys: Iterable[int]) -> None:
    """Put posts at their right places, and those after them that this affects."""
    queue: list[tuple[int, int]] = []
    queued: set[int] = set()

    def visit(later: Iterable[int]) -> None:
        for key, at in ordering.orders_at([key for key in later if key not in queued]).items():
            queued.add(key)
            heapq.heappush(queue, (at, key))

    visit(keys)
    near: dict[int, Entry | None] = {}
    while queue:
        _, key = heapq.heappop(queue)
        queued.discard(key)
        if key not in near:
            near = reach.all_at([key, *(later for _, later in queue[: _AHEAD - 1])])
            ordering.learn({link for entry in near.values() if entry is not None for link in entry.links})
        entry = near[key]
        at = ordering.order_at(key)
        if entry is None or at is None:
            continue
        right = ordering.right_order(entry)
        if right != at:
            _move(views, ordering, key, entry, (at, right))
            ordering.move(key, right)
            sql = "SELECT k FROM feed_links WHERE parent = ?"
            visit([later for (later,) in views.execute(sql, (tie_of(entry.id),))])


def _move(views: Views, ordering: Ordering, key: int, entry: Entry, moved: tuple[int, int]) -> None:
    """Give a post's rows another order."""
    at, right = moved
    tie = tie_of(entry.id)
    views.execute("UPDATE feed_posts SET at = ? WHERE k = ?", (right, key))
    views.execute("UPDATE feed_timeline SET at = ? WHERE at = ? AND tie = ? AND k = ?", (right, at, tie, key))
    for link in entry.links:
        sql = "UPDATE feed_links SET at = ? WHERE parent = ? AND at = ? AND tie = ? AND k = ?"
        views.execute(sql, (right, tie_of(link), at, tie, key))
    said = None if entry.body is None else bodies.parse(entry.body)
    if type(said) is not bodies.Post:  # its body is damaged: look through all rows
        for table in ("feed_topics", "feed_addressed"):
            views.execute(f"UPDATE {table} SET at = ? WHERE k = ?", (right, key))
        return
    for topic in said.topics:
        sql = "UPDATE feed_topics SET at = ? WHERE topic = ? AND at = ? AND tie = ? AND k = ?"
        views.execute(sql, (right, topic, at, tie, key))
    whos = {tie_of(who) for _, who in said.mentions}
    parent = ordering.post(entry.links[0]) if entry.links else None
    if parent is not None:
        whos.add(tie_of(parent.author))
    for who in whos:
        sql = "UPDATE feed_addressed SET at = ? WHERE who = ? AND at = ? AND tie = ? AND k = ?"
        views.execute(sql, (right, who, at, tie, key))
