"""The driver over the in-memory transport: push, sync, dials, reports, the end."""

from itertools import pairwise

import pytest
import trio

from gossip.proto import limits
from gossip.proto.context import Tuning
from store.ids import NetworkId


def pushed_bytes(station):
    """Bytes that ever went into the push queues of a station's links."""
    return sum(link.outflow.sent_bytes for link in station.driver._links._links.values())


def is_everywhere(stations, count):
    return all(station.count == count for station in stations) and (
        len({station.digest for station in stations}) == 1
    )


async def test_a_post_goes_along_a_chain_at_once(autojump_clock, lab):
    chain = await lab.linked("a", "b", "c", "d", "e")
    await trio.sleep(5)
    started = trio.current_time()
    entry = chain[0].post()
    await lab.wait_until(lambda: is_everywhere(chain, 1))
    assert trio.current_time() - started < 1, "by push, not by a periodic sync"
    assert chain[-1].ledger.store.entry(entry.id) == entry


async def test_posts_of_all_meet_in_a_ring_and_nothing_goes_round_for_ever(autojump_clock, lab):
    ring = await lab.linked("a", "b", "c", "d", "e")
    ring[-1].know(ring[0])
    await lab.wait_until(lambda: ring[0].is_linked(ring[-1]))
    await trio.sleep(5)
    for number in range(20):
        ring[number % 5].post(f"post {number}")
    await lab.wait_until(lambda: is_everywhere(ring, 20))
    assert all(len(station.driver.neighbours()) == 2 for station in ring)
    await trio.sleep(5)
    sent = [pushed_bytes(station) for station in ring]
    await trio.sleep(5)
    assert [pushed_bytes(station) for station in ring] == sent


async def test_a_large_body_is_fetched_along_a_chain(autojump_clock, lab):
    chain = await lab.linked("a", "b", "c")
    entry = chain[0].post("x" * 20_000)
    await lab.wait_until(lambda: chain[2].count == 1)
    await lab.wait_until(lambda: not chain[2].ledger.store.missing_bodies(1))
    assert chain[2].ledger.store.entry(entry.id).body == entry.body


