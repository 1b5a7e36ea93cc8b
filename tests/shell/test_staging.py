"""Homes that are there at once or not at all, wherever making one is cut off."""

from pathlib import Path

import pytest

from node.errors import BadRequest, DamagedHome, HomeLocked
from node.founding import create_home
from node.home import is_held, open_home
from node.newcomers.staging import FOLDER, Staging
from node.paths import Paths
from node.testing.people import CHARTER


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "home")


def make_aside(staging: Staging, intent: str = "join") -> bytes:
    staging.restart(intent)
    with create_home(staging.stage, "alice", CHARTER, None) as home:
        return home.device


def opened(paths: Paths) -> bytes:
    with open_home(paths, lambda: None, writing=True) as home:
        assert home.why_not == "", "a moved home signs on"
        return home.device


def contents(paths: Paths) -> list[str]:
    return sorted(str(path.relative_to(paths.home)) for path in paths.home.rglob("*"))


def test_a_home_is_there_after_the_move_and_signs(paths):
    with Staging(paths, "join") as staging:
        device = make_aside(staging)
        assert not paths.network.exists()
        staging.move()
    assert opened(paths) == device
    assert FOLDER not in contents(paths)
    assert oct(paths.home.stat().st_mode & 0o777) == "0o700"


def test_nothing_is_left_of_what_failed(paths):
    def fail():
        with Staging(paths, "join") as staging:
            make_aside(staging)
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        fail()
    assert not paths.home.exists()


def test_a_folder_that_was_there_is_left_as_it_was(paths):
    paths.home.mkdir()
    (paths.home / "note.txt").write_text("mine")
    with Staging(paths, "join") as staging:
        make_aside(staging)
    assert contents(paths) == ["note.txt"]


def test_what_others_may_have_heard_of_is_kept_for_the_next_attempt(paths):
    with Staging(paths, "join") as staging:
        device = make_aside(staging)
        staging.keep()
    assert not paths.network.exists()
    with Staging(paths, "join") as staging:
        assert staging.is_begun
        staging.move()
    assert opened(paths) == device


def test_what_was_left_stays_until_something_takes_its_place(paths):
    with Staging(paths, "join") as staging:
        make_aside(staging)
        staging.keep()
    with Staging(paths, "join"):
        pass
    with Staging(paths, "join") as staging:
        assert staging.is_begun
        staging.restart("join")
    assert not paths.home.exists()


def test_what_is_kept_can_be_given_up_after_all(paths):
    with Staging(paths, "join") as staging:
        make_aside(staging)
        staging.keep()
        staging.discard()
    assert not paths.home.exists()


def test_what_was_begun_for_something_else_is_made_anew(paths):
    with Staging(paths, "join") as staging:
        make_aside(staging)
        staging.keep()
    with Staging(paths, "link") as staging:
        assert not staging.is_begun
    assert not paths.home.exists()


def test_half_of_a_home_aside_is_made_anew(paths):
    with Staging(paths, "join") as staging:
        make_aside(staging)
        staging.keep()
    (paths.home / FOLDER / "network.aster").unlink()
    with Staging(paths, "join") as staging:
        assert not staging.is_begun


@pytest.mark.parametrize("moved", [["keys"], ["keys", "store"], ["keys", "store", "config.toml"]])
def test_a_move_that_was_cut_off_is_finished(paths, moved):
    with Staging(paths, "join") as staging:
        device = make_aside(staging)
        staging.keep()
    for name in moved:
        (paths.home / FOLDER / name).rename(paths.home / name)
    with pytest.raises(BadRequest, match="already"):
        Staging(paths, "join")
    assert opened(paths) == device
    assert FOLDER not in contents(paths)


def test_a_home_that_is_there_is_not_touched(paths):
    create_home(paths, "alice", CHARTER, None).close()
    before = contents(paths)
    with pytest.raises(BadRequest, match="it stays as it is"):
        Staging(paths, "join")
    assert contents(paths) == before


def test_two_do_not_make_one_home_at_once(paths):
    with Staging(paths, "join") as staging:
        make_aside(staging)
        with pytest.raises(HomeLocked):
            Staging(paths, "join")
        staging.move()
    assert not is_held(paths)
    opened(paths)


def test_a_file_in_the_way_is_told(paths):
    paths.home.write_text("")
    with pytest.raises(DamagedHome, match="cannot be made"):
        Staging(paths, "join")
