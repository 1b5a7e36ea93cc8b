"""`aster chat` and `aster group`: what they ask of the daemon, and what they say."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.chat
import cli.chat_verifying
import cli.groups
import cli.session
from cli.main import run
from node.doors.control.client import NoDaemon
from node.errors import NodeError, Refused

ID = "k3jd7wq2" + "a" * 44
OTHER = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000
DELIVERY = {
    "state": "hub",
    "why": "",
    "peers": 3,
    "hubs": 1,
    "people": 1,
    "delivered_to": 0,
    "read_by": 0,
    "told": True,
}
MESSAGE: dict[str, Any] = {
    "n": 7,
    "id": ID,
    "conversation": "c" * 26,
    "chat": "bob",
    "kind": "text",
    "author": OTHER,
    "device_name": "laptop",
    "who": OTHER,
    "name": "bob",
    "mine": False,
    "time_ms": TIME_MS,
    "arrived_ms": TIME_MS + 5,
    "expires_ms": None,
    "unread": True,
    "text": "hello\x1b[2J **you**\nthere",
    "gone": None,
    "reply_to": None,
    "attachments": [],
    "answers": None,
    "delivery": None,
}
MINE = {**MESSAGE, "id": OTHER, "mine": True, "unread": False, "text": "yes", "delivery": DELIVERY}
NOTICE = {
    **MESSAGE,
    "id": None,
    "kind": "notice",
    "notice": "added",
    "text": "carol added dora.",
    "unread": False,
}
CHAT = {
    "conversation": "c" * 26,
    "kind": "direct",
    "name": "bob",
    "state": "open",
    "who": OTHER,
    "self": False,
    "blocked": False,
    "by": None,
    "members": None,
    "unread": 2,
    "last_ms": TIME_MS,
    "last": {"id": ID, "name": "bob", "mine": False, "time_ms": TIME_MS, "text": "hello \x1b[2J" + "x" * 70},
}
GROUP = {**CHAT, "kind": "group", "name": "Bakers", "who": None, "members": 3, "unread": 0, "last": None}
PERSON = {"who": OTHER, "name": "bob", "admin": True, "self": False, "blocked": False, "devices": 1}
NUMBER = " ".join(f"{number:05}" for number in range(12))
VERIFY = {
    "who": OTHER,
    "name": "bob",
    "number": NUMBER,
    "root": OTHER,
    "verified": False,
    "changed": False,
    "devices": [{"device": OTHER, "device_name": "laptop", "who": OTHER, "name": "bob"}],
}


class Table:
    """A daemon that answers from a table and notes what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> Any:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, NodeError):
            raise answer
        return answer

    def stream(self, method: str, params: dict[str, Any]) -> Iterator[Any]:
        self.asked.append((method, params))
        yield from self.answers[method]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Table]:
    answers = {
        "chat/send": {**MINE, "notices": [NOTICE]},
        "chat/list": {"conversations": [CHAT, GROUP], "requests": 1, "unread": 2},
        "chat/read": [NOTICE, MESSAGE, MINE],
        "chat/follow": [MESSAGE],
        "chat/mark": {"marked": 1},
        "chat/show": {
            **MINE,
            "devices": [
                {
                    **VERIFY["devices"][0],
                    "own": False,
                    "state": "key-sent",
                    "delivered_ms": None,
                    "read_ms": None,
                }
            ],
        },
        "chat/search": [{**MESSAGE, "excerpt": "… hello \x1b[2J"}],
        "chat/wait": {**MINE, "ok": True},
        "chat/verify": VERIFY,
        "chat/confirm": {**VERIFY, "verified": True},
        "chat/delete": {"deleted": [ID]},
        "chat/accept": CHAT,
        "chat/block": {"name": "bob", "who": OTHER},
        "chat/receipts": {"on": True},
        "group/create": GROUP,
        "group/invite": {**GROUP, "note": "Dora has published no keys yet."},
        "group/leave": GROUP,
        "group/members": {**GROUP, "people": [PERSON]},
        "group/list": {"groups": [GROUP]},
    }
    monkeypatch.setattr(Table, "answers", answers)
    monkeypatch.setattr(Table, "asked", [])
    monkeypatch.setattr(cli.session, "Client", Table)
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    return Table


