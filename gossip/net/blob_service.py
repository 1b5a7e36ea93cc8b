"""Serves blob streams: reads questions, performs the jobs of `gossip.proto.blob_serving`, sends the answers.

The store is read in threads. What cannot be read is answered as not held.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

import trio

from gossip.errors import GossipError, NotConnected, RemoteFault
from gossip.net.blob_frames import read_message, send_frame
from gossip.net.transport import Stream
from gossip.proto import blob_limits
from gossip.proto.blob_messages import (
    MAX_QUESTION_BYTES,
    Got,
    Holding,
    Lacking,
    NoChunk,
    encode_answer,
    framed_chunk,
    parse_question,
)
from gossip.proto.blob_serving import Describe, Fetch, Job, Serving, StreamNo
from gossip.proto.framing import LENGTH_BYTES
from store.blob_interface import BlobStore
from store.blobs import MAX_CHUNKS, Manifest, held_map
from store.errors import StoreError

MAX_CACHED_CHUNKS: Final = 2 * MAX_CHUNKS
"""Chunks in the manifests that are kept in memory, about 10 MB."""

MAX_CACHED_MAPS: Final = 64
"""Bitmaps that are kept in memory: at most half a MiB."""

MAP_KEPT_S: Final = 1.0
"""How long a bitmap is taken for true. Of a large blob it takes a tenth of a second to make one."""

_log = logging.getLogger(__name__)


class Manifests:
    """Manifests that were used lately, so that not every chunk costs one. Thread-safe."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Manifest] = OrderedDict()
        self._chunks = 0

    def get(self, blob: bytes) -> Manifest | None:
        """The manifest of a blob; None where it is not held, or was not when it was asked for first."""
        with self._lock:
            known = self._known.get(blob)
            if known is not None:
                self._known.move_to_end(blob)
                return known
        manifest = self._store.manifest(blob)
        if manifest is not None:
            with self._lock:
                self._keep(blob, manifest)
        return manifest

    def _keep(self, blob: bytes, manifest: Manifest) -> None:
        if blob in self._known:
            return
        self._known[blob] = manifest
        self._chunks += len(manifest.chunks) + 1
        while self._chunks > MAX_CACHED_CHUNKS:
            _, old = self._known.popitem(last=False)
            self._chunks -= len(old.chunks) + 1


