"""Push: what is handed on to whom, when, and what is done with entries that cannot be placed."""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import pytest

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import messages as wire
from gossip.proto.admission import Admission, Everyone
from gossip.proto.context import Context, Tuning
from gossip.proto.events import Effect, Piece, Token
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.push import FLUSH, NUDGE, Gap, Link, Push
from node.testing.people import NETWORK, chain_after, people
from store.entry import MAX_SEQ
from store.frontier import Frontier
from store.ids import LOG_FEED, AuthorId
from store.interface import LogState
from store.log import Evidence, Head, LogId, fork_proof

NOW = 1_800_000_000.0
ALICE, BOB, CAROL, DAVE, EVE = people(["alice", "bob", "carol", "dave", "eve"])
WHERE = ("/ip4/192.0.2.1/tcp/4001",)


def hello(interest: Interest = EVERYTHING, network: bytes = NETWORK) -> wire.Hello:
    return wire.Hello(network, interest, False, WHERE)


class Post:
    """Alice's push, with Bob, Carol and Dave for neighbours."""

    def __init__(self, tuning: Tuning | None = None, admission: Admission | None = None) -> None:
        self.frontier = Frontier(NETWORK)
        self.context = Context(
            ALICE.id,
            NETWORK,
            admission or Everyone(),
            self.frontier,
            Random(1),
            Random(2),
            tuning or Tuning(),
        )
        self.push = Push(self.context)
        for person in (BOB, CAROL, DAVE):
            self.link(person.id)
            self.push.received(person.id, hello(), NOW)

    def link(self, peer: AuthorId) -> list[Effect]:
        return self.push.link_up(peer, Link(NOW, True, WHERE[0], allowance_at=NOW))

    def receive(self, peer: AuthorId, *entries: Any, now: float = NOW) -> events.Deliver | None:
        effects = self.push.received(peer, wire.Entries(entries), now)
        assert len(effects) <= 1
        for effect in effects:
            assert isinstance(effect, events.Deliver)
            return effect
        return None

    def judge(self, deliver: events.Deliver | None, *verdicts: events.Verdict) -> list[Effect]:
        assert deliver is not None
        return self.push.judged(deliver.token, verdicts, NOW)

    def commit(
        self,
        *pieces: Piece,
        source: AuthorId | None = None,
        evidence: tuple[Evidence, ...] = (),
        is_bulk: Callable[[Piece], bool] = lambda piece: False,
        now: float = NOW,
    ) -> list[Effect]:
        for piece in pieces:
            head = Head(piece[-1].seq, piece[-1].id)
            self.frontier.update(LogId(piece[0].author, piece[0].log), LogState(head, 0, None))
        return self.push.committed(events.Committed(pieces, source, evidence), is_bulk, now)


def pushed(effects: Iterable[Effect]) -> dict[AuthorId, list[int]]:
    """Seqs of the entries that go to each neighbour."""
    found: dict[AuthorId, list[int]] = {}
    for effect in effects:
        if isinstance(effect, events.SendPush) and isinstance(effect.message, wire.Entries):
            found.setdefault(effect.peer, []).extend(entry.seq for entry in effect.message.entries)
    return found


def told(effects: Iterable[Effect], kind: type) -> list[AuthorId]:
    return [e.peer for e in effects if isinstance(e, events.SendPush) and isinstance(e.message, kind)]


def accepted(piece: Piece) -> events.Accepted:
    return events.Accepted(LogId(piece[0].author, LOG_FEED), Head(piece[-1].seq, piece[-1].id), len(piece))


def a_fork() -> tuple[Piece, Piece, Evidence]:
    (eve,) = people(["eve"])
    posts = eve.posts(3)
    other = chain_after(eve, posts[0], ["other", "more"])
    return posts, other, fork_proof(posts[1], other[0], NETWORK)


# Links.


def test_a_new_link_begins_with_hello_on_both_sides() -> None:
    post = Post(Tuning(interest=Interest(12), hub=True))
    post.context.addresses = (*WHERE, "not\x1bone")
    assert post.link(EVE.id) == [events.SendPush(EVE.id, wire.Hello(NETWORK, Interest(12), True, WHERE))]
    assert EVE.id not in post.push.neighbours()
    known = (WHERE[0],)
    assert post.push.received(EVE.id, hello(Interest(5)), NOW) == [
        events.Learned(EVE.id, known, False, met=True),
        events.FindMissingBodies(Interest(12), again=True),
    ]
    assert post.push.interest_of(EVE.id) == Interest(5)


