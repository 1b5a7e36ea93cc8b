"""The part of the api that is about profiles and the directory. For the trio thread."""

from node.contacts.queries import ContactsQueries
from node.desk import Room


class ContactsApi:
    """What a running node does with profiles for its owner."""

    def __init__(self, room: Room, queries: ContactsQueries) -> None:
        self._room = room
        self._queries = queries

    async def run(self) -> None:
        """Do what is done in the background, until cancelled."""
