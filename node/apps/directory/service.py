"""What the directory answers: the names that devices gave themselves, and what they say beside these.

Whose word counts is not asked here: a federation knows it (`node.contacts.choosing`).
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from node.apps.directory.bodies import Field, read_fields
from store.codec import decode
from store.entry import MAX_BODY_BYTES
from store.errors import NotCanonical
from store.ids import AuthorId, EntryId
from store.sqlite.views import ReadViews

_ID_BYTES: Final = 32
_ASKED: Final = 500
"""Places in one statement."""


def count_profiles(views: ReadViews) -> int:
    """How many profiles are held. It changes when one comes; when one goes, `last_change` of the store does.
    About 20 µs for each thousand devices."""
    [(count,)] = views.execute("SELECT count(*) FROM directory_names")
    return int(count)


def names(views: ReadViews) -> dict[AuthorId, str]:
    """The name that each device gave itself last."""
    rows = views.execute("SELECT author, name, max(seq) FROM directory_names GROUP BY author")
    return {AuthorId(author): name for author, name, _ in rows}


class Published(NamedTuple):
    """A name that a device gave its owner."""

    device: AuthorId
    seq: int
    time_ms: int
    """What the entry claims."""
    name: str


def profiles(views: ReadViews) -> list[Published]:
    """Every profile that is held, by device and seq. About 1 µs each."""
    rows = views.execute("SELECT author, seq, time_ms, name FROM directory_names ORDER BY author, seq")
    return [Published(AuthorId(author), seq, time_ms, name) for author, seq, time_ms, name in rows]


class Said(NamedTuple):
    """That a profile says something about fields."""

    device: AuthorId
    seq: int
    time_ms: int
    """What the entry claims."""


def sayings(views: ReadViews) -> list[Said]:
    """Every profile that says something about fields, by device and seq. About 1 µs each."""
    rows = views.execute("SELECT author, seq, time_ms FROM directory_fields ORDER BY author, seq")
    return [Said(AuthorId(author), seq, time_ms) for author, seq, time_ms in rows]


def fields_at(views: ReadViews, places: Iterable[Said]) -> dict[Said, tuple[Field, ...]]:
    """What profiles say; without those that are gone. Some 20 µs each."""
    found = {}
    asked = list(places)
    for start in range(0, len(asked), _ASKED):
        part = asked[start : start + _ASKED]
        marks = ", ".join(["(?, ?)"] * len(part))
        rows = views.execute(
            "SELECT author, seq, time_ms, fields FROM directory_fields"
            f" WHERE (author, seq) IN (VALUES {marks})",
            [value for said in part for value in said[:2]],
        )
        for author, seq, time_ms, fields in rows:
            found[Said(AuthorId(author), seq, time_ms)] = _fields(fields)
    return found


class SaidOfSection(NamedTuple):
    """What a device says of a section."""

    device: AuthorId
    seq: int
    time_ms: int
    """What the entry claims."""
    id: EntryId
    links: tuple[EntryId, ...]
    fields: tuple[Field, ...]


def count_of_sections(views: ReadViews) -> int:
    """How many profiles of sections are held."""
    [(count,)] = views.execute("SELECT count(*) FROM directory_sections")
    return int(count)


def said_of_section(views: ReadViews, section: bytes, devices: Collection[AuthorId]) -> list[SaidOfSection]:
    """What these devices say of a section (32 bytes), by device and seq; what others say is not looked at."""
    marks = ", ".join(["?"] * len(devices))
    rows = views.execute(
        "SELECT author, seq, time_ms, id, links, fields FROM directory_sections"
        f" WHERE section = ? AND author IN ({marks}) ORDER BY author, seq",
        [section, *devices],
    )
    return [
        SaidOfSection(AuthorId(author), seq, time_ms, EntryId(entry), _ids(links), _fields(fields))
        for author, seq, time_ms, entry, links, fields in rows
    ]


def _ids(links: bytes) -> tuple[EntryId, ...]:
    return tuple(EntryId(links[at : at + _ID_BYTES]) for at in range(0, len(links), _ID_BYTES))


def _fields(data: bytes) -> tuple[Field, ...]:
    try:
        return read_fields(decode(data, MAX_BODY_BYTES, MAX_BODY_BYTES)) or ()
    except NotCanonical:
        return ()
