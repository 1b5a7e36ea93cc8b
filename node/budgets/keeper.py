"""Keeps what others fill of this disk within their quotas. For the trio thread.

    count     what came since the last time, a moment after it came (`store.sqlite.holdings`)
    plan      who takes how much, who is beyond his quota (`node.budgets.planning`)
    let go    his oldest texts, until he is within it again
    bound     carry no more of the logs of who has filled his bound of headers

Counting costs a pass over what came. So it waits until nothing comes for a moment, unless so much came of
somebody that he may be beyond his quota by now: that is estimated from what is committed. Somebody can be
beyond it for some seconds.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import trio

from gossip.proto.events import Piece
from node.budgets.letting_go import MAX_DROPS, Choice, choose
from node.budgets.planning import Parties, Plan, Taken, Usage, ends_of, plan_of, usage_of
from node.budgets.quotas import Allowance, Quotas
from node.bus import Follower, Lagging
from node.desk import Room
from node.jobs import Errand
from store.errors import StoreError
from store.ids import LOG_DELETIONS, LOG_ID, AuthorId
from store.log import LogId
from store.sqlite import bodies_gone
from store.sqlite.holdings import Holding, HoldingTable
from store.sqlite.views import Views

_log = logging.getLogger(__name__)

REST_S: Final = 1.0
"""Between two looks while something comes."""

QUIET_S: Final = 2.0
"""Nothing came for so long: time to count."""

LATEST_S: Final = 60.0
"""It is counted at the latest so long after something came."""

LEAST_BYTES: Final = 2**20
"""Less than that of one author is never urgent: who is at his bound would have it looked at without end."""

_HEAD_BYTES: Final = 176
"""Of an entry without links, with its signature; an estimate."""

ROSTER_S: Final = 60.0
"""Looked at anyway so often: who belongs to whom may have changed."""

STUCK_S: Final = 600.0
"""How long somebody is left alone of whom nothing can be let go, because all that is left is pinned."""

_PAGE: Final = 500


class Standing(NamedTuple):
    """How it stands after the last look."""

    usage: Usage
    plan: Plan
    quotas: Quotas


class Keeper:
    """One home's."""

    def __init__(self, room: Room, parties: Callable[[], Parties], quotas: Callable[[], Quotas]) -> None:
        """`parties` and `quotas` are asked in a thread."""
        self._room = room
        self._parties = parties
        self._quotas = quotas
        self._table = HoldingTable(room.home.database)
        self._stuck: dict[bytes, float] = {}
        self._changed = trio.Event()
        self._chosen = False
        self._came: dict[AuthorId, int] = {}
        """Bytes that came of each author since the last look, about."""
        self._room_of: dict[AuthorId, int] = {}
        """Bytes that each author known then had left at the last look."""
        self._room_of_new = 0
        self._is_urgent = False
        self.looks = 0
        """How often it was looked."""

    def quotas_changed(self) -> None:
        """Quotas are others from now on: what was let go may be wanted again."""
        self._chosen = True
        self._stuck.clear()
        self._changed.set()

    async def run(self) -> None:
        """Keep everybody within his quota, until cancelled."""
        with self._room.intake.bus.follow() as follower:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow, follower)
                while True:
                    try:
                        while await self._look():
                            await trio.lowlevel.checkpoint()
                    except StoreError as error:
                        _log.error("quotas could not be kept: %s", error)
                    self.looks += 1
                    await trio.sleep(REST_S)
                    await self._until_it_is_time()

    async def _follow(self, follower: Follower) -> None:
        """Estimate how much comes of whom."""
        async with aclosing(aiter(follower)) as changes:
            async for change in changes:
                if isinstance(change, Lagging):
                    self._is_urgent = True
                else:
                    for piece in change.pieces:
                        self._estimate(piece)
                self._changed.set()

    def _estimate(self, piece: Piece) -> None:
        author = piece[0].author
        came = self._came.get(author, 0) + sum([_HEAD_BYTES + entry.body_bytes for entry in piece])
        self._came[author] = came
        if came > LEAST_BYTES and came > self._room_of.get(author, self._room_of_new):
            self._is_urgent = True

    async def _until_it_is_time(self) -> None:
        """Wait until something came and then nothing more, or much of somebody; or the roster may differ."""
        with trio.move_on_after(ROSTER_S):
            await self._changed.wait()
        with trio.move_on_after(LATEST_S):
            while not self._is_urgent and not self._chosen:
                self._changed = trio.Event()
                with trio.move_on_after(QUIET_S) as waiting:
                    await self._changed.wait()
                if waiting.cancelled_caught:
                    break
        self._changed = trio.Event()

    async def _look(self) -> bool:
        """Look once. True: there is more to be done at once."""
        read = self._room.intake.read
        self._room.names.refresh()
        chosen, self._chosen = self._chosen, False
        self._came, self._is_urgent = {}, False
        has_more: bool = await read(self._table.count)
        holdings: list[Holding] = await read(self._table.all)
        parties: Parties = await read(self._parties)
        quotas: Quotas = await read(self._quotas)
        standing: Standing = await read(stand, holdings, parties, quotas)
        self._note_room(standing, holdings, parties)
        self._bound(standing.plan, holdings, parties)
        for member, excess in standing.plan.excess.items():
            if trio.current_time() >= self._stuck.get(member, 0):
                has_more |= await self._let_go(member, excess, holdings, parties)
        if chosen and has_more:
            self._chosen = True
        elif chosen:
            await self._want_again(standing, parties)
        return has_more

    def _note_room(self, standing: Standing, holdings: Sequence[Holding], parties: Parties) -> None:
        """Note how much each author may still bring before it is urgent to look."""
        left = room_left(standing, parties)
        self._room_of = {
            holding.log_id.author: left.get(parties.bearer(holding.log_id.author), 0) for holding in holdings
        }
        self._room_of_new = min(standing.quotas.member)

    # --- texts ----------------------------------------------------------------------------------------

    async def _let_go(
        self, member: bytes, excess: int, holdings: Sequence[Holding], parties: Parties
    ) -> bool:
        """Let go of some texts of a member. True: he may still be beyond his quota."""
        his = [
            holding
            for holding in holdings
            if holding.log_id.log not in (LOG_ID, LOG_DELETIONS)
            and parties.bearer(holding.log_id.author) == member
        ]
        found: Choice = await self._room.intake.read(choose, self._room.home, his, excess)
        if found.drops:
            shelf = self._room.home.shelf
            await self._errand(lambda: shelf.drop_bodies(found.drops))
        if found.is_end and found.freed_bytes < excess:
            return await self._begin_again(member, his)
        await self._errand(lambda: self._table.look_on_from(found.seqs))
        return found.freed_bytes < excess or len(found.drops) >= MAX_DROPS

    async def _begin_again(self, member: bytes, his: Sequence[Holding]) -> bool:
        """Nothing is left behind where we had got: bodies may have come late. True: look from the first."""
        if any(holding.let_go_seq for holding in his):
            await self._errand(lambda: self._table.look_on_from({each.log_id: 0 for each in his}))
            return True
        self._stuck[member] = trio.current_time() + STUCK_S
        return False

    async def _want_again(self, standing: Standing, parties: Parties) -> None:
        """Ask again for what was let go, the last that came first, where there is room now."""
        room = {
            member: standing.quotas.of_member(member).texts * 9 // 10 - taken.texts
            for member, taken in standing.usage.members.items()
        }
        before = 2**62
        while True:
            read = self._room.intake.read
            page: list[tuple[int, int, LogId]] = await read(self._gone_page, before)
            if not page:
                return
            before = page[-1][0]
            wanted: dict[int, LogId] = {}
            for key, size, log_id in page:
                member = parties.bearer(log_id.author)
                if room.get(member, 0) >= size:
                    room[member] -= size
                    wanted[key] = log_id
            if wanted:
                await self._take_back(wanted)

    async def _take_back(self, wanted: Mapping[int, LogId]) -> None:
        entries, table = self._room.home.entries, self._table

        def change(views: Views) -> None:
            bodies_gone.want_again(views, list(wanted))

        await self._errand(lambda: entries.change_views(change))
        await self._errand(lambda: table.look_on_from(dict.fromkeys(wanted.values(), 0)))

    def _gone_page(self, before: int) -> list[tuple[int, int, LogId]]:
        entries = self._room.home.entries
        with entries.views() as views:
            rows = bodies_gone.let_go_keys(views, before, _PAGE)
        found = zip(rows, entries.at_keys([key for key, _ in rows]), strict=True)
        return [
            (key, size, LogId(entry.author, entry.log)) for (key, size), entry in found if entry is not None
        ]

    async def _errand(self, do: Callable[[], Any]) -> None:
        """Have the writer do something. Raises: StoreError."""

        def run() -> None:
            do()

        outcome = await self._room.intake.queue.submit(Errand(run), None)
        if outcome.error is not None:
            raise outcome.error

    # --- headers --------------------------------------------------------------------------------------

    def _bound(self, plan: Plan, holdings: Sequence[Holding], parties: Parties) -> None:
        """Carry no more of who is full; and again of who is not any more."""
        allowed = self._room.home.allowed
        states = self._room.intake.states()
        devices: set[AuthorId] = {holding.log_id.author for holding in holdings}
        held = {
            log_id: state.head.seq
            for log_id, state in states.items()
            if state.head is not None and parties.bearer(log_id.author) in plan.full | plan.full_of_deletions
        }
        ends = ends_of(plan, devices, held, parties)
        before = allowed.bounds.ends
        for device, logs in ends.items():
            known = before.get(device, {})
            for log, seq in logs.items():
                logs[log] = min(seq, known.get(log, seq))
        if allowed.bounds.replace(ends):
            allowed.tell()


def room_left(standing: Standing, parties: Parties) -> dict[bytes, int]:
    """Bytes that each member may still bring until he, or a section of his, fills a quota. Pure."""
    usage, quotas = standing.usage, standing.quotas

    def left(taken: Taken, allowed: Allowance) -> int:
        return max(0, min(allowed.texts - taken.texts, allowed.headers - taken.headers))

    sections = {section: left(taken, quotas.of_section(section)) for section, taken in usage.sections.items()}
    members = {
        member: min(
            [left(taken, quotas.of_member(member)), *(sections[each] for each in parties.sections(member))]
        )
        for member, taken in usage.members.items()
    }
    return {**members, parties.own: 2**62}


def stand(holdings: Sequence[Holding], parties: Parties, quotas: Quotas) -> Standing:
    """How it stands. For a thread: it takes some µs a log."""
    usage = usage_of(holdings, parties)
    return Standing(usage, plan_of(usage, parties, quotas), quotas)
