"""What the directory answers: the names that devices gave themselves."""

from store.ids import AuthorId
from store.sqlite.views import ReadViews


def version_of(views: ReadViews) -> tuple[int, int]:
    """Changes whenever the names may have changed. About 20 µs for each thousand devices."""
    [(count, total)] = views.execute("SELECT count(*), coalesce(sum(seq), 0) FROM directory_names")
    return count, total


def names(views: ReadViews) -> dict[AuthorId, str]:
    """The name that each device gave itself last."""
    rows = views.execute("SELECT author, name, max(seq) FROM directory_names GROUP BY author")
    return {AuthorId(author): name for author, name, _ in rows}
