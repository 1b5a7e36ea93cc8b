"""What each verb asks of the daemon, and what it prints of the answer. The daemon is a table of answers."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.session
from cli.main import run
from node.errors import Conflict, Unavailable

ID = "k3jd7wq2" + "a" * 44
OTHER = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000

MESSAGE = {
    "id": ID,
    "author": OTHER,
    "name": "alice\x1b[31m",
    "time_ms": TIME_MS,
    "text": "one\ntwo\u202e",
    "log": "feed",
    "seq": 1,
    "reply_to": None,
    "language": "en",
}
PEER = {
    "device": OTHER,
    "name": "bob",
    "address": "/ip4/127.0.0.1/tcp/4",
    "connected": False,
    "hub": False,
    "configured": True,
    "last_seen_ms": None,
    "problem": "connection refused",
    "addresses": ["/ip4/127.0.0.1/tcp/4"],
    "added_ms": TIME_MS,
}
STATUS = {
    "device": ID,
    "name": "it's me",
    "network": OTHER,
    "network_name": "meadow",
    "version": "0.1.0",
    "hub": True,
    "uptime_s": 125.0,
    "addresses": [f"/ip4/127.0.0.1/tcp/9/p2p/{ID}"],
    "logs": 3,
    "entries": 1_204,
    "unchecked": 7,
    "signing": False,
    "signing_why": "this home is a copy",
    "peers": [PEER],
    "known": {"addresses": 0, "announcements": 0},
}
VERSION = {
    "id": ID,
    "author": OTHER,
    "author_name": "alice",
    "time_ms": TIME_MS,
    "title": "Programme",
    "size": 1_500,
    "follows": [OTHER],
    "head": True,
    "here": True,
}
DOCUMENT = {
    "name": "a.md",
    "title": "Programme",
    "versions": 2,
    "heads": [ID, OTHER],
    "author": OTHER,
    "author_name": "alice",
    "time_ms": TIME_MS,
    "concurrent": True,
    "language": "en",
    "languages": ["fr"],
    "tags": [],
}
TEXT = {
    **DOCUMENT,
    "media_type": "text/markdown",
    "id": ID,
    "text": "# A\n",
    "follows": [],
    "concurrent": [OTHER],
    "translation": None,
    "here": True,
}
PUT = {
    "id": ID,
    "author": OTHER,
    "log": "docs",
    "seq": 2,
    "name": "a.md",
    "version": 2,
    "follows": [OTHER],
    "concurrent": [OTHER],
}
SYNCED = {
    "event": "result",
    "peer": OTHER,
    "name": "bob",
    "ok": True,
    "rounds": 3,
    "bytes_sent": 1_000,
    "bytes_received": 10,
    "entries_sent": 2,
    "entries_received": 1,
    "duration_ms": 12,
}
CHECKED = {"event": "result", "entries": 5, "bodies": 5, "logs": 2, "bad": [], "repaired": 0, "ok": True}
BAD = {"author": OTHER, "log": "feed", "seq": 3, "why": "wrong signature"}

ANSWERS: dict[str, Any] = {
    "status": STATUS,
    "stop": {"ok": True},
    "post": {"id": ID, "author": OTHER, "log": "feed", "seq": 1, "time_ms": TIME_MS},
    "post-lines": {"count": 2, "first_seq": 1, "last_seq": 2, "ids": [ID, OTHER]},
    "timeline": [MESSAGE],
    "doc/put": PUT,
    "doc/list": {"documents": [DOCUMENT]},
    "doc/show": TEXT,
    "doc/history": {"versions": [VERSION, {**VERSION, "id": OTHER}]},
    "doc/diff": {"name": "a.md", "from": ID, "to": OTHER, "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"},
    "log/list": {
        "logs": [
            {
                "author": OTHER,
                "name": "alice",
                "log": "feed",
                "entries": 3,
                "head": ID,
                "checked": 2,
                "ended": {"seq": 4, "kind": "fork", "ids": [ID, OTHER]},
            }
        ]
    },
    "log/show": [
        {
            "id": ID,
            "author": OTHER,
            "log": "docs",
            "seq": 1,
            "time_ms": TIME_MS,
            "back": "",
            "links": [OTHER],
            "size": 200,
            "kind": 33,
            "body": True,
            "text": "first",
        }
    ],
    "log/verify": {"logs": 2, "entries": 5, "bad": []},
    "check": [{"event": "progress", "done": 1, "total": 2}, CHECKED],
    "peer/add": {"device": OTHER, "name": "bob", "addresses": []},
    "peer/remove": {"device": OTHER, "name": "bob"},
    "peer/list": {"peers": [PEER]},
    "sync": [
        {
            "event": "progress",
            "peer": OTHER,
            "entries_received": 1,
            "entries_total": 2,
            "bytes_received": 3,
            "bytes_total": 4,
        },
        SYNCED,
    ],
}


class Table:
    """A daemon that answers from a table and notes what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer

    def stream(self, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        self.asked.append((method, params))
        yield from self.answers[method]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Table]:
    monkeypatch.setattr(Table, "answers", dict(ANSWERS))
    monkeypatch.setattr(Table, "asked", [])
    monkeypatch.setattr(cli.session, "Client", Table)
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Table