class HeldMaps:
    """What is held of blobs, as it was up to a second ago: to find it out, each chunk is looked for on the
    disk. Thread-safe."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def get(self, blob: bytes, chunks: int) -> bytes:
        """The bitmap over the chunks of a blob whose manifest is here. Raises: StoreError."""
        with self._lock:
            since_s, held = self._known.get(blob, (float("-inf"), b""))
        if time.monotonic() - since_s < MAP_KEPT_S:
            return held
        state = self._store.state(blob)
        is_complete = state is not None and state.is_complete
        held = held_map(range(chunks), chunks) if is_complete else self._store.held(blob)
        with self._lock:
            self._known[blob] = (time.monotonic(), held)
            self._known.move_to_end(blob)
            if len(self._known) > MAX_CACHED_MAPS:
                self._known.popitem(last=False)
        return held


@dataclass(slots=True)
class _Served:
    """A stream that is served."""

    stream: Stream
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    frames: deque[tuple[list[bytes], bool]] = field(default_factory=deque)
    """What is to be sent, and whether it is a turn of answers to questions."""
    changed: trio.Event = field(default_factory=trio.Event)

    def wake(self) -> None:
        """Something changed for its reader or its sender."""
        self.changed.set()
        self.changed = trio.Event()


class BlobService:
    """Answers what peers ask of the blobs that are held here."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._manifests = Manifests(store)
        self._serving = Serving()
        self._streams: dict[StreamNo, _Served] = {}
        self._last_no = 0
        self._readers = trio.CapacityLimiter(blob_limits.BLOB_READERS)
        self._nursery: trio.Nursery | None = None
        self._maps = HeldMaps(store)
        self.sent_bytes = 0
        """Of chunks, since the start."""

    def start(self, nursery: trio.Nursery) -> None:
        """Serve from now on; what is read runs in `nursery`."""
        self._nursery = nursery

    def stop(self) -> None:
        """Serve nobody any more: every stream ends, and new ones do at once."""
        self._nursery = None
        for served in self._streams.values():
            served.scope.cancel()

    async def serve(self, stream: Stream) -> None:
        """Serve a stream that a peer opened. Raises: RemoteFault: the peer broke the protocol."""
        self._last_no += 1
        number = StreamNo(self._last_no)
        served = _Served(stream)
        ended_now = self._serving.opened(number, stream.peer, trio.current_time())
        if self._nursery is None:
            self._serving.closed(number)
            await stream.reset()
            return
        for ended in ended_now:
            if ended == number:
                await stream.reset()
                return
            self._streams[ended].scope.cancel()
        self._streams[number] = served
        faults: list[RemoteFault] = []
        try:
            with served.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send, number, served)
                    await self._read(number, served, faults)
                    nursery.cancel_scope.cancel()
        finally:
            self._serving.closed(number)
            del self._streams[number]
            self._go_on()
        await stream.reset()
        if faults:
            raise faults[0]

    def added(self, blob: bytes) -> None:
        """A blob is held now: whoever asked for it before is told."""
        for number in self._serving.added(blob):
            served = self._streams.get(number)
            if served is not None:
                served.frames.append(([_framed(encode_answer(Got(blob)))], False))
                served.wake()

    async def _read(self, number: StreamNo, served: _Served, faults: list[RemoteFault]) -> None:
        """Take questions until the stream ends; what the peer does wrong goes into `faults`."""
        try:
            while True:
                data = await read_message(served.stream, lambda: MAX_QUESTION_BYTES, trio.lowlevel.checkpoint)
                if data is None:
                    return
                self._serving.asked(number, parse_question(data), trio.current_time())
                self._go_on()
                while self._serving.busy(number):
                    await served.changed.wait()
        except RemoteFault as fault:
            faults.append(fault)
        except GossipError as fault:
            _log.debug("a blob stream ended: %s", fault)

    async def _send(self, number: StreamNo, served: _Served) -> None:
        try:
            while True:
                while not served.frames:
                    await served.changed.wait()
                frames, is_turn = served.frames.popleft()
                with trio.fail_after(blob_limits.ANSWER_SEND_S):
                    for frame in frames:
                        await send_frame(served.stream, frame)
                if is_turn:
                    self._serving.sent(number)
                    self._go_on()
        except (NotConnected, trio.TooSlowError) as fault:
            _log.debug("a blob stream ended: %s", fault or "the peer reads too slowly")
            served.scope.cancel()

    def _go_on(self) -> None:
        """Begin whatever may be read now."""
        if self._nursery is not None:
            for job in self._serving.jobs():
                self._nursery.start_soon(self._answer, job)

    async def _answer(self, job: Job) -> None:
        lacks = False
        try:
            frames, lacks = await trio.to_thread.run_sync(self._look_up, job, limiter=self._readers)
        except (StoreError, OSError) as error:
            _log.warning("a blob could not be read: %s", error)
            frames = _nothing(job)
        except Exception:  # noqa: BLE001 (the task of one request: a fault of ours ends it, not the node)
            _log.exception("a question about a blob could not be answered")
            frames = _nothing(job)
        served = self._streams.get(job.stream)
        size_bytes = sum(map(len, frames))
        self._serving.read(job.stream, size_bytes)
        if served is not None:
            if lacks:
                self._serving.lacked(job.stream, job.blob)
            if isinstance(job, Fetch):
                self.sent_bytes += size_bytes
            served.frames.append((frames, True))
            served.wake()
        self._go_on()

    def _look_up(self, job: Job) -> tuple[list[bytes], bool]:
        """The frames of answers, and whether they say that the blob is lacking. In a thread.

        Raises: StoreError, OSError.
        """
        if isinstance(job, Fetch):
            manifest = self._manifests.get(job.blob)
            places = range(job.first, job.first + job.chunks)
            return [self._chunk(manifest, place) for place in places], False
        manifest = self._store.manifest(job.blob)
        if manifest is None:
            return [_framed(encode_answer(Lacking(job.blob)))], True
        held = self._maps.get(job.blob, len(manifest.chunks))
        encoded = manifest.encode() if job.whole else None
        return [_framed(encode_answer(Holding(job.blob, encoded, held)))], False

    def _chunk(self, manifest: Manifest | None, place: int) -> bytes:
        """The frame that answers for one chunk."""
        data = None
        if manifest is not None and place < len(manifest.chunks):
            data = self._store.read_chunk(manifest.chunks[place])
        return _framed(encode_answer(NoChunk(place))) if data is None else framed_chunk(place, data)


def _nothing(job: Job) -> list[bytes]:
    """The frames that say that nothing is held of what a job asks for."""
    if isinstance(job, Describe):
        return [_framed(encode_answer(Lacking(job.blob)))]
    places = range(job.first, job.first + job.chunks)
    return [_framed(encode_answer(NoChunk(place))) for place in places]


def _framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload
