"""Where a code comes from: the command line, a pipe, or a person who pastes it at a terminal."""

import io

import cli.join
from cli.join import read_code


def test_at_a_terminal_a_code_is_asked_for_and_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cli.join, "has_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("AEZDC\nthe next answer\n"))
    assert read_code("-") == "AEZDC"
    assert "Paste the code: " in capsys.readouterr().err


def test_a_pipe_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"AEZDC\nXYZ\n")))
    assert read_code("-") == "AEZDC\nXYZ"


def test_a_code_on_the_command_line_asks_nobody(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert read_code("AEZDC") == "AEZDC"
