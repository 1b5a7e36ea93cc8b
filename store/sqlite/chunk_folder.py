"""A folder of sealed chunks: one file each, under a name that says nothing.

    <folder>/xx/<38 more>   name: BLAKE2b-160 of the chunk's id under a key of the home, in hex

A file is the chunk, zeros, and the chunk's length (4 bytes, big-endian), all this as `store.sealing` seals
it, and after that the nonce. The key is BLAKE2b-256 of the chunk's id under another key of the home; the
nonce is 12 bytes of chance. There are so many zeros that the file is a whole number of blocks of 4,096
bytes: the disk tells how much is held and since when, to within a block, and not what. What is written in
part is shorter than it should be; what was cut, changed or put in another's place does not unseal. All of
these count as absent, so that a file may have its name while it is being written.

Nothing here knows of blobs. For any thread.
"""

import errno
import mmap
import os
import threading
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from store.blobs import CHUNK_BYTES
from store.crypto import keyed_digest
from store.errors import Damaged, StorageFull, StoreError
from store.sealing import KEY_BYTES, NONCE_BYTES, TAG_BYTES, seal_in_place, unseal_in_place

_BLOCK_BYTES: Final = 4_096
"""Files are a multiple of this: they take so much of the disk anyhow, the length of a last chunk would tell a
known file by its size, and disks that are written past the page cache want whole blocks."""

_LENGTH_BYTES: Final = 4
_OVERHEAD_BYTES: Final = _LENGTH_BYTES + TAG_BYTES + NONCE_BYTES
_NAME_BYTES: Final = 20
_FOLDER_CHARS: Final = 2
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_PAST_CACHE: Final = getattr(os, "O_DIRECT", 0)
"""Linux: the disk takes the bytes from our own memory. 0: this system has no such thing."""

_ZEROS: Final = bytes(_BLOCK_BYTES)


class _Scratch(threading.local):
    """Room for one file, in each thread: it begins at a border of a page, as disks want it."""

    def __init__(self) -> None:
        self.room = memoryview(mmap.mmap(-1, _file_bytes(CHUNK_BYTES)))


