"""A process that does nothing but write the search index, for `node.index_process`. Ends when its input ends.

    input   first the file: 4-byte length and JSON [path, key in hex]; then steps: 4-byte length and JSON
            [before, after, rows, gone, back, bytes], then so many times 8-byte row and 4-byte length of
            its text, so many times 8-byte row, and once more row and length, then the texts in one piece
    output  for each step one byte: k it is written, s another process was first, or why nothing was
            written: f the disk is full, l the file is locked, d it is damaged

`before` and `after` are `store.sqlite.search_steps.Progress`, the anchor in hex. Numbers are little-endian.
The key of the index comes through the pipe, so that nobody reads it in a list of processes; the process
gets no other key. Imports as little as it can.
"""

import json
import struct
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from node import core_dumps
from store.errors import Damaged, NotFound, StorageFull, StoreLocked, WrongKey
from store.sqlite.connection import Database
from store.sqlite.search_steps import Progress, Step, open_index, write_step

WRITTEN: Final = b"k"
SKIPPED: Final = b"s"
FULL: Final = b"f"
LOCKED: Final = b"l"
BROKEN: Final = b"d"

_LENGTH: Final = struct.Struct("<I")
_ROW_BYTES: Final = 8
_SIZE_BYTES: Final = 4


def pack_file(path: Path, key: bytes) -> bytes:
    """The first message: which file, and its 32-byte key."""
    return _pack_json([str(path), key.hex()])


def pack_step(before: Progress, step: Step) -> bytes:
    """A step as a message."""
    texts: list[bytes] = []
    tables: list[bytes] = []
    for rows in (step.rows, step.back):
        encoded = [text.encode() for _, text in rows]
        tables.append(array("q", [row for row, _ in rows]).tobytes())
        tables.append(array("I", list(map(len, encoded))).tobytes())
        texts += encoded
    gone = array("q", step.gone).tobytes()
    data = b"".join(texts)
    counts = [len(step.rows), len(step.gone), len(step.back), len(data)]
    head = _pack_json([_plain(before), _plain(step.after), *counts])
    return b"".join((head, *tables[:2], gone, *tables[2:], data))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Write steps until `source` ends. Raises: SystemExit: it ended within a message."""
    path, key = _read_json(source)
    database: Database | None = None
    try:
        while head := source.read(_LENGTH.size):
            before, step = _read_step(source, head)
            try:
                if database is None:
                    database = open_index(Path(path), bytes.fromhex(key), create=False)
                answer = WRITTEN if write_step(database, before, step) else SKIPPED
            except StorageFull:
                answer = FULL
            except StoreLocked:
                answer = LOCKED
            except (Damaged, WrongKey, NotFound):
                answer = BROKEN
            sink.write(answer)
            sink.flush()
    finally:
        if database is not None:
            database.close()


def main() -> None:
    """Serve standard input and output, until the one who asks is gone."""
    core_dumps.forbid()
    with suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


def _read_step(source: BinaryIO, head: bytes) -> tuple[Progress, Step]:
    before, after, rows, gone, back, size_bytes = _read_json(source, head)
    first = _read_table(source, rows)
    went = array("q", _read(source, gone * _ROW_BYTES))
    second = _read_table(source, back)
    data = _read(source, size_bytes)
    came, at = _cut(data, 0, *first)
    again, _ = _cut(data, at, *second)
    return _progress(before), Step(_progress(after), came, went, again)


def _read_table(source: BinaryIO, count: int) -> tuple[Sequence[int], Sequence[int]]:
    return array("q", _read(source, count * _ROW_BYTES)), array("I", _read(source, count * _SIZE_BYTES))


def _cut(
    data: bytes, at: int, rows: Sequence[int], sizes: Sequence[int]
) -> tuple[list[tuple[int, str]], int]:
    found: list[tuple[int, str]] = []
    for row, size in zip(rows, sizes, strict=True):
        found.append((row, data[at : at + size].decode()))
        at += size
    return found, at


def _plain(progress: Progress) -> list[Any]:
    return [*progress._replace(anchor=None), None if progress.anchor is None else progress.anchor.hex()]


def _progress(plain: Sequence[Any]) -> Progress:
    key, anchor_key, _, change, anchor = plain
    return Progress(key, anchor_key, None if anchor is None else bytes.fromhex(anchor), change)


def _pack_json(value: list[Any]) -> bytes:
    data = json.dumps(value).encode()
    return _LENGTH.pack(len(data)) + data


def _read_json(source: BinaryIO, head: bytes = b"") -> list[Any]:
    head += _read(source, _LENGTH.size - len(head))
    found: list[Any] = json.loads(_read(source, *_LENGTH.unpack(head)))
    return found


def _read(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise SystemExit(0)
    return data


if __name__ == "__main__":
    main()
