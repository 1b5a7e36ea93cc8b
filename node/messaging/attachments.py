"""Files in messages: encrypted into blobs when they are sent, fetched and opened when they are saved.

Each file has a key of its own, which stands in the message and nowhere else. The blob is a stream of sealed
pieces (`node.secrecy.streams`), padded; hubs carry it without knowing what it is. What comes from others is
not trusted: a name that not every system takes is replaced, and nothing is written before it was checked
to its end, under no other name than a partial one.
"""

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from node.apps.files.names import alike, is_name
from node.apps.messenger.bodies import Attachment, text_of_content
from node.desk import Room
from node.errors import BadData, Missing, TextTooLarge, Unavailable
from node.home import Home
from node.looking import Json
from node.messaging import finding
from node.quoting import quoted
from node.secrecy import streams
from node.secrecy.errors import Unopenable
from node.secrecy.streams import Joined, Sealing, Source, sealed_bytes
from node.sharing.api import SharingApi
from node.sharing.pacing import Done
from node.sharing.saving import Target, check_free, chunks_of, save_pieces, target_of
from node.sharing.taking import Wrapping
from store.blob_interface import BlobStore
from store.blobs import MAX_BLOB_BYTES, BlobId, Manifest
from store.ids import short
from store.sqlite.views import Views

UNSENT_KEPT_MS: Final = 3_600_000
"""How long a file stays pinned that no message names: one is sent right after it was kept."""

_PINNED: Final = "pinned:"
"""Before the id of a blob, the name of a note in `chat_notes`."""


class Attachments:
    """Files of messages over a running node. For the trio thread."""

    def __init__(self, room: Room, sharing: SharingApi) -> None:
        self._room = room
        self._sharing = sharing

    async def enclose(self, path: str) -> Attachment:
        """Encrypt a file of this machine into a blob, which is kept here and pinned.

        Raises: as `SharingApi.attach`.
        """
        key = streams.new_key()
        made: list[Sealing] = []

        def wrap(source: Source) -> Source:
            made.append(Sealing(source, key, padded=True))
            return made[-1]

        kept = await self._sharing.attach(path, Wrapping(wrap, sealed_bytes))
        await self._room.change(partial(note_pinned, kept.blob, self._room.now_ms()))
        return Attachment(kept.blob, kept.size, key, kept.name, kept.media_type, made[-1].plain_bytes)

    async def save(
        self, text: str, out: str, force: bool, timeout_s: float | None
    ) -> AsyncGenerator[Json, None]:
        """Save the files of a message in a folder, or its only one under a name: progress, then where.

        `text`: id of the message. `out`: an absolute path. `timeout_s`: how long nothing may come.
        """
        found = await self._room.ask(self._attachments, text)
        targets = await self._room.ask(targets_of, found, out, force)
        lacking = await self._room.ask(self._lacking, found)
        total = sum(size for _, size in lacking)
        if lacking:
            async with aclosing(self._sharing.fetch_each(lacking, timeout_s)) as events:
                async for done, files, state, peers in events:
                    yield {
                        "event": "fetching",
                        "state": state,
                        "bytes": done,
                        "total": total,
                        "files": files,
                        "of": len(lacking),
                        "peers": peers,
                    }
        saved = []
        for attachment, target in zip(found, targets, strict=True):
            async with aclosing(self._sharing.steps(self._saving(attachment, target, force))) as steps:
                async for step in steps:
                    if isinstance(step, Done):
                        saved.append(
                            {
                                "path": step.result,
                                "name": attachment.name,
                                "media_type": attachment.media_type,
                                "bytes": attachment.plain_size,
                            }
                        )
                    else:
                        yield {"event": "saving", "bytes": step, "total": attachment.plain_size}
        yield {"event": "result", "saved": saved}

    def _attachments(self, text: str) -> Sequence[Attachment]:
        """The files of a message. Raises: Missing: it has none."""
        with self._room.home.entries.views() as views:
            place = finding.find_message(views, text)
            [(content, gone)] = views.execute(
                "SELECT content, gone FROM chat_messages WHERE n = ?", (place.n,)
            )
        said = text_of_content(content)
        if gone or said is None:
            raise Missing("This message is gone, and its files with it.", "Ask who sent it.")
        if not said.attachments:
            raise Missing(f"No file came with the message {quoted(text)}.", "Read it: aster chat show ID")
        return said.attachments

    def _lacking(self, found: Sequence[Attachment]) -> list[tuple[BlobId, int]]:
        """What has to be fetched. Raises: TextTooLarge: a size that no blob has."""
        if any(each.size > MAX_BLOB_BYTES or each.plain_size > each.size for each in found):
            raise TextTooLarge("This message claims a size that no file can have.", "Ask who sent it.")
        blobs = self._room.home.blobs
        wanted = {BlobId(each.blob): each.size for each in found}
        return [(blob, size) for blob, size in wanted.items() if not is_complete(blobs, blob)]

    def _saving(self, attachment: Attachment, target: Target, force: bool) -> Generator[int, None, str]:
        blobs = self._room.home.blobs
        manifest = blobs.manifest(attachment.blob)
        if manifest is None:
            raise Unavailable("This file is not here.", "Ask for it again while a peer is connected.")
        pieces = opened_blob(blobs, manifest, attachment.key, attachment.plain_size)
        try:
            return (yield from save_pieces(pieces, attachment.plain_size, target, force))
        except Unopenable:
            raise BadData(
                f"The file {quoted(attachment.name)} cannot be opened: it is not what was sent.",
                "Ask who sent it to send it again. Nothing was saved.",
            ) from None


