"""Who is let in. Two implementations: `Everyone` here, for the simulator, and the home's list in `node`.

Asked with time standing still: an answer may change between two calls only together with an
`AdmissionChanged` event.
"""

from typing import Protocol

from store.ids import AuthorId


class Admission(Protocol):
    """Answers from memory; called often."""

    def admits_peer(self, device: AuthorId) -> bool:
        """May this device connect and exchange anything with us?"""
        ...

    def admits_author(self, author: AuthorId) -> bool:
        """Do we carry this device's logs?"""
        ...


class Everyone:
    """Lets everybody in."""

    def admits_peer(self, device: AuthorId) -> bool:
        """Yes."""
        return True

    def admits_author(self, author: AuthorId) -> bool:
        """Yes."""
        return True
