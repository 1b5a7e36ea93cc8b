"""A node for benchmarks: everything that the daemon wires, without its doors, in a home that vanishes.

Not a benchmark itself; `live.py` and `replicate.py` start it in processes of their own.
"""

import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from gossip.net.driver import Driver
from gossip.net.host import Libp2pHost
from gossip.proto import events
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from node.author import Author
from node.bus import Bus
from node.home import Home
from node.indexing import Indexing
from node.intake import Intake
from node.testing.homes import temporary_home
from node.testing.people import Person
from node.verification import Verification
from store.frontier import Frontier
from store.ids import AuthorId


@dataclass(frozen=True)
class Node:
    """A running node."""

    home: Home
    bus: Bus
    intake: Intake
    author: Author
    driver: Driver
    host: Libp2pHost

    def know(self, device: AuthorId, address: str) -> None:
        """Dial a device and keep the link to it."""
        place = address.rpartition("/p2p/")[0]
        self.driver.give(events.PeerFound(device, (place,), configured=True))


@asynccontextmanager
async def running_node(person: Person, friends: Iterable[Person], target_links: int) -> AsyncIterator[Node]:
    """A node of `person` on 127.0.0.1, in a temporary home that carries the logs of `friends`."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(temporary_home(person.name, friends))
        bus = Bus()
        intake = Intake(home.shelf, home.network, home.allowed, bus)
        author = Author(person.key, home.network, intake, lambda: time.time_ns() // 1_000_000)
        engine = Engine(
            person.id,
            home.network,
            home.allowed,
            Frontier(home.network, intake.states()),
            random=random.Random(),
            secret=random.SystemRandom(),
            tuning=Tuning(target_links=target_links),
        )
        host = Libp2pHost(
            person.seed,
            ["/ip4/127.0.0.1/tcp/0"],
            topic="bench",
            admit=home.allowed.admits_peer,
            validate=lambda origin, payload: True,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            driver = Driver(engine, host, intake)
            await nursery.start(driver.run)
            nursery.start_soon(intake.run)
            nursery.start_soon(Verification(intake).run)
            nursery.start_soon(Indexing(intake, home.search()).run)
            yield Node(home, bus, intake, author, driver, host)
            nursery.cancel_scope.cancel()
