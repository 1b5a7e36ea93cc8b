"""The driver holds against peers that send garbage, nothing or too much, and goes on serving others."""

import pytest
import trio

from gossip.net.memory_stream import WINDOW_BYTES, MemoryStream
from gossip.net.push_links import PROTOCOL as PUSH
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.context import Tuning
from gossip.proto.framing import frame
from gossip.proto.interest import EVERYTHING
from gossip.proto.messages import Entries, Hello, Nudge
from node.testing.people import NETWORK, spoiled

GARBAGE = frame(b"\xc1 this is no msgpack")
TOO_LONG = (limits.MAX_FRAME_BYTES + 1).to_bytes(4, "big")
TOO_SHORT = bytes(4)


async def works_on(lab, alice, bob):
    """Whether a post of alice still comes to bob."""
    before = bob.count
    alice.post("still here")
    await lab.wait_until(lambda: bob.count == before + 1)


@pytest.mark.parametrize("garbage", [GARBAGE, TOO_LONG, TOO_SHORT], ids=["garbage", "too long", "empty"])
async def test_garbage_on_the_push_stream_ends_the_link_and_nothing_else(autojump_clock, lab, garbage):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    stream = await rogue.open_push(alice)
    await stream.send_all(garbage)
    await lab.wait_until(lambda: not rogue.is_connected(alice))
    assert not alice.is_linked(rogue)
    assert alice.driver.problem_of(rogue.device)
    await works_on(lab, alice, bob)
    assert lab.net.handler_errors == []


