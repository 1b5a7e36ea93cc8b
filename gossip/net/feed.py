"""Hands what peers deliver to the keeper: one task a peer, in order, all that waits at once."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import trio

from gossip.net.links import Inflow
from gossip.net.ports import Keeper
from gossip.proto import events
from gossip.proto.events import Event
from store.ids import AuthorId


@dataclass(slots=True)
class _Queue:
    """What one peer delivered and the keeper has not judged yet."""

    inflow: Inflow = field(default_factory=Inflow)
    waiting: deque[events.Deliver] = field(default_factory=deque)
    working: bool = False


class Feed:
    """The queues between the peers' streams and the keeper."""

    def __init__(self, keeper: Keeper, nursery: trio.Nursery, give: Callable[[Event], None]) -> None:
        self._keeper = keeper
        self._nursery = nursery
        self._give = give
        self._queues: dict[AuthorId, _Queue] = {}

    def inflow(self, peer: AuthorId) -> Inflow:
        """What a peer's readers have to wait for."""
        return self._queues.setdefault(peer, _Queue()).inflow

    def forget(self, peer: AuthorId) -> None:
        """A peer is gone; what it delivered is still judged."""
        self._queues.pop(peer, None)

    def deliver(self, effect: events.Deliver) -> None:
        """Queue pieces; `Judged` follows."""
        queue = self._queues.setdefault(effect.source, _Queue())
        queue.inflow.add(sum(map(len, effect.pieces)))
        queue.waiting.append(effect)
        if not queue.working:
            queue.working = True
            self._nursery.start_soon(self._work, effect.source, queue)

    async def _work(self, source: AuthorId, queue: _Queue) -> None:
        while queue.waiting:
            batch = list(queue.waiting)
            queue.waiting.clear()
            for each, group in groupby(batch, key=lambda deliver: deliver.each_signature):
                await self._ingest(source, list(group), each=each)
            queue.inflow.done(sum(len(piece) for deliver in batch for piece in deliver.pieces))
        queue.working = False

    async def _ingest(self, source: AuthorId, delivers: Sequence[events.Deliver], *, each: bool) -> None:
        pieces = [piece for deliver in delivers for piece in deliver.pieces]
        verdicts = await self._keeper.ingest(pieces, source, each_signature=each)
        at = 0
        for deliver in delivers:
            count = len(deliver.pieces)
            self._give(events.Judged(deliver.token, tuple(verdicts[at : at + count])))
            at += count
