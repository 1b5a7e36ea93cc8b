"""The only list of apps, and what all of them together are to the store and to the search index."""

from collections.abc import Sequence
from typing import Final

from node.apps import blob_references
from node.apps.deletion import bodies as deletion_bodies
from node.apps.deletion import fold as deletion_fold
from node.apps.directory import bodies as directory_bodies
from node.apps.directory import fold as directory_fold
from node.apps.documents import bodies as documents_bodies
from node.apps.documents import fold as documents_fold
from node.apps.feed import bodies as feed_bodies
from node.apps.feed import fold as feed_fold
from node.apps.files import bodies as files_bodies
from node.apps.files import fold as files_fold
from node.apps.kit import App, Places, Reach, Texts
from node.apps.messenger import fold as messenger_fold
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_DOCS, LOG_FEED, LOG_FILES, LOG_SEALED, log_number
from store.interface import KeyedRun
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Schema, Views

LOG_PROFILE: Final = log_number("profile")

APPS: Final = (
    App(feed_fold.SCHEMA, LOG_FEED, feed_fold.fold, feed_fold.unfold, feed_bodies.text_of),
    App(
        documents_fold.SCHEMA,
        LOG_DOCS,
        documents_fold.fold,
        documents_fold.unfold,
        documents_bodies.text_of,
    ),
    App(files_fold.SCHEMA, LOG_FILES, files_fold.fold, files_fold.unfold, files_bodies.text_of),
    App(
        directory_fold.SCHEMA,
        LOG_PROFILE,
        directory_fold.fold,
        directory_fold.unfold,
        directory_bodies.text_of,
    ),
    App(
        deletion_fold.SCHEMA,
        LOG_DELETIONS,
        deletion_fold.fold,
        deletion_fold.unfold,
        deletion_bodies.text_of,
    ),
    App(
        messenger_fold.SCHEMA,
        LOG_SEALED,
        messenger_fold.fold,
        messenger_fold.unfold,
        messenger_fold.text_of,
        tuple(log for log in messenger_fold.LOGS if log != LOG_SEALED),
    ),
)

SCHEMAS: Final[tuple[Schema, ...]] = (*(app.schema for app in APPS), blob_references.SCHEMA)

_BY_LOG: Final = {log: app for app in APPS for log in (app.log, *app.more_logs)}


class Projection:
    """The folds of all apps as one fold and one unfold over a store."""

    def __init__(self, store: SqliteEntryStore) -> None:
        self._store = store
        self._texts = Texts()
        self._places = Places()

    def fold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        """Take entries into the views of the apps that they belong to."""
        reach = Reach(self._store, runs, self._texts, self._places, views)
        for app, part in _sorted_out(runs):
            app.fold(views, part, reach)
        blob_references.note(views, reach.blobs())

    def unfold(self, views: Views, runs: Sequence[KeyedRun]) -> None:
        """Take entries out of the views."""
        reach = Reach(self._store, runs, self._texts, self._places, views)
        for app, part in _sorted_out(runs):
            app.unfold(views, part, reach)
        blob_references.forget(views, runs)

    def text_of(self, entry: Entry) -> str | None:
        """What people may search for in an entry; None: nothing."""
        text = self._texts.take(entry.id)
        if text is not None or entry.body is None:
            return text or None
        app = _BY_LOG.get(entry.log)
        return None if app is None else app.text_of(entry.body)


def text_of(entry: Entry) -> str | None:
    """What people may read in an entry whose body is here; None: nothing."""
    app = _BY_LOG.get(entry.log)
    return None if app is None or entry.body is None else app.text_of(entry.body)


def _sorted_out(runs: Sequence[KeyedRun]) -> list[tuple[App, list[KeyedRun]]]:
    parts: dict[int, list[KeyedRun]] = {}
    for run in runs:
        parts.setdefault(run.entries[0].log, []).append(run)
    found = [(app, [run for log in (app.log, *app.more_logs) for run in parts.get(log, ())]) for app in APPS]
    return [(app, part) for app, part in found if part]
