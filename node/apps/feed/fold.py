"""The view of the feed: which posts there are, in which order, and what answers what.

The order of a post is max(claimed time, 1 + the largest order among the posts that it links to and that
are in the view), so that an answer never stands before its question. Posts of one order stand by id.

    feed_timeline  (at, tie, k)   every post: order in ms, first 56 bits of its id, key of its entry
    feed_lifted    (k, at)        posts whose order is not their claimed time
    feed_links     (parent, k)    every link of a post: first 56 bits of the id linked to, key of the post

A post that comes late lifts those that link to it, and those after them; one that goes lets them down.
Posts that this affects are visited in their old order, in which each stands after those it links to.
Two ids may share their first bits: whoever reads `feed_links` looks at the links of the entry itself.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

from node.apps.feed.bodies import text_of
from node.apps.kit import Place, Reach, place_of
from store.entry import Entry
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import ReadViews, Schema, Views

SCHEMA: Final = Schema(
    "feed",
    1,
    (
        "CREATE TABLE feed_timeline (at INT, tie INT, k INT, PRIMARY KEY (at, tie, k)) WITHOUT ROWID",
        "CREATE TABLE feed_lifted (k INTEGER PRIMARY KEY, at INT NOT NULL)",
        "CREATE TABLE feed_links (parent INT, k INT, PRIMARY KEY (parent, k)) WITHOUT ROWID",
    ),
)

_TIE_BYTES: Final = 7
_ASK_AT_ONCE: Final = 500
"""Values in one IN list: few statements, and a statement that SQLite keeps prepared."""


def tie_of(entry_id: bytes) -> int:
    """The first 56 bits of an id as a number: ordered as ids are, and fits an SQLite integer."""
    return int.from_bytes(entry_id[:_TIE_BYTES], "big")


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take posts into the view. An entry without a body, or with one that is no post, is left out."""
    rows: list[tuple[int, int, int]] = []
    links: list[tuple[int, int]] = []
    linked: dict[int, Entry] = {}
    texts: dict[EntryId, str] = {}
    places: dict[EntryId, Place] = {}
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            text = None if entry.body is None else text_of(entry.body)
            if text is not None:
                texts[entry.id] = text
                places[entry.id] = place_of(key, entry)
                rows.append((entry.time_ms, tie_of(entry.id), key))
                if entry.links:
                    linked[key] = entry
                    links += [(tie_of(link), key) for link in entry.links]
    reach.texts.keep(texts)
    reach.places.note(places)
    rows.sort()
    views.insert_rows("feed_timeline", ("at", "tie", "k"), rows, "ON CONFLICT DO NOTHING")
    views.insert_rows("feed_links", ("parent", "k"), sorted(links), "ON CONFLICT DO NOTHING")
    answers = _answers(views, [tie for _, tie, _ in rows])
    if linked or answers:
        _Settling(views, reach, {entry_id: place.time_ms for entry_id, place in places.items()}).run(
            sorted(linked), answers
        )


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take posts out of the view."""
    ties: list[int] = []
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            tie = tie_of(entry.id)
            ties.append(tie)
            row = (_kept_order(views, key, entry), tie, key)
            views.execute("DELETE FROM feed_timeline WHERE at = ? AND tie = ? AND k = ?", row)
            views.execute("DELETE FROM feed_lifted WHERE k = ?", (key,))
            for link in entry.links:
                views.execute("DELETE FROM feed_links WHERE parent = ? AND k = ?", (tie_of(link), key))
    answers = _answers(views, ties)
    if answers:
        _Settling(views, reach, {}).run((), answers)


_ORDER: Final = """
    SELECT at FROM feed_timeline
    WHERE at = coalesce((SELECT at FROM feed_lifted WHERE k = ?1), ?2) AND tie = ?3 AND k = ?1
