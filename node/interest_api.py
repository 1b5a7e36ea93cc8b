"""The part of the api that is about what this node carries. For the trio thread."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from gossip.proto.events import Learned
from node.affairs.interest import Nearby, interest_of
from node.affairs.shown import Held, Json
from node.deletion.hubs import heard_of
from node.home import Home
from node.mesh import Mesh
from node.queries import Queries
from store.ids import AuthorId

LOOK_S: Final = 60.0
"""How often it is looked whether what we carry has changed by itself: a day is over, we joined a section."""


class InterestApi:
    """What a running node carries."""

    def __init__(
        self,
        home: Home,
        mesh: Mesh,
        queries: Queries,
        ask: Callable[..., Awaitable[Json]],
        held: Callable[[], Held],
    ) -> None:
        """`ask` looks something up in a thread; `held` says what is known of other nodes."""
        self._home = home
        self._mesh = mesh
        self._queries = queries
        self._ask = ask
        self._held = held
        self._met: set[AuthorId] = set()
        """Hubs that were met since the start."""
        self._hub_met = trio.Event()

    async def interest_show(self) -> Json:
        """What this node carries, and what others said that they do."""
        return await self._ask(self._queries.interest.interest_show, self._held())

    async def interest_set(
        self,
        sections: Sequence[str] | None = None,
        purposes: Sequence[str] | None = None,
        age_ms: int | None = None,
        everything: bool = False,
        boxes: str | None = None,
    ) -> Json:
        """Choose what to carry; what is not given stays as it is."""
        await self._ask(self._queries.interest.interest_set, sections, purposes, age_ms, everything, boxes)
        self._tell()
        return await self.interest_show()

    def learned(self, news: Learned) -> None:
        """Who has met a hub may leave packets for others to it, from now on. Never waits."""
        if news.hub and news.met and news.peer not in self._met and self._home.allowed.admits_peer(news.peer):
            self._met.add(news.peer)
            self._hub_met.set()

    async def run(self) -> None:
        """Let an age move on, the sections of our own be those of now, and hubs those that are known, until
        cancelled."""
        while True:
            self._tell()
            with trio.move_on_after(LOOK_S):
                await self._hub_met.wait()
            self._hub_met = trio.Event()

    def _tell(self) -> None:
        mesh, now_ms = self._mesh, self._queries.now_ms()
        nearby = Nearby(mesh.hub, heard_of(mesh, now_ms), mesh.interests())
        mesh.change_interest(interest_of(self._home, now_ms, nearby))