def typed(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A person at a terminal who types `answer`."""
    for module in (cli.chat, cli.chat_verifying, cli.groups):
        monkeypatch.setattr(module, "has_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer + "\n"))


def test_a_message_is_sent_and_its_id_alone_is_data(
    table: type[Table], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["bob", "yes", "--file", "plan.pdf", "--reply-to", ID[:8], "--expires", "1d"]
    assert run(["chat", "send", *arguments]) == 0
    assert table.asked == [
        (
            "chat/send",
            {
                "chat": "bob",
                "text": "yes",
                "files": [str(tmp_path / "plan.pdf")],
                "reply_to": ID[:8],
                "expires_s": 86_400,
            },
        )
    ]
    shown = capsys.readouterr()
    assert shown.out == f"{OTHER}\n"
    assert "carol added dora." in shown.err
    assert "on a hub" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["bob"], 64), (["bob", "x", "--expires", "0s"], 65), (["bob", "x", "--expires", "soon"], 65)],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_asked(
    table: type[Table], arguments: list[str], code: int
) -> None:
    assert run(["chat", "send", *arguments]) == code
    assert table.asked == []


def test_a_conversation_is_shown_safely_and_what_was_new_is_marked(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "read", "bob"]) == 0
    shown = capsys.readouterr().out
    assert "· carol added dora." in shown
    assert "hello\\x1b[2J" in shown
    assert "  new" in shown
    assert "on a hub" in shown
    assert table.asked[1:] == [("chat/mark", {"chat": "bob", "until_ms": TIME_MS + 5})]


@pytest.mark.parametrize(
    ("arguments", "marks"),
    [(["--peek"], False), (["--before", ID], False), (["--follow"], True), (["--limit", "3"], True)],
)
def test_only_what_was_shown_to_its_end_is_marked(
    table: type[Table], arguments: list[str], marks: bool
) -> None:
    assert run(["chat", "read", "bob", *arguments]) == 0
    assert ("chat/mark" in dict(table.asked)) is marks


def test_a_page_that_begins_with_something_new_marks_nothing(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    table.answers["chat/read"] = [MESSAGE]
    assert run(["chat", "read", "bob", "--limit", "1"]) == 0
    assert "chat/mark" not in dict(table.asked)
    assert "nothing was marked" in capsys.readouterr().err


def test_where_no_daemon_runs_reading_goes_on_and_marks_nothing(
    table: type[Table], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table.answers["chat/mark"] = NoDaemon()
    monkeypatch.setattr(cli.session, "check_home", lambda paths: None)
    assert run(["chat", "read", "bob"]) == 0
    assert "nothing was marked" in capsys.readouterr().err


def test_all_conversations_are_followed_where_none_is_named(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "read", "--follow"]) == 0
    assert "in bob" in capsys.readouterr().out
    assert run(["chat", "read"]) == 64


def test_conversations_are_listed_with_what_is_new(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "list"]) == 0
    shown = capsys.readouterr()
    assert "bob: hello \\x1b[2J" in shown.out
    assert "Bakers (3 members)" in shown.out
    assert "1 request of strangers: aster chat requests" in shown.err
    assert run(["chat", "requests", "--json"]) == 0
    assert table.asked[-1] == ("chat/list", {"requests": True})
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_one_message_is_shown_with_what_each_device_said(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "show", ID[:8]]) == 0
    shown = capsys.readouterr().out
    assert "on a hub  to 3 peers, 1 hub among them" in shown
    assert "bob (laptop)  its key is on the way" in shown


def test_a_search_says_where_each_hit_stands(table: type[Table], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "search", "hello", "--in", "bob", "--from", "bob", "--since", "1w"]) == 0
    assert "bob  in bob" in capsys.readouterr().out
    assert set(table.asked[0][1]) == {"words", "chat", "who", "since_ms", "limit"}


def test_waiting_in_vain_is_an_error_with_the_state(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "wait", ID, "--for", "hub", "--timeout", "2min"]) == 0
    assert table.asked == [("chat/wait", {"id": ID, "state": "hub", "timeout_s": 120})]
    table.answers["chat/wait"] = {**MINE, "ok": False}
    capsys.readouterr()
    assert run(["chat", "wait", ID]) == 69
    assert "on a hub" in capsys.readouterr().err


def test_numbers_are_confirmed_by_the_root_that_was_shown(
    table: type[Table], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["chat", "verify", "bob"]) == 0
    shown = capsys.readouterr().out
    assert "    00000 00001 00002 00003 00004 00005\n" in shown
    assert "Not compared yet." in shown
    assert run(["chat", "verify", "bob", "--confirm"]) == 64
    typed(monkeypatch, "no")
    assert run(["chat", "verify", "bob", "--confirm"]) == 0
    assert "chat/confirm" not in dict(table.asked)
    typed(monkeypatch, "yes")
    assert run(["chat", "verify", "bob", "--confirm"]) == 0
    assert table.asked[-1] == ("chat/confirm", {"who": "bob", "root": OTHER})
    assert run(["chat", "verify", "bob", "--off"]) == 0
    assert table.asked[-1] == ("chat/confirm", {"who": "bob", "root": OTHER, "off": True})


def test_a_number_that_is_not_the_same_confirms_nothing(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    given_ = ["chat", "verify", "bob", "--yes", "--confirm", "--number"]
    assert run([*given_, "11111" + NUMBER[5:]]) == 77
    assert "chat/confirm" not in dict(table.asked)
    assert "between you" in capsys.readouterr().err
    assert run([*given_, NUMBER.replace(" ", "")]) == 0
    assert "chat/confirm" in dict(table.asked)


def test_keys_that_changed_are_said_in_plain_words(
    table: type[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    table.answers["chat/verify"] = {**VERIFY, "changed": True}
    assert run(["chat", "verify", "bob"]) == 0
    assert "have changed" in capsys.readouterr().out
    table.answers["chat/send"] = Refused("The keys of bob have changed: nothing was sent.", "Compare.")
    assert run(["chat", "send", "bob", "x"]) == 77


def test_deleting_asks_before(
    table: type[Table], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["chat", "delete", ID]) == 64
    typed(monkeypatch, "no")
    assert run(["chat", "delete", ID]) == 0
    assert "chat/delete" not in dict(table.asked)
    assert run(["chat", "delete", ID, "--for-everyone", "--yes"]) == 0
    assert table.asked[-1] == ("chat/delete", {"ids": [ID], "for_everyone": True})
    assert "1 message deleted here, and the others are asked to." in capsys.readouterr().err


def test_people_and_receipts_are_chosen(table: type[Table], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "accept", "bob"]) == 0
    assert run(["chat", "block", "bob"]) == 0
    assert run(["chat", "receipts", "on"]) == 0
    assert table.asked[-1] == ("chat/receipts", {"on": True})
    assert run(["chat", "receipts", "maybe"]) == 64
    shown = capsys.readouterr()
    assert shown.out == "on\n"
    assert "You block bob." in shown.err


def test_groups_are_made_shown_and_left(
    table: type[Table], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["group", "create", "Bakers", "bob", "carol"]) == 0
    assert table.asked[-1] == ("group/create", {"name": "Bakers", "members": ["bob", "carol"]})
    assert run(["group", "invite", "Bakers", "dora", "--admin"]) == 0
    assert table.asked[-1] == ("group/invite", {"group": "Bakers", "members": ["dora"], "admin": True})
    assert run(["group", "members", "Bakers"]) == 0
    assert run(["group", "list", "--json"]) == 0
    shown = capsys.readouterr()
    assert "x4tr5pbebb  admin" in shown.out
    assert json.loads(shown.out.splitlines()[-1])["name"] == "Bakers"
    assert "Bakers has 3 members now." in shown.err
    assert "no keys yet" in shown.err
    assert run(["group", "leave", "Bakers"]) == 64
    typed(monkeypatch, "yes")
    assert run(["group", "leave", "Bakers"]) == 0
    assert table.asked[-1] == ("group/leave", {"group": "Bakers"})
