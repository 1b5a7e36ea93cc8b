"""Two sync sessions with a ledger each, wired by queues of bytes, in whatever order things happen."""

# long because every behaviour of a session needs both sides of it, and those are made here

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.ledger import Ledger
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.admission import Admission, Everyone
from gossip.proto.context import Context, Terms
from gossip.proto.events import Effect, Piece, SessionId, Token
from gossip.proto.evidence import glance, is_news
from gossip.proto.interest import Interest
from gossip.proto.sync import Phase, SyncSession
from gossip.proto.sync_messages import SyncMessage, encode_sync, parse_sync
from node.testing.people import NETWORK, Person, chain_after, people, spoiled
from store.entry import MAX_SEQ
from store.frontier import Frontier
from store.ids import AuthorId
from store.interface import LogState
from store.log import LogId, fork_proof

ALL = 2**32 - 1


class Limits(Everyone):
    """Carries logs up to where it was told; all others whole."""

    def __init__(self, limits: dict[LogId, int] | None = None) -> None:
        self.limits = limits or {}

    def last_carried(self, log_id: LogId) -> int:
        return self.limits.get(log_id, MAX_SEQ)


class Side:
    """One node: a ledger, a frontier, one session, and what is going to happen to them."""

    def __init__(
        self,
        name: str,
        *,
        initiator: bool,
        ledger: Ledger,
        interest: int = ALL,
        admission: Admission | None = None,
    ) -> None:
        admission = admission or Everyone()
        self.ledger = ledger
        self.peer = AuthorId(b"p" * 32)
        states = self.ledger.store.logs()
        self.frontier = Frontier(NETWORK, states)
        tokens = count(1)
        context = Context(self.peer, NETWORK, admission, self.frontier, Random(0), Random(0))
        self.unwanted: set[int] = set()
        terms = Terms(
            frontier=self.frontier,
            interests=(Interest(interest), Interest(interest)),
            last_carried=admission.last_carried,
            unwanted=self.unwanted,
            is_news=lambda evidence: is_news(context, glance(evidence)),
            new_token=lambda: Token(next(tokens)),
            nonce=name.encode().ljust(16, b"."),
            entry_bytes=400.0,
        )
        self.session = SyncSession(SessionId(1), self.peer, initiator=initiator, terms=terms)
        self.inbox: deque[bytes] = deque()
        self.sent: list[SyncMessage] = []
        self.answers: deque[Callable[[], list[Effect]]] = deque()
        self.ended: events.SyncEnded | None = None
        self.closed = False
        self.other: Side

    def perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case events.SendSync(_, message):
                    data = encode_sync(message)
                    assert len(data) <= limits.MAX_FRAME_BYTES
                    self.sent.append(message)
                    self.other.inbox.append(data)
                case events.Deliver(token, source, pieces, each):
                    verdicts, changed = self.ledger.ingest(pieces, source, each_signature=each)
                    self.changed(changed)
                    self.answers.append(partial(self.session.judged, token, tuple(verdicts)))
                case events.DeliverEvidence(_, evidence):
                    self.changed(self.ledger.ingest_evidence(evidence))
                case events.ReadRun(token, log_id, first, last, max_bytes):
                    piece = self.ledger.read_run(log_id, first, last, max_bytes)
                    while self.ledger.findings:
                        self.changed(self.ledger.findings.pop())
                    self.answers.append(partial(self.session.run_read, token, piece))
                case events.ReadEvidence(_, log_id):
                    evidence_held = self.ledger.state(log_id).evidence
                    assert evidence_held is not None
                    self.answers.append(partial(self.session.evidence_read, evidence_held.encode()))
                case events.SyncEnded():
                    assert self.ended is None
                    self.ended = effect
                case events.CloseSync():
                    self.closed = True
                case _:
                    assert isinstance(effect, events.SyncProgress)

    def changed(self, commit: events.Committed | None) -> None:
        if commit is not None:
            for piece in commit.pieces:
                self.update(LogId(piece[0].author, piece[0].log))
            for evidence in commit.evidence:
                self.update(evidence.log_id)

    def update(self, log_id: LogId) -> None:
        self.frontier.update(log_id, self.ledger.state(log_id))

    def digest(self) -> bytes:
        return self.frontier.digest(ALL)


