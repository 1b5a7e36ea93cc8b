"""What a node carries by section and age: what it takes, what it sends, and how it says so."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from gossip.proto import events, limits
from gossip.proto import messages as wire
from gossip.proto import sync_messages as sync
from gossip.proto.admission import Everyone
from gossip.proto.announce import Announcement, HeadMark, parse_announcement
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, Piece
from gossip.proto.interest import EVERYTHING, Interest, choose
from node.testing.people import NETWORK, Person, people
from store.entry import Entry
from store.frontier import Frontier
from store.ids import LOG_BOX_0, LOG_FEED, LOG_ID, AuthorId, EntryId, LogNo
from store.interface import LogState
from store.log import Head, LogId, fork_proof

NOW = 1_800_000_000.0
ALICE, BOB, CAROL, LEA, BEA = people(["alice", "bob", "carol", "lea", "bea"])
LYON, BERLIN = b"l" * 32, b"b" * 32
OF_LYON = choose(sections=[LYON])
OF_LEA, OF_BEA, OF_CAROL = LEA.posts(3), BEA.posts(3), CAROL.posts(3)
BEA_ID = (BEA.write([16, "bea"], LOG_ID),)
SINCE_MS = OF_LEA[1].time_ms
BOX_3, BOX_4 = LogNo(LOG_BOX_0 + 3), LogNo(LOG_BOX_0 + 4)
IN_BOX_3, IN_BOX_4 = (LEA.write([114, b"3"], BOX_3),), (LEA.write([114, b"4"], BOX_4),)
OWN_BOX = choose(bodies=0xFFFF | 1 << BOX_3)


class Sections(Everyone):
    """Lea is of Lyon, Bea of Berlin; of others no section is known."""

    def __init__(self) -> None:
        self.by_author = {LEA.id: frozenset({LYON}), BEA.id: frozenset({BERLIN})}

    def section_ids_of(self, author: AuthorId) -> frozenset[bytes]:
        return self.by_author.get(author, frozenset())


class Desk:
    """Alice's engine, with Bob and Carol for neighbours who carry what is given."""

    def __init__(self, own: Interest = EVERYTHING, bob: Interest = EVERYTHING) -> None:
        self.sections = Sections()
        self.engine = Engine(
            ALICE.id,
            NETWORK,
            self.sections,
            Frontier(NETWORK),
            random=Random(1),
            secret=Random(2),
            tuning=Tuning(interest=own, sync_interval_s=1e6, explore_s=1e6),
        )
        self.now = NOW
        self.engine.start(NOW)
        for person, interest in ((BOB, bob), (CAROL, EVERYTHING)):
            self.give(events.LinkUp(person.id, "", False))
            self.give(events.PushReceived(person.id, wire.Hello(NETWORK, interest, False, ())))

    def give(self, event: events.Event) -> list[Effect]:
        return self.engine.handle(event, self.now)

    def wait(self, seconds: float) -> list[Effect]:
        until, effects = self.now + seconds, list[Effect]()
        while (at := self.engine.context.schedule.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            effects += self.give(events.TimerFired())
        self.now = until
        return effects

    def receive(self, *entries: Entry) -> list[Piece]:
        """Carol pushes; what goes to the intake."""
        effects = self.give(events.PushReceived(CAROL.id, wire.Entries(entries)))
        return [piece for effect in of(events.Deliver, effects) for piece in effect.pieces]

    def commit(self, *pieces: Piece) -> dict[AuthorId, list[Entry]]:
        """Something of ours was kept; what goes to whom."""
        for piece in pieces:
            head = Head(piece[-1].seq, piece[-1].id)
            self.engine.update(LogId(piece[0].author, piece[0].log), LogState(head, 0, None))
        effects = self.give(events.Committed(pieces, None)) + self.wait(1)
        found: dict[AuthorId, list[Entry]] = {}
        for effect in of(events.SendPush, effects):
            if isinstance(effect.message, wire.Entries):
                found.setdefault(effect.peer, []).extend(effect.message.entries)
        return found


def of(kind: type, effects: Iterable[Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


# What is taken.


def test_pushed_entries_of_other_sections_are_not_taken_but_id_logs_are() -> None:
    desk = Desk(OF_LYON)
    assert desk.receive(*OF_LEA) == [OF_LEA]
    assert desk.receive(*OF_BEA) == []
    assert desk.receive(*OF_CAROL) == [OF_CAROL]
    assert desk.receive(*BEA_ID) == [BEA_ID]


def test_evidence_and_announced_heads_of_other_sections_are_not_taken() -> None:
    desk = Desk(OF_LYON)
    for person, is_taken in ((LEA, True), (BEA, False)):
        one, other = (person.sign_at(1, b"", [1, text, ""]) for text in ("1", "2"))
        found = wire.EvidenceFound(fork_proof(one, other, NETWORK).encode())
        assert bool(of(events.DeliverEvidence, desk.give(events.PushReceived(CAROL.id, found)))) == is_taken
        said = Announcement(int(NOW * 1000), False, EVERYTHING, (), (HeadMark(LOG_FEED, 9, bytes(16)),))
        desk.give(events.Announced(person.id, said.encode()))
        assert bool(of(events.OpenSync, desk.wait(limits.MISSING_WAIT_S))) == is_taken


def test_bodies_that_are_too_old_are_not_asked_for() -> None:
    desk = Desk(choose(bodies_since_ms=SINCE_MS))
    (deliver,) = of(
        events.Deliver,
        desk.give(
            events.PushReceived(CAROL.id, wire.Entries(tuple(entry.without_body() for entry in OF_LEA)))
        ),
    )
    verdict = events.Accepted(LEA.log_id(), Head(3, OF_LEA[2].id), 3)
    asked = of(events.SendPush, desk.give(events.Judged(deliver.token, (verdict,))))
    assert [effect.message for effect in asked] == [wire.WantBodies((OF_LEA[1].id, OF_LEA[2].id))]


def test_the_store_is_asked_for_wanted_bodies_only() -> None:
    desk = Desk(choose(bodies_since_ms=SINCE_MS))
    desk.give(events.LinkUp(LEA.id, "", False))
    effects = desk.give(events.PushReceived(LEA.id, wire.Hello(NETWORK, EVERYTHING, False, ())))
    assert events.FindMissingBodies(choose(bodies_since_ms=SINCE_MS), again=True) in effects


@pytest.mark.parametrize(("entries", "asked"), [(IN_BOX_3, [IN_BOX_3[0].id]), (IN_BOX_4, [])])
def test_bodies_of_logs_that_are_carried_without_them_are_not_asked_for(
    entries: Piece, asked: list[EntryId]
) -> None:
    desk = Desk(OWN_BOX)
    bare = tuple(entry.without_body() for entry in entries)
    (deliver,) = of(events.Deliver, desk.give(events.PushReceived(CAROL.id, wire.Entries(bare))))
    verdict = events.Accepted(LogId(LEA.id, bare[0].log), Head(1, bare[0].id), 1)
    effects = desk.give(events.Judged(deliver.token, (verdict,)))
    assert [name for effect in of(events.SendPush, effects) for name in effect.message.ids] == asked


# What is sent.


def test_each_neighbour_is_sent_what_it_carries() -> None:
    desk = Desk(bob=OF_LYON)
    sent = desk.commit(OF_LEA, OF_BEA, BEA_ID)
    assert sent[BOB.id] == [*OF_LEA, *BEA_ID]
    assert sent[CAROL.id] == [*OF_LEA, *OF_BEA, *BEA_ID]


def test_old_bodies_stay_here_but_headers_and_id_logs_go() -> None:
    desk = Desk(bob=choose(bodies_since_ms=SINCE_MS))
    sent = desk.commit(OF_LEA, BEA_ID)
    assert sent[BOB.id] == [OF_LEA[0].without_body(), *OF_LEA[1:], *BEA_ID]
    assert sent[CAROL.id] == [*OF_LEA, *BEA_ID]


def test_packets_go_whole_to_who_wants_them_and_without_their_bodies_to_others() -> None:
    desk = Desk(bob=OWN_BOX)
    sent = desk.commit(IN_BOX_3, IN_BOX_4)
    assert sent[BOB.id] == [*IN_BOX_3, IN_BOX_4[0].without_body()]
    assert sent[CAROL.id] == [*IN_BOX_3, *IN_BOX_4]


def test_what_came_without_its_body_is_not_pushed_to_who_would_ask_for_it_in_vain() -> None:
    desk = Desk(OWN_BOX, bob=OWN_BOX)
    bare = (IN_BOX_4[0].without_body(),)
    assert desk.commit(bare) == {BOB.id: [*bare]}


def test_a_neighbour_that_carries_something_else_now_is_sent_that() -> None:
    desk = Desk(bob=OF_LYON)
    assert desk.engine.interests()[BOB.id] == OF_LYON
    assert BOB.id not in desk.commit(OF_BEA[:1])
    desk.give(events.PushReceived(BOB.id, wire.Interested(choose(sections=[BERLIN]))))
    sent = desk.commit(OF_LEA, OF_BEA[1:])
    assert sent[BOB.id] == list(OF_BEA[1:])
    assert desk.engine.interests()[BOB.id] == choose(sections=[BERLIN])


# How it is said, and changed.


def test_an_interest_stands_in_hello_in_announcements_and_in_open() -> None:
    desk = Desk(OF_LYON)
    (hello,) = of(events.SendPush, desk.give(events.LinkUp(LEA.id, "", True)))
    assert hello.message.interest == OF_LYON
    desk.give(events.PushReceived(LEA.id, wire.Hello(NETWORK, EVERYTHING, False, ())))
    effects = desk.wait(10)
    (said,) = of(events.Announce, effects)
    assert parse_announcement(said.payload).interest == OF_LYON
    (opened,) = of(events.OpenSync, effects)
    (sent,) = of(events.SendSync, desk.give(events.SyncOpened(opened.session, LEA.id, True)))
    assert isinstance(sent.message, sync.Open)
    assert sent.message.interest == OF_LYON


def test_what_devices_announce_of_their_interest_can_be_seen() -> None:
    desk = Desk()
    said = Announcement(int(NOW * 1000), True, OF_LYON, (), ())
    desk.give(events.Announced(LEA.id, said.encode()))
    assert desk.engine.interests() == {LEA.id: OF_LYON, BOB.id: EVERYTHING, CAROL.id: EVERYTHING}
    assert desk.engine.interest == EVERYTHING


def test_a_changed_interest_is_told_and_what_is_wanted_now_is_fetched() -> None:
    desk = Desk(OF_LYON)
    desk.wait(60)
    assert desk.receive(*OF_BEA) == []
    effects = desk.give(events.InterestChanged(EVERYTHING))
    told = wire.Interested(EVERYTHING)
    assert of(events.SendPush, effects) == [events.SendPush(BOB.id, told), events.SendPush(CAROL.id, told)]
    assert events.FindMissingBodies(EVERYTHING) in effects
    later = desk.wait(5)
    assert {opened.peer for opened in of(events.OpenSync, effects + later)} == {BOB.id, CAROL.id}
    assert parse_announcement(of(events.Announce, later)[0].payload).interest == EVERYTHING
    assert desk.receive(*OF_BEA) == [OF_BEA]
    assert desk.give(events.InterestChanged(EVERYTHING)) == []


def test_what_is_compared_follows_sections_and_who_is_in_them() -> None:
    desk = Desk(bob=OF_LYON)
    desk.commit(OF_LEA, OF_BEA, BEA_ID)
    both = EVERYTHING.meet(OF_LYON)
    assert desk.engine.frontier.count(both) == 2
    desk.sections.by_author[BEA.id] = frozenset({BERLIN, LYON})
    desk.give(events.AdmissionChanged())
    assert desk.engine.frontier.count(both) == 3


@pytest.mark.parametrize("person", [LEA, BEA])
def test_a_nudge_tells_what_both_carry(person: Person) -> None:
    desk = Desk(bob=OF_LYON)
    desk.commit(OF_LEA, OF_BEA)
    frontier = desk.engine.frontier
    same = wire.Nudge(frontier.digest(EVERYTHING.meet(OF_LYON)))
    desk.give(events.PushReceived(BOB.id, same))
    assert of(events.OpenSync, desk.wait(5)) == []
    other = wire.Nudge(frontier.digest(EVERYTHING.meet(EVERYTHING)))
    desk.give(events.PushReceived(BOB.id, other))
    assert [opened.peer for opened in of(events.OpenSync, desk.wait(5))] == [BOB.id]
