"""Archives as files behind a passphrase, and the way of any archive into this home. For the trio thread.

An archive is read twice: first to its end, so that nothing of one that is cut or damaged is kept; then a part
at a time, each in a step of its own.
"""

import os
import stat
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from typing import BinaryIO, Final, Protocol, TypeVar

import trio

from node.apps.messenger.desk import Desk
from node.desk import Room
from node.errors import BadData, Missing, WrongPassphrase
from node.looking import Json
from node.messaging.archive import BadArchive, Chat, Header, Kept, Record, read_records
from node.messaging.archiving import PAGE, Came, ReadingIn, records
from node.quoting import quoted
from node.secrecy import streams
from node.secrecy.errors import Unopenable
from node.secrecy.streams import Joined, NoArchive, Source
from store.ids import AuthorId

_READ_BYTES: Final = 262_144

T = TypeVar("T")


class Steps(Protocol):
    """Does steps of the messenger; `node.messaging.api`."""

    async def compose(self, step: Callable[[Desk], None]) -> object:
        """Do a step with what it wants written, durably."""
        ...

    async def change(self, step: Callable[[Desk], T]) -> T:
        """Do a step that writes no entries."""
        ...


class Counted:
    """Records, counted as they go by."""

    def __init__(self, found: Iterator[Record]) -> None:
        self._found = found
        self.messages = self.chats = 0
        """How many went by."""

    def __iter__(self) -> Iterator[Record]:
        for record in self._found:
            self.messages += isinstance(record, Kept) and bool(record.entry)
            self.chats += isinstance(record, Chat)
            yield record

    def progress(self, total: int) -> Json:
        """How many went by, of how many as they were counted before."""
        return {"event": "writing", "messages": self.messages, "of": max(total, self.messages)}


class Reader:
    """Reads archives into this home, and its messages out."""

    def __init__(self, room: Room, steps: Steps) -> None:
        self._room = room
        self._steps = steps

    def records(self, *, with_expiring: bool) -> Iterator[Record]:
        """Everything that was said here, see `node.messaging.archiving.records`."""
        home = self._room.home
        who = self._room.names.now().bearer(home.device)
        return records(home, who, self._room.now_ms(), with_expiring=with_expiring)

    async def read_in(
        self, opening: Callable[[], Iterator[bytes]], giver: AuthorId | None = None
    ) -> AsyncGenerator[Json, None]:
        """Check an archive to its end, then take it in. `giver`: the device that gave it as a history."""
        total = await trio.to_thread.run_sync(_checked, opening)
        found = read_records(Joined(opening()))
        new = known = 0
        reading: ReadingIn | None = None
        while part := await trio.to_thread.run_sync(_next_part, found):
            if isinstance(part[0], Header):
                reading = ReadingIn(part[0])
                self._check(reading)
            assert reading is not None
            came = await self._steps.change(partial(_take, reading, part))
            new, known = new + came.messages, known + came.known
            yield {"event": "reading", "messages": new + known, "of": total}
        if giver is not None and reading is not None and reading.touched:
            await self._steps.change(partial(_note, reading, giver))
        yield {"event": "result", "messages": new, "known": known}

    def _check(self, reading: ReadingIn) -> None:
        home = self._room.home
        try:
            reading.check(
                home.network, self._room.names.now().bearer(home.device), home.membership is not None
            )
        except BadArchive as error:
            raise BadData(f"These messages cannot be read in: {error}.", "Nothing was changed.") from None


def _take(reading: ReadingIn, part: list[Record], desk: Desk) -> Came:
    try:
        return reading.take(desk, part)
    except BadArchive as error:
        raise BadData(f"These messages cannot be read in: {error}.", "Ask for them again.") from None


def _note(reading: ReadingIn, giver: AuthorId, desk: Desk) -> None:
    reading.note(desk, giver)


def _next_part(found: Iterator[Record]) -> list[Record]:
    with _refused():
        return list(islice(found, PAGE))


@contextmanager
def _refused() -> Iterator[None]:
    """Say in our words what is wrong with an archive. Raises: BadData, Missing."""
    try:
        yield
    except (BadArchive, Unopenable) as error:
        why = str(error) if isinstance(error, BadArchive) else "it was damaged or cut short"
        raise BadData(f"These messages cannot be read in: {why}.", "Nothing was changed.") from None
    except OSError as error:
        raise Missing(f"The file cannot be read: {error.strerror}.", "Check the disk it lies on.") from error


def _checked(opening: Callable[[], Iterator[bytes]]) -> int:
    """Read an archive to its end; how many messages it has. Raises: BadData."""
    pieces = opening()
    source: Source = Joined(pieces)
    with _refused():
        count = sum(isinstance(record, Kept) for record in read_records(source))
        while source.read(_READ_BYTES):
            pass  # padding: what follows is checked as well
    return count


def key_of(head: bytes, passphrase: str) -> bytes:
    """The key of an archive with this head. Takes half a second. Raises: BadData."""
    try:
        return streams.key_behind(head, passphrase)
    except Unopenable:
        raise BadData(
            f"A passphrase has 1 to {streams.MAX_PASSPHRASE_BYTES} bytes.", "Choose another one."
        ) from None


def key_of_file(path: str, passphrase: str) -> bytes:
    """The key of an archive, if the passphrase opens it. Raises: BadData, Missing, WrongPassphrase."""
    with _open(path) as file:
        try:
            head = streams.read_head(file)
        except NoArchive:
            raise BadData(
                f"{quoted(path)} is no file of messages.", "They are made by: aster chat export"
            ) from None
        key = key_of(head, passphrase)
        try:
            next(streams.opened(file, key))
        except Unopenable:
            raise WrongPassphrase(
                "The passphrase does not open this file, or its beginning is damaged.",
                "Try again. A forgotten passphrase cannot be recovered.",
            ) from None
    return key


def opened_file(path: str, key: bytes, stack: ExitStack) -> Iterator[bytes]:
    """The pieces of an archive; `stack` closes the file. Raises: as `key_of_file`; Unopenable."""
    file = stack.enter_context(_open(path))
    streams.read_head(file)
    return streams.opened(file, key)


def _open(path: str) -> BinaryIO:
    """A plain file that a person named; nobody waits at a pipe. Raises: Missing, BadData."""
    if not os.path.isabs(path) or "\0" in path:
        raise BadData(f"{quoted(path)} is no absolute path.", "Name it from the root of the file system.")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Missing(
            f"{quoted(path)} cannot be read: {error.strerror}.", "Check its name and mode."
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadData(f"{quoted(path)} is no file.", "Name the file that was exported.")
    return open(handle, "rb")
