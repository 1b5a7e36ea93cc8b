"""What can be asked about deletion. Synchronous."""

from node.looking import Look


class DeletionQueries:
    """Reading methods about deletion over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look
