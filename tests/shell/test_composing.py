"""Steps: what changes in tables and what is written are one transaction."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio

from gossip.proto.events import Committed
from node.author import Author
from node.bus import Bus
from node.errors import DiskFull, Missing, NotSigning
from node.home import Home
from node.intake import Intake
from node.signing import Draft, Intent
from node.testing.homes import temporary_home
from node.testing.table import full_disk
from store.entry import Entry, make_body
from store.ids import LOG_DOCS, LOG_FEED, LogNo
from store.log import LogId
from store.sqlite.views import Views

NOW_MS = 1_763_000_000_000


class Bench:
    def __init__(self, home: Home, why_not: str = "") -> None:
        self.home = home
        self.intake = Intake(home.shelf, home.network, home.allowed, Bus())
        self.author = Author(home.key, home.network, self.intake, lambda: NOW_MS, why_not)
        self.told: list[Committed] = []
        self.intake.listen(self.told.append)

    def notes(self) -> list[str]:
        with self.home.entries.views() as views:
            return [name for (name,) in views.execute("SELECT name FROM chat_notes ORDER BY name")]

    def held(self, log: LogNo = LOG_FEED) -> int:
        state = self.home.shelf.state(LogId(self.home.device, log))
        return state.head.seq if state and state.head else 0


@asynccontextmanager
async def bench(why_not: str = "") -> AsyncIterator[Bench]:
    with temporary_home("host") as home, trio.fail_after(60):
        made = Bench(home, why_not)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.intake.run)
            yield made
            nursery.cancel_scope.cancel()


def note(views: Views, name: str) -> None:
    views.execute("INSERT INTO chat_notes VALUES (?, X'')", (name,))


def draft(text: str, log: LogNo = LOG_FEED) -> Draft:
    return Draft(log, Intent(make_body(bytes(16), [1, text, ""])))


async def test_what_a_step_changes_and_writes_is_there_together() -> None:
    async with bench() as at:
        keys: list[tuple[int, Entry]] = []

        def step(views: Views) -> Sequence[Draft]:
            note(views, "changed")
            return [draft("one")._replace(then=lambda key, entry: keys.append((key, entry))), draft("two")]

        one, two = await at.author.compose(step)
        assert (one.seq, two.seq, two.back) == (1, 2, one.id)
        assert at.notes() == ["changed"]
        [(key, noted)] = keys
        assert (noted, at.home.entries.key_of(one.id)) == (one, key)
        assert [piece for commit in at.told for piece in commit.pieces] == [(one, two)]


async def test_what_is_noted_of_an_entry_is_part_of_the_step() -> None:
    async with bench() as at:

        def step(views: Views) -> Sequence[Draft]:
            return [draft("one")._replace(then=lambda key, entry: note(views, entry.id.hex()))]

        [entry] = await at.author.compose(step)
        assert at.notes() == [entry.id.hex()]


async def test_logs_go_on_where_other_entries_ended() -> None:
    async with bench() as at:
        [first] = await at.author.write(LOG_FEED, [draft("first").intent])
        second, other = await at.author.compose(lambda views: [draft("second"), draft("x", LOG_DOCS)])
        [third] = await at.author.write(LOG_FEED, [draft("third").intent])
        assert (second.back, other.seq, third.back) == (first.id, 1, second.id)
        assert first.time_ms < second.time_ms < third.time_ms


async def test_a_step_that_refuses_changes_nothing() -> None:
    async with bench() as at:

        def step(views: Views) -> Sequence[Draft]:
            note(views, "changed")
            raise Missing("there is no such member")

        with pytest.raises(Missing, match="no such member"):
            await at.author.compose(step)
        with pytest.raises(Missing, match="no such member"):
            await at.intake.change(lambda views: step(views))
        assert (at.notes(), at.held()) == ([], 0)


async def test_what_cannot_be_noted_is_not_written_either() -> None:
    async with bench() as at:

        def broken(key: int, entry: Entry) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await at.author.compose(lambda views: [draft("one")._replace(then=broken)])
        assert (at.held(), at.told) == (0, [])
        [entry] = await at.author.compose(lambda views: [draft("two")])
        assert entry.seq == 1


async def test_a_full_disk_keeps_nothing_of_a_step() -> None:
    async with bench() as at:

        def step(views: Views) -> Sequence[Draft]:
            note(views, "changed")
            return [draft("x" * 10_000) for _ in range(50)]

        with full_disk(at.home), pytest.raises(DiskFull):
            await at.author.compose(step)
        assert (at.notes(), at.held()) == ([], 0)


async def test_a_home_that_must_not_sign_does_no_step() -> None:
    async with bench("it was copied") as at:
        with pytest.raises(NotSigning):
            await at.author.compose(lambda views: [draft("one")])
        assert at.held() == 0
