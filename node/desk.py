"""What every part of the api works with: the running node, looked at and written to in one way.

For the trio thread. What a part knows of its own subject is its own; nothing here knows any app.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from node.author import Author
from node.home import Home
from node.intake import Intake
from node.mesh import Mesh
from node.naming import NameBook
from node.signing import Draft, Intent
from node.store_faults import told_plainly
from store.entry import Entry
from store.ids import LogNo, log_name, to_text
from store.sqlite.views import Views

T = TypeVar("T")


class Room:
    """The running node as a part of the api sees it."""

    def __init__(
        self,
        home: Home,
        intake: Intake,
        author: Author,
        mesh: Mesh,
        names: NameBook,
        clock_ms: Callable[[], int],
    ) -> None:
        """`clock_ms`: Unix time in ms."""
        self.home = home
        self.intake = intake
        self.mesh = mesh
        self.names = names
        self.now_ms = clock_ms
        self._author = author

    async def ask(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in a thread. Raises: NodeError, also in place of what the store raises."""
        self.names.refresh()
        with told_plainly():
            return await self.intake.read(look, *args)

    async def write(self, log: LogNo, intents: Sequence[Intent]) -> list[Entry]:
        """Write our next entries of a log, all or none; returns once they are durable. Raises: NodeError."""
        with told_plainly():
            return await self._author.write(log, intents)

    async def compose(self, step: Callable[[Views], Sequence[Draft]]) -> list[Entry]:
        """Do a step in the writer's thread: what it changes and what it wants written are durable together.
        Raises: NodeError: nothing was changed."""
        with told_plainly():
            return await self._author.compose(step)

    async def change(self, change: Callable[[Views], T]) -> T:
        """Change tables beside the entries in the writer's thread, with the next sync to the disk durable.
        Raises: NodeError."""
        with told_plainly():
            return await self.intake.change(change)


def written(entry: Entry) -> dict[str, Any]:
    """An entry that we wrote, as answers name it."""
    return {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "log": log_name(entry.log),
        "seq": entry.seq,
    }
