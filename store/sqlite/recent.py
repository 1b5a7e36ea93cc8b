"""The entries that were appended last, kept for those who read in the order of arrival.

The search index follows a few thousand entries behind a bulk transfer. Handing it the parsed entries
saves decrypting and parsing each once more. Bounded; what is not here is read from the file.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from store.interface import EntryKey, KeyedRun
from store.sqlite.rows import Batch

MAX_RECENT_BYTES: Final = 16 * 2**20
"""Headers and bodies kept, 16 MiB; parsed entries take about twice as much memory."""

_ENTRY_BYTES: Final = 700
"""What a parsed entry takes besides its body."""


class Recent:
    """A queue of runs with ascending keys. Thread-safe."""

    __slots__ = ("_bytes", "_lock", "_runs")

    def __init__(self) -> None:
        self._runs: deque[tuple[KeyedRun, int]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, runs: Sequence[KeyedRun]) -> None:
        """Keep runs that were committed; the oldest fall out when it is too much."""
        with self._lock:
            for run in runs:
                size = sum(_ENTRY_BYTES + len(entry.body or b"") for entry in run.entries)
                self._runs.append((run, size))
                self._bytes += size
            while self._bytes > MAX_RECENT_BYTES:
                self._drop_oldest()

    def after(self, key: int, limit: int) -> Batch | None:
        """The entries that directly follow `key`, at most `limit`; None where they are not all here.

        What lies before them is let go: whoever reads here goes forward.
        """
        with self._lock:
            while self._runs and self._end() <= key:
                self._drop_oldest()
            if not self._runs or self._runs[0][0].first_key > key + 1:
                return None
            found: list[KeyedRun] = []
            left = limit
            for run, _ in self._runs:
                skip = max(0, key + 1 - run.first_key)
                entries = run.entries[skip : skip + left]
                found.append(KeyedRun(EntryKey(run.first_key + skip), entries))
                left -= len(entries)
                if left == 0:
                    break
            last = found[-1]
            return Batch(found, last.first_key + len(last.entries) - 1)

    def clear(self) -> None:
        """Forget everything, because an entry is about to be removed or changed."""
        with self._lock:
            self._runs.clear()
            self._bytes = 0

    def _end(self) -> int:
        run = self._runs[0][0]
        return run.first_key + len(run.entries) - 1

    def _drop_oldest(self) -> None:
        self._bytes -= self._runs.popleft()[1]