class Pair:
    """An initiator and a responder."""

    def __init__(
        self,
        ours: Ledger,
        theirs: Ledger,
        interests: tuple[int, int] = (ALL, ALL),
        admission: Admission | None = None,
    ) -> None:
        """`admission`: theirs; ours lets everybody in."""
        self.ours = Side("ours", initiator=True, ledger=ours, interest=interests[0])
        self.theirs = Side(
            "theirs", initiator=False, ledger=theirs, interest=interests[1], admission=admission
        )
        self.ours.other, self.theirs.other = self.theirs, self.ours

    def run(self, chance: Random) -> "Pair":
        """Let things happen in an order by chance until nothing is left to happen."""
        for side in (self.ours, self.theirs):
            side.perform(side.session.opened())
        for _ in range(100_000):
            steps = [partial(self.hear, side) for side in (self.ours, self.theirs) if side.inbox]
            steps += [partial(self.answer, side) for side in (self.ours, self.theirs) if side.answers]
            if not steps:
                return self
            chance.choice(steps)()
        raise AssertionError("it does not end")

    def hear(self, side: Side) -> None:
        data = side.inbox.popleft()
        if side.session.phase is not Phase.ENDED:
            side.perform(side.session.received(parse_sync(data), len(data) + 4))

    def answer(self, side: Side) -> None:
        side.perform(side.answers.popleft()())

    def is_clean(self) -> bool:
        return all(
            side.ended is not None and side.ended.ok and side.closed for side in (self.ours, self.theirs)
        )


def ledger(*pieces: Piece, each: bool = True, admission: Admission | None = None) -> Ledger:
    made = Ledger(NETWORK, admission or Everyone())
    for piece in pieces:
        made.ingest([piece], AuthorId(bytes(32)), each_signature=each)
    return made


def held(side: Ledger, person: Person) -> LogState:
    return side.state(person.log_id())


def size_of(run: wire.Run) -> int:
    return sum(len(entry.header) + len(entry.signature) + len(entry.body or b"") for entry in run.entries)


def sync(ours: Ledger, theirs: Ledger, seed: int = 0) -> Pair:
    return Pair(ours, theirs).run(Random(seed))


# What a session does.


def test_equal_frontiers_are_found_in_one_round_trip_and_a_hundred_bytes() -> None:
    alice, bob = people(["alice", "bob"])
    posts = alice.posts(3), bob.posts(2)
    pair = sync(ledger(*posts), ledger(*posts))
    assert pair.is_clean()
    assert [type(message) for message in pair.ours.sent + pair.theirs.sent] == [wire.Open, wire.Same]
    assert sum(len(encode_sync(m)) + 4 for m in pair.ours.sent + pair.theirs.sent) <= 100
    assert pair.ours.ended == events.SyncEnded(SessionId(1), pair.ours.peer, True, "", 1, 0, 0, True)
    assert pair.theirs.ended == pair.ours.ended


def test_each_side_gets_what_it_lacks() -> None:
    alice, bob, carol = people(["alice", "bob", "carol"])
    of_alice, of_bob, of_carol = alice.posts(40), bob.posts(3), carol.posts(2)
    pair = sync(ledger(of_alice, of_carol[:1]), ledger(of_alice[:7], of_bob, of_carol))
    assert pair.is_clean()
    for side in (pair.ours, pair.theirs):
        assert held(side.ledger, alice).head == (40, of_alice[-1].id)
        assert held(side.ledger, bob).head == (3, of_bob[-1].id)
        assert held(side.ledger, carol).head == (2, of_carol[-1].id)
    assert pair.ours.ended is not None
    assert (pair.ours.ended.entries_sent, pair.ours.ended.entries_received) == (33, 4)
    assert pair.ours.ended.complete
    assert pair.ours.session.receiving.entries_new == 4


