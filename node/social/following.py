"""Following what comes: what was already there once, then each entry as it comes, each exactly once.

A follower goes along the entries in the order of arrival by their keys, so it loses none however fast
they come, and nobody keeps anything for it. Two kinds of entries come later than they arrive: those whose
body is still missing, and those that claim a time in the future. It remembers a bounded number of each.

What is wanted is said by a source: the timeline, the inbox, a search. Synchronous; who waits for the next
commit, and in which thread this runs, is the caller's.
"""

import heapq
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from node.limits import FOLLOW_BATCH, MAX_AWAITED_BODIES
from node.looking import Json, Look
from node.store_faults import told_plainly
from store.ids import LogNo
from store.sqlite.views import ReadViews

_CHANGES_AT_ONCE: Final = 1_000

MAX_PATIENCE_S: Final = 600.0
"""A clock may be set: whoever waits for a time looks at it again now and then."""


class Seen(NamedTuple):
    """What a source makes of entries."""

    shown: list[Json]
    """What is to be shown, in order; each with an `id`."""
    hidden: Sequence[tuple[int, int]] = ()
    """Order (ms) and key of what is hidden until then."""


class Source(Protocol):
    """What somebody follows."""

    logs: frozenset[LogNo]
    """Entries of other logs are nothing that it shows."""

    def begin(self) -> list[Json]:
        """What is there already."""
        ...

    def look_at(self, keys: Sequence[int]) -> Seen:
        """Those of these entries that are wanted."""
        ...

    def hidden(self, views: ReadViews, limit: int) -> list[tuple[int, int]]:
        """Order (ms) and key of what is there and hidden, the nearest first."""
        ...


class Step(NamedTuple):
    """What came since the last step."""

    shown: list[Json]
    is_last: bool
    """Nothing more is there at present."""


class Following:
    """One follower. For one thread at a time."""

    def __init__(self, look: Look, source: Source) -> None:
        self._look = look
        self._store = look.home.entries
        self._source = source
        self._told: frozenset[str] = frozenset()
        """Ids of what was already there."""
        self._last_key = 0
        self._change = 0
        """Changes to bodies up to this number were looked at."""
        self._awaited: set[int] = set()
        """Keys of entries whose body is missing."""
        self._hidden: list[tuple[int, int]] = []
        """Order and key of entries from the future, the nearest first."""

    @told_plainly()
    def begin(self) -> list[Json]:
        """What is there already. What comes meanwhile is told by the first step, and not twice."""
        self._change = self._store.last_change()
        self._last_key = self._store.last_key()
        with self._store.views() as views:
            self._awaited = set(_without_body(views, self._last_key, self._source.logs))
            self._hidden = self._source.hidden(views, MAX_AWAITED_BODIES)
        shown = self._source.begin()
        self._told = frozenset(each["id"] for each in shown)
        return shown

    def has_news(self) -> bool:
        """May a step find something? Reads nothing from the disk."""
        return bool(self._awaited) or self._store.last_key() != self._last_key

    def patience_s(self) -> float:
        """How long it may take until something hidden can be shown; infinite where there is nothing."""
        if not self._hidden:
            return float("inf")
        ahead_ms = self._hidden[0][0] - self._look.until()
        return min(max(0.0, ahead_ms / 1_000), MAX_PATIENCE_S)

    @told_plainly()
    def step(self) -> Step:
        """The next of it, of at most `FOLLOW_BATCH` entries."""
        back = self._bodies_that_came()
        before, came = self._last_key, self._store.after_key(self._last_key, FOLLOW_BATCH)
        self._last_key = came.last_key
        fresh: list[int] = []
        for first_key, entries in came.runs:
            if entries[0].log in self._source.logs:
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
        """Keys of entries that are no longer from the future."""
        until = self._look.until()
        due: list[int] = []
        while self._hidden and self._hidden[0][0] <= until:
            due.append(heapq.heappop(self._hidden)[1])
        return due

    def _shown(self, keys: Sequence[int]) -> list[Json]:
        """Those of the entries that are wanted now; what is hidden is put aside."""
        if not keys:
            return []
        seen = self._source.look_at(keys)
        self._hide(seen.hidden)
        return [each for each in seen.shown if each["id"] not in self._told]

    def _hide(self, hidden: Iterable[tuple[int, int]]) -> None:
        for each in hidden:
            heapq.heappush(self._hidden, each)
        if len(self._hidden) > MAX_AWAITED_BODIES:
            self._hidden = heapq.nsmallest(MAX_AWAITED_BODIES, self._hidden)


def _without_body(views: ReadViews, last_key: int, logs: Collection[LogNo]) -> list[int]:
    """Keys of the newest entries of these logs whose body is missing."""
    listed = ", ".join(str(int(log)) for log in sorted(logs))
    sql = f"SELECT k FROM bodies_missing WHERE log IN ({listed}) AND k <= ? ORDER BY k DESC LIMIT ?"
    return [key for (key,) in views.execute(sql, (last_key, MAX_AWAITED_BODIES))]
