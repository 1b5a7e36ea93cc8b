"""What can be asked of a home, synchronously: the store, its views, the list of peers.

Used by the daemon (in a thread, through `node.api`) and by commands that run without one. Methods are those
of `docs/protocol/control.md` with ``_`` for ``/`` and ``-``; answers are ready for JSON. Changes nothing.
"""

import difflib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from node.apps.documents import service as documents
from node.apps.documents.bodies import canonical_name
from node.apps.feed import service as feed
from node.errors import Ambiguous, BadData, Missing, TextTooLarge
from node.home import Home
from node.limits import DEFAULT_SHOWN, HIDE_AHEAD_MS, MAX_SHOWN
from node.log_queries import LogQueries
from node.naming import NameBook, Names
from store.errors import TooLarge
from store.ids import LOG_FEED, AuthorId, EntryId, NotAnId, log_name, prefix_range, short, to_text

Json = dict[str, Any]
"""A JSON object, as doors hand it on."""

_CANDIDATES: Final = 5


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


class Queries(LogQueries):
    """Reading methods over one open home. Thread-safe."""

    def __init__(self, home: Home, clock_ms: Callable[[], int] = now_ms) -> None:
        super().__init__(home, NameBook(home))
        self._clock_ms = clock_ms

    def until(self) -> int:
        """Entries of a later order (ms) are hidden: they claim to be from the future."""
        return self._clock_ms() + HIDE_AHEAD_MS

    # --- naming things ------------------------------------------------------------------------------

    def entry_id(self, text: str) -> EntryId:
        """The one entry whose id is or begins with `text`.

        Raises:
            BadData: no id. Missing: not held here. Ambiguous: several.
        """
        try:
            low, high = prefix_range(text.strip())
        except NotAnId as error:
            raise BadData(f"{text!r} is no id: {error}.", "Copy it from: aster read --json") from error
        found = self.home.entries.find(low, high, _CANDIDATES)
        if not found:
            raise Missing(f"No entry {text!r} is held here.", "It may not have arrived yet: aster sync")
        if len(found) > 1:
            raise Ambiguous(
                f"Several entries begin with {text!r}: {', '.join(map(short, found))}.",
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
        """The entry that a post may answer. Raises: as `entry_id`; BadData: it is hidden for now."""
        entry_id = self.entry_id(text)
        entry = self.home.entries.entry(entry_id)
        shown = feed.show(self.home.entries, [self.home.entries.key_of(entry_id)])
        if max([entry.time_ms, *(each.at for each in shown)]) > self.until():
            raise BadData(
                "That entry claims to be from the future; it is hidden until then.", "Answer another one."
            )
        return entry_id

    def peer(self, text: str) -> AuthorId:
        """The device on the list of peers that a name or an id stands for. Raises: Missing, Ambiguous."""
        device = self.names.now().find(text, (peer.device for peer in self.home.tables.peers()))
        if self.home.tables.peer(device) is None:
            raise Missing(f"{text!r} is not on the list of peers.", "See: aster peer list")
        return device

    def now_ms(self) -> int:
        """Unix time in ms."""
        return self._clock_ms()

    # --- the home -----------------------------------------------------------------------------------

    def status(self) -> Json:
        """How the home stands; what only a daemon knows is empty."""
        home, states = self.home, self.home.entries.logs()
        held = {log_id: state for log_id, state in states.items() if state.head is not None}
        return {
            "device": to_text(home.device),
            "name": self.names.now().of(home.device),
            "network": to_text(home.network),
            "network_name": home.charter.name,
            "version": version(),
            "hub": False,
            "uptime_s": None,
            "addresses": [],
            "logs": len(held),
            "entries": sum(state.head.seq for state in held.values() if state.head is not None),
            "unchecked": sum(s.head.seq - s.checked_seq for s in held.values() if s.head is not None),
            "signing": not home.why_not,
            "signing_why": home.why_not,
            "peers": [
                {**peer, "address": (peer["addresses"] or [""])[0], "problem": ""} for peer in self.peers()
            ],
            "known": {"addresses": len(home.tables.known_devices()), "announcements": 0},
        }

    def peers(self) -> list[Json]:
        """The devices that are let in, in the order in which they were added."""
        names = self.names.now()
        return [
            {
                "device": to_text(peer.device),
                "name": names.of(peer.device),
                "addresses": self.addresses_of(peer.device, peer.addresses),
                "connected": False,
                "hub": False,
                "configured": True,
                "added_ms": peer.added_ms,
                "last_seen_ms": max(
                    (known.reached_ms for known in self.home.tables.addresses(peer.device)), default=0
                ),
            }
            for peer in self.home.tables.peers()
        ]

    def addresses_of(self, device: AuthorId, given: Sequence[str]) -> list[str]:
        """Where a device may be: as given by the person, then as learned, the best first."""
        learned = (known.address for known in self.home.tables.addresses(device))
        return list(dict.fromkeys((*given, *learned)))

    def peer_list(self) -> Json:
        """`peers`: who is let in."""
        return {"peers": self.peers()}

    # --- the feed -----------------------------------------------------------------------------------

    def wanted_posts(
        self,
        author: str | None,
        since_ms: int | None,
        search: str | None,
        limit: int | None,
        replies_to: str | None,
    ) -> feed.Wanted:
        """What a request for posts asks for. Raises: as naming an author or an entry does."""
        return feed.Wanted(
            MAX_SHOWN
            if limit is not None and limit > MAX_SHOWN
            else DEFAULT_SHOWN
            if limit is None
            else limit,
            self.until(),
            since_ms or 0,
            None if author is None else self.author(author),
            search,
            None if replies_to is None else self.entry_id(replies_to),
        )

    def posts(self, wanted: feed.Wanted) -> list[Json]:
        """The posts that are wanted, oldest first. Raises: TextTooLarge: too many words."""
        try:
            found = feed.read(self.home.entries, self.home.search, wanted)
        except TooLarge as error:
            raise TextTooLarge(f"The search is too long: {error}.", "Use fewer words.") from error
        return self.posts_shown(found)

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

    # --- documents ----------------------------------------------------------------------------------

    def doc_list(self, search: str | None = None, limit: int | None = None) -> Json:
        """`documents`: those changed last first."""
        limit = documents.MAX_LISTED if limit is None else limit
        found = None if search is None else self._documents_with(search, limit)
        with self.home.entries.views() as views:
            listed = documents.listed(views, self.until(), limit, found)
        names = self.names.now()
        return {"documents": [self._listed(each, names) for each in listed]}

    def _documents_with(self, words: str, limit: int) -> list[str]:
        """Names of documents of which some version has all these words."""
        try:
            hits = self.home.search().search(words, 4 * documents.MAX_LISTED)
        except TooLarge as error:
            raise TextTooLarge(f"The search is too long: {error}.", "Use fewer words.") from error
        with self.home.entries.views() as views:
            sql = "SELECT name FROM documents_versions WHERE k = ?"
            names = [row[0] for hit in hits for row in views.execute(sql, (hit.key,))]
        return list(dict.fromkeys(names))[:limit]

    def _listed(self, listed: documents.Listed, names: Names) -> Json:
        newest = listed.heads[0]
        return {
            "name": listed.name,
            "title": newest.title,
            "versions": listed.versions,
            "heads": [to_text(row.id) for row in listed.heads],
            "author": to_text(newest.author),
            "author_name": names.of(newest.author),
            "time_ms": newest.time_ms,
            "concurrent": len(listed.heads) > 1,
        }

    def versions(self, name: str) -> tuple[str, list[documents.Row]]:
        """The canonical name and the versions of a document, newest first. Raises: Missing, BadData."""
        kept = canonical_name(name)
        with self.home.entries.views() as views:
            rows = documents.versions(views, kept, self.until())
        if not rows:
            raise Missing(f"There is no document {kept!r} here.", "See: aster doc list")
        return kept, rows

    def version_follows(self, name: str, chosen: Sequence[str] | None) -> list[documents.Row]:
        """What a new version of a document (canonical name) follows. Raises: Conflict, Missing, Ambiguous."""
        with self.home.entries.views() as views:
            rows = documents.versions(views, name, self.until())
        return documents.what_follows(rows, chosen, name)

    def doc_show(self, name: str, version: str | None = None) -> Json:
        """A version with its text; the newest current one unless another is named."""
        kept, rows = self.versions(name)
        current = documents.heads(rows)
        row = current[0] if version is None else documents.pick(rows, version, kept)
        content = documents.text_of(self.home.entries, row)
        with self.home.entries.views() as views:
            follows = documents.follows(views, row, kept)
        return {
            "name": kept,
            "title": row.title,
            "media_type": content.media_type,
            "id": to_text(row.id),
            "author": to_text(row.author),
            "author_name": self.names.now().of(row.author),
            "time_ms": row.time_ms,
            "text": content.text,
            "follows": [to_text(each) for each in follows],
            "concurrent": [to_text(each.id) for each in current if row.head and each.id != row.id],
        }

    def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        kept, rows = self.versions(name)
        names = self.names.now()
        with self.home.entries.views() as views:
            follows = [documents.follows(views, row, kept) for row in rows]
        return {
            "name": kept,
            "versions": [
                {
                    "id": to_text(row.id),
                    "author": to_text(row.author),
                    "author_name": names.of(row.author),
                    "time_ms": row.time_ms,
                    "title": row.title,
                    "size": row.size,
                    "follows": [to_text(each) for each in before],
                    "head": row.head,
                }
                for row, before in zip(rows, follows, strict=True)
            ],
        }

    def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions, as a unified diff."""
        kept, rows = self.versions(name)
        older, newer = self._ends(kept, rows, from_, to)
        old_text = "" if older is None else documents.text_of(self.home.entries, older).text
        new_text = documents.text_of(self.home.entries, newer).text
        lines = difflib.unified_diff(
            old_text.splitlines(),
            new_text.splitlines(),
            f"{kept} {short(older.id)}" if older is not None else "/dev/null",
            f"{kept} {short(newer.id)}",
            lineterm="",
        )
        return {
            "name": kept,
            "from": None if older is None else to_text(older.id),
            "to": to_text(newer.id),
            "diff": "".join(f"{line}\n" for line in lines),
        }

    def _ends(
        self, name: str, rows: Sequence[documents.Row], from_: str | None, to: str | None
    ) -> tuple[documents.Row | None, documents.Row]:
        """The two versions to compare; see `aster doc diff --help`."""
        current = documents.heads(rows)
        newer = current[0] if to is None else documents.pick(rows, to, name)
        if from_ is not None:
            return documents.pick(rows, from_, name), newer
        if to is None and len(current) > 1:
            return current[1], newer
        with self.home.entries.views() as views:
            before = documents.follows(views, newer, name)
        older = [row for row in rows if row.id in before]
        return (older[0] if older else None), newer


def _post_shown(shown: feed.Shown, names: Names) -> Json:
    entry = shown.entry
    return {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "name": names.of(entry.author),
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
