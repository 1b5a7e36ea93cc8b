"""Writing blobs out: within the folder that was chosen, over nothing, and whole or under another name."""

import io
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from node.errors import BadData, Conflict, DiskFull, Missing, NodeError
from node.sharing import saving
from node.sharing.folders import FolderFile
from node.sharing.saving import CannotSave, Steps, Target, check_free, save_file, save_folder, target_of
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES, Manifest, chunk_id

CONTENT = b"a" * CHUNK_BYTES + b"b" * 10


@pytest.fixture
def blobs() -> MemoryBlobStore:
    return MemoryBlobStore()


def added(blobs: MemoryBlobStore, content: bytes = CONTENT) -> Manifest:
    return blobs.add(io.BytesIO(content), lambda _: None)


def listed(blobs: MemoryBlobStore, files: dict[str, bytes]) -> list[tuple[FolderFile, Manifest]]:
    made = []
    for path, content in sorted(files.items()):
        manifest = added(blobs, content)
        made.append((FolderFile(path, manifest.size, manifest.id), manifest))
    return made


def run(steps: Steps) -> str:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_file_is_saved_and_nothing_is_left_beside_it(tmp_path: Path, blobs: MemoryBlobStore):
    steps = save_file(blobs, added(blobs), Target(str(tmp_path), "a.txt"), False)
    assert next(steps) == CHUNK_BYTES
    [partial] = tmp_path.iterdir()
    assert partial.name.startswith("a.txt.")
    assert partial.name.endswith(".partial")
    assert run(steps) == str(tmp_path / "a.txt")
    assert tree(tmp_path) == {"a.txt": CONTENT}


@pytest.mark.parametrize("content", [b"", b"x"])
def test_small_files_are_saved(tmp_path: Path, blobs: MemoryBlobStore, content: bytes):
    run(save_file(blobs, added(blobs, content), Target(str(tmp_path), "a"), False))
    assert tree(tmp_path) == {"a": content}


@pytest.mark.parametrize("kind", ["file", "folder", "link", "link to nowhere", "pipe"])
def test_nothing_is_overwritten(tmp_path: Path, blobs: MemoryBlobStore, kind: str):
    there, outside = tmp_path / "a", tmp_path / "outside"
    outside.write_bytes(b"outside")
    match kind:
        case "file":
            there.write_bytes(b"mine")
        case "folder":
            there.mkdir()
        case "link":
            there.symlink_to(outside)
        case "link to nowhere":
            there.symlink_to(tmp_path / "nowhere")
        case _:
            os.mkfifo(there)
    before = sorted(tmp_path.iterdir()), tree(tmp_path)
    target = Target(str(tmp_path), "a")
    with pytest.raises(Conflict):
        check_free(target, force=False)
    for steps in (
        save_file(blobs, added(blobs), target, False),
        save_folder(blobs, listed(blobs, {"x": b"x"}), target, False),
    ):
        with pytest.raises(Conflict):
            run(steps)
    assert (sorted(tmp_path.iterdir()), tree(tmp_path)) == before


def test_what_appears_while_a_file_is_written_stays(tmp_path: Path, blobs: MemoryBlobStore):
    steps = save_file(blobs, added(blobs), Target(str(tmp_path), "a"), False)
    next(steps)
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(Conflict):
        run(steps)
    assert tree(tmp_path) == {"a": b"mine"}


def test_what_appears_while_a_folder_is_written_stays(tmp_path: Path, blobs: MemoryBlobStore):
    steps = save_folder(blobs, listed(blobs, {"x": CONTENT}), Target(str(tmp_path), "a"), False)
    next(steps)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_bytes(b"mine")
    with pytest.raises(Conflict):
        run(steps)
    assert tree(tmp_path) == {"a/mine": b"mine"}


def test_with_force_a_link_is_replaced_and_not_followed(tmp_path: Path, blobs: MemoryBlobStore):
    outside = tmp_path / "outside"
    outside.write_bytes(b"outside")
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "a").symlink_to(outside)
    run(save_file(blobs, added(blobs), Target(str(chosen), "a"), True))
    assert outside.read_bytes() == b"outside"
    assert not (chosen / "a").is_symlink()
    assert (chosen / "a").read_bytes() == CONTENT


def test_with_force_a_folder_is_not_replaced_by_a_file(tmp_path: Path, blobs: MemoryBlobStore):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_bytes(b"mine")
    with pytest.raises(CannotSave):
        run(save_file(blobs, added(blobs), Target(str(tmp_path), "a"), True))
    assert tree(tmp_path) == {"a/mine": b"mine"}


def test_a_folder_is_saved_whole_or_under_another_name(tmp_path: Path, blobs: MemoryBlobStore):
    files = {"a": b"ay", "sub/b": CONTENT, "sub/deep/er/c": b"", "é": b"e"}
    steps = save_folder(blobs, listed(blobs, files), Target(str(tmp_path), "out"), False)
    next(steps)
    assert not (tmp_path / "out").exists()
    [partial] = tmp_path.iterdir()
    assert partial.name.endswith(".partial")
    assert run(steps) == str(tmp_path / "out")
    assert tree(tmp_path / "out") == files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_saved(tmp_path: Path, blobs: MemoryBlobStore):
    run(save_folder(blobs, [], Target(str(tmp_path), "out"), False))
    assert list((tmp_path / "out").iterdir()) == []


