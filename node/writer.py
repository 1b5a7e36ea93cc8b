"""The store as the one writer sees it: judge jobs in order, keep what is good, say what became of each.

Synchronous; one thread at a time. `node.intake` calls it from its writer thread, `node.home` directly
where no daemon runs. Jobs share a transaction as far as possible: that is the group commit. Once the
store refused one (disk full), every job of it and after it has failed, and nothing of them is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from gossip.proto.events import Behind, Failed, Piece, Stopped, Unwanted, Verdict
from gossip.proto.judge import Inspected, decide, log_of, prove_bad, settle
from node.belonging.pinning import is_idle, leads_to
from node.jobs import (
    BodyNews,
    Composition,
    Delivery,
    Errand,
    EvidenceNews,
    Job,
    OwnEntries,
    SignaturesChecked,
    Truncations,
)
from node.limits import MAX_READ_BYTES
from store.entry import Entry
from store.errors import BadSignature, StoreError
from store.ids import LOG_ID, NetworkId
from store.interface import NOTHING_HELD, EntryStore, LogState, exceeds, states_after
from store.log import Evidence, Head, LogId, stronger


class Outcome:
    """What became of a job."""

    __slots__ = ("error", "evidence", "fresh", "shrunk", "verdicts")

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        """One for each piece of a `Delivery`."""
        self.fresh: list[Piece] = []
        """Entries that are held since this job, in chains."""
        self.evidence: list[Evidence] = []
        """Why logs ended with it."""
        self.shrunk: list[LogId] = []
        """Logs that were cut short with it."""
        self.error: StoreError | None = None
        """Why a job other than a `Delivery` was refused; nothing of it is kept."""


class Applied(NamedTuple):
    """What became of some jobs."""

    outcomes: list[Outcome]
    """One for each job."""
    changed: dict[LogId, LogState]
    """The new states of logs that changed."""


class Writer:
    """Judges and keeps. Its states are those of the last commit."""

    def __init__(
        self, store: EntryStore, network: NetworkId, pins: Mapping[LogId, Head] | None = None
    ) -> None:
        """`pins`: see `node.belonging.pinning`; may change meanwhile."""
        self.store = store
        self.network = network
        self._pins = {} if pins is None else pins
        self._states = store.logs()

    def states(self) -> dict[LogId, LogState]:
        """A copy of every log's state."""
        return dict(self._states)

    def state(self, log_id: LogId) -> LogState:
        """The state of one log; `NOTHING_HELD` where nothing is known of it."""
        return self._states.get(log_id, NOTHING_HELD)

    def apply(self, jobs: Sequence[Job]) -> Applied:
        """Do the jobs in order, in as few transactions as possible. Never raises for what a job says nor
        for what the disk does."""
        batch = _Batch(self.store, self.network, self._states, self._pins)
        outcomes = [batch.take(job) for job in jobs]
        batch.flush()
        return Applied(outcomes, batch.changed)


class _Waiting(NamedTuple):
    """Something that counts only if the open transaction is committed."""

    outcome: Outcome
    slot: int
    """Index of the verdict; `_NO_VERDICT` where the job has none."""
    log_id: LogId
    fresh: Piece


_NO_VERDICT: Final = -1

_CUT_OTHERWISE: Final = "its author was cut at an entry of another branch"


