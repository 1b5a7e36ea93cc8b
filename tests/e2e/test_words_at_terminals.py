"""24 words as a person meets them: shown on a terminal, asked back, typed again on another machine."""

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest

DEADLINE_S = 100
PATIENCE_S = 15
"""After Ctrl-C; a person whose Ctrl-C met a deaf moment of the interpreter presses it again."""
INTERRUPT = "\x03"
PAGE = re.compile(r"\x1b\[\?1049h(.*?)\x1b\[\?1049l", re.DOTALL)
NUMBERED = re.compile(r"(\d+)\. (\w+)")


class Terminal:
    """A process at a terminal of its own, and a person who answers what it asks."""

    def __init__(self, home: Path, arguments: list[str]) -> None:
        ours, theirs = pty.openpty()
        self._terminal = FileIO(ours, "r+")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASTERISM_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            env={**kept, "ASTERISM_HOME": str(home)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""
        self._is_interrupted = False

    def talk(self, answer: Callable[[str, str], str]) -> int:
        """Answer each question, given all that was shown; an answer `INTERRUPT` is Ctrl-C. The exit code."""
        until = time.monotonic() + DEADLINE_S
        try:
            while (left_s := until - time.monotonic()) > 0:
                if not select.select([self._terminal], [], [], min(left_s, PATIENCE_S))[0]:
                    if self._is_interrupted:
                        self._type(INTERRUPT)
                    continue
                try:
                    data = self._terminal.read(4_096)
                except OSError:  # what Linux says when the other side has gone
                    break
                if not data:
                    break
                self.shown += self._decoder.decode(data)
                if self.shown.endswith(": "):
                    self._type(answer(self.shown.splitlines()[-1], self.shown))
            return self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._terminal.close()

    def _type(self, text: str) -> None:
        if text == INTERRUPT:
            self._is_interrupted = True
            self._process.send_signal(signal.SIGINT)  # this terminal rules no process
        else:
            self._terminal.write(text.encode() + b"\n")


def words_in(shown: str) -> dict[int, str]:
    [page, *_] = [page for page in PAGE.findall(shown) if "1. " in page]
    return {int(number): word for number, word in NUMBERED.findall(page)}


def from_paper(question: str, shown: str) -> str:
    asked = re.search(r"Word (\d+)", question)
    return words_in(shown + "\x1b[?1049l")[int(asked[1])] if asked else ""


FOUND = ["federation", "found", "--name", "X", "--section", "Lyon", "--as", "Alice", "--unattended"]


def test_words_are_shown_once_asked_back_and_gone_from_the_screen(tmp_path):
    terminal = Terminal(tmp_path / "home", FOUND)
    assert terminal.talk(from_paper) == 0
    words = words_in(terminal.shown)
    assert sorted(words) == list(range(1, 25))
    stays = PAGE.sub("", terminal.shown)
    assert "Alice" in stays
    assert not any(f"{number}. " in stays for number in words)
    assert terminal.shown.count("Word ") == 3
    assert (tmp_path / "home" / "network.aster").exists()


def test_who_guesses_is_shown_them_again(tmp_path):
    guesses = ["guess"]

    def answer(question: str, shown: str) -> str:
        return guesses.pop() if guesses and "Word " in question else from_paper(question, shown)

    terminal = Terminal(tmp_path / "home", FOUND)
    assert terminal.talk(answer) == 0
    assert "another word" in terminal.shown
    assert terminal.shown.count("24. ") == 2


@pytest.mark.parametrize("moment", ["Written down", "Word "])
def test_ctrl_c_while_words_are_shown_leaves_no_home(tmp_path, moment):
    def answer(question: str, shown: str) -> str:
        return INTERRUPT if moment in question else from_paper(question, shown)

    terminal = Terminal(tmp_path / "home", FOUND)
    assert terminal.talk(answer) == 130
    assert not (tmp_path / "home").exists()
    assert terminal.shown.count("\x1b[?1049h") == terminal.shown.count("\x1b[?1049l")


def test_words_of_another_language_are_typed_as_they_are_shown(tmp_path):
    terminal = Terminal(tmp_path / "home", [*FOUND, "--words-language", "french"])
    assert terminal.talk(from_paper) == 0
    assert len(words_in(terminal.shown)) == 24


def test_a_language_without_a_list_is_told(tmp_path):
    terminal = Terminal(tmp_path / "home", [*FOUND, "--words-language", "klingon"])
    assert terminal.talk(from_paper) == 65
    assert "english" in terminal.shown
    assert not (tmp_path / "home").exists()
