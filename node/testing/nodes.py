"""Whole nodes in one process: homes that vanish, over a network in memory, with the api that doors use.

Real stores, the real intake, engine and mesh; only libp2p is missing. Threads work on the stores, so the
clock has to be the real one.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import trio

from gossip.net.memory import MemoryNet, MemoryTransport
from node.api import Api
from node.author import Author
from node.bus import Bus
from node.home import Home
from node.intake import Intake
from node.mesh import Mesh
from node.queries import now_ms
from node.running import Keeping, guests_of, why_not_signing, wire
from store.ids import LOG_KEYS
from store.log import LogId


class Node:
    """A running node."""

    def __init__(
        self, home: Home, intake: Intake, author: Author, mesh: Mesh, transport: MemoryTransport
    ) -> None:
        self.home = home
        self.intake = intake
        self.author = author
        self.mesh = mesh
        self.api = Api(home, intake, author, mesh)
        self.address = transport.addresses[0]
        """Where others find it, with /p2p/…"""


async def _keys_published(node: Node) -> None:
    """Wait for the entry that a node writes by itself when it first runs: tests count entries."""
    while node.intake.state(LogId(node.home.device, LOG_KEYS)) is None:
        await node.intake.changed(node.intake.commits)


@asynccontextmanager
async def running(
    home: Home, net: MemoryNet | None = None, clock_ms: Callable[[], int] = now_ms, *, hub: bool = False
) -> AsyncIterator[Node]:
    """A node over `home`, in `net` or alone. `clock_ms`: what its author claims as time."""
    async with trio.open_nursery() as nursery:
        transport = (net or MemoryNet(nursery)).join(
            home.device, admit=home.allowed.admits_peer, guests=guests_of(home)
        )
        bus = Bus()
        intake = Intake(home.shelf, home.network, home.allowed, bus)
        author = Author(home.key, home.network, intake, clock_ms, why_not_signing(home))
        keeping = Keeping(intake, author, bus)
        mesh, driver = wire(home, keeping, transport, hub=hub, random=Random(1), secret=Random(2))
        node = Node(home, intake, author, mesh, transport)
        mesh.on_learned = node.api.learned
        nursery.start_soon(intake.run)
        async with trio.open_nursery() as above:  # ends first: what it has begun to write is written
            await above.start(driver.run)
            above.start_soon(mesh.run, lambda change: None)
            above.start_soon(node.api.run)
            if not author.why_not:
                await _keys_published(node)
            yield node
            above.cancel_scope.cancel()
        await transport.stop()
        nursery.cancel_scope.cancel()
