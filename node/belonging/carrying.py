"""Keeps the store in step with the roster of a federation: acts on what `node.belonging.membership` decides.

    after each commit, and each piece that is considered, the roster is settled
    what waited and is carried now is handed to the writer
    logs that are held further than they are carried are cut; an `id` log of which nothing is carried waits

For the trio thread.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import trio

from gossip.proto.events import Committed, Piece, Verdict
from gossip.proto.judge import Inspected
from node.belonging.membership import Changes, Membership
from node.belonging.waiting_room import MAX_AUTHOR_BYTES, Waiting, log_of
from node.commits import Commits
from node.jobs import Delivery, EvidenceNews, Truncations
from store.entry import MAX_ID_SEQ, Entry
from store.errors import Damaged
from store.ids import LOG_ID, MAX_LOGS_PER_AUTHOR, AuthorId, LogNo
from store.interface import NOTHING_HELD, LogState, exceeds
from store.log import LogId

CUT_AT_ONCE: Final = 64
"""Logs that are cut with one job. Each is a transaction, and whoever comes with entries waits for them."""

LOOK_AT_ONCE: Final = 2_000
"""Logs that are looked at without a pause, some milliseconds."""

REST_S: Final = 60.0
"""How long to wait before what the store refused is tried again: the disk may be full."""

TELL_PAUSE_S: Final = 0.25
"""Gossip is told that often at most. It asks about everyone then, which costs some 10 ms with 20,000 devices;
a newcomer's first sync changes the roster with each transaction."""

_log = logging.getLogger(__name__)

ReadHeld = Callable[[LogId, int, int, int], Awaitable[Sequence[Entry]]]
"""Entries of a log from one seq to another that are held, at most so many bytes. Raises: Damaged."""


