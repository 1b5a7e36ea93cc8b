"""Views made anew from the entries of a home, and whether they came out as they were.

Views hold nothing that the entries do not say, so this changes nothing, unless something was wrong: a
damaged page, or a fault of a program. Then it is mended. It takes one transaction: a crash leaves what was
there. No daemon may run meanwhile.
"""

import time
from collections.abc import Callable, Mapping

from node.errors import HomeLocked
from node.home import Home, open_home
from node.index_process import IndexProcess
from node.keyring import AskPassphrase
from node.looking import Json
from node.paths import Paths
from node.store_faults import told_plainly
from store.sqlite.rebuilding import ViewDigest

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is to do."""

FOLDING = "views"
INDEXING = "search index"


def rebuild(paths: Paths, ask: AskPassphrase, with_search: bool, tell: Tell) -> Json:
    """Fold all entries anew, and compare: `entries`, `seconds`, `equal`, and of each app of `views` its
    `rows`, `digest`, `before` (None: a table could not be read) and `equal`.

    `with_search`: index all texts anew too: `search` has `rows`, `before` and `equal`, else it is None.

    Raises:
        HomeLocked: a daemon runs.
        NodeError: the home cannot be opened, an entry of it not be read, or the disk is full.
    """
    try:
        opened = open_home(paths, ask, writing=True)
    except HomeLocked as error:
        raise HomeLocked(error.message, "A daemon writes to these views. End it first: aster stop") from error
    with told_plainly(), opened as home:
        begun = time.monotonic()
        views = _rebuild_views(home, tell)
        search = _rebuild_search(home, tell) if with_search else None
        return {
            "entries": home.shelf.count(),
            "seconds": round(time.monotonic() - begun, 3),
            "equal": all(view["equal"] for view in views) and (search is None or search["equal"]),
            "views": views,
            "search": search,
        }


def _rebuild_views(home: Home, tell: Tell) -> list[Json]:
    before = home.entries.view_digests()
    last_key = home.entries.last_key()
    home.shelf.rebuild(lambda key: tell(FOLDING, key, last_key))
    return _compared(before, home.entries.view_digests())


def _compared(before: Mapping[str, ViewDigest], after: Mapping[str, ViewDigest]) -> list[Json]:
    nothing = ViewDigest(0, b"")
    return [
        {
            "app": app,
            "rows": now.rows,
            "digest": now.digest.hex(),
            "before": before.get(app, nothing).digest.hex() or None,
            "equal": now == before.get(app),
        }
        for app, now in sorted(after.items())
    ]


def _rebuild_search(home: Home, tell: Tell) -> Json:
    """How many entries have words in the index, now and before."""
    index = home.search()
    index.catch_up()
    before = index.count()
    process = index.helper = IndexProcess()
    try:
        index.clear()
        last_key = home.entries.last_key()
        while index.index_some():
            tell(INDEXING, last_key - index.behind(), last_key)
        while index.tidy():
            pass
    finally:
        index.helper = None
        process.close()
    rows = index.count()
    return {"rows": rows, "before": before, "equal": rows == before}
