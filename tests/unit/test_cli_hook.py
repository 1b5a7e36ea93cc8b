"""`aster hook`: what a program gets, where it goes on, and what ends it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.session
from cli.main import run
from node.errors import Unavailable

WRITES = "import os, sys; print(sys.stdin.read(), *(os.environ[f'ASTER_{each}'] for each in sys.argv[2:]), "
WRITES += "file=open(sys.argv[1], 'a'))"


def message(n: int, text: str = "hello", **changes: Any) -> dict[str, Any]:
    return {
        "n": n,
        "id": "k3jd7wq2" + "a" * 44,
        "kind": "text",
        "mine": False,
        "gone": None,
        "text": text,
        "chat": "bob",
        "conversation": "c" * 26,
        "name": "bob",
        "who": "b" * 52,
        "time_ms": 5,
        "reply_to": None,
        "attachments": [],
    } | changes


class Daemon:
    """Gives messages to a hook and notes its place."""

    messages: ClassVar[list[dict[str, Any]]] = []
    places: ClassVar[dict[str, int]] = {}

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> dict[str, int]:
        if method == "hook/done":
            self.places[params["name"]] = params["after"]
        return {"after": self.places.setdefault(params["name"], 0)}

    def stream(self, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        assert method == "chat/follow"
        yield from (each for each in self.messages if each["n"] > params["after"])


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> type[Daemon]:
    monkeypatch.setattr(Daemon, "messages", [])
    monkeypatch.setattr(Daemon, "places", {})
    monkeypatch.setattr(cli.session, "Client", Daemon)
    return Daemon


def test_a_program_gets_each_text_and_its_fields_and_no_shell_sees_them(
    daemon: type[Daemon], tmp_path: Path
) -> None:
    told, never = tmp_path / "told", tmp_path / "never"
    daemon.messages = [
        message(3, f"$(touch {never}); `touch {never}`", name=f"; touch {never}\x00"),
        message(4, "mine", mine=True),
        message(5, "", gone="deleted"),
        message(6, kind="notice"),
        message(7, "ça va?"),
    ]
    command = [sys.executable, "-c", WRITES, str(told), "FROM", "CHAT", "FILES"]
    assert run(["hook", "--name", "answers", "--", *command]) == 0
    assert told.read_text("utf-8").splitlines() == [
        f"$(touch {never}); `touch {never}` ; touch {never} bob 0",
        "ça va? bob bob 0",
    ]
    assert not never.exists()
    assert daemon.places == {"answers": 7}


def test_a_program_that_fails_ends_the_hook_which_begins_there_again(
    daemon: type[Daemon], capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.messages = [message(1), message(2, "bad"), message(3)]
    picky = [sys.executable, "-c", "import sys; sys.exit(7 * (sys.stdin.read() == 'bad'))"]
    assert run(["hook", "--name", "picky", "--", *picky]) != 0
    assert daemon.places == {"picky": 1}
    assert "ended with 7" in capsys.readouterr().err
    assert run(["hook", "--name", "picky", "--go-on", "--", *picky]) == 0
    assert daemon.places == {"picky": 3}
    assert "ended with 7" in capsys.readouterr().err


def test_where_the_daemon_hangs_up_the_hook_goes_on_until_it_has_ended(
    daemon: type[Daemon], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.messages = [message(each) for each in range(1, 6)]
    asked: list[int] = []

    def stream(self: Daemon, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        asked.append(params["after"])
        yield from [each for each in self.messages if each["n"] > params["after"]][:2]
        raise Unavailable("The daemon ended before it had answered.", "Start it again.")

    monkeypatch.setattr(Daemon, "stream", stream)
    assert run(["hook", "--name", "slow", "--", sys.executable, "-c", "pass"]) != 0
    assert asked == [0, 2, 4, 5]
    assert daemon.places == {"slow": 5}
    assert "The daemon ended" in capsys.readouterr().err


def test_a_program_that_is_not_there_takes_no_message_away(
    daemon: type[Daemon], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    daemon.messages = [message(1)]
    assert run(["hook", "--name", "gone", "--", str(tmp_path / "nothing")]) != 0
    assert daemon.places == {"gone": 0}
    assert "cannot be run" in capsys.readouterr().err


def test_two_scripts_of_one_interpreter_have_each_its_own_place(daemon: type[Daemon]) -> None:
    daemon.messages = [message(1)]
    for script in ("pass", "0", "0" * 200, "00" * 200):
        assert run(["hook", "--", sys.executable, "-c", script]) == 0
    assert len(daemon.places) == 4
    assert all(len(name) <= 64 for name in daemon.places)


def test_a_name_that_is_too_long_is_refused(daemon: type[Daemon], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hook", "--name", "x" * 65, "--", "true"]) != 0
    assert "1 to 64 characters" in capsys.readouterr().err
    assert not daemon.places
