"""The only place that prints. Data goes to stdout, messages to stderr.

What comes from the network is shown so that it cannot act on the terminal or pose as something else:
control characters and bidirectional overrides appear as escapes. In JSON they are escaped too, which
every reader undoes; other scripts stay as they are, so that output can be searched. On a terminal text in
a script that is written from right to left is isolated, so that it does not disorder the line around it.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, TextIO

from node.config import read_environment
from node.errors import BadRequest

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Controls, line and paragraph separators, bidirectional embeddings, overrides and isolates, tags (invisible
ASCII), lone surrogates. Joiners stay: scripts and emoji need them."""

_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Letters and marks of Hebrew, Arabic, Syriac, Thaana, N'Ko, Adlam and others."""

_STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "code": "36",
}

_COPY_BYTES: Final = 1_048_576
"""Of a file that goes to stdout, at a time."""

EXIT_PIPE: Final = 141
"""Whoever read our output has gone; what a shell reports for a program that SIGPIPE ended."""


class OutputLost(Exception):
    """Data could not be written to stdout: the disk is full, or stdout is closed."""


class Styled(NamedTuple):
    """Text in a style of `_STYLES`, or in several with spaces between."""

    text: str
    style: str


Part = str | Styled


def visible(text: str) -> str:
    """`text` with everything that acts on a terminal made visible; one line stays one line."""
    return _UNSAFE.sub(_escape, text)


def isolated(text: str) -> str:
    """`text`, which is safe to look at, so that it disorders nothing beside it. For terminals alone."""
    return text if _RIGHT_TO_LEFT.search(text) is None else f"\u2068{text}\u2069"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def to_json(value: object, only_ascii: bool = False) -> str:
    """One JSON value on one line."""
    return _UNSAFE.sub(_escape_json, json.dumps(value, ensure_ascii=only_ascii))


