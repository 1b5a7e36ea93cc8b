"""An author who breaks every rule, and two nodes that see different things in different orders: once they
have told each other what they hold and can prove, they are in the same state."""

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.proto.events import Accepted, Behind, Failed, Rejected
from gossip.proto.judge import Inspected, check_chain, inspected, prove_bad, unchecked
from node.jobs import Delivery, EvidenceNews, Job, OwnEntries, SignaturesChecked, Truncations
from node.testing.people import NETWORK, Person, spoiled
from node.writer import Outcome, Writer
from store.entry import Entry
from store.errors import BadSignature, Forked, InvalidEntry, StorageFull
from store.ids import LOG_ID
from store.interface import Appended, LogState
from store.log import Head, LogId, bad_proof, parse_evidence
from store.memory import MemoryEntryStore

EVE = Person("eve")
LOG = EVE.log_id()
FAR = 2**40


def is_good(entry: Entry) -> bool:
    try:
        entry.check_signature(NETWORK)
    except BadSignature:
        return False
    return True


class Node:
    """A writer over a store in memory."""

    def __init__(self) -> None:
        self.writer = Writer(MemoryEntryStore(), NETWORK)
        self.store = self.writer.store
        self.last_carried = FAR

    def do(self, job: Job) -> Outcome:
        [outcome] = self.writer.apply([job]).outcomes
        return outcome

    @property
    def state(self) -> LogState:
        return self.writer.state(LOG)

    def carry_to(self, last_seq: int) -> None:
        """From now on no more of the log is carried than so far."""
        self.last_carried = last_seq
        self.do(Truncations(((LOG, last_seq),)))

    def give(self, piece: Sequence[Entry], each: bool) -> None:
        piece = [entry for entry in piece if entry.seq <= self.last_carried]
        if not piece:
            return
        found = inspect(tuple(piece), self.state, each)
        if found is not None:
            self.do(Delivery((found,)))

    def tell(self, other: "Node", run: int) -> None:
        """Hand over everything held, in runs that end with a good signature, and the evidence."""
        held = self.held()
        while held and not is_good(held[-1]):
            held.pop()
        for start in range(0, len(held), run):
            piece = held[start : start + run]
            if is_good(piece[-1]):
                other.give(piece, each=False)
        if held:
            other.give(held, each=False)
        if self.state.evidence is not None and self.state.evidence.seq <= other.last_carried:
            other.do(EvidenceNews(parse_evidence(self.state.evidence.encode(), NETWORK)))

    def held(self) -> list[Entry]:
        return self.read(LOG, 1, FAR)

    def read(self, log_id: LogId, first_seq: int, last_seq: int) -> list[Entry]:
        return list(self.store.range(log_id, first_seq, last_seq, FAR))

    def verify(self) -> None:
        """What background verification does."""
        for entry in self.held():
            if not is_good(entry):
                proof = prove_bad(LOG, entry.seq, self.read, NETWORK)
                assert proof is not None
                self.do(EvidenceNews(proof))
                return
        self.do(SignaturesChecked(LOG, FAR))


def inspect(piece: tuple[Entry, ...], state: LogState, each: bool) -> Inspected | None:
    try:
        check_chain(piece)
        asked = unchecked(piece, state, each=each)
        bad = [entry for entry in asked if not is_good(entry)]
        return inspected(piece, bad, vouched=bool(asked), each=each)
    except InvalidEntry:
        return None


def grow(chance: random.Random, count: int) -> list[list[Entry]]:
    """A tree of entries of one log, some badly signed, as the paths from its root to each of them."""
    paths: list[list[Entry]] = [[]]
    for number in range(count):
        path = paths[-1] if chance.random() < 0.8 else chance.choice(paths)
        back = path[-1].id if path else b""
        entry = EVE.sign_at(len(path) + 1, back, [1, f"entry {number}", ""])
        paths.append([*path, spoiled(entry) if chance.random() < 0.15 else entry])
    return paths[1:]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 24))