def test_left_half_way_nothing_stays(tmp_path: Path, blobs: MemoryBlobStore):
    for steps in (
        save_file(blobs, added(blobs), Target(str(tmp_path), "a"), False),
        save_folder(blobs, listed(blobs, {"x": CONTENT, "y/z": CONTENT}), Target(str(tmp_path), "a"), False),
    ):
        next(steps)
        steps.close()
        assert list(tmp_path.iterdir()) == []


def test_a_folder_merges_into_another_only_by_force(tmp_path: Path, blobs: MemoryBlobStore):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "mine").write_bytes(b"mine")
    (out / "sub" / "b").write_bytes(b"old")
    run(save_folder(blobs, listed(blobs, {"a": b"ay", "sub/b": b"new"}), Target(str(tmp_path), "out"), True))
    assert tree(out) == {"mine": b"mine", "a": b"ay", "sub/b": b"new"}


@pytest.mark.parametrize("force", [True, False])
def test_a_link_inside_the_chosen_folder_leads_nowhere(tmp_path: Path, blobs: MemoryBlobStore, force: bool):
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    (outside / "b").write_bytes(b"outside")
    out.mkdir()
    (out / "sub").symlink_to(outside, target_is_directory=True)
    steps = save_folder(
        blobs, listed(blobs, {"sub/b": b"new", "sub/c": b"new"}), Target(str(tmp_path), "out"), force
    )
    with pytest.raises(CannotSave if force else Conflict):
        run(steps)
    assert tree(outside) == {"b": b"outside"}


def test_a_chosen_folder_that_is_a_link_is_not_merged_into(tmp_path: Path, blobs: MemoryBlobStore):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").symlink_to(outside, target_is_directory=True)
    with pytest.raises(CannotSave):
        run(save_folder(blobs, listed(blobs, {"a": b"x"}), Target(str(tmp_path), "out"), True))
    assert list(outside.iterdir()) == []


def test_a_link_that_is_put_in_the_way_while_a_folder_is_written_leads_nowhere(
    tmp_path: Path, blobs: MemoryBlobStore
):
    outside = tmp_path / "outside"
    outside.mkdir()
    steps = save_folder(
        blobs, listed(blobs, {"a": CONTENT, "sub/b": b"new"}), Target(str(tmp_path), "out"), False
    )
    next(steps)
    [partial] = [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]
    (partial / "sub").symlink_to(outside, target_is_directory=True)
    with pytest.raises(CannotSave):
        run(steps)
    assert list(outside.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]


def test_a_chunk_that_is_gone_ends_it_and_leaves_nothing(tmp_path: Path, blobs: MemoryBlobStore):
    manifest = added(blobs)
    other = Manifest(CHUNK_BYTES + 1, (manifest.chunks[0], chunk_id(b"z")))
    with pytest.raises(Missing):
        run(save_file(blobs, other, Target(str(tmp_path), "a"), False))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path, blobs: MemoryBlobStore):
    huge = Manifest(CHUNK_BYTES * 60_000, (chunk_id(b""),) * 60_000)
    many = [(FolderFile(f"{n}", huge.size, huge.id), huge) for n in range(60_000)]
    with pytest.raises(DiskFull):
        run(save_folder(blobs, many, Target(str(tmp_path), "a"), False))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_told_and_nothing_stays(
    tmp_path: Path, blobs: MemoryBlobStore, monkeypatch: pytest.MonkeyPatch
):
    def full(handle: int, data: Iterable[int]) -> int:
        raise OSError(28, "No space left on device")

    manifest = added(blobs)
    monkeypatch.setattr(saving.os, "write", full)
    with pytest.raises(DiskFull):
        run(save_file(blobs, manifest, Target(str(tmp_path), "a"), False))
    assert list(tmp_path.iterdir()) == []


def test_where_the_file_system_has_no_hard_links_it_is_renamed(
    tmp_path: Path, blobs: MemoryBlobStore, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(saving.os, "link", refuse)
    run(save_file(blobs, added(blobs), Target(str(tmp_path), "a"), False))
    assert tree(tmp_path) == {"a": CONTENT}


def test_the_longest_name_is_saved(tmp_path: Path, blobs: MemoryBlobStore):
    for name in ("x" * 255, "é" * 127):
        run(save_file(blobs, added(blobs, b"x"), Target(str(tmp_path), name), False))
        assert (tmp_path / name).read_bytes() == b"x"


def test_a_target_lies_in_a_folder_that_there_is(tmp_path: Path):
    assert target_of(str(tmp_path), "a") == Target(str(tmp_path), "a")
    assert target_of(f"{tmp_path}/", "a") == Target(f"{tmp_path}/", "a")
    assert target_of(str(tmp_path / "new"), "a") == Target(str(tmp_path), "new")
    for out in (str(tmp_path / "no" / "new"), f"{tmp_path}/new/"):
        with pytest.raises(Missing):
            target_of(out, "a")
    for out in ("", "relative", "/tmp/a\0b"):
        with pytest.raises(BadData):
            target_of(out, "a")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, blobs: MemoryBlobStore):
    with pytest.raises(NodeError):
        run(save_file(blobs, added(blobs), Target("/proc", "a"), False))
    with pytest.raises(CannotSave):
        run(save_file(blobs, added(blobs), Target(str(tmp_path / "gone"), "a"), False))
