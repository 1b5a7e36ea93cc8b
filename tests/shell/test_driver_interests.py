"""Stations that carry different sections and ages: each gets what it carries, and says so."""

import pytest
import trio

from gossip.proto.context import Tuning
from gossip.proto.interest import EVERYTHING, Interest, choose
from store.ids import LOG_ID
from store.log import LogId

LYON, BERLIN = b"l" * 32, b"b" * 32


def knows_sections(by_name):
    """Let stations know who is in which section."""

    def arrange(station):
        def section_ids_of(author):
            return by_name.get(author, frozenset())

        station.carried.section_ids_of = section_ids_of
        station.engine.frontier.group_by(section_ids_of)

    return arrange


@pytest.fixture
async def trio_of_sections(autojump_clock, lab):
    """A hub that carries everything, and a laptop of each section, linked to it."""
    belongs = {}
    arrange = knows_sections(belongs)
    hub = await lab.station("hub", tuning=Tuning(hub=True), arrange=arrange)
    lea = await lab.station("lea", tuning=Tuning(interest=choose(sections=[LYON])), arrange=arrange)
    bea = await lab.station("bea", tuning=Tuning(interest=choose(sections=[BERLIN])), arrange=arrange)
    belongs |= {lea.device: frozenset({LYON}), bea.device: frozenset({BERLIN})}
    for station in (lea, bea):
        station.keeper.publish(station.person.write([16, "I am"], LOG_ID))
        for number in range(50):
            station.post(f"old {number}")
    return hub, lea, bea


def seq(station, log_id):
    head = station.ledger.state(log_id).head
    return head.seq if head else 0


async def test_each_gets_what_it_carries_by_sync_and_by_push(autojump_clock, lab, trio_of_sections):
    hub, lea, bea = trio_of_sections
    logs = [station.person.log_id() for station in (lea, bea)]
    for station in (lea, bea):
        station.know(hub)
    await lab.wait_until(lambda: [seq(hub, log_id) for log_id in logs] == [50, 50])
    await lab.wait_until(lambda: lea.is_linked(hub) and bea.is_linked(hub))
    lea.post("new")
    bea.post("new")
    await lab.wait_until(lambda: [seq(hub, log_id) for log_id in logs] == [51, 51])
    await trio.sleep(200)
    assert [seq(lea, log_id) for log_id in logs] == [51, 0]
    assert [seq(bea, log_id) for log_id in logs] == [0, 51]
    assert seq(lea, LogId(bea.device, LOG_ID)) == seq(bea, LogId(lea.device, LOG_ID)) == 1
    assert hub.driver.interests() == {
        lea.device: choose(sections=[LYON]),
        bea.device: choose(sections=[BERLIN]),
    }
    lea.reports.clear()
    lea.sync_with(hub)
    await lab.wait_until(lambda: bool(lea.reports))
    assert (lea.reports[0].ended.rounds, lea.reports[0].ended.complete) == (1, True)


async def test_an_interest_can_change_while_it_runs(autojump_clock, lab, trio_of_sections):
    hub, lea, bea = trio_of_sections
    of_bea = bea.person.log_id()
    for station in (lea, bea):
        station.know(hub)
    await lab.wait_until(lambda: seq(hub, of_bea) == 50)
    assert seq(lea, of_bea) == 0
    lea.driver.change_interest(EVERYTHING)
    await lab.wait_until(lambda: seq(lea, of_bea) == 50)
    await lab.wait_until(lambda: hub.driver.interests()[lea.device] == EVERYTHING)
    bea.post("new")
    await lab.wait_until(lambda: seq(lea, of_bea) == 51)
    lea.driver.change_interest(choose(sections=[LYON]))
    await trio.sleep(5)
    bea.post("newer")
    await lab.wait_until(lambda: seq(hub, of_bea) == 52)
    await trio.sleep(200)
    assert seq(lea, of_bea) == 51
    assert lea.driver.interest == choose(sections=[LYON])


async def test_old_bodies_come_only_once_they_are_wanted(autojump_clock, lab):
    alice = await lab.station("alice")
    entries = [alice.post(f"post {number}") for number in range(40)]
    alice.keeper.publish(alice.person.write([16, "I am"], LOG_ID, time_ms=1))
    since_ms = entries[30].time_ms
    bob = await lab.station("bob", tuning=Tuning(interest=Interest(bodies_since_ms=since_ms)))
    bob.know(alice)
    await lab.wait_until(lambda: bob.count == 41)
    entries.append(alice.person.post("late, and dated back", time_ms=since_ms - 1))
    alice.keeper.publish(entries[-1])
    await lab.wait_until(lambda: bob.count == 42)
    await trio.sleep(200)

    def missing():
        return [e.seq for e in entries if bob.ledger.store.entry(e.id).body is None]

    assert missing() == [*range(1, 31), 41]
    assert bob.digest == alice.digest
    assert bob.ledger.store.range(LogId(alice.device, LOG_ID), 1, 1, 9_999)[0].body is not None
    bob.driver.change_interest(Interest(bodies_since_ms=entries[20].time_ms))
    await lab.wait_until(lambda: missing() == [*range(1, 21)])
    bob.driver.change_interest(EVERYTHING)
    await lab.wait_until(lambda: missing() == [])
