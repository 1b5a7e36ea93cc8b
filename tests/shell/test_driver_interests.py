"""Stations that carry different sections and ages: each gets what it carries, and says so."""

import pytest
import trio

from gossip.proto.context import Tuning
from gossip.proto.interest import EVERYTHING, Interest, choose
from store.ids import LOG_BOX_0, LOG_ID, LogNo
from store.log import LogId

LYON, BERLIN = b"l" * 32, b"b" * 32
BOX_3, BOX_4 = LogNo(LOG_BOX_0 + 3), LogNo(LOG_BOX_0 + 4)
OWN_BOX = choose(bodies=0xFFFF | 1 << BOX_3)


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


@pytest.fixture
async def three_with_a_hub(autojump_clock, lab):
    """A hub that carries everything; who writes packets; a laptop that wants those of one box alone."""
    hub = await lab.station("hub", tuning=Tuning(hub=True))
    writer = await lab.station("writer")
    laptop = await lab.station("laptop", tuning=Tuning(interest=OWN_BOX))
    for station in (writer, laptop):
        station.know(hub)
    await lab.wait_until(lambda: writer.is_linked(hub) and laptop.is_linked(hub))
    return hub, writer, laptop


def write_packet(station, box):
    entry = station.person.write([114, b"packet"], box)
    station.keeper.publish(entry)
    return entry


def has_body(station, entry):
    return station.ledger.store.entry(entry.id).body is not None


def holds(station, *entries):
    return all(seq(station, LogId(entry.author, entry.log)) >= entry.seq for entry in entries)


async def test_a_packet_comes_whole_in_ones_own_box_and_as_a_header_in_others(
    autojump_clock, lab, three_with_a_hub
):
    hub, writer, laptop = three_with_a_hub
    mine, other = write_packet(writer, BOX_3), write_packet(writer, BOX_4)
    await lab.wait_until(lambda: holds(hub, mine, other) and holds(laptop, mine, other))
    await trio.sleep(200)
    assert has_body(laptop, mine)
    assert not has_body(laptop, other)
    assert has_body(hub, mine)
    assert has_body(hub, other)
    assert laptop.digest == hub.digest == writer.digest
    assert hub.driver.interests()[laptop.device] == OWN_BOX


async def test_who_was_away_gets_the_bodies_of_his_box_by_sync(autojump_clock, lab):
    hub = await lab.station("hub", tuning=Tuning(hub=True))
    mine, other = write_packet(hub, BOX_3), write_packet(hub, BOX_4)
    laptop = await lab.station("laptop", tuning=Tuning(interest=OWN_BOX))
    laptop.know(hub)
    await lab.wait_until(lambda: holds(laptop, mine, other))
    await trio.sleep(200)
    assert [has_body(laptop, entry) for entry in (mine, other)] == [True, False]


async def test_bodies_are_fetched_once_they_are_wanted_and_stay_when_they_are_not(
    autojump_clock, lab, three_with_a_hub
):
    hub, writer, laptop = three_with_a_hub
    entries = [write_packet(writer, BOX_4) for _ in range(5)]
    await lab.wait_until(lambda: holds(laptop, *entries))
    assert not any(has_body(laptop, entry) for entry in entries)
    laptop.driver.change_interest(EVERYTHING)
    await lab.wait_until(lambda: all(has_body(laptop, entry) for entry in entries))
    laptop.driver.change_interest(OWN_BOX)
    await lab.wait_until(
        lambda: all(one.driver.interests().get(laptop.device, OWN_BOX) == OWN_BOX for one in (hub, writer))
    )
    later = write_packet(writer, BOX_4)
    await lab.wait_until(lambda: holds(laptop, later))
    await trio.sleep(200)
    assert all(has_body(laptop, entry) for entry in entries)
    assert not has_body(laptop, later)


async def test_a_laptop_between_two_others_hands_on_headers_and_whoever_has_it_the_body(autojump_clock, lab):
    middle = await lab.station("middle", tuning=Tuning(interest=OWN_BOX))
    writer, reader = await lab.station("writer"), await lab.station("reader")
    for station in (writer, reader):
        station.know(middle)
    await lab.wait_until(lambda: writer.is_linked(middle) and reader.is_linked(middle))
    packet = write_packet(writer, BOX_4)
    await lab.wait_until(lambda: holds(middle, packet) and holds(reader, packet))
    assert not has_body(middle, packet)
    assert not has_body(reader, packet)
    reader.know(writer)
    await lab.wait_until(lambda: has_body(reader, packet))
    assert not has_body(middle, packet)
