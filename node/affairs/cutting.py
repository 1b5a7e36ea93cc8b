"""Where a device's logs are to end: a cut made from what a store holds. Reads; writes and signs nothing.

A cut names each log at an entry that is held here, so whoever makes one should be in step with a hub first.
The log `id` is always named, at least at its first entry: what the device said there before, a claim or a
steward's word, would else count no longer.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from node.federation.cuts import Cut, LogEnd, make_cut
from store.entry import Entry
from store.ids import LOG_ID, MAX_LOGS_PER_AUTHOR, AuthorId, LogNo
from store.interface import LogState
from store.log import Head, LogId

_PAGE_ENTRIES: Final = 1_000
_PAGE_BYTES: Final = 8 * 2**20


class Holding(Protocol):
    """What is asked of a store; `store.interface.EntryStore` has more."""

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, or None where nothing is known of it."""
        ...

    def range(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> list[Entry]:
        """Entries that are held, in order, at most `max_bytes` but at least one."""
        ...


class LogPart(NamedTuple):
    """What a cut leaves of a log, and what it takes."""

    log: LogNo
    held: int
    """Last seq held; 0: none."""
    kept: int
    """Last good seq."""
    last_ms: int
    """Claimed time of the last good entry, Unix time; 0: there is none."""


def cut_of(store: Holding, device: AuthorId, before_ms: int | None = None) -> Cut:
    """The cut that leaves of each log what is held, or what its author claims to have written before a time.

    With `before_ms` a log ends before its first entry that claims a later time.
    """
    return make_cut(device, _ends(store, device, before_ms))


def parts_of(store: Holding, cut: Cut) -> list[LogPart]:
    """What a cut leaves of every log of its device that is held or named, in order."""
    parts = []
    for number in map(LogNo, range(MAX_LOGS_PER_AUTHOR)):
        head = _head(store, cut.device, number)
        kept = cut.last_seq(number)
        if head is not None or kept:
            last = store.range(LogId(cut.device, number), kept, kept, _PAGE_BYTES) if kept else []
            held = 0 if head is None else head.seq
            parts.append(LogPart(number, held, kept, last[0].time_ms if last else 0))
    return parts


def _ends(store: Holding, device: AuthorId, before_ms: int | None) -> Iterator[LogEnd]:
    for number in map(LogNo, range(MAX_LOGS_PER_AUTHOR)):
        head = _head(store, device, number)
        if head is not None and before_ms is not None:
            head = _last_before(store, LogId(device, number), head, before_ms)
        if head is not None:
            yield LogEnd(number, head.seq, head.id)


def _head(store: Holding, device: AuthorId, number: LogNo) -> Head | None:
    state = store.state(LogId(device, number))
    return None if state is None else state.head


def _last_before(store: Holding, log_id: LogId, head: Head, before_ms: int) -> Head | None:
    """The last entry before the first one that claims a later time; of `id` logs at least the first."""
    last: Head | None = None
    first_seq = 1
    while first_seq <= head.seq:
        entries = store.range(log_id, first_seq, min(head.seq, first_seq + _PAGE_ENTRIES - 1), _PAGE_BYTES)
        if not entries:
            break
        for entry in entries:
            if entry.time_ms > before_ms and not (log_id.log == LOG_ID and entry.seq == 1):
                return last
            last = Head(entry.seq, entry.id)
        first_seq = entries[-1].seq + 1
    return last
