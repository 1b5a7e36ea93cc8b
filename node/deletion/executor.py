"""Has bodies dropped that their authors deleted, whenever deletion and target come.

    a deletion comes       what it names and is held goes, if it may (`node.deletion.authority`)
    a target comes later   its body is taken off before it is kept (`strain`); what slips through goes after
    the roster changes     deletions that were refused are looked at again
    a deletion goes        (its log was cut) what it alone had dropped is missing again, and asked for

How far it has got is in the store, so that what came while nothing ran is found at the start. Nothing that
a peer sends raises here. For the trio thread.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import trio

from gossip.proto.events import Committed, Piece
from node.apps.deletion import service
from node.apps.deletion.service import Asked
from node.bus import Follower, Lagging
from node.deletion.authority import is_deletable, may_delete
from node.deletion.orphans import drop_orphans, named_by
from node.deletion.sieve import Sieve
from node.home import Home
from node.intake import Intake
from node.jobs import Errand
from store.entry import Entry
from store.errors import StoreError
from store.ids import LOG_DELETIONS, AuthorId, EntryId
from store.sqlite.bodies_gone import DELETED, Drop
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Views

_log = logging.getLogger(__name__)

AT_ONCE: Final = 128
"""Deletions that are carried out with one transaction, at most 2,048 bodies: others wait for it."""

SCAN_ENTRIES: Final = 4_096
"""Entries that are looked at together at the start."""

MAX_REFUSED: Final = 10_000
"""Deletions of others' entries that are remembered, to be looked at again when the roster changes. Those
that came first; more of them are nobody's slip."""

MARK_S: Final = 10.0
"""How often it is noted how far we have got. After a crash so much is looked at twice, which does no harm."""

LOOK_S: Final = 2.0
"""How often it is looked whether the roster has changed, where deletions were refused."""

CAREFUL_S: Final = 60.0
"""Longer than any entry takes from its coming to its commit."""

MAX_EXPECTED: Final = 10_000
"""Entries on their way into the store that are remembered; with so many everything is looked at twice."""

TIES_AT_ONCE: Final = 50_000

_MARK: Final = "deletions-done"


class Target(NamedTuple):
    """Something that a deletion names and that is held."""

    key: int
    author: AuthorId
    deletable: bool


class Found(NamedTuple):
    """A deletion with those of its targets that are held."""

    asked: Asked
    targets: tuple[Target, ...]


class RosterBearers:
    """To whom devices belong at this moment; see `node.deletion.authority.Bearers`."""

    def __init__(self, home: Home) -> None:
        self._membership = home.membership

    def bearer(self, device: AuthorId) -> bytes:
        """The member, or the device itself."""
        member = None if self._membership is None else self._membership.roster.member_of(device)
        return device if member is None else member

    @property
    def version(self) -> int:
        """Of the roster; another one where anything changed."""
        return 0 if self._membership is None else self._membership.roster.version


