"""What can be asked about files. Synchronous."""

from node.looking import Look


class SharingQueries:
    """Reading methods about files over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look
