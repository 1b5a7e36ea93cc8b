"""The engine: one node's side of the protocol, events in and effects out."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from gossip.errors import Severity
from gossip.proto import events, limits
from gossip.proto import messages as wire
from gossip.proto import sync_messages as sync_wire
from gossip.proto.admission import Everyone
from gossip.proto.announce import Announcement, HeadMark, parse_announcement
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, SessionId
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import EVERYTHING
from gossip.proto.parts import Positions
from node.testing.people import NETWORK, people
from store.entry import MAX_SEQ
from store.frontier import Frontier, place_of
from store.ids import LOG_FEED, AuthorId, EntryId
from store.interface import LogState
from store.log import Head, LogId, fork_proof

NOW = 1_800_000_000.0
ALICE, BOB, CAROL, EVE = people(["alice", "bob", "carol", "eve"])
WHERE = ("/ip4/192.0.2.1/tcp/4001",)
POSTS = BOB.posts(3)


class Friends(Everyone):
    def __init__(self, *strangers: AuthorId) -> None:
        self.strangers = set(strangers)

    def admits_peer(self, device: AuthorId) -> bool:
        return device not in self.strangers

    def last_carried(self, log_id: LogId) -> int:
        return 0 if log_id.author in self.strangers else MAX_SEQ


class Desk:
    """Alice's engine and a clock."""

    def __init__(self, tuning: Tuning | None = None, *strangers: AuthorId) -> None:
        self.friends = Friends(*strangers)
        self.engine = Engine(
            ALICE.id,
            NETWORK,
            self.friends,
            Frontier(NETWORK),
            random=Random(1),
            secret=Random(2),
            tuning=tuning,
        )
        self.now = NOW
        self.engine.start(NOW)

    def give(self, event: events.Event) -> list[Effect]:
        return self.engine.handle(event, self.now)

    def link(self, peer: AuthorId, *, outbound: bool = True) -> list[Effect]:
        effects = self.give(events.LinkUp(peer, WHERE[0], outbound))
        return effects + self.give(events.PushReceived(peer, wire.Hello(NETWORK, EVERYTHING, False, WHERE)))

    def serve(self, number: int, peer: AuthorId) -> list[Effect]:
        """Let a neighbour open a session."""
        if peer not in self.engine.neighbours():
            self.link(peer, outbound=False)
        return self.give(events.SyncOpened(SessionId(number), peer, False))

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass, with a timer event at each moment that is due."""
        until, effects = self.now + seconds, list[Effect]()
        while (at := self.engine.context.schedule.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            effects += self.give(events.TimerFired())
        self.now = until
        return effects

    def hold(self, log_id: LogId, seq: int) -> None:
        self.engine.update(log_id, LogState(Head(seq, EntryId(bytes([seq]) * 32)), seq, None))


def of(kind: type, effects: Iterable[Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def announced(seq: int = 5, now: float = NOW) -> bytes:
    heads = (HeadMark(LOG_FEED, seq, bytes(16)),)
    return Announcement(int(now * 1000), False, EVERYTHING, WHERE, heads).encode()


# Links and sessions.


def test_the_side_that_dialled_syncs_when_a_link_comes_up() -> None:
    desk = Desk()
    desk.link(BOB.id)
    assert [e.peer for e in of(events.OpenSync, desk.wait(0.1))] == [BOB.id]
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    assert of(events.OpenSync, desk.wait(0.1)) == []


def test_a_peer_that_does_not_say_hello_is_let_go() -> None:
    desk = Desk()
    desk.give(events.LinkUp(BOB.id, WHERE[0], True))
    assert events.Disconnect(BOB.id, "the peer did not say hello") in desk.wait(limits.HELLO_WAIT_S)


def test_a_neighbour_by_turn_is_asked_and_missing_bodies_are_looked_for_now_and_then() -> None:
    desk = Desk(Tuning(sync_interval_s=60.0))
    desk.link(BOB.id, outbound=False)
    desk.link(CAROL.id, outbound=False)
    asked = []
    for _ in range(4):
        effects = desk.wait(75.0)
        for opened in of(events.OpenSync, effects):
            asked.append(opened.peer)
            desk.give(events.SyncClosed(opened.session, "refused"))
        assert of(events.FindMissingBodies, effects)
    assert {BOB.id, CAROL.id} == set(asked)


def test_a_person_can_ask_for_a_sync_now() -> None:
    desk = Desk()
    (opened,) = of(events.OpenSync, desk.give(events.SyncWanted(BOB.id)))
    (ended,) = of(events.SyncEnded, desk.give(events.SyncClosed(opened.session, "no connection")))
    assert (ended.ok, ended.why, ended.complete) == (False, "no connection", False)


def test_a_session_that_failed_is_tried_again_ever_later() -> None:
    desk = Desk(Tuning(sync_interval_s=1e6))
    desk.link(BOB.id)
    times = []
    for _ in range(300):
        for opened in of(events.OpenSync, desk.wait(1.0)):
            times.append(desk.now)
            desk.give(events.SyncClosed(opened.session, "busy"))
    assert times[1] - times[0] <= 2.0
    assert 10 <= len(times) <= 40


def test_a_silent_session_is_over_after_a_minute() -> None:
    desk = Desk()
    desk.link(BOB.id)
    (opened,) = of(events.OpenSync, desk.wait(0.1))
    desk.give(events.SyncOpened(opened.session, BOB.id, True))
    effects = desk.wait(limits.SESSION_SILENCE_S)
    assert events.CloseSync(opened.session, "the peer fell silent") in effects


def test_a_nudge_makes_us_sync_if_it_says_something_else_than_we_hold() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    same = wire.Nudge(desk.engine.frontier.digest(ALL_LOGS))
    desk.give(events.PushReceived(BOB.id, same))
    assert of(events.OpenSync, desk.wait(3.0)) == []
    for _ in range(100):
        desk.give(events.PushReceived(BOB.id, wire.Nudge(bytes(32))))
    assert len(of(events.OpenSync, desk.wait(3.0))) == 1


def test_a_gap_makes_us_sync_unless_it_closes_first() -> None:
    for closes in (False, True):
        desk = Desk()
        desk.link(BOB.id, outbound=False)
        (deliver,) = of(events.Deliver, desk.give(events.PushReceived(BOB.id, wire.Entries(POSTS[2:]))))
        desk.give(events.Judged(deliver.token, (events.Behind(BOB.log_id(), 1),)))
        if closes:
            desk.hold(BOB.log_id(), 3)
        assert bool(of(events.OpenSync, desk.wait(3.0))) == (not closes)


def test_announced_heads_that_do_not_come_are_fetched_from_one_neighbour() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    desk.link(CAROL.id, outbound=False)
    for number in range(5):
        desk.give(events.Announced(AuthorId(bytes([number]) * 32), announced()))
    assert len(of(events.OpenSync, desk.wait(limits.MISSING_WAIT_S + 0.1))) == 1


def test_an_announcement_tells_the_address_book_and_dials() -> None:
    desk = Desk()
    effects = desk.give(events.Announced(BOB.id, announced()))
    assert events.Learned(BOB.id, WHERE, False, met=False) in effects
    assert of(events.Dial, effects + desk.wait(3.0)) == [events.Dial(BOB.id, WHERE)]


def test_who_is_not_admitted_is_not_heard_and_nobody_is_blamed_for_that() -> None:
    desk = Desk(None, EVE.id)
    assert desk.give(events.Announced(EVE.id, announced())) == []
    assert desk.give(events.Announced(EVE.id, b"nonsense")) == []


def test_a_change_of_admission_makes_us_sync_with_everyone_and_lets_others_go() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    desk.link(CAROL.id, outbound=False)
    desk.friends.strangers.add(CAROL.id)
    effects = desk.give(events.AdmissionChanged())
    assert of(events.Disconnect, effects) == [events.Disconnect(CAROL.id, "not admitted any more")]
    assert BOB.id in [e.peer for e in of(events.OpenSync, desk.wait(1.0))]


def test_evidence_from_a_neighbour_is_followed_by_a_sync_with_it() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    proof = fork_proof(*(EVE.sign_at(1, b"", [1, text, ""]) for text in ("1", "2")), NETWORK)
    desk.engine.update(proof.log_id, LogState(None, 0, proof))
    desk.give(events.Committed((), BOB.id, (proof,)))
    assert len(of(events.OpenSync, desk.wait(3.0))) == 1


def test_own_entries_are_announced_and_the_addresses_are_the_latest() -> None:
    desk = Desk()
    desk.give(events.AddressesChanged(WHERE))
    desk.hold(ALICE.log_id(), 1)
    desk.give(events.Committed((people(["alice"])[0].posts(1),), None))
    (said, *_) = of(events.Announce, desk.wait(3.0))
    words = parse_announcement(said.payload)
    assert (words.addresses, words.heads) == (WHERE, (HeadMark(LOG_FEED, 1, bytes([1]) * 16),))


# Blame.


def test_hostile_acts_ban_and_a_banned_peer_gets_nothing() -> None:
    desk = Desk()
    desk.link(BOB.id)
    effects = desk.give(events.Faulted(BOB.id, Severity.HOSTILE, "an invalid signature"))
    assert of(events.Disconnect, effects) == [
        events.Disconnect(BOB.id, "an invalid signature (banned for a while)")
    ]
    desk.give(events.LinkDown(BOB.id, ""))
    assert not desk.engine.is_welcome(BOB.id, desk.now)
    refused = events.Disconnect(BOB.id, "not welcome at the moment")
    assert desk.give(events.LinkUp(BOB.id, "", False)) == [refused]
    effects = desk.give(events.SyncOpened(SessionId(77), BOB.id, False))
    assert effects == [events.CloseSync(SessionId(77), refused.why), refused]
    desk.now += limits.BAN_S
    assert desk.engine.is_welcome(BOB.id, desk.now)


def test_a_fault_in_a_session_ends_the_session_and_only_many_the_link() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    for number in range(1, 12):
        desk.now += 1.0
        desk.give(events.SyncOpened(SessionId(number), BOB.id, False))
        effects = desk.give(events.SyncReceived(SessionId(number), sync_wire.Same(), 6))
        assert events.CloseSync(SessionId(number), "an answer without a question") in effects
        if of(events.Disconnect, effects):
            break
    assert 10 <= number <= 11


def test_sessions_opened_without_pause_are_refused_and_blamed_a_little() -> None:
    desk = Desk()
    desk.link(BOB.id, outbound=False)
    refused = 0
    for number in range(1, 200):
        refused += bool(of(events.CloseSync, desk.serve(number, BOB.id)))
        desk.give(events.SyncClosed(SessionId(number), ""))
    assert 200 - limits.SESSIONS_BURST - 2 <= refused <= 200
    assert not desk.engine.is_welcome(BOB.id, desk.now)
    assert desk.serve(300, CAROL.id) == []


def test_one_session_a_peer_is_served_at_a_time_and_a_few_in_all() -> None:
    desk = Desk(Tuning(hub=True))
    assert desk.serve(1, BOB.id) == []
    assert of(events.CloseSync, desk.serve(2, BOB.id))
    for number in range(3, 2 + limits.MAX_SESSIONS):
        peer = AuthorId(number.to_bytes(32, "big"))
        assert desk.serve(number, peer) == []
    assert of(events.CloseSync, desk.serve(99, CAROL.id))


def test_who_has_not_said_hello_is_not_served() -> None:
    desk = Desk()
    desk.give(events.LinkUp(BOB.id, "", False))
    refused = [events.CloseSync(SessionId(1), "a sync before hello")]
    assert desk.give(events.SyncOpened(SessionId(1), BOB.id, False)) == refused


def test_a_peer_of_another_network_gets_no_sync_and_no_ban() -> None:
    desk = Desk()
    assert of(events.OpenSync, desk.give(events.LinkUp(BOB.id, WHERE[0], True)) + desk.wait(1.0)) == []
    effects = desk.give(events.PushReceived(BOB.id, wire.Hello(bytes(32), EVERYTHING, False, ())))
    assert effects == [events.Disconnect(BOB.id, "the peer belongs to another network")]
    assert desk.engine.is_welcome(BOB.id, desk.now)


def test_a_fault_on_the_link_ends_the_sessions_of_the_peer_at_once() -> None:
    desk = Desk()
    session = receiving(desk)
    effects = desk.give(events.Faulted(BOB.id, Severity.BAD, "nonsense"))
    assert of(events.CloseSync, effects) == [events.CloseSync(session, "the connection ended")]


def receiving(desk: Desk, peer: AuthorId = BOB.id, number: int = 9) -> SessionId:
    """A session in which `peer` is about to send three posts of Bob's."""
    session = SessionId(number)
    desk.serve(number, peer)
    messages: list[sync_wire.SyncMessage] = [
        sync_wire.Open(EVERYTHING, bytes(16), bytes(32), 1),
        sync_wire.Turn(
            (Positions(place_of(BOB.log_id()).to_bytes(8, "big") + (3).to_bytes(5, "big") + bytes(11)),)
        ),
        sync_wire.Totals(3, 999, True),
    ]
    for message in messages:
        assert not of(events.SyncEnded, desk.give(events.SyncReceived(session, message, 1)))
    return session


