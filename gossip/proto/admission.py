"""Who is let in, and what is carried. `Everyone` here is for the simulator; the real ones are in `node`.

Asked with time standing still: an answer may change between two calls only together with an
`AdmissionChanged` event.
"""

from typing import Protocol

from store.entry import MAX_SEQ
from store.ids import AuthorId
from store.log import LogId


class Admission(Protocol):
    """Answers from memory; called often."""

    def admits_peer(self, device: AuthorId) -> bool:
        """May this device connect and exchange anything with us?"""
        ...

    def last_carried(self, log_id: LogId) -> int:
        """Seq of the last entry of a log that we carry: 0 nothing of it, `store.entry.MAX_SEQ` all.

        What comes after it is neither taken in nor handed on, whoever has signed it.
        """
        ...


class Everyone:
    """Lets everybody in."""

    def admits_peer(self, device: AuthorId) -> bool:
        """Yes."""
        return True

    def last_carried(self, log_id: LogId) -> int:
        """All."""
        return MAX_SEQ
