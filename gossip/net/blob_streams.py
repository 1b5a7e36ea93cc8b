"""The blob streams: opens them, asks for the blobs that are wanted, keeps what comes, serves what is held.

The shell of `gossip.proto.blobsync`, and of `gossip.proto.blob_serving` through `gossip.net.blob_service`. A
chunk is checked and kept in a thread while the next one comes in. Of each stream one chunk at a time is on
its way to the disk, and the last bytes of the next are taken only after that: a process that is killed has to
fetch at most one chunk of each stream again.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import trio

from gossip.errors import GossipError, LocalFault, NotConnected, RemoteFault, Severity
from gossip.net.blob_frames import PROTOCOL, read_message
from gossip.net.blob_service import BlobService
from gossip.net.links import Outflow
from gossip.net.transport import Stream, Transport
from gossip.proto import blob_effects, blob_limits, limits
from gossip.proto.blob_effects import Effect, Progress
from gossip.proto.blob_messages import encode_question, parse_answer
from gossip.proto.blobsync import Asking
from store.blob_interface import BlobStore
from store.blobs import Manifest, check_chunk
from store.errors import InvalidBlob, StorageFull, StoreError
from store.ids import AuthorId

KEEPERS: Final = 4
"""Chunks that are checked and kept at a time, over all streams."""

QUESTIONS_BYTES: Final = 65_536
"""Questions that wait for one stream. They are at most 64 bytes each and bounded in number."""

_log = logging.getLogger(__name__)


class NotKept(NamedTuple):
    """What came of a blob cannot be kept here, because the disk is full or broken. It is not hunted now."""

    blob: bytes
    why: str


News: TypeAlias = (
    blob_effects.Advanced
    | blob_effects.Finished
    | blob_effects.GivenUp
    | blob_effects.Nobody
    | blob_effects.Available
    | NotKept
)

Blame: TypeAlias = Callable[[AuthorId, RemoteFault], None]


@dataclass(slots=True)
class _Link:
    """A stream that we opened."""

    stream: Stream
    outflow: Outflow
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    keeping: int = 0
    idle: trio.Event = field(default_factory=trio.Event)

    async def kept(self) -> None:
        """Wait until nothing that came over this stream is on its way to the disk."""
        while self.keeping:
            await self.idle.wait()


class BlobStreams:
    """Fetches blobs from connected peers, and lets them fetch ours."""

    def __init__(
        self,
        transport: Transport,
        store: BlobStore,
        connected: Callable[[], Iterable[AuthorId]],
        blame: Blame,
        random: Random,
    ) -> None:
        """`connected`: the peers that may be asked, those to ask first first. `blame`: is told who broke the
        protocol. `random`: chance that may be guessed."""
        self._transport = transport
        self._store = store
        self._connected = connected
        self._blame = blame
        self._asking = Asking(random)
        self._links: dict[AuthorId, _Link] = {}
        self._opening: dict[AuthorId, float] = {}
        """Since when a stream is being opened, or was open last."""
        self._being_opened = 0
        """Streams that are being opened at the moment."""
        self._keepers = trio.CapacityLimiter(KEEPERS)
        self._nursery: trio.Nursery
        self.service = BlobService(store)
        self.on_news: Callable[[News], None] = lambda news: None
        """Called with what becomes of the blobs that are hunted."""
        self.make_room: Callable[[Manifest], bool] = lambda manifest: True
        """Called in a thread before a manifest is kept; False: there is no room for that blob."""
        self.received_chunks = 0
        """Chunks that came whole, since the start."""

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:  # noqa: ANN401 (as in driver)
        """Serve and ask until cancelled. The transport must run already."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.service.start(nursery)
            self._transport.handle(PROTOCOL, self._serve)
            task_status.started()
            try:
                while True:
                    self._open_some()
                    self._see_who_is_there()
                    await trio.sleep(blob_limits.BLOB_TICK_S)
                    self._perform(self._asking.tick(trio.current_time()))
            finally:
                self.service.stop()

    # --- what is wanted -----------------------------------------------------------------------------

    @property
    def hunted(self) -> list[bytes]:
        """The blobs that are hunted. At most `blob_limits.HUNTED_BLOBS` should be at a time."""
        return self._asking.hunted

    @property
    def sources(self) -> list[AuthorId]:
        """The peers that are asked."""
        return self._asking.sources

    async def hunt(self, blob: bytes, sizes: frozenset[int] = frozenset(), *, first: bool = False) -> None:
        """Begin to fetch a blob, or go on with what of it is lacking; `on_news` is told what comes of it.

        `sizes`: how many bytes it may have; empty: whatever it has. `first`: before all others.

        Raises: StoreError: the store cannot be read.
        """
        manifest, lacking = await trio.to_thread.run_sync(self._find_missing, blob)
        now = trio.current_time()
        self._perform(self._asking.want(blob, sizes, manifest, lacking, now, first=first))
        self._open_some()
        self._see_who_is_there()

    def forget(self, blob: bytes) -> None:
        """Fetch a blob no further. What of it is here stays."""
        self._asking.forget(blob)

    def progress(self, blob: bytes) -> Progress | None:
        """How far a hunt is; None: that blob is not hunted."""
        return self._asking.progress(blob)

    def _find_missing(self, blob: bytes) -> tuple[Manifest | None, list[int]]:
        manifest = self._store.manifest(blob)
        return manifest, [] if manifest is None else self._store.missing(blob)

    # --- streams ------------------------------------------------------------------------------------

    async def _serve(self, stream: Stream) -> None:
        try:
            await self.service.serve(stream)
        except RemoteFault as fault:
            self._blame(stream.peer, fault)

    def _open_some(self) -> None:
        """Open streams to connected peers, as far as there is something to ask."""
        if not self._asking.hunted:
            return
        now = trio.current_time()
        for peer in self._connected():
            if peer in self._links or self._asking.is_resting(peer, now):
                continue
            if now - self._opening.get(peer, -blob_limits.REOPEN_S) < blob_limits.REOPEN_S:
                continue
            if len(self._links) >= blob_limits.BLOB_SOURCES:
                for spare in self._asking.spare(now)[:1]:
                    self._end(spare)
                return
            if len(self._opening) >= limits.ADDRESS_BOOK:
                self._opening.clear()
            self._opening[peer] = now
            self._being_opened += 1
            self._nursery.start_soon(self._ask, peer)

    def _see_who_is_there(self) -> None:
        if not self._links and not self._being_opened:
            self._perform(self._asking.without_sources())

    async def _ask(self, peer: AuthorId) -> None:
        """Open a stream to a peer and ask over it until it ends."""
        try:
            stream = await self._transport.open(peer, PROTOCOL, limits.STREAM_TIMEOUT_S)
        except LocalFault as fault:
            _log.debug("no blob stream: %s", fault)
            return
        finally:
            self._being_opened -= 1
        if peer in self._links:
            await stream.reset()
            return
        link = self._links[peer] = _Link(stream, Outflow(stream, QUESTIONS_BYTES))
        try:
            with link.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump, link)
                    self._perform(self._asking.opened(peer, trio.current_time()))
                    await self._read(peer, link)
                    nursery.cancel_scope.cancel()
        finally:
            del self._links[peer]
            self._opening[peer] = trio.current_time()
            self._perform(self._asking.closed(peer, trio.current_time()))
            with trio.CancelScope(shield=True):
                await stream.reset()

    async def _pump(self, link: _Link) -> None:
        try:
            await link.outflow.pump()
        except NotConnected:
            link.scope.cancel()

    async def _read(self, peer: AuthorId, link: _Link) -> None:
        try:
            while True:
                longest = lambda: self._asking.longest_answer(peer)  # noqa: E731
                data = await read_message(link.stream, longest, link.kept)
                if data is None:
                    return
                self._perform(self._asking.received(peer, parse_answer(data), trio.current_time()))
        except RemoteFault as fault:
            self._blame(peer, fault)
        except GossipError as fault:
            _log.debug("a blob stream ended: %s", fault)
        except Exception:  # noqa: BLE001 (the task of one peer: a fault of ours ends its stream, not the node)
            _log.exception("an answer about a blob could not be handled")

    def _end(self, peer: AuthorId) -> None:
        link = self._links.get(peer)
        if link is not None:
            link.scope.cancel()

    # --- effects ------------------------------------------------------------------------------------

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case blob_effects.Ask(peer, question):
                    link = self._links.get(peer)
                    if link is not None and not link.outflow.offer(encode_question(question)):
                        self._end(peer)
                case blob_effects.Keep(peer):
                    link = self._links.get(peer)
                    if link is not None:
                        link.keeping += 1
                    self._nursery.start_soon(self._keep, effect, link)
                case blob_effects.Begin():
                    self._nursery.start_soon(self._begin, effect.manifest)
                case blob_effects.Leave(peer, why, severity):
                    if severity is not None:
                        self._blame(peer, RemoteFault(why, severity))
                    self._end(peer)
                case _:
                    self.on_news(effect)

    async def _begin(self, manifest: Manifest) -> None:
        """Keep a manifest."""

        def begin() -> list[int]:
            if not self.make_room(manifest):
                raise StorageFull("there is no room for it on the disk")
            self._store.begin(manifest)
            return self._store.missing(manifest.id)

        try:
            lacking = await trio.to_thread.run_sync(begin, limiter=self._keepers)
        except (StoreError, OSError) as error:
            self._give_up(manifest.id, error)
        except Exception as error:  # noqa: BLE001 (the task of one blob: a fault of ours ends it, not the node)
            _log.exception("a manifest could not be kept")
            self._give_up(manifest.id, error)
        else:
            self._perform(self._asking.begun(manifest.id, lacking, trio.current_time()))

    async def _keep(self, effect: blob_effects.Keep, link: _Link | None) -> None:
        """Check a chunk and keep it."""
        self.received_chunks += 1
        blob = effect.manifest.id
        try:
            await trio.to_thread.run_sync(self._put, effect, limiter=self._keepers)
        except InvalidBlob as error:
            now = trio.current_time()
            self._blame(effect.peer, RemoteFault(f"a wrong chunk: {error}", Severity.HOSTILE))
            self._perform(self._asking.refused(effect.peer, blob, effect.place, now))
            self._end(effect.peer)
        except (StoreError, OSError) as error:
            self._give_up(blob, error)
        except Exception as error:  # noqa: BLE001 (the task of one chunk: a fault of ours ends it, not the node)
            _log.exception("a chunk could not be kept")
            self._give_up(blob, error)
        else:
            self._perform(self._asking.kept(blob, effect.place))
        finally:
            if link is not None:
                link.keeping -= 1
                link.idle.set()
                link.idle = trio.Event()

    def _put(self, effect: blob_effects.Keep) -> None:
        """In a thread. Raises: InvalidBlob: the sender's fault; StoreError, OSError: ours."""
        chunk = check_chunk(effect.manifest, effect.place, effect.data)
        self._store.put_chunk(chunk, effect.data)

    def _give_up(self, blob: bytes, error: Exception) -> None:
        _log.warning("a blob cannot be kept: %s", error)
        if blob in self._asking.hunted:
            self._asking.forget(blob)
            self.on_news(NotKept(blob, str(error) or type(error).__name__))
