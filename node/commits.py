"""The queue of the one writer: jobs in the order of their coming, many to a transaction, told when committed.

Bounded in bytes: whoever brings more waits. For the trio thread; the writing itself is in a thread.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import trio

from gossip.proto.events import Piece
from node.jobs import Job
from node.limits import ENTRY_BYTES, ID_WEIGHT, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_PENDING_BYTES
from node.writer import Applied, Outcome, Writer
from store.ids import LOG_ID, AuthorId

_log = logging.getLogger(__name__)


class Submitted:
    """A job in the queue."""

    __slots__ = ("done", "entries", "error", "job", "outcome", "size_bytes", "source")

    def __init__(self, job: Job, source: AuthorId | None, pieces: Sequence[Piece]) -> None:
        self.job = job
        self.source = source
        """Who brought it; None: ourselves."""
        self.entries = sum(len(piece) * (ID_WEIGHT if piece[0].log == LOG_ID else 1) for piece in pieces)
        """What it counts for in a batch."""
        self.size_bytes = ENTRY_BYTES + sum(map(size_of, pieces))
        self.done = trio.Event()
        self.outcome = Outcome()
        self.error: Exception | None = None
        """A fault of ours in the writer."""


class Commits:
    """Feeds the writer and counts what it committed."""

    def __init__(self, writer: Writer, tell: Callable[[Sequence[Submitted], Applied], None]) -> None:
        """`tell` is called after each commit, before anyone who waits for a job goes on."""
        self.count = 0
        """Batches written since the start."""
        self.entries = 0
        """Entries taken in since the start."""
        self.pace: Callable[[], Awaitable[None]] = _hurry
        """Awaited before each batch: who follows what is written may hold it back."""
        self._writer = writer
        self._tell = tell
        self._queue: deque[Submitted] = deque()
        self._pending_bytes = 0
        self._work = trio.Event()
        self._room = trio.Event()
        self._committed = trio.Event()
        self._writing = trio.CapacityLimiter(1)

    async def submit(self, job: Job, source: AuthorId | None, pieces: Sequence[Piece] = ()) -> Outcome:
        """Put a job into the queue and wait until it is done."""
        return await self.outcome_of(await self.enqueue(job, source, pieces))

    async def enqueue(self, job: Job, source: AuthorId | None, pieces: Sequence[Piece]) -> Submitted:
        """Put a job, which brings `pieces`, into the queue, once there is room."""
        while self._pending_bytes >= MAX_PENDING_BYTES:
            await self._room.wait()
        submitted = Submitted(job, source, pieces)
        self._pending_bytes += submitted.size_bytes
        self._queue.append(submitted)
        self._work.set()
        return submitted

    async def outcome_of(self, submitted: Submitted) -> Outcome:
        """Wait until a job is done. Raises whatever went wrong in the writer that is not the job's."""
        await submitted.done.wait()
        if submitted.error is not None:
            raise submitted.error
        return submitted.outcome

    async def run(self) -> None:
        """Write what is submitted, until cancelled. What has begun to be written is finished and told."""
        while True:
            while not self._queue:
                self._work = trio.Event()
                await self._work.wait()
            await self.pace()
            await self._write(self._next_batch())

    async def changed(self, since: int) -> None:
        """Wait until more than `since` batches were written; see `count`."""
        while self.count <= since:
            await self._committed.wait()

    async def grown(self, entries: int) -> None:
        """Wait until so many entries in all were taken in since the start; see `entries`."""
        while self.entries < entries:
            await self._committed.wait()

    @property
    def is_idle(self) -> bool:
        """Is nothing waiting for the writer, nor being written?"""
        return not self._pending_bytes

    async def idle(self) -> None:
        """Wait until nothing is waiting for the writer, nor being written."""
        while self._pending_bytes:
            await self._room.wait()

    # Inside

    async def _write(self, batch: Sequence[Submitted]) -> None:
        jobs = [submitted.job for submitted in batch]
        try:
            applied = await trio.to_thread.run_sync(self._writer.apply, jobs, limiter=self._writing)
        except Exception as error:  # noqa: BLE001 (a fault of ours ends these jobs, not the node)
            _log.exception("the writer failed")
            for submitted in batch:
                submitted.error = error
        else:
            for submitted, outcome in zip(batch, applied.outcomes, strict=True):
                submitted.outcome = outcome
                self.entries += sum(map(len, outcome.fresh))
            self.count += 1
            self._tell(batch, applied)
        for submitted in batch:
            self._pending_bytes -= submitted.size_bytes
            submitted.done.set()
        self._wake()

    def _wake(self) -> None:
        self._room.set()
        self._room = trio.Event()
        self._committed.set()
        self._committed = trio.Event()

    def _next_batch(self) -> list[Submitted]:
        """The jobs that go into the next transactions: as many as are there, up to a bound."""
        batch: list[Submitted] = []
        entries = size_bytes = 0
        while self._queue:
            entries += self._queue[0].entries
            size_bytes += self._queue[0].size_bytes
            if batch and (entries > MAX_BATCH_ENTRIES or size_bytes > MAX_BATCH_BYTES):
                break
            batch.append(self._queue.popleft())
        return batch


def size_of(piece: Piece) -> int:
    """About what a piece takes in memory, in bytes."""
    return ENTRY_BYTES * len(piece) + sum([len(entry.body) for entry in piece if entry.body is not None])


async def _hurry() -> None:
    """Hold nothing back."""
