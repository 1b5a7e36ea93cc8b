"""Who is called what here, and whom a text names.

In an open circle devices have names: the one that this home gave (the list of peers), else the one that the
device gave itself, else its short id. In a federation members have them, and a device is shown by the name
of its member, whichever device speaks: the petname that this home gave him, else the latest name in the
profiles of his devices, as far as these are good, else the short id of the root that names him.

Names that look alike are marked: ``~`` and the first characters of the id follow, as many as it takes to
tell them apart. Nobody can so take the look of somebody else. The names that this home gave, and its own, are
trusted: where somebody else calls himself the same, they name whom they were given to. A whole id always
names whose it is, whatever anybody calls himself.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Final, TypeAlias

from node.affairs.census import Census, CensusBook, member_names
from node.apps.directory import service as directory
from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from node.limits import HIDE_AHEAD_MS
from node.quoting import quoted
from store.ids import LOG_PROFILE, AuthorId, NotAnId, from_text, prefix_range, short, to_text
from store.search_text import normal_form
from store.sqlite.petnames import PetnameTable

_MARK_CHARS: Final = 4
"""Characters of an id in a mark, unless more are needed. Four can be had on purpose, hence the "unless"."""

_TWINS: Final = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u04bb"
    "\u04cf\u0501\u051b\u051d\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abekmhopctyxijshldqwabenikvoptux",
)
"""Cyrillic and Greek letters, and the Latin ones that they are taken for, as capitals or small."""

_LISTED: Final = 5
"""Candidates that a message lists."""

ById: TypeAlias = Mapping[AuthorId, str] | Mapping[bytes, str]
"""Names by the ids of whom they are of: devices, members or sections."""


class Names:
    """The names of one moment. Immutable.

    A *bearer* of a name is a device, or the member to whom it belongs.
    """

    def __init__(
        self,
        given: ById,
        published: ById,
        members: Mapping[AuthorId, bytes] | None = None,
        devices: Mapping[AuthorId, str] | None = None,
    ) -> None:
        """`given`: trusted names; empty ones count as none. `published`: what bearers call themselves.
        `members`: to whom devices belong; one that is not there bears its own name. `devices`: what their
        owners call them among their own."""
        self._given: dict[bytes, str] = {bearer: name for bearer, name in given.items() if name}
        self._published: dict[bytes, str] = dict(published.items())
        self._plain: dict[bytes, str] = {**self._published, **self._given}
        self._members = members or {}
        self._devices = devices or {}
        self._shown = _marked(self._plain)
        self._taken = frozenset(map(_look, self._shown.values()))

    def of(self, device: AuthorId) -> str:
        """The name that is shown for a device: no two bearers have the same."""
        return self.of_bearer(self.bearer(device))

    def of_bearer(self, bearer: bytes) -> str:
        """The name that is shown for a bearer (32 bytes)."""
        shown = self._shown.get(bearer)
        if shown is not None:
            return shown
        return to_text(bearer) if short(bearer) in self._taken else short(bearer)

    def bearer(self, device: AuthorId) -> bytes:
        """Whose name a device is shown by: its member's, else its own."""
        return self._members.get(device, device)

    def member(self, device: AuthorId) -> str | None:
        """The id of the member to whom a device belongs, as text; None where it is nobody's."""
        member = self._members.get(device)
        return None if member is None else to_text(member)

    def device(self, device: AuthorId) -> str:
        """What a device's owner calls it among his own; empty where nothing is known."""
        return self._devices.get(device, "")

    def called(self, name: str) -> frozenset[bytes]:
        """The bearers whom a whole name stands for; where this home gave it to some, these alone. Quick."""
        folded = _folded(name)
        return next((names[folded] for names in self._by_name if folded in names), frozenset())

    @cached_property
    def _by_name(self) -> tuple[dict[str, frozenset[bytes]], ...]:
        """Bearers by folded name, of each kind of names in the order in which they count."""
        kinds = (self._given, self._shown, self._plain, self._published)
        return tuple(map(_bearers_by_name, kinds))

    def find(self, text: str, known: Iterable[AuthorId]) -> AuthorId:
        """The one of the `known` devices that a name, an id or the beginning of an id stands for.

        Raises:
            Missing: none of them is called so.
            Ambiguous: several are, or one member has several devices.
            BadData: blank.
        """
        found = self.find_all(text, known)
        if len(found) > 1:
            listed = ", ".join(map(short, found[:_LISTED]))
            raise Ambiguous(
                f"{self.of(found[0])} has {len(found)} devices here: {listed}.", "Type the id of one of them."
            )
        return found[0]

    def find_all(self, text: str, known: Iterable[AuthorId]) -> list[AuthorId]:
        """Those of the `known` devices that a text stands for, by id: one, or all of a member.

        Raises: Missing, Ambiguous: it may be several bearers. BadData: blank.
        """
        among = frozenset(known)
        bearers = frozenset(map(self.bearer, among))
        target = self._find(text, bearers, among)
        if target in bearers:
            return sorted(device for device in among if self.bearer(device) == target)
        return [AuthorId(target)]

    def find_bearer(self, text: str, known: Iterable[bytes], others: Mapping[bytes, bytes]) -> bytes:
        """The one of the `known` bearers that a text stands for; `others`: more ids that stand for bearers.

        Raises: as `find_all`.
        """
        bearers = frozenset(known)
        target = self._find(text, bearers, frozenset(others))
        return target if target in bearers else others[target]

    def _find(
        self, text: str, bearers: frozenset[bytes], ids: frozenset[AuthorId] | frozenset[bytes]
    ) -> bytes:
        wanted = text.strip()
        if not wanted:
            raise BadData("Nobody is named by an empty text.", "Give a name, an id or the beginning of one.")
        found = self._found(wanted, bearers, bearers | ids)
        if len(found) > 1:
            listed = ", ".join(
                f"{self._called_here(each)} ({short(each)})" for each in sorted(found)[:_LISTED]
            )
            raise Ambiguous(f"{quoted(text)} may be {listed}.", "Type the id, or more of it.")
        if not found:
            seen = "aster roster, aster log list" if self._members else "aster peer list, aster log list"
            raise Missing(f"Nobody here is called {quoted(text)}.", f"See: {seen}")
        return found.pop()

    def _called_here(self, found: bytes) -> str:
        return self.of(AuthorId(found))

    def _found(self, wanted: str, bearers: frozenset[bytes], ids: frozenset[bytes]) -> set[bytes]:
        """Whom a text may mean: only by a trusted name is somebody meant whose id others' may begin like."""
        whole = _whole_id(wanted)
        if whole is not None:
            return {whole} & ids
        trusted = self._called(wanted, self._given, bearers)
        if trusted:
            return trusted
        for names in (self._shown, self._plain, self._published):
            named = self._called(wanted, names, bearers)
            if named:
                break
        return named | _with_prefix(wanted, ids)

    def _called(self, wanted: str, names: Mapping[bytes, str], among: frozenset[bytes]) -> set[bytes]:
        folded = _folded(wanted)
        return {bearer for bearer, name in names.items() if bearer in among and _folded(name) == folded}


