"""Fetches blobs: what a person asks for, and what this node keeps unasked (`node.sharing.candidates`).

Connected peers are asked, again when a peer connects or says that it has a blob by now, and now and then.
What of a blob is here stays, so a fetch goes on where it stopped, also after a restart. For the trio thread;
the store is looked at in threads.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import trio

from gossip.net.blob_streams import BlobStreams, News, NotKept
from gossip.proto import blob_limits
from gossip.proto.blob_effects import Advanced, Available, Finished, GivenUp, Nobody
from node.desk import Room
from node.sharing.candidates import Candidates
from node.sharing.named import Named, NamedBlobs
from node.sharing.outcomes import FetchEvent, Outcomes
from node.sharing.waiting import Waiting, WaitingRoom
from node.sharing.wanted import WantedBlobs
from node.store_faults import told_plainly
from store.blobs import MAX_CHUNKS, Manifest, chunks_in
from store.errors import StoreError
from store.ids import AuthorId, short

NOBODY_S: Final = 300.0
"""How long a blob rests that nobody had. New peers and hints end that."""

FULL_S: Final = 600.0
"""How long a blob rests for which there was no room, or no share of its author's."""

TURN_S: Final = 120.0
"""How long a blob is fetched before it goes back to the end of the queue, where others wait and there is no
place: a peer that promises much and sends little holds nothing up but its own blob."""

WAKE_S: Final = 30.0
"""New peers wake what rests at most this often."""

LOOK_S: Final = 1.0
"""How often it is looked who is connected, and whether more may be asked for."""

TELL_S: Final = 0.25
"""Who follows a fetch is told of progress at most this often."""