@pytest.mark.parametrize(
    "messages",
    [[wire.Nudge(bytes(32))], [hello(network=b"o" * 32)], [hello(), hello()]],
    ids=["something else first", "another network", "twice"],
)
def test_a_link_that_does_not_begin_so_is_the_peers_fault(messages: list[wire.PushMessage]) -> None:
    post = Post()
    post.link(EVE.id)
    for message in messages[:-1]:
        post.push.received(EVE.id, message, NOW)
    with pytest.raises(RemoteFault):
        post.push.received(EVE.id, messages[-1], NOW)


def test_a_peer_that_says_nothing_is_found_mute() -> None:
    post = Post()
    post.link(EVE.id)
    (name,) = [n for n in post.context.schedule.pop_due(NOW + limits.HELLO_WAIT_S) if EVE.id.hex() in n]
    assert post.push.is_mute(name) == EVE.id
    assert post.push.is_mute("something else") is None
    post.link(EVE.id)
    post.push.received(EVE.id, hello(), NOW)
    assert post.push.is_mute(name) is None


def test_what_was_committed_before_a_hello_is_made_up_for_by_a_nudge() -> None:
    post = Post()
    post.link(EVE.id)
    assert EVE.id not in pushed(post.commit(BOB.posts(1)))
    effects = post.push.received(EVE.id, hello(), NOW)
    assert events.SendPush(EVE.id, wire.Nudge(post.frontier.digest(ALL_LOGS))) in effects


# Handing on.


def test_own_entries_go_to_every_neighbour() -> None:
    assert pushed(Post().commit(people(["alice"])[0].posts(2))) == {p.id: [1, 2] for p in (BOB, CAROL, DAVE)}


def test_others_entries_go_to_everyone_but_whoever_has_shown_them() -> None:
    post = Post()
    piece = EVE.posts(2)
    deliver = post.receive(BOB.id, *piece)
    assert deliver == events.Deliver(Token(1), BOB.id, (piece,), each_signature=True)
    assert post.receive(CAROL.id, *piece) is None, "seen already"
    assert post.commit(piece, source=BOB.id) == [events.SendPush(DAVE.id, wire.Entries(piece))]
    assert post.judge(deliver, accepted(piece)) == []


def test_a_neighbour_gets_only_the_logs_that_it_carries() -> None:
    post = Post()
    post.link(EVE.id)
    post.push.received(EVE.id, hello(Interest(0b1000)), NOW)
    assert EVE.id not in pushed(post.commit(people(["bob"])[0].posts(1)))


def test_entries_leave_at_once_after_a_pause_else_together() -> None:
    post = Post()
    posts = people(["bob"])[0].posts(4)
    assert pushed(post.commit(posts[:1])) != {}
    assert post.commit(posts[1:2], now=NOW + 0.001) == []
    assert post.commit(posts[2:3], now=NOW + 0.002) == []
    at = post.context.schedule.next_at()
    assert at == NOW + limits.FLUSH_S
    assert FLUSH in post.context.schedule.pop_due(at)
    assert pushed(post.push.flush(at)) == {p.id: [2, 3] for p in (BOB, CAROL, DAVE)}
    assert post.push.flush(at) == []


def test_what_a_neighbour_shows_while_it_waits_is_not_sent_to_it() -> None:
    post = Post()
    posts = people(["eve"])[0].posts(2)
    post.commit(posts[:1])
    post.commit(posts[1:], now=NOW + 0.001)
    post.receive(CAROL.id, posts[1])
    assert pushed(post.push.flush(NOW + 1.0)) == {BOB.id: [2], DAVE.id: [2]}


def test_large_bodies_stay_behind_and_messages_stay_small() -> None:
    post = Post()
    (eve,) = people(["eve"])
    large = eve.post("x" * limits.WHOLE_BODY_BYTES)
    small = tuple(eve.post("y" * 3_000) for _ in range(100))
    sent = [e.message for e in post.commit((large, *small)) if isinstance(e, events.SendPush)]
    entries = [m.entries for m in sent if isinstance(m, wire.Entries)]
    assert entries[0][0] == large.without_body()
    assert all(entry.body is not None for entry in entries[0][1:])
    sizes = [len(wire.encode_push(wire.Entries(batch))) for batch in entries]
    assert max(sizes) <= limits.PUSH_BATCH_BYTES
    assert len(sizes) > 3


def test_much_at_a_time_is_nudged_about_and_not_pushed() -> None:
    post = Post()
    effects = post.commit(people(["eve"])[0].posts(limits.BULK_ENTRIES + 1), source=BOB.id)
    nudge = wire.Nudge(post.frontier.digest(ALL_LOGS))
    assert effects == [events.SendPush(peer, nudge) for peer in (CAROL.id, DAVE.id)]


