"""The frozen vectors of `docs/protocol/documents.md`, read as a second implementation would read them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.apps.documents.bodies import LongText, Rendered, Translation, Version, parse
from node.apps.documents.contents import unpack_units
from node.apps.documents.translations import compare
from node.apps.documents.units import Unit, split

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("documents-accept.json", "documents-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)

Case = dict[str, Any]


def of(cases: list[Case], what: str) -> Any:
    chosen = [case for case in cases if case["what"] == what]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: ascii(case["name"]))


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@of(ACCEPT, "body")
def test_what_is_published_is_understood(case: Case) -> None:
    found = parse(bytes.fromhex(case["body"]))
    assert isinstance(found, Version | Translation)
    kind = 33 if isinstance(found, Version) else 35
    is_long = isinstance(found.held, LongText)
    held = plain(tuple(found.held)) if is_long else [plain(found.held)]
    assert [kind + is_long, *plain(tuple(found[:-1])), *held] == case["found"]


@of(ACCEPT, "units")
def test_a_text_is_cut_into_units(case: Case) -> None:
    assert split(case["text"]) == case["units"]
    assert "".join(case["units"]) == case["text"]


@of(ACCEPT, "translated")
def test_a_translation_knows_what_is_out_of_date(case: Case) -> None:
    units = [Unit(bytes.fromhex(unit), text) for unit, text in case["units"]]
    newest_first = [
        [Rendered(bytes.fromhex(unit), bytes.fromhex(source), text) for unit, source, text in translation]
        for translation in case["translations"]
    ]
    states = {line.unit.id: str(line.state) for line in compare(units, newest_first)}
    assert [states.get(unit.id) for unit in units] == case["states"]


@of(REFUSE, "body")
def test_what_breaks_a_rule_is_not_understood(case: Case) -> None:
    assert parse(bytes.fromhex(case["body"])) is None


@of(REFUSE, "blob")
def test_a_blob_that_breaks_a_rule_is_no_text(case: Case) -> None:
    assert unpack_units(bytes.fromhex(case["blob"])) is None


def test_the_script_still_writes_the_same_vectors(tmp_path: Path) -> None:
    maker = FOLDER / "make_documents_vectors.py"
    subprocess.run([sys.executable, maker, tmp_path], check=True, timeout=100)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
