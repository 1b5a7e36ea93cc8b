"""Threads: which messages stand in one, and in which order they are read. Synchronous.

A thread is its root and all that links to it. Of a long one the newest messages are shown, with what they
answer; where that is not here, or is no message, its place is kept.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from node.apps.feed import service as feed
from node.apps.feed.shown import Shown
from store.entry import Entry
from store.ids import EntryId
from store.sqlite.entries import SqliteEntryStore

MAX_ABOVE: Final = 500
"""Messages that are shown because newer ones answer them: links may lead through all that there ever was."""


class Node(NamedTuple):
    """A place in a thread."""

    id: EntryId
    depth: int
    """0: the root."""
    entry: Entry | None
    """None: it is not held here. Of what is not shown without its body."""
    shown: Shown | None
    """None: its text is not here, it is hidden, or it is no post."""


def read_thread(store: SqliteEntryStore, root: EntryId, until: int, limit: int) -> list[Node]:
    """A thread in the order in which it is read: each message after what it answers, one deeper.

    `until`: what is ordered later (ms) is hidden. `limit`: the newest so many, beside what they answer.
    """
    gathered = _Gathered(store, root, until)
    gathered.take(feed.thread(store, root, until, limit))
    gathered.complete()
    return gathered.in_order()


class _Gathered:
    """Messages of one thread, with what they answer."""

    def __init__(self, store: SqliteEntryStore, root: EntryId, until: int) -> None:
        self._store = store
        self._root = root
        self._until = until
        self._shown: dict[EntryId, Shown] = {}
        self._entries: dict[EntryId, Entry] = {}
        self._parents: dict[EntryId, EntryId] = {}

    def take(self, posts: Iterable[Shown]) -> None:
        """Take messages in."""
        for post in posts:
            self._shown[post.entry.id] = post
            self._entries[post.entry.id] = post.entry

    def complete(self) -> None:
        """Take in what is answered, and what that answers, up to the root."""
        waiting = {self._root, *self._entries}
        most = len(waiting) + MAX_ABOVE
        while waiting:
            self._look_up(waiting - self._entries.keys())
            above: set[EntryId] = set()
            for each in waiting:
                parent = self._answered(each)
                is_known = parent in self._parents or parent in waiting or parent in above
                if not is_known and len(self._parents) + len(waiting) + len(above) >= most:
                    parent = self._root
                elif not is_known:
                    above.add(parent)
                self._parents[each] = parent
            waiting = above - self._parents.keys()

    def _look_up(self, ids: Iterable[EntryId]) -> None:
        found = self._store.headers_of(ids)
        self._entries.update({entry.id: entry for _, entry in found})
        posts = feed.at_keys(self._store, [key for key, _ in found])
        self.take(post for post in posts if post is not None and post.at <= self._until)

    def _answered(self, each: EntryId) -> EntryId:
        """What a message answers; where nobody can tell, the root."""
        entry = self._entries.get(each)
        return self._root if each == self._root or entry is None or not entry.links else entry.links[0]

    def in_order(self) -> list[Node]:
        """All places, as they are read."""
        below: dict[EntryId, list[EntryId]] = {}
        for each, parent in self._parents.items():
            if each != self._root:
                below.setdefault(parent, []).append(each)
        nodes: list[Node] = []
        stack = [(self._root, 0)]
        while stack:
            each, depth = stack.pop()
            nodes.append(Node(each, depth, self._entries.get(each), self._shown.get(each)))
            answers = sorted(below.get(each, ()), key=self._place, reverse=True)
            stack += [(answer, depth + 1) for answer in answers]
        return nodes

    def _place(self, each: EntryId) -> tuple[int, bytes]:
        post, entry = self._shown.get(each), self._entries.get(each)
        if post is not None:
            return post.at, each
        return 0 if entry is None else entry.time_ms, each
