"""What `aster` says to newcomers before anything is asked of the network, with exit codes."""

import io
import json
import os
import sys

import pytest

from cli.main import run
from node.federation.bare import root_key, root_of
from node.federation.code import Contact, Invite, Place, encode
from node.federation.phrase import read_phrase
from store.ids import AuthorId, from_text

WORDS = (
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon "
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art"
)
"""32 zero bytes in English."""

CODE = "AEAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Cut off."""

GOOD = encode(Invite(bytes(16), bytes(16), AuthorId(bytes(32)), Place("127.0.0.1", 1)))
CONTACT = encode(Contact(bytes(16), AuthorId(bytes(32)), Place("127.0.0.1", 1)))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ASTERISM_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path / "home"


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "words"
    file.write_text(WORDS)
    file.chmod(0o600)
    return file


def found(tmp_path, *more):
    return run(
        [
            *("federation", "found", "--name", "X", "--section", "Lyon", "--as", "Alice"),
            *("--words-file", str(tmp_path / "new-words"), "--unattended", *more),
        ]
    )


def told(capsys):
    """What an error says, without blanks at its lines' ends."""
    return capsys.readouterr().err


def test_a_federation_is_founded_and_shown(home, tmp_path, capsys):
    assert found(tmp_path, "--device", "laptop", "--language", "fr") == 0
    assert "Alice" in capsys.readouterr().out
    assert (tmp_path / "new-words").stat().st_mode & 0o777 == 0o600
    assert run(["federation", "show"]) == 0
    shown = capsys.readouterr().out
    assert "Lyon" in shown
    assert "1 endorsement" in shown


def test_the_words_stand_in_no_file_but_their_own_and_in_no_output(home, tmp_path, capsys):
    assert found(tmp_path) == 0
    assert run(["federation", "show", "--json"]) == 0
    words = (tmp_path / "new-words").read_text().splitlines()[-1]
    assert len(words.split()) == 24
    said = "".join(capsys.readouterr())
    assert words not in said
    for path in home.rglob("*"):
        assert path.is_dir() or words.encode() not in path.read_bytes()
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0


def test_a_founding_that_cannot_be_leaves_nothing(home, tmp_path, capsys):
    assert found(tmp_path, "--endorsements", "2") == 64
    assert "a threshold that cannot be met" in told(capsys)
    assert not home.exists()
    assert not (tmp_path / "new-words").exists()


def test_sections_found_together_with_a_file(home, tmp_path, capsys):
    drafted = run(
        [
            *("section", "draft", "--name", "Berlin", "--as", "Carol", "--out", str(tmp_path / "berlin")),
            *("--words-file", str(tmp_path / "carol-words"), "--json"),
        ]
    )
    assert drafted == 0
    assert not home.exists()
    assert found(tmp_path, "--with", str(tmp_path / "berlin")) == 0
    capsys.readouterr()
    assert run(["federation", "show"]) == 0
    shown = capsys.readouterr().out
    assert "Berlin" in shown
    assert "2 endorsements" in shown
    assert run(["section", "draft", "--name", "B", "--out", str(tmp_path / "berlin")]) == 64


def test_new_words_name_a_member_and_make_no_home(home, tmp_path, capsys):
    file = tmp_path / "new-words"
    assert run(["words", "--words-file", str(file), "--json"]) == 0
    member = json.loads(capsys.readouterr().out)["member"]
    assert from_text(member) == root_of(root_key(read_phrase(file.read_text().splitlines()[-1])))
    assert not home.exists()
    assert run(["words", "--words-file", str(file)]) == 64
    assert run(["words"]) == 64


def test_a_federation_is_joined_with_a_code_and_not_with_its_file(home, tmp_path, capsys, monkeypatch):
    assert found(tmp_path) == 0
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path / "other"))
    file = str(home / "network.aster")
    assert run(["init", "--name", "eve", "--network", file, "--unattended"]) == 64
    assert "aster join CODE" in told(capsys)
    assert not (tmp_path / "other").exists()


def test_a_home_in_a_federation_gets_no_new_device(home, tmp_path, capsys):
    assert found(tmp_path) == 0
    before = (home / "keys" / "device.key").read_bytes()
    assert run(["init", "--new-device"]) == 64
    assert "aster device link" in told(capsys)
    assert (home / "keys" / "device.key").read_bytes() == before


@pytest.mark.parametrize(
    "verb",
    [
        ["join", CODE, "--name", "Bob", "--words-file", "new"],
        ["section", "join", CODE, "--name", "Berlin", "--as", "Carol", "--words-file", "new"],
        ["device", "link", CODE, "--words-file", "old"],
        ["recover", CODE, "--yes", "--words-file", "old"],
        ["federation", "found", "--name", "X", "--section", "L", "--as", "A", "--words-file", "new"],
    ],
)
def test_where_there_is_a_home_it_stays_as_it_was(home, tmp_path, capsys, words, verb):
    assert found(tmp_path) == 0
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    chosen = [
        str(words) if each == "old" else str(tmp_path / "w") if each == "new" else each for each in verb
    ]
    assert run([*chosen, "--unattended"]) == 64
    assert "it stays as it is" in told(capsys)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("verb", "exit_code", "why"),
    [
        (["join", CODE, "--name", "Bob"], 64, "--words-file"),
        (["join", CODE, "--name", "Bob", "--words-file", "new", "--unattended"], 65, "characters"),
        (["join", GOOD, "--name", "Bob", "--words-file", "old", "--unattended"], 64, "exists already"),
        (["join", CONTACT, "--name", "Bob", "--words-file", "new", "--unattended"], 65, "no invite"),
        (["join", GOOD, "--name", "", "--words-file", "new", "--unattended"], 65, "name"),
        (["join", CODE, "--name", "Bob", "--words-file", "new"], 77, "--unattended"),
        (["join", "-", "--name", "Bob", "--words-file", "new", "--unattended"], 65, "no code"),
        (["device", "link", CODE, "--unattended"], 64, "--words-file"),
        (["device", "link", CODE, "--words-file", "old", "--unattended"], 65, "characters"),
        (["device", "link", "-", "--words-file", "-", "--unattended"], 64, "both"),
        (["device", "link", CODE, "--words-file", "gone", "--unattended"], 65, "cannot be read"),
        (["recover", CODE, "--words-file", "old", "--unattended"], 64, "--yes"),
        (["recover", CODE, "--words-file", "old", "--unattended", "--yes"], 65, "characters"),
        (["federation", "show"], 66, "no home"),
        (["device", "list"], 66, "no home"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_nothing(home, tmp_path, capsys, words, verb, exit_code, why):
    paths = {"old": str(words), "new": str(tmp_path / "w"), "gone": str(tmp_path / "gone")}
    assert run([paths.get(each, each) for each in verb]) == exit_code
    assert why in told(capsys)
    assert not home.exists()
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("spoiled", "why"),
    [
        (WORDS.removesuffix(" art"), "24 words, this has 23"),
        (WORDS.replace("art", "arm"), "do not fit"),
        (WORDS.replace("art", "arrt"), "is not in the English list"),
    ],
)
def test_wrong_words_are_told_without_the_right_ones(home, capsys, words, spoiled, why):
    words.write_text(spoiled)
    assert run(["device", "link", CODE, "--words-file", str(words), "--unattended"]) == 65
    said = told(capsys)
    assert why in said
    assert "abandon abandon" not in said
    assert not os.path.lexists(home)
