"""The one typed surface that all doors use while a daemon runs: questions and commands.

Methods are those of `docs/protocol/control.md` with ``_`` for ``/`` and ``-`` and ``from_`` for ``from``;
answers are ready for JSON. Questions are `node.queries` in a thread; commands go through the author and
the mesh. Every error is a `NodeError`. For the trio thread.
"""

import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import trio

from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Learned, SyncProgress
from node.address_book import AddressBook
from node.affairs.api import FederationApi
from node.affairs.shown import Held
from node.apps.documents import bodies as document_bodies
from node.apps.documents import service as documents
from node.apps.feed import bodies as feed_bodies
from node.apps.feed import service as feed
from node.author import Author
from node.errors import Missing, NodeError, TextTooLarge
from node.following import Following
from node.home import Home
from node.intake import Intake
from node.interest_api import InterestApi
from node.mesh import Mesh
from node.peer_list import PeerList
from node.queries import Json, Queries
from node.signing import Intent
from node.store_faults import told_plainly
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_DOCS, LOG_FEED, AuthorId, EntryId, LogNo, from_text, log_name, to_text

T = TypeVar("T")


class Api:
    """What a running node does for its owner."""

    def __init__(self, home: Home, intake: Intake, author: Author, mesh: Mesh) -> None:
        self._home = home
        self._intake = intake
        self._author = author
        self._mesh = mesh
        self._queries = Queries(home)
        self.federation = FederationApi(home, intake, author, mesh, self._queries.federation)
        """What is asked about members and sections; an open circle has none."""
        self.interest = InterestApi(home, mesh, self._queries, self._ask, self.federation.held)
        """What is asked about what is carried."""
        self._peer_list = PeerList(home, self._queries)
        self._book = AddressBook(home, self._queries.now_ms)
        self._putting = trio.Lock()
        """One version of a document at a time: the next one follows it."""
        self._started = trio.current_time()

    async def run(self) -> None:
        """Keep the address book, and what a steward's node does by itself, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._book.run)
            nursery.start_soon(self.interest.run)
            if self._home.membership is not None:
                nursery.start_soon(self.federation.run)

    def learned(self, news: Learned) -> None:
        """Keep in the address book where an admitted device is. Never waits."""
        self._book.learn(news)

    # --- the home -----------------------------------------------------------------------------------

    async def status(self) -> Json:
        """How the node stands."""
        answer = await self._ask(self._queries.status, self._held())
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
        is_reached = await self._ask(self._is_reached, entries, id)
        with trio.move_on_after(timeout_s):
            while not is_reached:
                await self._intake.changed(seen)
                seen = self._intake.commits
                is_reached = await self._ask(self._is_reached, entries, id)
        return {"ok": is_reached}

    def _is_reached(self, entries: int | None, entry: str | None) -> bool:
        if entries is not None and self._home.entries.count() < entries:
            return False
        return entry is None or self._queries.holds(entry)

    # --- the feed -----------------------------------------------------------------------------------

    async def post(self, text: str, reply_to: str | None = None, language: str | None = None) -> Json:
        """Publish a post; returns once it is durable."""
        body = feed_bodies.compose(text, language or "", os.urandom(SALT_BYTES))
        links: tuple[EntryId, ...] = ()
        if reply_to is not None:
            links = (await self._ask(self._queries.linkable, reply_to),)
        [entry] = await self._write(LOG_FEED, [Intent(body, links)])
        return {**_written(entry), "time_ms": entry.time_ms}

    async def post_lines(self, lines: Sequence[str], language: str | None = None) -> Json:
        """Publish one post for each text, all of them or none; returns once they are durable."""
        intents = await self._ask(_compose_lines, lines, language or "")
        written = await self._write(LOG_FEED, intents) if intents else []
        ids = await self._ask(lambda: [to_text(entry.id) for entry in written])
        return {
            "count": len(written),
            "first_seq": written[0].seq if written else None,
            "last_seq": written[-1].seq if written else None,
            "ids": ids,
        }

    async def read(
        self,
        author: str | None = None,
        since_ms: int | None = None,
        search: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        replies_to: str | None = None,
    ) -> AsyncGenerator[Json, None]:
        """The newest posts, oldest first; with `follow` each new one as it comes."""
        wanted = await self._ask(self._queries.wanted_posts, author, since_ms, search, limit, replies_to)
        if follow:
            async with aclosing(self._follow(wanted)) as posts:
                async for shown in posts:
                    yield shown
            return
        for shown in await self._ask(self._queries.posts, wanted):
            yield shown

    async def _follow(self, wanted: feed.Wanted) -> AsyncGenerator[Json, None]:
        following = Following(self._queries, wanted)
        for shown in await self._ask(following.begin):
            yield shown
        while True:
            seen = self._intake.commits
            step = await self._ask(following.step)
            for shown in step.posts:
                yield shown
            if step.is_last:
                with trio.move_on_after(following.patience_s()):
                    await self._news_for(following, seen)

    async def _news_for(self, following: Following, seen: int) -> None:
        """Wait for a commit after number `seen` that brings a follower something."""
        while True:
            await self._intake.changed(seen)
            seen = self._intake.commits
            if following.has_news():
                return

    # --- documents ----------------------------------------------------------------------------------

    async def doc_put(
        self,
        name: str,
        text: str,
        title: str | None = None,
        media_type: str | None = None,
        follows: Sequence[str] | None = None,
        force_root: bool = False,
    ) -> Json:
        """Publish a version of a document; returns once it is durable."""
        kept = document_bodies.canonical_name(name)
        async with self._putting:
            before = [] if force_root else await self._ask(self._queries.version_follows, kept, follows)
            if len(before) > document_bodies.MAX_FOLLOWS:
                raise TextTooLarge(
                    f"A version follows at most {document_bodies.MAX_FOLLOWS} others.",
                    "Merge fewer at a time.",
                )
            version = await self._ask(self._complete, kept, text, title, media_type, before)
            body = document_bodies.compose(version, os.urandom(SALT_BYTES))
            links = tuple(row.id for row in before)
            [entry] = await self._write(LOG_DOCS, [Intent(body, links)])
        rows = await self._ask(self._queries.versions_of, kept)
        is_hidden = entry.id not in {row.id for row in rows}  # our own clock was ahead once
        return {
            **_written(entry),
            "name": kept,
            "version": len(rows) + is_hidden,
            "follows": [to_text(link) for link in links],
            "concurrent": [to_text(row.id) for row in documents.heads(rows) if row.id != entry.id],
        }

    def _complete(
        self, name: str, text: str, title: str | None, media_type: str | None, before: Sequence[documents.Row]
    ) -> document_bodies.Version:
        """Title and media type go on from the version before, unless they are given."""
        if before and title is None:
            title = before[0].title
        if before and media_type is None:
            media_type = documents.content_of(self._home.entries, before[0]).media_type
        return document_bodies.Version(
            name, title or "", media_type or document_bodies.DEFAULT_MEDIA_TYPE, text
        )

    async def doc_list(self, search: str | None = None, limit: int | None = None) -> Json:
        """`documents`: those changed last first."""
        return await self._ask(self._queries.doc_list, search, limit)

    async def doc_show(self, name: str, version: str | None = None) -> Json:
        """A version with its text."""
        return await self._ask(self._queries.doc_show, name, version)

    async def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        return await self._ask(self._queries.doc_history, name)

    async def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions."""
        return await self._ask(self._queries.doc_diff, name, from_, to)

    # --- logs ---------------------------------------------------------------------------------------

    async def log_list(self, author: str | None = None) -> Json:
        """`logs`: every log held."""
        return await self._ask(self._queries.log_list, author)

    async def log_show(
        self,
        author: str,
        log: str,
        first: int | None = None,
        last: int | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Json, None]:
        """The entries of a log."""
        shown = await self._ask(lambda: list(self._queries.log_show(author, log, first, last, limit)))
        for entry in shown:
            yield entry

    async def log_verify(self, author: str | None = None, log: str | None = None) -> Json:
        """Check every link and signature."""
        return await self._ask(self._queries.log_verify, author, log, self._verify_aside)

    async def check(self) -> AsyncGenerator[Json, None]:
        """Hash and verify everything; what is damaged is asked for again from peers."""
        steps = self._queries.check(self._verify_aside, self._repair)
        while (event := await self._ask(_next, steps)) is not None:
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
        added = await self._ask(self._peer_list.add, device, address, addresses, name)
        self._home.reload_peers()
        self._mesh.peer_added(added.device, added.addresses)
        return added.shown

    async def peer_remove(self, device: str) -> Json:
        """Let a device in no longer."""
        shown = await self._ask(self._peer_list.remove, device)
        self._home.reload_peers()
        return shown

    async def peer_list(self) -> Json:
        """`peers`: who is let in."""
        answer = await self._ask(self._queries.peer_list, self._held())
        return {"peers": self._with_links(answer["peers"])}

    async def sync(self, peer: str | None = None) -> AsyncGenerator[Json, None]:
        """Sync with a peer, or with all that are connected: progress, and a result for each.

        Where none is connected, those on the list are tried.
        """
        names = await self._ask(self._queries.names.now)
        peers = await self._ask(self._queries.peers, peer) if peer is not None else []
        connected = [device for device in self._mesh.connected() if peer is None or device in peers]
        peers = connected or peers or await self._ask(self._queries.reachable)
        if not peers:
            raise Missing("There is nobody to sync with: the list of peers is empty.", "See: aster peer add")
        async with aclosing(self._mesh.sync(peers)) as session:
            async for news in session:
                if isinstance(news, SyncProgress):
                    yield _progress(news)
                else:
                    yield {**_result(news), "name": names.of(news.ended.peer)}

    # --- inside -------------------------------------------------------------------------------------

    async def _write(self, log: LogNo, intents: Sequence[Intent]) -> list[Entry]:
        with told_plainly():
            return await self._author.write(log, intents)

    async def _ask(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in a thread. Raises: NodeError, also in place of what the store raises."""
        self._queries.names.refresh()
        with told_plainly():
            return await self._intake.read(look, *args)


def _next(steps: Iterator[Json]) -> Json | None:
    return next(steps, None)


def _compose_lines(lines: Sequence[str], language: str) -> list[Intent]:
    """Posts to be written. Raises: BadData, TextTooLarge: with the number of the line."""
    intents = []
    for number, text in enumerate(lines, start=1):
        try:
            intents.append(Intent(feed_bodies.compose(text, language, os.urandom(SALT_BYTES))))
        except NodeError as error:
            raise type(error)(
                f"Line {number}: {error.message} Nothing was published.", error.advice
            ) from error
    return intents


def _written(entry: Entry) -> dict[str, Any]:
    return {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "log": log_name(entry.log),
        "seq": entry.seq,
    }


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
