"""Orders of posts: looked up for many at a time, and put right where a parent came late or went.

A post that comes late lifts the answers to it, and the answers to those; one that goes lets them down. It
does so `MAX_LIFT` answers deep and no deeper. The right order follows from what the posts above claim and
from nothing that was computed before, so each post is visited once, in whatever order.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed import bodies
from node.apps.feed.tables import rest_of, tie_of
from node.apps.kit import Place, Reach
from store.entry import Entry
from store.ids import LOG_FEED, EntryId
from store.sqlite.views import Views

ORDERS: Final = "SELECT k, at, tie FROM carray(?) AS wanted CROSS JOIN feed_posts ON k = wanted.value"
"""Order and tie of posts by their keys."""

MAX_LIFT: Final = 16
"""Answers above a post that lift it. Part of the protocol. Without a bound an author of 10,000 answers in one
chain, whose parents come one by one, makes every node move the chain 10,000 times; with it a post is moved at
most once for each post that stands so near above it. A chain of more wrong clocks than this is rare."""

_ANSWERS: Final = (
    "SELECT parent, rest, k FROM carray(?) AS wanted CROSS JOIN feed_links"
    " ON parent = wanted.value WHERE place = 0"
)

_AHEAD: Final = 256
"""Posts that are read together before they are put right: at most 8 MB of bodies."""

_MAX_STEPS: Final = 65_536
"""Posts above others that are remembered within one transaction: some 15 MB."""


class _Step(NamedTuple):
    """A post above another one, on the way up."""

    time_ms: int
    """What it claims."""
    above: EntryId | None
    """What it answers."""


class Ordering:
    """Which posts are in the view, and where. Keeps what it has looked up."""

    def __init__(self, views: Views, reach: Reach) -> None:
        self._views = views
        self._reach = reach
        self._posts: dict[EntryId, Place | None] = {}
        self._orders: dict[int, int] = {}
        self._steps: dict[EntryId, _Step | None] = {}

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

    def may_be_lifted(self, entry: Entry) -> bool:
        """Does what a post answers stand at its claimed time or later?"""
        parent = self.post(entry.links[0]) if entry.links else None
        return parent is not None and self._orders[parent.key] >= entry.time_ms

    def right_orders(self, entries: Sequence[Entry]) -> list[int]:
        """The orders that posts have to have, in ms.

        That is the largest (claimed time of the post n answers above it) + n, n from 0 to `MAX_LIFT`.
        """
        right = [entry.time_ms for entry in entries]
        above = {place: entry.links[0] for place, entry in enumerate(entries) if entry.links}
        for lift in range(1, MAX_LIFT + 1):
            self._climb(above.values())
            for place, entry_id in list(above.items()):
                step = self._steps[entry_id]
                if step is not None:
                    right[place] = max(right[place], step.time_ms + lift)
                if step is None or step.above is None:
                    del above[place]
                else:
                    above[place] = step.above
        return right

    def _climb(self, ids: Iterable[EntryId]) -> None:
        """Learn what these claim and answer."""
        if len(self._steps) > _MAX_STEPS:
            self._steps.clear()
        wanted = {entry_id for entry_id in ids if entry_id not in self._steps}
        self.learn(wanted)
        places = {entry_id: self._posts[entry_id] for entry_id in wanted}
        headers = self._reach.headers_at({place.key for place in places.values() if place is not None})
        for entry_id, place in places.items():
            entry = None if place is None else headers.get(place.key)
            step = None if entry is None else _Step(entry.time_ms, next(iter(entry.links), None))
            self._steps[entry_id] = step

    def move(self, key: int, at: int) -> None:
        """Note that a post stands elsewhere now."""
        self._orders[key] = at


def put_right(views: Views, reach: Reach, ordering: Ordering, wrong: Iterable[int]) -> None:
    """Put posts at their right places, and those after them that this affects."""
    visited: set[int] = set()
    waiting = set(wrong)
    for _ in range(MAX_LIFT + 1):
        visited |= waiting
        below: set[int] = set()
        keys = sorted(waiting)
        for start in range(0, len(keys), _AHEAD):
            below |= _put_some_right(views, reach, ordering, keys[start : start + _AHEAD])
        waiting = below - visited


def _put_some_right(views: Views, reach: Reach, ordering: Ordering, keys: Sequence[int]) -> set[int]:
    """Put these posts at their places; the keys of the answers to those that are or were lifted."""
    orders = ordering.orders_at(keys)
    found = reach.headers_at(orders)
    entries = [(key, entry, orders[key]) for key, entry in found.items()]
    rights = ordering.right_orders([entry for _, entry, _ in entries])
    moves = {key: (at, right) for (key, _, at), right in zip(entries, rights, strict=True) if right != at}
    for key, whole in reach.all_at(sorted(moves)).items():
        if whole is not None:
            _move(views, ordering, key, whole, moves[key])
            ordering.move(key, moves[key][1])
    lifted = [entry for key, entry, at in entries if key in moves or at != entry.time_ms]
    return _answers(views, lifted)


def _answers(views: Views, posts: Sequence[Entry]) -> set[int]:
    """The keys of the posts in the view that answer these."""
    rests = {(tie_of(entry.id), rest_of(entry.id)) for entry in posts}
    rows = views.execute_for(_ANSWERS, sorted({tie for tie, _ in rests}))
    return {key for parent, rest, key in rows if (parent, rest) in rests}


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