async def test_who_keeps_sending_garbage_is_banned(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    for _ in range(30):
        if alice.bans(rogue):
            break
        stream = await rogue.open_push(alice)
        await stream.send_all(GARBAGE)
        await lab.wait_until(lambda: not rogue.is_connected(alice))
    assert alice.bans(rogue)
    assert "banned" in alice.driver.problem_of(rogue.device)
    stream = await rogue.open_push(alice, hello=False)
    await stream.send_all(lab.pushed(Hello(NETWORK, EVERYTHING, False, ())))
    await lab.wait_until(lambda: not rogue.is_connected(alice))
    assert not alice.is_linked(rogue)
    assert not alice.bans(bob)


async def test_an_invalid_signature_is_banned_at_once_and_not_passed_on(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    stream = await rogue.open_push(alice)
    await stream.send_all(lab.pushed(Entries((spoiled(rogue.person.post("x")),))))
    await lab.wait_until(lambda: alice.bans(rogue))
    await lab.wait_until(lambda: not rogue.is_connected(alice))
    await works_on(lab, alice, bob)
    assert bob.count == 1
    assert not bob.bans(alice)


@pytest.mark.parametrize("garbage", [GARBAGE, TOO_LONG, TOO_SHORT], ids=["garbage", "too long", "empty"])
async def test_garbage_on_a_sync_stream_ends_the_session_and_is_blamed(autojump_clock, lab, garbage):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    await rogue.open_push(alice)
    stream = await rogue.open_sync(alice)
    await stream.send_all(garbage)
    await lab.wait_until(lambda: any(report.ended.peer == rogue.device for report in alice.reports))
    (report,) = [report for report in alice.reports if report.ended.peer == rogue.device]
    assert not report.ended.ok
    assert report.ended.why
    await works_on(lab, alice, bob)
    assert lab.net.handler_errors == []


async def test_a_sync_message_out_of_place_ends_the_session_only(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    await rogue.open_push(alice)
    stream = await rogue.open_sync(alice)
    await stream.send_all(frame(wire.encode_sync(wire.Done())))
    await lab.wait_until(lambda: any(report.ended.peer == rogue.device for report in alice.reports))
    assert alice.is_linked(rogue)
    await works_on(lab, alice, bob)


async def test_a_stream_cut_inside_a_frame_is_noted(autojump_clock, lab):
    alice = await lab.station("alice")
    rogue = lab.rogue()
    stream = await rogue.open_push(alice)
    await stream.send_all(GARBAGE[:7])
    await stream.close()
    await lab.wait_until(lambda: not rogue.is_connected(alice))
    assert "inside a frame" in alice.driver.problem_of(rogue.device)
    await rogue.open_push(alice)
    assert not alice.bans(rogue), "a killed program is no crime"


async def test_a_sync_cut_inside_a_frame_fails_with_that_reason(autojump_clock, lab):
    alice = await lab.station("alice")
    rogue = lab.rogue()
    await rogue.open_push(alice)
    stream = await rogue.open_sync(alice)
    await stream.send_all(GARBAGE[:7])
    await stream.close()
    await lab.wait_until(lambda: bool(alice.reports))
    assert "inside a frame" in alice.reports[0].ended.why
    assert alice.is_linked(rogue) or alice.driver.problem_of(rogue.device)


async def test_who_says_no_hello_is_let_go_after_its_time(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    await rogue.open_push(alice, hello=False)
    started = trio.current_time()
    await lab.wait_until(lambda: not rogue.is_connected(alice))
    assert limits.HELLO_WAIT_S - 1 < trio.current_time() - started < limits.HELLO_WAIT_S + 3
    assert "hello" in alice.driver.problem_of(rogue.device)
    await works_on(lab, alice, bob)


async def test_who_connects_and_opens_nothing_is_let_go(autojump_clock, lab):
    alice = await lab.station("alice")
    rogue = lab.rogue()
    await rogue.dial(alice)
    await trio.sleep(limits.STREAM_TIMEOUT_S - 1)
    assert rogue.is_connected(alice)
    await trio.sleep(2)
    assert not rogue.is_connected(alice)


async def test_who_never_opens_a_push_stream_does_not_stop_us_from_dialling_it(autojump_clock, lab):
    """Our dial finds its connection and counts as done; that must not be the last one."""
    alice = await lab.station("alice")
    rogues = [lab.rogue(f"rogue {number}") for number in range(limits.MAX_DIALS)]
    for rogue in rogues:
        rogue.opened.clear()
        await rogue.dial(alice)
        alice.know(rogue)
    await trio.sleep(1)
    bob = await lab.station("bob")
    alice.know(bob)
    await lab.wait_until(lambda: alice.is_linked(bob))
    await lab.wait_until(lambda: all(rogue.opened for rogue in rogues))


async def test_who_never_reads_is_let_go_once_its_queue_is_full_and_others_wait_for_nothing(
    autojump_clock, lab, monkeypatch
):
    monkeypatch.setattr(limits, "PUSH_QUEUE_BYTES", 262_144)
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    await rogue.open_push(alice)
    for number in range(2 * (limits.PUSH_QUEUE_BYTES + WINDOW_BYTES) // 4_000):
        alice.post("x" * 3_800)
        await trio.sleep(0.005)
        if number % 50 == 0:
            await lab.wait_until(lambda: bob.count == alice.count, 1.0)
    await lab.wait_until(lambda: bob.count == alice.count, 1.0)
    await lab.wait_until(lambda: not rogue.is_connected(alice), 5.0)
    assert "too slowly" in alice.driver.problem_of(rogue.device)
    assert not alice.bans(rogue), "slow is no crime"
    assert alice.is_linked(bob)


async def test_a_link_that_ends_is_dialled_again_although_its_stream_closes_slowly(
    autojump_clock, lab, monkeypatch
):
    alice, bob = await lab.linked("alice", "bob")
    await trio.sleep(limits.STABLE_LINK_S)
    close = MemoryStream.close

    async def close_slowly(stream):
        await trio.sleep(limits.CLOSE_TIMEOUT_S)
        await close(stream)

    monkeypatch.setattr(MemoryStream, "close", close_slowly)
    alice.driver._links.end(bob.device, "for a test")
    await lab.wait_until(lambda: not alice.is_linked(bob))
    await lab.wait_until(lambda: alice.is_linked(bob))


async def test_a_sync_peer_that_falls_silent_is_given_up(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    await rogue.open_push(alice)
    stream = await rogue.open_sync(alice)
    nonce, digest = bytes(16), bytes(32)
    await stream.send_all(frame(wire.encode_sync(wire.Open(EVERYTHING, nonce, digest, 1))))
    started = trio.current_time()
    await lab.wait_until(lambda: any(report.ended.peer == rogue.device for report in alice.reports))
    assert trio.current_time() - started > limits.SESSION_SILENCE_S - 1
    (report,) = [report for report in alice.reports if report.ended.peer == rogue.device]
    assert "silent" in report.ended.why
    assert alice.is_linked(rogue)
    await works_on(lab, alice, bob)


async def test_a_second_push_stream_is_reset_and_the_first_goes_on(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    second = await bob.transport.open(alice.device, PUSH, 5)
    assert await ends(second)
    assert alice.is_linked(bob)
    await works_on(lab, alice, bob)
    await works_on(lab, bob, alice)


async def ends(stream):
    """Whether a stream comes to its end, clean or not."""
    with trio.move_on_after(5):
        try:
            while await stream.receive_some(65_536):
                pass
        except Exception:  # noqa: BLE001 (whichever way it ends)
            return True
        return True
    return False


async def test_streams_of_both_sides_at_once_end_in_one_link_or_none_and_harm_nobody(autojump_clock, lab):
    """The peer opens a push stream while ours to it is being opened."""
    alice, bob = await lab.linked("alice", "bob")
    rogue = lab.rogue()
    open_stream = alice.transport.open

    async def open_late(peer, protocol, timeout_s):
        await trio.sleep(1)
        return await open_stream(peer, protocol, timeout_s)

    alice.transport.open = open_late
    alice.know(rogue)
    await lab.wait_until(lambda: rogue.is_connected(alice))
    stream = await rogue.transport.open(alice.device, PUSH, 5)
    await stream.send_all(lab.pushed(Hello(NETWORK, EVERYTHING, False, ())))
    await trio.sleep(5)
    await rogue.transport.drop(alice.device)
    await lab.wait_until(lambda: not alice.is_linked(rogue))
    await trio.sleep(30)
    await works_on(lab, alice, bob)
    assert lab.net.handler_errors == []


async def test_a_slow_keeper_makes_the_peer_wait_and_loses_nothing(autojump_clock, lab, monkeypatch):
    monkeypatch.setattr(limits, "INFLOW_ENTRIES", 100)
    waiting = []

    def slow_down(station):
        ingest = station.keeper.ingest

        async def ingest_slowly(pieces, source, *, each_signature):
            await trio.sleep(0.003 * sum(map(len, pieces)))
            waiting.append(station.driver._feed.inflow(source)._entries)
            return await ingest(pieces, source, each_signature=each_signature)

        station.keeper.ingest = ingest_slowly

    async def say_nothing(payload):
        """No doorbell: it would make bob fetch by sync what is still on its way."""

    def silence(station):
        station.transport.publish = say_nothing

    tuning = Tuning(sync_interval_s=600.0)
    alice = await lab.station("alice", tuning=tuning, arrange=silence)
    bob = await lab.station("bob", tuning=tuning, arrange=slow_down)
    alice.know(bob)
    await lab.wait_until(lambda: alice.is_linked(bob) and bob.is_linked(alice))
    await trio.sleep(5)
    for number in range(1_500):
        alice.post(f"{number}")
        if number % 10 == 9:
            await trio.sleep(0.02)
    await lab.wait_until(lambda: bob.count == 1_500)
    assert max(waiting) > 100, "the reader had to wait"
    assert max(waiting) <= 100 + 50, "what was in hand when the limit was passed, and one message more"
    assert bob.digest == alice.digest
    assert not any(report.ended.entries_received for report in bob.reports), "nothing had to be fetched again"


async def test_last_words_are_sent_although_more_was_to_be_pushed(autojump_clock, lab):
    """A link that is being ended takes no more messages, and that does not cut off those before."""
    alice, bob = await lab.linked("alice", "bob")
    links = alice.driver._links
    for number in range(100):
        entry = alice.person.post(f"{number} " + "x" * 3_800)
        links.send(events.SendPush(bob.device, Entries((entry,))))
    links.let_go(bob.device, "goodbye")
    links.send(events.SendPush(bob.device, Nudge(bytes(32))))
    await lab.wait_until(lambda: bob.count == 100, limits.CLOSE_TIMEOUT_S)
    assert "goodbye" in alice.driver.problem_of(bob.device)
    await lab.wait_until(lambda: alice.is_linked(bob))
