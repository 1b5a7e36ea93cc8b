"""The 24 words of a member: shown once and asked back, or read again. In a file where there is no terminal.

Words are never an argument of a command, and stand in no message, no log and no environment. On a terminal
they are shown and typed on its second page, of which nothing stays.
"""

import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Final

import typer

from cli.render import Screen, width_of
from node.errors import BadData, BadRequest

ASKED_BACK: Final = 3
"""Words that have to be typed before we go on: who guesses has not written them down."""

ATTEMPTS: Final = 3
MAX_FILE_BYTES: Final = 4_096
"""24 words of any language with a remark are under 1,000 bytes."""

MODE: Final = 0o600
_COLUMNS: Final = 4
_COUNT: Final = 24

NewWordsFile = Annotated[
    Path | None,
    typer.Option(
        "--words-file", metavar="FILE", help="Write the 24 words into this new file instead of showing them."
    ),
]
KnownWordsFile = Annotated[
    Path | None,
    typer.Option(
        "--words-file", metavar="FILE", help="Read the 24 words from this file, or from - (standard input)."
    ),
]
WordsLanguage = Annotated[
    str,
    typer.Option("--words-language", metavar="LANGUAGE", help="Language of the 24 words."),
]

_FILE_HEAD: Final = """\
# 24 words. Whoever has them is this member: write them down on paper, keep the paper apart from the
# machine, and remove this file.
"""


def has_terminal() -> bool:
    """Can a person be shown something and asked?"""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class NewWords:
    """Where new words go: into a file, or onto paper by way of a person at a terminal."""

    def __init__(self, screen: Screen, file: Path | None) -> None:
        """Raises: BadRequest: neither a file nor a terminal."""
        self._screen = screen
        self._file = file
        self._written = False
        if file is None and not has_terminal():
            raise BadRequest(
                "There are 24 words to write down, and no terminal to show them on.",
                "Name a file for them: --words-file FILE",
            )

    def check(self) -> None:
        """Check that words can be kept. Raises: BadRequest: the file exists."""
        if self._file is not None and os.path.lexists(self._file):
            raise BadRequest(
                f"{self._file} exists already; words are written into a new file alone.", "Name another one."
            )

    def keep(self, phrase: str) -> None:
        """Have these words kept. Raises: BadRequest, BadData: the file exists or cannot be written."""
        if self._file is None:
            _show(self._screen, phrase.split())
            return
        self.check()
        _write(self._file, phrase)
        self._written = True

    def earlier(self) -> str | None:
        """What an earlier attempt wrote into the file; None where words went onto paper, or never so far."""
        if self._file is None or not self._file.exists():
            return None
        return _read(self._file)

    def forget(self) -> None:
        """These words are of no use to anybody: remove the file that was written with them."""
        if self._file is not None and self._written:
            self._file.unlink(missing_ok=True)
            self._written = False


def read_words(screen: Screen, file: Path | None, check: Callable[[str], None]) -> str:
    """A member's words as they were given, which `check` takes.

    Raises:
        BadRequest: neither a file nor a terminal. BadData: what `check` raises, after the last attempt.
    """
    if file is not None:
        text = _read(file)
        check(text)
        return text
    if not has_terminal():
        raise BadRequest(
            "The 24 words are needed, and there is no terminal to ask for them.",
            "Name a file with them: --words-file FILE, or - for standard input",
        )
    for left in reversed(range(ATTEMPTS)):
        text = _ask(screen)
        try:
            check(text)
        except BadData as error:
            if not left:
                raise
            screen.complain(error.message)
            screen.complain("Try again.")
        else:
            return text
    raise AssertionError


def _show(screen: Screen, words: Sequence[str]) -> None:
    """Show words until a person has written them down, then ask for some of them."""
    screen.note("Now come 24 words. They are shown once; write them down on paper, in their order.")
    while True:
        with screen.aside(_page(words)):
            screen.ask("Written down? Then press Enter: ")
        if _knows(screen, words):
            return
        screen.complain("That is another word. Look at all of them once more, and correct what you wrote.")


def _page(words: Sequence[str]) -> list[str]:
    cells = [f"{number:>2}. {word}" for number, word in enumerate(words, start=1)]
    width = max(map(width_of, cells))
    padded = [cell + " " * (width - width_of(cell)) for cell in cells]
    rows = ["  " + "   ".join(padded[at : at + _COLUMNS]) for at in range(0, len(padded), _COLUMNS)]
    return [
        "Your 24 words. Whoever has them is you, and without them a lost device cannot be replaced.",
        "",
        *rows,
        "",
        "Keep the paper apart from this machine. Nobody will ever ask you for them, other than this program",
        "on a machine of yours.",
        "",
        "",
    ]


def _knows(screen: Screen, words: Sequence[str]) -> bool:
    """Ask for some words at random places."""
    with screen.aside(["Now type three of them, to see that the paper is right.", "", ""]):
        for place in sorted(SystemRandom().sample(range(len(words)), ASKED_BACK)):
            if _plain(screen.ask(f"Word {place + 1}: ")) != _plain(words[place]):
                return False
    return True


def _ask(screen: Screen) -> str:
    lines: list[str] = []
    with screen.aside(["Type your 24 words, in one line or in several.", "", ""]):
        while True:
            count = len(" ".join(lines).split())
            if count >= _COUNT:
                return "\n".join(lines)
            lines.append(screen.ask("Words: " if not count else f"Words, {_COUNT - count} more: "))
            if not lines[-1].strip():
                return "\n".join(lines)


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKD", word).strip().casefold()


def _write(file: Path, phrase: str) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(f"{_FILE_HEAD}{phrase}\n")
            stream.flush()
            os.fsync(handle)
    except OSError as error:
        raise BadData(f"{file} cannot be written: {error.strerror}.", "Name another file.") from error


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            _warn_of_readers(file)
            with file.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise BadData(f"{file} cannot be read: {error.strerror}.", "Check its name and mode.") from error
    except UnicodeDecodeError:
        raise BadData("The words are not UTF-8 text.", "Write them with a plain text editor.") from None
    if len(data) > MAX_FILE_BYTES:
        raise BadData(f"{file} is too long to be 24 words.", "Name the file with the words.")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _warn_of_readers(file: Path) -> None:
    if file.stat().st_mode & 0o077:
        Screen().complain(f"aster: others can read {file}; protect it with: chmod 600 {file}")
