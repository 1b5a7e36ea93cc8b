"""The intake: the one path of every entry, ours or theirs.

    inspect   on the loop: carried so far? one chain? signatures, in slices so that the loop goes on
    consider  in a federation, what strangers say of themselves: it waits until the roster knows them
    write     in the writer's thread: place, append, fold, commit (`node.writer`)
    tell      on the loop, after the commit: the roster, the listener (gossip), then the bus

There is one writer; what comes while it commits goes into its next transaction together. Implements
`gossip.net.ports.Keeper`. Nothing that a peer sends raises here.
"""
# long because every way into the store, and what gossip asks of it, goes through this class

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from gossip.proto.admission import Admission
from gossip.proto.events import Committed, Piece, Rejected, Unwanted, Verdict
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.judge import Inspected, check_chain, log_of, prove_bad, unchecked
from gossip.proto.messages import DELETED, EXPIRED, HELD, NOT_HELD, BodyAnswer
from node.belonging.carrying import Carrying
from node.belonging.membership import Membership
from node.bus import Bus
from node.commits import Commits, Submitted
from node.composing import StepFailed
from node.errors import NodeError
from node.inspection import NOT_CARRIED, Candidate, Checked, check_signed, in_groups
from node.jobs import BodyNews, Composition, Delivery, Errand, EvidenceNews, OwnEntries, SignaturesChecked
from node.limits import MAX_READ_BYTES, MAX_READ_THREADS
from node.shelf import Shelf
from node.signatures import Signatures
from node.writer import Applied, Writer
from store.entry import Entry
from store.errors import Damaged, InvalidEntry, NotFound
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId
from store.interface import NOTHING_HELD, KeyedRun, LogState
from store.log import LogId, parse_evidence
from store.sqlite import bodies_gone
from store.sqlite.views import Views

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Intake:
    """Takes entries in, for one home. `run` must run; all methods belong to the trio thread."""

    def __init__(self, shelf: Shelf, network: NetworkId, admission: Admission, bus: Bus) -> None:
        self._shelf = shelf
        self._network = network
        self._admission = admission
        self.bus = bus
        """Tells followers what was committed."""
        self.strain: Callable[[Sequence[Piece]], Awaitable[Sequence[Piece]]] = _as_they_come
        """Takes bodies off that are not to be kept, before anything is looked at. Must not raise."""
        self._listener: Callable[[Committed], None] = lambda committed: None
        self._membership = admission if isinstance(admission, Membership) else None
        writer = Writer(shelf, network, self._membership.pins if self._membership else None)
        self.queue = Commits(writer, self._told)
        self.signatures = Signatures(network)
        self._states: dict[LogId, LogState] = {}
        self._unchecked: set[LogId] = set()
        self._note(writer.states())
        self._turns: dict[AuthorId, trio.Event] = {}
        self._reading = trio.CapacityLimiter(MAX_READ_THREADS)
        self._carrying = (
            Carrying(self._membership, self.queue, self._states, self.read_held) if self._membership else None
        )

    # What gossip asks

    def states(self) -> dict[LogId, LogState]:
        """Every log held, with its state, as last committed. The dictionary itself: not to be changed."""
        return self._states

    def state(self, log_id: LogId) -> LogState | None:
        """The state of one log as last committed; None where nothing is known of it."""
        return self._states.get(log_id)

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` after each commit, before anyone else is told."""
        self._listener = listener

    async def ingest(
        self, pieces: Sequence[Piece], source: AuthorId, *, each_signature: bool
    ) -> list[Verdict]:
        """Judge pieces from a peer, keep what is good, and say what became of each."""
        pieces = await self.strain(pieces)
        verdicts: dict[int, Verdict] = {}
        candidates: list[Candidate] = []
        for place, piece in enumerate(pieces):
            judged = self._admit(place, piece, each_signature)
            if isinstance(judged, Candidate):
                candidates.append(judged)
            else:
                verdicts[place] = judged
        groups = [
            (group, self.signatures.begin([entry for candidate in group for entry in candidate.asked]))
            for group in in_groups(candidates)
        ]
        deliveries: list[tuple[list[int], Submitted]] = []
        strangers: list[AuthorId] = []
        async with self._turn_of(source):
            for group, check in groups:
                checked = check_signed(group, await self.signatures.wrong(check), verdicts)
                strangers += self._consider(checked, source, verdicts)
                if checked.found:
                    delivery = Delivery(tuple(checked.found.values()))
                    brought = [one.piece for one in checked.found.values()]
                    deliveries.append(
                        (list(checked.found), await self.queue.enqueue(delivery, source, brought))
                    )
        for places, submitted in deliveries:
            verdicts.update(zip(places, (await self.queue.outcome_of(submitted)).verdicts, strict=True))
        for author in strangers:
            self._written(author)
        return [verdicts[place] for place in range(len(pieces))]

    def _consider(
        self, checked: Checked, source: AuthorId, verdicts: dict[int, Verdict]
    ) -> Sequence[AuthorId]:
        """Put what strangers say where it waits. What waited of those who become known by it is found."""
        known: list[AuthorId] = []
        for place, piece in checked.strangers.items():
            assert self._carrying is not None
            judged = self._carrying.consider(piece, source)
            if isinstance(judged, Inspected):
                checked.found[place] = judged
                known.append(piece[0].author)
            else:
                verdicts[place] = judged
        return known

    def _written(self, author: AuthorId) -> None:
        assert self._carrying is not None
        self._carrying.written(author)

    @asynccontextmanager
    async def _turn_of(self, source: AuthorId) -> AsyncIterator[None]:
        """What one peer sends is submitted in the order in which it came, however long it takes to check."""
        before, mine = self._turns.get(source), trio.Event()
        self._turns[source] = mine
        try:
            if before is not None:
                await before.wait()
            yield
        finally:
            mine.set()
            if self._turns.get(source) is mine:
                del self._turns[source]

    async def ingest_evidence(self, evidence: bytes, source: AuthorId) -> bool:
        """Take evidence from a peer. False: it proves nothing (the sender's fault)."""
        try:
            proof = parse_evidence(evidence, self._network)
        except InvalidEntry:
            return False
        if proof.seq <= self._admission.last_carried(proof.log_id) and not self._is_stranger(proof.log_id):
            await self.queue.submit(EvidenceNews(proof), source)
        return True

    async def ingest_body(self, entry_id: EntryId, body: bytes, source: AuthorId) -> bool:
        """Take a body that was missing. False: it is not the one committed to (the sender's fault)."""
        outcome = await self.queue.submit(BodyNews(entry_id, body), source)
        if self._carrying is not None:
            await self._carrying.mend()
        return not isinstance(outcome.error, InvalidEntry)

    async def read_run(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> Piece:
        """Entries to hand on: in order, contiguous, the last one's signature checked. May be empty."""
        try:
            entries = tuple(await self.read(self._shelf.range, log_id, first_seq, last_seq, max_bytes))
        except Damaged:
            _log.exception("a run that was asked for cannot be read")
            return ()
        checked_seq = self._states.get(log_id, NOTHING_HELD).checked_seq
        if entries and entries[-1].seq > checked_seq and await self.wrongly_signed(entries[-1:]):
            await self.condemn(log_id, entries[-1].seq)
            return ()
        return entries

    async def read_bodies(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        """The bodies of these entries, or why not."""
        return await self.read(self._bodies_of, ids)

    async def missing_bodies(
        self, limit: int, interest: Interest = EVERYTHING, *, again: bool = False
    ) -> list[EntryId]:
        """At most `limit` entries whose body is missing here and was neither deleted nor expired.

        None whose body `interest` does not want, nor any that nobody had lately, unless it is to be asked
        for `again`.
        """
        now_ms = None if again else time.time_ns() // 1_000_000
        return await self.read(self._shelf.missing_bodies, limit, interest, now_ms)

    async def note_absent(self, ids: Sequence[EntryId]) -> None:
        """No neighbour has these bodies: they are not asked for again for a while."""
        now_ms = time.time_ns() // 1_000_000
        await self.queue.submit(Errand(lambda: self._shelf.rest_bodies(ids, now_ms)), None)

    # What the rest of the node asks

    async def publish(self, pieces: tuple[Piece, ...]) -> None:
        """Keep entries that we signed: all of them durably, or none. Returns once that is so.

        Raises:
            StorageFull: the disk is full.
            StoreError: they do not continue their logs.
        """
        outcome = await self.queue.submit(OwnEntries(pieces), None, pieces)
        if outcome.error is not None:
            raise outcome.error

    async def compose(
        self,
        make: Callable[[Views], Sequence[Piece]],
        then: Callable[[Views, Sequence[KeyedRun]], None],
    ) -> None:
        """Make entries of our own and keep them, in one durable transaction; see `Shelf.compose`.

        Both are called in the writer's thread.

        Raises:
            StorageFull: the disk is full.
            StoreError: they do not continue their logs, or the step raised it.
        """
        outcome = await self.queue.submit(Composition(lambda: self._composed(make, then)), None)
        if outcome.error is not None:
            raise outcome.error

    def _composed(
        self,
        make: Callable[[Views], Sequence[Piece]],
        then: Callable[[Views, Sequence[KeyedRun]], None],
    ) -> list[Piece]:
        return [tuple(run) for run in self._shelf.compose(make, then)]

    def stored_state(self, log_id: LogId) -> LogState:
        """The state of a log as the writer's thread sees it."""
        return self._shelf.state(log_id) or NOTHING_HELD

    def stored_time(self, entry_id: EntryId) -> int:
        """The claimed time of an entry that is held, in ms; for the writer's thread. Raises: NotFound."""
        return self._shelf.entry(entry_id).time_ms

    async def change(self, change: Callable[[Views], T]) -> T:
        """Change tables beside the entries, in a transaction of the writer that is not synced by itself.

        Raises:
            StoreError, NodeError: nothing was changed.
        """
        done: list[T] = []

        def guarded(views: Views) -> T:
            try:
                return change(views)
            except NodeError as error:
                raise StepFailed(error) from error

        job = Errand(lambda: done.append(self._shelf.entries.change_views(guarded)))
        outcome = await self.queue.submit(job, None)
        if isinstance(outcome.error, StepFailed):
            raise outcome.error.cause
        if outcome.error is not None:
            raise outcome.error
        return done[0]

    async def time_of(self, entry_id: EntryId) -> int:
        """The claimed time of an entry that is held, in ms. Raises: NotFound, Damaged."""
        entry = await self.read(self._shelf.entry, entry_id)
        return entry.time_ms

    async def read_held(
        self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int
    ) -> Sequence[Entry]:
        """Entries of a log that are held, in order, whether checked or not. Raises: Damaged."""
        return await self.read(self._shelf.range, log_id, first_seq, last_seq, max_bytes)

    async def wrongly_signed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` whose signature does not fit."""
        return await self.signatures.wrong(self.signatures.begin(entries))

    async def note_checked(self, log_id: LogId, seq: int) -> None:
        """Note that all signatures of a log up to `seq` are good."""
        await self.queue.submit(SignaturesChecked(log_id, seq), None)

    async def condemn(self, log_id: LogId, seq: int) -> bool:
        """End a log at an entry that is held and badly signed. False: nothing held vouches for it."""
        try:
            proof = await self.read(prove_bad, log_id, seq, self._read_held, self._network)
        except (InvalidEntry, Damaged):
            proof = None
        if proof is None:
            return False
        outcome = await self.queue.submit(EvidenceNews(proof), None)
        return outcome.error is None

    async def drop_damaged(self, ids: Sequence[EntryId]) -> list[EntryId]:
        """Let go of bodies that are damaged on the disk, so that they count as missing; those it did.

        Raises:
            StorageFull: those before were let go.
        """
        return await self.read(self._shelf.drop_damaged, ids)

    def unchecked_logs(self) -> frozenset[LogId]:
        """Logs that hold entries whose own signatures were not checked."""
        return frozenset(self._unchecked)

    @property
    def commits(self) -> int:
        """Batches written since the start."""
        return self.queue.count

    @property
    def entries(self) -> int:
        """Entries taken in since the start."""
        return self.queue.entries

    async def changed(self, since: int) -> None:
        """Wait until more than `since` batches were written; see `commits`."""
        await self.queue.changed(since)

    async def grown(self, entries: int) -> None:
        """Wait until so many entries in all were taken in since the start; see `entries`."""
        await self.queue.grown(entries)

    async def settled(self) -> None:
        """Wait until nothing is to be written, and what is held is what is carried."""
        await self.queue.idle()
        while self._carrying is not None and not self._carrying.is_idle:
            await self._carrying.idle()
            await self.queue.idle()

    async def read(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in the store, in a thread. At most `MAX_READ_THREADS` at a time."""
        return await trio.to_thread.run_sync(look, *args, limiter=self._reading)

    async def run(self) -> None:
        """Take entries in, until cancelled. What has begun to be written is finished and told."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.signatures.run)
            if self._carrying is not None:
                nursery.start_soon(self._carrying.run)
            await self.queue.run()

    # Inside

    def _told(self, batch: Sequence[Submitted], applied: Applied) -> None:
        """After a commit: remember the new states, then tell the roster, then gossip, then the bus."""
        self._note(applied.changed)
        commits = [_commit_of(submitted) for submitted in batch]
        if self._carrying is not None:
            for commit in commits:
                self._carrying.committed(commit)
        for commit in commits:
            if commit.pieces or commit.evidence or commit.shrunk:
                self._listener(commit)
                self.bus.publish(commit)
        if self._carrying is not None:
            self._carrying.settle(applied.changed)

    def _note(self, states: dict[LogId, LogState]) -> None:
        """Remember states, and which logs hold entries that were not checked one by one."""
        for log_id, state in states.items():
            if state == NOTHING_HELD:
                self._states.pop(log_id, None)
            else:
                self._states[log_id] = state
            if state.head is not None and state.checked_seq < state.head.seq:
                self._unchecked.add(log_id)
            else:
                self._unchecked.discard(log_id)

    def _admit(self, place: int, piece: Piece, each: bool) -> "Candidate | Verdict":
        """Look at a piece alone, signatures aside."""
        log_id = log_of(piece)
        carried = piece[: max(0, self._admission.last_carried(log_id) + 1 - piece[0].seq)]
        if not carried:
            return Unwanted(log_id, NOT_CARRIED)
        try:
            check_chain(piece)
        except InvalidEntry as error:
            return Rejected(log_id, str(error))
        if self._membership is not None and self._is_stranger(log_id):
            fresh = [entry for entry in piece if not self._membership.holds(entry)]
            return Candidate(place, piece, fresh, each=True, is_whole=True, is_known=False)
        is_whole = len(carried) == len(piece)
        each = each or log_id.log == LOG_ID or not is_whole
        asked = unchecked(carried, self._states.get(log_id, NOTHING_HELD), each=each)
        return Candidate(place, carried, asked, each, is_whole)

    def _is_stranger(self, log_id: LogId) -> bool:
        """Is this the `id` log of somebody whom the roster does not know?"""
        members = self._membership
        return members is not None and log_id.log == LOG_ID and not members.carries(log_id.author)

    def _read_held(self, log_id: LogId, first_seq: int, last_seq: int) -> Sequence[Entry]:
        return self._shelf.range(log_id, first_seq, last_seq, MAX_READ_BYTES)

    def _bodies_of(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        return [self._body_of(entry_id) for entry_id in ids]

    def _body_of(self, entry_id: EntryId) -> BodyAnswer:
        try:
            body = self._shelf.entry(entry_id).body
            why = None if body is not None else self._shelf.why_gone(entry_id)
        except (NotFound, Damaged):
            return BodyAnswer(entry_id, NOT_HELD, b"")
        if body is not None:
            return BodyAnswer(entry_id, HELD, body)
        match why:
            case (bodies_gone.DELETED, bytes() as deletion):
                return BodyAnswer(entry_id, DELETED, deletion)
            case (bodies_gone.LET_GO, _):
                return BodyAnswer(entry_id, EXPIRED, b"")
            case _:
                return BodyAnswer(entry_id, NOT_HELD, b"")


async def _as_they_come(pieces: Sequence[Piece]) -> Sequence[Piece]:
    return pieces


def _commit_of(submitted: Submitted) -> Committed:
    """What a job changed."""
    found = submitted.outcome
    return Committed(tuple(found.fresh), submitted.source, tuple(found.evidence), tuple(found.shrunk))
