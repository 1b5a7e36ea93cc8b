"""Locking and destroying a home: what is gone, in which order, and what is said of what stays."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run
from node import core_dumps, keyring
from node.closing import Ended, end_daemon
from node.doors import offline
from node.errors import BadData, DamagedHome, Missing, NoPassphrase, Unavailable, WrongPassphrase
from node.home import open_home, take_lock
from node.keyring import LIGHT, change_passphrase, destroy, needs_passphrase, open_keys
from node.paths import Paths
from node.wiping import wipe


def nobody() -> str | None:
    return None


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "home")
    offline.make_home(paths, "alice", None, "circle", None)
    return paths


def test_a_passphrase_that_is_set_later_locks_the_same_home(paths: Paths) -> None:
    before = open_keys(paths, nobody)
    change_passphrase(paths, nobody, "at last", LIGHT)
    assert needs_passphrase(paths)
    with pytest.raises(NoPassphrase):
        open_keys(paths, nobody)
    assert open_keys(paths, lambda: "at last") == before
    open_home(paths, lambda: "at last", writing=True).close()


def test_a_passphrase_is_changed_by_who_knows_it(paths: Paths) -> None:
    change_passphrase(paths, nobody, "one", LIGHT)
    before = paths.home_key.read_bytes()
    with pytest.raises(WrongPassphrase):
        change_passphrase(paths, lambda: "guess", "two", LIGHT)
    with pytest.raises(BadData):
        change_passphrase(paths, lambda: "one", "", LIGHT)
    assert paths.home_key.read_bytes() == before
    change_passphrase(paths, lambda: "one", "two", LIGHT)
    open_keys(paths, lambda: "two")


def test_the_file_that_a_key_lay_in_is_overwritten(paths: Paths) -> None:
    aside = paths.home / "aside"
    aside.hardlink_to(paths.home_key)  # the same blocks under another name
    old = aside.read_bytes()
    change_passphrase(paths, nobody, "at last", LIGHT)
    assert len(aside.read_bytes()) == len(old)
    assert aside.read_bytes() != old
    device = paths.home / "device"
    device.hardlink_to(paths.device_key)
    old = device.read_bytes()
    assert destroy(paths.device_key)
    assert not paths.device_key.exists()
    assert device.read_bytes() != old


def test_a_key_file_that_is_not_there_is_no_error_to_who_destroys_it(paths: Paths) -> None:
    assert not destroy(paths.keys / "another")


def test_a_key_that_cannot_be_removed_is_said(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DamagedHome, match="Read-only"):
        wipe(paths)
    assert paths.log_db.exists()


def test_a_home_that_is_wiped_is_gone(paths: Paths) -> None:
    (paths.keys / "home.key.backup").write_text("unattended x")
    wiped = wipe(paths)
    assert (wiped.keys, wiped.daemon, wiped.left, wiped.problem) == (3, Ended.NONE, (), "")
    assert not paths.home.exists()
    with pytest.raises(Missing):
        wipe(paths)


def test_what_is_not_part_of_the_home_stays_and_is_named(paths: Paths) -> None:
    notes = paths.home / "notes.txt"
    notes.write_text("mine")
    assert wipe(paths).left == (str(notes),)
    assert os.listdir(paths.home) == ["notes.txt"]


def test_a_folder_that_is_no_home_is_left_alone(tmp_path: Path) -> None:
    for name in ("keys", "store", "blobs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").touch()
    with pytest.raises(Missing):
        wipe(Paths(tmp_path))
    assert all((tmp_path / name / "mine").exists() for name in ("keys", "store", "blobs"))


def test_wiping_that_was_broken_off_goes_on(paths: Paths) -> None:
    destroy(paths.home_key)
    destroy(paths.device_key)
    assert wipe(paths).keys == 0
    assert not paths.home.exists()


def test_files_that_lie_on_another_disk_go_as_well(paths: Paths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    paths.blobs.rename(elsewhere) if paths.blobs.exists() else elsewhere.mkdir()
    (elsewhere / "chunk").write_bytes(b"sealed")
    paths.blobs.symlink_to(elsewhere)
    wipe(paths)
    assert not elsewhere.exists()
    assert not paths.home.exists()


def test_keys_go_even_where_another_command_holds_the_home(paths: Paths) -> None:
    handle = take_lock(paths)
    try:
        wiped = wipe(paths)
    finally:
        os.close(handle)
    assert wiped.keys == 2
    assert "Another command" in wiped.problem
    assert not paths.home.exists()


def test_locking_says_whether_somebody_holds_the_home_without_listening(paths: Paths) -> None:
    assert end_daemon(paths) is Ended.NONE
    handle = take_lock(paths)
    try:
        with pytest.raises(Unavailable, match="changing the home"):
            end_daemon(paths)
    finally:
        os.close(handle)


def test_a_home_without_a_passphrase_is_said_to_be_open(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("ASTERISM_HOME", str(paths.home))
    monkeypatch.setattr(keyring, "MODERATE", LIGHT)
    assert run(["lock"]) == 0
    captured = capsys.readouterr()
    assert "whoever can read its key file can open it" in captured.out
    assert "aster passphrase" in captured.err
    chosen = tmp_path / "passphrase"
    chosen.write_text("at last\n")
    chosen.chmod(0o600)
    assert run(["passphrase", "--passphrase-file", str(chosen)]) == 0
    assert run(["lock"]) == 0
    assert "its passphrase opens it again" in capsys.readouterr().out


def test_nothing_is_wiped_unasked(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASTERISM_HOME", str(paths.home))
    assert run(["wipe"]) == 64
    assert paths.home_key.exists()
    assert run(["wipe", "--yes"]) == 0
    assert "Not destroyed: what others hold" in capsys.readouterr().err
    assert not paths.home.exists()


def test_a_process_that_opened_keys_leaves_no_core(paths: Paths) -> None:
    code = (
        "import ctypes, resource; from pathlib import Path;"
        "from node import keyring; from node.paths import Paths;"
        f"keyring.open_keys(Paths(Path({str(paths.home)!r})), lambda: None);"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    expected = "(0, 0) 0" if sys.platform == "linux" else "(0, 0)"
    assert done.stdout.startswith(expected)


def test_forbidding_cores_twice_is_no_error() -> None:
    core_dumps.forbid()
    core_dumps.forbid()
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
