"""Offers what one home holds to the intake of another, as a peer would: whole logs from entry 1, run by run.

Nothing is copied as rows. The intake judges every entry as it judges a stranger's, each signature included.
`id` logs come first and again until no more of them are taken, because who belongs follows from them. The
home is read by a thread of its own, one batch ahead; some MB are in memory, however much it holds. For the
trio thread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, takewhile
from typing import Final, NamedTuple, TypeVar

import trio

from gossip.proto.events import Accepted, Failed, Piece, Rejected, Stopped, Unwanted, Verdict
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.judge import log_of
from node.errors import DiskFull
from node.home import Home
from node.intake import Intake
from node.limits import MAX_BATCH_ENTRIES, SUBMIT_TOGETHER_BYTES
from node.messaging.expiry import KEPT_MS
from store.entry import Entry
from store.errors import Damaged
from store.ids import LOG_BOX_0, LOG_ID, LOG_KEYS, LOG_NAMES, LOG_SEALED, AuthorId, EntryId
from store.interface import NOTHING_HELD, LogState
from store.log import MAX_RUN_ENTRIES, LogId
from store.sqlite.bodies_gone import DELETED
from store.sqlite.portrait import unheld

BATCH_BYTES: Final = 8 * 2**20
"""Headers and bodies that are read and offered at a time."""

PASSING_LOGS: Final = frozenset({LOG_KEYS, LOG_SEALED, *range(LOG_BOX_0, len(LOG_NAMES))})
"""Messages on their way, and their keys: nobody keeps the bodies for good (docs/protocol/secrecy.md)."""

MAX_NAMED: Final = 10_000
"""Entries that are named and not here, which are remembered; each takes some 300 bytes."""

T = TypeVar("T")


class Place(NamedTuple):
    """An entry of a log, and what is the matter with it."""

    log_id: LogId
    seq: int
    why: str


class Seen:
    """What was noticed on the way. A log that is offered again counts once."""

    def __init__(self) -> None:
        self.absent: dict[LogId, int] = {}
        """How many bodies of a log are not here, other than those that were deleted or are not wanted."""
        self.unwanted = 0
        """How many bodies are not here because this home chose to carry their entries without them."""
        self.deleted = 0
        """How many bodies were deleted by their authors, and are not lost for that."""
        self.expired = 0
        """How many bodies of messages and keys are not here because nobody keeps them for good."""
        self.holes: dict[LogId, Place] = {}
        """Where a log cannot be read on; what stands behind is lost too."""
        self.refused: dict[LogId, Place] = {}
        """Where a log was not taken on, and why."""
        self.named: dict[EntryId, LogId] = {}
        """Entries that are linked to and not here, at most `MAX_NAMED`, with a log that names each."""


class Replay:
    """One home's entries on their way into another one."""

    def __init__(
        self,
        home: Home,
        states: Mapping[LogId, LogState],
        intake: Intake,
        first: Iterable[AuthorId],
        tell: Callable[[int, int], None],
        interest: Interest = EVERYTHING,
        now_ms: int = 0,
    ) -> None:
        """`states`: how far each log is offered. `first`: on whose `id` logs those of others depend.
        `interest`: what the home chose to carry. `now_ms`: Unix time; 0: no message is old.

        `tell` gets entries done, and how many there are in all.
        """
        self.seen = Seen()
        self._home = home
        self._states = states
        self._intake = intake
        self._tell = tell
        self._interest = interest
        self._old_ms = now_ms - KEPT_MS
        self._first = frozenset(first)
        self._done = 0
        self._total = sum(map(self._last_seq, states))

    async def run(self) -> None:
        """Offer everything, and return when all that was taken is kept.

        Raises:
            DiskFull: of the other home.
        """
        await self._offer_id_logs()
        await self._offer([log_id for log_id in sorted(self._states) if log_id.log != LOG_ID])
        for state in self._states.values():
            if state.evidence is not None:
                await self._intake.ingest_evidence(state.evidence.encode(), self._home.device)
        await self._intake.settled()

    def _last_seq(self, log_id: LogId) -> int:
        head = self._states[log_id].head
        return 0 if head is None else head.seq

    def _held(self, log_id: LogId) -> int:
        head = (self._intake.state(log_id) or NOTHING_HELD).head
        return 0 if head is None else head.seq

    def _is_short(self, log_id: LogId) -> bool:
        return self._held(log_id) < self._last_seq(log_id)

    async def _offer_id_logs(self) -> None:
        """Until all are taken, or a round brings nothing more: an admission may stand in any of them."""
        logs = [log_id for log_id in self._states if log_id.log == LOG_ID and self._is_short(log_id)]
        left = sorted(logs, key=lambda log_id: (log_id.author not in self._first, log_id))
        before = -1
        while left and self._intake.entries != before:
            before = self._intake.entries
            await self._offer(left)
            await self._intake.settled()
            left = [log_id for log_id in left if self._is_short(log_id)]

    async def _offer(self, logs: Sequence[LogId]) -> None:
        for log_id in logs:
            self.seen.refused.pop(log_id, None)
        batches = _Reader(self._home, self._states, self.seen, self._interest, self._old_ms).batches(logs)
        batch = await _in_thread(lambda: next(batches, None))
        while batch is not None:
            following: list[list[Piece] | None] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_read_next, batches, following)
                await self._ingest(batch)
            [batch] = following

    async def _ingest(self, batch: Sequence[Piece]) -> None:
        verdicts = await self._intake.ingest(batch, self._home.device, each_signature=True)
        for piece, verdict in zip(batch, verdicts, strict=True):
            if not isinstance(verdict, Accepted) and log_of(piece) not in self.seen.refused:
                await self._judge(piece, verdict)
        self._done = min(self._total, self._done + sum(map(len, batch)))
        self._tell(self._done, self._total)

    async def _judge(self, piece: Piece, verdict: Verdict) -> None:
        """Note where a log was not taken on, and why."""
        log_id, seq = log_of(piece), piece[0].seq
        if isinstance(verdict, Rejected):
            seq, verdict = await self._find_rejected(piece, verdict)
        match verdict:
            case Failed(_, why):
                raise DiskFull(
                    f"The folder could not be filled: {why}.",
                    "Let TMPDIR, or --out DIR, name a place with as much room as the home takes.",
                )
            case Stopped(_, evidence):
                seq, why = evidence.seq, "its author contradicted itself there"
            case Unwanted(_, why):
                seq = self._held(log_id) + 1
            case Rejected(_, why):
                pass
            case _:
                why = "it does not follow the entry before it"
        self.seen.refused[log_id] = Place(log_id, seq, why)

    async def _find_rejected(self, piece: Piece, verdict: Verdict) -> tuple[int, Verdict]:
        """The first entry of a piece that is to blame: what is said of a piece is said of all of it."""
        for entry in piece:
            [said] = await self._intake.ingest([(entry,)], self._home.device, each_signature=True)
            if not isinstance(said, Accepted):
                return entry.seq, said
        return piece[-1].seq, verdict


