"""What can be asked of a home, synchronously: the store, its views, the list of peers.

Used by the daemon (in a thread, through `node.api`) and by commands that run without one. Methods are those
of `docs/protocol/control.md` with ``_`` for ``/`` and ``-``; answers are ready for JSON. Changes nothing.
Each part of the api has its own room with a `queries`; logs are in `node.log_queries`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from node.affairs.interest_queries import InterestQueries
from node.affairs.queries import FederationQueries
from node.affairs.shown import Held
from node.budgets.queries import BudgetQueries
from node.contacts.queries import ContactsQueries
from node.deletion.queries import DeletionQueries
from node.drafting.queries import DraftingQueries
from node.errors import Missing
from node.federation.views import Standing
from node.home import Home
from node.log_queries import LogQueries
from node.looking import Json
from node.messaging.queries import MessagingQueries
from node.naming import NameBook, Names
from node.quoting import quoted
from node.sharing.queries import SharingQueries
from node.social.queries import SocialQueries
from node.store_faults import told_plainly
from store.ids import AuthorId, to_text
from store.sqlite.home import Peer

__all__ = ["Json", "Queries", "now_ms", "version"]

MAX_PEERS_SHOWN: Final = 1_000
"""Devices of a federation that a list of peers shows, those met last first."""


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


class Queries(LogQueries):
    """Reading methods over one open home. Thread-safe."""

    def __init__(self, home: Home, clock_ms: Callable[[], int] = now_ms) -> None:
        super().__init__(home, NameBook(home, clock_ms), clock_ms)
        self.social = SocialQueries(self)
        self.drafting = DraftingQueries(self)
        self.sharing = SharingQueries(self)
        self.contacts = ContactsQueries(self)
        self.deletion = DeletionQueries(self)
        self.budgets = BudgetQueries(self)
        self.messaging = MessagingQueries(self)
        self.federation = FederationQueries(home, self.names, clock_ms)
        """What can be asked about members and sections."""
        self.interest = InterestQueries(home, self.names, clock_ms)
        """What is carried."""

    def peer(self, text: str) -> AuthorId:
        """The device on the list of peers that a name or an id stands for. Raises: Missing, Ambiguous."""
        peers = [peer.device for peer in self.home.tables.peers()]
        try:
            return self.names.now().find(text, peers)
        except Missing as error:
            raise Missing(f"{quoted(text)} is not on the list of peers.", "See: aster peer list") from error

    def peers(self, text: str) -> list[AuthorId]:
        """The devices that a name or an id stands for, to sync with. Raises: Missing, Ambiguous.

        In a circle one on the list of peers, in a federation one of a member or all of his.
        """
        census = self.names.census()
        if census is None:
            return [self.peer(text)]
        others = [device for device in census.devices if device != self.home.device]
        return self.names.now().find_all(text, others)

    def reachable(self) -> list[AuthorId]:
        """Whom to try where nobody is connected: the list of peers, in a federation also whom we met."""
        listed = [peer.device for peer in self.home.tables.peers()]
        census = self.names.census()
        met = self.home.tables.known_devices() if census is not None else []
        good = {} if census is None else census.devices
        known = (each for each in met if each in good and good[each].standing is Standing.MEMBER)
        return [device for device in dict.fromkeys((*listed, *known)) if device != self.home.device]

    # --- the home -----------------------------------------------------------------------------------

    @told_plainly()
    def status(self, held: Held | None = None) -> Json:
        """How the home stands; what only a daemon knows is empty. `held`: what it knows, in a federation."""
        home = self.home
        states = [(state.head.seq, state) for state in home.entries.logs().values() if state.head is not None]
        names = self.names.now()
        peers = [
            {**peer, "address": next(iter(peer["addresses"]), ""), "problem": ""}
            for peer in self._peers_shown(names, held, everyone=False)
        ]
        return {
            "device": to_text(home.device),
            "name": names.of(home.device),
            "network": to_text(home.network),
            "network_name": home.charter.name,
            "version": version(),
            "hub": False,
            "uptime_s": None,
            "addresses": [],
            "logs": len(states),
            "entries": sum(last_seq for last_seq, _ in states),
            "unchecked": sum(last_seq - state.checked_seq for last_seq, state in states),
            "signing": not home.why_not,
            "signing_why": home.why_not,
            "peers": peers,
            "known": {"addresses": len(home.tables.known_devices()), "announcements": 0},
            "at_quota": self.budgets.at_bound(names),
            "federation": None if home.membership is None else self.federation.federation_status(held),
        }

    @told_plainly()
    def peer_list(self, held: Held | None = None) -> Json:
        """`peers`: who is let in, in the order in which they were added; of a federation whom we met."""
        return {"peers": self._peers_shown(self.names.now(), held, everyone=True)}

    def _peers_shown(self, names: Names, held: Held | None, *, everyone: bool) -> list[Json]:
        """The list of peers; in a federation also who is connected, with `everyone` also whom we met."""
        listed = {peer.device: peer for peer in self.home.tables.peers()}
        census = self.names.census()
        others: list[AuthorId] = []
        if census is not None:
            others += sorted(held.connected) if held is not None else ()
            others += self.reachable()[:MAX_PEERS_SHOWN] if everyone else ()
        devices = [device for device in dict.fromkeys((*listed, *others)) if device != self.home.device]
        return [self._peer_shown(device, listed.get(device), names) for device in devices]

    def _peer_shown(self, device: AuthorId, peer: Peer | None, names: Names) -> Json:
        learned = self.home.tables.addresses(device)
        given = peer.addresses if peer is not None else ()
        return {
            "device": to_text(device),
            "name": names.of(device),
            "member": names.member(device),
            "device_name": names.device(device),
            "addresses": list(dict.fromkeys((*given, *(known.address for known in learned)))),
            "connected": False,
            "hub": False,
            "configured": peer is not None,
            "added_ms": peer.added_ms if peer is not None else 0,
            "last_seen_ms": max((known.reached_ms for known in learned), default=0),
        }

    def addresses_of(self, device: AuthorId, given: Sequence[str]) -> list[str]:
        """Where a device may be: as given by the person, then as learned, the best first."""
        learned = (known.address for known in self.home.tables.addresses(device))
        return list(dict.fromkeys((*given, *learned)))


def version() -> str:
    """The version of the installed program."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("asterism")
    except PackageNotFoundError:
        return "unknown"
