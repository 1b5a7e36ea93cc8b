"""The bus: tells what was committed to whoever follows, and to tests what point was reached.

A follower has a bounded queue. One that does not keep up loses its queue and is told so once (`LAGGING`):
it then reads from the store what it missed. Nobody waits for a follower. For the trio thread only.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from gossip.proto.events import Committed
from node.errors import Unavailable
from node.limits import BUS_CHANGES, MAX_FOLLOWERS


class Lagging:
    """Told in place of changes to a follower that did not keep up."""

    def __repr__(self) -> str:
        return "LAGGING"


LAGGING: Final = Lagging()

Change = Committed | Lagging


class Follower:
    """One who is told what is committed, from the moment it was made."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Change](BUS_CHANGES)
        self._untaken = 0
        """Changes told and not taken, those among them that are on their way to who waits."""

    async def __aiter__(self) -> AsyncGenerator[Change, None]:
        async for change in self._receive:
            self._untaken -= 1
            yield change

    @property
    def is_idle(self) -> bool:
        """Has everything that was told been taken?"""
        return not self._untaken

    async def change(self) -> None:
        """Wait until something has changed since the last call. What it was is for the caller to look up."""
        await self._receive.receive()
        self._untaken -= 1
        while True:
            try:
                self._receive.receive_nowait()
                self._untaken -= 1
            except (trio.WouldBlock, trio.EndOfChannel):
                return

    def offer(self, change: Committed) -> None:
        """Put a change into the queue; a full queue is thrown away and `LAGGING` put in its place."""
        self._untaken += 1
        try:
            self._send.send_nowait(change)
        except trio.WouldBlock:
            while True:
                try:
                    self._receive.receive_nowait()
                    self._untaken -= 1
                except trio.WouldBlock:
                    break
            self._send.send_nowait(LAGGING)

    def end(self) -> None:
        """No more changes will come; what is queued is still told."""
        self._send.close()


class Bus:
    """Committed changes and observation points."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()
        self._reached: Counter[str] = Counter()
        self._moved = trio.Event()

    @contextmanager
    def follow(self) -> Iterator[Follower]:
        """Follow what is committed from now on.

        Raises:
            Unavailable: too many follow already.
        """
        if len(self._followers) >= MAX_FOLLOWERS:
            raise Unavailable(
                f"At most {MAX_FOLLOWERS} programs can follow at a time.", "End one of the others."
            )
        follower = Follower()
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            follower.end()

    def publish(self, change: Committed) -> None:
        """Tell every follower. Never waits."""
        for follower in self._followers:
            follower.offer(change)
        self.reach("committed")

    def reach(self, point: str) -> None:
        """Say that a point was reached; see `reached`."""
        self._reached[point] += 1
        self._moved.set()
        self._moved = trio.Event()

    async def reached(self, point: str, times: int = 1) -> None:
        """Wait until a point was reached so many times since the start."""
        while self._reached[point] < times:
            await self._moved.wait()
