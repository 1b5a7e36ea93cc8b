"""What the shell needs of the node: one port to where entries are judged and kept.

Implemented by `node.intake.Intake`, and by `gossip.net.memory_keeper.MemoryKeeper` over the in-memory
store, which tests and benchmarks of this floor use.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from gossip.proto.events import Committed, Piece, Verdict
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.messages import BodyAnswer
from store.ids import AuthorId, EntryId
from store.interface import LogState
from store.log import LogId


class Keeper(Protocol):
    """Judges and keeps entries. Every commit is told to the one listener, in order, from the trio thread."""

    def states(self) -> dict[LogId, LogState]:
        """Every log held, with its state, as last committed."""
        ...

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log, as last committed; None where nothing is known of it."""
        ...

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` after each commit, before anyone else is told."""
        ...

    async def ingest(
        self, pieces: Sequence[Piece], source: AuthorId, *, each_signature: bool
    ) -> list[Verdict]:
        """Judge pieces from a peer, keep what is good, and say what became of each. Never raises for
        what a peer did."""
        ...

    async def ingest_evidence(self, evidence: bytes, source: AuthorId) -> bool:
        """Take evidence from a peer. False: it proves nothing (the sender's fault)."""
        ...

    async def ingest_body(self, entry_id: EntryId, body: bytes, source: AuthorId) -> bool:
        """Take a body that was missing. False: it is not the one committed to (the sender's fault)."""
        ...

    async def read_run(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> Piece:
        """Entries to hand on: in order, contiguous, the last one's signature checked. May be empty."""
        ...

    async def read_bodies(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        """The bodies of these entries, or why not."""
        ...

    async def missing_bodies(
        self, limit: int, interest: Interest = EVERYTHING, *, again: bool = False
    ) -> list[EntryId]:
        """At most `limit` entries whose body is missing here and was neither deleted nor expired; none whose
        body `interest` does not want. `again`: also those that rest."""
        ...

    async def note_absent(self, ids: Sequence[EntryId]) -> None:
        """No neighbour has these bodies: let them rest before they count as missing again."""
        ...
