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

    def section_ids_of(self, author: AuthorId) -> frozenset[bytes]:
        """Ids (32 bytes) of the sections that an author belongs or belonged to; empty: of none known.

        Logs of who belongs to none are carried whatever sections a node has chosen.
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

    def section_ids_of(self, author: AuthorId) -> frozenset[bytes]:
        """None."""
        return frozenset()