def test_an_invalid_run_is_blamed_even_if_its_session_has_ended() -> None:
    desk = Desk()
    session = receiving(desk)
    (deliver,) = of(events.Deliver, desk.give(events.SyncReceived(session, sync_wire.Run(POSTS), 1)))
    desk.give(events.SyncClosed(session, "gone"))
    effects = desk.give(events.Judged(deliver.token, (events.Rejected(BOB.log_id(), "no"),)))
    assert [e.peer for e in of(events.Disconnect, effects)] == [BOB.id]
    assert not desk.engine.is_welcome(BOB.id, desk.now)


def test_while_one_session_brings_entries_others_wait() -> None:
    desk = Desk(Tuning(sync_interval_s=1e6))
    desk.link(CAROL.id, outbound=False)
    session = receiving(desk)
    desk.give(events.PushReceived(CAROL.id, wire.Nudge(bytes(32))))
    assert of(events.OpenSync, desk.wait(10.0)) == []
    assert len(of(events.OpenSync, desk.give(events.SyncWanted(CAROL.id)))) == 1, "but not for people"
    desk = Desk(Tuning(sync_interval_s=1e6))
    desk.link(CAROL.id, outbound=False)
    session = receiving(desk)
    desk.give(events.PushReceived(CAROL.id, wire.Nudge(bytes(32))))
    desk.give(events.SyncClosed(session, ""))
    assert len(of(events.OpenSync, desk.wait(3.0))) == 1