class _Reader:
    """Reads logs in batches of pieces, and notes what is missing in them."""

    def __init__(
        self, home: Home, states: Mapping[LogId, LogState], seen: Seen, interest: Interest, old_ms: int
    ) -> None:
        self._home = home
        self._old_ms = old_ms
        self._interest = interest
        self._states = states
        self._seen = seen

    def batches(self, logs: Sequence[LogId]) -> Iterator[list[Piece]]:
        """Pieces of the logs, as many at a time as go into one transaction."""
        batch: list[Piece] = []
        entries = size_bytes = 0
        for log_id in logs:
            self._seen.absent.pop(log_id, None)
            for piece in self._pieces(log_id):
                batch.append(piece)
                entries += len(piece)
                size_bytes += sum([entry.body_bytes + len(entry.header) for entry in piece])
                if entries >= MAX_BATCH_ENTRIES or size_bytes >= BATCH_BYTES:
                    self._look_at(batch)
                    yield batch
                    batch, entries, size_bytes = [], 0, 0
        if batch:
            self._look_at(batch)
            yield batch

    def _pieces(self, log_id: LogId) -> Iterator[Piece]:
        """A log as far as it was held, in runs; up to the first entry that cannot be read."""
        last_seq = self._last(log_id)
        seq, at_once = 1, MAX_RUN_ENTRIES
        while seq <= last_seq:
            stop = min(last_seq, seq + at_once - 1)
            try:
                entries = self._home.entries.range(log_id, seq, stop, SUBMIT_TOGETHER_BYTES)
            except Damaged:
                if at_once > 1:
                    at_once = max(1, at_once // 4)
                    continue
                entries = []
            piece = _beginning(entries, log_id, seq)
            if not piece:
                self._seen.holes[log_id] = Place(log_id, seq, "it is damaged or missing")
                return
            yield piece
            seq += len(piece)

    def _look_at(self, batch: Sequence[Piece]) -> None:
        """Note bodies that are not here, and entries that these name and that are not here."""
        named = self._seen.named
        links: dict[EntryId, LogId] = {}
        for piece in batch:
            log_id = log_of(piece)
            bare = [entry for entry in piece if entry.body is None]
            missing = [entry for entry in bare if self._interest.wants_body(entry)]
            self._seen.unwanted += len(bare) - len(missing)
            if missing:
                self._note_absent(log_id, missing)
            links.update((link, log_id) for entry in piece for link in entry.links if link not in named)
        if links and len(named) < MAX_NAMED:
            with suppress(Damaged):  # what cannot be looked up is not said to be missing
                for entry_id in unheld(self._home.database, links)[: MAX_NAMED - len(named)]:
                    named[entry_id] = links[entry_id]

    def _note_absent(self, log_id: LogId, entries: Sequence[Entry]) -> None:
        """Note bodies that are not here: deleted, expired or lost. What cannot be looked up is lost."""
        reasons: dict[EntryId, int] = {}
        with suppress(Damaged):
            reasons = self._home.shelf.reasons_of([entry.id for entry in entries])
        for entry in entries:
            why = reasons.get(entry.id)
            if why == DELETED:
                self._seen.deleted += 1
            elif log_id.log in PASSING_LOGS and self._is_over(log_id, entry):
                self._seen.expired += 1
            else:
                self._seen.absent[log_id] = self._seen.absent.get(log_id, 0) + 1

    def _is_over(self, log_id: LogId, entry: Entry) -> bool:
        """Do nodes let the body of this message go by now, or of these keys, which others have replaced?"""
        return entry.time_ms <= self._old_ms or (log_id.log == LOG_KEYS and entry.seq < self._last(log_id))

    def _last(self, log_id: LogId) -> int:
        head = self._states[log_id].head
        return 0 if head is None else head.seq


def _beginning(entries: Sequence[Entry], log_id: LogId, seq: int) -> Piece:
    """The entries that are those of that log from that seq on, as far as they say themselves."""
    places = zip(count(seq), entries, strict=False)
    return tuple(
        entry for _, entry in takewhile(lambda each: _place_of(each[1]) == (*log_id, each[0]), places)
    )


def _place_of(entry: Entry) -> tuple[bytes, int, int]:
    return entry.author, entry.log, entry.seq


async def _in_thread(work: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(work)


async def _read_next(batches: Iterator[list[Piece]], found: list[list[Piece] | None]) -> None:
    found.append(await _in_thread(lambda: next(batches, None)))
