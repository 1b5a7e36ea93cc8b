"""The part of the api that is about files. For the trio thread.

Long work is done in threads, in steps of a moment, so that it tells how far it has got and ends where the
client goes away.
"""

import os
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from node.apps.files import bodies
from node.apps.files.bodies import SharedFile
from node.apps.files.names import fault_of
from node.apps.files.service import Shared
from node.desk import Room, written
from node.errors import BadData, Missing, NodeError, TextTooLarge, Unavailable
from node.looking import Json
from node.quoting import quoted
from node.sharing.attaching import Attachment
from node.sharing.pacing import Done, advance
from node.sharing.queries import SharingQueries
from node.sharing.space import Space
from node.sharing.taking import LeftOut, Progress, Steps, Taken, Wrapping, media_type_of, take, take_data
from node.signing import Intent
from node.store_faults import told_plainly
from store.blobs import BlobId
from store.entry import SALT_BYTES
from store.ids import LOG_FILES, EntryId

if TYPE_CHECKING:
    from node.sharing.fetching import Fetching

TIDY_EVERY_S: Final = 3_600.0
"""How often what nobody names is looked for."""

TIDY_AFTER_S: Final = 60.0
"""How long after the start it is looked for first: there is more urgent work then."""

MAX_LEFT_OUT_SHOWN: Final = 1_000
"""Of what was left out of a folder, in one answer."""

WANTED_AT_ONCE: Final = 64
"""Files of a folder that are asked for at one time: enough that no peer waits."""

MAX_WORKERS: Final = 2
"""Threads that read and write files at a time: one for each core of a small machine."""

T = TypeVar("T")
R = TypeVar("R")


