"""A keeper without a disk: `gossip.ledger.Ledger` behind the port, for tests and benchmarks of this floor."""

from collections.abc import Callable, Sequence

import trio

from gossip.ledger import Ledger
from gossip.proto.events import Committed, Piece, Verdict
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.messages import BodyAnswer
from store.entry import Entry
from store.errors import InvalidEntry
from store.ids import AuthorId, EntryId
from store.interface import LogState
from store.log import LogId


class MemoryKeeper:
    """`gossip.net.ports.Keeper` over a `Ledger`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._listener: Callable[[Committed], None] = lambda commit: None

    def publish(self, entry: Entry) -> None:
        """Keep an entry of our own and tell the listener."""
        self._listener(self.ledger.append_own(entry))

    def truncate(self, log_id: LogId) -> None:
        """Cut a log to what is carried of it now, and tell the listener."""
        self._listener(self.ledger.truncate(log_id))

    def states(self) -> dict[LogId, LogState]:
        """Every log held, with its state."""
        return self.ledger.store.logs()

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log."""
        return self.ledger.store.state(log_id)

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` after each commit."""
        self._listener = listener

    async def ingest(
        self, pieces: Sequence[Piece], source: AuthorId, *, each_signature: bool
    ) -> list[Verdict]:
        """Judge pieces and keep what is good."""
        await trio.lowlevel.checkpoint()
        verdicts, changed = self.ledger.ingest(pieces, source, each_signature=each_signature)
        if changed is not None:
            self._listener(changed)
        return verdicts

    async def ingest_evidence(self, evidence: bytes, source: AuthorId) -> bool:
        """Take evidence. False: it proves nothing."""
        await trio.lowlevel.checkpoint()
        try:
            changed = self.ledger.ingest_evidence(evidence)
        except InvalidEntry:
            return False
        if changed is not None:
            self._listener(changed._replace(source=source))
        return True

    async def ingest_body(self, entry_id: EntryId, body: bytes, source: AuthorId) -> bool:
        """Take a missing body. False: it does not fit."""
        await trio.lowlevel.checkpoint()
        return self.ledger.ingest_body(entry_id, body)

    async def read_run(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> Piece:
        """Entries to hand on."""
        await trio.lowlevel.checkpoint()
        entries = self.ledger.read_run(log_id, first_seq, last_seq, max_bytes)
        while self.ledger.findings:
            self._listener(self.ledger.findings.pop())
        return entries

    async def read_bodies(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        """The bodies of these entries, or why not."""
        await trio.lowlevel.checkpoint()
        return self.ledger.read_bodies(ids)

    async def missing_bodies(
        self, limit: int, interest: Interest = EVERYTHING, *, again: bool = False
    ) -> list[EntryId]:
        """Entries whose body is missing and wanted."""
        await trio.lowlevel.checkpoint()
        return self.ledger.missing_bodies(limit, interest)

    async def note_absent(self, ids: Sequence[EntryId]) -> None:
        """Nothing rests here."""
        await trio.lowlevel.checkpoint()
