"""Three-way merges and comparisons of texts, line by line. The only door to pygit2.

libgit2 does both, as git does. It works on an object store in memory: nothing is written to a disk, and no
settings of the person's git are read. pygit2 takes a tenth of a second to import, so that happens when the
first text is merged or compared.

No line is lost. What a side has added to the base stands in the result, merged or between the marks of a
conflict; that is counted after each merge, and a result that fails is replaced by both texts in full.
Lines end with a line feed and nothing else.
"""

import functools
from collections import Counter
from collections.abc import Hashable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import pygit2

MARK_OURS: Final = "<<<<<<<"
"""Begins the line before our side of a conflict; a space and the name of the version follow."""

MARK_BETWEEN: Final = "======="

MARK_THEIRS: Final = ">>>>>>>"
"""Begins the line after their side."""


class Merged(NamedTuple):
    """What came of a merge."""

    text: str
    conflicts: int
    """Places where a person has to choose; none: the merge is clean."""


class Change(NamedTuple):
    """Lines of the old text, from `old` on, that became lines of the new one. Places count from 0."""

    old: int
    old_count: int
    new: int
    new_count: int


def merge(base: str, ours: str, theirs: str, our_name: str, their_name: str) -> Merged:
    """The three-way merge of two texts that come from one. None of them has a zero byte.

    Where both changed the same lines in different ways, both stand there between marks that name them.
    """
    if ours == theirs or theirs == base:
        return Merged(ours, 0)
    if ours == base:
        return Merged(theirs, 0)
    if not ours or not theirs:  # one took everything away, the other changed something
        return _both(ours, theirs, our_name, their_name)
    entries = [(base, "base"), (ours, our_name), (theirs, their_name)]
    result = _merge_with_git([(text.encode(), name) for text, name in entries])
    merged = Merged(result.contents, 0 if result.automergeable else _count_marks(result.contents, our_name))
    if lost_lines(base, ours, merged.text) or lost_lines(base, theirs, merged.text):
        return _both(ours, theirs, our_name, their_name)
    return merged


def lost_lines(base: str, side: str, merged: str) -> int:
    """How many of the lines that a side has beyond those of the base are not in the merged text."""
    added = Counter(side.split("\n"))
    added.subtract(base.split("\n"))
    there = Counter(merged.split("\n"))
    return sum(max(0, count - there[line]) for line, count in added.items() if line)


def has_marks(text: str) -> bool:
    """Does a text have a conflict that nobody settled: a line of marks before, and one after it?"""
    is_open = False
    for line in text.split("\n"):
        if line.startswith(f"{MARK_OURS} "):
            is_open = True
        elif is_open and line.startswith(f"{MARK_THEIRS} "):
            return True
    return False


def changes(old: str, new: str) -> list[Change]:
    """Which lines changed between two texts, in order. Both may be anything, also made to be slow."""
    if old == new:
        return []
    git = _git()
    patch: Any = git.Patch.create_from(
        old.encode(), new.encode(), context_lines=0, flag=git.enums.DiffOption.FORCE_TEXT
    )
    return [
        Change(
            hunk.old_start - (1 if hunk.old_lines else 0),
            hunk.old_lines,
            hunk.new_start - (1 if hunk.new_lines else 0),
            hunk.new_lines,
        )
        for hunk in patch.hunks
    ]


def _count_marks(text: str, name: str) -> int:
    return max(1, sum(line.startswith(f"{MARK_OURS} {name}") for line in text.split("\n")))


def _both(ours: str, theirs: str, our_name: str, their_name: str) -> Merged:
    parts = (f"{MARK_OURS} {our_name}\n", ours, f"{MARK_BETWEEN}\n", theirs, f"{MARK_THEIRS} {their_name}\n")
    return Merged("".join(part if not part or part.endswith("\n") else f"{part}\n" for part in parts), 1)


@functools.cache
def _git() -> ModuleType:
    """The library, told to look for nobody's settings."""
    import pygit2
    import pygit2.enums

    level = pygit2.enums.ConfigLevel
    for place in (level.PROGRAMDATA, level.SYSTEM, level.XDG, level.GLOBAL):
        pygit2.settings.search_path[place] = ""
    return pygit2


@functools.cache
def _in_memory() -> type:
    """A class of object stores that keep what they are given in a dictionary."""
    git = _git()

    class InMemory(git.OdbBackend):  # type: ignore[misc, name-defined]
        """Objects by their ids."""

        def __init__(self) -> None:
            super().__init__()
            self._objects: dict[Hashable, tuple[int, bytes]] = {}

        def read_cb(self, oid: Hashable) -> tuple[int, bytes]:
            """Kind and content of an object."""
            return self._objects[oid]

        def read_header_cb(self, oid: Hashable) -> tuple[int, int]:
            """Kind and size of an object."""
            kind, data = self._objects[oid]
            return kind, len(data)

        def write_cb(self, oid: Hashable, data: bytes, kind: int) -> None:
            """Keep an object."""
            self._objects[oid] = (kind, data)

        def exists_cb(self, oid: Hashable) -> bool:
            """Is an object here?"""
            return oid in self._objects

        def refresh_cb(self) -> None:
            """Nobody else adds objects."""

    return InMemory


def _merge_with_git(texts: Sequence[tuple[bytes, str]]) -> "pygit2.index.MergeFileResult":
    git = _git()
    repository, objects = git.Repository(), git.Odb()
    objects.add_backend(_in_memory()(), 1)
    repository.set_odb(objects)
    entries = [
        git.IndexEntry(name, repository.create_blob(data), git.enums.FileMode.BLOB) for data, name in texts
    ]
    result: pygit2.index.MergeFileResult = repository.merge_file_from_index(*entries)
    return result
