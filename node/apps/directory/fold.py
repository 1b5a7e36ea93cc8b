"""The view of the directory: what devices said of their members, and of sections.

    directory_names     (author, seq, time_ms, name)           every profile, with the time that it claims
    directory_fields    (author, seq, time_ms, fields)         those of them that say something about fields
    directory_sections  (author, seq, section, id, time_ms, links, fields)      every profile of a section

`fields` are canonical msgpack as in the body; `links` are ids, one after the other. All profiles are kept, so
that the one before counts again when the last one goes; whose profile counts, a federation says when it is
asked (docs/protocol/directory.md).
"""

from collections.abc import Sequence
from typing import Final

from node.apps.directory.bodies import Field, SectionProfile, parse, picture_of, size_of, words_of
from node.apps.kit import Reach
from store.codec import encode_trusted
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema(
    "directory",
    3,
    (
        """CREATE TABLE directory_names (
            author BLOB,
            seq INT,
            time_ms INT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (author, seq)
        ) WITHOUT ROWID""",
        """CREATE TABLE directory_fields (
            author BLOB,
            seq INT,
            time_ms INT NOT NULL,
            fields BLOB NOT NULL,
            PRIMARY KEY (author, seq)
        ) WITHOUT ROWID""",
        """CREATE TABLE directory_sections (
            author BLOB,
            seq INT,
            section BLOB NOT NULL,
            id BLOB NOT NULL,
            time_ms INT NOT NULL,
            links BLOB NOT NULL,
            fields BLOB NOT NULL,
            PRIMARY KEY (author, seq)
        ) WITHOUT ROWID""",
        "CREATE INDEX directory_by_section ON directory_sections (section, author)",
    ),
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take profiles into the view. An entry without a body, or that is no profile, is left out."""
    names, fields, sections, texts = [], [], [], {}
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            profile = None if entry.body is None else parse(entry.body)
            texts[entry.id] = "" if profile is None else words_of(profile)
            if profile is None:
                continue
            place = (entry.author, entry.seq, entry.time_ms)
            if isinstance(profile, SectionProfile):
                said = (b"".join(entry.links), _plain(profile.fields))
                sections.append((*place, profile.section, entry.id, *said))
            else:
                names.append((*place, profile.name))
                if profile.fields is not None:
                    fields.append((*place, _plain(profile.fields)))
            picture = picture_of(profile.fields or ())
            if picture is not None and isinstance(picture.value, bytes):
                reach.note_blobs(key, [(picture.value, size_of(picture))])
    reach.texts.keep(texts)
    place_columns = ("author", "seq", "time_ms")
    _insert(views, "directory_names", (*place_columns, "name"), names)
    _insert(views, "directory_fields", (*place_columns, "fields"), fields)
    section_columns = (*place_columns, "section", "id", "links", "fields")
    _insert(views, "directory_sections", section_columns, sections)


def _insert(views: Views, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        views.insert_rows(table, columns, rows, "ON CONFLICT DO NOTHING")


def _plain(fields: Sequence[Field]) -> bytes:
    return encode_trusted([list(field) for field in fields])


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take profiles out of the view; their bodies may be damaged."""
    for _, entries in runs:
        for entry in entries:
            for table in ("directory_names", "directory_fields", "directory_sections"):
                views.execute(
                    f"DELETE FROM {table} WHERE author = ? AND seq = ?",
                    (entry.author, entry.seq),
                )
