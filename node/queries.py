"""What can be asked of a home, synchronously: the store, its views, the list of peers.

Used by the daemon (in a thread, through `node.api`) and by commands that run without one. Methods are those
of `docs/protocol/control.md` with ``_`` for ``/`` and ``-``; answers are ready for JSON. Changes nothing.
Documents are in `node.document_queries`, logs in `node.log_queries`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from node.affairs.interest_queries import InterestQueries
from node.affairs.queries import FederationQueries
from node.affairs.shown import Held
from node.apps.documents import service as documents
from node.apps.feed import service as feed
from node.document_queries import DocumentQueries
from node.errors import Ambiguous, BadData, Missing
from node.federation.views import Standing
from node.home import Home
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.log_queries import Json
from node.naming import NameBook, Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.errors import NotFound
from store.ids import LOG_FEED, AuthorId, EntryId, NotAnId, from_text, log_name, prefix_range, short, to_text
from store.sqlite.home import Peer

__all__ = ["Json", "Queries", "now_ms", "version"]

_CANDIDATES: Final = 5

MAX_PEERS_SHOWN: Final = 1_000
"""Devices of a federation that a list of peers shows, those met last first."""


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


class Queries(DocumentQueries):
    """Reading methods over one open home. Thread-safe."""

    def __init__(self, home: Home, clock_ms: Callable[[], int] = now_ms) -> None:
        super().__init__(home, NameBook(home, clock_ms), clock_ms)
        self.federation = FederationQueries(home, self.names, clock_ms)
        """What can be asked about members and sections."""
        self.interest = InterestQueries(home, self.names, clock_ms)
        """What is carried."""

    # --- naming things ------------------------------------------------------------------------------

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

    def linkable(self, text: str) -> EntryId:
        """The entry that a post may answer: one that is shown (docs/protocol/entry.md, "Order in views").

        Raises: as `entry_id`; BadData: it is hidden for now, or is nothing that is shown.
        """
        entry_id = self.entry_id(text)
        at = self._order_of(entry_id)
        if at is None:
            raise BadData(
                f"{short(entry_id)} is neither a message nor a version of a document, or its text has not "
                "come yet.",
                "Answer an entry that aster read or aster doc history shows.",
            )
        if at > self.until():
            raise BadData(
                f"{short(entry_id)} claims to be from the future; it is hidden until then.",
                "Answer another one.",
            )
        return entry_id

    def _order_of(self, entry_id: EntryId) -> int | None:
        """The order in ms of an entry that is a post or a version; None where it is neither."""
        try:
            [post] = feed.at_keys(self.home.entries, [self.home.entries.key_of(entry_id)])
        except NotFound:
            return None
        if post is not None:
            return post.at
        with self.home.entries.views() as views:
            return documents.order_of(views, entry_id)

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

    # --- the feed -----------------------------------------------------------------------------------

    @told_plainly()
    def wanted_posts(
        self,
        author: str | None,
        since_ms: int | None,
        search: str | None,
        limit: int | None,
        replies_to: str | None,
    ) -> feed.Wanted:
        """What a request for posts asks for. Raises: as naming an author, an entry, or words does."""
        return feed.Wanted(
            DEFAULT_SHOWN if limit is None else min(limit, MAX_SHOWN),
            self.until(),
            since_ms or 0,
            None if author is None else self.authors(author),
            None if search is None else self.words(search),
            None if replies_to is None else self._answered(replies_to),
        )

    def _answered(self, text: str) -> EntryId:
        """The entry of which answers are wanted. Named by its whole id, it need not be here itself."""
        try:
            return EntryId(from_text(text.strip()))
        except NotAnId:
            return self.entry_id(text)

    @told_plainly()
    def posts(self, wanted: feed.Wanted) -> list[Json]:
        """The posts that are wanted, oldest first."""
        return self.posts_shown(feed.read(self.home.entries, wanted))

    def read(
        self,
        author: str | None = None,
        since_ms: int | None = None,
        search: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        replies_to: str | None = None,
    ) -> Iterator[Json]:
        """The newest posts, oldest first. `follow` needs a daemon."""
        if follow:
            raise BadData("Following needs a running daemon.", "Start it: aster run")
        yield from self.posts(self.wanted_posts(author, since_ms, search, limit, replies_to))

    def posts_shown(self, posts: Sequence[feed.Shown]) -> list[Json]:
        """Posts as doors hand them out."""
        names = self.names.now()
        return [_post_shown(shown, names) for shown in posts]


def _post_shown(shown: feed.Shown, names: Names) -> Json:
    entry = shown.entry
    return {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "name": names.of(entry.author),
        "member": names.member(entry.author),
        "time_ms": entry.time_ms,
        "text": shown.post.text,
        "log": log_name(LOG_FEED),
        "seq": entry.seq,
        "reply_to": to_text(entry.links[0]) if entry.links else None,
        "language": shown.post.language,
    }


def version() -> str:
    """The version of the installed program."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("asterism")
    except PackageNotFoundError:
        return "unknown"
