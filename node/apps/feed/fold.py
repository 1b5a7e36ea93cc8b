"""The fold of the feed: entries into the tables of `node.apps.feed.tables`, and out of them.

In bulk everything passes here, so each table gets its rows by one statement, and all links are looked up
together. What stands in the wrong place after that, because a parent came late or went, is put right by
`node.apps.feed.ordering`; in most batches there is nothing of that kind.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.feed import bodies
from node.apps.feed.bodies import Correction, Post, Reaction, Translation
from node.apps.feed.ordering import Ordering, put_right
from node.apps.feed.tables import ANSWERED, COLUMNS, MENTIONED, PLAIN, SCHEMA, rest_of, tie_of
from node.apps.kit import Place, Reach, place_of
from store.entry import Entry
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import Row, Views

__all__ = ["SCHEMA", "fold", "tie_of", "unfold"]

_CHILDREN: Final = (
    "SELECT parent, rest, k, place, at, tie"
    " FROM carray(?) AS wanted CROSS JOIN feed_links ON parent = wanted.value"
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take entries into the view. One without a body, or that is not understood, is left out."""
    rows = _Rows()
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            said = None if entry.body is None else bodies.parse(entry.body)
            if said is not None:
                rows.take(key, entry, said, reach)
    reach.texts.keep(rows.texts)
    reach.places.note(rows.places)
    for table, columns in COLUMNS.items():
        found = rows.tables[table]
        found.sort()
        if table == PLAIN:
            views.insert_rows(table, columns, found, "ON CONFLICT DO NOTHING")
        else:
            views.gather(table, columns, found)
    if rows.posts:
        _connect(views, reach, rows.posts, rows.ties)


def _connect(views: Views, reach: Reach, fresh: dict[int, Entry], ties: Sequence[tuple[int, Entry]]) -> None:
    """Find what new posts answer and what answers them; note both, and put into order what is not."""
    ordering = Ordering(views, reach)
    linked = {key: entry for key, entry in fresh.items() if entry.links}
    ordering.learn({entry.links[0] for entry in linked.values()})
    addressed: list[Row] = []
    wrong: list[int] = []
    for key, entry in linked.items():
        parent = ordering.post(entry.links[0])
        if parent is not None:
            addressed.append((tie_of(parent.author), entry.time_ms, tie_of(entry.id), key, ANSWERED))
        if ordering.may_be_lifted(entry):
            wrong.append(key)
    for parent_entry, child in _children(views, ties, linked):
        if child.place == 0:
            who = tie_of(parent_entry.author)
            addressed.append((who, child.at, child.tie, child.key, ANSWERED))
            if child.at <= parent_entry.time_ms:
                wrong.append(child.key)
    addressed.sort()
    views.gather("feed_addressed", COLUMNS["feed_addressed"], addressed)
    if wrong:
        put_right(views, reach, ordering, wrong)


class _Child(NamedTuple):
    """A post that links to another one."""

    key: int
    place: int
    """Which of its links that is."""
    at: int
    tie: int


def _children(
    views: Views, ties: Sequence[tuple[int, Entry]], without: Container[int]
) -> list[tuple[Entry, _Child]]:
    """The posts in the view that link to these, each with the one it links to; `ties`: with their ties."""
    rows = views.execute_for(_CHILDREN, sorted({tie for tie, _ in ties}))
    answered = {row[0] for row in rows}
    parents: dict[int, list[Entry]] = {tie: [] for tie in answered}
    for tie, entry in ties:
        if tie in answered:
            parents[tie].append(entry)
    return [
        (entry, _Child(key, *where))
        for parent, rest, key, *where in rows
        if key not in without
        for entry in parents[parent]
        if rest_of(entry.id) == rest
    ]