class Executor:
    """One home's."""

    def __init__(self, home: Home, intake: Intake, done: Callable[[Sequence[Asked]], None]) -> None:
        """`done` is called with deletions all of whose targets are held and have gone, maybe before."""
        self._home = home
        self._intake = intake
        self._done = done
        self._sieve = Sieve()
        self.bearers = RosterBearers(home)
        self.is_held_up: Callable[[], bool] = lambda: False
        """Is something not done yet with what `done` was told? It is told again at the next start then."""
        self._seen_version = self.bearers.version
        self._at_work = 0
        self._expected: set[EntryId] = set()
        """What `strain` has seen and has not been committed yet, or never is."""
        self._careful_until = float("inf")
        """Until then entries may be committed that were strained before the last deletion came."""
        self._is_ready = False
        self._follower: Follower

    async def run(self) -> None:
        """Carry deletions out, until cancelled."""
        with self._intake.bus.follow() as follower:
            await self._guarded(self._fill_sieve)
            self._intake.strain = self.strain
            await self._guarded(self._catch_up)
            self._follower, self._is_ready = follower, True
            self._careful_until = trio.current_time() + CAREFUL_S
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_roster)
                nursery.start_soon(self._mark_now_and_then)
                async with aclosing(aiter(follower)) as changes:
                    async for change in changes:
                        await self._guarded(self._follow, change)

    @property
    def is_idle(self) -> bool:
        """Has everything been looked at that was told?"""
        return self._is_ready and not self._at_work and self._follower.is_idle

    async def _guarded(self, work: Callable[..., Any], *args: object) -> None:
        """What the store refuses (disk full, damaged) is tried again at the next start."""
        self._at_work += 1
        try:
            await work(*args)
        except StoreError as error:
            _log.error("deletions could not be carried out: %s", error)
        finally:
            self._at_work -= 1

    # --- what comes -----------------------------------------------------------------------------------

    async def strain(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """Pieces from a peer, without the bodies that are known to be deleted."""
        caught = self._sieve.caught(pieces)
        if not caught:
            return pieces
        if len(self._expected) < MAX_EXPECTED:
            self._expected.update(entry.id for entry in caught)
        try:
            doomed = await self._doomed(caught)
        except StoreError as error:
            _log.error("could not look up deletions: %s", error)
            return pieces
        if not doomed:
            return pieces
        return [
            tuple([entry.without_body() if entry.id in doomed else entry for entry in piece])
            for piece in pieces
        ]

    async def _doomed(self, entries: Sequence[Entry]) -> set[EntryId]:
        """Those of these entries that some deletion names which may."""
        named: list[tuple[Entry, Asked]] = await self._intake.read(_named, self._home.entries, entries)
        return {
            entry.id for entry, asked in named if may_delete(self.bearers, asked.entry.author, entry.author)
        }

    async def _follow(self, change: Committed | Lagging) -> None:
        if isinstance(change, Lagging):
            await self._catch_up()
            return
        ids = [entry.id for piece in change.pieces if piece[0].log == LOG_DELETIONS for entry in piece]
        if ids:
            self._careful_until = trio.current_time() + CAREFUL_S
            self._sieve.put(
                link
                for piece in change.pieces
                if piece[0].log == LOG_DELETIONS
                for entry in piece
                for link in entry.links
            )
            for start in range(0, len(ids), AT_ONCE):
                part = ids[start : start + AT_ONCE]
                await self._carry_out(await self._intake.read(_asked, self._home.entries, part))
        if self._expected or trio.current_time() < self._careful_until:
            caught = self._sieve.caught(change.pieces)
            self._expected.difference_update(entry.id for entry in caught)
            await self._drop_caught(caught)
        if any(log_id.log == LOG_DELETIONS for log_id in change.shrunk):
            await self._look_at_missing()

    async def _drop_caught(self, caught: Sequence[Entry]) -> None:
        """Have dropped what came after its deletion, or note that it is gone where it came without."""
        if not caught:
            return
        named: list[tuple[Entry, Asked]] = await self._intake.read(_named, self._home.entries, caught)
        some = list({asked.key: asked for _, asked in named}.values())
        for start in range(0, len(some), AT_ONCE):
            await self._carry_out(some[start : start + AT_ONCE])

    # --- carrying out ---------------------------------------------------------------------------------

    async def _carry_out(self, some: Sequence[Asked]) -> None:
        if not some:
            return
        found: list[Found] = await self._intake.read(_targets, self._home.entries, some)
        drops: list[Drop] = []
        refused: list[Asked] = []
        done: list[Asked] = []
        own: list[int] = []
        me = self.bearers.bearer(self._home.device)
        for asked, targets in found:
            allowed = [target for target in targets if self._may(asked, target)]
            drops += (Drop(target.key, DELETED, asked.key) for target in allowed)
            own += (target.key for target in allowed if self.bearers.bearer(target.author) == me)
            if len(allowed) < len(targets):
                refused.append(asked)
            elif len(targets) == len(asked.said.targets):
                done.append(asked)
        blobs: list[bytes] = await self._intake.read(named_by, self._home, own) if own else []
        await self._drop(drops)
        if blobs:
            await self._intake.read(drop_orphans, self._home, blobs)
        await self._note_refused(refused, done)
        self._done(done)

    def _may(self, asked: Asked, target: Target) -> bool:
        return target.deletable and may_delete(self.bearers, asked.entry.author, target.author)

    async def _drop(self, drops: Sequence[Drop]) -> None:
        if drops:
            shelf = self._home.shelf
            await self._errand(lambda: shelf.drop_bodies(drops))

    async def _note_refused(self, refused: Sequence[Asked], done: Sequence[Asked]) -> None:
        if not refused and not await self._intake.read(_has_refused, self._home.entries):
            return
        for asked in refused:
            _log.info("a deletion of another's entry is not carried out: %s", asked.entry.id.hex())

        def note(views: Views) -> None:
            for asked in done:
                views.execute("DELETE FROM deletions_refused WHERE k = ?", (asked.key,))
            room = MAX_REFUSED - views.execute("SELECT count(*) FROM deletions_refused")[0][0]
            for asked in refused[: max(0, room)]:
                views.execute("INSERT OR IGNORE INTO deletions_refused VALUES (?)", (asked.key,))

        await self._change(note)

    async def _change(self, change: Callable[[Views], None]) -> None:
        entries = self._home.entries
        await self._errand(lambda: entries.change_views(change))

    async def _errand(self, do: Callable[[], Any]) -> None:
        """Have the writer do something. Raises: StoreError."""

        def run() -> None:
            do()

        outcome = await self._intake.queue.submit(Errand(run), None)
        if outcome.error is not None:
            raise outcome.error

    # --- what was missed ------------------------------------------------------------------------------

    async def _fill_sieve(self) -> None:
        tie = -1
        while True:
            ties = await self._intake.read(_ties, self._home.entries, tie)
            if not ties:
                return
            self._sieve.put_ties(ties)
            tie = ties[-1]

    async def _catch_up(self) -> None:
        """Look at all that came since we noted how far we have got."""
        entries = self._home.entries
        begin = await self._intake.read(_read_mark, entries)
        last = entries.last_key()
        key = begin
        while some := await self._intake.read(service.deletions_after, entries, key, AT_ONCE):
            self._sieve.put(link for asked in some for link in asked.entry.links)
            await self._carry_out(some)
            key = some[-1].key
        key = begin
        while not self._sieve.is_empty:
            batch = await self._intake.read(entries.after_key, key, SCAN_ENTRIES)
            if batch.last_key == key:
                break
            key = batch.last_key
            await self._drop_caught(self._sieve.caught([tuple(run.entries) for run in batch.runs]))
        await self._mark(last)

    async def _look_at_missing(self) -> None:
        """A deletion went: of what is missing now, other deletions may still hold."""
        last: int | None = 0
        while last is not None:
            last, missing = await self._intake.read(_missing, self._home.entries, last)
            await self._drop_caught(self._sieve.caught([(entry,) for entry in missing]))

    async def _watch_roster(self) -> None:
        while True:
            await trio.sleep(LOOK_S)
            version = self.bearers.version
            if version != self._seen_version:
                self._seen_version = version
                await self._guarded(self._look_again)

    async def _look_again(self) -> None:
        """The roster has changed: look again at deletions that were refused."""
        entries = self._home.entries
        keys: list[int] = await self._intake.read(_refused, entries)
        for start in range(0, len(keys), AT_ONCE):
            some = await self._intake.read(service.deletions_at, entries, keys[start : start + AT_ONCE])
            await self._carry_out(some)

    async def _mark_now_and_then(self) -> None:
        """Note that all is done that had come some time ago, whenever nothing waits."""
        noted = before = self._home.entries.last_key()
        while True:
            await trio.sleep(MARK_S)
            if before != noted and self.is_idle and not self.is_held_up():
                await self._guarded(self._mark, before)
                noted = before
            before = self._home.entries.last_key()

    async def _mark(self, key: int) -> None:
        def note(views: Views) -> None:
            views.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (_MARK, key))

        await self._change(note)