def test_nodes_that_tell_each_other_everything_end_in_the_same_state(seed: int, count: int) -> None:
    chance = random.Random(seed)
    paths = grow(chance, count)
    nodes = [Node(), Node(), Node()]
    for node in nodes:
        for _ in range(chance.randint(1, 12)):
            path = chance.choice(paths)
            first = chance.choice((0, 0, chance.randrange(len(path))))
            node.give(path[first:], each=chance.random() < 0.5)
    for _ in range(6):
        for one in nodes:
            for other in nodes:
                one.tell(other, chance.randint(1, 6))
            one.verify()
    heads = {node.state.head for node in nodes}
    proofs = {node.state.evidence.digest() if node.state.evidence else b"" for node in nodes}
    assert len(heads) == 1
    assert len(proofs) == 1


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 24), st.integers(0, 8))
def test_nodes_that_cut_a_log_at_different_times_end_in_the_same_state(
    seed: int, count: int, last_seq: int
) -> None:
    chance = random.Random(seed)
    paths = grow(chance, count)
    nodes = [Node(), Node(), Node()]
    for node in nodes:
        for _ in range(chance.randint(1, 8)):
            path = chance.choice(paths)
            node.give(path[chance.choice((0, 0, chance.randrange(len(path)))) :], each=chance.random() < 0.5)
            if chance.random() < 0.2:
                node.carry_to(last_seq)
    for _ in range(6):
        for one in nodes:
            one.carry_to(last_seq)
            for other in nodes:
                one.tell(other, chance.randint(1, 6))
            one.verify()
    states = {(node.state.head, node.state.evidence and node.state.evidence.digest()) for node in nodes}
    assert len(states) == 1
    [(head, _)] = states
    assert (0 if head is None else head.seq) <= last_seq


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20))
def test_what_is_held_is_always_one_chain_that_ends_well_signed(seed: int, count: int) -> None:
    chance = random.Random(seed)
    paths = grow(chance, count)
    node = Node()
    for _ in range(20):
        path = chance.choice(paths)
        node.give(path[chance.randrange(len(path)) :], each=chance.random() < 0.5)
        held = node.held()
        state = node.state
        if held:
            check_chain(tuple(held))
            assert held[0].seq == 1
            assert is_good(held[-1])
            assert all(is_good(entry) for entry in held[: state.checked_seq])
        assert (state.head is None) == (not held)
        assert state.evidence is None or len(held) < state.evidence.seq


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=12))
def test_jobs_in_one_batch_end_as_they_would_one_by_one(cuts: list[tuple[int, int, int]]) -> None:
    together, single = Node(), Node()
    jobs: list[Job] = []
    for author, first, count in cuts:
        piece = CHAINS[author][first : first + count]
        jobs.append(Delivery((Inspected(piece, vouched=True, each=first % 2 == 0, bad_at=len(piece)),)))
    outcomes = together.writer.apply(jobs).outcomes
    for job, outcome in zip(jobs, outcomes, strict=True):
        alone = single.do(job)
        assert (outcome.verdicts, outcome.fresh) == (alone.verdicts, alone.fresh)
    assert together.writer.states() == single.writer.states()


CHAINS = [person.posts(12) for person in (Person("alice"), Person("bob"), Person("carol"))]


def test_own_entries_that_do_not_continue_their_log_are_refused_whole() -> None:
    node = Node()
    chain, other = CHAINS[0], CHAINS[1]
    outcome = node.do(OwnEntries((other[:2], chain[3:5])))
    assert outcome.error is not None
    assert node.writer.states() == {}
    assert node.do(OwnEntries((chain[:3],))).error is None
    assert isinstance(node.do(OwnEntries((chain[:1],))).error, Forked)


def test_a_log_is_cut_to_what_is_carried_and_goes_on_later() -> None:
    node = Node()
    chain = CHAINS[0]
    log_id = LogId(chain[0].author, chain[0].log)
    node.do(OwnEntries((chain[:6],)))
    outcome = node.do(Truncations(((log_id, 4), (EVE.log_id(), 2))))
    assert (outcome.shrunk, outcome.evidence, outcome.error) == ([log_id], [], None)
    assert node.writer.state(log_id) == LogState(Head(4, chain[3].id), 4, None)
    assert node.do(Truncations(((log_id, 4),))).shrunk == []
    assert node.do(deliver(*chain[2:9], each=True)).fresh == [chain[4:9]]
    assert node.do(Truncations(((log_id, 0),))).shrunk == [log_id]
    assert node.writer.states() == node.store.logs() == {}


def test_what_waits_is_written_before_a_log_is_cut() -> None:
    node = Node()
    chain = CHAINS[0]
    log_id = LogId(chain[0].author, chain[0].log)
    applied = node.writer.apply([deliver(*chain[:6], each=True), Truncations(((log_id, 4),))])
    assert applied.outcomes[0].fresh == [chain[:6]]
    assert applied.outcomes[1].shrunk == [log_id]
    assert applied.changed == {log_id: LogState(Head(4, chain[3].id), 4, None)}


