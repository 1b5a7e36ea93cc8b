"""Homes: made, opened, locked, copied, mistaken for others."""

import shutil
from pathlib import Path

import pytest

from node import network_file
from node.birthplace import Birthplace, look, parse
from node.config import PORTS, first_text
from node.errors import (
    BadData,
    BadRequest,
    DamagedHome,
    HomeLocked,
    Missing,
    NoPassphrase,
    WrongNetwork,
    WrongPassphrase,
)
from node.founding import create_home, found_network, give_new_device, published_name
from node.home import COPIED, Home, is_held, open_home, read_network_file
from node.keyring import LIGHT
from node.paths import Paths
from node.testing.people import CHARTER
from store.entry import MAX_SEQ
from store.ids import log_number
from store.log import LogId


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "home")


def nobody() -> str | None:
    return None


def make(paths: Paths, name: str = "alice") -> None:
    create_home(paths, name, CHARTER, None).close()


def reopen(paths: Paths, *, writing: bool = True) -> Home:
    return open_home(paths, nobody, writing=writing)


def test_a_new_home_knows_its_network_its_name_and_signs_at_once(paths: Paths) -> None:
    make(paths)
    with reopen(paths) as home:
        assert home.network == CHARTER.network_id()
        assert published_name(home) == "alice"
        assert home.why_not == ""
        state = home.shelf.state(LogId(home.device, log_number("profile")))
        assert state is not None
        assert state.checked_seq == 1


def test_a_home_is_for_its_owner_alone(paths: Paths) -> None:
    make(paths)
    for path in (paths.home, *paths.home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_files_of_a_home_say_what_they_are(paths: Paths) -> None:
    make(paths)
    assert paths.config.read_text() in {first_text(port) for port in PORTS}
    assert read_network_file(paths.network) == CHARTER


def test_nothing_in_the_store_is_readable_without_the_key(paths: Paths) -> None:
    make(paths, "Zaphod Beeblebrox")
    with reopen(paths) as home:
        home.search().catch_up()
    for path in paths.store.iterdir():
        assert b"Beeblebrox" not in path.read_bytes()
        assert b"SQLite format" not in path.read_bytes()


def test_two_devices_of_one_network_are_different(tmp_path: Path) -> None:
    with (
        create_home(Paths(tmp_path / "a"), "a", CHARTER, None) as one,
        create_home(Paths(tmp_path / "b"), "a", CHARTER, None) as other,
    ):
        assert one.network == other.network
        assert one.device != other.device


def test_two_networks_of_one_name_are_different() -> None:
    assert found_network("same").network_id() != found_network("same").network_id()


def test_a_second_home_is_not_made_over_the_first(paths: Paths) -> None:
    make(paths)
    device = paths.device_key.read_bytes()
    with pytest.raises(BadRequest, match="already"):
        create_home(paths, "bob", CHARTER, None)
    assert paths.device_key.read_bytes() == device


def test_an_interrupted_beginning_is_said_and_left_alone(paths: Paths) -> None:
    make(paths)
    paths.network.unlink()
    with pytest.raises(BadRequest, match="interrupted"):
        create_home(paths, "bob", CHARTER, None)
    with pytest.raises(Missing):
        reopen(paths)


def test_a_bad_name_makes_no_home(paths: Paths) -> None:
    with pytest.raises(BadData):
        create_home(paths, "a\nb", CHARTER, None)
    assert not paths.home.exists()


def test_no_home_is_missing(paths: Paths) -> None:
    with pytest.raises(Missing, match="no home"):
        reopen(paths)


def test_one_process_writes_and_others_may_read(paths: Paths) -> None:
    make(paths)
    assert not is_held(paths)
    with reopen(paths) as home:
        assert is_held(paths)
        with pytest.raises(HomeLocked):
            reopen(paths)
        with reopen(paths, writing=False) as reader:
            assert reader.device == home.device
            assert reader.shelf.count() == 1
    assert not is_held(paths)
    reopen(paths).close()


def test_a_home_that_could_not_be_opened_is_not_held(paths: Paths) -> None:
    make(paths)
    paths.device_key.unlink()
    with pytest.raises(DamagedHome):
        reopen(paths)
    assert not is_held(paths)


def test_a_passphrase_is_asked_for_only_where_there_is_one(paths: Paths) -> None:
    create_home(paths, "alice", CHARTER, "secret", LIGHT).close()
    with pytest.raises(NoPassphrase):
        reopen(paths)
    with pytest.raises(WrongPassphrase):
        open_home(paths, lambda: "guess", writing=True)
    with open_home(paths, lambda: "secret", writing=True) as home:
        assert published_name(home) == "alice"


def test_a_store_of_another_network_is_noticed(paths: Paths) -> None:
    make(paths)
    paths.network.write_text(network_file.write(found_network("another")))
    with pytest.raises(WrongNetwork):
        reopen(paths)


def test_a_store_of_another_home_is_noticed(tmp_path: Path) -> None:
    one, other = Paths(tmp_path / "a"), Paths(tmp_path / "b")
    make(one)
    make(other)
    shutil.copy(one.log_db, other.log_db)
    with pytest.raises(DamagedHome):
        reopen(other)


def test_a_copied_home_does_not_sign_until_it_settles(paths: Paths, tmp_path: Path) -> None:
    make(paths)
    copy = Paths(tmp_path / "copy")
    shutil.copytree(paths.home, copy.home)
    with reopen(copy) as home:
        assert home.why_not == COPIED
        home.settle_here()
        assert home.why_not == ""
    with reopen(copy) as home:
        assert home.why_not == ""
    with reopen(paths) as home:
        assert home.why_not == ""


def test_a_home_that_was_moved_signs(paths: Paths, tmp_path: Path) -> None:
    make(paths)
    moved = Paths(tmp_path / "elsewhere")
    paths.home.rename(moved.home)
    with reopen(moved) as home:
        assert home.why_not == ""


def test_a_new_device_signs_at_once_and_carries_the_old_logs(paths: Paths, tmp_path: Path) -> None:
    make(paths)
    copy = Paths(tmp_path / "copy")
    shutil.copytree(paths.home, copy.home)
    with reopen(paths) as home:
        before = home.device
    with give_new_device(copy, nobody, None) as home:
        assert home.device != before
        assert home.why_not == ""
        assert published_name(home) == "alice"
        assert home.allowed.last_carried(LogId(before, log_number("profile"))) == MAX_SEQ
        assert home.shelf.state(LogId(before, log_number("profile"))) is not None
    with give_new_device(copy, nobody, "alice at work") as home:
        assert published_name(home) == "alice at work"


def test_a_birthplace_is_a_machine_and_a_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    other.touch()
    assert look(one) == look(one)
    assert look(one) != look(other)
    assert parse(look(one).encode()) == look(one)
    assert parse(b"noise") is None
    assert parse(Birthplace(b"x", 1, 2).encode()) == Birthplace(b"x", 1, 2)


def test_the_search_index_may_be_deleted_at_any_time(paths: Paths) -> None:
    make(paths)
    with reopen(paths) as home:
        home.search().catch_up()
    paths.search_db.unlink()
    with reopen(paths) as home:
        home.search().catch_up()
        assert home.search().behind() == 0
