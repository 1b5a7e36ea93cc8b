"""The intake: the one path of every entry, ours or theirs.

    inspect   on the loop: admitted? one chain? signatures, in slices so that the loop goes on
    write     in the writer's thread: place, append, fold, commit (`node.writer`)
    tell      on the loop, after the commit: the listener (gossip), then the bus

There is one writer; what comes while it commits goes into its next transaction together. Implements
`gossip.net.ports.Keeper`. Nothing that a peer sends raises here.
"""

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

import trio

from gossip.proto.admission import Admission
from gossip.proto.events import Committed, Piece, Rejected, Unwanted, Verdict
from gossip.proto.judge import Inspected, check_chain, inspected, log_of, prove_bad, unchecked
from gossip.proto.messages import HELD, NOT_HELD, BodyAnswer
from node.bus import Bus
from node.limits import (
    CHECK_TOGETHER,
    MAX_BATCH_ENTRIES,
    MAX_PENDING_ENTRIES,
    MAX_READ_BYTES,
    MAX_READ_THREADS,
    SUBMIT_TOGETHER,
)
from node.shelf import Shelf
from node.signatures import Signatures
from node.writer import (
    BodyNews,
    Delivery,
    EvidenceNews,
    Job,
    Outcome,
    OwnEntries,
    SignaturesChecked,
    Writer,
)
from store.entry import Entry
from store.errors import BadSignature, Damaged, InvalidEntry, NotFound
from store.ids import AuthorId, EntryId, NetworkId
from store.interface import NOTHING_HELD, LogState
from store.log import LogId, parse_evidence

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Submitted:
    """A job in the queue of the writer."""

    __slots__ = ("done", "error", "job", "outcome", "source", "weight")

    def __init__(self, job: Job, source: AuthorId | None, weight: int) -> None:
        self.job = job
        self.source = source
        self.weight = weight
        """Entries that it brings."""
        self.done = trio.Event()
        self.outcome = Outcome()
        self.error: Exception | None = None
        """A fault of ours in the writer."""


class _Candidate(NamedTuple):
    """A piece that is a chain of an admitted author."""

    place: int
    """Its place among the pieces of the call."""
    piece: Piece
    asked: Sequence[Entry]
    """Entries whose signatures are to be checked."""


