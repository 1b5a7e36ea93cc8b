"""The daemon: the only composition root. It opens, wires, runs, and closes in reverse.

    home        lock, keyring, store                    before trio; what is wrong there ends the process
    keeping     intake, author, verification, indexing     `node.running`
    mesh        transport (libp2p, imported late), driver  `node.running`
    doors       control server, api, scrubbing, who comes and goes

What ends it: SIGINT, SIGTERM, the method `stop`, or a fault of ours. The doors close first, then the mesh,
then what keeps entries; whatever was acknowledged is on disk long before. A full disk ends nothing.
"""

import contextlib
import logging
import logging.handlers
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, NamedTuple

import trio

from gossip.errors import BadAddress
from gossip.net.address import parse_listen_address
from node.api import Api
from node.config import Config, parse
from node.doors.control.door import ApiDoor
from node.doors.control.listener import bind, remove
from node.doors.control.protocol import Json
from node.doors.control.server import Server
from node.errors import DamagedHome, NodeError
from node.herald import Herald
from node.home import Home, open_home
from node.keyring import AskPassphrase
from node.mesh import Mesh
from node.newcomers.seeking import Seeking
from node.paths import Paths
from node.queries import Queries
from node.running import Keeping, Meshed, cannot_listen, join, keep, reason_of
from node.scrubbing import Scrubbing
from store.crypto import self_test
from store.ids import to_text

LOG_BYTES: Final = 1_000_000
"""Size at which daemon.log is put aside; one older file is kept."""

_log = logging.getLogger(__name__)


class Wishes(NamedTuple):
    """What the command line wants beside what config.toml says."""

    listen: tuple[str, ...] = ()
    """Instead of the addresses in config.toml; empty: those."""
    hub: bool = False
    mdns: bool = False


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
            async with (
                self._watch_signals(),
                keep(self._home) as keeping,
                join(self._home, keeping, self._config) as meshed,
            ):
                await self._serve(keeping, meshed)
        except NodeError:
            raise
        except BaseExceptionGroup as group:
            raise reason_of(group) from None

    async def _serve(self, keeping: Keeping, meshed: Meshed) -> None:
        home, mesh = self._home, meshed.mesh
        api = Api(home, keeping.intake, keeping.author, mesh)
        mesh.on_learned = api.learned
        seeking = Seeking(home, mesh, Queries(home))
        herald = Herald(home, keeping.author, keeping.bus, mesh, self._tell)
        server = Server(ApiDoor(api, home.paths, self._stopping.set))
        listener = bind(home.paths)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(herald.run, meshed.driver)
                nursery.start_soon(api.run)
                nursery.start_soon(Scrubbing(home, keeping.intake, mesh.ask_for_bodies).run)
                nursery.start_soon(server.serve, listener)
                self._greet(mesh, seeking)
                nursery.start_soon(seeking.run)
                await self._stopping.wait()
                _log.info("the daemon ends")
                server.stop()
                await server.stopped.wait()
                nursery.cancel_scope.cancel()
        finally:
            remove(home.paths)
        self._tell({"event": "ended"})

    def _greet(self, mesh: Mesh, seeking: Seeking) -> None:
        """Say that we are ready, and look for peers."""
        queries = Queries(self._home)
        ready = {
            "event": "ready",
            "device": to_text(self._home.device),
            "addresses": list(mesh.addresses),
            "name": queries.names.now().of(self._home.device),
            "federation": self._home.membership is not None,
            "steward": self._is_steward(),
        }
        self._tell(ready)
        if self._home.why_not:
            _log.warning("this home signs nothing: %s", self._home.why_not)
        seeking.begin()

    def _is_steward(self) -> bool:
        membership = self._home.membership
        member = None if membership is None else membership.roster.member_of(self._home.device)
        return membership is not None and member is not None and bool(membership.roster.stewarded(member))

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


def _configure(paths: Paths, wishes: Wishes) -> Config:
    """The settings of config.toml with what the command line wants. Raises: BadData, DamagedHome."""
    try:
        config = parse(paths.config.read_text("utf-8"))
    except FileNotFoundError:
        config = Config()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedHome(f"{paths.config} cannot be read: {error}.", "Correct it, or delete it.") from error
    wanted = config._replace(
        listen=wishes.listen or config.listen,
        hub=wishes.hub or config.hub,
        mdns=wishes.mdns or config.mdns,
    )
    for address in wanted.listen:
        try:
            parse_listen_address(address)
        except BadAddress as error:
            raise cannot_listen(error, wanted) from error
    return wanted


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