def _marked(plain: Mapping[bytes, str]) -> dict[bytes, str]:
    """Names with marks where two would look alike, or where nothing would be seen."""
    shown = dict(plain)
    chars = 0
    while alike := _alike(shown):
        chars += _MARK_CHARS
        for bearer in alike:
            shown[bearer] = f"{plain[bearer]}~{to_text(bearer)[:chars]}"
    return shown


def _alike(shown: Mapping[bytes, str]) -> list[bytes]:
    """Bearers whose names look like another's, or like nothing."""
    groups = defaultdict[str, list[bytes]](list)
    for bearer, name in shown.items():
        groups[_look(name)].append(bearer)
    return [bearer for look, alike in groups.items() for bearer in alike if len(alike) > 1 or not look]


def _look(name: str) -> str:
    """What a reader sees of a name: letters and signs, without case, accents, spaces and invisible ones.

    Letters of other scripts that look like Latin ones count as these.
    """
    seen = (char for char in normal_form(name) if not char.isspace() and unicodedata.category(char) != "Cf")
    return "".join(seen).translate(_TWINS)


def _bearers_by_name(names: Mapping[bytes, str]) -> dict[str, frozenset[bytes]]:
    found = defaultdict[str, set[bytes]](set)
    for bearer, name in names.items():
        found[_folded(name)].add(bearer)
    return {name: frozenset(bearers) for name, bearers in found.items()}


