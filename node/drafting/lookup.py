"""Documents of an open home by their names: versions, what they follow, their texts. Synchronous."""

from collections.abc import Mapping, Sequence
from typing import Final

from node.apps.documents import service as documents
from node.apps.documents.bodies import canonical_name
from node.apps.documents.reading import Reader
from node.apps.documents.service import Row
from node.errors import Missing
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from store.ids import AuthorId, EntryId, short, to_text

MAX_LABEL_CHARS: Final = 60
"""Longest name of an author at the marks of a conflict."""


class Lookup:
    """Where the other rooms here look documents up. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self.look = look

    @property
    def reader(self) -> Reader:
        """Where texts are read from."""
        return Reader(self.look.home.entries, self.look.home.blobs)

    def versions(self, name: str) -> tuple[str, list[Row]]:
        """The canonical name and the versions of a document, newest first. Raises: Missing, BadData."""
        kept = canonical_name(name)
        rows = self.versions_of(kept)
        if not rows:
            raise Missing(f"There is no document {quoted(kept)} here.", "See: aster doc list")
        return kept, rows

    def versions_of(self, name: str) -> list[Row]:
        """The versions of a document (canonical name), newest first; none where there is no such document."""
        with self.look.home.entries.views() as views:
            return documents.versions(views, name, self.look.until())

    def version(self, name: str, chosen: str | None = None) -> tuple[list[Row], Row]:
        """All versions of a document, and one: that which is named, else the newest current one.

        Raises: Missing, BadData, Ambiguous.
        """
        kept, rows = self.versions(name)
        return rows, documents.heads(rows)[0] if chosen is None else documents.pick(rows, chosen, kept)

    def translations(self, name: str) -> list[Row]:
        """The current translations of a document (canonical name) into all languages, newest first."""
        with self.look.home.entries.views() as views:
            return documents.translations(views, name, self.look.until())

    def all_translations(self, name: str) -> list[Row]:
        """Every translation of a document (canonical name), newest first, also what others follow."""
        with self.look.home.entries.views() as views:
            return documents.translations(views, name, self.look.until(), current=False)

    def follows(self, rows: Sequence[Row]) -> dict[EntryId, list[EntryId]]:
        """By version of a document: the versions that it follows and that are here."""
        if not rows:
            return {}
        with self.look.home.entries.views() as views:
            by_key = documents.follows(views, rows[0].name)
        shown = {row.id for row in rows}
        return {row.id: [each for each in by_key.get(row.key, ()) if each in shown] for row in rows}

    def text_of(self, rows: Mapping[EntryId, Row], version: EntryId) -> str:
        """The text of one of these versions. Raises: Missing."""
        return self.reader.text(rows[version])

    def label(self, row: Row) -> str:
        """How a version is called at the marks of a conflict: its id and who wrote it."""
        name = "".join(char for char in self.look.names.now().of(row.author) if char.isprintable())
        return f"{short(row.id)} {name[:MAX_LABEL_CHARS]}".strip()

    def is_here(self, row: Row) -> bool:
        """Is the text of a version or translation here? Of a long one it may still be on its way."""
        if row.blob is None:
            return True
        state = self.look.home.blobs.state(row.blob)
        return state is not None and state.is_complete


def author_of(author: AuthorId, names: Names) -> Json:
    """The author of an entry, as answers name it."""
    return {"author": to_text(author), "author_name": names.of(author), "member": names.member(author)}
