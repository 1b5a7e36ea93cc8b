"""Tells people at `aster run` what happens: who comes and goes, what arrives, what is wrong.

    connected     device, name, address
    disconnected  device, name, why
    received      device, name, entries       at most one a peer and second
    ended-log     author, name, log, seq      its author contradicted itself there
    signing       device                      a copied home has heard its own entries

It also lets a copied home sign again, once a peer has told all that it knows of the home's own logs.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import trio

from gossip.net.driver import Driver
from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Committed, SyncProgress
from node.author import Author
from node.bus import Bus
from node.doors.control.protocol import Json
from node.home import Home
from node.mesh import LinkChange, Mesh
from node.naming import NameBook
from node.queries import now_ms
from store.ids import AuthorId, log_name, to_text

ARRIVALS_S: Final = 1.0
"""Arrivals are added up over so long, so that a bulk sync is some lines and not thousands."""


class Herald:
    """Tells what happens. For the trio thread."""

    def __init__(
        self, home: Home, author: Author, bus: Bus, mesh: Mesh, tell: Callable[[Json], None]
    ) -> None:
        self._home = home
        self._author = author
        self._bus = bus
        self._mesh = mesh
        self._tell = tell
        self._names = NameBook(home, now_ms)
        self._complete = trio.Event()
        self._arrived: Counter[AuthorId] = Counter()

    async def run(self, driver: Driver) -> None:
        """Tell, until cancelled."""
        stop = driver.on_sync(self._synced)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._mesh.run, self._link_changed)
                nursery.start_soon(self._follow)
                nursery.start_soon(self._add_up)
                if self._home.why_not:
                    nursery.start_soon(self._sign_again)
        finally:
            stop()

    def _name(self, device: AuthorId) -> str:
        return self._names.now().of(device)

    def _link_changed(self, change: LinkChange) -> None:
        plain = {"device": to_text(change.device), "name": self._name(change.device)}
        if change.up:
            self._tell({"event": "connected", **plain, "address": change.detail})
        else:
            self._tell({"event": "disconnected", **plain, "why": change.detail})

    async def _follow(self) -> None:
        with self._bus.follow() as follower:
            async for change in follower:
                if isinstance(change, Committed):
                    self._committed(change)

    def _committed(self, change: Committed) -> None:
        if change.source is not None:
            self._arrived[change.source] += sum(map(len, change.pieces))
        for evidence in change.evidence:
            author, log = evidence.log_id
            self._tell(
                {
                    "event": "ended-log",
                    "author": to_text(author),
                    "name": self._name(author),
                    "log": log_name(log),
                    "seq": evidence.seq,
                }
            )

    async def _add_up(self) -> None:
        while True:
            await trio.sleep(ARRIVALS_S)
            arrived, self._arrived = self._arrived, Counter()
            for device, entries in arrived.items():
                if entries:
                    told = {"device": to_text(device), "name": self._name(device), "entries": entries}
                    self._tell({"event": "received", **told})

    def _synced(self, news: SyncReport | SyncProgress) -> None:
        if isinstance(news, SyncReport) and news.ended.complete:
            self._complete.set()

    async def _sign_again(self) -> None:
        """Wait for a complete sync: all that a peer knows of our own logs is here now. Then sign again."""
        await self._complete.wait()
        await trio.to_thread.run_sync(self._home.settle_here)
        self._author.why_not = ""
        self._tell({"event": "signing", "device": to_text(self._home.device)})