class SharingApi:
    """What a running node does with files for its owner."""

    def __init__(self, room: Room, queries: SharingQueries) -> None:
        self._room = room
        self._queries = queries
        self.space = Space(queries.look, room.mesh.hub)
        """The room that files take on the disk."""
        queries.space = self.space
        self._working = trio.CapacityLimiter(MAX_WORKERS)
        self.fetching: Fetching | None = None
        """What fetches blobs from peers; set by whoever wires the node."""

    async def run(self) -> None:
        """Drop what nobody names any more, now and then, until cancelled."""
        await trio.sleep(TIDY_AFTER_S)
        while True:
            with suppress(NodeError):  # a disk that is full or busy now may not be in an hour
                await self._room.ask(self.space.tidy)
            await trio.sleep(TIDY_EVERY_S)

    # --- questions ----------------------------------------------------------------------------------

    async def file_list(
        self,
        author: str | None = None,
        tag: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        before: str | None = None,
        folders: bool = False,
        replaced: bool = False,
    ) -> Json:
        """`files`: the newest first."""
        ask = self._queries.file_list
        return await self._room.ask(ask, author, tag, search, limit, before, folders, replaced)

    async def file_show(self, file: str) -> Json:
        """One file, and what a folder holds."""
        return await self._room.ask(self._queries.file_show, file)

    async def file_usage(self) -> Json:
        """How the room for files is used."""
        return await self._room.ask(self._queries.file_usage)

    async def file_pin(self, file: str) -> Json:
        """Keep a file until it is unpinned."""
        return await self._room.ask(self._queries.file_pin, file)

    async def file_unpin(self, file: str) -> Json:
        """Let a file go when room is needed."""
        return await self._room.ask(self._queries.file_unpin, file)

    async def file_drop(self, file: str, force: bool = False) -> Json:
        """Forget the content of a file here, and stop fetching it."""
        shared = await self._room.ask(self._queries.find, file)
        if self.fetching is not None:
            await self.fetching.unwant(shared.file.blob)
        return await self._room.ask(self._queries.file_drop, file, force)

    # --- sharing ------------------------------------------------------------------------------------

    async def file_add(
        self,
        path: str,
        name: str | None = None,
        media_type: str | None = None,
        description: str | None = None,
        language: str | None = None,
        tags: Sequence[str] | None = None,
        public: bool = False,
        replaces: Sequence[str] | None = None,
    ) -> AsyncGenerator[Json, None]:
        """Share a file or folder of this machine: how far its reading has got, then what is shared."""
        shared_name = _name_of(path) if name is None else name
        fault = fault_of(shared_name)
        if fault:
            raise BadData(f"The name {quoted(shared_name)} {fault}.", "Choose another name: --as NAME")
        kept_tags = bodies.checked_tags(tags or ())
        links = [await self._room.ask(self._replaceable, each) for each in replaces or ()]
        if len(links) > bodies.MAX_REPLACED:
            raise TextTooLarge(f"A file replaces at most {bodies.MAX_REPLACED} others.", "Name fewer.")
        taken: Taken | None = None
        async with aclosing(self.steps(self._taking(path))) as steps:
            async for step in steps:
                if isinstance(step, Done):
                    taken = step.result
                else:
                    yield _progress(step)
        if taken is None:
            raise Missing("Nothing came of the reading.", "Try again.")
        shared = SharedFile(
            shared_name,
            taken.media_type if media_type is None or taken.contents is not None else media_type,
            taken.size,
            taken.blob,
            taken.contents is not None,
            description or "",
            language or "",
            kept_tags,
            public,
            taken.contents,
        )
        body = bodies.compose(shared, os.urandom(SALT_BYTES))
        [entry] = await self._room.write(LOG_FILES, [Intent(body, tuple(links))])
        await self._room.ask(self._keep, taken)
        described = await self._room.ask(self._queries.describe, entry.id)
        yield {"event": "result", **described, **written(entry), **_left_out(taken.left_out)}

    def _taking(self, path: str, wrapping: Wrapping | None = None) -> Steps:
        home = self._room.home
        return take(path, home.blobs, self.space, home.paths.home, wrapping)

    def _replaceable(self, text: str) -> EntryId:
        return self._queries.find(text).id

    def _keep(self, taken: Taken) -> None:
        """Pin what was shared, and tell those who asked for it before."""
        blobs = (taken.blob, *taken.parts)
        self._room.home.blobs.pin_all(blobs, True)
        if self.fetching is not None:
            trio.from_thread.run_sync(list, map(self.fetching.added, blobs))

    async def attach(self, path: str, wrapping: Wrapping | None = None) -> Attachment:
        """Keep a file of this machine, pinned, to be named in an entry; nothing is published.

        `wrapping`: keep what this makes of it instead; the size that is given is of that.

        Raises: as `node.sharing.taking.take`; BadData: a folder, or a name that not every system takes.
        """
        name = _name_of(path)
        fault = fault_of(name)
        if fault:
            raise BadData(f"The name {quoted(name)} {fault}.", "Rename the file.")
        if await trio.to_thread.run_sync(os.path.isdir, path):
            raise BadData(
                f"{quoted(path)} is a folder.", "Share it (aster file add) and name it in the text."
            )
        async with aclosing(self.steps(self._taking(path, wrapping))) as steps:
            async for step in steps:
                if isinstance(step, Done):
                    return await self._attached(step.result, name)
        raise Missing("Nothing came of the reading.", "Try again.")

    async def keep(self, data: bytes, name: str, media_type: str | None = None) -> Attachment:
        """Keep bytes, pinned, to be named in an entry. Raises: DiskFull."""
        chosen = media_type_of(name) if media_type is None else media_type
        taken = await self._room.ask(take_data, data, chosen, self._room.home.blobs, self.space)
        return await self._attached(taken, name)

    async def _attached(self, taken: Taken, name: str) -> Attachment:
        await self._room.ask(self._keep, taken)
        return Attachment(taken.blob, name, taken.media_type, taken.size)

    # --- getting ------------------------------------------------------------------------------------

    async def file_get(
        self, file: str, out: str, force: bool = False, timeout_s: float | None = None
    ) -> AsyncGenerator[Json, None]:
        """Fetch a file or folder where it is not here, and save it: how far it has got, then where it is.

        `timeout_s`: how long nothing may come before this gives up; what was fetched stays.
        """
        shared = await self._room.ask(self._queries.find, file)
        target = await self._room.ask(self._queries.target, shared, out, force)
        while lacking := await self._room.ask(self._queries.lacking, shared):
            async with aclosing(self._fetch(shared, lacking, timeout_s)) as events:
                async for event in events:
                    yield event
        async with aclosing(self.steps(self._queries.saving(shared, target, force))) as steps:
            async for step in steps:
                yield step.result if isinstance(step, Done) else step

    async def fetch(self, blob: bytes, size: int, timeout_s: float) -> None:
        """Fetch a blob that is not here, and wait for it.

        Raises: Unavailable: nothing came for `timeout_s`. DiskFull, NodeError: as fetching says.
        """
        async with aclosing(self.fetch_each([(BlobId(blob), size)], timeout_s)) as events:
            async for _ in events:
                pass

    async def _fetch(
        self, shared: Shared, lacking: Sequence[tuple[BlobId, int]], timeout_s: float | None
    ) -> AsyncGenerator[Json, None]:
        """Fetch what a file lacks; how far it has got."""
        is_list = shared.file.is_folder and lacking[0][0] == shared.file.blob
        contents = shared.file.contents
        total = sum(size for _, size in lacking)
        if shared.file.is_folder and contents is not None and not is_list:
            total = max(total, contents.bytes)
        missing = sum(size for _, size in lacking)
        async with aclosing(self.fetch_each(lacking, timeout_s)) as events:
            async for done_bytes, done_files, state, peers in events:
                yield {
                    "event": "fetching",
                    "what": "list" if is_list else "content",
                    "state": state,
                    "bytes": total - missing + done_bytes,
                    "total": total,
                    "files": done_files,
                    "of": len(lacking),
                    "peers": peers,
                }

    async def fetch_each(
        self, lacking: Sequence[tuple[BlobId, int]], timeout_s: float | None
    ) -> AsyncGenerator[tuple[int, int, str, int], None]:
        """Fetch blobs, some at a time: bytes and files that came, what happens now, and peers.

        Raises: Unavailable: nothing came for `timeout_s`, or it cannot be had.
        """
        fetching = self.fetching
        if fetching is None:
            raise Unavailable("This node fetches nothing.", "Connect it to others: aster run")
        await self._room.ask(self._require, lacking)
        done_bytes = 0
        for index, (blob, size) in enumerate(lacking):
            if index % WANTED_AT_ONCE == 0:
                await fetching.want_all(lacking[index : index + WANTED_AT_ONCE])
            async with fetching.following(blob) as news:
                while True:
                    with trio.move_on_after(float("inf") if timeout_s is None else timeout_s) as waiting:
                        event = await anext(news, None)
                    if waiting.cancelled_caught:
                        raise Unavailable(
                            "Nothing came for a while: nobody who has it is connected, or the way is slow.",
                            "It goes on in the background while the daemon runs; ask again later.",
                        )
                    if event is None or event.state == "done":
                        break
                    if event.state == "failed":
                        raise Unavailable(f"It cannot be fetched: {event.why}.", "Ask who shares it.")
                    yield done_bytes + event.held_bytes, index, event.state, event.peers
            done_bytes += size
            yield done_bytes, index + 1, "fetching", 0

    def _require(self, lacking: Sequence[tuple[BlobId, int]]) -> None:
        """Make room for blobs that were not begun yet. Raises: DiskFull."""
        blobs = self._room.home.blobs
        self.space.require(sum(size for blob, size in lacking if blobs.state(blob) is None))

    # --- steps --------------------------------------------------------------------------------------

    async def steps(self, steps: Generator[T, None, R]) -> AsyncGenerator[T | Done[R], None]:
        """Take steps in threads, each a moment long; the last is what came of it all."""
        try:
            while True:
                with told_plainly():
                    step = await trio.to_thread.run_sync(advance, steps, limiter=self._working)
                yield step
                if isinstance(step, Done):
                    return
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(steps.close)


def _name_of(path: str) -> str:
    return os.path.basename(os.path.normpath(path))


def _progress(step: Progress) -> Json:
    done_bytes, total_bytes, done_files, total_files = step
    return {
        "event": "reading",
        "bytes": done_bytes,
        "total": total_bytes,
        "files": done_files,
        "of": total_files,
    }


def _left_out(left_out: Sequence[LeftOut]) -> Json:
    shown = [{"path": each.path, "why": each.why} for each in left_out[:MAX_LEFT_OUT_SHOWN]]
    return {"left_out": shown, "left_out_count": len(left_out)}