class ChunkFolder:
    """Sealed chunks by id. Several processes may read while one writes."""

    def __init__(self, folder: Path, name_key: bytes, seal_key: bytes, *, read_only: bool) -> None:
        """`name_key`, `seal_key`: 32 bytes each. Makes the folder.

        Raises:
            StorageFull, StoreError: it cannot be made.
        """
        self._folder = str(folder)
        self._name_key, self._seal_key = name_key, seal_key
        self._read_only = read_only
        self._scratch = _Scratch()
        self._placing = threading.Condition(threading.Lock())
        """Held while a file gets its name or loses it, and while all are counted."""
        self._being_written: set[str] = set()
        """Names of files, which nobody else may touch."""
        self._past_cache = _PAST_CACHE
        """0, once the file system has said that it cannot do that."""
        self._used_bytes: int | None = None
        """None: not counted yet. Without those that are being written."""
        if not read_only:
            with _own_errors():
                os.makedirs(self._folder, _FOLDER_MODE, exist_ok=True)

    def name_of(self, chunk: bytes) -> str:
        """The name of a chunk's file within its folder of `xx`, with that folder: 41 characters."""
        name = keyed_digest(self._name_key, chunk, _NAME_BYTES).hex()
        return f"{name[:_FOLDER_CHARS]}/{name[_FOLDER_CHARS:]}"

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def has(self, chunk: bytes, size_bytes: int) -> bool:
        """Is there a file as long as that of a chunk of `size_bytes`? Only reading tells if it unseals."""
        return _size_of(self._path(self.name_of(chunk))) == _file_bytes(size_bytes)

    # --- writing ------------------------------------------------------------------------------------

    def put(self, chunk: bytes, data: bytes | memoryview, *, over: bool, cached: bool) -> None:
        """Write a chunk; `over`: even if there is a file as long as its own. `cached`: it is read soon.

        Raises:
            StorageFull: nothing was written.
            StoreError: the folder cannot be written.
        """
        if self._read_only:
            raise StoreError("this store was opened for reading only")
        name, size = self.name_of(chunk), _file_bytes(len(data))
        path, written_bytes = self._path(name), 0
        with self._placing, _own_errors():
            is_new = self._wait_for(name)
            there_bytes = _size_of(path)
            if there_bytes == size and (is_new or not over):
                return
            if there_bytes >= 0:
                self._unlink(path)
            self._being_written.add(name)
        try:
            with _own_errors():
                self._write(path, self._sealed(chunk, data), cached=cached)
            written_bytes = size
        finally:
            with self._placing:
                self._being_written.discard(name)
                self._count(written_bytes)
                self._placing.notify_all()

    def _wait_for(self, name: str) -> bool:
        """Wait until nobody writes a file. Did anybody? The lock is held."""
        waited = False
        while name in self._being_written:
            waited = True
            self._placing.wait()
        return waited

    def _sealed(self, chunk: bytes, data: bytes | memoryview) -> memoryview:
        """The file of a chunk, in this thread's room."""
        file = self._scratch.room[: _file_bytes(len(data))]
        file[: len(data)] = data
        end = len(file) - NONCE_BYTES - TAG_BYTES
        file[len(data) : end - _LENGTH_BYTES] = _ZEROS[: end - _LENGTH_BYTES - len(data)]
        file[end - _LENGTH_BYTES : end] = len(data).to_bytes(_LENGTH_BYTES, "big")
        nonce = os.urandom(NONCE_BYTES)
        seal_in_place(self._key_of(chunk), nonce, file[:-NONCE_BYTES])
        file[-NONCE_BYTES:] = nonce
        return file

    def _key_of(self, chunk: bytes) -> bytes:
        return keyed_digest(self._seal_key, chunk, KEY_BYTES)

    def _write(self, path: str, file: memoryview, *, cached: bool) -> None:
        """Raises: OSError: it was not written, and what of it was is gone."""
        past_cache = 0 if cached or len(file) < CHUNK_BYTES else self._past_cache
        try:
            handle = self._make(path, past_cache)
            try:
                if os.pwrite(handle, file, 0) != len(file):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(handle)
        except OSError as error:
            with suppress(OSError):
                os.unlink(path)
            if not past_cache or error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
            self._past_cache = 0
            self._write(path, file, cached=True)

    def _make(self, path: str, flags: int) -> int:
        """A new file, for writing, in its folder, which is made where it is missing."""
        with suppress(FileNotFoundError):
            return os.open(path, _WRITING | flags, _FILE_MODE)
        os.makedirs(os.path.dirname(path), _FOLDER_MODE, exist_ok=True)
        return os.open(path, _WRITING | flags, _FILE_MODE)

    def _count(self, grown_bytes: int) -> None:
        if self._used_bytes is not None:
            self._used_bytes += grown_bytes

    # --- reading ------------------------------------------------------------------------------------

    def read(self, chunk: bytes) -> bytes | None:
        """A chunk; None where there is none, or what is there does not unseal."""
        room = self._scratch.room
        try:
            handle = os.open(self._path(self.name_of(chunk)), os.O_RDONLY | os.O_CLOEXEC)
            try:
                file = room[: os.readv(handle, [room])]
                is_longer = len(file) == len(room) and os.read(handle, 1) != b""
            finally:
                os.close(handle)
        except OSError:
            return None
        if len(file) < _OVERHEAD_BYTES or is_longer:
            return None
        try:
            unseal_in_place(self._key_of(chunk), bytes(file[-NONCE_BYTES:]), file[:-NONCE_BYTES])
        except Damaged:
            return None
        end = len(file) - NONCE_BYTES - TAG_BYTES
        return bytes(file[: int.from_bytes(file[end - _LENGTH_BYTES : end], "big")])

    # --- removing -----------------------------------------------------------------------------------

    def remove(self, chunk: bytes) -> int:
        """Remove a chunk. Gives the bytes that its file had, 0 where there was none. Raises: StoreError."""
        name = self.name_of(chunk)
        with self._placing, _own_errors():
            self._wait_for(name)
            return self._unlink(self._path(name))

    def remove_damaged(self, chunk: bytes) -> bool:
        """Remove a chunk if there is one and it does not unseal. Was there? Raises: StoreError."""
        name = self.name_of(chunk)
        if _size_of(self._path(name)) < 0:
            return False
        with self._placing, _own_errors():
            self._wait_for(name)
            return self.read(chunk) is None and self._unlink(self._path(name)) > 0

    def _unlink(self, path: str) -> int:
        size = max(_size_of(path), 0)
        with suppress(FileNotFoundError):
            os.unlink(path)
        self._count(-size)
        return size

    def sync(self, chunks: Iterable[bytes]) -> None:
        """Return once these chunks are safe against loss of power. Raises: StorageFull, StoreError."""
        paths = [self._path(self.name_of(chunk)) for chunk in chunks]
        folders = {os.path.dirname(path) for path in paths}
        with _own_errors():
            for path in [*paths, *sorted(folders), self._folder]:
                _sync_path(path)

    def sync_disk(self) -> None:
        """As `sync` for everything: quicker than file by file where they are many and small."""
        os.sync()

    def used_bytes(self) -> int:
        """Bytes of all files. The first time it looks at each of them, some 2 µs a file; where another
        process writes, every time."""
        with self._placing, _own_errors():
            if self._used_bytes is None or self._read_only:
                self._used_bytes = sum(
                    size for name, size in self._files() if name not in self._being_written
                )
            return self._used_bytes

    def sweep(self, keep: Container[str]) -> int:
        """Remove files that `name_of` gives for none of those to `keep`: their number. Raises: StoreError."""
        with self._placing, _own_errors():
            strays = [name for name, _ in self._files() if name not in keep]
            for name in strays:
                self._wait_for(name)
                self._unlink(self._path(name))
            return len(strays)

    def _files(self) -> Iterator[tuple[str, int]]:
        """Names as `name_of` gives them, and bytes."""
        try:
            folders = sorted(entry.name for entry in os.scandir(self._folder) if entry.is_dir())
        except FileNotFoundError:
            return
        for folder in folders:
            if len(folder) == _FOLDER_CHARS:
                for entry in os.scandir(f"{self._folder}/{folder}"):
                    with suppress(FileNotFoundError):
                        yield f"{folder}/{entry.name}", entry.stat(follow_symlinks=False).st_size


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("the disk is full; nothing was written") from error
        raise StoreError(f"the folder of blobs cannot be written: {error.strerror}") from error


def _file_bytes(size_bytes: int) -> int:
    """Bytes of the file of a chunk of `size_bytes`."""
    return -(-(size_bytes + _OVERHEAD_BYTES) // _BLOCK_BYTES) * _BLOCK_BYTES


def _size_of(path: str) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return -1


def _sync_path(path: str) -> None:
    """Sync a file or a folder; one that is gone was dropped meanwhile."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
