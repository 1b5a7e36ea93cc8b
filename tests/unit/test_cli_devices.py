"""What `aster device revoke` says of the device that one sits at, and of who has heard of the cut."""

from typing import Any

import pytest

import cli.devices
from cli.main import run
from cli.session import Session
from node.doors import newcomer

CUT: dict[str, Any] = {"device": "d", "name": "laptop", "standing": "member", "cut": "00", "logs": []}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answers of a daemon by method, which a test may replace."""
    table: dict[str, Any] = {
        "device/cut": {**CUT, "this": False},
        "network/export": {"network": "n"},
        "device/revoke": {"held_by": []},
    }
    monkeypatch.setattr(Session, "call", lambda session, method, **parameters: table[method])
    monkeypatch.setattr(cli.devices, "read_words", lambda *given: "words")
    monkeypatch.setattr(newcomer, "sign_cut", lambda *given: "00")
    return table


def test_who_holds_a_cut_is_named(answers, capsys):
    answers["device/revoke"] = {"held_by": ["hub-lyon"]}
    assert run(["device", "revoke", "laptop", "--yes"]) == 0
    captured = capsys.readouterr()
    assert "laptop (d) is revoked." in captured.out
    assert captured.err == "Known to: hub-lyon.\n"


def test_another_device_is_not_called_the_one_that_one_sits_at(answers, capsys):
    assert run(["device", "revoke", "laptop", "--yes"]) == 0
    captured = capsys.readouterr()
    assert "the device that you sit at" not in captured.out
    assert captured.err == ""


def test_the_device_that_one_sits_at_is_named_so_before_and_after(answers, capsys):
    answers["device/cut"] = {**CUT, "this": True}
    assert run(["device", "revoke", "laptop", "--yes"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("the device that you sit at") == 2
    assert "revoke it from another device of yours too" in captured.err
