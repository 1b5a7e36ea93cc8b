"""Which texts go when somebody is beyond his quota: the oldest by arrival here. Synchronous, for a thread.

What stays whatever the quota: the last entry of each `profile` and `keys` log, by which a member is known and
written to; and what names a file that the owner pinned. `id` and `deletions` logs are not asked for at all.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from node.home import Home
from store.ids import LOG_KEYS, LOG_PROFILE
from store.log import LogId
from store.sqlite.bodies_gone import LET_GO, Drop
from store.sqlite.holdings import Holding, HoldingTable, Oldest

MAX_DROPS: Final = 500
"""Texts that are let go with one transaction: others wait for it."""

_READ_AT_ONCE: Final = 256
_KEEP_LAST: Final = frozenset({LOG_KEYS, LOG_PROFILE})


class Choice(NamedTuple):
    """What goes next."""

    drops: tuple[Drop, ...]
    freed_bytes: int
    seqs: Mapping[LogId, int]
    """Of each log how far it was looked at."""
    is_end: bool
    """There is nothing after that."""


def choose(home: Home, holdings: Sequence[Holding], excess_bytes: int) -> Choice:
    """The texts of some logs, all of one member, that go next: until so many bytes are free.

    Raises:
        StoreError: the store cannot be read.
    """
    table = HoldingTable(home.database)
    pinned = _pinned_keys(home)
    drops: list[Drop] = []
    freed, seqs, is_end = 0, dict[LogId, int](), True
    for oldest in _by_arrival(table, holdings):
        if freed >= excess_bytes or len(drops) >= MAX_DROPS:
            is_end = False
            break
        seqs[oldest.log_id] = oldest.seq
        if oldest.key in pinned or _is_kept(home, oldest):
            continue
        drops.append(Drop(oldest.key, LET_GO, None))
        freed += oldest.size
    return Choice(tuple(drops), freed, seqs, is_end)


def _by_arrival(table: HoldingTable, holdings: Iterable[Holding]) -> Iterator[Oldest]:
    """The entries of all these logs that have their body, in the order of arrival."""
    logs = [_of_log(table, holding) for holding in holdings]
    return heapq.merge(*logs, key=lambda oldest: oldest.key)


def _of_log(table: HoldingTable, holding: Holding) -> Iterator[Oldest]:
    seq = holding.let_go_seq
    while some := table.oldest(holding.log_id, seq, _READ_AT_ONCE):
        yield from some
        seq = some[-1].seq


def _is_kept(home: Home, oldest: Oldest) -> bool:
    if oldest.log_id.log not in _KEEP_LAST:
        return False
    state = home.entries.state(oldest.log_id)
    return state is None or state.head is None or state.head.seq == oldest.seq


def _pinned_keys(home: Home) -> frozenset[int]:
    """Keys of entries that name a file which the owner pinned."""
    pinned = [state.blob for state in home.blobs.listed() if state.pinned]
    found: set[int] = set()
    with home.entries.views() as views:
        for blob in pinned:
            rows = views.execute("SELECT k FROM blobs_referenced WHERE blob = ?", (blob,))
            found.update(key for (key,) in rows)
    return frozenset(found)
