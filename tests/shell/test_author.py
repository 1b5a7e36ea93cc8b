"""The author: the next entry of our own logs, durable, in order, and never when it might fork."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from node.author import Author
from node.bus import Bus
from node.errors import DiskFull, Fault, NotSigning, TextTooLarge
from node.home import Home
from node.intake import Intake
from node.limits import MAX_OWN_ENTRIES
from node.signing import Intent
from node.testing.homes import temporary_home
from node.testing.people import NETWORK
from node.testing.table import full_disk
from store.entry import Entry, make_body, sign
from store.ids import LOG_DOCS, LOG_FEED, EntryId, LogNo
from store.log import LogId

DEADLINE_S = 60
NOW_MS = 1_763_000_000_000


class Desk:
    """An author at work, with a clock that the test turns."""

    def __init__(self, home: Home, why_not: str = "") -> None:
        self.home = home
        self.now_ms = NOW_MS
        self.intake = Intake(home.shelf, home.network, home.allowed, Bus())
        self.author = Author(home.key, home.network, self.intake, lambda: self.now_ms, why_not)

    async def write(self, *texts: str, log: LogNo = LOG_FEED, links: tuple[EntryId, ...] = ()) -> list[Entry]:
        return await self.author.write(log, [Intent(body(text), links) for text in texts])

    def head_seq(self, log: LogNo = LOG_FEED) -> int:
        state = self.intake.state(LogId(self.home.device, log))
        return state.head.seq if state and state.head else 0


def body(text: str) -> bytes:
    return make_body(bytes(16), [1, text, ""])


@asynccontextmanager
async def working(why_not: str = "") -> AsyncIterator[Desk]:
    with temporary_home("host") as home, trio.fail_after(DEADLINE_S):
        desk = Desk(home, why_not)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.intake.run)
            yield desk
            nursery.cancel_scope.cancel()


async def test_entries_follow_one_another_and_are_well_signed() -> None:
    async with working() as desk:
        [first] = await desk.write("one")
        [second] = await desk.write("two", links=(first.id,))
        assert (first.seq, first.back) == (1, b"")
        assert (second.seq, second.back, second.links) == (2, first.id, (first.id,))
        for entry in (first, second):
            entry.check_signature(NETWORK)
        assert desk.home.entries.entry(second.id) == second


async def test_each_log_has_its_own_count() -> None:
    async with working() as desk:
        await desk.write("one")
        [other] = await desk.write("doc", log=LOG_DOCS)
        assert other.seq == 1


async def test_many_lines_are_one_chain_in_one_transaction() -> None:
    async with working() as desk:
        before = desk.intake.commits
        entries = await desk.write(*(f"line {number}" for number in range(2_500)))
        assert [entry.seq for entry in entries] == list(range(1, 2_501))
        assert desk.head_seq() == 2_500
        assert desk.intake.commits == before + 1


async def test_writers_at_the_same_time_share_transactions_and_fork_nothing() -> None:
    async with working() as desk:
        written: list[Entry] = []

        async def write(number: int) -> None:
            written.extend(await desk.write(f"number {number}"))

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(write, number)
        assert sorted(entry.seq for entry in written) == list(range(1, 51))
        assert len({entry.id for entry in written}) == 50
        assert desk.intake.commits < 50


async def test_time_never_runs_backwards_in_a_log() -> None:
    async with working() as desk:
        times = []
        for now_ms in (NOW_MS, NOW_MS - 60_000, NOW_MS - 60_000, NOW_MS + 5):
            desk.now_ms = now_ms
            [entry] = await desk.write("x")
            times.append(entry.time_ms)
        assert times == [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 5]


async def test_time_goes_on_from_the_head_after_a_restart() -> None:
    async with working() as desk:
        await desk.write("x")
        again = Author(desk.home.key, desk.home.network, desk.intake, lambda: NOW_MS - 60_000)
        [entry] = await again.write(LOG_FEED, [Intent(body("y"))])
        assert (entry.seq, entry.time_ms) == (2, NOW_MS + 1)


async def test_nothing_is_signed_while_the_home_is_not_sure_of_its_heads() -> None:
    async with working("it is a copy") as desk:
        with pytest.raises(NotSigning, match="it is a copy") as caught:
            await desk.write("x")
        assert caught.value.advice
        assert desk.head_seq() == 0
        desk.author.why_not = ""
        await desk.write("x")
        assert desk.head_seq() == 1


async def test_own_entries_that_a_peer_brings_are_gone_on_from() -> None:
    async with working() as desk:
        await desk.write("one")
        [head] = desk.home.shelf.range(LogId(desk.home.device, LOG_FEED), 1, 1, 10**6)
        more = sign(desk.home.key, NETWORK, LOG_FEED, 2, head.id, body("from a peer"), NOW_MS + 9)
        await desk.intake.ingest([(more,)], desk.home.device, each_signature=True)
        [entry] = await desk.write("three")
        assert (entry.seq, entry.back, entry.time_ms) == (3, more.id, NOW_MS + 10)


async def test_a_log_of_ours_that_forked_takes_no_more() -> None:
    async with working() as desk:
        await desk.write("one")
        rival = sign(desk.home.key, NETWORK, LOG_FEED, 1, b"", body("rival"), NOW_MS)
        await desk.intake.ingest([(rival,)], desk.home.device, each_signature=True)
        with pytest.raises(NotSigning, match="feed"):
            await desk.write("two")
        await desk.write("still", log=LOG_DOCS)


async def test_a_full_disk_keeps_nothing_of_what_was_to_be_written() -> None:
    async with working() as desk:
        await desk.write("one")
        with full_disk(desk.home), pytest.raises(DiskFull):
            await desk.write(*["x" * 20_000] * 4)
        [entry] = await desk.write("two")
        assert entry.seq == 2


async def test_too_much_at_once_is_refused() -> None:
    async with working() as desk:
        with pytest.raises(TextTooLarge):
            await desk.author.write(LOG_FEED, [Intent(body("x"))] * (MAX_OWN_ENTRIES + 1))


async def test_a_writer_that_gives_up_while_it_waits_leaves_nothing_behind() -> None:
    async with working() as desk:
        with trio.CancelScope() as scope:
            scope.cancel()
            await desk.write("never")
        assert scope.cancelled_caught
        [entry] = await desk.write("one")
        assert entry.seq == 1
        assert desk.head_seq() == 1


async def test_a_fault_of_the_writer_is_told_to_everyone_who_waited() -> None:
    async with working() as desk:
        errors: list[Fault] = []

        async def write(text: str) -> None:
            try:
                await desk.write(text)
            except Fault as error:
                errors.append(error)

        desk.home.close()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(write, f"{number}")
        assert len(errors) == 3
