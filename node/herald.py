"""Tells people at `aster run` what happens: who comes and goes, what arrives, what is wrong.

    connected     device, name, device_name, address
    disconnected  device, name, device_name, why
    received      device, name, device_name, entries   at most one a peer and second
    ended-log     author, name, log, seq      its author contradicted itself there
    signing       device                      a copied home has heard its own entries
    joined        member, name, section, section_name        somebody was admitted
    left          member, name, section, section_name        a membership was ended
    section       id, name, valid             a section came to wait, or is in
    revoked       device, name, device_name   a member's device counts no longer
    alone         why                         nobody could be reached in the first while

Of a federation's news at most `MAX_TOLD` are told at a time: who takes in the whole of it at once knows. It
also lets a copied home sign again, once a peer has told all that it knows of the home's own logs.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import trio

from gossip.net.driver import Driver
from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Committed, SyncProgress
from node.affairs.census import Census
from node.affairs.shown import titles_of
from node.author import Author
from node.bus import Bus
from node.doors.control.protocol import Json
from node.federation.views import Standing
from node.home import Home
from node.mesh import LinkChange, Mesh
from node.naming import NameBook, Names
from node.queries import now_ms
from store.ids import AuthorId, log_name, to_text

ARRIVALS_S: Final = 1.0
"""Arrivals are added up over so long, so that a bulk sync is some lines and not thousands."""

NAMES_WAIT: Final = 5
"""Looks that news of a federation wait for the roster to rest: names come a moment after their bearers."""

ALONE_S: Final = 15.0
"""How long a node looks for peers before its owner is told that there are none."""

MAX_TOLD: Final = 20
"""News of a federation that are told each time."""


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
        self._told_of = self._names.census()
        """The roster as it was when it was told of last."""
        self._last_seen = 0
        self._waited = 0
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
                nursery.start_soon(self._look_around)
                if self._home.why_not:
                    nursery.start_soon(self._sign_again)
        finally:
            stop()

    def _called(self, device: AuthorId) -> Json:
        self._names.refresh()
        names = self._names.now()
        return {"device": to_text(device), "name": names.of(device), "device_name": names.device(device)}

    def _link_changed(self, change: LinkChange) -> None:
        plain = self._called(change.device)
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
                    "name": self._called(author)["name"],
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
                    self._tell({"event": "received", **self._called(device), "entries": entries})
            for news in self._roster_news():
                self._tell(news)

    def _roster_news(self) -> list[Json]:
        """What became of members and sections since the last time."""
        self._names.refresh()
        before, now = self._told_of, self._names.census()
        if before is None or now is None or before.version == now.version:
            return []
        is_moving, self._last_seen = now.version != self._last_seen, now.version
        self._waited += 1
        if is_moving and self._waited < NAMES_WAIT:
            return []
        self._waited, self._told_of = 0, now
        return roster_news(before, now, self._names.now())[:MAX_TOLD]

    async def _look_around(self) -> None:
        """Say once that nobody could be reached, to whoever has somebody to reach."""
        await trio.sleep(ALONE_S)
        peers = [peer.device for peer in self._home.tables.peers()]
        if peers and not self._mesh.connected():
            why = next((problem for peer in peers if (problem := self._mesh.problem_of(peer))), "")
            self._tell({"event": "alone", "why": why})

    def _synced(self, news: SyncReport | SyncProgress) -> None:
        if isinstance(news, SyncReport) and news.ended.complete:
            self._complete.set()

    async def _sign_again(self) -> None:
        """Wait for a complete sync: all that a peer knows of our own logs is here now. Then sign again."""
        await self._complete.wait()
        await trio.to_thread.run_sync(self._home.settle_here)
        membership = self._home.membership
        self._author.why_not = "" if membership is None else membership.why_not_signing()
        self._tell({"event": "signing", "device": to_text(self._home.device)})


def roster_news(before: Census, now: Census, names: Names) -> list[Json]:
    """What became of members, sections and devices between two looks at a roster."""
    titles = titles_of(now)
    news: list[Json] = []
    for section in now.sections.values():
        known = before.sections.get(section.id)
        if known is None or known.valid != section.valid:
            told = {"id": to_text(section.id), "name": titles.of_bearer(section.id), "valid": section.valid}
            news.append({"event": "section", **told})
    for member in now.members.values():
        known_member = before.members.get(member.id)
        sections = frozenset(() if known_member is None else known_member.sections)
        who = {"member": to_text(member.id), "name": names.of_bearer(member.id)}
        for event, ids in (
            ("joined", {*member.sections} - sections),
            ("left", sections - {*member.sections}),
        ):
            for each in sorted(ids):
                where = {"section": to_text(each), "section_name": titles.of_bearer(each)}
                news.append({"event": event, **who, **where})
        for device in member.devices if member.sections else ():
            was = before.devices.get(device.id)
            if was is not None and was.standing is Standing.MEMBER and device.standing is Standing.FORMER:
                called = {"device": to_text(device.id), "name": who["name"], "device_name": device.name}
                news.append({"event": "revoked", **called})
    return news