def note_pinned(blob: bytes, now_ms: int, views: Views) -> None:
    """Remember that a blob was pinned for a message, so that it is let go once the message is."""
    views.execute(
        "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)", (_PINNED + blob.hex(), now_ms.to_bytes(8, "big"))
    )


def let_go(home: Home, now_ms: int) -> list[bytes]:
    """Unpin the blobs of messages that are gone, or that were never sent; which."""
    with home.entries.views() as views:
        noted = views.execute("SELECT name, value FROM chat_notes WHERE name GLOB ?", (_PINNED + "*",))
        old = {bytes.fromhex(name[len(_PINNED) :]) for name, value in noted if _is_old(value, now_ms)}
        if not old:
            return []
        contents = views.execute(
            "SELECT content FROM chat_messages WHERE gone = 0 AND kind = 1 AND device = ?", (home.device,)
        )
    said = (text_of_content(content) for (content,) in contents)
    held = {each.blob for text in said if text is not None for each in text.attachments}
    gone = sorted(old - held)
    home.blobs.pin_all(gone, False)
    return gone


def forget_pinned(blobs: Sequence[bytes], views: Views) -> None:
    """Forget what was let go."""
    for blob in blobs:
        views.execute("DELETE FROM chat_notes WHERE name = ?", (_PINNED + blob.hex(),))


def _is_old(value: bytes, now_ms: int) -> bool:
    return now_ms - int.from_bytes(value, "big") > UNSENT_KEPT_MS


def opened_blob(
    blobs: BlobStore, manifest: Manifest, key: bytes, plain_bytes: int | None = None
) -> Iterator[bytes]:
    """The pieces of the file in a complete blob. Raises: Unopenable, also in the middle; Missing."""
    return streams.opened(Joined(chunks_of(blobs, manifest)), key, plain_bytes)


def is_complete(blobs: BlobStore, blob: bytes) -> bool:
    """Is all of a blob here?"""
    return blobs.manifest(blob) is not None and not blobs.missing(blob)


def targets_of(found: Sequence[Attachment], out: str, force: bool) -> list[Target]:
    """Where the files of a message are saved: each under a name of its own.

    Raises: Conflict: something is there. Missing, BadData: `out` is no place for them.
    """
    names = safe_names(found)
    targets = [target_of(out, name) for name in names]
    if len({target.path for target in targets}) < len(targets):
        raise BadData(f"There are {len(targets)} files, and {quoted(out)} is no folder.", "Name a folder.")
    for target in targets:
        check_free(target, force)
    return targets


def safe_names(found: Sequence[Attachment]) -> list[str]:
    """The names of files from somebody else, as they can be written everywhere, none like another."""
    names: list[str] = []
    for each in found:
        plain = f"file-{short(each.blob)}"
        name = each.name if is_name(each.name) else plain
        stem, dot, end = name.rpartition(".") if "." in name[1:] else (name, "", "")
        tried = 1
        while alike(name) in map(alike, names):
            tried += 1
            name = f"{stem}-{tried}{dot}{end}"
            if not is_name(name):  # too long by now
                name = f"{plain}-{tried}"
        names.append(name)
    return names
