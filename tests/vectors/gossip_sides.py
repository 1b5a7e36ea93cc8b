"""What the makers of the vectors of sync.md and gossip.md share: three devices, frontiers, and two sides of a
sync session that talk through encoded messages, in one fixed order."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from random import Random

from entry_pieces import BOB, NETWORK, Case, chain, post

from gossip.ledger import Ledger
from gossip.proto import events
from gossip.proto.admission import Everyone
from gossip.proto.context import Context, Terms
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.evidence import glance, is_news
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.sync import SyncSession
from gossip.proto.sync_messages import encode_sync, parse_sync
from store.crypto import SigningKey
from store.entry import Entry
from store.frontier import Frontier, Position
from store.ids import LOG_ID, AuthorId
from store.log import Evidence, fork_proof

CAROL = SigningKey(bytes([3] * 32))
ALICE_FEED = chain(2)
BOB_FEED = chain(3, "bob", key=BOB)
CAROL_ID = chain(1, "carol", key=CAROL, log=LOG_ID)
NONCES = {"initiator": bytes(range(0x40, 0x50)), "responder": bytes(range(0x60, 0x70))}


def bob_branch() -> list[Entry]:
    """Bob's feed as he shows it to others: the second and third entries are different ones."""
    second = post(2, BOB_FEED[0].id, "bob otherwise", key=BOB)
    return [BOB_FEED[0], second, post(3, second.id, "bob otherwise", key=BOB)]


def bob_fork() -> Evidence:
    """The proof that Bob wrote two different second entries."""
    return fork_proof(BOB_FEED[1], bob_branch()[1], NETWORK)


def shown_position(held: Position) -> Case:
    """A position with its 80 bytes."""
    head = None if held.head is None else [held.head.seq, held.head.id.hex()]
    names = {"author": held.log_id.author.hex(), "log": held.log_id.log, "head": head}
    return {**names, "evidence": held.evidence.hex(), "place": str(held.place), "packed": held.packed.hex()}


def shown_interest(interest: Interest) -> int | list[object]:
    """An interest as it is on the wire, ids in hex."""
    if interest == Interest(interest.logs):
        return interest.logs
    sections = None if interest.sections is None else [section.hex() for section in interest.sections]
    return [interest.logs, sections, interest.bodies_since_ms, interest.bodies]


class Side:
    """One side of a session: what it holds, its session, and what the store has still to answer."""

    def __init__(
        self, role: str, logs: Iterable[Sequence[Entry]], interests: tuple[Interest, Interest]
    ) -> None:
        """`interests`: ours, and the peer's as far as known."""
        self.role = role
        self.interests = interests
        self.ledger = Ledger(NETWORK, Everyone())
        self.ledger.ingest([tuple(log) for log in logs], AuthorId(bytes(32)), each_signature=True)
        self.frontier = Frontier(NETWORK, self.ledger.store.logs())
        self.peer = AuthorId(role.encode().ljust(32, b"."))
        context = Context(self.peer, NETWORK, Everyone(), self.frontier, Random(0), Random(0))
        tokens = count(1)
        terms = Terms(
            frontier=self.frontier,
            interests=interests,
            last_carried=Everyone().last_carried,
            unwanted=set(),
            is_news=lambda evidence: is_news(context, glance(evidence)),
            new_token=lambda: Token(next(tokens)),
            nonce=NONCES[role],
            entry_bytes=400.0,
        )
        self.session = SyncSession(SessionId(1), self.peer, initiator=role == "initiator", terms=terms)
        self.answers: deque[Callable[[], list[Effect]]] = deque()
        self.outbox: deque[bytes] = deque()
        self.ended: events.SyncEnded | None = None

    def perform(self, effects: Iterable[Effect]) -> None:
        """Send what is to be sent, and note what is to be answered."""
        for effect in effects:
            match effect:
                case events.SendSync(_, message):
                    self.outbox.append(encode_sync(message))
                case events.Deliver(token, source, pieces, each):
                    verdicts, changed = self.ledger.ingest(pieces, source, each_signature=each)
                    self._changed(changed)
                    self.answers.append(partial(self.session.judged, token, tuple(verdicts)))
                case events.DeliverEvidence(_, evidence):
                    self._changed(self.ledger.ingest_evidence(evidence))
                case events.ReadRun(token, log_id, first, last, max_bytes):
                    piece = self.ledger.read_run(log_id, first, last, max_bytes)
                    self.answers.append(partial(self.session.run_read, token, piece))
                case events.ReadEvidence(_, log_id):
                    held = self.ledger.state(log_id).evidence
                    encoded = b"" if held is None else held.encode()
                    self.answers.append(partial(self.session.evidence_read, encoded))
                case events.SyncEnded():
                    self.ended = effect
                case events.SyncProgress() | events.CloseSync():
                    continue
                case _:
                    raise TypeError(f"a session asked for {effect}")

    def receive(self, data: bytes) -> None:
        """A message came. Raises: RemoteFault."""
        self.perform(self.session.received(parse_sync(data), len(data) + 4))

    def settle(self) -> None:
        """The store answers everything."""
        while self.answers:
            self.perform(self.answers.popleft()())

    def _changed(self, changed: events.Committed | None) -> None:
        if changed is None:
            return
        log_ids = [(piece[0].author, piece[0].log) for piece in changed.pieces]
        log_ids += [tuple(evidence.log_id) for evidence in changed.evidence]
        for log_id, state in self.ledger.store.logs().items():
            if tuple(log_id) in log_ids:
                self.frontier.update(log_id, state)


def talk(initiator: Side, responder: Side) -> list[Case]:
    """The whole session: who said what, in order. A side says all that it has to say, then the other one."""
    said: list[Case] = []
    initiator.perform(initiator.session.opened())
    speaker, listener = initiator, responder
    while speaker.outbox:
        while speaker.outbox:
            data = speaker.outbox.popleft()
            said.append({"from": speaker.role, "data": data.hex()})
            listener.receive(data)
        listener.settle()
        speaker, listener = listener, speaker
    return said


def both(
    ours: Iterable[Sequence[Entry]],
    theirs: Iterable[Sequence[Entry]],
    known: Interest = EVERYTHING,
    carried: Interest = EVERYTHING,
) -> tuple[Side, Side]:
    """Initiator and responder. `known`: what the initiator takes the responder to carry; `carried`: what it
    carries itself."""
    return Side("initiator", ours, (carried, known)), Side("responder", theirs, (EVERYTHING, EVERYTHING))


def example() -> tuple[Side, Side]:
    """The worked example of sync.md: two frontiers of three logs in all."""
    return both([ALICE_FEED, BOB_FEED[:1], CAROL_ID], [ALICE_FEED, BOB_FEED])