class _Batch:
    """The jobs of one call of `Writer.apply`, with the transaction that is being put together."""

    def __init__(
        self,
        store: EntryStore,
        network: NetworkId,
        states: dict[LogId, LogState],
        pins: Mapping[LogId, Head],
    ) -> None:
        self._store = store
        self._network = network
        self._pins = pins
        self._states = states
        self.changed: dict[LogId, LogState] = {}
        self._ahead: dict[LogId, LogState] = {}
        self._waiting: list[_Waiting] = []
        self._runs: list[Piece] = []
        self._checked = True
        self._durable = False
        self._broken: StoreError | None = None

    def take(self, job: Job) -> Outcome:
        """Do a job, or as much of it as does not have to wait for `flush`."""
        outcome = Outcome()
        match job:
            case Delivery(pieces):
                for found in pieces:
                    self._place(found, outcome)
            case OwnEntries(pieces):
                self._add_own(pieces, outcome)
            case EvidenceNews(evidence):
                if not self._is_idle(evidence):
                    self._end(evidence, outcome)
            case BodyNews(entry_id, body):
                self._attempt(outcome, lambda: self._store.restore_body(entry_id, body))
            case Errand(do):
                self._attempt(outcome, do)
            case Composition(compose):
                self._attempt(outcome, lambda: self._compose(compose, outcome))
            case SignaturesChecked(log_id, seq):
                self._attempt(outcome, lambda: self._note_checked(log_id, seq))
            case Truncations(ends):
                for log_id, last_seq in ends:
                    self._truncate(log_id, last_seq, outcome)
        return outcome

    def flush(self) -> None:
        """Commit what waits. Where the store refuses, all of it has failed, and so will what follows."""
        if not self._waiting:
            return
        try:
            if self._runs:
                self._store.append(self._runs, checked=self._checked, durable=self._durable)
        except StoreError as error:
            self._fail(error)
        else:
            self._keep(self._ahead)
            for waiting in self._waiting:
                if waiting.fresh:
                    waiting.outcome.fresh.append(waiting.fresh)
        self._ahead, self._waiting, self._runs, self._durable = {}, [], [], False

    def _keep(self, states: dict[LogId, LogState]) -> None:
        self._states.update(states)
        self.changed.update(states)

    def _keep_stored(self, log_id: LogId) -> None:
        """Note the state of a log that the store itself has changed."""
        state = self._store.state(log_id)
        self.changed[log_id] = state or NOTHING_HELD
        if state is None:
            self._states.pop(log_id, None)
        else:
            self._states[log_id] = state

    def _fail(self, error: StoreError) -> None:
        self._broken = error
        for outcome, slot, log_id, _ in self._waiting:
            if slot == _NO_VERDICT:
                outcome.error = error
            else:
                outcome.verdicts[slot] = Failed(log_id, str(error))

    def _place(self, found: Inspected, outcome: Outcome) -> None:
        """Judge a piece and put what is new of it into the transaction."""
        log_id = log_of(found.piece)
        slot = len(outcome.verdicts)
        outcome.verdicts.append(Failed(log_id, ""))
        self._turn_to(found.each)
        if self._broken is not None:
            outcome.verdicts[slot] = Failed(log_id, str(self._broken))
            return
        try:
            decision = decide(found, self._state(log_id), self._read_held, self._network)
        except StoreError as error:
            outcome.verdicts[slot] = Failed(log_id, str(error))
            return
        if decision.evidence is not None and self._make_way(found.piece, decision.evidence, outcome):
            found = found._replace(each=False)  # of places that were held no signature was checked
            decision = decide(found, self._state(log_id), self._read_held, self._network)
        outcome.verdicts[slot] = decision.verdict
        if log_id.log == LOG_ID and any(entry.body is None for entry in decision.fresh):
            outcome.verdicts[slot] = Behind(log_id, decision.fresh[0].seq)
            decision = decision._replace(fresh=())
        if decision.fresh:
            self._add((decision.fresh,))
        if log_id in self._ahead:
            self._waiting.append(_Waiting(outcome, slot, log_id, decision.fresh))
        if decision.evidence is not None:
            idle = self._is_idle(decision.evidence)
            held = None if idle else self._end(decision.evidence, outcome)
            if idle:
                outcome.verdicts[slot] = Unwanted(log_id, _CUT_OTHERWISE)
            elif held is not None:
                outcome.verdicts[slot] = Stopped(log_id, held)
            else:
                outcome.verdicts[slot] = Failed(log_id, str(outcome.error))
                outcome.error = None

    def _add_own(self, pieces: tuple[Piece, ...], outcome: Outcome) -> None:
        self._turn_to(checked=True)
        if self._broken is not None:
            outcome.error = self._broken
            return
        known = {log_of(piece): self._state(log_of(piece)) for piece in pieces}
        try:
            states_after(known, pieces, checked=True)
        except StoreError as error:
            outcome.error = error
            return
        self._add(pieces)
        self._durable = True
        self._waiting += [_Waiting(outcome, _NO_VERDICT, log_of(piece), piece) for piece in pieces]

    def _compose(self, compose: Callable[[], Sequence[Piece]], outcome: Outcome) -> None:
        for piece in compose():
            outcome.fresh.append(piece)
            self._keep_stored(log_of(piece))

    def _turn_to(self, checked: bool) -> None:
        """A transaction has entries of one kind: close one of the other kind."""
        if self._runs and checked != self._checked:
            self.flush()
        self._checked = checked

    def _add(self, pieces: Sequence[Piece]) -> None:
        """Put chains that continue their logs into the transaction."""
        for piece in pieces:
            log_id = log_of(piece)
            self._ahead.update(states_after({log_id: self._state(log_id)}, (piece,), self._checked))
            self._runs.append(piece)

    def _end(self, evidence: Evidence, outcome: Outcome) -> Evidence | None:
        """End a log, unless this is no news, and return the evidence held then. None: it failed."""
        log_id = evidence.log_id
        held: list[Evidence] = []

        def end() -> None:
            state = self._state(log_id)
            if state.evidence is not None and stronger(state.evidence, evidence) == state.evidence:
                held.append(state.evidence)
                return
            settled = settle(evidence, state, self._read_held, self._network)
            held.append(self._store.end_log(settled))
            outcome.evidence.append(held[0])
            self._keep_stored(log_id)

        self._attempt(outcome, end)
        return held[0] if held and outcome.error is None else None

    def _make_way(self, piece: Piece, evidence: Evidence, outcome: Outcome) -> bool:
        """Drop another branch than the one that a cut names, where this piece is that one."""
        log_id = evidence.log_id
        if self._is_idle(evidence) or not leads_to(piece, evidence, self._pins.get(log_id)):
            return False
        try:
            piece[-1].check_signature(self._network)
        except BadSignature:
            return False

        def drop() -> None:
            self._store.truncate(log_id, evidence.seq - 1)
            outcome.shrunk.append(log_id)
            self._keep_stored(log_id)

        before = len(outcome.shrunk)
        self._attempt(outcome, drop)
        outcome.error = None  # a delivery has verdicts
        return len(outcome.shrunk) > before

    def _is_idle(self, evidence: Evidence) -> bool:
        """Is this of no account, because a cut names an entry after it that is held?"""
        try:
            return is_idle(evidence, self._pins.get(evidence.log_id), self._read_held)
        except StoreError:
            return False

    def _truncate(self, log_id: LogId, last_seq: int, outcome: Outcome) -> None:
        """Cut a log short. What is left of it has to end with a good signature.

        Of an `id` log that goes, the evidence stays: without it the log would be taken in again.
        """

        def cut() -> None:
            state = self._state(log_id)
            kept = state.evidence if log_id.log == LOG_ID else None
            if not exceeds(state if kept is None else state._replace(evidence=None), last_seq):
                return
            good_seq = self._vouched_seq(log_id, last_seq)
            proof = None
            if good_seq < last_seq:
                proof = prove_bad(log_id, good_seq + 1, self._read_held, self._network)
            if proof is not None:
                outcome.evidence.append(self._store.end_log(proof))
            self._store.truncate(log_id, last_seq if proof is not None else good_seq)
            if kept is not None:
                self._store.end_log(kept)
            outcome.shrunk.append(log_id)
            self._keep_stored(log_id)

        self._attempt(outcome, cut)

    def _vouched_seq(self, log_id: LogId, last_seq: int) -> int:
        """The last seq up to `last_seq` whose own signature is good: for others only later ones vouch."""
        state = self._state(log_id)
        seq = last_seq
        if state.head is None or state.head.seq <= last_seq:
            return last_seq
        while seq > state.checked_seq:
            [entry] = self._read_held(log_id, seq, seq)
            try:
                entry.check_signature(self._network)
            except BadSignature:
                seq -= 1
            else:
                break
        return seq

    def _note_checked(self, log_id: LogId, seq: int) -> None:
        state = self._state(log_id)
        held = 0 if state.head is None else state.head.seq
        if state.checked_seq < min(seq, held):
            self._store.mark_checked(log_id, min(seq, held))
            self._keep_stored(log_id)

    def _attempt(self, outcome: Outcome, change: Callable[[], None]) -> None:
        """Make a change that has a transaction of its own, after what waits for one."""
        self.flush()
        if self._broken is not None:
            outcome.error = self._broken
            return
        try:
            change()
        except StoreError as error:
            outcome.error = error

    def _state(self, log_id: LogId) -> LogState:
        return self._ahead.get(log_id) or self._states.get(log_id, NOTHING_HELD)

    def _read_held(self, log_id: LogId, first_seq: int, last_seq: int) -> Sequence[Entry]:
        """Entries that are held; those that still wait are committed first."""
        if log_id in self._ahead:
            self.flush()
        if self._broken is not None:
            raise self._broken
        return self._store.range(log_id, first_seq, last_seq, MAX_READ_BYTES)