class Intake:
    """Takes entries in, for one home. `run` must run; all methods belong to the trio thread."""

    def __init__(self, shelf: Shelf, network: NetworkId, admission: Admission, bus: Bus) -> None:
        self._shelf = shelf
        self._network = network
        self._admission = admission
        self._bus = bus
        self._writer = Writer(shelf, network)
        self._states = self._writer.states()
        self._listener: Callable[[Committed], None] = lambda committed: None
        self._queue: deque[_Submitted] = deque()
        self._pending_entries = 0
        self._work = trio.Event()
        self._room = trio.Event()
        self.pace: Callable[[], Awaitable[None]] = _hurry
        """Awaited before each transaction: who follows what is written may hold it back."""
        self.commits = 0
        """Batches written since the start."""
        self.entries = 0
        """Entries taken in since the start."""
        self._committed = trio.Event()
        self._unchecked: set[LogId] = set()
        self._note(self._states)
        self.signatures = Signatures(network)
        self._turns: dict[AuthorId, trio.Event] = {}
        self._writing = trio.CapacityLimiter(1)
        self._reading = trio.CapacityLimiter(MAX_READ_THREADS)

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
        verdicts: dict[int, Verdict] = {}
        candidates: list[_Candidate] = []
        for place, piece in enumerate(pieces):
            judged = self._admit(place, piece, each_signature)
            if isinstance(judged, _Candidate):
                candidates.append(judged)
            else:
                verdicts[place] = judged
        groups = [
            (group, self.signatures.begin([entry for candidate in group for entry in candidate.asked]))
            for group in _groups(candidates)
        ]
        deliveries: list[tuple[list[int], _Submitted]] = []
        async with self._turn_of(source):
            for group, check in groups:
                bad = await self.signatures.wrong(check)
                found = _found(group, bad, each_signature, verdicts)
                if found:
                    weight = sum(len(one.piece) for one in found.values())
                    delivery = Delivery(tuple(found.values()))
                    deliveries.append((list(found), await self._enqueue(delivery, source, weight)))
        for places, submitted in deliveries:
            verdicts.update(zip(places, (await self._outcome_of(submitted)).verdicts, strict=True))
        return [verdicts[place] for place in range(len(pieces))]

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
            if self._turns[source] is mine:
                del self._turns[source]

    async def ingest_evidence(self, evidence: bytes, source: AuthorId) -> bool:
        """Take evidence from a peer. False: it proves nothing (the sender's fault)."""
        try:
            proof = parse_evidence(evidence, self._network)
        except InvalidEntry:
            return False
        if self._admission.admits_author(proof.log_id.author):
            await self._submit(EvidenceNews(proof), source, 1)
        return True

    async def ingest_body(self, entry_id: EntryId, body: bytes, source: AuthorId) -> bool:
        """Take a body that was missing. False: it is not the one committed to (the sender's fault)."""
        outcome = await self._submit(BodyNews(entry_id, body), source, 1)
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

    async def missing_bodies(self, limit: int) -> list[EntryId]:
        """At most `limit` entries whose body is missing here and was neither deleted nor expired."""
        return await self.read(self._shelf.missing_bodies, limit)

    # What the rest of the node asks

    async def publish(self, pieces: tuple[Piece, ...]) -> None:
        """Keep entries that we signed: all of them durably, or none. Returns once that is so.

        Raises:
            StorageFull: the disk is full.
            StoreError: they do not continue their logs.
        """
        outcome = await self._submit(OwnEntries(pieces), None, sum(map(len, pieces)))
        if outcome.error is not None:
            raise outcome.error

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
        await self._submit(SignaturesChecked(log_id, seq), None, 1)

    async def condemn(self, log_id: LogId, seq: int) -> bool:
        """End a log at an entry that is held and badly signed. False: nothing held vouches for it."""
        try:
            proof = await self.read(prove_bad, log_id, seq, self._read_held, self._network)
        except (InvalidEntry, Damaged):
            proof = None
        if proof is None:
            return False
        outcome = await self._submit(EvidenceNews(proof), None, 1)
        return outcome.error is None

    def unchecked_logs(self) -> frozenset[LogId]:
        """Logs that hold entries whose own signatures were not checked."""
        return frozenset(self._unchecked)

    async def changed(self, since: int) -> None:
        """Wait until more than `since` transactions were committed; see `commits`."""
        while self.commits <= since:
            await self._committed.wait()

    async def grown(self, entries: int) -> None:
        """Wait until so many entries in all were taken in since the start; see `entries`."""
        while self.entries < entries:
            await self._committed.wait()

    @property
    def is_idle(self) -> bool:
        """Is nothing waiting for the writer, nor being written?"""
        return not self._pending_entries

    async def idle(self) -> None:
        """Wait until nothing is waiting for the writer, nor being written."""
        while self._pending_entries:
            await self._room.wait()

    async def read(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in the store, in a thread. At most `MAX_READ_THREADS` at a time."""
        return await trio.to_thread.run_sync(look, *args, limiter=self._reading)

    async def run(self) -> None:
        """Write what is submitted, until cancelled. What has begun to be written is finished and told."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.signatures.run)
            while True:
                while not self._queue:
                    self._work = trio.Event()
                    await self._work.wait()
                await self.pace()
                await self._write(self._next_batch())

    # Inside

    async def _write(self, batch: Sequence[_Submitted]) -> None:
        try:
            applied = await trio.to_thread.run_sync(
                self._writer.apply, [submitted.job for submitted in batch], limiter=self._writing
            )
        except Exception as error:  # noqa: BLE001 (a fault of ours ends these jobs, not the node)
            _log.exception("the writer failed")
            self._refuse(batch, error)
        else:
            self._states.update(applied.changed)
            self._note(applied.changed)
            self._tell(batch, applied.outcomes)
            self.commits += 1
            self._committed.set()
            self._committed = trio.Event()

    def _next_batch(self) -> list[_Submitted]:
        """The jobs that go into the next transactions: as many as are there, up to a bound."""
        batch: list[_Submitted] = []
        entries = 0
        while self._queue and (not batch or entries + self._queue[0].weight <= MAX_BATCH_ENTRIES):
            submitted = self._queue.popleft()
            entries += submitted.weight
            batch.append(submitted)
        return batch

    async def _submit(self, job: Job, source: AuthorId | None, weight: int) -> Outcome:
        return await self._outcome_of(await self._enqueue(job, source, weight))

    async def _enqueue(self, job: Job, source: AuthorId | None, weight: int) -> _Submitted:
        """Put a job into the writer's queue, once there is room."""
        while self._pending_entries >= MAX_PENDING_ENTRIES:
            await self._room.wait()
        submitted = _Submitted(job, source, weight)
        self._pending_entries += weight
        self._queue.append(submitted)
        self._work.set()
        return submitted

    async def _outcome_of(self, submitted: _Submitted) -> Outcome:
        await submitted.done.wait()
        if submitted.error is not None:
            raise submitted.error
        return submitted.outcome

    def _note(self, states: dict[LogId, LogState]) -> None:
        """Remember which logs hold entries that were not checked one by one."""
        for log_id, state in states.items():
            if state.head is not None and state.checked_seq < state.head.seq:
                self._unchecked.add(log_id)
            else:
                self._unchecked.discard(log_id)

    def _tell(self, batch: Sequence[_Submitted], outcomes: Sequence[Outcome]) -> None:
        for submitted, outcome in zip(batch, outcomes, strict=True):
            self.entries += sum(map(len, outcome.fresh))
            if outcome.fresh or outcome.evidence:
                committed = Committed(tuple(outcome.fresh), submitted.source, tuple(outcome.evidence))
                self._listener(committed)
                self._bus.publish(committed)
            submitted.outcome = outcome
            self._finish(submitted)

    def _refuse(self, batch: Sequence[_Submitted], error: Exception) -> None:
        for submitted in batch:
            submitted.error = error
            self._finish(submitted)

    def _finish(self, submitted: _Submitted) -> None:
        self._pending_entries -= submitted.weight
        submitted.done.set()
        self._room.set()
        self._room = trio.Event()

    def _admit(self, place: int, piece: Piece, each: bool) -> "_Candidate | Verdict":
        """Look at a piece alone, signatures aside."""
        log_id = log_of(piece)
        if not self._admission.admits_author(log_id.author):
            return Unwanted(log_id, "its author is not on the list of those carried here")
        try:
            check_chain(piece)
        except InvalidEntry as error:
            return Rejected(log_id, str(error))
        return _Candidate(place, piece, unchecked(piece, self._states.get(log_id, NOTHING_HELD), each=each))

    def _read_held(self, log_id: LogId, first_seq: int, last_seq: int) -> Sequence[Entry]:
        return self._shelf.range(log_id, first_seq, last_seq, MAX_READ_BYTES)

    def _bodies_of(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        return [self._body_of(entry_id) for entry_id in ids]

    def _body_of(self, entry_id: EntryId) -> BodyAnswer:
        try:
            body = self._shelf.entry(entry_id).body
        except (NotFound, Damaged):
            body = None
        return BodyAnswer(entry_id, NOT_HELD, b"") if body is None else BodyAnswer(entry_id, HELD, body)


async def _hurry() -> None:
    """Hold nothing back."""


def _groups(candidates: Sequence[_Candidate]) -> list[list[_Candidate]]:
    """Candidates in groups that are checked and submitted together."""
    groups: list[list[_Candidate]] = []
    asked = entries = 0
    for candidate in candidates:
        if not groups or asked >= CHECK_TOGETHER or entries + len(candidate.piece) > SUBMIT_TOGETHER:
            groups.append([])
            asked = entries = 0
        groups[-1].append(candidate)
        asked += len(candidate.asked)
        entries += len(candidate.piece)
    return groups


def _found(
    group: Sequence[_Candidate], bad: Sequence[Entry], each: bool, verdicts: dict[int, Verdict]
) -> dict[int, Inspected]:
    """What the writer gets of a group, by place; pieces that nobody vouches for get their verdict."""
    found: dict[int, Inspected] = {}
    for place, piece, asked in group:
        own_bad = [entry for entry in bad if any(entry is one for one in asked)] if bad else []
        try:
            found[place] = inspected(piece, own_bad, vouched=bool(asked), each=each)
        except BadSignature as error:
            verdicts[place] = Rejected(log_of(piece), str(error))
    return found
