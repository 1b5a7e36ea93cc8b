"""Hands what peers deliver to the keeper: one task a peer, in order, all that waits at once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from weakref import WeakValueDictionary

import trio

from gossip.net.links import Inflow
from gossip.net.ports import Keeper
from gossip.proto import events, limits
from gossip.proto.events import Event, Piece
from store.ids import AuthorId


@dataclass(slots=True)
class _Queue:
    """What one peer delivered and the keeper has not judged yet."""

    inflow: Inflow
    waiting: deque[events.Deliver] = field(default_factory=deque)


class Feed:
    """The queues between the peers' streams and the keeper.

    A peer's count lives as long as one of its readers, or what it delivered: one that comes back at once
    finds its old count, so that coming back is no way round the bound.
    """

    def __init__(self, keeper: Keeper, nursery: trio.Nursery, give: Callable[[Event], None]) -> None:
        self._keeper = keeper
        self._nursery = nursery
        self._give = give
        self._queues: dict[AuthorId, _Queue] = {}
        self._inflows: WeakValueDictionary[AuthorId, Inflow] = WeakValueDictionary()

    def inflow(self, peer: AuthorId) -> Inflow:
        """What a peer's readers have to wait for. They keep it as long as they read."""
        inflow = self._inflows.get(peer)
        if inflow is None:
            inflow = self._inflows[peer] = Inflow()
        return inflow

    @contextmanager
    def weighing(self, peer: AuthorId, size_bytes: int) -> Iterator[None]:
        """Count something that is no entry, such as evidence, while the keeper has it."""
        inflow, entries = self.inflow(peer), 1 + size_bytes // limits.INFLOW_ENTRY_BYTES
        inflow.add(entries)
        try:
            yield
        finally:
            inflow.done(entries)

    def deliver(self, effect: events.Deliver) -> None:
        """Queue pieces; `Judged` follows."""
        queue = self._queues.get(effect.source)
        if queue is None:
            queue = self._queues[effect.source] = _Queue(self.inflow(effect.source))
            self._nursery.start_soon(self._work, effect.source, queue)
        queue.inflow.add(sum(map(_weight_of, effect.pieces)))
        queue.waiting.append(effect)

    async def _work(self, source: AuthorId, queue: _Queue) -> None:
        while queue.waiting:
            batch = list(queue.waiting)
            queue.waiting.clear()
            for each, group in groupby(batch, key=lambda deliver: deliver.each_signature):
                await self._ingest(source, list(group), each=each)
            queue.inflow.done(sum(_weight_of(piece) for deliver in batch for piece in deliver.pieces))
        del self._queues[source]

    async def _ingest(self, source: AuthorId, delivers: Sequence[events.Deliver], *, each: bool) -> None:
        pieces = [piece for deliver in delivers for piece in deliver.pieces]
        verdicts = await self._keeper.ingest(pieces, source, each_signature=each)
        at = 0
        for deliver in delivers:
            count = len(deliver.pieces)
            self._give(events.Judged(deliver.token, tuple(verdicts[at : at + count])))
            at += count


def _weight_of(piece: Piece) -> int:
    """How many entries a piece counts for while it waits."""
    body_bytes = sum([len(entry.body) for entry in piece if entry.body is not None])
    return max(len(piece), body_bytes // limits.INFLOW_BODY_BYTES)