def test_a_long_log_goes_in_runs_within_the_window() -> None:
    (alice,) = people(["alice"])
    posts = tuple(alice.post("x" * 900) for _ in range(9_000))
    pair = sync(ledger(*(posts[at : at + 1_000] for at in range(0, 9_000, 1_000))), ledger())
    assert pair.is_clean()
    assert held(pair.theirs.ledger, alice).head == (9_000, posts[-1].id)
    runs = [message for message in pair.ours.sent if isinstance(message, wire.Run)]
    assert sum(size_of(run) for run in runs) > limits.WINDOW_BYTES
    assert [message for message in pair.theirs.sent if isinstance(message, wire.Ack)][-1] == wire.Ack(
        len(runs)
    )


def test_only_logs_of_both_interests_are_compared_and_sent() -> None:
    alice, bob = people(["alice", "bob"])
    feed, docs = 1 << 2, 1 << 3
    posts, texts = bob.posts(2), tuple(alice.write([33, "x"], 3) for _ in range(2))  # type: ignore[arg-type]
    pair = Pair(ledger(posts, texts), ledger(), (feed | docs, docs)).run(Random(1))
    assert pair.is_clean()
    assert held(pair.theirs.ledger, bob).head is None
    assert pair.theirs.ledger.store.count() == 2


def test_a_node_that_learns_that_the_other_wants_less_finds_that_nothing_differs() -> None:
    (bob,) = people(["bob"])
    posts = bob.posts(2)
    pair = Pair(ledger(posts), ledger(), (ALL, 1 << 3)).run(Random(1))
    assert pair.is_clean()
    assert [type(message) for message in pair.ours.sent] == [wire.Open, wire.Same]


def test_a_short_run_is_checked_entry_by_entry_so_that_it_may_be_pushed_on() -> None:
    (eve,) = people(["eve"])
    posts = eve.posts(3)
    bad = spoiled(posts[1])
    last = chain_after(eve, bad, ["vouches"])
    lured = ledger((posts[0], bad, *last), each=False)
    assert held(lured, eve).head == (3, last[0].id)
    careful = ledger()
    pair = sync(lured, careful)
    assert pair.is_clean()
    assert held(careful, eve).evidence is not None
    assert held(careful, eve).evidence == held(lured, eve).evidence


def test_what_the_receiver_does_not_carry_is_sent_no_further() -> None:
    alice, bob = people(["alice", "bob"])
    posts = tuple(alice.post("x" * 900) for _ in range(9_000))
    chosen = Ledger(NETWORK, Only(bob.id))
    pieces = [posts[at : at + 1_000] for at in range(0, 9_000, 1_000)]
    pair = sync(ledger(*pieces, bob.posts(1)), chosen)
    assert pair.is_clean()
    assert held(chosen, bob).head is not None
    assert chosen.store.count() == 1
    assert [m for m in pair.theirs.sent if isinstance(m, wire.Decline)] == [wire.Decline(alice.log_id())]
    runs = [m for m in pair.ours.sent if isinstance(m, wire.Run)]
    assert sum(map(size_of, runs)) <= limits.WINDOW_BYTES + limits.RUN_BYTES
    again = Pair(pair.ours.ledger, chosen)
    again.theirs.unwanted |= pair.theirs.unwanted
    assert again.run(Random(0)).is_clean()
    assert not any(isinstance(m, wire.Run) for m in again.ours.sent)


def held_seq(ledger: Ledger, person: Person) -> int:
    head = held(ledger, person).head
    return 0 if head is None else head.seq


@pytest.mark.parametrize("already", [0, 4, 7])
@pytest.mark.parametrize("length", [9, 60, 1_100])
@pytest.mark.parametrize("seed", range(3))
def test_of_a_log_that_is_carried_in_part_no_more_is_taken_until_it_is_carried_further(
    already: int, length: int, seed: int
) -> None:
    alice, bob = people(["alice", "bob"])
    posts = alice.posts(length)
    admission = Limits({alice.log_id(): 7})
    ours = ledger(posts[:1_000], *filter(None, [posts[1_000:]]), bob.posts(2))
    theirs = ledger(*filter(None, [posts[:already]]), admission=admission)
    pair = Pair(ours, theirs, admission=admission).run(Random(seed))
    assert pair.is_clean()
    assert (held_seq(theirs, alice), held_seq(theirs, bob)) == (7, 2)
    assert [m for m in pair.theirs.sent if isinstance(m, wire.Decline)] == [wire.Decline(alice.log_id())]
    assert len(pair.ours.sent) <= 12 + limits.RUN_WINDOW
    admission.limits.clear()
    again = Pair(ours, theirs, admission=admission)
    again.theirs.unwanted |= pair.theirs.unwanted
    assert again.run(Random(seed)).is_clean()
    assert held_seq(theirs, alice) == length