CALLS: list[tuple[list[str], str, dict[str, Any], list[str]]] = [
    (
        ["status"],
        "status",
        {},
        [
            "it's me",
            "meadow",
            "1,204 entries in 3 logs, 7 still",
            "a copy",
            "running for 2 min",
            "0 of 1 connected",
            "connection refused",
        ],
    ),
    (["post", "hello"], "post", {"text": "hello"}, [ID]),
    (
        ["post", "--reply-to", ID[:8], "--language", "en", "hi"],
        "post",
        {"text": "hi", "reply_to": ID[:8], "language": "en"},
        [ID],
    ),
    (["read"], "timeline", {"limit": 50}, ["alice\\x1b[31m", "    one\n    two\\u202e\n", ID[:10]]),
    (
        ["read", "-f", "--author", "bob", "--search", "bread", "--limit", "3"],
        "timeline",
        {"limit": 3, "follow": True, "author": "bob", "search": "bread"},
        ["one"],
    ),
    (["read", "--since", "2026-11-22T17:04:00Z"], "timeline", {"limit": 50, "since_ms": TIME_MS}, ["one"]),
    (
        ["doc", "list", "--search", "x"],
        "doc/list",
        {"search": "x"},
        ["a.md", "Programme", "2 (several current)"],
    ),
    (
        ["doc", "show", "a.md", "--version", ID[:8]],
        "doc/show",
        {"name": "a.md", "version": ID[:8]},
        ["# A\n"],
    ),
    (["doc", "history", "a.md"], "doc/history", {"name": "a.md"}, [ID[:10], "current", "1.5 kB", OTHER[:10]]),
    (
        ["doc", "diff", "a.md", "--from", ID, "--to", OTHER],
        "doc/diff",
        {"name": "a.md", "from": ID, "to": OTHER},
        ["-x\n+y\n"],
    ),
    (
        ["log", "list", "--author", "alice"],
        "log/list",
        {"author": "alice"},
        ["feed", "before entry 4", "(fork)"],
    ),
    (
        ["log", "show", "alice", "docs", "--first", "1"],
        "log/show",
        {"author": "alice", "log": "docs", "first": 1},
        ["200 bytes", f"links {OTHER[:10]}", "        first"],
    ),
    (["log", "verify", "--log", "feed"], "log/verify", {"log": "feed"}, ["5 entries in 2 logs: all good."]),
    (["check"], "check", {}, ["5 entries, 5 bodies, 2 logs: all good."]),
    (
        ["peer", "add", f"/ip4/1.2.3.4/tcp/5/p2p/{OTHER}", "--name", "bob"],
        "peer/add",
        {"address": f"/ip4/1.2.3.4/tcp/5/p2p/{OTHER}", "name": "bob"},
        ["bob", OTHER],
    ),
    (
        ["peer", "add", OTHER, "--address", "/ip4/1.2.3.4/tcp/5"],
        "peer/add",
        {"device": OTHER, "addresses": ["/ip4/1.2.3.4/tcp/5"]},
        ["bob"],
    ),
    (["peer", "remove", "bob"], "peer/remove", {"device": "bob"}, ["bob"]),
    (["peer", "list"], "peer/list", {}, ["bob", OTHER, "never seen", "/ip4/127.0.0.1/tcp/4"]),
    (["sync", "bob"], "sync", {"peer": "bob"}, ["bob", "1 entry received, 2 sent"]),
    (["sync", "--explain"], "sync", {}, ["3 round trips in 12 ms, 1.0 kB sent, 10 bytes received"]),
]


