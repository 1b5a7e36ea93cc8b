"""What `aster hub drill` says of what was found, and how it ends. The drill itself is a table of findings."""

import json
from pathlib import Path
from typing import Any

import pytest

import cli.hub
from cli.hub import EXIT_LOSS
from cli.main import run
from node.doors import offline
from node.errors import DamagedHome

ID = "k3jd7wq2" + "a" * 44
NOTHING: dict[str, Any] = {"count": 0, "listed": []}
WHOLE: dict[str, Any] = {
    "ok": True,
    "equal": True,
    "logs": 3,
    "entries": 1_204,
    "bodies": 1_203,
    "deleted": 0,
    "expired": 0,
    "unwanted": 0,
    "digests": [
        {"what": "logs", "here": ID, "rebuilt": ID, "equal": True},
        {"what": "search index", "here": 1_100, "rebuilt": 1_100, "equal": True},
    ],
    "lost": {"bodies": NOTHING, "entries": NOTHING, "sections": NOTHING},
    "ended": NOTHING,
    "named": NOTHING,
    "sections": [],
    "out": None,
}
BY_BOB = {"author": ID, "name": "bob\x1b[31m", "log": "feed"}
LACKING = WHOLE | {
    "ok": False,
    "equal": False,
    "digests": [{"what": "feed view", "here": None, "rebuilt": ID, "equal": False}],
    "lost": {
        "bodies": {"count": 2, "listed": [BY_BOB | {"count": 2}]},
        "entries": {
            "count": 2,
            "listed": [
                BY_BOB | {"first": 7, "last": 9, "why": "it is damaged or missing"},
                BY_BOB | {"first": 4, "last": 4, "why": "the signature does not fit"},
            ],
        },
        "sections": {"count": 1, "listed": [{"section": ID, "name": "Lyon", "why": "nothing is here"}]},
    },
    "ended": {
        "count": 2,
        "listed": [BY_BOB | {"seq": 5, "kind": "fork"}, BY_BOB | {"seq": 6, "kind": "cut"}],
    },
    "named": {"count": 1, "listed": [BY_BOB | {"what": "act", "id": ID}]},
    "sections": [
        {
            "section": ID,
            "name": "Berlin",
            "valid": False,
            "members": 4,
            "threshold": 2,
            "stewards": [
                {"member": ID, "name": "carol", "devices": 2},
                {"member": ID, "name": "dave", "devices": 0},
            ],
            "known": 1,
            "rivals": 2,
        }
    ],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "network.aster").touch()
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the drill was asked for; it finds `WHOLE`."""
    return finds(monkeypatch, WHOLE)


def finds(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> list[Any]:
    asked: list[Any] = []

    def drill(paths: Any, ask: Any, out: Any, passphrase: Any, words: Any, tell: Any) -> dict[str, Any]:
        asked.append((out, passphrase, words))
        tell("rebuilding", 1, 2)
        return dict(found)

    monkeypatch.setattr(offline, "drill", drill)
    return asked


def test_what_is_whole_ends_with_0(home, asked, capsys):
    assert run(["hub", "drill"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "1,204 entries in 3 logs, 1,203 bodies: each signature checked, everything made anew.",
        "logs          k3jd7wq2aa  k3jd7wq2aa  equal",
        "search index  1,100       1,100       equal",
        "Nothing would be lost.",
    ]
    assert shown.err == ""
    assert asked == [(None, None, None)]


def test_what_is_lost_is_listed_and_ends_with_a_code_of_its_own(home, capsys, monkeypatch):
    finds(monkeypatch, LACKING)
    assert run(["hub", "drill"]) == EXIT_LOSS
    bob, state = "bob\\x1b[31m (k3jd7wq2aa)", "waits for endorsements; rival changes wait for a choice"
    assert capsys.readouterr().out.splitlines()[1:] == [
        "feed view  damaged  k3jd7wq2aa  differ",
        f"lost   {bob} feed: 2 bodies not here",
        f"lost   {bob} feed entries 7 to 9: it is damaged or missing",
        f"lost   {bob} feed entry 4: the signature does not fit",
        "lost   Lyon: nothing is here",
        f"ended  {bob} feed before entry 5: its author contradicted itself (fork)",
        f"ended  {bob} feed before entry 6: it was cut",
        f"named  act k3jd7wq2aa by {bob} feed, and not here",
        f"section  Berlin: {state}; goes on with 2 of 2 stewards: carol (2 devices), dave (no device known)",
        "What was rebuilt is not what is here.",
    ]


def test_what_is_equal_and_incomplete_is_told_apart(home, capsys, monkeypatch):
    finds(monkeypatch, LACKING | {"equal": True})
    assert run(["hub", "drill"]) == EXIT_LOSS
    assert capsys.readouterr().out.endswith("What is here can be rebuilt, but not everything is here.\n")


def test_a_long_list_is_cut_for_people_and_not_for_scripts(home, capsys, monkeypatch):
    many = [BY_BOB | {"what": "entry", "id": ID}] * 50
    finds(monkeypatch, WHOLE | {"named": {"count": 50, "listed": many}})
    run(["hub", "drill"])
    shown = capsys.readouterr().out.splitlines()
    assert len([line for line in shown if line.startswith("named")]) == 21
    run(["hub", "drill", "--json"])
    assert len(json.loads(capsys.readouterr().out)["named"]["listed"]) == 50


def test_scripts_get_everything_that_was_found(home, capsys, monkeypatch):
    finds(monkeypatch, LACKING)
    assert run(["hub", "drill", "--json"]) == EXIT_LOSS
    assert json.loads(capsys.readouterr().out) == LACKING | {"waiting": None}


def test_a_folder_that_exists_is_refused_before_anything_is_done(home, asked, capsys):
    (home / "out").mkdir()
    assert run(["hub", "drill", "--out", "out", "--unattended"]) == 64
    assert "exists already" in capsys.readouterr().err
    assert asked == []


@pytest.mark.parametrize("option", [["--unattended"], ["--words-file", "words"]])
def test_options_of_a_folder_go_with_a_folder(home, asked, capsys, option):
    assert run(["hub", "drill", *option]) == 64
    assert asked == []


def test_a_folder_needs_a_passphrase_or_a_word_that_it_shall_have_none(home, asked, capsys):
    assert run(["hub", "drill", "--out", "out"]) == 77
    assert asked == []
    assert run(["hub", "drill", "--out", "out", "--unattended"]) == 0
    assert asked == [(home / "out", None, None)]
    assert "guard that folder" in capsys.readouterr().err


def test_the_passphrase_of_a_folder_comes_from_the_file_that_is_named(home, asked, monkeypatch):
    (home / "passphrase").write_text("correct horse\n")
    (home / "passphrase").chmod(0o600)
    monkeypatch.setenv("ASTERISM_PASSPHRASE_FILE", str(home / "passphrase"))
    assert run(["hub", "drill", "--out", "out"]) == 0
    assert asked == [(home / "out", "correct horse", None)]


def test_words_are_read_from_their_file_and_said_to_be_missing_where_they_matter(home, capsys, monkeypatch):
    asked = finds(monkeypatch, WHOLE | {"sections": LACKING["sections"]})
    (home / "words").write_text("one two three\n")
    (home / "words").chmod(0o600)
    folder = ["hub", "drill", "--out", "out", "--unattended"]
    run([*folder, "--words-file", "words"])
    assert asked[-1][2].split() == ["one", "two", "three"]
    assert "aster run --hub" in capsys.readouterr().err
    run(folder)
    assert "no member's 24 words" in capsys.readouterr().err


def test_an_error_is_two_lines_and_its_own_code(home, capsys, monkeypatch):
    def drill(*given: object) -> dict[str, Any]:
        raise DamagedHome("A part of the store cannot be read.", "See what is damaged: aster check.")

    monkeypatch.setattr(offline, "drill", drill)
    assert run(["hub", "drill"]) == 70
    assert capsys.readouterr().err.splitlines() == [
        "aster: A part of the store cannot be read.",
        "See what is damaged: aster check.",
    ]


def test_strangers_who_wait_in_the_daemon_are_told(home, asked, capsys, monkeypatch):
    class Daemon:
        def __init__(self, paths: object) -> None:
            pass

        def call(self, method: str) -> dict[str, Any]:
            return {"federation": {"waiting": 3}}

    monkeypatch.setattr(cli.hub, "Client", Daemon)
    assert run(["hub", "drill"]) == 0
    assert "waits  3 devices for whom nothing here vouches" in capsys.readouterr().out.splitlines()
    run(["hub", "drill", "--json"])
    assert json.loads(capsys.readouterr().out)["waiting"] == 3
