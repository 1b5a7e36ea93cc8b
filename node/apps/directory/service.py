"""What the directory answers: the names that devices gave themselves."""

from typing import NamedTuple

from store.ids import AuthorId
from store.sqlite.views import ReadViews


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
