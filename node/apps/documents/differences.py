"""What changed between two texts, line by line, as a unified diff; and who wrote which line.

Lines end with a line feed and nothing else; a last line without one is marked as `diff` marks it. What
changed is found by `node.apps.documents.merging`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.documents.merging import Change, changes
from store.ids import EntryId

CONTEXT_LINES: Final = 3
"""Unchanged lines around a change."""

_NO_END: Final = "\\ No newline at end of file"


class Ancestry(NamedTuple):
    """Versions of a document that a later one comes from, the latest first: none stands before one that
    follows it."""

    order: Sequence[EntryId]
    follows: Mapping[EntryId, Sequence[EntryId]]


def unified(old: str, new: str, old_label: str, new_label: str) -> str:
    """The unified diff from `old` to `new`; empty where they are equal."""
    before, after = lines_of(old), lines_of(new)
    hunks = [text for hunk in _hunks(changes(old, new)) for text in _shown(hunk, before, after)]
    return "".join([f"--- {old_label}\n+++ {new_label}\n", *hunks]) if hunks else ""


def lines_of(text: str) -> list[str]:
    """Lines with their line feeds."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def blame(newest: EntryId, ancestry: Ancestry, text_of: Callable[[EntryId], str | None]) -> list[EntryId]:
    """For each line of the text of `newest`: the version in which it first stood.

    `text_of` gives None where a text is not here; what came from there or from before it, is given to the
    version after it. Only two texts are asked for at a time.
    """
    found = [newest] * len(lines_of(text_of(newest) or ""))
    asked: dict[EntryId, dict[int, list[int]]] = {newest: {at: [at] for at in range(len(found))}}
    for version in ancestry.order:
        open_lines = asked.pop(version, {})
        text = text_of(version) if open_lines else None
        for earlier in ancestry.follows.get(version, ()) if text is not None else ():
            older = text_of(earlier) if open_lines else None
            if older is None or text is None:
                continue
            kept = _kept(changes(older, text), len(lines_of(text)))
            there = asked.setdefault(earlier, {})
            for at in [at for at in open_lines if at in kept]:
                there.setdefault(kept[at], []).extend(open_lines.pop(at))
        for places in open_lines.values():
            for place in places:
                found[place] = version
    return found


def _kept(changed: Sequence[Change], count: int) -> dict[int, int]:
    """Where lines of the newer text stand in the older one, without those that are new."""
    kept: dict[int, int] = {}
    at = before = 0
    for change in changed:
        kept.update((at + step, before + step) for step in range(change.new - at))
        at, before = change.new + change.new_count, change.old + change.old_count
    kept.update((at + step, before + step) for step in range(count - at))
    return kept


def _hunks(changed: Sequence[Change]) -> list[list[Change]]:
    """Changes whose contexts meet, together."""
    hunks: list[list[Change]] = []
    for change in changed:
        last = hunks[-1][-1] if hunks else None
        if last is not None and change.old - (last.old + last.old_count) <= 2 * CONTEXT_LINES:
            hunks[-1].append(change)
        else:
            hunks.append([change])
    return hunks


def _shown(hunk: Sequence[Change], before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    lead = min(CONTEXT_LINES, first.old)
    end = min(last.old + last.old_count + CONTEXT_LINES, len(before))
    stop = last.new + last.new_count + end - last.old - last.old_count
    old, new = first.old - lead, first.new - lead
    yield f"@@ -{_place(old, end - old)} +{_place(new, stop - new)} @@\n"
    at = old
    for change in hunk:
        yield from _signed(" ", before[at : change.old])
        yield from _signed("-", before[change.old : change.old + change.old_count])
        yield from _signed("+", after[change.new : change.new + change.new_count])
        at = change.old + change.old_count
    yield from _signed(" ", before[at:end])


def _signed(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{_NO_END}\n"


def _place(before: int, count: int) -> str:
    """Where lines stand, as a hunk says it: of none, the line before them."""
    first = before + 1 if count else before
    return f"{first}" if count == 1 else f"{first},{count}"
