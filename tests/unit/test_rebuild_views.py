"""Views made anew: what comes out where all is well, where a view was wrong, and where it is damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from cli.main import run
from node import rebuilding
from node.errors import HomeLocked
from node.home import Home, open_home, take_lock
from node.paths import Paths
from node.testing.homes import make_home
from node.testing.people import Person
from store.errors import Damaged
from store.sqlite import rebuilding as digests

TOLD: list[tuple[str, int, int]] = []


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A home with some posts in it, closed."""
    alice, bob = Person("alice"), Person("bob")
    question = alice.post("Wer bringt Tee mit?")
    answers = [bob.post(f"чай {number}", [question.id]) for number in range(5)]
    with make_home(tmp_path / "home") as home:
        home.shelf.append([[question], answers], checked=True, durable=False)
        home.search().catch_up()
    return Paths(tmp_path / "home")


def rebuild(paths: Paths, with_search: bool = False) -> dict[str, object]:
    TOLD.clear()
    return rebuilding.rebuild(paths, lambda: None, with_search, lambda *told: TOLD.append(told))


def spoil(paths: Paths, change: Callable[[Home], None]) -> None:
    with open_home(paths, lambda: None, writing=True) as home:
        change(home)


def execute(home: Home, sql: str) -> None:
    with home.database.write() as connection:
        connection.execute(sql).fetchall()


def test_views_come_out_byte_for_byte_as_they_were(paths: Paths) -> None:
    found = rebuild(paths)
    assert found["equal"] is True
    assert found["entries"] == 7
    assert found["search"] is None
    views = {view["app"]: view for view in found["views"]}
    assert {"feed", "documents", "directory", "blobs", "bodies"} <= set(views)
    assert views["feed"]["rows"] >= 6
    assert all(view["equal"] and view["before"] == view["digest"] for view in views.values())
    assert TOLD[-1] == (rebuilding.FOLDING, 7, 7)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM feed_timeline WHERE k = (SELECT max(k) FROM feed_timeline)",
        "UPDATE feed_timeline SET at = at + 1 WHERE k = (SELECT min(k) FROM feed_timeline)",
        "INSERT INTO feed_timeline SELECT at + 9, tie, 999 FROM feed_timeline LIMIT 1",
    ],
)
def test_what_was_wrong_is_told_of_and_right_afterwards(paths: Paths, sql: str) -> None:
    right = rebuild(paths)
    spoil(paths, lambda home: execute(home, sql))
    found = rebuild(paths)
    assert found["equal"] is False
    wrong = [view["app"] for view in found["views"] if not view["equal"]]
    assert wrong == ["feed"]
    assert [view["digest"] for view in found["views"]] == [view["digest"] for view in right["views"]]
    assert rebuild(paths)["equal"] is True


def test_a_view_that_cannot_be_read_is_made_anew(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    add_table, calls = digests._add_table, []

    def refuse(connection: apsw.Connection, table: str, add: Callable[[bytes], None]) -> int:
        if table == "feed_timeline" and not calls:
            calls.append(table)
            raise apsw.CorruptError("a page")
        return add_table(connection, table, add)

    monkeypatch.setattr(digests, "_add_table", refuse)
    found = rebuild(paths)
    assert found["equal"] is False
    assert [view["app"] for view in found["views"] if view["before"] is None] == ["feed"]
    assert rebuild(paths)["equal"] is True


def test_the_search_index_is_made_anew_with_as_many_texts(paths: Paths) -> None:
    found = rebuild(paths, with_search=True)
    assert found["search"] == {"rows": 7, "before": 7, "equal": True}
    with open_home(paths, lambda: None, writing=False) as home:
        assert len(home.search().search("чай", 50)) == 5


def test_an_index_that_lacks_texts_has_them_afterwards(paths: Paths) -> None:
    def forget(home: Home) -> None:
        with home.search()._database.write() as connection:
            connection.execute("DELETE FROM words WHERE rowid IN (SELECT rowid FROM words LIMIT 2)")

    spoil(paths, forget)
    found = rebuild(paths, with_search=True)
    assert found["search"] == {"rows": 7, "before": 5, "equal": False}
    assert found["equal"] is False


def test_what_is_cut_off_leaves_the_views_as_they_were(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_home(paths, lambda: None, writing=True) as home:
        before = home.entries.view_digests()

        def break_off(key: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            home.shelf.rebuild(break_off)
        assert home.entries.view_digests() == before


def test_beside_a_daemon_it_refuses_and_says_what_to_do(paths: Paths) -> None:
    lock = take_lock(paths)
    with pytest.raises(HomeLocked) as refused:
        rebuild(paths)
    assert "aster stop" in refused.value.advice
    assert lock >= 0


def test_a_damaged_entry_is_left_out_and_a_damaged_home_is_told(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise Damaged("a page of the home")

    monkeypatch.setattr(digests, "read_after", refuse)
    with pytest.raises(Exception, match="cannot be read") as told:
        rebuild(paths)
    assert "aster check" in told.value.advice
    monkeypatch.undo()
    assert rebuild(paths)["equal"] is True


def test_the_command_tells_people_and_scripts(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASTERISM_HOME", str(paths.home))
    assert run(["rebuild-views", "--search"]) == 0
    told = capsys.readouterr().out
    assert "everything is as it was" in told
    assert "feed" in told
    spoil(paths, lambda home: execute(home, "DELETE FROM feed_timeline"))
    assert run(["rebuild-views"]) == 65
    assert "was wrong; mended" in capsys.readouterr().out
    assert run(["rebuild-views", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"] is True
