"""A home with a running intake, two friends and one stranger, for tests of what becomes of entries."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from gossip.proto.admission import Admission
from gossip.proto.events import Committed, Verdict
from node.bus import Bus
from node.home import Home
from node.intake import Intake
from node.testing.homes import befriend, temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.log import Head

DEADLINE_S = 60
"""No test of one intake takes longer, on any machine."""


class Table:
    """What such a test has before it."""

    def __init__(self, home: Home, admission: Admission | None = None) -> None:
        """`admission`: instead of the home's list."""
        self.home = home
        self.alice, self.bob, self.stranger = Person("alice"), Person("bob"), Person("carol")
        befriend(home, (self.alice, self.bob))
        self.bus = Bus()
        self.intake = Intake(home.shelf, home.network, admission or home.allowed, self.bus)
        self.told: list[Committed] = []
        """What gossip was told."""
        self.intake.listen(self.told.append)

    async def give(self, *entries: Entry, each: bool = False) -> Verdict:
        """Bob brings a piece; `each`: every signature is to be checked first."""
        [verdict] = await self.intake.ingest([tuple(entries)], self.bob.id, each_signature=each)
        return verdict

    def held(self, person: Person) -> Head | None:
        """The head of a person's feed, as far as it is held."""
        state = self.intake.state(person.log_id())
        return None if state is None else state.head

    def shown(self) -> int:
        """How many posts the feed's view has."""
        with self.home.entries.views() as views:
            return len(views.execute("SELECT k FROM feed_timeline"))


@asynccontextmanager
async def laid_table(admission: Admission | None = None) -> AsyncIterator[Table]:
    """A table with a running intake, cleared away at the end."""
    with temporary_home("host") as home:
        table = Table(home, admission)
        with trio.fail_after(DEADLINE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(table.intake.run)
                yield table
                nursery.cancel_scope.cancel()


@contextmanager
def full_disk(home: Home) -> Iterator[None]:
    """Meanwhile the home's store takes not one more page."""
    with home.database.write() as connection:
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    try:
        yield
    finally:
        with home.database.write() as connection:
            connection.execute("PRAGMA max_page_count = 1000000000").fetchall()


def large_posts(person: Person, count: int = 4) -> tuple[Entry, ...]:
    """Posts that need pages of their own."""
    return tuple(person.post("x" * 30_000) for _ in range(count))