def test_nudges_are_given_at_most_twice_a_second() -> None:
    post = Post()
    posts = people(["eve"])[0].posts(3 * (limits.BULK_ENTRIES + 1))
    step = limits.BULK_ENTRIES + 1
    assert len(post.commit(posts[:step])) == 3
    assert post.commit(posts[step : 2 * step], now=NOW + 0.1, source=BOB.id) == []
    assert post.commit(posts[2 * step :], now=NOW + 0.2, source=BOB.id) == []
    at = post.context.schedule.next_at()
    assert at == NOW + limits.NUDGE_WAIT_S
    assert NUDGE in post.context.schedule.pop_due(at)
    assert told(post.push.nudge(at), wire.Nudge) == [CAROL.id, DAVE.id]
    assert post.push.nudge(at + 9.0) == []


def test_a_run_that_was_checked_by_its_last_signature_is_not_pushed() -> None:
    post = Post()
    effects = post.commit(people(["eve"])[0].posts(3), source=BOB.id, is_bulk=lambda piece: True)
    assert pushed(effects) == {}
    assert told(effects, wire.Nudge) == [CAROL.id, DAVE.id]


def test_what_an_author_says_too_fast_is_not_pushed_but_nudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUTHOR_BURST_ENTRIES", 3.0)
    monkeypatch.setattr(limits, "AUTHOR_ENTRIES_PER_S", 1.0)
    post, (eve, bob) = Post(), people(["eve", "bob"])
    assert set(pushed(post.commit(eve.posts(3), source=BOB.id))) == {CAROL.id, DAVE.id}
    effects = post.commit(eve.posts(1), bob.posts(1), source=BOB.id, now=NOW + limits.NUDGE_WAIT_S)
    assert pushed(effects) == {CAROL.id: [1], DAVE.id: [1]}, "who says little is not held up"
    assert told(effects, wire.Nudge) == [CAROL.id, DAVE.id]


def test_evidence_goes_to_everyone_but_its_source() -> None:
    _, _, proof = a_fork()
    effects = Post().commit(source=CAROL.id, evidence=(proof,))
    found = wire.EvidenceFound(proof.encode())
    assert effects == [events.SendPush(peer, found) for peer in (BOB.id, DAVE.id)]


# What comes.


def test_a_message_becomes_chains_one_a_log_cut_at_gaps() -> None:
    post = Post()
    (bob,), (eve,) = people(["bob"]), people(["eve"])
    of_bob, of_eve = bob.posts(3), eve.posts(3)
    deliver = post.receive(CAROL.id, of_bob[0], of_eve[0], of_bob[1], of_eve[2])
    assert deliver is not None
    assert deliver.pieces == (of_eve[:1], of_bob[:2], of_eve[2:])


class Only(Everyone):
    def __init__(self, author: AuthorId) -> None:
        self.author = author

    def last_carried(self, log_id: LogId) -> int:
        return MAX_SEQ if log_id.author == self.author else 0


def test_what_is_not_carried_here_is_dropped_before_anything_is_remembered() -> None:
    post = Post(Tuning(interest=Interest(0b1000)))
    assert post.receive(BOB.id, *EVE.posts(2)) is None
    post = Post(admission=Only(BOB.id))
    assert post.receive(BOB.id, *EVE.posts(2)) is None
    assert len(post.push._holders) == 0


def test_an_entry_without_its_body_makes_us_ask_for_it() -> None:
    post = Post()
    bare = people(["eve"])[0].post("x").without_body()
    deliver = post.receive(BOB.id, bare)
    wanted = events.SendPush(BOB.id, wire.WantBodies((bare.id,)))
    assert post.judge(deliver, accepted((bare,))) == [wanted]


def test_a_gap_calls_for_a_sync_with_everyone_who_has_shown_the_entry() -> None:
    post = Post()
    piece = people(["eve"])[0].posts(5)[3:]
    deliver = post.receive(BOB.id, *piece)
    post.receive(CAROL.id, *piece)
    log_id = LogId(EVE.id, LOG_FEED)
    assert post.judge(deliver, events.Behind(log_id, 1)) == []
    assert set(post.push.gaps) == {Gap(peer, (log_id, 5)) for peer in (BOB.id, CAROL.id)}
    assert post.receive(DAVE.id, *piece) is not None, "it may be placed now"


