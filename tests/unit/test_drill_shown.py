"""What a person is told at the end of a drill."""

from typing import Any

import pytest

from cli.hub import _show
from cli.render import Screen

FOUND: dict[str, Any] = {
    "ok": True,
    "equal": True,
    "entries": 2,
    "logs": 1,
    "bodies": 2,
    "digests": [],
    "deleted": 0,
    "expired": 0,
    "unwanted": 0,
    "lost": {"bodies": {"listed": []}, "entries": {"listed": []}, "sections": {"listed": []}},
    "ended": {"listed": []},
    "named": {"listed": []},
    "waiting": 0,
    "sections": [],
    "out": None,
}


def last_line(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    _show(Screen(False, False), found)
    return capsys.readouterr().out.splitlines()[-1]


def test_nothing_is_said_to_be_lost_only_where_the_node_carries_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert last_line(FOUND, capsys) == "Nothing would be lost."
    said = last_line({**FOUND, "unwanted": 11}, capsys)
    assert said == "Nothing of what this node carries would be lost. What it leaves to others would be."
