"""`aster delete` and `aster quota`: what they ask of the daemon, and what they say."""

import io
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.deletion
import cli.session
from cli.main import run

ID = "k3jd7wq2" + "a" * 44
OTHER = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000
AUTHOR = {"author": OTHER, "name": "alice", "member": None, "device_name": ""}


def hub(name: str, state: str, since_ms: int = TIME_MS) -> dict[str, Any]:
    return {**AUTHOR, "name": name, "state": state, "since_ms": since_ms}


HUBS = [hub("one", "gone"), hub("two", "silent"), hub("three", "not-reached"), hub("four", "not-reached", 0)]
DELETION = {**AUTHOR, "id": OTHER, "time_ms": TIME_MS, "reason": "a\x1b[31mslip", "counts": True}
STATUS = {
    "targets": [{**AUTHOR, "id": ID, "time_ms": TIME_MS, "here": "deleted"}],
    "deletions": [DELETION],
    "hubs": HUBS,
    "gone": 1,
    "of": 4,
}
ENTRY = {**AUTHOR, "id": ID, "log": "feed", "time_ms": TIME_MS, "text": "one\x1b[2J\ntwo", "along": False}
TAKEN = {
    "texts_bytes": 950,
    "texts_quota": 1_000,
    "headers_bytes": 5,
    "headers_quota": 10,
    "exception": False,
}
QUOTAS = {
    "member": {"texts_quota": 2**30, "headers_quota": 2**20},
    "section": {"texts_quota": 2**40, "headers_quota": 2**30},
    "members": [
        {"member": ID, "name": "bob", **TAKEN, "own": False, "full": False},
        {"member": OTHER, "name": "carol", **TAKEN, "own": False, "full": True},
        {"member": OTHER, "name": "it's me", **TAKEN, "own": True, "full": False},
    ],
    "sections": [{"section": ID, "name": "Lyon", **TAKEN}],
    "let_go": {"texts": 3, "bytes": 3_000},
}


class Table:
    """A daemon that answers from a table and notes what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> Any:
        self.asked.append((method, params))
        return self.answers[method]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Table]:
    answers = {
        "delete/preview": {"entries": [ENTRY, {**ENTRY, "id": OTHER, "along": True, "text": None}]},
        "delete": {"deletions": [], "deleted": [ID, OTHER], "along": 1, "hubs": HUBS, "gone": 1, "of": 4},
        "delete/status": STATUS,
        "quota/show": QUOTAS,
        "quota/set": QUOTAS,
    }
    monkeypatch.setattr(Table, "answers", answers)
    monkeypatch.setattr(Table, "asked", [])
    monkeypatch.setattr(cli.session, "Client", Table)
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    return Table


def methods(table: type[Table]) -> list[str]:
    return [method for method, _ in table.asked]


def test_without_a_terminal_nothing_is_deleted_unless_that_is_agreed_to(table, capsys):
    assert run(["delete", ID]) == 64
    assert table.asked == []
    assert "--yes" in capsys.readouterr().err


def test_what_was_deleted_is_said_with_how_it_stands_at_the_hubs(table, capsys):
    assert run(["delete", ID, "--reason", "a slip", "--yes"]) == 0
    assert table.asked[-1] == ("delete", {"ids": [ID], "reason": "a slip"})
    said = capsys.readouterr()
    assert said.out == (
        "Deleted 2 entries, 1 of them along with it.\n"
        "gone on 1 of 4 hubs, 2 not reached, 1 said nothing yet\n"
    )
    assert f"aster delete --status {ID[:10]}" in said.err


@pytest.mark.parametrize(("typed", "is_deleted"), [("yes\n", True), ("y\n", False), ("\n", False)])
def test_a_person_sees_what_goes_and_is_asked(table, capsys, monkeypatch, typed, is_deleted):
    monkeypatch.setattr(cli.deletion, "has_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert run(["delete", ID]) == 0
    assert ("delete" in methods(table)) is is_deleted
    out = capsys.readouterr().out
    assert "one\\x1b[2J" in out, "what others wrote moves no cursor"
    assert "(goes along)" in out


def test_the_status_names_each_hub_and_what_it_said(table, capsys):
    assert run(["delete", "--status", ID]) == 0
    assert methods(table) == ["delete/status"]
    out = capsys.readouterr().out
    for part in (
        "deleted by alice",
        "a\\x1b[31mslip",
        "It is gone from this node.",
        "gone on 1 of 4 hubs, 2 not reached, 1 said nothing yet",
        "one  gone since 2026-11",
        "two  was connected since, and said nothing yet",
        "three  not reached; last seen 2026-11",
        "four  not reached yet",
    ):
        assert part in out


def test_a_deletion_of_anothers_entry_is_shown_as_refused(table, capsys):
    refused = {**STATUS, "deletions": [{**DELETION, "counts": False}], "hubs": [], "gone": 0, "of": 0}
    table.answers["delete/status"] = {**refused, "targets": [{**STATUS["targets"][0], "here": "held"}]}
    assert run(["delete", "--status", ID]) == 0
    said = capsys.readouterr()
    assert "refused: alice asked for it" in said.out
    assert "It is still on this node." in said.out
    assert "hub" not in said.out


def test_the_status_deletes_nothing(table):
    assert run(["delete", "--status", ID, "--yes"]) == 64
    assert table.asked == []


def test_quotas_are_shown_with_who_is_at_the_bound(table, capsys):
    assert run(["quota", "show"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "each member   1.1 GB of texts, 1.0 MB of headers"
    assert "at the bound" in out[2]
    assert "full: carried no further" in out[3]
    assert "you; never let go" in out[4]
    assert out[5].startswith("section Lyon")
    assert out[6] == "3 texts let go here, 3.0 kB"


@pytest.mark.parametrize(
    ("size", "count"), [("2GiB", 2**31), ("500MiB", 500 * 2**20), ("1.5 gb", 1_500_000_000), ("default", 0)]
)
def test_sizes_are_read_as_people_write_them(table, size, count):
    assert run(["quota", "set", "--member", "bob", "--texts", size]) == 0
    assert table.asked == [("quota/set", {"member": "bob", "texts": count})]


@pytest.mark.parametrize("size", ["12", "much", "-1GiB", "1 PiB", "1e9GB"])
def test_what_is_no_size_is_refused(table, size):
    assert run(["quota", "set", "--section", "all", "--headers", size]) == 65
    assert table.asked == []
