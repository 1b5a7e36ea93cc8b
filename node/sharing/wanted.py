"""The blobs that people at this node asked for and that are not here yet. Kept in a setting of the home, so
that a fetch goes on after a restart.

    setting blobs_wanted   canonical msgpack [1, [[blob bin32, size int], …]], the oldest first
"""

import threading
from collections.abc import Sequence
from typing import Final

from node.errors import Conflict
from node.home import Home
from store.codec import decode, encode
from store.errors import NotCanonical

MAX_WANTED: Final = 4_096
"""Blobs that may be asked for at a time: a folder of so many files, and the setting stays below 200 kB."""

_SETTING: Final = "blobs_wanted"
_VERSION: Final = 1
_MAX_BYTES: Final = 2**20


class WantedBlobs:
    """The list, as it is on the disk. Thread-safe."""

    def __init__(self, home: Home) -> None:
        """Read the list. One that cannot be read is an empty one. Raises: StoreError."""
        self._home = home
        self._changing = threading.Lock()
        self._is_flushed = True
        self._sizes = _parse(home.tables.setting(_SETTING) or b"")

    def __contains__(self, blob: bytes) -> bool:
        return blob in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def items(self) -> list[tuple[bytes, int]]:
        """Blob and size in bytes, the oldest first."""
        return list(self._sizes.items())

    def add(self, blobs: Sequence[tuple[bytes, int]]) -> None:
        """Note durably that blobs of these sizes are asked for, all or none.

        Raises: Conflict: too many are. StorageFull.
        """
        with self._changing:
            sizes = {**self._sizes, **dict(blobs)}
            if len(sizes) > MAX_WANTED:
                raise Conflict(
                    f"{len(self._sizes):,} files are being fetched already; {MAX_WANTED:,} may be.",
                    "Wait until some of them are here, or end some: aster file drop",
                )
            if sizes != self._sizes:
                self._write(sizes)

    def remove(self, blob: bytes) -> None:
        """A blob is not asked for any more. The disk learns it with the next change, or by `flush`."""
        with self._changing:
            if blob in self._sizes:
                self._sizes = {known: size for known, size in self._sizes.items() if known != blob}
                self._is_flushed = False

    def flush(self) -> None:
        """Write the list if it is not on the disk as it is. Raises: StorageFull."""
        with self._changing:
            if not self._is_flushed:
                self._write(self._sizes)

    def _write(self, sizes: dict[bytes, int]) -> None:
        rows = [[blob, size] for blob, size in sizes.items()]
        self._home.tables.set({_SETTING: encode([_VERSION, rows])})
        self._sizes = sizes
        self._is_flushed = True


def _parse(data: bytes) -> dict[bytes, int]:
    try:
        value = decode(data, _MAX_BYTES, MAX_WANTED) if data else None
    except NotCanonical:
        return {}
    match value:
        case (1, tuple(rows)):
            return dict(row for row in rows if _is_row(row))  # type: ignore[misc]
        case _:
            return {}


def _is_row(row: object) -> bool:
    match row:
        case (bytes(blob), int(size)):
            return len(blob) == 32 and size >= 0
        case _:
            return False
