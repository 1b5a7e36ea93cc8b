"""The one typed surface that all doors use while a daemon runs: questions and commands.

Methods are those of `docs/protocol/control.md` with ``_`` for ``/`` and ``-`` and ``from_`` for ``from``;
answers are ready for JSON. Questions are `node.queries` in a thread; commands go through the author and
the mesh. Every error is a `NodeError`. For the trio thread.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import TypeVar

import trio

from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Learned, SyncProgress
from node.address_book import AddressBook
from node.affairs.api import FederationApi
from node.affairs.shown import Held
from node.author import Author
from node.budgets.api import BudgetApi
from node.contacts.api import ContactsApi
from node.deletion.api import DeletionApi
from node.desk import Room
from node.drafting.api import DraftingApi
from node.errors import Missing
from node.home import Home
from node.intake import Intake
from node.interest_api import InterestApi
from node.mesh import Mesh
from node.messaging.api import MessagingApi
from node.messaging.archive_api import ArchiveApi
from node.peer_list import PeerList
from node.queries import Json, Queries
from node.sharing.api import SharingApi
from node.sharing.candidates import Candidates
from node.sharing.fetching import Fetching
from node.social.api import SocialApi
from store.entry import Entry
from store.ids import AuthorId, EntryId, from_text, to_text

T = TypeVar("T")


class Api:
    """What a running node does for its owner."""

    def __init__(self, home: Home, intake: Intake, author: Author, mesh: Mesh) -> None:
        self._home = home
        self._intake = intake
        self._author = author
        self._mesh = mesh
        self._queries = Queries(home)
        self._room = room = Room(home, intake, author, mesh, self._queries.names, self._queries.now_ms)
        self.federation = FederationApi(home, intake, author, mesh, self._queries.federation)
        """What is asked about members and sections; an open circle has none."""
        self.interest = InterestApi(home, mesh, self._queries, self._room.ask, self.federation.held)
        """What is asked about what is carried."""
        self.sharing = SharingApi(room, self._queries.sharing)
        if mesh.blobs is not None:
            candidates = Candidates(home, self.sharing.space, hub=mesh.hub)
            self.sharing.fetching = Fetching(room, candidates, mesh.blobs)
        self.social = SocialApi(room, self._queries.social, self.sharing)
        self.drafting = DraftingApi(room, self._queries.drafting, self.sharing)
        self.contacts = ContactsApi(room, self._queries.contacts, self.sharing)
        self.deletion = DeletionApi(room, self._queries.deletion)
        self.messaging = MessagingApi(room, self._queries.messaging, self.sharing)
        self.archive = ArchiveApi(room, self.sharing, self.messaging.courier)
        self.budgets = BudgetApi(room, self._queries.budgets)
        self._peer_list = PeerList(home, self._queries)
        self._book = AddressBook(home, self._queries.now_ms)
        self._started = trio.current_time()

    async def run(self) -> None:
        """Keep the address book, and what a steward's node does by itself, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._book.run)
            nursery.start_soon(self.interest.run)
            nursery.start_soon(self.sharing.run)
            if self.sharing.fetching is not None:
                nursery.start_soon(self.sharing.fetching.run)
            nursery.start_soon(self.contacts.run)
            nursery.start_soon(self.deletion.run)
            nursery.start_soon(self.budgets.run)
            nursery.start_soon(self.messaging.run)
            nursery.start_soon(self.archive.run)
            if self._home.membership is not None:
                nursery.start_soon(self.federation.run)

    def learned(self, news: Learned) -> None:
        """Keep in the address book where an admitted device is, and which hubs are met. Never waits."""
        self._book.learn(news)
        self.interest.learned(news)

    # --- the home -----------------------------------------------------------------------------------

    async def status(self) -> Json:
        """How the node stands."""
        answer = await self._room.ask(self._queries.status, self._held())
        known = {**answer["known"], "announcements": self._mesh.announcements}
        return {
            **answer,
            "hub": self._mesh.hub,
            "uptime_s": round(trio.current_time() - self._started, 1),
            "addresses": list(self._mesh.addresses),
            "signing": not self._author.why_not,
            "signing_why": self._author.why_not,
            "peers": self._with_links(answer["peers"]),
            "known": known,
        }

    def _held(self) -> Held | None:
        """What is known of the devices of a federation beside its roster."""
        return None if self._home.membership is None else self.federation.held()

    def _with_links(self, peers: Sequence[Json]) -> list[Json]:
        """Peers as the store knows them, with what the mesh knows of them."""
        connected = frozenset(self._mesh.connected())
        return [self._with_link(peer, connected) for peer in peers]

    def _with_link(self, peer: Json, connected: frozenset[AuthorId]) -> Json:
        device = AuthorId(from_text(peer["device"]))
        state = self._mesh.state_of(device)
        is_up = device in connected
        return {
            **peer,
            "address": state.address or next(iter(peer["addresses"]), ""),
            "connected": is_up,
            "hub": state.hub,
            "last_seen_ms": max(state.seen_ms, peer["last_seen_ms"]),
            "problem": "" if is_up else self._mesh.problem_of(device),
        }

    async def wait(self, timeout_s: float, entries: int | None = None, id: str | None = None) -> Json:
        """Wait until the store has so many entries, or that entry. `ok`: it was so in time."""
        seen = self._intake.commits
        is_reached = await self._room.ask(self._is_reached, entries, id)
        with trio.move_on_after(timeout_s):
            while not is_reached:
                await self._intake.changed(seen)
                seen = self._intake.commits
                is_reached = await self._room.ask(self._is_reached, entries, id)
        return {"ok": is_reached}

    def _is_reached(self, entries: int | None, entry: str | None) -> bool:
        if entries is not None and self._home.entries.count() < entries:
            return False
        return entry is None or self._queries.holds(entry)

    # --- logs ---------------------------------------------------------------------------------------

    async def log_list(self, author: str | None = None) -> Json:
        """`logs`: every log held."""
        return await self._room.ask(self._queries.log_list, author)

    async def log_show(
        self,
        author: str,
        log: str,
        first: int | None = None,
        last: int | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Json, None]:
        """The entries of a log."""
        shown = await self._room.ask(lambda: list(self._queries.log_show(author, log, first, last, limit)))
        for entry in shown:
            yield entry

    async def log_verify(self, author: str | None = None, log: str | None = None) -> Json:
        """Check every link and signature."""
        return await self._room.ask(self._queries.log_verify, author, log, self._verify_aside)

    async def check(self) -> AsyncGenerator[Json, None]:
        """Hash and verify everything; what is damaged is asked for again from peers."""
        steps = self._queries.check(self._verify_aside, self._repair)
        while (event := await self._room.ask(_next, steps)) is not None:
            yield event

    def _verify_aside(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those wrongly signed. Called in a thread, where verifying would be slow beside a busy loop."""
        return trio.from_thread.run(self._intake.wrongly_signed, entries)

    def _repair(self, bodies: Sequence[EntryId]) -> int:
        """Drop damaged bodies and ask peers for them; how many. Called in a thread."""
        dropped = trio.from_thread.run(self._intake.drop_damaged, bodies)
        trio.from_thread.run_sync(self._mesh.ask_for_bodies, dropped)
        return len(dropped)

    # --- peers --------------------------------------------------------------------------------------

    async def peer_add(
        self,
        device: str | None = None,
        address: str | None = None,
        addresses: Sequence[str] | None = None,
        name: str | None = None,
    ) -> Json:
        """Let a device in, and connect to it."""
        added = await self._room.ask(self._peer_list.add, device, address, addresses, name)
        self._home.reload_peers()
        self._mesh.peer_added(added.device, added.addresses)
        return added.shown

    async def peer_remove(self, device: str) -> Json:
        """Let a device in no longer."""
        shown = await self._room.ask(self._peer_list.remove, device)
        self._home.reload_peers()
        return shown

    async def peer_list(self) -> Json:
        """`peers`: who is let in."""
        answer = await self._room.ask(self._queries.peer_list, self._held())
        return {"peers": self._with_links(answer["peers"])}

    async def sync(self, peer: str | None = None) -> AsyncGenerator[Json, None]:
        """Sync with a peer, or with all that are connected: progress, and a result for each.

        Where none is connected, those on the list are tried.
        """
        names = await self._room.ask(self._queries.names.now)
        peers = await self._room.ask(self._queries.peers, peer) if peer is not None else []
        connected = [device for device in self._mesh.connected() if peer is None or device in peers]
        peers = connected or peers or await self._room.ask(self._queries.reachable)
        if not peers:
            raise Missing("There is nobody to sync with: the list of peers is empty.", "See: aster peer add")
        async with aclosing(self._mesh.sync(peers)) as session:
            async for news in session:
                if isinstance(news, SyncProgress):
                    yield _progress(news)
                else:
                    yield {**_result(news), "name": names.of(news.ended.peer)}


def _next(steps: Iterator[Json]) -> Json | None:
    return next(steps, None)


def _progress(news: SyncProgress) -> Json:
    return {
        "event": "progress",
        "peer": to_text(news.peer),
        "entries_received": news.entries,
        "entries_total": news.entries_total,
        "bytes_received": news.bytes,
        "bytes_total": news.bytes_total,
    }


def _result(report: SyncReport) -> Json:
    ended = report.ended
    result: Json = {
        "event": "result",
        "peer": to_text(ended.peer),
        "ok": ended.ok,
        "rounds": ended.rounds,
        "bytes_sent": report.bytes_sent,
        "bytes_received": report.bytes_received,
        "entries_sent": ended.entries_sent,
        "entries_received": ended.entries_received,
        "duration_ms": round(report.duration_s * 1_000),
    }
    return result if ended.ok else {**result, "why": ended.why}
