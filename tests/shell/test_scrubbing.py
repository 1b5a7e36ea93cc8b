"""What is damaged on the disk is found, let go and asked for again."""

import pytest

from gossip.proto.messages import NOT_HELD
from node.scrubbing import Scrubbing
from node.testing.table import laid_table
from store.ids import EntryId


async def test_a_round_over_what_is_whole_finds_nothing() -> None:
    async with laid_table() as table:
        await table.give(*table.alice.posts(5))
        asked: list[EntryId] = []
        assert await Scrubbing(table.home, table.intake, asked.extend).scrub_once() == 0
        assert asked == []


async def test_a_damaged_body_is_let_go_and_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async with laid_table() as table:
        chain = table.alice.posts(5)
        await table.give(*chain)
        with table.home.database.write() as connection:
            sql = "UPDATE entries SET body = zeroblob(length(body)) WHERE body = ?"
            connection.execute(sql, (chain[2].body,)).fetchall()
            assert connection.changes() == 1
        asked: list[EntryId] = []
        scrubbing = Scrubbing(table.home, table.intake, asked.extend)
        assert await scrubbing.scrub_once() == 1
        assert asked == [chain[2].id]
        assert "damaged on the disk: body of entry 3" in caplog.text
        [answer] = await table.intake.read_bodies([chain[2].id])
        assert answer.status == NOT_HELD
        assert await table.intake.missing_bodies(10) == [chain[2].id]
        assert await scrubbing.scrub_once() == 0
