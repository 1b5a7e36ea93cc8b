"""The one typed surface that all doors use while a daemon runs: questions and commands.

Methods are those of `docs/protocol/control.md` with ``_`` for ``/`` and ``-`` and ``from_`` for ``from``;
answers are ready for JSON. Questions are `node.queries` in a thread; commands go through the author and
the mesh. For the trio thread.
"""

import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import trio

from gossip.errors import BadAddress
from gossip.net.address import parse_address
from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Learned, SyncProgress
from node.apps.documents import bodies as document_bodies
from node.apps.documents import service as documents
from node.apps.feed import bodies as feed_bodies
from node.apps.feed import service as feed
from node.author import Author
from node.bus import Bus, Follower
from node.errors import DiskFull, TextTooLarge
from node.home import Home
from node.intake import Intake
from node.limits import FOLLOW_BATCH, MAX_AWAITED_BODIES
from node.mesh import Mesh
from node.peer_list import PeerList
from node.queries import Json, Queries
from node.signing import Intent
from store.entry import SALT_BYTES, Entry
from store.errors import StorageFull
from store.ids import LOG_DOCS, LOG_FEED, AuthorId, EntryId, from_text, log_name, to_text

T = TypeVar("T")

_BODY_WAIT_S: Final = 0.5
"""How often a follower looks whether bodies have come that were missing when their entries came."""


