"""The frozen vectors of `docs/protocol/deletion.md`, read as a second implementation would read them."""

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from node.apps.deletion.bodies import Deletion, Receipt, parse
from node.deletion.authority import is_deletable, may_delete
from store.entry import Entry
from store.entry import parse as parse_entry
from store.ids import AuthorId, EntryId, NetworkId

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("deletion-accept.json", "deletion-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)

Case = dict[str, Any]


def entry_of(plain: Case) -> Entry:
    return parse_entry(*(bytes.fromhex(plain[part]) for part in ("header", "signature", "body")))


class Members:
    """Who is whose, as a case says."""

    def __init__(self, members: list[list[str]]) -> None:
        self._of = {bytes.fromhex(device): member[0] for member in members for device in member}

    def bearer(self, device: AuthorId) -> bytes:
        return bytes.fromhex(self._of[device])


@pytest.mark.parametrize("case", [case for case in ACCEPT if case["what"] == "said"], ids=lambda c: c["name"])
def test_what_is_said_is_understood(case: Case) -> None:
    said = parse(entry_of(case))
    if isinstance(said, Deletion):
        found: Case = {"kind": 96, "names": said.targets, "reason": said.reason}
    else:
        assert isinstance(said, Receipt)
        found = {"kind": 97, "names": said.deletions}
    assert {**found, "names": [name.hex() for name in found["names"]]} == case["found"]


@pytest.mark.parametrize("case", REFUSE, ids=lambda c: c["name"])
def test_what_breaks_a_rule_says_nothing(case: Case) -> None:
    assert parse(entry_of(case)) is None


@pytest.mark.parametrize("case", [case for case in ACCEPT if case["what"] == "set"], ids=lambda c: c["name"])
def test_of_a_set_the_same_is_gone_in_whatever_order_it_comes(case: Case) -> None:
    entries, members = [entry_of(plain) for plain in case["entries"]], Members(case["members"])
    for entry in entries:
        entry.check_signature(NetworkId(bytes.fromhex(case["network"])))
    for order in permutations(entries):
        held = {entry.id: entry for entry in order}
        gone: set[EntryId] = set()
        for entry in order:
            said = parse(entry)
            for target in said.targets if isinstance(said, Deletion) else ():
                named = held.get(target)
                if named and is_deletable(named.log) and may_delete(members, entry.author, named.author):
                    gone.add(target)
        assert sorted(each.hex() for each in gone) == case["gone"]


def test_the_scripts_make_these_files(tmp_path: Path) -> None:
    script = FOLDER / "make_deletion_vectors.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