def _folded(name: str) -> str:
    """A name without case, in one of the forms in which Unicode can write it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def _whole_id(text: str) -> bytes | None:
    try:
        return bytes(from_text(text))
    except NotAnId:
        return None


def _with_prefix(text: str, known: Iterable[bytes]) -> set[bytes]:
    try:
        low, high = prefix_range(text)
    except NotAnId:
        return set()
    return {bearer for bearer in known if low <= bearer <= high}


class NameBook:
    """Keeps the names of a home until they change. Thread-safe, but for `refresh`."""

    def __init__(self, home: Home, clock_ms: Callable[[], int]) -> None:
        """For the thread of the roster. `clock_ms`: Unix time in ms."""
        self._home = home
        self._clock_ms = clock_ms
        self._petnames = PetnameTable(home.database)
        self._census = CensusBook(home.membership, home.device)
        self._kept: tuple[object, int, Names] = (None, 0, Names({}, {}))
        """What the names depend on, until when they count, and the names: replaced together."""

    def refresh(self, *, at_once: bool = False) -> None:
        """Look at the roster again, see `CensusBook.refresh`. For its thread alone."""
        self._census.refresh(at_once=at_once)

    def census(self) -> Census | None:
        """The roster as it was last looked at; None in an open circle."""
        return self._census.now()

    def now(self) -> Names:
        """The names of this moment: once an answer, not once a line."""
        census = self._census.now()
        return self._of_devices() if census is None else self._of_members(census)

    def _of_devices(self) -> Names:
        home = self._home
        peers = home.tables.peers()
        changes = home.entries.last_change()  # looked at first: what changes meanwhile is noticed next time
        with home.entries.views() as views:
            basis = (peers, changes, directory.count_profiles(views))
            kept = self._kept
            if kept[0] != basis:
                given = {peer.device: peer.name for peer in peers}
                published = directory.names(views)
                own = {home.device: published.get(home.device, "")}
                kept = self._kept = (basis, 0, Names({**own, **given}, published))
        return kept[2]

    def _of_members(self, census: Census) -> Names:
        home, now_ms = self._home, self._clock_ms()
        petnames = self._petnames.all()
        changes = home.entries.last_change()  # as above
        with home.entries.views() as views:
            basis = (petnames, changes, directory.count_profiles(views), census.version)
            kept = self._kept
            if kept[0] != basis or now_ms >= kept[1]:
                profiles = directory.profiles(views)
                published = member_names(census, profiles, LOG_PROFILE, now_ms + HIDE_AHEAD_MS, HIDE_AHEAD_MS)
                names, members = dict(published.names), dict(census.owners)
                devices = {device.id: device.name for device in census.devices.values()}
                own: dict[bytes, str] = {}
                if census.me is not None:
                    members.setdefault(home.device, census.me)
                    mine = names.get(census.me) or directory.names(views).get(home.device)
                    if mine:
                        own[census.me] = names[census.me] = mine
                kept = self._kept = (
                    basis,
                    published.due_ms,
                    Names({**own, **petnames}, names, members, devices),
                )
        return kept[2]
