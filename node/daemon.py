"""The daemon: the only composition root. It opens, wires, runs, and closes in reverse.

    home        lock, keyring, store                   before trio; what is wrong there ends the process
    keeping     intake, author, verification, indexing
    mesh        transport (libp2p, imported late), driver
    doors       control server, api, scrubbing, who comes and goes

What ends it: SIGINT, SIGTERM, the method `stop`, or a fault of ours. The doors close first, then the mesh,
then what keeps entries; whatever was acknowledged is on disk long before. A full disk ends nothing.
"""

import contextlib
import logging
import logging.handlers
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from gossip.errors import BadAddress, LocalFault, PortInUse
from gossip.net.address import parse_listen_address
from gossip.net.driver import Driver
from gossip.proto.announce import Gate
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from node.api import Api
from node.author import Author
from node.bus import Bus
from node.config import Config, parse
from node.doors.control.door import ApiDoor
from node.doors.control.listener import bind, remove
from node.doors.control.protocol import Json
from node.doors.control.server import Server
from node.errors import BadData, DamagedHome, Fault, NodeError, Unavailable
from node.herald import Herald
from node.home import Home, open_home
from node.indexing import Indexing
from node.intake import Intake
from node.keyring import AskPassphrase
from node.mesh import Mesh
from node.paths import Paths
from node.queries import Queries
from node.scrubbing import Scrubbing
from node.verification import Verification
from store.crypto import self_test
from store.frontier import Frontier
from store.ids import AuthorId, NetworkId, to_text

if TYPE_CHECKING:
    from gossip.net.host import Libp2pHost

LOG_BYTES: Final = 1_000_000
"""Size at which daemon.log is put aside; one older file is kept."""

_log = logging.getLogger(__name__)


class Wishes(NamedTuple):
    """What the command line wants beside what config.toml says."""

    listen: tuple[str, ...] = ()
    """Instead of the addresses in config.toml; empty: those."""
    hub: bool = False
    mdns: bool = False


class _Keeping(NamedTuple):
    """What takes entries in and keeps them."""

    intake: Intake
    author: Author
    bus: Bus


class _Meshed(NamedTuple):
    """What connects to peers."""

    mesh: Mesh
    driver: Driver


def run_daemon(paths: Paths, wishes: Wishes, ask: AskPassphrase, tell: Callable[[Json], None]) -> None:
    """Run until told to end. `tell` gets ``ready`` with the addresses first, then what `Herald` tells.

    Raises:
        NodeError: what keeps it from starting, with advice; `Fault`: it ended by a fault of ours.
    """
    os.umask(0o077)
    try:
        with _sigterm_as_interrupt():
            config = _configure(paths, wishes)
            self_test()
            with open_home(paths, ask, writing=True) as home, _logging(paths):
                _log.info("the daemon starts")
                trio.run(_Daemon(home, config, tell).run)
                _log.info("the daemon has ended")
    except KeyboardInterrupt:
        return  # before it was ready: nothing to tell


