"""Stratum 1: which devices of a root count, and how far the word of each goes. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from node.federation import limits
from node.federation.index import DeviceLog, Index, LogEnds
from node.federation.names import RootId
from store.entry import MAX_ID_SEQ
from store.ids import LOG_ID, AuthorId

NO_LOGS: Final[Mapping[int, int]] = {}
"""Ends of a device of which no log is good."""


class Kept(NamedTuple):
    """What its own root leaves of a device."""

    word: int
    """Last seq of its `id` log that counts."""
    ends: Mapping[int, int] | None
    """Last good seq by log; None: no log is cut."""


WHOLE: Final = Kept(MAX_ID_SEQ, None)
SURPLUS: Final = Kept(0, NO_LOGS)
"""A device beyond the first `MAX_DEVICES` that were never cut."""


class Devices:
    """Stratum 1 over an index, computed when it is asked for and kept until `forget`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept: dict[RootId, dict[AuthorId, Kept]] = {}

    def of(self, root: RootId) -> Mapping[AuthorId, Kept]:
        """The certified devices of a root."""
        kept = self._kept.get(root)
        if kept is None:
            logs = self._index.of_root.get(root)
            if logs is None:
                return {}
            kept = self._kept[root] = _judge(self._index, root, logs)
        return kept

    def kept(self, device: AuthorId) -> Kept | None:
        """What is left of a device; None for one that is not certified."""
        log = self._index.devices.get(device)
        return None if log is None or log.root is None else self.of(log.root)[device]

    def forget(self, root: RootId) -> None:
        """A certificate or a cut of this root came or went."""
        self._kept.pop(root, None)

    def forget_all(self) -> None:
        """Anything may have changed."""
        self._kept.clear()


def merge_ends(all_ends: Iterable[Mapping[int, int]]) -> LogEnds:
    """Several cuts of one device together: each log up to the smallest seq; not named is 0."""
    first, *others = all_ends
    merged = dict(first)
    for ends in others:
        merged = {log: min(seq, ends[log]) for log, seq in merged.items() if log in ends}
    return merged


def _judge(index: Index, root: RootId, logs: dict[AuthorId, DeviceLog]) -> dict[AuthorId, Kept]:
    kept: dict[AuthorId, Kept] = {}
    uncut: list[DeviceLog] = []
    for device, log in logs.items():
        cuts = index.cuts.get((root, device))
        if cuts is None:
            uncut.append(log)
            kept[device] = WHOLE
        else:
            ends = merge_ends(cuts.values())
            kept[device] = Kept(ends.get(LOG_ID, 0), ends)
    if len(uncut) > limits.MAX_DEVICES:
        uncut.sort(key=lambda log: log.rank)
        for log in uncut[limits.MAX_DEVICES :]:
            kept[log.device] = SURPLUS
    return kept
