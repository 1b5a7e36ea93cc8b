"""Keys at rest: what opens them, what does not, and what files and errors give away."""

import base64
import resource
from pathlib import Path

import pytest

from node.errors import BadData, DamagedHome, DiskFull, NoPassphrase, WrongPassphrase
from node.keyring import (
    LIGHT,
    Keys,
    create,
    is_exposed,
    needs_passphrase,
    new_device,
    open_keys,
    read_passphrase,
    write_private,
)
from node.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.keys.mkdir(mode=0o700)
    return paths


def _nobody() -> str | None:
    return None


def test_an_unattended_home_opens_without_a_passphrase(paths: Paths) -> None:
    keys = create(paths, None)
    assert open_keys(paths, _nobody) == keys
    assert not needs_passphrase(paths)
    assert keys.home_key != keys.device_seed


def test_a_passphrase_opens_what_it_locked(paths: Paths) -> None:
    keys = create(paths, "größer", LIGHT)
    assert needs_passphrase(paths)
    assert open_keys(paths, lambda: "gro\u0308ßer") == keys


def test_a_wrong_passphrase_is_said_to_be_wrong(paths: Paths) -> None:
    create(paths, "right", LIGHT)
    with pytest.raises(WrongPassphrase) as caught:
        open_keys(paths, lambda: "wrong")
    assert caught.value.code == "wrong-key"


def test_nobody_to_ask_is_an_error_of_its_own(paths: Paths) -> None:
    create(paths, "right", LIGHT)
    with pytest.raises(NoPassphrase):
        open_keys(paths, _nobody)


@pytest.mark.parametrize("passphrase", ["", "x" * 2000])
def test_an_empty_or_endless_passphrase_is_refused(paths: Paths, passphrase: str) -> None:
    with pytest.raises(BadData):
        create(paths, passphrase, LIGHT)


def test_no_key_stands_readable_in_a_locked_home(paths: Paths) -> None:
    keys = create(paths, "right", LIGHT)
    for file in (paths.home_key, paths.device_key):
        words = file.read_text().split()
        for secret in keys:
            assert base64.b32encode(secret).decode().rstrip("=").lower() not in words


def test_key_files_are_for_the_owner_alone(paths: Paths) -> None:
    create(paths, None)
    for file in (paths.home_key, paths.device_key):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_device_replaces_the_seed_and_not_the_home_key(paths: Paths) -> None:
    old = create(paths, None)
    seed = new_device(paths, old.home_key)
    assert seed != old.device_seed
    assert open_keys(paths, _nobody) == Keys(old.home_key, seed)


@pytest.mark.parametrize("name", ["home.key", "device.key"])
@pytest.mark.parametrize("text", ["", "nonsense", "sealed aaaa", "unattended aaaa", "passphrase a 1 8192 b"])
def test_a_damaged_key_file_is_told_from_a_wrong_passphrase(paths: Paths, name: str, text: str) -> None:
    create(paths, None)
    (paths.keys / name).write_text(text)
    with pytest.raises(DamagedHome):
        open_keys(paths, lambda: "x")


def test_a_missing_key_file_is_damage(paths: Paths) -> None:
    create(paths, None)
    paths.device_key.unlink()
    with pytest.raises(DamagedHome):
        open_keys(paths, _nobody)


@pytest.mark.parametrize(
    ("ops", "mem"), [("999999", "8192"), ("1", "99999999999"), ("-1", "8192"), ("²", "8192")]
)
def test_a_key_file_cannot_ask_for_endless_work(paths: Paths, ops: str, mem: str) -> None:
    create(paths, "right", LIGHT)
    words = paths.home_key.read_text().splitlines()[-1].split()
    words[2], words[3] = ops, mem
    paths.home_key.write_text(" ".join(words), encoding="utf-8")
    with pytest.raises(DamagedHome):
        open_keys(paths, lambda: "right")


def test_keys_do_not_show_themselves() -> None:
    assert "secret" not in repr(Keys(b"secret" * 5, b"secret" * 5))


def test_the_passphrase_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_bytes("Wörter\r\nmore\n".encode())
    assert read_passphrase(file) == "Wörter"
    file.chmod(0o600)
    assert not is_exposed(file)
    file.chmod(0o644)
    assert is_exposed(file)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_a_useless_passphrase_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "p"
    file.write_bytes(content)
    with pytest.raises(BadData):
        read_passphrase(file)


def test_a_missing_passphrase_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_passphrase(tmp_path / "none")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    write_private(file, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(DiskFull):
            write_private(file, "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_text() == "old"


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DamagedHome):
        write_private(tmp_path / "none" / "x", "text")
