"""Texts that a person gives: as an argument, from standard input, or in a file. UTF-8 or nothing."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.errors import BadData, Missing, TextTooLarge

MAX_INPUT_BYTES: Final = 1_000_000
"""Most that is read of one text. The node's own limit (32 KiB) is far lower and says so better; this only
keeps a device file or a film out of memory."""

MAX_LINE_BYTES: Final = 100_000
"""Longest line of `post --lines`; over the node's limit, for the same reason."""

BATCH_LINES: Final = 500
"""Lines in one request: enough that one full sync of the disk does not count, few enough to be quick."""

BATCH_BYTES: Final = 1_000_000
"""Size of the lines in one request; JSON may triple it and the limit of a request is 16 MiB."""

_READ_BYTES: Final = 262_144
_UTF8_ADVICE: Final = "Convert it first, for example with: iconv -f WINDOWS-1251 -t UTF-8"


def read_text(argument: str) -> str:
    """The text of an argument, or all of standard input where it is ``-``, without the last line end.

    Raises:
        BadData: it is not UTF-8.
        TextTooLarge: standard input is over `MAX_INPUT_BYTES`.
    """
    if argument != "-":
        return check_argument(argument)
    return _decode(_limited(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1), "Standard input"), "Standard input")


def read_file(path: str, max_bytes: int = MAX_INPUT_BYTES) -> str:
    """The whole text of a file, or of standard input where `path` is ``-``; line ends as they are.

    Raises:
        Missing: it cannot be read.
        BadData: it is not UTF-8.
        TextTooLarge: it is over `max_bytes`.
    """
    if path == "-":
        data, name = sys.stdin.buffer.read(max_bytes + 1), "Standard input"
    else:
        name = path
        try:
            with Path(path).open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError as error:
            raise Missing(f"{path} cannot be read: {error.strerror}.", "Check its name and mode.") from None
    return _decode(_limited(data, name, max_bytes), name, strip=False)


def check_argument(text: str) -> str:
    """`text` where it is UTF-8. Raises: BadData."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadData("The text is not valid UTF-8.", _UTF8_ADVICE) from None
    return text


def line_batches(descriptor: int) -> Iterator[list[str]]:
    """The lines that are not empty of a file descriptor, in batches, each as soon as it is there.

    A batch is what could be read at once, at most `BATCH_LINES` and about `BATCH_BYTES`; so a slow writer's
    lines go out one by one and a file's by the hundred.

    Raises:
        BadData: a line is not UTF-8. The lines before it were given.
        TextTooLarge: a line is over `MAX_LINE_BYTES`. The lines before it were given.
    """
    number = 0
    rest = b""
    while data := os.read(descriptor, _READ_BYTES):
        *whole, rest = (rest + data).split(b"\n")
        yield from _batches(whole, number)
        number += len(whole)
        if len(rest) > MAX_LINE_BYTES:
            raise _long_line(number + 1)
    yield from _batches([rest], number)


def _batches(lines: list[bytes], number: int) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        number += 1
        try:
            if len(line) > MAX_LINE_BYTES:
                raise _long_line(number)
            text = _decode(line, f"Line {number}").removesuffix("\r")
        except (BadData, TextTooLarge):
            if batch:
                yield batch
            raise
        if text.strip():
            batch.append(text)
            size += len(line)
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _long_line(number: int) -> TextTooLarge:
    return TextTooLarge(f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes.", "Split it.")


def _limited(data: bytes, name: str, max_bytes: int = MAX_INPUT_BYTES) -> bytes:
    if len(data) > max_bytes:
        raise TextTooLarge(
            f"{name} has more than {max_bytes:,} bytes.",
            "A message holds 32 KiB, a document 4 MiB (aster doc put). Longer: aster file add",
        )
    return data


def _decode(data: bytes, name: str, strip: bool = True) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"{name} is not valid UTF-8 (at byte {error.start}).", _UTF8_ADVICE) from None
    return text.removesuffix("\n").removesuffix("\r") if strip else text
