"""What runs over an open home: what keeps entries, and what connects to peers.

    keep    intake, author, verification, indexing
    join    transport (libp2p, imported late), engine, driver, mesh; in a federation its guests

The daemon puts doors on top of both; whoever joins or recovers does without them. Each is a context
manager that ends its tasks when it is left; `join` has to end before `keep`.
"""

import contextlib
import gc
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from random import Random, SystemRandom
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import trio

from gossip.errors import BadAddress, LocalFault, PortInUse
from gossip.net.blob_streams import BlobStreams
from gossip.net.driver import Driver
from gossip.proto.announce import Gate
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from node.affairs.interest import Nearby, interest_of
from node.author import Author
from node.bus import Bus
from node.config import Config
from node.errors import BadData, Fault, NodeError, Unavailable
from node.federation.guest_messages import PROTOCOL
from node.home import Home
from node.indexing import Indexing
from node.intake import Intake
from node.limits import THREAD_SWITCH_S, YOUNG_OBJECTS
from node.mesh import Mesh, Recheckable
from node.newcomers.guests import Guests
from node.newcomers.presenting import Introduction
from node.store_faults import told_plainly
from node.verification import Verification
from store.frontier import Frontier
from store.ids import AuthorId, NetworkId, to_text

if TYPE_CHECKING:
    from gossip.net.host import Libp2pHost

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Keeping(NamedTuple):
    """What takes entries in and keeps them."""

    intake: Intake
    author: Author
    bus: Bus


class Meshed(NamedTuple):
    """What connects to peers."""

    mesh: Mesh
    driver: Driver


@contextlib.asynccontextmanager
async def keep(home: Home) -> AsyncIterator[Keeping]:
    """Take entries in and keep them in `home`, which is open for writing, until this is left."""
    bus = Bus()
    intake = Intake(home.shelf, home.network, home.allowed, bus)
    author = Author(home.key, home.network, intake, now_ms, why_not_signing(home))
    home.allowed.listen(lambda: _allow(home, author))
    with tuned():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(Verification(intake).run)
            nursery.start_soon(Indexing(intake, home.search()).run)
            yield Keeping(intake, author, bus)
            nursery.cancel_scope.cancel()


@contextlib.contextmanager
def tuned() -> Iterator[None]:
    """The interpreter as a node needs it: threads take turns often, and cycles are looked for seldom."""
    switch_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(THREAD_SWITCH_S)
    gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(switch_s)
        gc.set_threshold(*thresholds)


@contextlib.asynccontextmanager
async def join(home: Home, keeping: Keeping, config: Config) -> AsyncIterator[Meshed]:
    """Connect to peers and keep in step with them until this is left.

    Raises:
        Unavailable, BadData: it cannot listen where `config` says.
    """
    transport = await _make_transport(home, config)
    meshed = wire(home, keeping, transport, hub=config.hub, random=Random(), secret=SystemRandom())
    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(transport.run)
        except LocalFault as fault:
            raise cannot_listen(fault, config) from fault
        await nursery.start(meshed.driver.run)
        yield meshed
        nursery.cancel_scope.cancel()


def wire(
    home: Home, keeping: Keeping, transport: Recheckable, *, hub: bool, random: Random, secret: Random
) -> Meshed:
    """Put engine, driver and mesh over a transport; in a federation it has guests, and introduces us.

    `random`: chance that may be guessed; `secret`: chance that must not be.

    Raises:
        NodeError: the store of blobs cannot be opened.
    """
    membership = home.membership
    interest = interest_of(home, now_ms(), Nearby(hub))
    engine = Engine(
        home.device,
        home.network,
        home.allowed,
        Frontier(home.network, keeping.intake.states()),
        random=random,
        secret=secret,
        tuning=Tuning(hub=hub, interest=interest, ids_first=membership is not None),
    )
    engine.context.is_full = home.allowed.bounds.is_full
    introduce = None
    if membership is not None:
        introduce = Introduction(home, membership, transport).introduce
        transport.handle_guest(PROTOCOL, Guests(home, membership, keeping.intake, now_ms).serve)
    driver = Driver(engine, transport, keeping.intake, introduce)
    mesh = Mesh(driver, transport, hub=hub)
    with told_plainly():
        mesh.blobs = BlobStreams(transport, home.blobs, mesh.sources, mesh.blame, random)
    home.allowed.listen(lambda: _changed(home, keeping.author, mesh))
    return Meshed(mesh, driver)