async def test_what_was_written_before_the_link_comes_with_a_sync(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    for number in range(300):
        alice.post(f"old {number}")
    bob.post("mine")
    alice.know(bob)
    await lab.wait_until(lambda: is_everywhere([alice, bob], 301) and bool(alice.reports))
    (report,) = alice.reports
    assert report.ended.ok
    assert report.ended.complete
    assert (report.ended.entries_sent, report.ended.entries_received) == (300, 1)


async def test_who_was_cut_off_catches_up(autojump_clock, lab):
    alice, bob, carol = await lab.linked("alice", "bob", "carol")
    alice.post("before")
    await lab.wait_until(lambda: carol.count == 1)
    await lab.net.cut(bob.device, carol.device)
    await lab.wait_until(lambda: not bob.is_linked(carol))
    alice.post("meanwhile")
    carol.post("alone")
    await lab.wait_until(lambda: bob.count == 2)
    assert carol.count == 2
    assert carol.digest != bob.digest
    assert bob.driver.problem_of(carol.device)
    lab.net.heal(bob.device, carol.device)
    await lab.wait_until(lambda: is_everywhere([alice, bob, carol], 3))
    assert bob.driver.problem_of(carol.device) == ""


async def test_a_dial_that_fails_is_repeated_ever_later_until_it_succeeds(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    await lab.net.cut(alice.device, bob.device)
    tried = []
    dial = alice.transport.dial

    async def noted(peer, addresses, timeout_s):
        tried.append(trio.current_time())
        await dial(peer, addresses, timeout_s)

    alice.transport.dial = noted
    alice.know(bob)
    await trio.sleep(120)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert len(waits) >= 3
    assert waits == sorted(waits)
    assert "did not answer" in alice.driver.problem_of(bob.device)
    lab.net.heal(alice.device, bob.device)
    await lab.wait_until(lambda: alice.is_linked(bob), limits.BACKOFF_LAST_S)
    assert alice.driver.problem_of(bob.device) == ""


async def test_dials_of_both_at_once_end_in_one_link(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    alice.know(bob)
    bob.know(alice)
    await lab.wait_until(lambda: alice.is_linked(bob) and bob.is_linked(alice))
    await trio.sleep(60)
    assert alice.is_linked(bob)
    assert alice.driver.problem_of(bob.device) == bob.driver.problem_of(alice.device) == ""


async def test_a_sync_on_request_is_reported_to_both_with_its_figures(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    await trio.sleep(5)
    for station in (alice, bob):
        station.reports.clear()
    alice.sync_with(bob)
    await lab.wait_until(lambda: bool(alice.reports and bob.reports))
    for report, initiator in ((alice.reports[0], True), (bob.reports[0], False)):
        assert (report.ended.ok, report.ended.why, report.ended.rounds) == (True, "", 1)
        assert report.ended.complete
        assert report.initiator is initiator
        assert (report.ended.entries_sent, report.ended.entries_received) == (0, 0)
    assert alice.reports[0].bytes_sent == bob.reports[0].bytes_received > 0
    assert alice.reports[0].bytes_received == bob.reports[0].bytes_sent > 0


async def test_a_sync_that_brings_entries_reports_progress_and_bytes(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    for number in range(2_000):
        alice.post(f"old {number}")
    bob.know(alice)
    await lab.wait_until(lambda: bool(bob.reports))
    (report,) = bob.reports
    assert (report.ended.ok, report.ended.entries_received, bob.count) == (True, 2_000, 2_000)
    assert report.bytes_received > 2_000 * 64
    assert report.duration_s > 0
    done = [progress.entries for progress in bob.progress]
    assert done == sorted(done)
    assert (done[-1], bob.progress[-1].entries_total) == (2_000, 2_000)


async def test_a_listener_that_left_is_told_nothing(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    heard = []
    stop = alice.driver.on_sync(heard.append)
    stop()
    alice.reports.clear()
    alice.sync_with(bob)
    await lab.wait_until(lambda: bool(alice.reports))
    assert heard == []


async def test_a_sync_with_who_is_not_connected_is_reported_as_failed(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    alice.sync_with(bob)
    await lab.wait_until(lambda: bool(alice.reports))
    (report,) = alice.reports
    assert not report.ended.ok
    assert "not connected" in report.ended.why
    assert (report.bytes_sent, report.bytes_received) == (0, 0)


async def test_a_connection_lost_in_mid_sync_is_reported_and_made_good(autojump_clock, lab):
    alice, bob = await lab.stations("alice", "bob")
    for number in range(3_000):
        alice.post(f"old {number}" + "x" * 200)
    bob.know(alice)
    await lab.wait_until(lambda: 0 < bob.count < 3_000)
    await bob.transport.drop(alice.device)
    await lab.wait_until(lambda: bool(bob.reports and alice.reports))
    for station in (alice, bob):
        assert not station.reports[0].ended.ok
        assert station.reports[0].ended.why
    await lab.wait_until(lambda: is_everywhere([alice, bob], 3_000))


async def test_a_peer_of_another_network_is_let_go_and_both_can_see_why(autojump_clock, lab):
    alice = await lab.station("alice")
    stranger = await lab.station("stranger", network=NetworkId(bytes(32)))
    alice.post("ours")
    alice.know(stranger)
    await lab.wait_until(lambda: bool(stranger.driver.problem_of(alice.device)))
    await lab.wait_until(lambda: not alice.transport.links)
    for one, other in ((alice, stranger), (stranger, alice)):
        assert "another network" in one.driver.problem_of(other.device)
        assert one.driver.neighbours() == []
    assert stranger.count == 0


async def test_announcements_travel_and_make_who_is_not_linked_sync(autojump_clock, lab):
    """Push between bob and carol is lost; the doorbell tells carol that there is something."""
    alice, bob, carol = await lab.linked("alice", "bob", "carol")
    await trio.sleep(40)
    bob.driver._links.send = lambda effect: None
    carol.reports.clear()
    alice.post("news")
    await lab.wait_until(lambda: bool(carol.reports), limits.SYNC_INTERVAL_S / 2)
    assert carol.reports[-1].ended.entries_received == 1
    assert carol.count == 1
    assert carol.driver.announcements > 0


async def test_announced_addresses_lead_to_links_beyond_the_neighbours(autojump_clock, lab):
    chain = await lab.stations("alice", "bob", "carol", "dave")
    alice, *_, dave = chain
    for one, other in pairwise(chain):
        one.know(other)
    await lab.wait_until(lambda: alice.is_linked(dave))
    assert dave.is_linked(alice)


async def test_what_is_learned_of_peers_is_told_for_the_address_book(autojump_clock, lab):
    learned = []

    def listen(station):
        station.driver.on_learned = learned.append

    alice = await lab.station("alice", arrange=listen)
    bob = await lab.station("bob", tuning=Tuning(hub=True))
    alice.know(bob)
    await lab.wait_until(lambda: any(news.peer == bob.device and news.met and news.hub for news in learned))
    assert bob.transport.listen_address in learned[0].addresses


async def test_cancelling_a_driver_leaves_no_tasks_and_its_peers_go_on(autojump_clock, lab, nursery):
    alice, bob, carol = await lab.linked("alice", "bob", "carol")
    for number in range(500):
        carol.post(f"old {number}")
    alice.sync_with(bob)
    carol.scope.cancel()
    await carol.transport.stop()
    await lab.wait_until(lambda: not bob.is_linked(carol))
    await trio.sleep(1)
    assert not carol.driver._nursery.child_tasks
    alice.post("still here")
    await lab.wait_until(lambda: bob.digest == alice.digest)
    assert lab.net.handler_errors == []


@pytest.mark.parametrize("moment_s", [0.0, 0.015, 0.035, 0.055, 0.2])
async def test_a_driver_can_be_cancelled_at_any_moment_of_a_sync(autojump_clock, lab, moment_s):
    alice, bob = await lab.stations("alice", "bob")
    for number in range(1_000):
        alice.post(f"old {number}")
    bob.know(alice)
    await trio.sleep(moment_s)
    bob.scope.cancel()
    await trio.sleep(1)
    assert not bob.driver._nursery.child_tasks
    assert bob.scope.cancelled_caught
