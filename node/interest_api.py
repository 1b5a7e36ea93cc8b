"""The part of the api that is about what this node carries. For the trio thread."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from node.affairs.interest import interest_of
from node.affairs.shown import Held, Json
from node.home import Home
from node.mesh import Mesh
from node.queries import Queries

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

    async def interest_show(self) -> Json:
        """What this node carries, and what others said that they do."""
        return await self._ask(self._queries.interest.interest_show, self._held())

    async def interest_set(
        self,
        sections: Sequence[str] | None = None,
        purposes: Sequence[str] | None = None,
        age_ms: int | None = None,
        everything: bool = False,
    ) -> Json:
        """Choose what to carry; what is not given stays as it is."""
        await self._ask(self._queries.interest.interest_set, sections, purposes, age_ms, everything)
        self._tell()
        return await self.interest_show()

    async def run(self) -> None:
        """Let an age move on, and the sections of our own be those of now, until cancelled."""
        while True:
            await trio.sleep(LOOK_S)
            self._tell()

    def _tell(self) -> None:
        self._mesh.change_interest(interest_of(self._home, self._queries.now_ms()))
