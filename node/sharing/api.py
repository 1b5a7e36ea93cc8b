"""The part of the api that is about files. For the trio thread."""

from node.desk import Room
from node.sharing.queries import SharingQueries


class SharingApi:
    """What a running node does with files for its owner."""

    def __init__(self, room: Room, queries: SharingQueries) -> None:
        self._room = room
        self._queries = queries

    async def run(self) -> None:
        """Do what is done in the background, until cancelled."""