# --- in a thread --------------------------------------------------------------------------------------


def _named(store: SqliteEntryStore, entries: Iterable[Entry]) -> list[tuple[Entry, Asked]]:
    by_id = {entry.id: entry for entry in entries}
    named = service.named_among(store, by_id)
    return [(by_id[each], asked) for each in named for asked in service.naming(store, each)]


def _asked(store: SqliteEntryStore, ids: Sequence[EntryId]) -> list[Asked]:
    return service.deletions_at(store, [key for key, _ in store.headers_of(ids)])


def _targets(store: SqliteEntryStore, some: Sequence[Asked]) -> list[Found]:
    held = {entry.id: (key, entry) for key, entry in store.headers_of(_all_links(some))}
    return [
        Found(
            asked,
            tuple(
                Target(held[link][0], held[link][1].author, is_deletable(held[link][1].log))
                for link in asked.said.targets
                if link in held
            ),
        )
        for asked in some
    ]


def _all_links(some: Sequence[Asked]) -> set[EntryId]:
    return {link for asked in some for link in asked.said.targets}


def _ties(store: SqliteEntryStore, tie: int) -> list[int]:
    with store.views() as views:
        return service.ties_after(views, tie, TIES_AT_ONCE)


def _read_mark(store: SqliteEntryStore) -> int:
    with store.views() as views:
        rows = views.execute("SELECT value FROM counters WHERE name = ?", (_MARK,))
    return int(rows[0][0]) if rows else 0


def _has_refused(store: SqliteEntryStore) -> bool:
    with store.views() as views:
        return bool(views.execute("SELECT 1 FROM deletions_refused LIMIT 1"))


def _refused(store: SqliteEntryStore) -> list[int]:
    with store.views() as views:
        return [key for (key,) in views.execute("SELECT k FROM deletions_refused ORDER BY k")]


def _missing(store: SqliteEntryStore, after: int) -> tuple[int | None, list[Entry]]:
    """Entries without their bodies, some at a time; with the key to go on after, None at the end."""
    with store.views() as views:
        sql = "SELECT k FROM bodies_missing WHERE k > ? ORDER BY k LIMIT ?"
        keys = [key for (key,) in views.execute(sql, (after, SCAN_ENTRIES))]
    return keys[-1] if keys else None, [entry for _, entry in store.headers_at(keys)]
