"""History for another device of the same owner: all that was said, sealed in a blob under a key of its own.

Given on the old device, by its owner's command alone: whoever links a device with stolen words gets nothing
unasked. Taken only where this device has asked: no other one puts words into its history. The key goes in a
packet to the one device; the blob is carried by hubs, as any attachment. For the trio thread.
"""

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

import trio

from node.apps.messenger import bodies, receipts, tellings
from node.apps.messenger.bodies import History, Own
from node.apps.messenger.desk import Desk
from node.desk import Room
from node.errors import BadData, Missing, NodeError, Unavailable
from node.looking import Json
from node.messaging import attachments
from node.messaging.archive import written
from node.messaging.archive_files import Counted, Reader, Steps
from node.messaging.archiving import count_of
from node.messaging.attachments import opened_blob
from node.messaging.book import live_devices
from node.quoting import quoted
from node.secrecy import streams
from node.secrecy.streams import Joined, Sealing
from node.sharing.api import SharingApi
from node.sharing.pacing import Done
from store.blobs import Manifest
from store.codec import decode
from store.errors import NotCanonical
from store.ids import LOG_SEALED, AuthorId, to_text

FETCH_TIMEOUT_S: Final = 600.0
"""How long nothing of a history may come before it is tried again later."""

CLOSE_LOOK_S: Final = 1.0
"""Between two looks whether another device has given its history."""

RETRY_S: Final = 60.0
"""Until a history that could not be fetched is tried again."""

ASKED_KEPT_MS: Final = 30 * 86_400_000
"""How long it counts that this device asked for history: as long as hubs keep one."""

_DECOY_BYTES: Final = 210
"""Of a sealed message of the smallest class: an entry that carries a history looks like one with a file."""

_MAX_NOTE_BYTES: Final = 512
_WANTED: Final = "wanted:"
_OFFERED: Final = "history:"
_ASKED: Final = "history-asked"

_log = logging.getLogger(__name__)


class Offer(NamedTuple):
    """A history that another device of the owner's has given."""

    name: str
    device: AuthorId
    blob: bytes
    size: int
    key: bytes

    def __repr__(self) -> str:
        return "Offer(…)"


