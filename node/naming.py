"""Who is called what here, and whom a text names.

A device is shown by the name that this home gave it (the list of peers), else by the one that it gave
itself, else by its short id. Names that look alike are marked: ``~`` and the first characters of the id
follow, as many as it takes to tell them apart. Nobody can so take the look of somebody else.

The names that this home gave, and its own, are trusted: where somebody else calls himself the same, they
name whom they were given to. A whole id always names its device, whatever anybody calls himself.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from node.apps.directory import service as directory
from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from node.quoting import quoted
from store.ids import AuthorId, NotAnId, from_text, prefix_range, short, to_text
from store.search_text import normal_form

_MARK_CHARS: Final = 4
"""Characters of an id in a mark, unless more are needed. Four can be had on purpose, hence the "unless"."""

_LISTED: Final = 5
"""Candidates that a message lists."""


class Names:
    """The names of one moment. Immutable."""

    def __init__(self, given: Mapping[AuthorId, str], published: Mapping[AuthorId, str]) -> None:
        """`given`: trusted names; empty ones count as none. `published`: what devices call themselves."""
        self._given = {device: name for device, name in given.items() if name}
        self._plain = {**published, **self._given}
        self._shown = _marked(self._plain)
        self._taken = frozenset(map(_look, self._shown.values()))

    def of(self, device: AuthorId) -> str:
        """The name that is shown for a device: no two have the same."""
        shown = self._shown.get(device)
        if shown is not None:
            return shown
        return to_text(device) if short(device) in self._taken else short(device)

    def find(self, text: str, known: Iterable[AuthorId]) -> AuthorId:
        """The one of the `known` devices that a name, an id or the beginning of an id stands for.

        Raises:
            Missing: none of them is called so.
            Ambiguous: several are.
            BadData: blank.
        """
        wanted, among = text.strip(), frozenset(known)
        if not wanted:
            raise BadData("A device is named by its name or id.", "See: aster peer list")
        found = self._found(wanted, among)
        if len(found) > 1:
            listed = ", ".join(f"{self.of(device)} ({short(device)})" for device in sorted(found)[:_LISTED])
            raise Ambiguous(f"{quoted(text)} may be {listed}.", "Type the id, or more of it.")
        if not found:
            raise Missing(f"Nobody here is called {quoted(text)}.", "See: aster peer list, aster log list")
        return found.pop()

    def _found(self, wanted: str, among: frozenset[AuthorId]) -> set[AuthorId]:
        """Whom a text may mean: only by a trusted name is somebody meant whose id others' may begin like."""
        whole = _whole_id(wanted)
        if whole is not None:
            return {whole} & among
        trusted = self._called(wanted, self._given, among)
        if trusted:
            return trusted
        named = self._called(wanted, self._shown, among) or self._called(wanted, self._plain, among)
        return named | _with_prefix(wanted, among)

    def _called(
        self, wanted: str, names: Mapping[AuthorId, str], among: frozenset[AuthorId]
    ) -> set[AuthorId]:
        folded = _folded(wanted)
        return {device for device, name in names.items() if device in among and _folded(name) == folded}


def _marked(plain: Mapping[AuthorId, str]) -> dict[AuthorId, str]:
    """Names with marks where two would look alike, or where nothing would be seen."""
    shown = dict(plain)
    chars = 0
    while alike := _alike(shown):
        chars += _MARK_CHARS
        for device in alike:
            shown[device] = f"{plain[device]}~{to_text(device)[:chars]}"
    return shown


def _alike(shown: Mapping[AuthorId, str]) -> list[AuthorId]:
    """Devices whose names look like another's, or like nothing."""
    groups = defaultdict[str, list[AuthorId]](list)
    for device, name in shown.items():
        groups[_look(name)].append(device)
    return [device for look, devices in groups.items() for device in devices if len(devices) > 1 or not look]


def _look(name: str) -> str:
    """What a reader sees of a name: letters and signs, without case, accents, spaces and invisible ones."""
    return "".join(
        char for char in normal_form(name) if not char.isspace() and unicodedata.category(char) != "Cf"
    )


def _folded(name: str) -> str:
    """A name without case, in one of the forms in which Unicode can write it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def _whole_id(text: str) -> AuthorId | None:
    try:
        return AuthorId(from_text(text))
    except NotAnId:
        return None


def _with_prefix(text: str, known: Iterable[AuthorId]) -> set[AuthorId]:
    try:
        low, high = prefix_range(text)
    except NotAnId:
        return set()
    return {device for device in known if low <= device <= high}


class NameBook:
    """Keeps the names of a home until they change. Thread-safe."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._kept: tuple[object, Names] = (None, Names({}, {}))
        """What the names depend on, and the names: replaced together."""

    def now(self) -> Names:
        """The names of this moment: once an answer, not once a line."""
        home = self._home
        given = {peer.device: peer.name for peer in home.tables.peers()}
        changes = home.entries.last_change()  # looked at first: what changes meanwhile is noticed next time
        with home.entries.views() as views:
            basis = (given, changes, directory.count_profiles(views))
            kept = self._kept
            if kept[0] != basis:
                published = directory.names(views)
                own = {home.device: published.get(home.device, "")}
                kept = self._kept = (basis, Names({**own, **given}, published))
        return kept[1]
