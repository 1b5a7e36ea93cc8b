"""Choices on disk: made, changed, taken back, kept over an upgrade; and what was read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.errors import NotFound, TooLarge
from store.sqlite import choices
from store.sqlite.choices import (
    BLOCK,
    FOLLOW,
    MAX_WHAT_BYTES,
    MUTE,
    TOPIC,
    WHO,
    Choice,
    ChoiceTable,
    ReadMarks,
)
from store.sqlite.connection import APPLICATION_ID, Database
from store.sqlite.migrations import migrate, migrations

KEY = bytes(32)
BOB = b"b" * 32


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "log.db", KEY, create=True) as opened:
        migrate(opened)
        yield opened


def test_a_choice_is_kept_once_and_taken_back(database: Database) -> None:
    table = ChoiceTable(database)
    assert table.put(Choice(FOLLOW, WHO, BOB, 5))
    assert not table.put(Choice(FOLLOW, WHO, BOB, 9))
    assert table.put(Choice(FOLLOW, TOPIC, b"brot", 6))
    assert ChoiceTable(database).all() == [Choice(FOLLOW, TOPIC, b"brot", 6), Choice(FOLLOW, WHO, BOB, 5)]
    table.remove(FOLLOW, WHO, BOB)
    assert table.all() == [Choice(FOLLOW, TOPIC, b"brot", 6)]
    with pytest.raises(NotFound):
        table.remove(FOLLOW, WHO, BOB)


def test_a_choice_takes_the_place_of_others_on_the_same(database: Database) -> None:
    table = ChoiceTable(database)
    table.put(Choice(FOLLOW, WHO, BOB, 5))
    table.put(Choice(MUTE, TOPIC, b"brot", 6))
    table.put(Choice(BLOCK, WHO, BOB, 7), (FOLLOW, MUTE))
    assert table.all() == [Choice(MUTE, TOPIC, b"brot", 6), Choice(BLOCK, WHO, BOB, 7)]


@pytest.mark.parametrize("what", [b"", b"x" * (MAX_WHAT_BYTES + 1)])
def test_what_is_chosen_is_bounded(database: Database, what: bytes) -> None:
    with pytest.raises(TooLarge):
        ChoiceTable(database).put(Choice(FOLLOW, TOPIC, what, 1))
    assert ChoiceTable(database).all() == []


def test_the_table_is_bounded_and_a_refused_choice_takes_no_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "MAX_CHOICES", 1)
    table = ChoiceTable(database)
    table.put(Choice(FOLLOW, WHO, BOB, 1))
    with pytest.raises(TooLarge):
        table.put(Choice(FOLLOW, TOPIC, b"brot", 1))
    assert table.all() == [Choice(FOLLOW, WHO, BOB, 1)]
    assert table.put(Choice(MUTE, WHO, BOB, 2), (FOLLOW,))


def test_what_was_read_is_remembered(database: Database) -> None:
    marks = ReadMarks(database)
    assert marks.read_of([]) == set()
    assert marks.mark([]) == 0
    assert marks.mark([3, 9, 2**40]) == 3
    assert marks.mark([9, 10]) == 1
    assert ReadMarks(database).read_of([2, 3, 9, 10, 11, 2**40]) == {3, 9, 10, 2**40}


def test_a_home_of_the_version_before_gets_the_tables(tmp_path: Path) -> None:
    with Database(tmp_path / "log.db", KEY, create=True) as database:
        with database.write() as connection:
            for migration in migrations()[:2]:
                connection.execute(migration).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
            connection.execute("PRAGMA user_version = 2").fetchall()
        migrate(database)
        assert ChoiceTable(database).put(Choice(FOLLOW, WHO, BOB, 1))
