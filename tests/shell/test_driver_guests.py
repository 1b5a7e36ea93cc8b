"""A device that the other one does not know yet: it introduces itself, and then they are neighbours."""

import pytest
import trio

from gossip.errors import NotConnected
from gossip.net.driver import Driver
from gossip.proto import limits

GUEST = "/test/guest/1"


class Gate:
    """What one station knows of others, and the guest protocol that changes it: whoever asks is let in."""

    def __init__(self, station, *, opens: bool = True) -> None:
        self.station = station
        self.known: set = set()
        self.asked = 0
        self.opens = opens
        transport = station.transport
        transport.admit = self.known.__contains__
        transport.guests = lambda device: device not in self.known
        transport.handle_guest(GUEST, self.serve)

    async def serve(self, stream, ip):
        self.asked += 1
        if self.opens:
            self.known.add(stream.peer)
            await self.station.transport.recheck()
        await stream.send_all(b"y" if self.opens else b"n")


def introducing(station, calls):
    """Give a station a driver that introduces itself."""

    async def introduce(peer):
        calls.append(peer)
        stream = await station.transport.visit(peer, (), GUEST, 5)
        taken = await stream.receive_some(1) == b"y"
        await stream.close()
        return taken

    station.driver = Driver(station.engine, station.transport, station.keeper, introduce)
    station.driver.on_sync(station._on_sync)


async def test_who_is_not_known_there_introduces_itself_and_is_linked(autojump_clock, lab):
    calls = []
    hub = await lab.station("hub")
    gate = Gate(hub)
    new = await lab.station("new", arrange=lambda station: introducing(station, calls))
    entry = new.post("hello")
    new.know(hub)
    await lab.wait_until(lambda: hub.is_linked(new) and new.is_linked(hub))
    assert calls == [hub.device]
    assert gate.asked == 1
    await lab.wait_until(lambda: hub.count == 1)
    assert hub.ledger.store.entry(entry.id) == entry
    await trio.sleep(100)
    assert hub.is_linked(new)


async def test_who_is_not_let_in_tries_again_ever_more_rarely(autojump_clock, lab):
    calls = []
    hub = await lab.station("hub")
    gate = Gate(hub, opens=False)
    new = await lab.station("new", arrange=lambda station: introducing(station, calls))
    new.know(hub)
    await trio.sleep(3_600)
    assert 5 <= len(calls) <= 60
    assert "does not speak" in new.driver.problem_of(hub.device)
    gate.opens = True
    await lab.wait_until(lambda: hub.is_linked(new), patience_s=2 * limits.BACKOFF_LAST_S)


@pytest.mark.parametrize("failing", [True, False], ids=["it fails", "there is none"])
async def test_without_an_introduction_it_is_a_failed_dial(autojump_clock, lab, failing):
    async def fail(peer):
        raise NotConnected("gone")

    def arrange(station):
        station.driver = Driver(station.engine, station.transport, station.keeper, fail if failing else None)

    hub = await lab.station("hub")
    Gate(hub)
    new = await lab.station("new", arrange=arrange)
    new.know(hub)
    await trio.sleep(20)
    assert not new.is_linked(hub)
    assert new.driver.problem_of(hub.device)


async def test_a_peer_that_always_takes_us_for_a_guest_is_not_dialled_in_a_circle(autojump_clock, lab):
    calls, dials = [], []
    hub = await lab.station("hub")
    gate = Gate(hub)
    new = await lab.station("new", arrange=lambda station: introducing(station, calls))
    dial = new.transport.dial

    async def forgetful(peer, addresses, timeout_s):
        gate.known.clear()
        dials.append(trio.current_time())
        await dial(peer, addresses, timeout_s)

    new.transport.dial = forgetful
    new.know(hub)
    await trio.sleep(60)
    assert len(dials) <= 12
    assert len(calls) <= 2