@pytest.mark.parametrize(
    ("arguments", "method", "params", "shown"), CALLS, ids=[" ".join(c[0][:3]) for c in CALLS]
)
def test_a_verb_asks_for_its_method_and_shows_the_answer(arguments, method, params, shown, table, capsys):
    assert run(arguments) == 0
    assert table.asked == [(method, params)]
    output = capsys.readouterr().out
    assert [part for part in shown if part not in output] == []
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("arguments", "method", "params", "shown"), CALLS, ids=[" ".join(c[0][:3]) for c in CALLS]
)
def test_json_is_one_object_a_line(arguments, method, params, shown, table, capsys):
    assert run([*arguments, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 1
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_status_says_what_the_other_person_has_to_type(table, capsys):
    run(["status"])
    assert f"aster peer add /ip4/127.0.0.1/tcp/9/p2p/{ID} --name 'it'\\''s me'" in capsys.readouterr().err


def test_a_document_takes_its_name_and_type_from_the_file(table, tmp_path, capsys):
    (tmp_path / "a.md").write_text("# A\n")
    assert run(["doc", "put", "a.md", "--title", "T"]) == 0
    expected = {"name": "a.md", "text": "# A\n", "title": "T", "media_type": "text/markdown"}
    assert table.asked == [("doc/put", expected)]
    captured = capsys.readouterr()
    assert captured.out == f"{ID}\n"
    assert "Beside it stands 1 current version" in captured.err


def test_a_merge_follows_every_current_version(table, tmp_path):
    (tmp_path / "a.md").write_text("# A\n")
    assert run(["doc", "put", "a.md", "--follows-all"]) == 0
    assert table.asked[0] == ("doc/history", {"name": "a.md"})
    assert table.asked[1][1]["follows"] == [ID, OTHER]


@pytest.mark.parametrize(
    "arguments",
    [["doc", "put", "-"], ["doc", "put", "a", "--follows", ID, "--follows-all"], ["post", "--lines", "text"]],
)
def test_options_that_do_not_go_together_are_refused(arguments, table, tmp_path):
    (tmp_path / "a").write_text("a")
    assert run(arguments) == 64


def test_a_conflict_says_how_to_go_on_and_has_its_exit_code(table, tmp_path, capsys):
    (tmp_path / "a.md").write_text("# A\n")
    table.answers["doc/put"] = Conflict("There are 2 current versions.", "Use --follows-all.")
    assert run(["doc", "put", "a.md"]) == 65
    assert capsys.readouterr().err == "aster: There are 2 current versions.\nUse --follows-all.\n"


def test_what_is_bad_is_said_with_the_exit_code(table, capsys):
    table.answers["log/verify"] = {"logs": 1, "entries": 3, "bad": [BAD]}
    assert run(["log", "verify"]) == 65
    assert f"bad  {OTHER[:10]} feed entry 3: wrong signature" in capsys.readouterr().out
    table.answers["check"] = [{**CHECKED, "bad": [BAD], "ok": False}]
    assert run(["check"]) == 65


def test_a_check_that_was_cut_off_is_no_success(table):
    table.answers["check"] = [{"event": "progress", "done": 1, "total": 2}]
    assert run(["check"]) == 69


def test_a_sync_that_failed_says_why(table, capsys):
    table.answers["sync"] = [{**SYNCED, "ok": False, "why": "the peer does not answer"}]
    assert run(["sync"]) == 69
    assert "failed: the peer does not answer" in capsys.readouterr().out
    table.answers["sync"] = []
    assert run(["sync"]) == 69


def test_lines_that_were_acknowledged_are_counted_when_one_fails(table, monkeypatch, tmp_path, capsys):
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\ntwo\n\xff\n")
    with path.open() as source:
        monkeypatch.setattr(sys, "stdin", source)
        assert run(["post", "--lines", "-"]) == 65
    assert table.asked == [("post-lines", {"lines": ["one", "two"]})]
    err = capsys.readouterr().err
    assert "Line 4" in err
    assert "2 messages before that were published" in err


def test_lines_stop_where_the_daemon_ends(table, monkeypatch, tmp_path, capsys):
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    table.answers["post-lines"] = Unavailable("The daemon ended.", "Start it.")
    with path.open() as source:
        monkeypatch.setattr(sys, "stdin", source)
        assert run(["post", "--lines", "-"]) == 69
    assert "0 messages before that" in capsys.readouterr().err


def test_standard_input_that_is_no_utf8_has_its_exit_code(table, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    assert run(["post", "-"]) == 65
    assert "UTF-8" in capsys.readouterr().err
    assert table.asked == []