class _Daemon:
    """Everything that runs, over one open home."""

    def __init__(self, home: Home, config: Config, tell: Callable[[Json], None]) -> None:
        self._home = home
        self._config = config
        self._tell = tell
        self._stopping = trio.Event()

    async def run(self) -> None:
        """Run it all, and raise what it ended by, if that was no wish. Raises: NodeError."""
        try:
            async with self._watch_signals(), self._keep() as keeping, self._join(keeping) as meshed:
                await self._serve(keeping, meshed)
        except NodeError:
            raise
        except BaseExceptionGroup as group:
            raise _reason(group) from None

    @contextlib.asynccontextmanager
    async def _keep(self) -> AsyncIterator[_Keeping]:
        home, bus = self._home, Bus()
        intake = Intake(home.shelf, home.network, home.allowed, bus)
        author = Author(home.key, home.network, intake, _now_ms, home.why_not)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(Verification(intake).run)
            nursery.start_soon(Indexing(intake, home.search()).run)
            yield _Keeping(intake, author, bus)
            nursery.cancel_scope.cancel()

    @contextlib.asynccontextmanager
    async def _join(self, keeping: _Keeping) -> AsyncIterator[_Meshed]:
        home = self._home
        transport = await self._make_transport()
        engine = Engine(
            home.device,
            home.network,
            home.allowed,
            Frontier(home.network, keeping.intake.states()),
            random=Random(),
            secret=SystemRandom(),
            tuning=Tuning(hub=self._config.hub),
        )
        driver = Driver(engine, transport, keeping.intake)
        mesh = Mesh(driver, transport, hub=self._config.hub)
        async with trio.open_nursery() as nursery:
            try:
                await nursery.start(transport.run)
            except LocalFault as fault:
                raise _cannot_listen(fault, self._config) from fault
            await nursery.start(driver.run)
            home.allowed.listen(mesh.admission_changed)
            yield _Meshed(mesh, driver)
            nursery.cancel_scope.cancel()

    async def _make_transport(self) -> "Libp2pHost":
        """The libp2p host, not yet listening. Importing it takes over a second, hence the thread."""
        make = await trio.to_thread.run_sync(_import_host)
        home = self._home
        try:
            return make(
                home.device_seed,
                self._config.listen,
                topic=gossip_topic(home.network),
                admit=home.allowed.admits_peer,
                validate=partial(_passes, Gate(home.allowed)),
                mdns=self._config.mdns,
            )
        except LocalFault as fault:
            raise _cannot_listen(fault, self._config) from fault

    async def _serve(self, keeping: _Keeping, meshed: _Meshed) -> None:
        home, mesh = self._home, meshed.mesh
        api = Api(home, keeping.intake, keeping.author, mesh)
        mesh.on_learned = api.learned
        herald = Herald(home, keeping.author, keeping.bus, mesh, self._tell)
        server = Server(ApiDoor(api, home.paths, self._stopping.set))
        listener = bind(home.paths)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(herald.run, meshed.driver)
                nursery.start_soon(api.run)
                nursery.start_soon(Scrubbing(home, keeping.intake, mesh.ask_for_bodies).run)
                nursery.start_soon(server.serve, listener)
                self._greet(mesh)
                await self._stopping.wait()
                _log.info("the daemon ends")
                server.stop()
                await server.stopped.wait()
                nursery.cancel_scope.cancel()
        finally:
            remove(home.paths)
        self._tell({"event": "ended"})

    def _greet(self, mesh: Mesh) -> None:
        """Say that we are ready, and look for the peers on the list."""
        queries = Queries(self._home)
        ready = {
            "event": "ready",
            "device": to_text(self._home.device),
            "addresses": list(mesh.addresses),
            "name": queries.names.now().of(self._home.device),
        }
        self._tell(ready)
        if self._home.why_not:
            _log.warning("this home signs nothing: %s", self._home.why_not)
        for peer in self._home.tables.peers():
            mesh.peer_added(peer.device, queries.addresses_of(peer.device, peer.addresses))

    @contextlib.asynccontextmanager
    async def _watch_signals(self) -> AsyncIterator[None]:
        """From the first moment to the last: a second signal does not cut the end short."""

        async def watch(signals: AsyncIterator[int]) -> None:
            async for _ in signals:
                self._stopping.set()

        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, signals)
                yield
                nursery.cancel_scope.cancel()


def gossip_topic(network: NetworkId) -> str:
    """Name of the gossip topic of a network; see docs/protocol/gossip.md."""
    return f"/asterism/1/{to_text(network)}"


def _passes(gate: Gate, origin: AuthorId, payload: bytes) -> bool:
    """Is this worth forwarding? What of it is believed the engine decides for itself alone."""
    return gate.passes(origin, payload, trio.current_time())


def _configure(paths: Paths, wishes: Wishes) -> Config:
    """The settings of config.toml with what the command line wants. Raises: BadData, DamagedHome."""
    try:
        config = parse(paths.config.read_text("utf-8"))
    except FileNotFoundError:
        config = Config()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedHome(f"{paths.config} cannot be read: {error}.", "Correct it, or delete it.") from error
    wanted = Config(wishes.listen or config.listen, wishes.hub or config.hub, wishes.mdns or config.mdns)
    for address in wanted.listen:
        try:
            parse_listen_address(address)
        except BadAddress as error:
            raise _cannot_listen(error, wanted) from error
    return wanted


def _cannot_listen(fault: LocalFault, config: Config) -> NodeError:
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


def _reason(group: BaseExceptionGroup) -> BaseException:
    """The one error to show for what a nursery ended by: ours where there is one, else a fault."""
    known = group.subgroup(NodeError)
    if known is not None:
        error: BaseException = known
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return error
    if group.subgroup(Exception) is None:
        return group
    _log.critical("the daemon ends by a fault", exc_info=group)
    return Fault()


def _import_host() -> "type[Libp2pHost]":
    from gossip.net.host import Libp2pHost

    return Libp2pHost


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Until trio watches signals, SIGTERM ends this process as Ctrl-C does: closing what is open.

    Afterwards it is ignored: the process ends by itself.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextlib.contextmanager
def _logging(paths: Paths) -> Iterator[None]:
    """Write what is logged into daemon.log: ours from info on, libraries' from warning on."""
    logging.raiseExceptions = False  # a full disk must not print tracebacks
    handler = logging.handlers.RotatingFileHandler(
        paths.daemon_log, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    for package in ("node", "gossip", "store"):
        logging.getLogger(package).setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        with contextlib.suppress(OSError):  # a full disk
            handler.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