class Histories:
    """History between the devices of the owner, over a running node."""

    def __init__(self, room: Room, sharing: SharingApi, steps: Steps, reader: Reader) -> None:
        self._room = room
        self._sharing = sharing
        self._steps = steps
        self._reader = reader

    async def show(self) -> Json:
        """How it stands: `asked`: this device asked; `wanted`, `offered`: devices that ask, or have given."""
        offers = await self._room.ask(self._offers)
        wanted, is_asked = await self._room.ask(self._asking)
        return {
            "asked": is_asked,
            "wanted": [self._device(each) for each in wanted],
            "offered": [self._device(offer.device) for offer in offers],
        }

    def _device(self, device: AuthorId) -> Json:
        return {"device": to_text(device), "name": self._room.names.now().device(device)}

    async def ask(self) -> Json:
        """Let the other devices of the owner know that this one wants history; what was given is taken."""
        await self._steps.change(_ask)
        await self._steps.compose(receipts.flush)
        return await self.show()

    async def give(self, device: str) -> AsyncGenerator[Json, None]:
        """Give another device of the owner's all that was said: how far it has got, then `messages`."""
        target = await self._room.ask(self._own_device, device)
        total = await self._room.ask(partial(count_of, self._room.home, with_expiring=True))
        counted, key = Counted(self._reader.records(with_expiring=True)), streams.new_key()
        manifest: Manifest | None = None
        async with aclosing(self._sharing.steps(self._sealing(counted, key))) as steps:
            async for step in steps:
                if isinstance(step, Done):
                    manifest = step.result
                else:
                    yield {
                        "event": "writing",
                        "messages": counted.messages,
                        "of": max(total, counted.messages),
                    }
        assert manifest is not None
        await self._room.change(partial(attachments.note_pinned, manifest.id, self._room.now_ms()))
        await self._steps.compose(partial(_give, target, manifest, key))
        yield {
            "event": "result",
            **self._device(target),
            "messages": counted.messages,
            "bytes": manifest.size,
        }

    def _sealing(self, counted: Counted, key: bytes) -> Generator[int, None, Manifest]:
        """Keep everything that was said as a blob, sealed and pinned."""
        blobs = self._room.home.blobs
        with self._room.home.entries.views() as views:
            [(estimate,)] = views.execute("SELECT coalesce(sum(length(content) + 256), 0) FROM chat_messages")
        self._sharing.space.require(streams.sealed_bytes(estimate))
        return (yield from blobs.adding(Sealing(Joined(written(counted)), key, padded=True)))

    def _own_device(self, text: str) -> AuthorId:
        """Another live device of the owner's. Raises: Missing."""
        home, names = self._room.home, self._room.names.now()
        census = self._room.names.census()
        others = [each for each in live_devices(census, names.bearer(home.device)) if each != home.device]
        wanted = text.strip().casefold()
        found = [each for each in others if names.device(each).casefold() == wanted]
        found = found or [each for each in others if wanted and to_text(each).startswith(wanted)]
        if len(found) != 1:
            raise Missing(
                f"{quoted(text)} names {len(found)} other devices of yours.", "See yours: aster device list"
            )
        return found[0]

    def _asking(self) -> tuple[list[AuthorId], bool]:
        """Own devices that ask for history, and whether this one does."""
        census = self._room.names.census()
        live = live_devices(census, self._room.names.now().bearer(self._room.home.device))
        with self._room.home.entries.views() as views:
            rows = views.execute("SELECT name FROM chat_notes WHERE name GLOB ?", (_WANTED + "*",))
            asked = views.execute("SELECT value FROM chat_notes WHERE name = ?", (_ASKED,))
        wanted = {bytes.fromhex(name[len(_WANTED) :]) for (name,) in rows}
        since_ms = int.from_bytes(asked[0][0], "big") if asked else -ASKED_KEPT_MS
        return (
            [device for device in live if device in wanted],
            self._room.now_ms() - since_ms < ASKED_KEPT_MS,
        )

    def _offers(self) -> list[Offer]:
        """What other devices have given and was not taken yet."""
        with self._room.home.entries.views() as views:
            rows = views.execute(
                "SELECT name, value FROM chat_notes WHERE name GLOB ? ORDER BY name", (_OFFERED + "*",)
            )
        return [offer for name, value in rows if (offer := _offer(name, value)) is not None]

    async def run(self) -> None:
        """Take what other devices give, once this one has asked: nobody else puts words into its history."""
        while True:
            seen, is_left = self._room.intake.commits, False
            try:
                for offer in await self._room.ask(self._offers):
                    _, is_asked = await self._room.ask(self._asking)
                    is_left |= is_asked and not await self._take_history(offer)
            except NodeError as error:
                _log.warning("a history was not taken: %s", error.message)
                is_left = True
            with trio.move_on_after(RETRY_S if is_left else float("inf")):
                await self._room.intake.changed(seen)
            await trio.sleep(CLOSE_LOOK_S)

    async def _take_history(self, offer: Offer) -> bool:
        """Fetch a history and read it in. False: it could not be fetched yet."""
        blobs = self._room.home.blobs
        try:
            if not await self._room.ask(attachments.is_complete, blobs, offer.blob):
                await self._sharing.fetch(offer.blob, offer.size, FETCH_TIMEOUT_S)
            manifest = await self._room.ask(blobs.manifest, offer.blob)
            assert manifest is not None
            opening = partial(opened_blob, blobs, manifest, offer.key)
            async with aclosing(self._reader.read_in(opening, offer.device)) as events:
                async for _ in events:
                    pass
            await self._steps.change(partial(_want_groups, offer.device))
        except Unavailable:
            return False
        except BadData as error:
            _log.warning("a history of another device was refused: %s", error.message)
        await self._room.change(
            lambda views: views.execute("DELETE FROM chat_notes WHERE name = ?", (offer.name,))
        )
        return True


def _offer(name: str, value: bytes) -> Offer | None:
    try:
        match decode(value, _MAX_NOTE_BYTES, 4):
            case (bytes() as device, bytes() as blob, int() as size, bytes() as key):
                return Offer(name, AuthorId(device), blob, size, key)
    except NotCanonical:
        pass
    return None


def _ask(desk: Desk) -> None:
    """Remember that this device asked, and tell the others of the same owner."""
    desk.views.execute(
        "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)", (_ASKED, desk.now_ms.to_bytes(8, "big"))
    )
    for device in desk.world.devices(desk.world.who):
        if device != desk.world.device:
            receipts.put(desk, device, Own((("history",),)), desk.now_ms)


def _want_groups(device: AuthorId, desk: Desk) -> None:
    tellings.want_imported(desk, device)


def _give(target: AuthorId, manifest: Manifest, key: bytes, desk: Desk) -> None:
    """Tell a device where its history is; an entry that looks like any other has hubs carry the blob."""
    receipts.put(desk, target, History(manifest.id, manifest.size, key), desk.now_ms)
    tag, decoy = desk.chance(bodies.TAG_BYTES), desk.chance(_DECOY_BYTES)
    blobs = [(bytes(manifest.id), manifest.size)]
    desk.write(LOG_SEALED, lambda salt: bodies.compose_sealed(tag, decoy, blobs, salt))
    desk.views.execute("DELETE FROM chat_notes WHERE name = ?", (_WANTED + target.hex(),))
    receipts.flush(desk)