MAX_HUNTED_CHUNKS: Final = 2 * MAX_CHUNKS
"""Chunks in all blobs that are fetched at a time: their manifests take about 10 MB."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Fetching:
    """What this node fetches."""

    def __init__(self, room: Room, candidates: Candidates, streams: BlobStreams) -> None:
        """`streams` are run by this, and tell it what becomes of what they hunt."""
        self._room = room
        self._candidates = candidates
        self._streams = streams
        self._wanted: WantedBlobs
        self._ready = trio.Event()
        self._waiting = WaitingRoom()
        self._hunted: dict[bytes, Waiting] = {}
        self._begun_s: dict[bytes, float] = {}
        """Since when each of these is fetched."""
        self._named = NamedBlobs(candidates, room.intake, self._offer, lambda: self._waiting.is_full)
        self._alone: set[bytes] = set()
        """Blobs that nobody had when it was asked last."""
        self._beginning: set[bytes] = set()
        """Blobs that wait no more and are not hunted yet."""
        self._ending: set[bytes] = set()
        """Blobs that are not hunted any more, and whose end was not told yet."""
        self._ended = Outcomes()
        self._work = trio.Event()
        self._news = trio.Event()
        self._nursery: trio.Nursery
        streams.on_news = self._hear
        streams.make_room = self._make_room

    async def run(self) -> None:
        """Fetch until cancelled."""
        with told_plainly():
            self._wanted = await _in_thread(WantedBlobs, self._room.home)
        for blob, size in self._wanted.items():
            self._waiting.add(Waiting(blob, frozenset({size}), asked=True, fresh=True))
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self._streams.run)
            self._ready.set()
            nursery.start_soon(self._named.run)
            nursery.start_soon(self._watch_peers)
            await self._start_waiting()

    # --- what people ask for ------------------------------------------------------------------------

    async def want(self, blob: bytes, size: int) -> None:
        """Fetch a blob of `size` bytes; see `want_all`. Raises: NodeError."""
        await self.want_all([(blob, size)])

    async def want_all(self, blobs: Sequence[tuple[bytes, int]]) -> None:
        """Fetch blobs of these sizes, also after a restart, until they are here or `unwant` is called.

        Does nothing about those that are here. Raises: NodeError.
        """
        await self._ready.wait()
        for blob, _ in blobs:
            self._ended.forget(blob)
        with told_plainly():
            complete = await _in_thread(self._candidates.complete_of, [blob for blob, _ in blobs])
            lacking = [(blob, size) for blob, size in blobs if blob not in complete]
            await _in_thread(self._wanted.add, lacking)
        for blob, size in blobs:
            if blob in complete:
                self._end(FetchEvent(blob, "done", size, size))
            else:
                self._stop(blob)
                self._waiting.add(Waiting(blob, frozenset({size}), asked=True, fresh=True))
        self._work.set()

    async def unwant(self, blob: bytes) -> None:
        """Fetch a blob no further; what of it is here stays. Raises: NodeError."""
        await self._ready.wait()
        self._wanted.remove(blob)
        with told_plainly():
            await _in_thread(self._wanted.flush)
        self._waiting.forget(blob)
        self._stop(blob)
        self._end(FetchEvent(blob, "failed", why="it is not wanted any more"))
        self._work.set()

    def added(self, blob: bytes) -> None:
        """A blob was added here: those who asked us for it are told, and nobody is asked for it any more."""
        self._named.complete.add(blob)
        self._waiting.forget(blob)
        self._streams.service.added(blob)

    @asynccontextmanager
    async def following(self, blob: bytes) -> AsyncIterator[AsyncIterator[FetchEvent]]:
        """How the fetch of a wanted blob stands: at once, whenever that changes, and last its end."""
        events = self._events(blob)
        try:
            yield events
        finally:
            await events.aclose()

    async def _events(self, blob: bytes) -> AsyncGenerator[FetchEvent, None]:
        await self._ready.wait()
        told: FetchEvent | None = None
        while True:
            if not self._is_known(blob):
                await self._look_whether_over(blob)
            event = self._state_of(blob)
            if event != told:
                told = event
                yield event
            if event.is_last:
                return
            if self._state_of(blob) == told:
                await self._news.wait()
            with trio.move_on_after(TELL_S):
                while not self._state_of(blob).is_last:
                    await self._news.wait()

    async def _look_whether_over(self, blob: bytes) -> None:
        """Nothing is known of the fetch of a blob: say how it ended. Raises: NodeError."""
        with told_plainly():
            is_here = await _in_thread(self._candidates.is_complete, blob)
            size = await _in_thread(self._candidates.size_of, blob)
        if self._is_known(blob):
            return
        if is_here:
            self._end(FetchEvent(blob, "done", size, size))
        else:
            self._end(FetchEvent(blob, "failed", why="it is not being fetched"))

    def _is_known(self, blob: bytes) -> bool:
        """Is a blob being fetched, or is it known how that ended?"""
        places = (self._ended, self._hunted, self._waiting, self._beginning, self._ending)
        return any(blob in place for place in places)

    def _state_of(self, blob: bytes) -> FetchEvent:
        ended = self._ended.of(blob)
        if ended is not None:
            return ended
        progress = self._streams.progress(blob)
        alone = "nobody" if blob in self._alone else "asking"
        if progress is None:
            return FetchEvent(blob, alone)
        state = "fetching" if progress.sources else alone
        return FetchEvent(blob, state, progress.held_bytes, progress.size, progress.sources)

    def _tell(self) -> None:
        """Wake those who follow."""
        self._news.set()
        self._news = trio.Event()

    def _end(self, event: FetchEvent) -> None:
        """Remember how a fetch ended."""
        self._alone.discard(event.blob)
        self._ending.discard(event.blob)
        self._ended.note(event)
        self._tell()

    def _stop(self, blob: bytes) -> None:
        self._alone.discard(blob)
        if self._hunted.pop(blob, None) is not None:
            self._streams.forget(blob)

    # --- what becomes of it -------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        match news:
            case Advanced(blob):
                self._alone.discard(blob)
                self._tell()
                return
            case Finished(blob):
                self._hunted.pop(blob, None)
                self._named.complete.add(blob)
                self._ending.add(blob)
                self._nursery.start_soon(self._finish, blob)
            case GivenUp(blob, why):
                self._hunted.pop(blob, None)
                self._ending.add(blob)
                self._nursery.start_soon(self._fail, blob, why)
            case NotKept(blob, why):
                waiting = self._hunted.pop(blob, None)
                if waiting is not None:
                    self._ending.add(blob)
                    self._nursery.start_soon(self._refuse, waiting, why)
            case Nobody(blob):
                self._alone.add(blob)
                self._tell()
            case Available(blob, _):
                self._waiting.wake_one(blob)
        self._work.set()

    async def _finish(self, blob: bytes) -> None:
        """A blob is here."""
        self._streams.service.added(blob)
        self._wanted.remove(blob)
        parts: list[tuple[bytes, int]] = []
        size = 0
        try:
            size, parts = await _in_thread(self._candidates.note_complete, blob)
        except StoreError as error:
            _log.warning("what came of %s could not be noted: %s", short(blob), error)
        for part, part_size in parts:
            self._offer(Named(part, part_size, fresh=True))
        self._end(FetchEvent(blob, "done", size, size))
        self._work.set()

    async def _refuse(self, waiting: Waiting, why: str) -> None:
        """There is no room for a blob, or what came of it could not be written."""
        if waiting.asked:
            await self._fail(waiting.blob, why)
        else:
            self._ending.discard(waiting.blob)
            self._waiting.rest(waiting, trio.current_time() + FULL_S)

    async def _fail(self, blob: bytes, why: str) -> None:
        """A blob cannot be had, or not kept."""
        self._wanted.remove(blob)
        self._end(FetchEvent(blob, "failed", why=why))

    # --- from waiting to being fetched --------------------------------------------------------------

    async def _start_waiting(self) -> None:
        """Begin to fetch what waits, as far as there is room for it."""
        while True:
            self._work = trio.Event()
            self._waiting.wake(trio.current_time())
            self._make_way()
            while self._has_place and (waiting := self._waiting.next()) is not None:
                self._beginning.add(waiting.blob)
                try:
                    await self._begin(waiting)
                except Exception:  # noqa: BLE001 (the work on one blob: a fault of ours ends it, not the node)
                    _log.exception("a blob cannot be fetched")
                    self._stop(waiting.blob)
                    self._waiting.rest(waiting, trio.current_time() + FULL_S)
                finally:
                    self._beginning.discard(waiting.blob)
            with trio.move_on_after(LOOK_S) as pause:
                await self._work.wait()
            if pause.cancelled_caught:
                await self._flush()

    async def _flush(self) -> None:
        try:
            await _in_thread(self._wanted.flush)
        except StoreError as error:
            _log.warning("the list of wanted files cannot be written: %s", error)

    @property
    def _has_place(self) -> bool:
        if len(self._hunted) >= blob_limits.HUNTED_BLOBS:
            return False
        return sum(map(_chunks_of, self._hunted.values())) < MAX_HUNTED_CHUNKS

    def _make_way(self) -> None:
        """Let rest what nobody has, other than what was asked for while there is a place. Where others wait
        and there is none, let go what had its turn."""
        now_s = trio.current_time()
        for blob, waiting in list(self._hunted.items()):
            if blob in self._alone and (not waiting.asked or not self._has_place):
                self._let_go(blob)
                self._waiting.rest(waiting, now_s + NOBODY_S)
            elif now_s - self._begun_s[blob] > TURN_S and not self._has_place and not self._waiting.is_empty:
                self._let_go(blob)
                self._waiting.add(waiting)

    def _let_go(self, blob: bytes) -> None:
        """Fetch a blob no further for now."""
        del self._hunted[blob]
        self._streams.forget(blob)

    async def _begin(self, waiting: Waiting) -> None:
        """Fetch a blob, if it is to be kept and there is room. Raises: StoreError."""
        sizes = await _in_thread(self._candidates.sizes_to_take, waiting)
        if waiting.asked and waiting.blob not in self._wanted:
            return
        if sizes is None:
            self._alone.discard(waiting.blob)
            if waiting.asked:
                await self._finish(waiting.blob)
        elif not sizes:
            await self._refuse(waiting, "there is no room for it on the disk")
        else:
            self._hunted[waiting.blob] = waiting._replace(sizes=sizes)
            self._begun_s = {blob: self._begun_s.get(blob, trio.current_time()) for blob in self._hunted}
            self._begun_s[waiting.blob] = trio.current_time()
            await self._streams.hunt(waiting.blob, sizes, first=waiting.asked)

    def _make_room(self, manifest: Manifest) -> bool:
        """In a thread. Raises: StoreError."""
        return self._candidates.make_room(self._hunted.get(manifest.id), manifest)

    # --- what entries name --------------------------------------------------------------------------

    def _offer(self, named: Named) -> None:
        """Let wait what an entry, or a folder, names."""
        blob = named.blob
        if blob in self._named.complete or blob in self._hunted or self._ended.has_failed(blob):
            return
        if blob not in self._waiting:
            self._waiting.add(Waiting(blob, frozenset({named.size}), asked=False, fresh=named.fresh))
            self._work.set()

    # --- peers --------------------------------------------------------------------------------------

    async def _watch_peers(self) -> None:
        """Whenever somebody new is connected, ask again for what nobody had."""
        known: set[AuthorId] = set()
        woken_s = float("-inf")
        while True:
            connected = set(self._room.mesh.connected())
            if connected - known and trio.current_time() - woken_s >= WAKE_S:
                woken_s = trio.current_time()
                known = connected
                self._waiting.wake_all()
                self._work.set()
            known &= connected
            await trio.sleep(LOOK_S)


def _chunks_of(waiting: Waiting) -> int:
    return chunks_in(max(waiting.sizes, default=0))


async def _in_thread(work: Callable[..., T], *args: object) -> T:
    return await trio.to_thread.run_sync(work, *args)