class Carrying:
    """One home's. `run` must run."""

    def __init__(
        self,
        membership: Membership,
        queue: Commits,
        states: Mapping[LogId, LogState],
        read_held: ReadHeld,
    ) -> None:
        """`states`: of all logs, as last committed; the dictionary itself."""
        self._membership = membership
        self._queue = queue
        self._states = states
        self._read_held = read_held
        self._doubtful: dict[LogId, None] = dict.fromkeys(states)
        """Logs that may be held further than they are carried."""
        self._doubts = trio.Event()
        self._ready_send, self._ready = trio.open_memory_channel[Waiting](math.inf)
        """At most as many as there is room for in the room that they come from."""
        self._untold = trio.Event()
        self._told_at = -math.inf
        self._at_work = 0
        self._rested = trio.Event()

    # --- what the intake tells ------------------------------------------------------------------------

    def committed(self, commit: Committed) -> None:
        """Fold what was committed. Told before anyone else is."""
        self._membership.committed(commit)

    def settle(self, changed: Iterable[LogId] = ()) -> None:
        """Look what became of the roster. `changed`: logs that were just committed."""
        self._act_on(self._membership.settle())
        self._doubt(changed)

    def _act_on(self, changes: Changes) -> None:
        for waiting in changes.ready:
            self._ready_send.send_nowait(waiting)
        for device in changes.devices:
            logs = (LogId(device, LogNo(log)) for log in range(MAX_LOGS_PER_AUTHOR))
            self._doubt(log_id for log_id in logs if log_id in self._states)
        if changes.admission:
            self._tell_soon()

    def _tell_soon(self) -> None:
        """Tell gossip that admission changed, now or with what changes within a moment."""
        if trio.current_time() - self._told_at < TELL_PAUSE_S:
            self._untold.set()
        else:
            self._told_at = trio.current_time()
            self._membership.tell()

    def consider(self, piece: Piece, source: AuthorId) -> Verdict | Inspected:
        """Judge a checked piece of an `id` log that is not carried. An `Inspected` is to be written; once
        that was done, or not, `written` has to be called."""
        state = self._states.get(log_of(piece[0].author), NOTHING_HELD)
        found = self._membership.consider(piece, source, state.evidence)
        self.settle()
        if not isinstance(found, Waiting):
            return found
        if found.evidence is not None:
            self._ready_send.send_nowait(found._replace(entries=()))
        return _inspected(found.entries)

    def written(self, author: AuthorId) -> None:
        """What waited of an author was handed to the writer, who kept it or did not."""
        head = self._states.get(log_of(author), NOTHING_HELD).head
        self._membership.written(author, 0 if head is None else head.seq)
        self.settle()

    def _doubt(self, log_ids: Iterable[LogId]) -> None:
        self._doubtful.update((log_id, None) for log_id in log_ids if self._is_beyond(log_id))
        if self._doubtful:
            self._doubts.set()

    def _is_beyond(self, log_id: LogId) -> bool:
        """Is a log held further than it is kept? Of an `id` log evidence stays, see `node.writer`."""
        state = self._states.get(log_id, NOTHING_HELD)
        kept_seq = self._membership.kept_seq(log_id, state)
        if log_id.log == LOG_ID:
            state = state._replace(evidence=None)
        return exceeds(state, kept_seq)

    # --- tasks ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Act, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_ready)
            nursery.start_soon(self._cut)
            nursery.start_soon(self._tell_late)

    async def mend(self) -> None:
        """Fold again the logs of which a body was missing: one came back."""
        for author in list(self._membership.torn):
            try:
                entries = await self._read_held(log_of(author), 1, MAX_ID_SEQ, _WHOLE_LOG_BYTES)
            except Damaged:
                continue
            self._act_on(self._membership.load([entries] if entries else []))

    @property
    def is_idle(self) -> bool:
        """Is there nothing to hand over and nothing to cut?"""
        is_written = not self._ready.statistics().current_buffer_used
        return is_written and not self._doubtful and not self._at_work

    async def idle(self) -> None:
        """Wait until there is nothing to hand over and nothing to cut."""
        while not self.is_idle:
            await self._rested.wait()

    @contextmanager
    def _working(self) -> Iterator[None]:
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            self._rested.set()
            self._rested = trio.Event()

    async def _write_ready(self) -> None:
        """Have written what waited and is carried now. What the store refuses comes again from peers."""
        async for entries, evidence, source in self._ready:
            with self._working():
                if entries:
                    await self._queue.submit(Delivery((_inspected(entries),)), source, (entries,))
                    self.written(entries[0].author)
                if evidence is not None:
                    await self._queue.submit(EvidenceNews(evidence), source)

    async def _cut(self) -> None:
        """Cut what is held further than it is carried."""
        self._doubts.set()
        while True:
            await self._doubts.wait()
            self._doubts = trio.Event()
            with self._working():
                refused = await self._cut_doubtful()
                if refused:
                    await trio.sleep(REST_S)
                    self._doubt(refused)

    async def _cut_doubtful(self) -> Sequence[LogId]:
        """Cut what has to be; the logs that the store refused to cut."""
        refused: list[LogId] = []
        while self._doubtful:
            some = list(self._doubtful)[:LOOK_AT_ONCE]
            beyond = list(filter(self._is_beyond, some))
            for log_id in some:
                del self._doubtful[log_id]
            for start in range(0, len(beyond), CUT_AT_ONCE):
                refused += await self._cut_some(beyond[start : start + CUT_AT_ONCE])
            await trio.lowlevel.checkpoint()
        return refused

    async def _cut_some(self, logs: Sequence[LogId]) -> Sequence[LogId]:
        """Cut some logs; those that were not, where the store refused."""
        for log_id in logs:
            if log_id.log == LOG_ID:
                await self._shelve(log_id)
        ends = tuple(
            (log_id, self._membership.kept_seq(log_id, self._states.get(log_id, NOTHING_HELD)))
            for log_id in logs
        )
        outcome = await self._queue.submit(Truncations(ends), None)
        if outcome.error is None:
            return ()
        _log.error("logs could not be cut: %s", outcome.error)
        return logs

    async def _shelve(self, log_id: LogId) -> None:
        """Have the beginning of an `id` log wait that is about to go."""
        try:
            entries = await self._read_held(log_id, 1, MAX_ID_SEQ, MAX_AUTHOR_BYTES)
        except Damaged:
            return
        state = self._states.get(log_id, NOTHING_HELD)
        if not self._membership.carries(log_id.author):
            self._membership.shelve(log_id.author, tuple(entries), state)
            self.settle()

    async def _tell_late(self) -> None:
        while True:
            await self._untold.wait()
            await trio.sleep_until(self._told_at + TELL_PAUSE_S)
            self._untold = trio.Event()
            self._told_at = trio.current_time()
            self._membership.tell()


_WHOLE_LOG_BYTES: Final = 16 * 2**20
"""More than the largest `id` log has."""


def _inspected(entries: Piece) -> Inspected:
    """A chain of which every signature was checked when it began to wait."""
    return Inspected(entries, vouched=True, each=True, bad_at=len(entries))
