"""The folder of a site: whole or not at all, and nothing of others is ever touched."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import BadRequest, Conflict, DiskFull
from node.site.folder import Folder, check, written_aside
from node.site.places import MARKER


def write(out: Path, *paths: str) -> None:
    with written_aside(out) as folder:
        for path in paths:
            folder.write(path, path.encode())


def content(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def test_a_site_is_written_into_a_new_or_an_empty_folder(tmp_path: Path) -> None:
    for out in (tmp_path / "new" / "site", tmp_path / "empty"):
        if out.name == "empty":
            out.mkdir()
        write(out, "index.html", "de/posts/a.html")
        assert content(out) == {"index.html": b"index.html", "de/posts/a.html": b"de/posts/a.html"}


def test_a_site_takes_the_place_of_the_one_before_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write(out, "index.html", "old/gone.html")
    write(out, "index.html", "new.html")
    assert set(content(out)) == {"index.html", "new.html"}
    assert os.listdir(tmp_path) == ["site"]


def test_everybody_may_read_it(tmp_path: Path) -> None:
    out, mask = tmp_path / "site", os.umask(0o077)
    try:
        write(out, "index.html", "de/a.html")
    finally:
        os.umask(mask)
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_folder_that_was_made_elsewhere_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="did not make"):
        write(tmp_path, "index.html")
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_files_that_somebody_put_beside_the_site_are_kept_and_named(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write(out, "index.html")
    (out / "CNAME").write_text("example.org")
    with pytest.raises(Conflict, match="CNAME"):
        write(out, "index.html", "more.html")
    assert set(content(out)) == {"index.html", "CNAME"}
    (out / "CNAME").unlink()
    (out / "link").symlink_to(tmp_path)
    with pytest.raises(Conflict, match="link"):
        check(out)


def test_a_marker_that_is_none_protects_nothing_that_we_did_not_write(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("something else\nletter.txt\n")
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match=r"letter\.txt"):
        write(tmp_path, "index.html")
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_what_somebody_adds_while_the_site_is_written_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write(out, "index.html")

    def build() -> None:
        with written_aside(out) as folder:
            folder.write("index.html", b"new")
            (out / "note.txt").write_text("mine")

    with pytest.raises(Conflict):
        build()
    assert content(out) == {"index.html": b"index.html", "note.txt": b"mine"}
    assert os.listdir(tmp_path) == ["site"]


def test_a_build_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write(out, "index.html")

    def build(error: Exception) -> None:
        with written_aside(out) as folder:
            folder.write("index.html", b"new")
            raise error

    with pytest.raises(DiskFull):
        build(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(BadRequest, match="Denied"):
        build(OSError(errno.EACCES, "Denied"))
    with pytest.raises(ZeroDivisionError):
        build(ZeroDivisionError())
    assert content(out) == {"index.html": b"index.html"}
    assert os.listdir(tmp_path) == ["site"]


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".site.asterism-new" / "de").mkdir(parents=True)
    (tmp_path / ".site.asterism-new" / "de" / "half.html").write_text("half")
    write(tmp_path / "site", "index.html")
    assert os.listdir(tmp_path) == ["site"]


def test_neither_a_file_nor_a_link_nor_the_root_is_a_place_for_a_site(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for out in (tmp_path / "file", tmp_path / "link", tmp_path / "file" / "below", Path("/")):
        with pytest.raises(BadRequest):
            write(out, "index.html")
    assert (tmp_path / "file").read_text() == "x"


def test_a_file_that_could_not_be_filled_is_not_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    def fail(write: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        folder.write_with("a/b.bin", fail)
    assert folder.written == []
    assert content(tmp_path) == {}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{1,3}(/[a-z]{4})?\.html", fullmatch=True), unique=True, max_size=6))
def test_the_marker_lists_every_file(tmp_path_factory: pytest.TempPathFactory, paths: list[str]) -> None:
    out = tmp_path_factory.mktemp("site") / "out"
    write(out, *paths)
    check(out)
    assert (out / MARKER).read_text().splitlines()[1:] == sorted(paths)