"""


def order_of(views: ReadViews, key: int, entry: Entry) -> int | None:
    """The order of a post in ms; None where it is not in the view."""
    return _order_at(views, entry.id, place_of(key, entry))


def _order_at(views: ReadViews, entry_id: EntryId, place: Place) -> int | None:
    """The order of the post with that id, if it is in the view at that place."""
    rows = views.execute(_ORDER, (place.key, place.time_ms, tie_of(entry_id)))
    return int(rows[0][0]) if rows else None


def _kept_order(views: ReadViews, key: int, entry: Entry) -> int:
    rows = views.execute("SELECT at FROM feed_lifted WHERE k = ?", (key,))
    return int(rows[0][0]) if rows else entry.time_ms


def _answers(views: ReadViews, ties: Sequence[int]) -> list[int]:
    """Keys of posts that may link to entries whose ids begin with these bits."""
    if not ties or not views.execute("SELECT 1 FROM feed_links LIMIT 1"):
        return []
    found: list[int] = []
    for start in range(0, len(ties), _ASK_AT_ONCE):
        part = list(ties[start : start + _ASK_AT_ONCE])
        count = 1 if len(part) == 1 else _ASK_AT_ONCE
        part += [-1] * (count - len(part))
        sql = f"SELECT k FROM feed_links WHERE parent IN ({','.join('?' * count)})"
        found += [key for (key,) in views.execute(sql, part)]
    return found


class _Settling:
    """Puts posts at their right places, and those after them that this affects."""

    def __init__(self, views: Views, reach: Reach, fresh: dict[EntryId, int]) -> None:
        """`fresh`: posts that were just put in at their claimed times, so they are known to be there."""
        self._views = views
        self._reach = reach
        self._orders = dict(fresh)
        self._queue: list[tuple[int, int]] = []
        self._queued: set[int] = set()

    def run(self, linked: Iterable[int], answers: Iterable[int]) -> None:
        """Settle new posts with links first, in the order of arrival, then those that link to new ones."""
        for key in linked:
            self._push(-1, key)
        for key in answers:
            self._visit(key)
        while self._queue:
            _, key = heapq.heappop(self._queue)
            self._queued.discard(key)
            entry = self._reach.at(key)
            at = None if entry is None else self._order(entry.id, place_of(key, entry))
            if entry is None or at is None:
                continue
            right = self._right_order(entry)
            if right != at:
                self._move(key, entry, at, right)
                for answer in _answers(self._views, [tie_of(entry.id)]):
                    self._visit(answer)

    def _visit(self, key: int) -> None:
        entry = self._reach.at(key)
        at = None if entry is None else self._order(entry.id, place_of(key, entry))
        if at is not None:
            self._push(at, key)

    def _push(self, rank: int, key: int) -> None:
        if key not in self._queued:
            self._queued.add(key)
            heapq.heappush(self._queue, (rank, key))

    def _order(self, entry_id: EntryId, place: Place) -> int | None:
        at = self._orders.get(entry_id)
        if at is None:
            at = _order_at(self._views, entry_id, place)
            if at is not None:
                self._orders[entry_id] = at
        return at

    def _right_order(self, entry: Entry) -> int:
        right = entry.time_ms
        for link in entry.links:
            place = self._reach.find(link)
            at = None if place is None else self._order(link, place)
            if at is not None and at >= right:
                right = at + 1
        return right

    def _move(self, key: int, entry: Entry, at: int, right: int) -> None:
        tie = tie_of(entry.id)
        self._orders[entry.id] = right
        self._views.execute("DELETE FROM feed_timeline WHERE at = ? AND tie = ? AND k = ?", (at, tie, key))
        self._views.execute("INSERT INTO feed_timeline VALUES (?, ?, ?)", (right, tie, key))
        if right == entry.time_ms:
            self._views.execute("DELETE FROM feed_lifted WHERE k = ?", (key,))
        else:
            self._views.execute("INSERT OR REPLACE INTO feed_lifted VALUES (?, ?)", (key, right))
