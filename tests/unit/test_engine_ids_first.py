"""With `ids_first` the first session after a link-up is over `id` logs; the one over everything follows."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from gossip.proto import events
from gossip.proto import messages as wire
from gossip.proto import sync_messages as sync
from gossip.proto.admission import Everyone
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, SessionId
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import EVERYTHING, Interest
from node.testing.people import NETWORK, people
from store.frontier import Frontier

NOW = 1_800_000_000.0
ALICE, BOB = people(["alice", "bob"])
SAME = sync.Same()


class Desk:
    """Alice's engine, linked to Bob."""

    def __init__(self, tuning: Tuning) -> None:
        self.engine = Engine(
            ALICE.id,
            NETWORK,
            Everyone(),
            Frontier(NETWORK),
            random=Random(1),
            secret=Random(2),
            tuning=tuning,
        )
        self.now = NOW
        self.engine.start(NOW)

    def give(self, event: events.Event) -> list[Effect]:
        return self.engine.handle(event, self.now)

    def link(self) -> SessionId:
        """A link comes up, and with it a session."""
        self.give(events.LinkUp(BOB.id, "", True))
        effects = self.give(events.PushReceived(BOB.id, wire.Hello(NETWORK, EVERYTHING, False, ())))
        while not of(events.OpenSync, effects):
            at = self.engine.context.schedule.next_at()
            assert at is not None
            self.now = max(at, self.now)
            effects = self.give(events.TimerFired())
        return of(events.OpenSync, effects)[0].session

    def open(self, session: SessionId) -> int:
        """The stream of a session stands; what it is over."""
        (sent,) = of(events.SendSync, self.give(events.SyncOpened(session, BOB.id, True)))
        assert isinstance(sent.message, sync.Open)
        return sent.message.interest.logs


def of(kind: type, effects: Iterable[Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def test_the_session_over_everything_follows_at_once_and_one_report_tells_of_both() -> None:
    desk = Desk(Tuning(ids_first=True))
    first = desk.link()
    assert desk.open(first) == 1
    effects = desk.give(events.SyncReceived(first, SAME, 6))
    assert of(events.SyncEnded, effects) == []
    (opened,) = of(events.OpenSync, effects)
    assert desk.open(opened.session) == ALL_LOGS
    (ended,) = of(events.SyncEnded, desk.give(events.SyncReceived(opened.session, SAME, 6)))
    assert (ended.ok, ended.complete) == (True, True)
    (again,) = of(events.OpenSync, desk.give(events.SyncWanted(BOB.id)))
    assert desk.open(again.session) == ALL_LOGS


def test_after_another_link_up_id_logs_come_first_again() -> None:
    desk = Desk(Tuning(ids_first=True))
    first = desk.link()
    desk.open(first)
    desk.give(events.SyncReceived(first, SAME, 6))
    desk.give(events.LinkDown(BOB.id, "gone"))
    assert desk.open(desk.link()) == 1


def test_a_first_session_that_fails_is_told_and_does_not_count() -> None:
    desk = Desk(Tuning(ids_first=True))
    first = desk.link()
    effects = desk.give(events.SyncClosed(first, "no answer"))
    (ended,) = of(events.SyncEnded, effects)
    assert (ended.ok, ended.complete) == (False, False)
    assert of(events.OpenSync, effects) == []
    (again,) = of(events.OpenSync, desk.give(events.SyncWanted(BOB.id)))
    assert desk.open(again.session) == 1


def test_a_peer_that_has_synced_with_us_meanwhile_is_not_asked_for_id_logs_again() -> None:
    desk = Desk(Tuning(ids_first=True))
    desk.give(events.LinkUp(BOB.id, "", False))
    desk.give(events.PushReceived(BOB.id, wire.Hello(NETWORK, EVERYTHING, False, ())))
    desk.give(events.SyncOpened(SessionId(99), BOB.id, False))
    nothing = desk.engine.frontier.digest(1)
    desk.give(events.SyncReceived(SessionId(99), sync.Open(Interest(1), bytes(16), nothing, 0), 90))
    (opened,) = of(events.OpenSync, desk.give(events.SyncWanted(BOB.id)))
    assert desk.open(opened.session) == ALL_LOGS


@pytest.mark.parametrize(
    "tuning", [Tuning(), Tuning(ids_first=True, interest=Interest(12))], ids=["off", "no id logs"]
)
def test_else_the_first_session_is_over_everything(tuning: Tuning) -> None:
    desk = Desk(tuning)
    assert desk.open(desk.link()) == tuning.interest.logs
