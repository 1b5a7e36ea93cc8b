"""What can be asked about documents: lists, versions, what changed. Synchronous."""

from collections.abc import Sequence

from node.apps.documents import differences
from node.apps.documents import service as documents
from node.apps.documents.bodies import canonical_name
from node.errors import Missing
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.ids import AuthorId, short, to_text


class DraftingQueries:
    """Reading methods about documents over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @told_plainly()
    def doc_list(self, search: str | None = None, limit: int | None = None) -> Json:
        """`documents`: those changed last first; with `search` those of which a current version has it."""
        limit = documents.MAX_LISTED if limit is None else limit
        until = self._look.until()
        found = (
            None
            if search is None
            else documents.with_words(self._look.home.entries, self._look.words(search), until)
        )
        with self._look.home.entries.views() as views:
            listed = documents.listed(views, until, limit, found)
        names = self._look.names.now()
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
        with self._look.home.entries.views() as views:
            return documents.versions(views, name, self._look.until())

    def version_follows(self, name: str, chosen: Sequence[str] | None) -> list[documents.Row]:
        """What a new version of a document (canonical name) follows. Raises: as `documents.what_follows`."""
        return documents.what_follows(self.versions_of(name), chosen, name)

    @told_plainly()
    def doc_show(self, name: str, version: str | None = None) -> Json:
        """A version with its text; the newest current one unless another is named."""
        kept, rows = self.versions(name)
        current = documents.heads(rows)
        row = current[0] if version is None else documents.pick(rows, version, kept)
        content = documents.content_of(self._look.home.entries, row)
        names = self._look.names.now()
        with self._look.home.entries.views() as views:
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
        names = self._look.names.now()
        with self._look.home.entries.views() as views:
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
        store = self._look.home.entries
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
        with self._look.home.entries.views() as views:
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