def show_time(time_ms: int) -> str:
    """Date and time of day, local."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"


def show_bytes(count: int) -> str:
    """A number of bytes for people."""
    if count < 1000:
        return f"{count} bytes"
    for unit in ("kB", "MB", "GB"):
        count_in_unit = count / 1000
        if count_in_unit < 1000 or unit == "GB":
            return f"{count_in_unit:,.1f} {unit}"
        count = count // 1000
    return ""


def show_duration(seconds: float) -> str:
    """A span of time for people, in its largest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def count_of(number: int, noun: str) -> str:
    """``1 entry``, ``1,204 entries``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


class Screen:
    """Where a verb says what it has to say."""

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self._quiet = quiet

    @property
    def coloured(self) -> bool:
        """Is data shown in styles?"""
        return _is_coloured(sys.stdout)

    @property
    def width(self) -> int | None:
        """Columns of the terminal that shows data; None where none does."""
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or None
        except (OSError, ValueError):
            return None

    def say(self, *parts: Part, flush: bool = False) -> None:
        """One line of data for people."""
        self._write(sys.stdout, self._line(sys.stdout, parts), flush)

    def emit(self, value: object, flush: bool = False) -> None:
        """One line of JSON."""
        only_ascii = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        self._write(sys.stdout, to_json(value, only_ascii), flush)

    def raw(self, text: str) -> None:
        """A whole text as data: as it is into a file or pipe, safe to look at on a terminal."""
        if not sys.stdout.isatty():
            self._write(sys.stdout, text, False, end="")
            return
        for line in text.splitlines():
            self.say(line.expandtabs())

    def copy(self, file: BinaryIO) -> None:
        """A whole file as data, byte for byte. Raises: OutputLost, BadRequest: stdout is a terminal."""
        if sys.stdout.isatty():
            raise BadRequest("A file is not shown on a terminal.", "Save it: --out PATH")
        try:
            while data := file.read(_COPY_BYTES):
                sys.stdout.buffer.write(data)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave()
        except OSError as error:
            _lose(sys.stdout, error)

    def paragraph(self, text: str, indent: str = "    ", flush: bool = False) -> None:
        """Text of several lines, each safe and set in."""
        for line in text.rstrip("\n").split("\n"):
            self.verse(indent, (line.removesuffix("\r").expandtabs(),), flush=flush)

    def verse(self, indent: str, parts: Sequence[Part], flush: bool = False) -> None:
        """One line of a text that somebody wrote, set in: its parts are read together."""
        text = self._line(sys.stdout, parts, apart=False)
        if sys.stdout.isatty():
            text = isolated(text)
        self._write(sys.stdout, visible(indent) + text, flush)

    def note(self, *parts: Part) -> None:
        """One line about what is going on; not with --quiet."""
        if not self._quiet:
            self._write(sys.stderr, self._line(sys.stderr, parts), True)

    def complain(self, text: str) -> None:
        """One line about what went wrong; always."""
        self._write(sys.stderr, visible(text), True)

    def progress(self, text: str) -> None:
        """Replace the last line of progress; only on a terminal, an empty text clears it."""
        if sys.stderr.isatty() and not self._quiet:
            self._write(sys.stderr, "\r\x1b[K" + visible(text), True, end="")

    @contextmanager
    def aside(self, lines: Iterable[str] = ()) -> Iterator[None]:
        """Show lines on a terminal's second page, and what is asked meanwhile; nothing of it stays."""
        self._write(sys.stderr, "\x1b[?1049h\x1b[H" + "\n".join(map(visible, lines)), True)
        try:
            yield
        finally:
            self._write(sys.stderr, "\x1b[?1049l", True, end="")

    def ask(self, prompt: str) -> str:
        """What a person at the terminal types after `prompt`. Raises: BadRequest: nobody types any more."""
        self._write(sys.stderr, visible(prompt), True, end="")
        line = sys.stdin.readline()
        if not line.endswith("\n"):
            raise BadRequest("The answer never came: input has ended.", "Start again.")
        return line.rstrip("\r\n")

    def table(self, rows: Iterable[Sequence[str]], header: Sequence[str]) -> None:
        """Columns; the header is dim and only for a terminal's reader, never part of the data."""
        shown = [[visible(cell) for cell in row] for row in rows]
        widths = [max(map(width_of, column)) for column in zip(header, *shown, strict=True)]
        if shown and sys.stdout.isatty():
            self.say(Styled(_row(header, widths), "dim"))
        for row in shown:
            self._write(sys.stdout, _row(row, widths, apart=sys.stdout.isatty()), False)

    def _line(self, stream: TextIO, parts: Sequence[Part], apart: bool = True) -> str:
        """Parts in a row; `apart`: each is a text of its own."""
        coloured, apart = _is_coloured(stream), apart and stream.isatty()
        line = ""
        for part in parts:
            text, style = (part.text, part.style) if isinstance(part, Styled) else (part, "")
            text = isolated(visible(text)) if apart else visible(text)
            codes = ";".join(map(_STYLES.__getitem__, style.split()))
            line += f"\x1b[{codes}m{text}\x1b[0m" if coloured and codes and text else text
        return line

    def _write(self, stream: TextIO, text: str, flush: bool, end: str = "\n") -> None:
        try:
            stream.write(text + end)
            if flush:
                stream.flush()
        except BrokenPipeError:
            _leave()
        except OSError as error:
            _lose(stream, error)


def _is_coloured(stream: TextIO) -> bool:
    return stream.isatty() and read_environment(os.environ).colour


def _row(cells: Sequence[str], widths: Sequence[int], apart: bool = False) -> str:
    """Cells in columns; `apart`: in whatever direction each is written."""
    padded = [
        (isolated(cell) if apart else cell) + " " * (width - width_of(cell))
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal, near enough for a table."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def prepare_streams() -> None:
    """Make stdout and stderr take any text, whatever the locale. Call once, at the start.

    A stream that is closed gets its place taken, so that no file of ours gets its number: stdout by one that
    refuses what is written, stderr by one that drops it.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115  open as long as the process
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def finish() -> None:
    """Flush what is left. Call it at the end. Raises: OutputLost."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave()
    except OSError as error:
        _lose(sys.stdout, error)


def _lose(stream: TextIO, error: OSError) -> None:
    """Drop what is left for a stream that takes nothing. Raises: OutputLost: it was data."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if stream is sys.stdout:
        raise OutputLost(f"The output cannot be written: {os.strerror(error.errno or 0)}.") from error


def _leave() -> None:
    """End the process quietly: nobody reads on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(EXIT_PIPE)
