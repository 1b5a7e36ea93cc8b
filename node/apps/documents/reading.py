"""The texts of documents in full, also of those whose text is in a blob, and their translations."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from node.apps.documents import contents, service
from node.apps.documents.bodies import (
    MAX_CONTENTS_BYTES,
    LongText,
    Rendered,
    Translation,
    Version,
    parse,
)
from node.apps.documents.service import Row
from node.apps.documents.translations import Counts, Line, compare, count, read_through
from node.apps.documents.units import Unit, join
from node.errors import Missing
from node.quoting import quoted
from store.blob_interface import BlobStore
from store.errors import NotFound
from store.ids import AuthorId, EntryId, short
from store.sqlite.entries import SqliteEntryStore

_SYNC: Final = "Sync with a peer that has it: aster sync"


class Reader(NamedTuple):
    """Where texts are read from."""

    entries: SqliteEntryStore
    blobs: BlobStore

    def units(self, row: Row) -> tuple[Unit, ...]:
        """The units of a version. Raises: Missing: its text is not here."""
        version = self._parsed(row)
        if not isinstance(version, Version):
            raise Missing("The text of this version is not here.", _SYNC)
        if not isinstance(version.held, LongText):
            return version.held
        units = contents.unpack_units(self._fetched(row, version.held))
        if units is None:
            raise Missing(f"The text of version {short(row.id)} breaks the rules of its format.")
        return units

    def text(self, row: Row) -> str:
        """The text of a version. Raises: Missing: it is not here."""
        return join(self.units(row))

    def rendered(self, row: Row) -> tuple[Rendered, ...]:
        """The units of a translation; none where its text is not here."""
        translation = self._parsed(row)
        if not isinstance(translation, Translation):
            return ()
        if not isinstance(translation.held, LongText):
            return translation.held
        try:
            return contents.unpack_rendered(self._fetched(row, translation.held)) or ()
        except Missing:
            return ()

    def _parsed(self, row: Row) -> Version | Translation | None:
        try:
            body = self.entries.entry(row.id).body
        except NotFound:
            return None
        return None if body is None else parse(body)

    def _fetched(self, row: Row, held: LongText) -> bytes:
        """What a blob holds. Raises: Missing."""
        manifest = self.blobs.manifest(held.blob)
        pieces: list[bytes] = []
        if manifest is not None and manifest.size == held.size <= MAX_CONTENTS_BYTES:
            try:
                self.blobs.read(held.blob, pieces.append)
            except NotFound:
                pieces.clear()
        if not pieces:
            raise Missing(
                f"The text of {quoted(row.name)}, version {short(row.id)}, has {held.size:,} bytes and is "
                "not here yet.",
                "It is fetched from peers that have it. Connect to one and wait, or: aster sync",
            )
        return b"".join(pieces)


class Turned(NamedTuple):
    """A version in another language."""

    language: str
    title: str
    """Of the newest translation; empty where it has none."""
    text: str
    """Units that nobody has translated stand there in the language of the version."""
    lines: list[Line]
    counts: Counts
    current: list[Row]
    """The translations that it was made from, newest first."""

    @property
    def is_out_of_date(self) -> bool:
        """Was the document changed since?"""
        return self.counts.out_of_date + self.counts.missing > 0


def turn(reader: Reader, units: Sequence[Unit], language: str, translations: Sequence[Row]) -> Turned:
    """A version's units in another language, from the current translations, newest first."""
    current = [row for row in translations if row.turned == language]
    lines = compare(units, [reader.rendered(row) for row in current])
    title = next((row.title for row in current if row.title), "")
    return Turned(language, title, read_through(units, lines), lines, count(lines), current)


class PublicText(NamedTuple):
    """A public translation."""

    language: str
    title: str
    text: str
    is_out_of_date: bool
    time_ms: int
    """Of the newest translation that it was made from."""
    pieces: tuple[tuple[str, bool], ...]
    """The text in pieces; false: that one stands there as it was written, nobody has translated it."""


class PublicDocument(NamedTuple):
    """A document whose current version may be shown outside the network."""

    name: str
    id: EntryId
    """Of the version."""
    title: str
    media_type: str
    language: str
    tags: tuple[str, ...]
    author: AuthorId
    time_ms: int
    at: int
    """The order of the version in ms."""
    text: str
    translations: tuple[PublicText, ...]


def published(reader: Reader, until: int) -> Iterator[PublicDocument]:
    """Every document with a public current version whose text is here; the one changed last first.

    Where several current versions are public the newest counts. Only public translations are read.
    """
    before = None
    while True:
        with reader.entries.views() as views:
            page = service.listed(views, until, service.MAX_LISTED, None, before=before)
        for document in page:
            row = next((row for row in document.heads if row.public), None)
            if row is not None:
                yield from _published(reader, row, document.languages, until)
        if len(page) < service.MAX_LISTED:
            return
        before = page[-1].name


def _published(reader: Reader, row: Row, languages: Sequence[str], until: int) -> Iterator[PublicDocument]:
    try:
        units = reader.units(row)
    except Missing:
        return
    rows: list[Row] = []
    if languages:
        with reader.entries.views() as views:
            rows = [each for each in service.translations(views, row.name, until) if each.public]
    turned = [turn(reader, units, each, rows) for each in sorted({each.turned for each in rows})]
    texts = tuple(
        PublicText(
            each.language,
            each.title,
            each.text,
            each.is_out_of_date,
            each.current[0].time_ms,
            _pieces(units, each),
        )
        for each in turned
        if each.counts.fine + each.counts.out_of_date
    )
    yield PublicDocument(
        row.name,
        row.id,
        row.title,
        row.media_type,
        row.language,
        row.tags,
        row.author,
        row.time_ms,
        row.at,
        join(units),
        texts,
    )


def _pieces(units: Sequence[Unit], turned: Turned) -> tuple[tuple[str, bool], ...]:
    """The units of a translated text; what is white space alone needs no translation."""
    left = {line.unit.id for line in turned.lines if line.rendered is None}
    return tuple((read_through([unit], turned.lines), unit.id not in left) for unit in units)
