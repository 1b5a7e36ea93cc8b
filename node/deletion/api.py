"""The part of the api that is about deletion. For the trio thread."""

from node.deletion.queries import DeletionQueries
from node.desk import Room


class DeletionApi:
    """What a running node does about deletion for its owner."""

    def __init__(self, room: Room, queries: DeletionQueries) -> None:
        self._room = room
        self._queries = queries

    async def run(self) -> None:
        """Do what is done in the background, until cancelled."""