def test_what_came_in_a_long_run_is_not_pushed_on_before_it_was_judged() -> None:
    desk = Desk()
    desk.link(CAROL.id)
    session = receiving(desk)
    long_run = people(["bob"])[0].posts(limits.CAREFUL_ENTRIES + 1)
    (deliver,) = of(events.Deliver, desk.give(events.SyncReceived(session, sync_wire.Run(long_run), 1)))
    assert not deliver.each_signature
    effects = desk.give(events.Committed((long_run,), BOB.id))
    assert not [e for e in of(events.SendPush, effects) if isinstance(e.message, wire.Entries)]
    head = Head(long_run[-1].seq, long_run[-1].id)
    desk.give(events.Judged(deliver.token, (events.Accepted(BOB.log_id(), head, len(long_run)),)))
    assert desk.engine._syncing._bulk == {}


def test_a_session_that_brought_something_and_not_everything_is_followed_by_another() -> None:
    desk = Desk(Tuning(sync_interval_s=1e6))
    desk.link(BOB.id, outbound=False)
    session = receiving(desk)
    (deliver,) = of(events.Deliver, desk.give(events.SyncReceived(session, sync_wire.Run(POSTS[:1]), 1)))
    head = Head(1, POSTS[0].id)
    desk.give(events.Judged(deliver.token, (events.Accepted(BOB.log_id(), head, 1),)))
    (deliver,) = of(events.Deliver, desk.give(events.SyncReceived(session, sync_wire.Run(POSTS[1:]), 1)))
    desk.give(events.Judged(deliver.token, (events.Behind(BOB.log_id(), 1),)))
    for message in (sync_wire.Done(), sync_wire.Bye()):
        effects = desk.give(events.SyncReceived(session, message, 1))
    (ended,) = of(events.SyncEnded, effects)
    assert (ended.ok, ended.complete) == (True, False)
    assert len(of(events.OpenSync, desk.wait(5.0))) == 1


def test_bodies_that_a_session_did_not_bring_are_looked_for_after_it() -> None:
    desk = Desk()
    session = receiving(desk)
    bare = (POSTS[0].without_body(),)
    desk.give(events.SyncReceived(session, sync_wire.Run(bare), 1))
    assert of(events.FindMissingBodies, desk.give(events.SyncClosed(session, "gone")))


def test_places_of_unwanted_logs_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    session = receiving(desk)
    (deliver,) = of(events.Deliver, desk.give(events.SyncReceived(session, sync_wire.Run(POSTS), 1)))
    desk.give(events.Judged(deliver.token, (events.Unwanted(BOB.log_id(), ""),)))
    unwanted = desk.engine._syncing._unwanted
    assert unwanted == {place_of(BOB.log_id())}
    desk.give(events.AdmissionChanged())
    assert unwanted == set()
    monkeypatch.setattr(limits, "MAX_UNWANTED", 3)
    unwanted |= {1, 2, 3}
    desk.serve(50, EVE.id)
    assert unwanted == set()
