"""What is printed cannot act on a terminal, and JSON stays JSON."""

import io
import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render import (
    Screen,
    Styled,
    count_of,
    show_bytes,
    show_duration,
    show_time,
    to_json,
    visible,
)

OVERRIDES = ("RLO", "LRO", "RLE", "LRE", "PDF", "LRI", "RLI", "FSI", "PDI")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, привет, 你好, नमस्ते, 👩\u200d🚒", "plain, привет, 你好, नमस्ते, 👩\u200d🚒"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\x0db"),
        ("one\ntwo", "one\\x0atwo"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("line\u2028line", "line\\u2028line"),
        ("\U000e0041hidden", "\\U000e0041hidden"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_made_visible(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_no_control_character_gets_through(text):
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        char for char in shown if unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE", "LRE", "PDF")
    ]


@given(st.text(st.characters()))
def test_json_is_one_safe_line_that_reads_as_itself(text):
    line = to_json({"text": text})
    assert visible(line) == line
    assert json.loads(line) == {"text": text}


def test_json_is_plain_ascii_where_the_stream_is(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    Screen(as_json=True).emit({"text": "привет"}, flush=True)
    assert json.loads(stream.buffer.getvalue()) == {"text": "привет"}


def test_styles_are_for_terminals_alone(monkeypatch, capsys):
    Screen().say(Styled("alice", "bold"), " says")
    assert capsys.readouterr().out == "alice says\n"
    terminal = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    Screen().say(Styled("alice\x1b[31m", "bold"), " says")
    assert terminal.getvalue() == "\x1b[1malice\\x1b[31m\x1b[0m says\n"


def test_no_color_is_heeded(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", terminal)
    Screen().say(Styled("alice", "bold"))
    assert terminal.getvalue() == "alice\n"


def test_a_document_goes_into_a_pipe_as_it_is(capsys):
    Screen().raw("a\x1b[31m\tb\r\n")
    assert capsys.readouterr().out == "a\x1b[31m\tb\r\n"


def test_a_document_is_safe_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    Screen().raw("one\x1b[31m\ntwo\n")
    assert terminal.getvalue() == "one\\x1b[31m\ntwo\n"


def test_quiet_hides_messages_and_no_errors(capsys):
    screen = Screen(quiet=True)
    screen.note("by the way")
    screen.complain("aster: no")
    screen.say("data")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("data\n", "aster: no\n")


def test_columns_of_a_table_stand_under_each_other(capsys):
    Screen().table([("alice", "1"), ("你好", "22"), ("e\u0301va", "3")], ("NAME", "N"))
    assert capsys.readouterr().out == "alice  1\n你好   22\ne\u0301va    3\n"


def test_a_table_of_nothing_prints_nothing(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    Screen().table([], ("NAME", "N"))
    assert terminal.getvalue() == ""


def test_texts_of_several_lines_are_set_in_and_cannot_pose_as_another_message(capsys):
    Screen().paragraph("first\r\nmallory  2026\n\nlast\n")
    assert capsys.readouterr().out == "    first\n    mallory  2026\n    \n    last\n"


def test_a_time_that_no_calendar_knows_is_shown_all_the_same():
    assert "9007199254740991" in show_time(2**53 - 1) or show_time(2**53 - 1)[:4].isdigit()
    assert len(show_time(1_763_830_000_000)) == len("2025-11-22 17:46")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (3_100_000, "3.1 MB"),
        (2 * 10**12, "2,000.0 GB"),
    ],
)
def test_sizes_are_shown_in_their_unit(count, shown):
    assert show_bytes(count) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(5, "5 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")])
def test_spans_are_shown_in_their_unit(seconds, shown):
    assert show_duration(seconds) == shown


def test_things_are_counted_as_people_say_it():
    assert [count_of(1, "entry"), count_of(1_204, "entry"), count_of(2, "log")] == [
        "1 entry",
        "1,204 entries",
        "2 logs",
    ]


def test_text_from_right_to_left_is_isolated_on_a_terminal(monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    Screen().say("שלום", "  2026-11-22  k3jd")
    Screen().verse("    ", ("אבג ", Styled("דהו", "bold")))
    Screen().table([["مرحبا", "a"], ["bob", "b"]], ["NAME", ""])
    assert out.getvalue().splitlines() == [
        "\u2068שלום\u2069  2026-11-22  k3jd",
        "    \u2068אבג דהו\u2069",
        "NAME",
        "\u2068مرحبا\u2069  a",
        "bob    b",
    ]


def test_nothing_is_added_for_a_file_or_pipe(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    Screen().say("שלום", "  k3jd")
    Screen().verse("  ", ("אבג", Styled("ד", "bold italic")))
    assert out.getvalue() == "שלום  k3jd\n  אבגד\n"


def test_styles_can_be_joined(monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.delenv("NO_COLOR", raising=False)
    Screen().say(Styled("a\x1b", "bold italic"))
    assert out.getvalue() == "\x1b[1;3ma\\x1b\x1b[0m\n"
