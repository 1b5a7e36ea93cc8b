"""What can be asked about documents: lists, versions, what changed. Synchronous."""

import threading
from collections.abc import Callable, Sequence

from node.apps.documents import differences
from node.apps.documents import service as documents
from node.apps.documents.bodies import canonical_name
from node.errors import Missing
from node.home import Home
from node.limits import HIDE_AHEAD_MS
from node.log_queries import Json, LogQueries
from node.naming import NameBook, Names
from node.quoting import quoted
from node.store_faults import told_plainly
from node.words import Words
from store.ids import AuthorId, short, to_text


class DocumentQueries(LogQueries):
    """Reading methods about documents over one open home. Thread-safe."""

    def __init__(self, home: Home, names: NameBook, clock_ms: Callable[[], int]) -> None:
        super().__init__(home, names)
        self._clock_ms = clock_ms
        self._opening = threading.Lock()

    def now_ms(self) -> int:
        """Unix time in ms."""
        return self._clock_ms()

    def until(self) -> int:
        """Entries of a later order (ms) are hidden: they claim to be from the future."""
        return self._clock_ms() + HIDE_AHEAD_MS

    def words(self, text: str) -> Words:
        """What a person searches for. Raises: BadData, TextTooLarge; as `Home.search`."""
        with self._opening:
            index = self.home.search()
        return Words(index, text)

    @told_plainly()
    def doc_list(self, search: str | None = None, limit: int | None = None) -> Json:
        """`documents`: those changed last first; with `search` those of which a current version has it."""
        limit = documents.MAX_LISTED if limit is None else limit
        until = self.until()
        found = None if search is None else documents.with_words(self.home.entries, self.words(search), until)
        with self.home.entries.views() as views:
            listed = documents.listed(views, until, limit, found)
        names = self.names.now()
        return {"documents": [_listed(each, names) for each in listed]}

    def versions(self, name: str) -> tuple[str, list[documents.Row]]:
        """The canonical name and the versions of a document, newest first. Raises: Missing, BadData."""
        kept = canonical_name(name)
        rows = self.versions_of(kept)
        if not rows:
            raise Missing(f"There is no document {quoted(kept)} here.", "See: aster doc list")
        return kept, rows

    def versions_of(self, name: str) -> list[documents.Row]:
        """The versions of a document (canonical name), newest first; none where there is no such document."""
        with self.home.entries.views() as views:
            return documents.versions(views, name, self.until())

    def version_follows(self, name: str, chosen: Sequence[str] | None) -> list[documents.Row]:
        """What a new version of a document (canonical name) follows. Raises: as `documents.what_follows`."""
        return documents.what_follows(self.versions_of(name), chosen, name)

    @told_plainly()
    def doc_show(self, name: str, version: str | None = None) -> Json:
        """A version with its text; the newest current one unless another is named."""
        kept, rows = self.versions(name)
        current = documents.heads(rows)
        row = current[0] if version is None else documents.pick(rows, version, kept)
        content = documents.content_of(self.home.entries, row)
        names = self.names.now()
        with self.home.entries.views() as views:
            follows = documents.follows(views, kept).get(row.key, [])
        return {
            "name": kept,
            "title": row.title,
            "media_type": content.media_type,
            "id": to_text(row.id),
            **_author(row.author, names),
            "time_ms": row.time_ms,
            "text": content.text,
            "follows": [to_text(each) for each in follows],
            "concurrent": [to_text(each.id) for each in current if row.head and each.id != row.id],
        }

    @told_plainly()
    def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        kept, rows = self.versions(name)
        names = self.names.now()
        with self.home.entries.views() as views:
            follows = documents.follows(views, kept)
        return {
            "name": kept,
            "versions": [
                {
                    "id": to_text(row.id),
                    **_author(row.author, names),
                    "time_ms": row.time_ms,
                    "title": row.title,
                    "size": row.size,
                    "follows": [to_text(each) for each in follows.get(row.key, [])],
                    "head": row.head,
                }
                for row in rows
            ],
        }

    @told_plainly()
    def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions, as a unified diff."""
        kept, rows = self.versions(name)
        older, newer = self._ends(kept, rows, from_, to)
        store = self.home.entries
        diff = differences.unified(
            "" if older is None else documents.content_of(store, older).text,
            documents.content_of(store, newer).text,
            f"{kept} {short(older.id)}" if older is not None else "/dev/null",
            f"{kept} {short(newer.id)}",
        )
        before = None if older is None else to_text(older.id)
        return {"name": kept, "from": before, "to": to_text(newer.id), "diff": diff}

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
            before = documents.follows(views, name).get(newer.key, [])
        return next((row for row in rows if row.id in before), None), newer


def _listed(listed: documents.Listed, names: Names) -> Json:
    newest = listed.heads[0]
    return {
        "name": listed.name,
        "title": newest.title,
        "versions": listed.versions,
        "heads": [to_text(row.id) for row in listed.heads],
        **_author(newest.author, names),
        "time_ms": newest.time_ms,
        "concurrent": len(listed.heads) > 1,
    }


def _author(author: AuthorId, names: Names) -> Json:
    return {"author": to_text(author), "author_name": names.of(author), "member": names.member(author)}
