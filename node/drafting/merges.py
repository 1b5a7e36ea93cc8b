"""What comes of several current versions of a document. Synchronous; publishes nothing."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.documents import service as documents
from node.apps.documents.bases import Heading, bases, merge_headings, merge_versions
from node.apps.documents.bodies import MAX_FOLLOWS
from node.apps.documents.service import Row
from node.drafting.lookup import Lookup
from node.looking import Json
from store.ids import EntryId, to_text

MAX_TRIED: Final = 32
"""Current versions with which one merge is tried, the newest: each costs a merge of texts, and anybody can
publish thousands. The others are left for the next merge."""


class Plan(NamedTuple):
    """A merge that could be published, or that a person has to settle first."""

    text: str
    """With marks where there are conflicts."""
    heading: Heading
    follows: list[Row]
    """The versions of which it is the merge."""
    left: list[Row]
    """Current versions that it does not hold."""
    conflicts: int

    def shown(self) -> Json:
        """As answers show it."""
        return {
            "text": self.text,
            "conflicts": self.conflicts,
            "follows": [to_text(row.id) for row in self.follows],
            "left": [to_text(row.id) for row in self.left],
        }


class _Versions(NamedTuple):
    """The versions of a document, looked up once for all merges of a plan."""

    by_id: Mapping[EntryId, Row]
    follows: Mapping[EntryId, Sequence[EntryId]]


class Merges:
    """Merges of the versions of one home."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def plan(self, rows: Sequence[Row]) -> Plan:
        """What comes of the current versions among all versions of a document.

        All that merge cleanly with the newest are merged, of the next `MAX_TRIED` and as many as one version
        can follow. Where none does, the newest is merged with the
        next, and the conflicts of these two are marked. Raises: Missing: a text is not here.
        """
        current, among = documents.heads(rows), self._among(rows)
        newest, others = current[0], current[1:]
        text = self._lookup.reader.text(newest)
        result = Plan(text, heading_of(newest), [newest], [], 0)
        for place, other in enumerate(others):
            if place >= MAX_TRIED or len(result.follows) >= MAX_FOLLOWS:
                result = result._replace(left=[*result.left, *others[place:]])
                break
            merged = self._with(result, other, among)
            result = result._replace(left=[*result.left, other]) if merged.conflicts else merged
        if result.left and len(result.follows) == 1:
            other, *left = result.left
            return self._with(result, other, among)._replace(left=left)
        return result

    def catch_up(self, rows: Sequence[Row], before: Sequence[Row], text: str) -> Plan:
        """What comes of a text that was written after the versions `before`, and of what others wrote since.

        What does not fit into one version is left. Where there are conflicts the plan says so, and is of the
        first that has some. Raises: Missing.
        """
        known = {row.id for row in before}
        among = self._among(rows)
        result = Plan(text, heading_of(before[0]) if before else Heading("", "", "", (), False), [], [], 0)
        result = result._replace(follows=list(before))
        others = [row for row in documents.heads(rows) if row.id not in known]
        for place, other in enumerate(others):
            standing = _standing([*result.follows, other], among.follows)
            if result.conflicts or place >= MAX_TRIED or len(standing) > MAX_FOLLOWS:
                result = result._replace(left=others[place:])
                break
            result = self._with(result, other, among)
        return result._replace(follows=_standing(result.follows, among.follows))

    def _among(self, rows: Sequence[Row]) -> _Versions:
        return _Versions({row.id: row for row in rows}, self._lookup.follows(rows))

    def _with(self, plan: Plan, other: Row, among: _Versions) -> Plan:
        """The same plan with one more version."""
        by_id, follows = among
        done = [row.id for row in plan.follows]
        ours = " and ".join(self._lookup.label(row) for row in plan.follows) or "yours"
        merged = merge_versions(
            done,
            plan.text,
            other.id,
            follows,
            lambda version: self._lookup.text_of(by_id, version),
            (ours, self._lookup.label(other)),
        )
        found = bases(done, [other.id], follows)
        base = heading_of(by_id[found[0]]) if len(found) == 1 else None
        heading = merge_headings(base, plan.heading, heading_of(other))
        return plan._replace(
            text=merged.text, heading=heading, follows=[*plan.follows, other], conflicts=merged.conflicts
        )


def heading_of(row: Row) -> Heading:
    """What a version in the view says about its text."""
    return Heading(row.title, row.media_type, row.language, row.tags, row.public)


def _standing(rows: Sequence[Row], follows: Mapping[EntryId, Sequence[EntryId]]) -> list[Row]:
    """Versions without those that others of them come from."""
    superseded = {each for row in rows for each in _ancestry(row.id, follows)}
    return [row for row in rows if row.id not in superseded]


def _ancestry(version: EntryId, follows: Mapping[EntryId, Sequence[EntryId]]) -> set[EntryId]:
    """All that a version comes from, without itself."""
    found: set[EntryId] = set()
    waiting = list(follows.get(version, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += follows.get(each, ())
    return found
