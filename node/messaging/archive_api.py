"""The part of the api that takes messages out and in: their files, archives, history for a new device.

For the trio thread. What is long is done in threads, step by step, and ends where the client goes away.
"""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from itertools import chain
from typing import Final

import trio

from node.desk import Room
from node.errors import NodeError
from node.looking import Json
from node.messaging import attachments
from node.messaging.archive import written
from node.messaging.archive_files import Counted, Reader, Steps, key_of, key_of_file, opened_file
from node.messaging.archiving import count_of
from node.messaging.attachments import Attachments
from node.messaging.finding import conversation_text
from node.messaging.history import Histories
from node.secrecy import streams
from node.secrecy.streams import Hardness, Joined, Sealing
from node.sharing.api import SharingApi
from node.sharing.pacing import Done
from node.sharing.saving import check_free, save_pieces, target_of

TIDY_EVERY_S: Final = 3_600.0
_READ_BYTES: Final = 262_144


class ArchiveApi:
    """What a running node does with whole conversations for its owner."""

    def __init__(
        self, room: Room, sharing: SharingApi, steps: Steps, hardness: Hardness = streams.MODERATE
    ) -> None:
        """`hardness`: of the passphrases of new files."""
        self._room = room
        self._sharing = sharing
        self._reader = Reader(room, steps)
        self._histories = Histories(room, sharing, steps, self._reader)
        self._hardness = hardness
        self._attachments = Attachments(room, sharing)

    async def run(self) -> None:
        """Take in what other devices give, and let go of files of messages that are gone, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._histories.run)
            nursery.start_soon(self._let_go)

    async def _let_go(self) -> None:
        while True:
            await trio.sleep(TIDY_EVERY_S)
            with suppress(NodeError):  # a disk that is full or busy now may not be in an hour
                gone = await self._room.ask(attachments.let_go, self._room.home, self._room.now_ms())
                if gone:
                    await self._room.change(partial(attachments.forget_pinned, gone))

    # --- files of messages --------------------------------------------------------------------------

    async def chat_save(
        self, id: str, out: str, force: bool = False, timeout_s: float | None = None
    ) -> AsyncGenerator[Json, None]:
        """Save the files of a message: how far it has got, then where they are."""
        async with aclosing(self._attachments.save(id, out, force, timeout_s)) as events:
            async for event in events:
                yield event

    # --- archives -----------------------------------------------------------------------------------

    async def chat_export(
        self, path: str, passphrase: str, force: bool = False
    ) -> AsyncGenerator[Json, None]:
        """Write all messages into a file behind a passphrase: how many, then `path`, `messages`, `bytes`."""
        total = await self._room.ask(partial(count_of, self._room.home, with_expiring=False))
        counted = Counted(self._reader.records(with_expiring=False))
        async with aclosing(self._sharing.steps(self._exporting(path, passphrase, force, counted))) as steps:
            async for step in steps:
                if isinstance(step, Done):
                    size = await trio.to_thread.run_sync(os.path.getsize, step.result)
                    yield {
                        "event": "result",
                        "path": step.result,
                        "messages": counted.messages,
                        "conversations": counted.chats,
                        "bytes": size,
                    }
                else:
                    yield {
                        "event": "writing",
                        "messages": counted.messages,
                        "of": max(total, counted.messages),
                    }

    def _exporting(
        self, path: str, passphrase: str, force: bool, counted: Counted
    ) -> Generator[int, None, str]:
        target = target_of(path, f"messages-{conversation_text(os.urandom(16))[:8]}.aster")
        check_free(target, force)
        head = streams.new_head(self._hardness)
        sealing = Sealing(Joined(written(counted)), key_of(head, passphrase), padded=False)
        pieces = chain([head], iter(partial(sealing.read, _READ_BYTES), b""))
        return (yield from save_pieces(pieces, 0, target, force))

    async def chat_import(self, path: str, passphrase: str) -> AsyncGenerator[Json, None]:
        """Read messages in from such a file: how far it has got, then `messages`, those that are new here.

        The whole file is checked before anything of it is kept.
        """
        key = await trio.to_thread.run_sync(key_of_file, path, passphrase)
        with ExitStack() as stack:
            opening = partial(opened_file, path, key, stack)
            async with aclosing(self._reader.read_in(opening)) as events:
                async for event in events:
                    yield event

    # --- history --------------------------------------------------------------------------------------

    async def chat_history(self) -> Json:
        """How history for new devices stands, see `Histories.show`."""
        return await self._histories.show()

    async def chat_history_ask(self) -> Json:
        """Ask the other devices of the owner for history, and take what was given."""
        return await self._histories.ask()

    async def chat_history_give(self, device: str) -> AsyncGenerator[Json, None]:
        """Give another device of the owner's all that was said: how far it has got, then `messages`."""
        async with aclosing(self._histories.give(device)) as events:
            async for event in events:
                yield event
