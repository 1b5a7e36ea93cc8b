"""Petnames on disk: given, changed, taken away, and kept over a restart and an upgrade."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.errors import NotFound, TooLarge
from store.sqlite import petnames
from store.sqlite.connection import APPLICATION_ID, Database
from store.sqlite.migrations import migrate, migrations
from store.sqlite.petnames import MAX_PETNAME_CHARS, PetnameTable

KEY = bytes(32)
BOB, CAROL = b"b" * 32, b"c" * 32


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "log.db", KEY, create=True) as opened:
        migrate(opened)
        yield opened


def test_a_petname_is_kept_changed_and_taken_away(database: Database) -> None:
    table = PetnameTable(database)
    assert table.all() == {}
    table.put(BOB, "uncle Bob")
    table.put(CAROL, "Zoë")
    table.put(BOB, "Bob of the bakery")
    assert PetnameTable(database).all() == {BOB: "Bob of the bakery", CAROL: "Zoë"}
    table.remove(BOB)
    assert table.all() == {CAROL: "Zoë"}
    with pytest.raises(NotFound):
        table.remove(BOB)


@pytest.mark.parametrize("name", ["", "x" * (MAX_PETNAME_CHARS + 1)])
def test_an_empty_or_endless_petname_is_refused(database: Database, name: str) -> None:
    with pytest.raises(TooLarge):
        PetnameTable(database).put(BOB, name)
    assert PetnameTable(database).all() == {}


def test_the_table_is_bounded_but_names_in_it_still_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(petnames, "MAX_PETNAMES", 1)
    table = PetnameTable(database)
    table.put(BOB, "one")
    table.put(BOB, "other")
    with pytest.raises(TooLarge):
        table.put(CAROL, "one more")
    assert table.all() == {BOB: "other"}


def test_a_home_of_the_version_before_gets_the_table(tmp_path: Path) -> None:
    with Database(tmp_path / "log.db", KEY, create=True) as database:
        with database.write() as connection:
            connection.execute(migrations()[0]).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
            connection.execute("PRAGMA user_version = 1").fetchall()
        migrate(database)
        PetnameTable(database).put(BOB, "bob")
        assert PetnameTable(database).all() == {BOB: "bob"}
