"""What can be asked about profiles and the directory. Synchronous."""

from node.looking import Look


class ContactsQueries:
    """Reading methods about profiles and the directory over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look
