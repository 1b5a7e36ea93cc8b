"""Drivers over the in-memory network, and peers that keep no rules, for the tests of the driver."""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gossip.ledger import Ledger
from gossip.net import push_links, sync_streams
from gossip.net.driver import Driver
from gossip.net.memory import MemoryNet, MemoryTransport
from gossip.net.memory_keeper import MemoryKeeper
from gossip.net.sync_streams import SyncReport
from gossip.net.transport import Stream
from gossip.proto import events, limits
from gossip.proto.admission import Everyone
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from gossip.proto.fields import ALL_LOGS
from gossip.proto.framing import frame
from gossip.proto.interest import EVERYTHING
from gossip.proto.messages import Hello, PushMessage, encode_push
from node.testing.people import NETWORK, Person
from store.entry import MAX_SEQ, Entry
from store.frontier import Frontier
from store.ids import NetworkId
from store.log import LogId


@pytest.fixture
def autojump_clock(monkeypatch: pytest.MonkeyPatch) -> MockClock:
    """Virtual time that jumps when every task waits, but not for a thread: trio's own clock does not see
    these, so that on a busy machine deadlines would pass while one still works."""
    clock = MockClock(autojump_threshold=0)
    run_sync = trio.to_thread.run_sync
    working = 0

    async def seen(*args: Any, **options: Any) -> Any:
        nonlocal working
        working += 1
        clock.autojump_threshold = float("inf")
        try:
            return await run_sync(*args, **options)
        finally:
            working -= 1
            if not working:
                clock.autojump_threshold = 0

    monkeypatch.setattr(trio.to_thread, "run_sync", seen)
    monkeypatch.setattr(limits, "CLOCK_JUMP_S", float("inf"))  # a slow machine is not one that was asleep
    return clock


PATIENCE_S = 120.0
"""On virtual time: how long a test waits for what has to happen."""


async def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Let virtual time pass until `condition`; fails where it does not come."""
    with trio.fail_after(patience_s):
        while not condition():  # noqa: ASYNC110 (on virtual time nothing is cheaper or more exact)
            await trio.sleep(0.01)


class Carried(Everyone):
    """Carries every log whole, other than those for which it was told how far."""

    def __init__(self) -> None:
        self.limits: dict[LogId, int] = {}

    def last_carried(self, log_id: LogId) -> int:
        return self.limits.get(log_id, MAX_SEQ)


class Station:
    """A node without an application: engine, driver, keeper and transport."""

    def __init__(self, net: MemoryNet, name: str, network: NetworkId, tuning: Tuning) -> None:
        self.person = Person(name)
        self.device = self.person.id
        self.transport: MemoryTransport = net.join(self.device)
        self.carried = Carried()
        self.ledger = Ledger(network, self.carried)
        self.keeper = MemoryKeeper(self.ledger)
        chance = Random(name)
        self.engine = Engine(
            self.device,
            network,
            self.carried,
            Frontier(network, {}),
            random=chance,
            secret=chance,
            tuning=tuning,
        )
        self.driver = Driver(self.engine, self.transport, self.keeper)
        self.reports: list[SyncReport] = []
        self.progress: list[events.SyncProgress] = []
        self.scope = trio.CancelScope()
        self.driver.on_sync(self._on_sync)

    def _on_sync(self, news: SyncReport | events.SyncProgress) -> None:
        if isinstance(news, SyncReport):
            self.reports.append(news)
        else:
            self.progress.append(news)

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        with self.scope:
            await self.driver.run(task_status)

    def post(self, text: str = "hello") -> Entry:
        """Publish an entry of our own."""
        entry = self.person.post(text)
        self.keeper.publish(entry)
        return entry

    def carry(self, log_id: LogId, last_seq: int = MAX_SEQ) -> None:
        """Carry a log up to there from now on."""
        self.carried.limits[log_id] = last_seq
        self.driver.give(events.AdmissionChanged())
        self.keeper.truncate(log_id)

    def know(self, other: "Station | Rogue", *, configured: bool = True) -> None:
        """Be told where another one is."""
        found = events.PeerFound(other.device, (other.transport.listen_address,), configured)
        self.driver.give(found)

    def sync_with(self, other: "Station") -> None:
        self.driver.give(events.SyncWanted(other.device))

    def is_linked(self, *others: "Station | Rogue") -> bool:
        return all(other.device in self.driver.neighbours() for other in others)

    @property
    def count(self) -> int:
        """Entries held."""
        return self.ledger.store.count()

    @property
    def digest(self) -> bytes:
        return self.engine.frontier.digest(ALL_LOGS)

    def bans(self, other: "Station | Rogue") -> bool:
        return not self.engine.is_welcome(other.device, self.driver._now())


class Rogue:
    """A device with a transport and nothing that keeps rules."""

    def __init__(self, net: MemoryNet, name: str) -> None:
        self.person = Person(name)
        self.device = self.person.id
        self.transport = net.join(self.device)
        self.opened: list[Stream] = []
        self.transport.handle(push_links.PROTOCOL, self._keep)
        self.transport.handle(sync_streams.PROTOCOL, self._keep)

    async def _keep(self, stream: Stream) -> None:
        self.opened.append(stream)
        await trio.sleep_forever()

    async def dial(self, station: Station) -> None:
        await self.transport.dial(station.device, station.transport.addresses, 5)

    async def open_push(self, station: Station, *, hello: bool = True) -> Stream:
        """Connect, open the push stream, and say hello like anyone."""
        await self.dial(station)
        stream = await self.transport.open(station.device, push_links.PROTOCOL, 5)
        if hello:
            await stream.send_all(pushed(Hello(NETWORK, EVERYTHING, False, ())))
            await wait_until(lambda: station.is_linked(self))
        return stream

    async def open_sync(self, station: Station) -> Stream:
        return await self.transport.open(station.device, sync_streams.PROTOCOL, 5)

    def is_connected(self, station: Station) -> bool:
        return station.device in self.transport.links


def pushed(message: PushMessage) -> bytes:
    """A push message in its frame."""
    return frame(encode_push(message))


class Lab:
    """Makes stations and rogues in one network."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.net = MemoryNet(nursery, latency_s=0.01)
        self._nursery = nursery

    async def station(
        self,
        name: str,
        *,
        network: NetworkId = NETWORK,
        tuning: Tuning | None = None,
        arrange: Callable[[Station], None] = lambda station: None,
    ) -> Station:
        """A station that runs; `arrange` may change it before it does."""
        station = Station(self.net, name, network, tuning or Tuning())
        arrange(station)
        await self._nursery.start(station.run)
        return station

    async def stations(self, *names: str) -> list[Station]:
        return [await self.station(name) for name in names]

    def rogue(self, name: str = "rogue") -> Rogue:
        return Rogue(self.net, name)

    async def linked(self, *names: str) -> list[Station]:
        """Stations in a chain, each linked to the next, that look for no further neighbours."""
        made = [await self.station(name, tuning=Tuning(target_links=0)) for name in names]
        for one, other in pairwise(made):
            one.know(other)
        await wait_until(lambda: all(a.is_linked(b) and b.is_linked(a) for a, b in pairwise(made)))
        return made

    wait_until = staticmethod(wait_until)
    pushed = staticmethod(pushed)


@pytest.fixture
def lab(nursery: trio.Nursery) -> Lab:
    """A network on virtual time; the test has to ask for `autojump_clock` itself."""
    return Lab(nursery)
