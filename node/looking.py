"""How a home is looked at: who is meant by a text, which entry, until when. Synchronous, thread-safe.

What every part of the queries stands on. Nothing here knows what an entry means.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from node.limits import HIDE_AHEAD_MS
from node.naming import NameBook, Names
from node.quoting import quoted
from node.words import Words
from store.ids import AuthorId, EntryId, NotAnId, prefix_range, short

Json = dict[str, Any]

T = TypeVar("T")

_CANDIDATES: Final = 5


class Look:
    """An open home with its names and a clock."""

    def __init__(self, home: Home, names: NameBook, clock_ms: Callable[[], int]) -> None:
        """`clock_ms`: Unix time in ms."""
        self.home = home
        self.names = names
        self._clock_ms = clock_ms
        self._opening = threading.Lock()
        self._kept: dict[str, tuple[Names, Any]] = {}

    def kept(self, what: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once for as long as nobody's profile changes: for what costs a look at all
        of them. `what`: a name for it; each is made by one function alone."""
        names = self.names.now()
        found = self._kept.get(what)
        if found is None or found[0] is not names:
            found = self._kept[what] = (names, make())
        made: T = found[1]
        return made

    def now_ms(self) -> int:
        """Unix time in ms."""
        return self._clock_ms()

    def until(self) -> int:
        """Entries of a later order (ms) are hidden: they claim to be from the future."""
        return self._clock_ms() + HIDE_AHEAD_MS

    def words(self, text: str) -> Words:
        """What a person searches for. Raises: BadData, TextTooLarge; as `Home.search`."""
        with self._opening:
            index = self.home.search()
        return Words(index, text)

    def author(self, text: str) -> AuthorId:
        """The one device that a name or an id stands for. Raises: Missing, Ambiguous, BadData."""
        return self.names.now().find(text, self._known())

    def authors(self, text: str) -> frozenset[AuthorId]:
        """The devices that a name or an id stands for: one, or all of a member. Raises: as `author`."""
        return frozenset(self.names.now().find_all(text, self._known()))

    def _known(self) -> set[AuthorId]:
        known = {log_id.author for log_id in self.home.entries.logs()}
        known.update(peer.device for peer in self.home.tables.peers())
        return known | {self.home.device}

    def entry_id(self, text: str) -> EntryId:
        """The one entry whose id is or begins with `text`.

        Raises:
            BadData: no id. Missing: not held here. Ambiguous: several.
        """
        try:
            low, high = prefix_range(text.strip())
        except NotAnId as error:
            raise BadData(f"{quoted(text)} is no id: {error}.", "Copy it from: aster read --json") from error
        found = self.home.entries.find(low, high, _CANDIDATES)
        if not found:
            raise Missing(f"No entry {quoted(text)} is held here.", "It may not have arrived yet: aster sync")
        if len(found) > 1:
            raise Ambiguous(
                f"Several entries begin with {quoted(text)}: {', '.join(map(short, found))}.",
                "Type more of the id.",
            )
        return found[0]

    def holds(self, text: str) -> bool:
        """Is an entry held that `text` names? Raises: BadData, Ambiguous."""
        try:
            self.entry_id(text)
        except Missing:
            return False
        return True
