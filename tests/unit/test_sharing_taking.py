"""Taking files and folders in: what can be shared is, what cannot is listed, and nothing hangs."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import BadData, DiskFull, Missing, NodeError, TextTooLarge
from node.sharing import folders, taking
from node.sharing.pacing import Done, advance
from node.sharing.taking import Progress, Steps, Taken, survey, take
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES

NO_HOME = Path("/nowhere/home")


class Room:
    """A space that grants so many bytes."""

    def __init__(self, bytes_left: int = 2**40) -> None:
        self.left = bytes_left
        self.asked: list[int] = []

    def require(self, size: int) -> None:
        self.asked.append(size)
        if size > self.left:
            raise DiskFull
        self.left -= size


@pytest.fixture
def blobs() -> MemoryBlobStore:
    return MemoryBlobStore()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "folder"
    made.mkdir()
    yield made
    for each in made.rglob("*"):
        if not each.is_symlink():
            each.chmod(0o700)


def taken(steps: Steps) -> tuple[Taken, list[Progress]]:
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return end.value, told


def take_in(path: Path | str, blobs: MemoryBlobStore, room: Room | None = None) -> Taken:
    return taken(take(str(path), blobs, room or Room(), NO_HOME))[0]  # type: ignore[arg-type]


def why_left_out(result: Taken) -> dict[str, str]:
    return {each.path: each.why for each in result.left_out}


def content(blobs: MemoryBlobStore, blob: bytes) -> bytes:
    data = bytearray()
    blobs.read(blob, data.extend)
    return bytes(data)


def paths_in(blobs: MemoryBlobStore, result: Taken) -> list[str]:
    return [file.path for file in folders.parse(content(blobs, result.blob))]


def test_a_file_is_taken_with_its_media_type(folder: Path, blobs: MemoryBlobStore):
    (folder / "minutes.pdf").write_bytes(b"x" * (CHUNK_BYTES + 1))
    result, told = taken(take(str(folder / "minutes.pdf"), blobs, Room(), NO_HOME))  # type: ignore[arg-type]
    assert (result.media_type, result.size, result.contents) == ("application/pdf", CHUNK_BYTES + 1, None)
    assert [each.done_bytes for each in told] == [CHUNK_BYTES, CHUNK_BYTES + 1]
    assert content(blobs, result.blob) == b"x" * (CHUNK_BYTES + 1)
    assert not blobs.listed()[0].pinned


def test_a_folder_is_taken_file_by_file(folder: Path, blobs: MemoryBlobStore):
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "b").write_bytes(b"bee")
    (folder / "sub" / "a").write_bytes(b"ay")
    (folder / "sub" / "same").write_bytes(b"bee")
    result, told = taken(take(str(folder), blobs, Room(), NO_HOME))  # type: ignore[arg-type]
    assert paths_in(blobs, result) == ["b", "sub/a", "sub/same"]
    assert result.contents == (3, 8)
    assert told[0] == (0, 8, 0, 3)
    assert len(result.parts) == 2
    assert blobs.parts_of(result.blob) is not None
    assert result.left_out == ()


def test_what_cannot_be_shared_is_left_out_and_named(folder: Path, blobs: MemoryBlobStore):
    outside = folder.parent / "secret"
    outside.write_bytes(b"secret")
    (folder / "good").write_bytes(b"good")
    (folder / "link").symlink_to(outside)
    (folder / "folder-link").symlink_to(folder.parent, target_is_directory=True)
    (folder / "loop").symlink_to(".")
    (folder / "nowhere").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    (folder / "12:30.txt").write_bytes(b"x")
    (folder / "con").write_bytes(b"x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        os.makedirs(os.fsencode(folder) + b"/not-\xff-utf8")
        with open(os.fsencode(folder) + b"/not-\xff-utf8/x", "wb") as file:
            file.write(b"x")
        result = take_in(folder, blobs)
    assert paths_in(blobs, result) == ["good"]
    why = why_left_out(result)
    assert set(why) == {
        "link",
        "folder-link",
        "loop",
        "nowhere",
        "pipe",
        "12:30.txt",
        "con",
        "socket",
        "not-\ufffd-utf8/x",
    }
    assert "symbolic link" in why["link"]
    assert "symbolic link" in why["folder-link"]
    assert "pipe" in why["pipe"]
    assert b"secret" not in [content(blobs, state.blob) for state in blobs.listed()]


def test_what_cannot_be_read_is_left_out(
    folder: Path, blobs: MemoryBlobStore, monkeypatch: pytest.MonkeyPatch
):
    for name in ("closed", "open"):
        (folder / name).write_bytes(b"x")
    opening = taking.beneath.open_file

    def refuse(handle: int, name: str):
        if name == "closed":
            raise PermissionError(13, "Permission denied")
        return opening(handle, name)

    monkeypatch.setattr(taking.beneath, "open_file", refuse)
    result = take_in(folder, blobs)
    assert paths_in(blobs, result) == ["open"]
    assert why_left_out(result) == {"closed": "it cannot be read: Permission denied"}


def test_names_that_some_systems_take_for_one_are_left_out(folder: Path, blobs: MemoryBlobStore):
    for name in ("Plan.txt", "plan.txt", "e\u0301.txt", "\u00e9.txt"):
        (folder / name).write_bytes(name.encode())
    result = take_in(folder, blobs)
    assert paths_in(blobs, result) == ["Plan.txt", "\u00e9.txt"]
    assert set(why_left_out(result)) == {"plan.txt", "\u00e9.txt"}


def test_a_file_that_becomes_a_link_while_it_is_looked_at_is_not_followed(
    folder: Path, blobs: MemoryBlobStore
):
    (folder / "sub").mkdir()
    (folder / "sub" / "a").write_bytes(b"mine")
    (folder / "z").write_bytes(b"mine too")
    (folder.parent / "secrets").mkdir()
    (folder.parent / "secrets" / "a").write_bytes(b"secret")
    steps = take(str(folder), blobs, Room(), NO_HOME)  # type: ignore[arg-type]
    next(steps)
    (folder / "sub" / "a").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(folder.parent / "secrets", target_is_directory=True)
    (folder / "z").unlink()
    (folder / "z").symlink_to(folder.parent / "secrets" / "a")
    result, _ = taken(steps)
    assert paths_in(blobs, result) == []
    assert set(why_left_out(result)) == {"sub/a", "z"}


def test_paths_too_deep_are_left_out(folder: Path, blobs: MemoryBlobStore):
    deep = folder.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"x")
    (folder / "x").write_bytes(b"x")
    result = take_in(folder, blobs)
    assert paths_in(blobs, result) == ["x"]
    assert len(result.left_out) == 1


def test_a_folder_of_too_many_files_is_refused_before_any_is_read(
    folder: Path, blobs: MemoryBlobStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(taking, "MAX_FOLDER_FILES", 2)
    for name in "abc":
        (folder / name).write_bytes(b"x")
    with pytest.raises(TextTooLarge):
        take_in(folder, blobs)
    assert blobs.listed() == []


def test_what_a_person_names_may_be_a_link(folder: Path, blobs: MemoryBlobStore):
    (folder / "a").write_bytes(b"ay")
    for name, target in (("to-file", folder / "a"), ("to-folder", folder)):
        link = folder.parent / name
        link.symlink_to(target)
    assert content(blobs, take_in(folder.parent / "to-file", blobs).blob) == b"ay"
    assert paths_in(blobs, take_in(folder.parent / "to-folder", blobs)) == ["a"]


def test_what_is_neither_file_nor_folder_is_refused_and_nobody_waits_for_it(
    folder: Path, blobs: MemoryBlobStore
):
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", "/dev/null", "/dev/zero"):
        with pytest.raises(BadData, match="neither"):
            take_in(path, blobs)


@pytest.mark.parametrize("path", ["", "relative", "./a", "/tmp/a\0b"])
def test_only_absolute_paths_are_taken(path: str, blobs: MemoryBlobStore):
    with pytest.raises(BadData):
        take_in(path, blobs)


def test_a_path_that_is_not_there_is_told(folder: Path, blobs: MemoryBlobStore):
    for path in (folder / "nothing", folder / "nothing" / "x", Path("/" + "x" * 5_000)):
        with pytest.raises(NodeError) as caught:
            take_in(path, blobs)
        assert isinstance(caught.value, Missing)


def test_without_room_nothing_is_read(folder: Path, blobs: MemoryBlobStore):
    (folder / "a").write_bytes(b"x" * 100)
    for path in (folder, folder / "a"):
        with pytest.raises(DiskFull):
            take_in(path, blobs, Room(99))
    assert blobs.listed() == []


def test_a_file_that_grows_while_it_is_read_asks_for_room_again(
    folder: Path, blobs: MemoryBlobStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(taking, "MAX_GROWTH_BYTES", CHUNK_BYTES)
    path = folder / "log"
    path.write_bytes(b"x" * CHUNK_BYTES)
    room = Room(4 * CHUNK_BYTES)
    steps = take(str(path), blobs, room, NO_HOME)  # type: ignore[arg-type]
    next(steps)
    with path.open("ab") as file:
        file.write(b"y" * 20 * CHUNK_BYTES)
    with pytest.raises(DiskFull):
        taken(steps)
    assert room.asked[:2] == [CHUNK_BYTES, CHUNK_BYTES]
    assert blobs.listed() == []


def test_left_half_way_nothing_of_a_file_is_kept(folder: Path, blobs: MemoryBlobStore):
    (folder / "a").write_bytes(b"x" * 3 * CHUNK_BYTES)
    steps = take(str(folder / "a"), blobs, Room(), NO_HOME)  # type: ignore[arg-type]
    next(steps)
    steps.close()
    assert blobs.listed() == []


def test_nothing_of_the_home_of_this_node_is_shared(folder: Path, blobs: MemoryBlobStore):
    home = folder / "sub" / "home"
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "home.key").write_bytes(b"secret")
    (folder / "sub" / "mine").write_bytes(b"mine")
    (folder.parent / "way-in").symlink_to(home, target_is_directory=True)

    def result_of(path: Path) -> Taken:
        return taken(take(str(path), blobs, Room(), home))[0]  # type: ignore[arg-type]

    for path in (
        home,
        home / "keys",
        home / "keys" / "home.key",
        folder.parent / "way-in" / "keys" / "home.key",
    ):
        with pytest.raises(BadData, match="home of this node"):
            result_of(path)
    result = result_of(folder)
    assert paths_in(blobs, result) == ["sub/mine"]
    assert why_left_out(result) == {"sub/home": "it is the home of this node"}


def test_a_survey_follows_the_names_of_the_list(folder: Path):
    (folder / "b").mkdir()
    (folder / "b" / "c").write_bytes(b"x")
    (folder / "a").write_bytes(b"xy")
    found, left_out = survey(str(folder))
    assert [(each.path, each.size) for each in found] == [("a", 2), ("b/c", 1)]
    assert left_out == []


def test_work_in_steps_ends_with_what_came_of_it():
    def work():
        yield 1
        return "done"

    assert advance(work()) == Done("done")
