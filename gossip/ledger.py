"""A store with its judge and nothing else: what the simulator and the tests of this floor keep logs in.

The rules are those of a real node (`gossip.proto.judge`); what is missing is what a node adds around
them: transactions, views, threads.
"""

from collections.abc import Callable, Sequence

from gossip.proto import judge
from gossip.proto.admission import Admission
from gossip.proto.events import Committed, Piece, Rejected, Unwanted, Verdict
from gossip.proto.interest import Interest
from gossip.proto.messages import HELD, NOT_HELD, BodyAnswer
from store.entry import Entry
from store.errors import BadSignature, InvalidEntry, NotFound
from store.ids import AuthorId, EntryId, NetworkId
from store.interface import LogState
from store.log import Evidence, LogId, parse_evidence
from store.memory import MemoryEntryStore


class Ledger:
    """Judges and keeps entries in memory."""

    __slots__ = ("_admission", "_check", "_network", "findings", "store")

    def __init__(
        self, network: NetworkId, admission: Admission, check: Callable[[Entry], None] | None = None
    ) -> None:
        """`check` raises BadSignature; a simulation gives one that remembers what it checked."""
        self.store = MemoryEntryStore()
        self.findings: list[Committed] = []
        """What was found out while reading; whoever read takes it from here and tells it on."""
        self._network = network
        self._admission = admission
        self._check = check or (lambda entry: entry.check_signature(network))

    def append_own(self, entry: Entry) -> Committed:
        """Keep an entry that we signed ourselves."""
        self.store.append([(entry,)], checked=True, durable=True)
        return Committed(((entry,),), None)

    def ingest(
        self, pieces: Sequence[Piece], source: AuthorId, *, each_signature: bool
    ) -> tuple[list[Verdict], Committed | None]:
        """Judge pieces and keep what is good: a verdict for each, and what changed."""
        verdicts: list[Verdict] = []
        kept: list[Piece] = []
        proofs: list[Evidence] = []
        for piece in pieces:
            decision = self._judge(piece, each=each_signature)
            if isinstance(decision, judge.Decision):
                if decision.fresh:
                    self.store.append([decision.fresh], checked=decision.checked, durable=False)
                    kept.append(tuple(decision.fresh))
                if decision.evidence is not None:
                    proofs.append(self._end(decision.evidence))
                verdicts.append(decision.verdict)
            else:
                verdicts.append(decision)
        changed = Committed(tuple(kept), source, tuple(proofs)) if kept or proofs else None
        return verdicts, changed

    def _judge(self, piece: Piece, *, each: bool) -> judge.Decision | Verdict:
        log_id = judge.log_of(piece)
        whole, piece = piece, piece[: max(0, self._admission.last_carried(log_id) + 1 - piece[0].seq)]
        if not piece:
            return Unwanted(log_id, "not carried so far")
        state = self.state(log_id)
        try:
            judge.check_chain(whole)
            asked = judge.unchecked(piece, state, each=each)
            bad = [entry for entry in asked if not self._is_signed(entry)]
            found = judge.inspected(piece, bad, vouched=bool(asked), each=each)
        except BadSignature as error:
            shortened = len(piece) < len(whole)
            return Unwanted(log_id, str(error)) if shortened else Rejected(log_id, str(error))
        except InvalidEntry as error:
            return Rejected(log_id, str(error))
        return judge.decide(found, state, self._read_held, self._network)

    def _is_signed(self, entry: Entry) -> bool:
        try:
            self._check(entry)
        except BadSignature:
            return False
        return True

    def _end(self, evidence: Evidence) -> Evidence:
        settled = judge.settle(evidence, self.state(evidence.log_id), self._read_held, self._network)
        return self.store.end_log(settled)

    def ingest_evidence(self, encoded: bytes) -> Committed | None:
        """Take evidence; what changed, None where nothing did. Raises: InvalidEntry: it proves nothing."""
        evidence = parse_evidence(encoded, self._network)
        if evidence.seq > self._admission.last_carried(evidence.log_id):
            return None
        before = self.state(evidence.log_id).evidence
        after = self._end(evidence)
        return (
            None
            if before is not None and after.digest() == before.digest()
            else Committed((), None, (after,))
        )

    def truncate(self, log_id: LogId) -> Committed:
        """Cut a log to what is carried of it now."""
        self.store.truncate(log_id, self._admission.last_carried(log_id))
        return Committed((), None, (), (log_id,))

    def ingest_body(self, entry_id: EntryId, body: bytes) -> bool:
        """Take a missing body. False: it is not the one committed to.

        Where the log has ended before the entry meanwhile, the body is dropped, and that is nobody's fault.
        """
        try:
            self.store.restore_body(entry_id, body)
        except NotFound:
            return True
        except InvalidEntry:
            return False
        return True

    def missing_bodies(self, limit: int, interest: Interest) -> list[EntryId]:
        """At most `limit` entries whose body is missing and wanted; see `gossip.net.ports`."""
        missing = map(self.store.entry, self.store.missing_bodies(self.store.count()))
        return [entry.id for entry in missing if interest.wants_body(entry)][:limit]

    def state(self, log_id: LogId) -> LogState:
        """The state of one log."""
        return self.store.state(log_id) or judge.EMPTY

    def _read_held(self, log_id: LogId, first_seq: int, last_seq: int) -> Sequence[Entry]:
        return self.store.range(log_id, first_seq, last_seq, max_bytes=2**62)

    def read_run(self, log_id: LogId, first_seq: int, last_seq: int, max_bytes: int) -> Piece:
        """Entries to hand on; the last one's signature was checked. If it is wrong, that is a finding."""
        entries = tuple(self.store.range(log_id, first_seq, last_seq, max_bytes))
        if not entries or entries[-1].seq <= self.state(log_id).checked_seq or self._is_signed(entries[-1]):
            return entries
        proof = judge.prove_bad(log_id, entries[-1].seq, self._read_held, self._network)
        if proof is not None:
            self.findings.append(Committed((), None, (self._end(proof),)))
        return ()

    def read_bodies(self, ids: Sequence[EntryId]) -> list[BodyAnswer]:
        """The bodies of these entries, or why not."""
        answers = []
        for entry_id in ids:
            try:
                body = self.store.entry(entry_id).body
            except NotFound:
                body = None
            answers.append(BodyAnswer(entry_id, HELD, body) if body else BodyAnswer(entry_id, NOT_HELD, b""))
        return answers
