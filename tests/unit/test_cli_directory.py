"""What the verbs about profiles, the directory and the site ask for, and what they print of the answer."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli.session
from cli.main import run

ID = "k3jd7wq2" + "a" * 44
TIME_MS = 1_795_367_040_000
MEMBER = {
    "type": "member",
    "id": ID,
    "member": ID,
    "name": "Bob",
    "published": "Bob\x1b[31m",
    "sections": [{"id": ID, "name": "Lyon"}],
    "fields": [
        {"field": "name", "tag": "ar", "value": "بوب", "public": True},
        {"field": "about", "tag": "fr", "value": "Du pain.\nLa nuit.\u202e", "public": True},
        {"field": "contact", "tag": "press", "value": "=cmd", "public": False},
        {"field": "language", "tag": "", "value": "fr", "public": False},
        {"field": "picture", "tag": "", "value": ID, "size": 30_000, "held": False, "public": False},
    ],
    "public": True,
    "time_ms": TIME_MS,
}
SECTION = {
    "type": "section",
    "id": ID,
    "name": "Lyon",
    "territory": "Rhône",
    "languages": ["fr", "ar"],
    "members": 12,
    "fields": [],
    "public": False,
    "time_ms": TIME_MS,
    "by": {"author": ID, "name": "Alice", "member": ID},
}
RESULT = {
    "event": "result",
    "out": "/x",
    "files": 40,
    "copied": 2,
    "sections": 1,
    "members": 2,
    "documents": 0,
    "posts": 3,
    "languages": ["fr", "ar"],
}


class Node:
    """Answers as a daemon would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = MEMBER

    def call(self, method: str, params: dict[str, Any], timeout_s: float = 0) -> Any:
        self.asked.append((method, params))
        return self.answer

    def stream(self, method: str, params: dict[str, Any]) -> Iterator[Any]:
        self.asked.append((method, params))
        yield from self.answer


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    made = Node()
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    monkeypatch.setattr(cli.session, "Client", lambda paths: made)
    monkeypatch.chdir(tmp_path)
    return made


def asked(node: Node, *arguments: str) -> tuple[str, dict[str, Any]]:
    assert run(list(arguments)) == 0
    return node.asked[-1]


def test_fields_are_given_as_they_are_typed(node: Node, tmp_path: Path) -> None:
    method, params = asked(
        node, "profile", "set", "about:fr=Du pain = bon", "language=fr", "picture=me.jpg", "--public"
    )
    assert (method, params["fields"]) == (
        "profile/set",
        [
            {"field": "about", "tag": "fr", "public": True, "value": "Du pain = bon"},
            {"field": "language", "tag": "", "public": True, "value": "fr"},
            {"field": "picture", "tag": "", "public": True, "value": str(tmp_path / "me.jpg")},
        ],
    )
    _, params = asked(node, "profile", "set", "name=Bob", "--section", "Lyon")
    assert params == {"fields": [{"field": "name", "tag": "", "value": "Bob"}], "section": "Lyon"}
    _, params = asked(node, "profile", "set", "about", "--federation")
    assert params["fields"] == [{"field": "about", "tag": "", "public": False}]
    assert asked(node, "profile", "unset", "about:fr", "picture") == (
        "profile/unset",
        {"fields": ["about:fr", "picture"]},
    )


@pytest.mark.parametrize("arguments", [["about"], ["about=x", "--public", "--federation"], []])
def test_a_field_without_anything_to_do_is_refused(node: Node, arguments: list[str]) -> None:
    assert run(["profile", "set", *arguments]) == 64
    assert node.asked == []


def test_a_profile_is_shown_with_who_may_see_what(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    run(["profile", "show"])
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        f"Bob  {ID}",
        "calls himself  Bob\\x1b[31m",
        "sections       Lyon",
        shown.splitlines()[3],
        "name:ar        public      \u2068بوب\u2069"
        if "\u2068" in shown
        else "name:ar        public      بوب",
        "about:fr       public    ",
        "    Du pain.",
        "    La nuit.\\u202e",
        "contact:press  federation  =cmd",
        "language       federation  fr",
        "picture        federation  k3jd7wq2aa  30.0 kB, not here yet",
    ]
    assert shown.splitlines()[3].startswith("written        2026-")


def test_a_section_says_who_spoke_for_it(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.answer = SECTION
    assert asked(node, "directory", "show", "--section", "Lyon") == ("directory/show", {"section": "Lyon"})
    captured = capsys.readouterr()
    assert "members    12" in captured.out
    assert " by Alice" in captured.out
    assert "There is no profile" in captured.err


def test_of_whom_is_asked_has_to_be_said_once(node: Node) -> None:
    assert run(["directory", "show"]) == 64
    assert run(["directory", "show", "bob", "--section", "Lyon"]) == 64
    assert asked(node, "directory", "show", "bob") == ("directory/show", {"who": "bob"})


def test_the_directory_is_a_table_or_lines_of_json(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.answer = [SECTION, MEMBER]
    given = ["--section", "Lyon", "--language", "fr", "--public", "--limit", "5"]
    wanted = {"section": "Lyon", "language": "fr", "public": True, "limit": 5}
    assert asked(node, "directory", "list", *given) == ("directory/list", wanted)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Lyon", "Bob"]
    assert "Rhône" in lines[0]
    assert lines[1].endswith("Du pain.")
    assert asked(node, "directory", "search", "pain", "--json") == ("directory/list", {"search": "pain"})
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["Lyon", "Bob"]
    node.answer = []
    asked(node, "directory", "search", "nobody")
    assert "Nobody fits." in capsys.readouterr().err


def test_a_table_for_spreadsheets_has_no_formulas(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {**MEMBER, "name": "=HYPERLINK(1)"}
    node.answer = [SECTION, hostile]
    assert asked(node, "directory", "export", "--csv", "--quiet") == ("directory/list", {})
    section, member = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert member["name"] == "'=HYPERLINK(1)"
    assert member["contacts"] == "press: =cmd"
    assert member["about"] == "fr: Du pain.\nLa nuit.\u202e"
    assert (section["territory"], section["languages"]) == ("Rhône", "fr; ar")
    asked(node, "directory", "export", "--public")
    assert json.loads(capsys.readouterr().out.splitlines()[1])["name"] == "=HYPERLINK(1)"
    assert run(["directory", "export", "--csv", "--json"]) == 64


def test_a_site_is_built_where_it_is_said(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.answer = [{"event": "progress", "done": 50, "total": 0}, RESULT]
    method, params = asked(
        node,
        "site",
        "build",
        "out",
        "--language",
        "fr",
        "--language",
        "ar",
        "--base-url",
        "https://a.example",
    )
    assert (method, params) == (
        "site/build",
        {"out": str(tmp_path / "out"), "languages": ["fr", "ar"], "base_url": "https://a.example"},
    )
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path}/out/index.html\n"
    assert "1 section, 2 members, 0 documents, 3 posts; 40 files in fr, ar." in captured.err
    node.answer = [{**RESULT, "sections": 0, "members": 0, "posts": 0}]
    asked(node, "site", "build", "out")
    assert "Nothing is public yet" in capsys.readouterr().err
    asked(node, "site", "build", "out", "--json")
    assert json.loads(capsys.readouterr().out)["files"] == 40