class _Rows:
    """Rows for each table, gathered from entries."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self.texts: dict[EntryId, str] = {}
        self.places: dict[EntryId, Place] = {}
        self.posts: dict[int, Entry] = {}
        self.ties: list[tuple[int, Entry]] = []
        """The posts, each with its tie."""

    def take(self, key: int, entry: Entry, said: bodies.Content, reach: Reach) -> None:
        """Note what an entry says."""
        if type(said) is Post:
            self._take_post(key, entry, said, reach)
        elif not entry.links:
            return
        elif type(said) is Reaction:
            target, rest = tie_of(entry.links[0]), rest_of(entry.links[0])
            row = (target, key, entry.author, entry.seq, said.symbol, int(said.on), rest)
            self.texts[entry.id] = ""
            self.tables["feed_reactions"].append(row)
        elif type(said) is Correction:
            self.texts[entry.id] = said.post.text
            _note_blobs(key, said.post, reach)
            self._take_amendment(key, entry, bodies.CORRECTION, said.post.language, 0)
        elif type(said) is Translation:
            self.texts[entry.id] = said.text
            self._take_amendment(key, entry, bodies.TRANSLATION, said.language, tie_of(said.version))

    def _take_post(self, key: int, entry: Entry, said: Post, reach: Reach) -> None:
        tables, at, tie = self.tables, entry.time_ms, tie_of(entry.id)
        self.texts[entry.id] = said.text
        self.posts[key] = entry
        self.places[entry.id] = place_of(key, entry)
        _note_blobs(key, said, reach)
        tables["feed_posts"].append((key, at, tie))
        tables["feed_timeline"].append((at, tie, key))
        self.ties.append((tie, entry))
        if entry.links:
            tables["feed_links"] += [
                (tie_of(link), at, tie, key, place, rest_of(link)) for place, link in enumerate(entry.links)
            ]
        if said.topics:
            tables["feed_topics"] += [(topic, at, tie, key) for topic in said.topics]
        if said.mentions:
            tables["feed_addressed"] += [(tie_of(who), at, tie, key, MENTIONED) for _, who in said.mentions]

    def _take_amendment(self, key: int, entry: Entry, kind: int, language: str, version: int) -> None:
        target, rest = tie_of(entry.links[0]), rest_of(entry.links[0])
        row = (target, kind, entry.time_ms, tie_of(entry.id), key, entry.author, language, version, rest)
        self.tables["feed_amendments"].append(row)


def _note_blobs(key: int, post: Post, reach: Reach) -> None:
    if post.attachments:
        reach.note_blobs(key, [(each.blob, each.size) for each in post.attachments])


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take entries out of the view, also those whose body can no longer be read."""
    gone: dict[int, Entry] = {}
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            if not _unfold_remark(views, key, entry):
                gone[key] = entry
    ordering = Ordering(views, reach)
    orders = ordering.orders_at(gone)
    posts = {key: entry for key, entry in gone.items() if key in orders}
    if not posts:
        return
    ordering.learn({entry.links[0] for entry in posts.values() if entry.links})
    for key, entry in posts.items():
        parent = ordering.post(entry.links[0]) if entry.links else None
        _unfold_post(views, key, entry, orders[key], None if parent is None else tie_of(parent.author))
    wrong: set[int] = set()
    ties = [(tie_of(entry.id), entry) for entry in posts.values()]
    for parent_entry, child in _children(views, ties, ()):
        if child.place == 0:
            wrong.add(child.key)
            _delete(
                views,
                "feed_addressed",
                (tie_of(parent_entry.author), child.at, child.tie, child.key, ANSWERED),
            )
    put_right(views, reach, Ordering(views, reach), wrong)


def _unfold_remark(views: Views, key: int, entry: Entry) -> bool:
    """Take out a reaction or an amendment; False: it is none that is there."""
    if not entry.links:
        return False
    target = tie_of(entry.links[0])
    before = views.execute("SELECT total_changes()")
    for table in ("feed_reactions", "feed_amendments"):
        views.execute(f"DELETE FROM {table} WHERE target = ? AND k = ?", (target, key))
    return views.execute("SELECT total_changes()") != before


def _unfold_post(views: Views, key: int, entry: Entry, at: int, answered: int | None) -> None:
    tie = tie_of(entry.id)
    views.execute("DELETE FROM feed_posts WHERE k = ?", (key,))
    _delete(views, "feed_timeline", (at, tie, key))
    for link in entry.links:
        sql = "DELETE FROM feed_links WHERE parent = ? AND at = ? AND tie = ? AND k = ?"
        views.execute(sql, (tie_of(link), at, tie, key))
    said = None if entry.body is None else bodies.parse(entry.body)
    if type(said) is not Post:  # its body is damaged: look through all rows
        for table in ("feed_topics", "feed_addressed"):
            views.execute(f"DELETE FROM {table} WHERE k = ?", (key,))
        return
    for topic in said.topics:
        _delete(views, "feed_topics", (topic, at, tie, key))
    for _, who in said.mentions:
        _delete(views, "feed_addressed", (tie_of(who), at, tie, key, MENTIONED))
    if answered is not None:
        _delete(views, "feed_addressed", (answered, at, tie, key, ANSWERED))


def _delete(views: Views, table: str, row: Iterable[object]) -> None:
    """Delete a row of a table in which all columns are the key."""
    where = " AND ".join(f"{column} = ?" for column in COLUMNS[table])
    views.execute(f"DELETE FROM {table} WHERE {where}", tuple(row))
