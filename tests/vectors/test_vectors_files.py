"""The frozen vectors of `docs/protocol/files.md`, read as a second implementation would read them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from node.apps.files import bodies
from node.apps.files.names import alike
from node.sharing import folders
from store.blobs import CHUNK_BYTES, Manifest, check_chunk
from store.codec import encode
from store.errors import InvalidBlob

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("files-accept.json", "files-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)

Case = dict[str, Any]


def cases_of(cases: list[Case], what: str) -> list[Any]:
    return [pytest.param(case, id=ascii(case["name"])) for case in cases if case["what"] == what]


def derived(context: str, data: bytes) -> bytes:
    return blake3(data, derive_key_context=context).digest()


@pytest.mark.parametrize("case", cases_of(ACCEPT, "blob"))
def test_a_blob_has_its_id(case: Case) -> None:
    pattern, size, found = bytes.fromhex(case["repeat"]), case["size"], case["found"]
    content = (pattern * (size // max(len(pattern), 1) + 1))[:size]
    parts = [content[at : at + CHUNK_BYTES] for at in range(0, size, CHUNK_BYTES)]
    ids = [derived("asterism/chunk/1", part) for part in parts]
    manifest = encode((1, size, b"".join(ids)))
    assert [each.hex() for each in ids] == found["chunks"]
    assert manifest.hex() == found["manifest"]
    assert derived("asterism/blob/1", manifest).hex() == found["id"]
    ours = Manifest.of_blob(bytes.fromhex(found["id"]), manifest)
    assert [check_chunk(ours, index, part) for index, part in enumerate(parts)] == ids


@pytest.mark.parametrize("case", cases_of(ACCEPT, "manifest"))
def test_a_manifest_is_understood(case: Case) -> None:
    manifest, found = Manifest.parse(bytes.fromhex(case["data"])), case["found"]
    assert manifest.size == found["size"]
    assert [chunk.hex() for chunk in manifest.chunks] == found["chunks"]
    assert manifest.encode().hex() == found["manifest"] == case["data"]
    assert manifest.id.hex() == found["id"]


@pytest.mark.parametrize("case", cases_of(REFUSE, "manifest"))
def test_what_is_no_manifest_is_refused(case: Case) -> None:
    with pytest.raises(InvalidBlob):
        Manifest.parse(bytes.fromhex(case["data"]))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "folder"))
def test_a_folder_is_understood(case: Case) -> None:
    files = folders.parse(bytes.fromhex(case["data"]))
    found = [{"path": path, "size": size, "blob": blob.hex()} for path, size, blob in files]
    assert found == case["found"]["files"]
    assert folders.encode(files).hex() == case["data"]


@pytest.mark.parametrize("case", cases_of(REFUSE, "folder"))
def test_a_folder_that_breaks_a_rule_is_refused(case: Case) -> None:
    with pytest.raises(folders.BadFolder):
        folders.parse(bytes.fromhex(case["data"]))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "file"))
def test_a_file_is_understood(case: Case) -> None:
    shared = bodies.parse(bytes.fromhex(case["body"]))
    assert shared is not None
    found = {**shared._asdict(), "blob": shared.blob.hex(), "tags": list(shared.tags)}
    found["contents"] = None if shared.contents is None else list(shared.contents)
    assert found == case["found"]


@pytest.mark.parametrize("case", cases_of(REFUSE, "file"))
def test_of_what_is_no_file_nothing_is_shown(case: Case) -> None:
    assert bodies.parse(bytes.fromhex(case["body"])) is None


@pytest.mark.parametrize("case", cases_of(ACCEPT, "alike"))
def test_paths_are_alike_or_not(case: Case) -> None:
    one, other = case["paths"]
    assert (alike(one) == alike(other)) is case["found"]["alike"]


def test_the_files_are_what_the_scripts_write(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_files_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=FOLDER)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