def test_a_log_that_is_cut_here_still_goes_to_those_who_lack_it() -> None:
    alice, _ = people(["alice", "bob"])
    posts = alice.posts(20)
    admission = Limits({alice.log_id(): 7})
    near = ledger(posts[:7], admission=admission)
    refusing = Pair(ledger(posts), near, admission=admission).run(Random(0))
    new = ledger(admission=admission)
    giving = Pair(near, new, admission=admission)
    giving.ours.unwanted |= refusing.theirs.unwanted
    assert giving.run(Random(0)).is_clean()
    assert held_seq(new, alice) == 7


def test_who_vouches_for_a_run_only_at_its_end_is_not_to_blame_where_it_is_cut_before() -> None:
    (eve,) = people(["eve"])
    good = eve.posts(3)
    bad = spoiled(eve.sign_at(4, good[-1].id, [1, "x", ""]))
    rest = chain_after(eve, bad, ["y"] * 50)
    admission = Limits({eve.log_id(): 4})
    ours = ledger((*good, bad, *rest), each=False)
    pair = Pair(ours, ledger(admission=admission), admission=admission).run(Random(0))
    assert pair.is_clean()


class Only(Everyone):
    def __init__(self, author: AuthorId) -> None:
        self.author = author

    def last_carried(self, log_id: LogId) -> int:
        return MAX_SEQ if log_id.author == self.author else 0


# Forks.