class Api:
    """What a running node does for its owner."""

    def __init__(self, home: Home, intake: Intake, author: Author, bus: Bus, mesh: Mesh) -> None:
        self._home = home
        self._intake = intake
        self._author = author
        self._bus = bus
        self._mesh = mesh
        self._queries = Queries(home)
        self._peer_list = PeerList(home, self._queries)
        self._started = trio.current_time()

    # --- the home -----------------------------------------------------------------------------------

    async def status(self) -> Json:
        """How the node stands."""
        answer = await self._ask(self._queries.status)
        peers = [self._peer_shown(peer) for peer in answer["peers"]]
        known = {**answer["known"], "announcements": self._mesh.announcements}
        return {
            **answer,
            "hub": self._mesh.hub,
            "uptime_s": round(trio.current_time() - self._started, 1),
            "addresses": list(self._mesh.addresses),
            "signing": not self._author.why_not,
            "signing_why": self._author.why_not,
            "peers": peers,
            "known": known,
        }

    def _peer_shown(self, peer: Json) -> Json:
        device = AuthorId(from_text(peer["device"]))
        state = self._mesh.state_of(device)
        is_up = device in self._mesh.connected()
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
        with trio.move_on_after(timeout_s) as waiting:
            seen = self._intake.commits
            while not await self._ask(self._is_reached, entries, id):
                await self._intake.changed(seen)
                seen = self._intake.commits
        return {"ok": not waiting.cancelled_caught}

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
        [entry] = await self._author.write(LOG_FEED, [Intent(body, links)])
        return {**_written(entry), "time_ms": entry.time_ms}

    async def post_lines(self, lines: Sequence[str], language: str | None = None) -> Json:
        """Publish one post for each text, all of them or none; returns once they are durable."""
        intents = [
            Intent(feed_bodies.compose(text, language or "", os.urandom(SALT_BYTES))) for text in lines
        ]
        written = await self._author.write(LOG_FEED, intents) if intents else []
        return {
            "count": len(written),
            "first_seq": written[0].seq if written else None,
            "last_seq": written[-1].seq if written else None,
            "ids": [to_text(entry.id) for entry in written],
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
        if not follow:
            for shown in await self._ask(self._queries.posts, wanted):
                yield shown
            return
        with self._bus.follow() as follower:
            last_key = await self._ask(self._home.entries.last_key)
            for shown in await self._ask(self._queries.posts, wanted):
                yield shown
            async for fresh in self._followed(follower, last_key, wanted):
                yield fresh

    async def _followed(
        self, follower: Follower, last_key: int, wanted: feed.Wanted
    ) -> AsyncGenerator[Json, None]:
        """Posts that come after an entry's key. It reads the store, so a follower that lags loses nothing."""
        awaited: list[int] = []
        while True:
            keys, awaited, last_key = await self._ask(self._arrived, last_key, awaited)
            wanted = wanted._replace(until=self._queries.until())
            for shown in await self._ask(self._fresh, keys, wanted):
                yield shown
            if len(keys) + len(awaited) < FOLLOW_BATCH:
                with trio.move_on_after(_BODY_WAIT_S if awaited else float("inf")):
                    await follower.change()

    def _arrived(self, last_key: int, awaited: Sequence[int]) -> tuple[list[int], list[int], int]:
        """Keys of entries that came with their body, of those that wait for it, and the last of all."""
        came = self._home.entries.after_key(last_key, FOLLOW_BATCH)
        pairs = list(zip(awaited, self._home.entries.at_keys(awaited), strict=True))
        pairs += [(key, entry) for run in came.runs for key, entry in enumerate(run.entries, run.first_key)]
        keys = [key for key, entry in pairs if entry is not None and entry.body is not None]
        missing = [key for key, entry in pairs if entry is not None and entry.body is None]
        return keys, missing[-MAX_AWAITED_BODIES:], came.last_key

    def _fresh(self, keys: Sequence[int], wanted: feed.Wanted) -> list[Json]:
        shown = feed.fresh(self._home.entries, keys, wanted)
        if wanted.search is not None and shown:
            hits = {hit.key for hit in self._home.search().search(wanted.search, FOLLOW_BATCH)}
            shown = [each for each in shown if each.key in hits]
        return self._queries.posts_shown(shown)

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
        before = [] if force_root else await self._ask(self._queries.version_follows, kept, follows)
        version = await self._ask(self._complete, kept, text, title, media_type, before)
        body = document_bodies.compose(version, os.urandom(SALT_BYTES))
        if len(before) > document_bodies.MAX_FOLLOWS:
            raise TextTooLarge(
                f"A version follows at most {document_bodies.MAX_FOLLOWS} others.", "Merge fewer at a time."
            )
        links = tuple(row.id for row in before)
        [entry] = await self._author.write(LOG_DOCS, [Intent(body, links)])
        _, rows = await self._ask(self._queries.versions, kept)
        return {
            **_written(entry),
            "name": kept,
            "version": len(rows),
            "follows": [to_text(link) for link in links],
            "concurrent": [to_text(row.id) for row in documents.heads(rows) if row.id != entry.id],
        }

    def _complete(
        self, name: str, text: str, title: str | None, media_type: str | None, before: Sequence[documents.Row]
    ) -> document_bodies.Version:
        """Title and media type go on from the version before, unless they are given."""
        if before and (title is None or media_type is None):
            last = documents.text_of(self._home.entries, before[0])
            title = last.title if title is None else title
            media_type = last.media_type if media_type is None else media_type
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
        return await self._ask(self._queries.log_verify, author, log)

    async def check(self) -> AsyncGenerator[Json, None]:
        """Hash and verify everything; what is damaged is asked for again from peers."""
        steps = self._queries.check()
        while (event := await self._ask(_next, steps)) is not None:
            yield event

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
        answer = await self._ask(self._queries.peer_list)
        return {"peers": [self._peer_shown(peer) for peer in answer["peers"]]}

    async def sync(self, peer: str | None = None) -> AsyncGenerator[Json, None]:
        """Sync with a peer, or with all that are connected: progress, and a result for each."""
        names = await self._ask(self._queries.names.now)
        peers = self._mesh.connected() if peer is None else [await self._ask(self._queries.peer, peer)]
        async for news in self._mesh.sync(peers):
            if isinstance(news, SyncProgress):
                yield _progress(news)
            else:
                yield {**_result(news), "name": names.of(news.ended.peer)}

    def learned(self, news: Learned) -> None:
        """Keep in the address book where an admitted device is."""
        if not self._home.allowed.admits_peer(news.peer):
            return
        addresses = [text for text in news.addresses if _is_address(text)]
        try:
            self._home.tables.learn_addresses(news.peer, addresses, self._queries.now_ms(), reached=news.met)
        except StorageFull:
            return

    async def _ask(self, look: Callable[..., T], *args: object) -> T:
        """Look something up in a thread. Raises: DiskFull: the index or the list could not be written."""
        try:
            return await self._intake.read(look, *args)
        except StorageFull as error:
            raise DiskFull from error


def _next(steps: Iterator[Json]) -> Json | None:
    return next(steps, None)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except BadAddress:
        return False
    return True


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
