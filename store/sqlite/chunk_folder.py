"""A folder of sealed chunks: one file each, under a name that says nothing.

    <folder>/xx/<38 more>   name: BLAKE2b-160 of the chunk's id under a key of the home, in hex
    <folder>/new/<chance>   being written; renamed into its place when it is whole

A file is a nonce of 12 bytes made by chance, and what `store.sealing` makes of the chunk under a key of its
own: BLAKE2b-256 of the chunk's id under another key of the home. A whole chunk of 262,144 bytes is sealed as
it is. After a shorter one come zeros and its length (4 bytes, big-endian), so that the file is a whole number
of blocks of 4,096 bytes. So the disk tells how much is held and since when, to within a block, and not what.
What is written in part has no name yet; what was cut, changed or put in another's place does not unseal. All
of these count as absent.

Nothing here knows of blobs. For any thread.
"""

import errno
import os
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from store.blobs import CHUNK_BYTES
from store.crypto import keyed_digest
from store.errors import Damaged, StorageFull, StoreError
from store.sealing import KEY_BYTES, NONCE_BYTES, TAG_BYTES, seal, unseal

_BLOCK_BYTES: Final = 4_096
"""Files are a multiple of this: they take so much of the disk anyhow, and the length of a last chunk would
tell a known file by its size."""

_LENGTH_BYTES: Final = 4
_WHOLE_FILE_BYTES: Final = NONCE_BYTES + CHUNK_BYTES + TAG_BYTES
_OVERHEAD_BYTES: Final = NONCE_BYTES + _LENGTH_BYTES + TAG_BYTES
"""Of a shorter chunk."""

_NAME_BYTES: Final = 20
_FOLDER_CHARS: Final = 2
_NEW: Final = "new"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_ZEROS: Final = bytes(_BLOCK_BYTES)


class ChunkFolder:
    """Sealed chunks by id. Several processes may read while one writes."""

    def __init__(self, folder: Path, name_key: bytes, seal_key: bytes, *, read_only: bool) -> None:
        """`name_key`, `seal_key`: 32 bytes each. Makes the folder and removes what was left half written.

        Raises:
            StorageFull, StoreError: it cannot be made.
        """
        self._folder = str(folder)
        self._name_key, self._seal_key = name_key, seal_key
        self._read_only = read_only
        self._placing = threading.Lock()
        """Held while a file gets its name or loses it, and while all are counted."""
        self._used_bytes: int | None = None
        """None: not counted yet."""
        if not read_only:
            with _own_errors():
                os.makedirs(os.path.join(self._folder, _NEW), _FOLDER_MODE, exist_ok=True)
                for entry in os.scandir(os.path.join(self._folder, _NEW)):
                    os.unlink(entry.path)

    def name_of(self, chunk: bytes) -> str:
        """The name of a chunk's file within its folder of `xx`, with that folder: 41 characters."""
        name = keyed_digest(self._name_key, chunk, _NAME_BYTES).hex()
        return f"{name[:_FOLDER_CHARS]}/{name[_FOLDER_CHARS:]}"

    def _path(self, chunk: bytes) -> str:
        return f"{self._folder}/{self.name_of(chunk)}"

    def has(self, chunk: bytes, size_bytes: int) -> bool:
        """Is there a file as long as that of a chunk of `size_bytes`? Only reading tells if it unseals."""
        return _size_of(self._path(chunk)) == _file_bytes(size_bytes)

    def put(self, chunk: bytes, data: bytes) -> None:
        """Write a chunk, over one that is there.

        Raises:
            StorageFull: nothing was written.
            StoreError: the folder cannot be written.
        """
        if self._read_only:
            raise StoreError("this store was opened for reading only")
        path, parts = self._path(chunk), self._sealed(chunk, data)
        new = os.path.join(self._folder, _NEW, os.urandom(8).hex())
        with _own_errors():
            try:
                _write_file(new, parts)
                with self._placing:
                    before = max(_size_of(path), 0)
                    _rename(new, path)
                    self._count(_file_bytes(len(data)) - before)
            except OSError:
                with suppress(OSError):
                    os.unlink(new)
                raise

    def _count(self, grown_bytes: int) -> None:
        if self._used_bytes is not None:
            self._used_bytes += grown_bytes

    def _sealed(self, chunk: bytes, data: bytes) -> tuple[bytes, bytes]:
        nonce = os.urandom(NONCE_BYTES)
        if len(data) != CHUNK_BYTES:
            spare = _file_bytes(len(data)) - _OVERHEAD_BYTES - len(data)
            data = b"".join((data, _ZEROS[:spare], len(data).to_bytes(_LENGTH_BYTES, "big")))
        return nonce, seal(self._key_of(chunk), nonce, data)

    def _key_of(self, chunk: bytes) -> bytes:
        return keyed_digest(self._seal_key, chunk, KEY_BYTES)

    def read(self, chunk: bytes) -> bytes | None:
        """A chunk; None where there is none, or what is there does not unseal."""
        try:
            with open(self._path(chunk), "rb", buffering=0) as file:
                nonce, sealed = file.read(NONCE_BYTES), file.read()
        except OSError:
            return None
        if len(nonce) + len(sealed) < _OVERHEAD_BYTES:
            return None
        try:
            data = unseal(self._key_of(chunk), nonce, sealed)
        except Damaged:
            return None
        if len(nonce) + len(sealed) == _WHOLE_FILE_BYTES:
            return data
        return data[: int.from_bytes(data[-_LENGTH_BYTES:], "big")]

    def remove(self, chunk: bytes) -> int:
        """Remove a chunk. Gives the bytes that its file had, 0 where there was none. Raises: StoreError."""
        with self._placing, _own_errors():
            return self._unlink(self._path(chunk))

    def remove_damaged(self, chunk: bytes) -> bool:
        """Remove a chunk if there is one and it does not unseal. Was there? Raises: StoreError."""
        path = self._path(chunk)
        if _size_of(path) < 0:
            return False
        with self._placing, _own_errors():
            return self.read(chunk) is None and self._unlink(path) > 0

    def _unlink(self, path: str) -> int:
        size = max(_size_of(path), 0)
        with suppress(FileNotFoundError):
            os.unlink(path)
        self._count(-size)
        return size

    def sync(self, chunks: Iterable[bytes]) -> None:
        """Return once these chunks are safe against loss of power. Raises: StorageFull, StoreError."""
        paths = [self._path(chunk) for chunk in chunks]
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
                self._used_bytes = sum(size for _, size in self._files())
            return self._used_bytes

    def sweep(self, keep: Container[str]) -> int:
        """Remove files that `name_of` gives for none of those to `keep`: their number. Raises: StoreError."""
        with self._placing, _own_errors():
            strays = [name for name, _ in self._files() if name not in keep]
            for name in strays:
                self._unlink(f"{self._folder}/{name}")
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
    if size_bytes == CHUNK_BYTES:
        return _WHOLE_FILE_BYTES
    return -(-(size_bytes + _OVERHEAD_BYTES) // _BLOCK_BYTES) * _BLOCK_BYTES


def _size_of(path: str) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return -1


def _write_file(path: str, parts: Sequence[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    try:
        if os.writev(handle, parts) != sum(map(len, parts)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(handle)


def _rename(new: str, path: str) -> None:
    """Move a file into its folder, which is made where it is missing."""
    try:
        os.rename(new, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), _FOLDER_MODE, exist_ok=True)
        os.rename(new, path)


def _sync_path(path: str) -> None:
    """Sync a file or a folder; one that is gone was dropped meanwhile."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
