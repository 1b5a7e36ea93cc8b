"""Background indexing: the search index follows what is committed, in a thread of its own.

Whoever searches indexes first what is missing; this task only keeps that short, and the index tidy. In
bulk a process of its own writes the index (`node.index_process`), and the intake is held back a little
where the index falls behind: what was just committed is indexed from memory at half the price of
reading it again.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import trio

from node.index_process import IndexProcess
from node.intake import Intake
from node.limits import INDEX_AT_ONCE, INDEX_LAG, INDEX_LAG_WAIT_S, INDEX_WAIT_S, INDEXER_IDLE_S
from store.errors import StoreError
from store.sqlite.search import SearchIndex

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Indexing:
    """Keeps the index up to date. For the trio thread."""

    def __init__(self, intake: Intake, index: SearchIndex) -> None:
        self._queue = intake.queue
        self._index = index
        self.process = IndexProcess()
        """Writes the index in bulk."""
        self._limiter = trio.CapacityLimiter(1)
        self._done = 0
        """Entries of this run of the node that were indexed, as far as we know."""
        self._is_well = True
        self._stepped = trio.Event()

    async def run(self) -> None:
        """Index whatever is committed, until cancelled. A full disk stops it until the next commit."""
        self._queue.pace = self._keep_pace
        self._index.helper = self.process
        try:
            await self._follow_commits()
        finally:
            self._index.helper = None
            with trio.CancelScope(shield=True):
                await self._in_thread(self.process.close)

    async def _follow_commits(self) -> None:
        while True:
            commits, entries = self._queue.count, self._queue.entries
            try:
                await self._follow()
                await self._tidy()
                self._is_well = True
            except StoreError:
                self._is_well = False
                _log.exception("the search index could not follow")
            await self._next_commit(commits)
            with trio.move_on_after(INDEX_WAIT_S):
                await self._queue.grown(entries + INDEX_AT_ONCE)

    async def _next_commit(self, commits: int) -> None:
        """Wait for it, and end a process that is not needed meanwhile."""
        if self.process.pid is not None:
            await self._in_thread(self.process.rest)
            with trio.move_on_after(INDEXER_IDLE_S):
                await self._queue.changed(commits)
            await self._in_thread(self.process.rest)
        await self._queue.changed(commits)

    async def _follow(self) -> None:
        while True:
            entries = self._queue.entries
            step = await self._in_thread(self._index.index_some)
            self._done = self._done + step if step else entries
            self._stepped.set()
            self._stepped = trio.Event()
            if not step:
                return

    async def _keep_pace(self) -> None:
        """Wait while the index is far behind, but not for long: it may lag, the intake may not stop."""
        with trio.move_on_after(INDEX_LAG_WAIT_S):
            while self._is_well and self._queue.entries - self._done > INDEX_LAG:
                await self._stepped.wait()

    async def _tidy(self) -> None:
        """Merge what bulk left in pieces, while nothing else is to be done."""
        while self._queue.is_idle and await self._in_thread(self._index.tidy):
            pass

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._limiter)