@pytest.mark.parametrize("length", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("longer", ["ours", "theirs", "none"])
def test_a_fork_at_any_depth_is_found_at_its_lowest_place_in_one_session(
    length: int, depth: float, longer: str
) -> None:
    (eve,) = people(["eve"])
    main = eve.posts(length)
    forked_seq = max(1, round(depth * length))
    branch = main[: forked_seq - 1]
    if branch:
        branch += chain_after(eve, branch[-1], ["other"] * (length - forked_seq + 1))
    else:
        first = eve.sign_at(1, b"", [1, "other", ""])
        branch = (first, *chain_after(eve, first, ["other"] * (length - 1)))
    more = {"ours": (3, 0), "theirs": (0, 3), "none": (0, 0)}[longer]
    main += chain_after(eve, main[-1], ["more"] * more[0])
    branch += chain_after(eve, branch[-1], ["more"] * more[1])
    pair = sync(ledger(main), ledger(branch))
    assert pair.is_clean()
    proof = fork_proof(main[forked_seq - 1], branch[forked_seq - 1], NETWORK)
    for side in (pair.ours, pair.theirs):
        state = held(side.ledger, eve)
        assert state.evidence == proof
        assert (state.head.seq if state.head else 0) == forked_seq - 1
    assert pair.ours.digest() == pair.theirs.digest()


def test_more_forks_than_can_be_looked_for_at_a_time_are_all_found() -> None:
    devices = people([f"eve {number}" for number in range(limits.MAX_PROBES + 20)])
    main = [device.posts(3) for device in devices]
    branches = [
        (posts[0], *chain_after(device, posts[0], ["x", "y"]))
        for device, posts in zip(devices, main, strict=True)
    ]
    for ours, theirs in ((main, branches), (branches, main)):
        pair = sync(ledger(*ours), ledger(*theirs))
        assert pair.is_clean()
        assert pair.ours.digest() == pair.theirs.digest()
        assert all(state.evidence for state in pair.ours.ledger.store.logs().values())


def test_evidence_that_one_side_lacks_is_sent() -> None:
    (eve,) = people(["eve"])
    posts = eve.posts(4)
    proof = fork_proof(posts[2], chain_after(eve, posts[1], ["x"])[0], NETWORK)
    for swapped in (False, True):
        knows, lacks = ledger(posts), ledger(posts)
        knows.ingest_evidence(proof.encode())
        pair = sync(*((lacks, knows) if swapped else (knows, lacks)))
        assert pair.is_clean()
        assert held(lacks, eve) == held(knows, eve)


def test_evidence_is_sent_once_a_session_however_many_runs_run_into_it() -> None:
    (eve,) = people(["eve"])
    posts = tuple(eve.post("x" * 900) for _ in range(3_000))
    proof = fork_proof(posts[99], chain_after(eve, posts[98], ["x"])[0], NETWORK)
    ended = ledger(posts[:99])
    pair = Pair(ledger(*(posts[at : at + 1_000] for at in range(0, 3_000, 1_000))), ended)
    pair.theirs.changed(ended.ingest_evidence(proof.encode()))
    pair.run(Random(3))
    assert pair.is_clean()
    sent = [message for message in pair.theirs.sent if isinstance(message, wire.Contradiction)]
    assert len(sent) == 1
    assert pair.ours.digest() == pair.theirs.digest()


# Whatever both hold, they end up with the same.


class Tree:
    """A log that its author wrote in several versions, some with entries that are badly signed."""

    def __init__(self, person: Person, data: st.DataObject) -> None:
        trunk = person.posts(data.draw(st.integers(1, 6)))
        self.branches: list[Piece] = [trunk]
        for number in range(data.draw(st.integers(0, 2))):
            base = data.draw(st.sampled_from(self.branches))
            fork = data.draw(st.integers(0, len(base)))
            texts = [f"branch {number}.{n}" for n in range(data.draw(st.integers(1, 4)))]
            if fork:
                branch = base[:fork] + chain_after(person, base[fork - 1], texts)
            else:
                first = person.sign_at(1, b"", [1, texts[0], ""])
                branch = (first, *chain_after(person, first, texts[1:]))
            self.branches.append(branch)
        if data.draw(st.booleans()):
            base = data.draw(st.sampled_from(self.branches))
            at = data.draw(st.integers(0, len(base) - 1))
            bad = spoiled(base[at])
            self.branches.append((*base[:at], bad, *chain_after(person, bad, ["after it"] * 2)))


def some_ledger(trees: list[Tree], data: st.DataObject) -> Ledger:
    """One that was given parts of the branches, checked by each signature or by the last."""
    made = Ledger(NETWORK, Everyone())
    for tree in trees:
        for _ in range(data.draw(st.integers(0, 2))):
            branch = data.draw(st.sampled_from(tree.branches))
            piece = branch[: data.draw(st.integers(1, len(branch)))]
            if data.draw(st.booleans()):
                piece = tuple(entry.without_body() for entry in piece)
            made.ingest([piece], AuthorId(bytes(32)), each_signature=data.draw(st.booleans()))
    return made


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_two_ledgers_become_equal_whatever_the_order_of_events(data: st.DataObject, seed: int) -> None:
    trees = [Tree(person, data) for person in people(["alice", "eve"])]
    ours, theirs = some_ledger(trees, data), some_ledger(trees, data)
    chance = Random(seed)
    for _ in range(4):
        pair = Pair(ours, theirs).run(chance)
        assert pair.is_clean()
        if pair.ours.digest() == pair.theirs.digest():
            break
    assert pair.ours.digest() == pair.theirs.digest()
    assert Pair(ours, theirs).run(chance).theirs.sent == [wire.Same()]


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_entries_that_come_by_other_ways_meanwhile_do_no_harm(data: st.DataObject, seed: int) -> None:
    trees = [Tree(person, data) for person in people(["alice", "eve"])]
    ours, theirs = some_ledger(trees, data), some_ledger(trees, data)
    chance = Random(seed)
    pair = Pair(ours, theirs)
    late = [data.draw(st.sampled_from(tree.branches)) for tree in trees for _ in range(2)]

    def push(side: Side, piece: Piece) -> None:
        _, changed = side.ledger.ingest([piece], AuthorId(bytes(32)), each_signature=True)
        side.changed(changed)

    for piece in late:
        side = chance.choice([pair.ours, pair.theirs])
        side.answers.append(lambda side=side, piece=piece: push(side, piece) or [])  # type: ignore[misc]
    pair.run(chance)
    assert pair.is_clean()
    for _ in range(4):
        pair = Pair(ours, theirs).run(chance)
    assert pair.ours.digest() == pair.theirs.digest()