def guests_of(home: Home) -> Callable[[AuthorId], bool]:
    """Which devices that are not let in may be guests, for the transport."""
    return _nobody if home.membership is None else home.membership.is_guest


def why_not_signing(home: Home) -> str:
    """Why this home's device must sign nothing at the moment; empty: it may."""
    return home.why_not or ("" if home.membership is None else home.membership.why_not_signing())


def _nobody(device: AuthorId) -> bool:
    return False


def _changed(home: Home, author: Author, mesh: Mesh) -> None:
    """Who is let in has changed: it may concern our own device too."""
    _allow(home, author)
    mesh.admission_changed()


def _allow(home: Home, author: Author) -> None:
    author.why_not = why_not_signing(home)


async def _make_transport(home: Home, config: Config) -> "Libp2pHost":
    """The libp2p host, not yet listening."""
    make = await load_transport()
    try:
        return make(
            home.device_seed,
            config.listen,
            topic=gossip_topic(home.network),
            admit=home.allowed.admits_peer,
            guests=guests_of(home),
            validate=partial(_passes, Gate(home.allowed)),
            mdns=config.mdns,
        )
    except LocalFault as fault:
        raise cannot_listen(fault, config) from fault


async def load_transport() -> "type[Libp2pHost]":
    """The class of libp2p hosts. Importing it takes over a second, hence the thread."""
    return await trio.to_thread.run_sync(_import_host)


def gossip_topic(network: NetworkId) -> str:
    """Name of the gossip topic of a network; see docs/protocol/gossip.md."""
    return f"/asterism/1/{to_text(network)}"


def cannot_listen(fault: LocalFault, config: Config) -> NodeError:
    """What a fault of the transport at its start is called."""
    where = ", ".join(config.listen)
    match fault:
        case PortInUse():
            return Unavailable(
                f"Cannot listen at {where}: {fault}.",
                "End the other program, or choose another port: --listen, or listen in config.toml.",
            )
        case BadAddress():
            return BadData(
                f"Cannot listen at {where}: {fault}.",
                "Correct --listen or config.toml; for example /ip4/0.0.0.0/tcp/4711",
            )
        case _:
            return Unavailable(f"Cannot start the network: {fault}.", "Please report it.")


def run_to_end(work: Callable[..., Awaitable[T]], *args: object) -> T:
    """Run asynchronous work in a process that has nothing else to do, and give its result.

    Raises:
        NodeError: what it ended by. KeyboardInterrupt: Ctrl-C.
    """
    try:
        return trio.run(work, *args)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is not None:
            raise KeyboardInterrupt from None
        raise reason_of(group) from None


def reason_of(group: BaseExceptionGroup) -> BaseException:
    """The one error to show for what a nursery ended by: ours where there is one, else a fault."""
    known = group.subgroup(NodeError)
    if known is not None:
        error: BaseException = known
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return error
    if group.subgroup(Exception) is None:
        return group
    _log.critical("ended by a fault", exc_info=group)
    return Fault()


def now_ms() -> int:
    """Unix time in ms, as the machine's clock has it."""
    return time.time_ns() // 1_000_000


def _passes(gate: Gate, origin: AuthorId, payload: bytes) -> bool:
    """Is this worth forwarding? What of it is believed the engine decides for itself alone."""
    return gate.passes(origin, payload, trio.current_time())


def _import_host() -> "type[Libp2pHost]":
    from gossip.net.host import Libp2pHost

    return Libp2pHost
