"""The part of the api that is about budgets. For the trio thread."""

from node.budgets.keeper import Keeper
from node.budgets.queries import BudgetQueries
from node.desk import Room
from node.looking import Json


class BudgetApi:
    """What a running node does about budgets for its owner."""

    def __init__(self, room: Room, queries: BudgetQueries) -> None:
        self._room = room
        self._queries = queries
        queries.hub = room.mesh.hub
        self.keeper = Keeper(room, queries.parties, queries.quotas)

    async def quota_show(self, limit: int | None = None) -> Json:
        """The quotas, and who takes how much."""
        return await self._room.ask(self._queries.quota_show, limit)

    async def quota_set(
        self,
        member: str | None = None,
        section: str | None = None,
        texts: int | None = None,
        headers: int | None = None,
    ) -> Json:
        """Choose quotas."""
        answer = await self._room.ask(self._queries.quota_set, member, section, texts, headers)
        self.keeper.quotas_changed()
        return answer

    async def run(self) -> None:
        """Keep everybody within his quota, until cancelled."""
        await self.keeper.run()
