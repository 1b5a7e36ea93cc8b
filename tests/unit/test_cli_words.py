"""The 24 words at a terminal and in files: asked back, read again, and nowhere else."""

import io
import re
import sys

import pytest

from cli.render import Screen
from cli.words import ASKED_BACK, NewWords, read_words
from node.errors import BadData, BadRequest

WORDS = " ".join(f"word{number:02}" for number in range(1, 25))


class Screened(io.StringIO):
    """A terminal's screen."""

    def isatty(self) -> bool:
        return True


class Person:
    """Types at a terminal: the answer to what was asked last."""

    def __init__(self, screen, answer):
        self._screen = screen
        self._answer = answer
        self.asked = []

    def isatty(self):
        return True

    def readline(self):
        prompt = self._screen.getvalue().splitlines()[-1]
        self.asked.append(prompt)
        answer = self._answer(prompt)
        self._screen.write(answer)  # as terminals echo it
        return answer


@pytest.fixture
def terminal(monkeypatch):
    def sit(answer):
        screen = Screened()
        person = Person(screen, answer)
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(sys, "stdout", Screened())
        monkeypatch.setattr(sys, "stdin", person)
        return person, screen

    return sit


@pytest.fixture
def no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def from_paper(prompt):
    asked = re.search(r"Word (\d+): ", prompt)
    return f" WORD{int(asked[1]):02} \n" if asked else "\n"


def after_the_last_page(screen):
    return screen.getvalue().rpartition("\x1b[?1049l")[2]


def test_words_are_shown_and_three_of_them_asked_back(terminal):
    person, screen = terminal(from_paper)
    NewWords(Screen(), None).keep(WORDS)
    assert all(word in screen.getvalue() for word in WORDS.split())
    assert len(person.asked) == 1 + ASKED_BACK
    places = [int(re.search(r"\d+", prompt)[0]) for prompt in person.asked[1:]]
    assert places == sorted(set(places))


def test_nothing_of_the_words_stays_on_the_terminal(terminal):
    _, screen = terminal(from_paper)
    NewWords(Screen(), None).keep(WORDS)
    first, _, rest = screen.getvalue().partition("\x1b[?1049h")
    assert "word0" not in first
    assert "word" not in after_the_last_page(screen)
    assert rest.count("\x1b[?1049l") == 2
    assert sys.stdout.getvalue() == ""


def test_a_wrong_word_shows_them_all_once_more(terminal):
    mistakes = ["guessed\n"]

    def careless(prompt):
        return mistakes.pop() if mistakes and prompt.startswith("Word ") else from_paper(prompt)

    _, screen = terminal(careless)
    NewWords(Screen(), None).keep(WORDS)
    assert screen.getvalue().count("24. word24") == 2
    assert "another word" in screen.getvalue()


def test_who_goes_away_keeps_no_words(terminal):
    _, screen = terminal(lambda prompt: "")
    with pytest.raises(BadRequest, match="input has ended"):
        NewWords(Screen(), None).keep(WORDS)
    assert screen.getvalue().count("\x1b[?1049h") == screen.getvalue().count("\x1b[?1049l")


@pytest.mark.usefixtures("no_terminal")
def test_without_a_terminal_new_words_need_a_file():
    with pytest.raises(BadRequest, match="no terminal") as caught:
        NewWords(Screen(), None)
    assert "--words-file" in caught.value.advice


def test_a_file_with_words_is_for_its_owner_alone_and_is_read_again(tmp_path, capsys):
    file = tmp_path / "words"
    words = NewWords(Screen(), file)
    assert words.earlier() is None
    words.keep(WORDS)
    assert file.stat().st_mode & 0o777 == 0o600
    assert words.earlier() == WORDS
    assert read_words(Screen(), file, lambda text: None) == WORDS
    assert WORDS.split()[0] not in "".join(capsys.readouterr())


def test_words_are_never_written_over_a_file(tmp_path):
    file = tmp_path / "words"
    file.write_text("something else")
    words = NewWords(Screen(), file)
    with pytest.raises(BadRequest, match="exists already"):
        words.check()
    with pytest.raises(BadRequest, match="exists already"):
        words.keep(WORDS)
    words.forget()
    assert file.read_text() == "something else"


def test_a_dangling_link_counts_as_a_file(tmp_path):
    link = tmp_path / "words"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRequest, match="exists already"):
        NewWords(Screen(), link).keep(WORDS)
    assert not (tmp_path / "elsewhere").exists()


def test_words_of_no_use_are_forgotten(tmp_path):
    words = NewWords(Screen(), tmp_path / "words")
    words.keep(WORDS)
    words.forget()
    assert not (tmp_path / "words").exists()


def test_a_file_that_others_can_read_is_complained_about(tmp_path, capsys):
    file = tmp_path / "words"
    file.write_text(WORDS)
    file.chmod(0o644)
    read_words(Screen(quiet=True), file, lambda text: None)
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "why"), [(b"\xff\xfe", "not UTF-8"), (b"word " * 1_000, "too long"), (None, "cannot be read")]
)
def test_what_is_no_file_of_words_is_told(tmp_path, data, why):
    file = tmp_path / "words"
    if data is not None:
        file.write_bytes(data)
        file.chmod(0o600)
    with pytest.raises(BadData, match=why):
        read_words(Screen(), file, lambda text: None)


def test_words_are_typed_in_several_lines(terminal):
    lines = [" ".join(WORDS.split()[at : at + 8]) + "\n" for at in (0, 8, 16)]
    person, screen = terminal(lambda prompt: lines.pop(0))
    assert read_words(Screen(), None, lambda text: None).split() == WORDS.split()
    assert person.asked == ["Words: ", "Words, 16 more: ", "Words, 8 more: "]
    assert "word" not in after_the_last_page(screen)


def test_wrong_words_are_asked_for_again_and_then_told(terminal):
    def refuse(text):
        raise BadData("Word 3 is in no list.")

    person, screen = terminal(lambda prompt: WORDS + "\n")
    with pytest.raises(BadData, match="Word 3"):
        read_words(Screen(), None, refuse)
    assert len(person.asked) == 3
    assert screen.getvalue().count("Try again.") == 2


@pytest.mark.usefixtures("no_terminal")
def test_without_a_terminal_words_come_from_a_file():
    with pytest.raises(BadRequest, match="no terminal"):
        read_words(Screen(), None, lambda text: None)