def test_a_log_that_only_its_tail_vouched_for_is_cut_to_the_last_good_signature() -> None:
    eve = Person("eve")
    good = eve.posts(2)
    third = spoiled(eve.sign_at(3, good[1].id, [1, "third", ""]))
    fourth = spoiled(eve.sign_at(4, third.id, [1, "fourth", ""]))
    fifth = eve.sign_at(5, fourth.id, [1, "fifth", ""])
    node = Node()
    node.do(deliver(*good, third, fourth, fifth, each=False))
    assert node.state.head == Head(5, fifth.id)
    outcome = node.do(Truncations(((LOG, 4),)))
    proof = bad_proof((third, fourth, fifth), NETWORK)
    assert (outcome.shrunk, outcome.evidence) == ([LOG], [proof])
    assert node.state == LogState(Head(2, good[1].id), 0, proof)


def test_of_an_id_log_nothing_is_kept_without_its_body() -> None:
    eve = Person("eve")
    first, second = (eve.write([99, text], LOG_ID) for text in ("one", "two"))
    node = Node()
    outcome = node.do(deliver(first, second.without_body(), each=True))
    assert outcome.verdicts == [Behind(eve.log_id(LOG_ID), 1)]
    node.do(deliver(first, each=True))
    assert node.do(deliver(second.without_body(), each=True)).verdicts == [Behind(eve.log_id(LOG_ID), 2)]
    assert node.do(deliver(first.without_body(), each=True)).fresh == []
    other = eve.sign_at(1, b"", [99, "other"], LOG_ID)
    assert len(node.do(deliver(other.without_body(), each=True)).evidence) == 1


class FullStore(MemoryEntryStore):
    """Takes so many transactions and no more."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def append(self, runs: Sequence[Sequence[Entry]], *, checked: bool, durable: bool) -> list[Appended]:
        if self.left == 0:
            raise StorageFull("full")
        self.left -= 1
        return super().append(runs, checked=checked, durable=durable)


def deliver(*piece: Entry, each: bool) -> Delivery:
    return Delivery((Inspected(piece, vouched=True, each=each, bad_at=len(piece)),))


def test_what_was_decided_on_top_of_a_failed_transaction_has_failed_too() -> None:
    writer = Writer(FullStore(0), NETWORK)
    chain = CHAINS[0]
    known_again = deliver(*chain[:2], each=True)
    outcomes = writer.apply(
        [deliver(*chain[:3], each=True), known_again, OwnEntries((CHAINS[1][:2],))]
    ).outcomes
    assert [type(outcome.verdicts[0]) for outcome in outcomes[:2]] == [Failed, Failed]
    assert isinstance(outcomes[2].error, StorageFull)
    assert all(outcome.fresh == [] for outcome in outcomes)
    assert writer.states() == {}


def test_what_was_committed_before_the_disk_was_full_stays() -> None:
    writer = Writer(FullStore(1), NETWORK)
    chain = CHAINS[0]
    jobs = [deliver(*chain[:3], each=True), deliver(*chain[3:6], each=False), deliver(*chain[6:], each=False)]
    applied = writer.apply(jobs)
    assert [type(outcome.verdicts[0]) for outcome in applied.outcomes] == [Accepted, Failed, Failed]
    assert applied.outcomes[0].fresh == [chain[:3]]
    assert applied.changed == writer.states()
    assert [state.checked_seq for state in applied.changed.values()] == [3]


def test_a_full_disk_is_tried_again_the_next_time() -> None:
    store = FullStore(0)
    writer = Writer(store, NETWORK)
    job = deliver(*CHAINS[0], each=True)
    assert isinstance(writer.apply([job]).outcomes[0].verdicts[0], Failed)
    store.left = 1
    assert isinstance(writer.apply([job]).outcomes[0].verdicts[0], Accepted)


def test_a_piece_that_nobody_vouches_for_is_rejected_by_the_writer_too() -> None:
    node = Node()
    bad = spoiled(Person("alice").post("x"))
    outcome = node.do(Delivery((Inspected((bad,), vouched=False, each=False, bad_at=1),)))
    assert [type(verdict) for verdict in outcome.verdicts] == [Rejected]
    assert node.writer.state(LogId(bad.author, bad.log)).head is None
