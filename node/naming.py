"""Who is called what here, and whom a text names.

A device is shown by the name that this home gave it (the list of peers), else by the one that it gave
itself, else by its short id. Where two devices would be shown alike, ``~`` and the first four characters
of the id follow.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from node.apps.directory import service as directory
from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from store.ids import AuthorId, NotAnId, prefix_range, short, to_text

_MARK_CHARS: Final = 4
_LISTED: Final = 5
"""Candidates that a message lists."""


class Names:
    """The names of one moment."""

    def __init__(self, given: Mapping[AuthorId, str], published: Mapping[AuthorId, str]) -> None:
        """`given`: names from the list of peers; `published`: those that devices gave themselves."""
        plain = {**published, **{device: name for device, name in given.items() if name}}
        alike = Counter(name.casefold() for name in plain.values())
        self._shown = {
            device: name if alike[name.casefold()] == 1 else f"{name}~{to_text(device)[:_MARK_CHARS]}"
            for device, name in plain.items()
        }
        self._plain = plain

    def of(self, device: AuthorId) -> str:
        """The name that is shown for a device."""
        return self._shown.get(device) or short(device)

    def find(self, text: str, known: Iterable[AuthorId]) -> AuthorId:
        """The device that a name, an id or the beginning of an id stands for; `known` may be named by id.

        Raises:
            Missing: nobody here is called so.
            Ambiguous: several are.
            BadData: blank.
        """
        wanted = text.strip().casefold()
        if not wanted:
            raise BadData("A device is named by its name or id.", "See: aster peer list")
        named = [device for device, name in self._shown.items() if name.casefold() == wanted]
        named = named or [device for device, name in self._plain.items() if name.casefold() == wanted]
        found = named or _with_prefix(wanted, {*known, *self._plain})
        if len(found) > 1:
            listed = ", ".join(f"{self.of(device)} ({short(device)})" for device in sorted(found)[:_LISTED])
            raise Ambiguous(f"{text!r} may be {listed}.", "Type more of the id.")
        if not found:
            raise Missing(f"Nobody here is called {text!r}.", "See: aster peer list, aster log list")
        return found[0]


def _with_prefix(text: str, known: Iterable[AuthorId]) -> list[AuthorId]:
    try:
        low, high = prefix_range(text)
    except NotAnId:
        return []
    return [device for device in known if low <= device <= high]


class NameBook:
    """Keeps the names of a home until they change."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._key: object = None
        self._names = Names({}, {})

    def now(self) -> Names:
        """The names of this moment. May be called from any thread."""
        given = {peer.device: peer.name for peer in self._home.tables.peers()}
        with self._home.entries.views() as views:
            key = (given, directory.version_of(views))
            if key != self._key:
                self._names = Names(given, directory.names(views))
                self._key = key
        return self._names
