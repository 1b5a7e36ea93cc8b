"""What `aster file` asks of the daemon, a table of answers here, and what it prints."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import cli.session
from cli.files import _bar
from cli.main import run

ID = "k3jd7wq2" + "a" * 44
BLOB = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000

FILE: dict[str, Any] = {
    "id": ID,
    "name": "minutes\x1b[31m.pdf",
    "folder": False,
    "media_type": "application/pdf",
    "size": 1_500,
    "files": None,
    "blob": BLOB,
    "description": "Of Monday\x07",
    "language": "en",
    "tags": ["minutes"],
    "public": True,
    "time_ms": TIME_MS,
    "author": BLOB,
    "author_name": "alice\u202e",
    "member": None,
    "held": "part",
    "held_bytes": 500,
    "pinned": True,
    "replaced_by": ID,
}
FOLDER = {
    **FILE,
    "name": "photos",
    "folder": True,
    "files": 2,
    "size": 3_000,
    "held": "all",
    "replaced_by": None,
}
SHOWN = {**FILE, "also_shared_by": [{"author_name": "bob", "name": "copy.pdf"}]}
CONTENTS = [{"path": "a/b\x1b.jpg", "size": 1_000, "blob": BLOB, "held": "none"}]
ADDED = {
    "event": "result",
    **FOLDER,
    "log": "files",
    "seq": 1,
    "left_out": [{"path": "link\x1b", "why": "it is a symbolic link"}],
    "left_out_count": 1,
}
READING = {"event": "reading", "bytes": 500, "total": 1_000, "files": 1, "of": 2}
SAVED = {
    "event": "result",
    "path": "/x/minutes.pdf",
    "bytes": 1_500,
    "files": 1,
    "folder": False,
    "name": "m",
}
USAGE = {
    "used_bytes": 5_000,
    "quota_bytes": 10**10,
    "member_quota_bytes": 10**9,
    "section_quota_bytes": 5 * 10**9,
    "free_bytes": 10**11,
    "blobs": 3,
    "pinned_bytes": 2_000,
    "shares": [{"who": BLOB, "name": "alice", "bytes": 4_000}],
}
ANSWERS: dict[str, Any] = {
    "file/add": [READING, ADDED],
    "file/list": {"files": [FILE, FOLDER]},
    "file/show": SHOWN,
    "file/get": [
        {"event": "fetching", "state": "nobody", "bytes": 0, "total": 1_500, "files": 0, "of": 1, "peers": 0},
        {"event": "saving", "bytes": 700, "total": 1_500},
        SAVED,
    ],
    "file/pin": FILE,
    "file/unpin": FILE,
    "file/drop": {**FILE, "freed_bytes": 4_096},
    "file/usage": USAGE,
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
        ["add", "/d/photos", "--as", "photos", "--tag", "a", "--tag", "b", "--about", "x", "--public"],
        "file/add",
        {"path": "/d/photos", "name": "photos", "tags": ["a", "b"], "description": "x", "public": True},
        [ID],
    ),
    (
        ["list", "--author", "bob", "--tag", "x", "--folders", "--replaced", "--limit", "3", "--before", ID],
        "file/list",
        {"author": "bob", "tag": "x", "folders": True, "replaced": True, "limit": 3, "before": ID},
        [
            "minutes\\x1b[31m.pdf",
            "1.5 kB",
            "partly here, pinned, replaced",
            "alice\\u202e",
            "photos/",
            "2 files",
        ],
    ),
    (
        ["show", "minutes.pdf"],
        "file/show",
        {"file": "minutes.pdf"},
        [
            ID,
            BLOB,
            "1.5 kB, partly here, pinned",
            "also by  bob, as copy.pdf",
            "Of Monday\\x07",
            "by k3jd7wq2aa",
        ],
    ),
    (
        ["get", "minutes.pdf", "--out", "/x/", "--force", "--timeout", "9"],
        "file/get",
        {"file": "minutes.pdf", "out": "/x/", "force": True, "timeout_s": 9.0},
        ["/x/minutes.pdf"],
    ),
    (["pin", "m"], "file/pin", {"file": "m"}, []),
    (["unpin", "m"], "file/unpin", {"file": "m"}, []),
    (["drop", "m", "--force"], "file/drop", {"file": "m", "force": True}, []),
    (["usage"], "file/usage", {}, ["5.0 kB of 10.0 GB, 2.0 kB pinned", "100.0 GB free", "alice  4.0 kB"]),
]


@pytest.mark.parametrize(("arguments", "method", "params", "shown"), CALLS, ids=[c[0][0] for c in CALLS])
def test_a_verb_asks_for_its_method_and_shows_the_answer(arguments, method, params, shown, table, capsys):
    assert run(["file", *arguments]) == 0
    assert table.asked == [(method, params)]
    output, said = capsys.readouterr()
    assert [part for part in shown if part not in output] == []
    assert "\x1b" not in output + said
    assert "\u202e" not in output + said


@pytest.mark.parametrize(("arguments", "method", "params", "shown"), CALLS, ids=[c[0][0] for c in CALLS])
def test_json_is_one_object_a_line(arguments, method, params, shown, table, capsys):
    assert run(["file", *arguments, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (2 if method == "file/list" else 1)
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_what_was_left_out_is_said(table, capsys):
    assert run(["file", "add", "photos"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "Left out: link\\x1b: it is a symbolic link",
        "Shared the folder 'photos' with 2 files, 3.0 kB.",
    ]
    many = {"left_out": [ADDED["left_out"][0]] * 30, "left_out_count": 30}
    table.answers["file/add"] = [{**ADDED, **many}]
    assert run(["file", "add", "photos"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 22
    assert said[20] == "Left out as well: 10 files. All of them: --json"


def test_a_path_is_sent_whole(table, tmp_path):
    assert run(["file", "add", "photos"]) == 0
    assert run(["file", "get", "m"]) == 0
    assert run(["file", "get", "m", "--out", "new"]) == 0
    given = [params.get("path") or params["out"] for _, params in table.asked]
    assert given == [str(tmp_path / "photos"), str(tmp_path), str(tmp_path / "new")]


def test_standard_input_is_shared_from_a_file_that_vanishes(table, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"piped")))
    read: list[tuple[bytes, int]] = []

    class Reader(Table):
        def stream(self, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
            path = Path(params["path"])
            read.append((path.read_bytes(), path.stat().st_mode & 0o777))
            return super().stream(method, params)

    monkeypatch.setattr(cli.session, "Client", Reader)
    assert run(["file", "add", "-", "--as", "a.txt"]) == 0
    assert read == [(b"piped", 0o600)]
    assert not os.path.exists(table.asked[0][1]["path"])


def test_standard_input_needs_a_name(table, capsys):
    assert run(["file", "add", "-"]) == 64
    assert "needs a name" in capsys.readouterr().err
    assert table.asked == []


def test_a_file_goes_to_standard_output_byte_for_byte(table, monkeypatch, capfdbinary):
    class Writer(Table):
        def stream(self, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
            Path(params["out"]).write_bytes(b"\xff\x00\x1b[2J")
            yield {**SAVED, "path": params["out"]}

    monkeypatch.setattr(cli.session, "Client", Writer)
    assert run(["file", "get", "m", "--out", "-"]) == 0
    assert capfdbinary.readouterr().out == b"\xff\x00\x1b[2J"


def test_neither_json_nor_a_folder_goes_with_standard_output(table, capsys):
    assert run(["file", "get", "m", "--out", "-", "--json"]) == 64
    assert table.asked == []
    table.answers["file/get"] = [{**SAVED, "folder": True}]
    assert run(["file", "get", "m", "--out", "-"]) == 64
    assert "folder" in capsys.readouterr().err


def test_a_folder_shows_its_files_or_why_not(table, capsys):
    shown = {**FOLDER, "also_shared_by": [], "contents": CONTENTS, "fault": ""}
    for contents, fault, expected in (
        (CONTENTS, "", "a/b\\x1b.jpg  1.0 kB  not here"),
        (None, "", "aster file get k3jd7wq2aa"),
        (None, "The list breaks a rule\x1b.", "The list breaks a rule\\x1b."),
    ):
        table.answers["file/show"] = {**shown, "contents": contents, "fault": fault}
        assert run(["file", "show", "photos"]) == 0
        assert expected in "".join(capsys.readouterr())


def test_an_empty_list_says_what_to_do(table, capsys):
    table.answers["file/list"] = {"files": []}
    assert run(["file", "list"]) == 0
    assert "aster file add" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"bytes": 0, "total": 100}, "░" * 24 + "   0%  0 bytes of 100 bytes"),
        ({"bytes": 50, "total": 100, "files": 1, "of": 2, "peers": 1}, "█" * 12 + "░" * 12 + "  50%"),
        ({"bytes": 0, "total": 0}, "█" * 24 + " 100%"),
        ({"bytes": 500, "total": 100}, "█" * 24 + " 100%"),
    ],
)
def test_a_bar_shows_how_far_it_has_got(event: dict[str, Any], expected: str):
    assert _bar(event).startswith(expected)


def test_a_bar_names_files_and_peers():
    bar = _bar({"bytes": 50, "total": 100, "files": 1, "of": 2, "peers": 3})
    assert bar.endswith("50 bytes of 100 bytes, 1 of 2 files, from 3 peers")
