"""The rest of the node as a step of the messenger sees it: `node.apps.messenger.desk.World` over a home.

Made anew for each step, in the writer's thread: who belongs to whom is a census, what the owner chose is read
from its tables, and entries are as they were committed before the step.
"""

from collections.abc import Sequence
from typing import Final

from node.affairs.census import Census
from node.apps.messenger import bodies
from node.federation.names import RootId
from node.federation.views import Standing
from node.home import Home
from node.messaging.book import live_devices
from node.secrecy import bundles
from node.secrecy.bundles import Bundle
from node.secrecy.errors import SecrecyError
from node.social.people import sections_of
from store.entry import Entry
from store.ids import LOG_KEYS, LOG_SEALED, AuthorId, EntryId, NetworkId
from store.log import LogId
from store.sqlite.choices import BLOCK, FOLLOW, SECTION, WHO, ChoiceTable
from store.sqlite.petnames import PetnameTable

_BUNDLE_BYTES: Final = 65_536
"""More than a body has."""

MAX_BUNDLES: Final = 4_096
"""Checked keys of devices that are remembered, 1.3 kB each."""


class BundleShelf:
    """The newest keys of devices, checked once. For the writer's thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._kept: dict[AuthorId, tuple[EntryId, Bundle | None]] = {}

    def find(self, device: AuthorId) -> Bundle | None:
        """The newest keys that a device has published, if they are well formed and here."""
        log_id = LogId(device, LOG_KEYS)
        state = self._home.entries.state(log_id)
        if state is None or state.head is None:
            return None
        kept = self._kept.get(device)
        if kept is not None and kept[0] == state.head.id:
            return kept[1]
        entries = self._home.entries.range(log_id, state.head.seq, state.head.seq, _BUNDLE_BYTES)
        if not entries or entries[0].body is None:
            return None  # its body may come
        found = _checked(entries[0].body)
        if len(self._kept) >= MAX_BUNDLES:
            self._kept.clear()
        self._kept[device] = (state.head.id, found)
        return found


def _checked(body: bytes) -> Bundle | None:
    parsed = bodies.parse(body)
    if not isinstance(parsed, Bundle):
        return None
    try:
        bundles.check(parsed)
    except SecrecyError:
        return None
    return parsed


class HomeWorld:
    """One step's view of the node."""

    def __init__(self, home: Home, census: Census | None, shelf: BundleShelf, caught_up_ms: int) -> None:
        """`census`: None in an open circle. `caught_up_ms`: see `World`."""
        self._home = home
        self._census = census
        self._shelf = shelf
        self.caught_up_ms = caught_up_ms
        self.network: NetworkId = home.network
        self.device: AuthorId = home.device
        self.who: bytes = home.device if census is None or census.me is None else census.me
        chosen = ChoiceTable(home.database).all()
        self._blocked = {(each.kind, each.what) for each in chosen if each.verdict == BLOCK}
        self._followed = {each.what for each in chosen if each.verdict == FOLLOW and each.kind == WHO}
        self._named = set(PetnameTable(home.database).all())

    def devices(self, who: bytes) -> Sequence[AuthorId]:
        """The live devices of a person, ascending."""
        if self._census is None:
            return [AuthorId(who)] if self.is_live(AuthorId(who)) else []
        return live_devices(self._census, who)

    def who_of(self, device: AuthorId) -> bytes | None:
        """The person to whom a device belongs or belonged; None: unknown."""
        if device == self.device:
            return self.who
        return device if self._census is None else self._census.owners.get(device)

    def is_live(self, device: AuthorId) -> bool:
        """Does a device count now: certified, admitted, not revoked?"""
        if self._census is None:
            return self._home.allowed.admits_peer(device)
        known = self._census.devices.get(device)
        return known is not None and known.standing is Standing.MEMBER

    def root(self, who: bytes) -> bytes:
        """The root key that speaks for a person now, 32 bytes."""
        member = None if self._census is None else self._census.members.get(RootId(who))
        return who if member is None else member.root

    def bundle(self, device: AuthorId) -> Bundle | None:
        """The newest keys that a device has published, if they are well formed."""
        return self._shelf.find(device)

    def last_sealed(self, device: AuthorId) -> int:
        """Last seq of the `sealed` log of a device that is held; 0: none."""
        state = self._home.entries.state(LogId(device, LOG_SEALED))
        return 0 if state is None or state.head is None else state.head.seq

    def entries(self, keys: Sequence[int]) -> list[Entry | None]:
        """Entries by their keys, with bodies where those are here."""
        return self._home.entries.at_keys(keys)

    def is_blocked(self, who: bytes) -> bool:
        """Did the owner block this person, or a section of his and not said otherwise of him?"""
        if (WHO, who) in self._blocked:
            return True
        if who in self._followed or who == self.who:
            return False
        return any((SECTION, section) in self._blocked for section in sections_of(self._census, who))

    def is_known(self, who: bytes) -> bool:
        """Is this person no stranger: followed, or called by a name of the owner's? In a circle everybody is
        known: the owner let each of them in."""
        return self._census is None or who in self._followed or who in self._named