def test_an_entry_of_a_log_that_has_ended_is_answered_with_the_evidence_once() -> None:
    post = Post()
    posts, other, proof = a_fork()
    stopped = events.Stopped(proof.log_id, proof)
    first = post.judge(post.receive(BOB.id, other[0]), stopped)
    assert first == [events.SendPush(BOB.id, wire.EvidenceFound(proof.encode()))]
    assert post.judge(post.receive(BOB.id, other[1]), stopped) == []
    assert told(post.judge(post.receive(CAROL.id, posts[2]), stopped), wire.EvidenceFound) == [CAROL.id]


def test_an_invalid_entry_is_hostile_but_the_others_of_its_message_are_minded() -> None:
    post = Post()
    (bob,), (eve,) = people(["bob"]), people(["eve"])
    late = eve.posts(3)[2]
    deliver = post.receive(CAROL.id, bob.post("x"), late)
    verdicts = (events.Rejected(bob.log_id(), "badly signed"), events.Behind(eve.log_id(), 1))
    with pytest.raises(RemoteFault) as caught:
        post.judge(deliver, *verdicts)
    assert caught.value.severity is Severity.HOSTILE
    assert post.push.gaps == [Gap(CAROL.id, (eve.log_id(), 3))]
    assert post.receive(BOB.id, late) is not None, "nobody can make us overlook it"


@pytest.mark.parametrize("verdict", [events.Failed(EVE.log_id(), ""), events.Unwanted(EVE.log_id(), "")])
def test_what_was_not_kept_without_anybodys_fault_may_come_again(verdict: events.Verdict) -> None:
    post = Post()
    piece = people(["eve"])[0].posts(1)
    assert post.judge(post.receive(BOB.id, *piece), verdict) == []
    assert post.push.gaps == []
    assert post.receive(BOB.id, *piece) is not None


def test_a_peer_that_pushes_more_than_its_share_is_synced_with_instead() -> None:
    post = Post()
    posts = people(["eve"])[0].posts(10)
    post.push.links[BOB.id].allowance = 5.0
    assert post.receive(BOB.id, *posts[:5]) is not None
    assert post.receive(BOB.id, *posts[5:]) is None
    assert post.push.gaps == [Gap(BOB.id, None)]
    assert post.receive(BOB.id, *posts[5:], now=NOW + 1.0) is not None


def test_evidence_that_is_known_or_of_strangers_costs_nothing() -> None:
    _, _, proof = a_fork()
    found = wire.EvidenceFound(proof.encode())
    post = Post()
    assert post.push.received(BOB.id, found, NOW) == [events.DeliverEvidence(BOB.id, proof.encode())]
    post.frontier.update(proof.log_id, LogState(None, 0, proof))
    assert post.push.received(BOB.id, found, NOW) == []
    assert Post(admission=Only(BOB.id)).push.received(BOB.id, found, NOW) == []
    with pytest.raises(RemoteFault) as caught:
        post.push.received(BOB.id, wire.EvidenceFound(b"\x92\x00\x90"), NOW)
    assert caught.value.severity is Severity.HOSTILE


def test_a_nudge_is_noted_with_what_it_says() -> None:
    post = Post()
    assert post.push.received(BOB.id, wire.Nudge(b"d" * 32), NOW) == []
    assert post.push.gaps == [Gap(BOB.id, None, b"d" * 32)]
    assert post.push.differs(BOB.id, b"d" * 32)
    assert not post.push.differs(BOB.id, post.frontier.digest(ALL_LOGS))


def test_what_is_remembered_of_entries_is_bounded() -> None:
    post = Post()
    for number in range(limits.SEEN_ENTRIES + 100):
        post.push._holders.note(events.Head(1, number.to_bytes(32, "big")).id, BOB.id)  # type: ignore[arg-type]
    assert len(post.push._holders) == limits.SEEN_ENTRIES


def test_of_an_entry_that_was_handed_on_nothing_is_kept_but_that_it_was_seen() -> None:
    post = Post()
    (eve,) = people(["eve"])
    posts = eve.posts(limits.BULK_ENTRIES)
    post.commit(posts, source=BOB.id)
    assert post.receive(DAVE.id, *posts) is None
    assert len({id(holders) for holders in post.push._holders._seen.values()}) == 1
    assert not any(post.push._holders._seen.values())


def test_messages_of_a_peer_without_a_link_are_ignored() -> None:
    post = Post()
    post.push.link_down(BOB.id, NOW)
    assert post.push.received(BOB.id, wire.Entries(EVE.posts(1)), NOW) == []
    assert post.push.neighbours() == [CAROL.id, DAVE.id]
    assert post.push.interest_of(BOB.id) == EVERYTHING
    assert post.push.judged(Token(99), (), NOW) == []
