"""The frozen vectors of `docs/protocol/feed.md`, read as a second implementation would read them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.apps.feed.bodies import Correction, Post, Reaction, Translation, parse

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("feed-accept.json", "feed-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)
KINDS = {Post: 1, Reaction: 2, Correction: 3, Translation: 4}


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", ACCEPT, ids=lambda case: ascii(case["name"]))
def test_what_is_said_is_understood(case: dict[str, Any]) -> None:
    content = parse(bytes.fromhex(case["body"]))
    assert content is not None
    said = content.post if isinstance(content, Correction) else content
    assert [KINDS[type(content)], *plain(tuple(said))] == case["content"]


@pytest.mark.parametrize("case", REFUSE, ids=lambda case: ascii(case["name"]))
def test_what_breaks_a_rule_is_not_understood(case: dict[str, Any]) -> None:
    assert parse(bytes.fromhex(case["body"])) is None


def test_the_script_still_writes_the_same_vectors(tmp_path: Path) -> None:
    maker = FOLDER / "make_feed_vectors.py"
    subprocess.run([sys.executable, maker, tmp_path], check=True, timeout=100)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
