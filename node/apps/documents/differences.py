"""What changed between two texts, line by line, as a unified diff. Pure.

Lines end with a line feed and nothing else; a last line without one is marked as `diff` marks it. Texts
come from anybody, so the work is bounded: what cannot be matched within `MAX_STEPS` is shown as replaced.
The diff is right in any case, only longer than it had to be.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final, NamedTuple

MAX_STEPS: Final = 5_000_000
"""Comparisons of lines for one diff, about a second."""

CONTEXT_LINES: Final = 3
"""Unchanged lines around a change."""

_NO_END: Final = "\\ No newline at end of file"

Range = tuple[int, int, int, int]
"""Lines from and to in the old text, from and to in the new one."""


class _Line(NamedTuple):
    """A line of the script that leads from the old text to the new one."""

    sign: str
    """Space, - or +."""
    text: str
    old: int
    """Lines of the old text before it."""
    new: int
    """Lines of the new text before it."""


def unified(old: str, new: str, old_label: str, new_label: str) -> str:
    """The unified diff from `old` to `new`; empty where they are equal."""
    before, after = _lines(old), _lines(new)
    script = list(_script(before, after, match_lines(before, after)))
    hunks = [text for hunk in _hunks(script) for text in _shown(script[hunk])]
    return "".join([f"--- {old_label}\n+++ {new_label}\n", *hunks]) if hunks else ""


def match_lines(before: Sequence[str], after: Sequence[str], steps: int = MAX_STEPS) -> list[tuple[int, int]]:
    """Pairs of places of equal lines, both ascending: what the texts have in common.

    Between the common ends, lines that stand once in either text are the first to be matched; what lies
    between those is looked at in the same way, and by `difflib` where no line stands once.
    """
    matched: list[tuple[int, int]] = []
    ranges: list[Range] = [(0, len(before), 0, len(after))]
    while ranges:
        low, high, start, end = ranges.pop()
        low, high, start, end = _trim(before, after, (low, high, start, end), matched)
        steps -= high - low + end - start
        if low == high or start == end or steps < 0:
            continue
        anchors = _anchors(before, after, (low, high, start, end))
        if anchors:
            matched += anchors
            edges = [(low - 1, start - 1), *anchors, (high, end)]
            ranges += ((i + 1, k, j + 1, m) for (i, j), (k, m) in pairwise(edges))
            continue
        old, new = before[low:high], after[start:end]
        steps -= _price(old, new)
        if steps >= 0:
            blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
            matched += ((low + i + n, start + j + n) for i, j, size in blocks for n in range(size))
    return sorted(matched)


def _trim(before: Sequence[str], after: Sequence[str], of: Range, matched: list[tuple[int, int]]) -> Range:
    """Match the beginnings and the ends that are equal; what lies between."""
    low, high, start, end = of
    while low < high and start < end and before[low] == after[start]:
        matched.append((low, start))
        low, start = low + 1, start + 1
    while low < high and start < end and before[high - 1] == after[end - 1]:
        high, end = high - 1, end - 1
        matched.append((high, end))
    return low, high, start, end


def _anchors(before: Sequence[str], after: Sequence[str], of: Range) -> list[tuple[int, int]]:
    """The longest ascending series of lines that stand exactly once on either side."""
    low, high, start, end = of
    old_counts, new_counts = Counter(before[low:high]), Counter(after[start:end])
    place = {after[j]: j for j in range(start, end) if new_counts[after[j]] == 1}
    pairs = [(i, place[before[i]]) for i in range(low, high) if before[i] in place]
    return _longest_ascent([pair for pair in pairs if old_counts[before[pair[0]]] == 1])


def _longest_ascent(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of pairs whose first ascends, the longest series whose second ascends too (patience sorting)."""
    tops: list[int] = []
    """Of each length, the pair with the smallest second that ends such a series."""
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        at, past = 0, len(tops)
        while at < past:
            middle = (at + past) // 2
            at, past = (middle + 1, past) if pairs[tops[middle]][1] < second else (at, middle)
        before.append(tops[at - 1] if at else -1)
        tops[at : at + 1] = [number]
    found: list[tuple[int, int]] = []
    number = tops[-1] if tops else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


def _price(old: Sequence[str], new: Sequence[str]) -> int:
    """At most so many comparisons `difflib` makes for these."""
    counts = Counter(new)
    return (len(old) + sum(counts[line] for line in old)) * (1 + min(len(old), len(new)))


def _lines(text: str) -> list[str]:
    """Lines with their line feeds."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _script(
    before: Sequence[str], after: Sequence[str], matched: Sequence[tuple[int, int]]
) -> Iterator[_Line]:
    old = new = 0
    for i, j in (*matched, (len(before), len(after))):
        while old < i:
            yield _Line("-", before[old], old, new)
            old += 1
        while new < j:
            yield _Line("+", after[new], old, new)
            new += 1
        if i < len(before):
            yield _Line(" ", before[i], old, new)
            old, new = old + 1, new + 1


def _hunks(script: Sequence[_Line]) -> list[slice]:
    """Parts of the script with changes and their context."""
    hunks: list[slice] = []
    for at, line in enumerate(script):
        if line.sign == " ":
            continue
        start, stop = max(0, at - CONTEXT_LINES), min(len(script), at + CONTEXT_LINES + 1)
        if hunks and start <= hunks[-1].stop:
            start = hunks.pop().start
        hunks.append(slice(start, stop))
    return hunks


def _shown(hunk: Sequence[_Line]) -> Iterator[str]:
    old = sum(line.sign != "+" for line in hunk)
    new = sum(line.sign != "-" for line in hunk)
    yield f"@@ -{_place(hunk[0].old, old)} +{_place(hunk[0].new, new)} @@\n"
    for line in hunk:
        yield line.sign + line.text if line.text.endswith("\n") else f"{line.sign}{line.text}\n{_NO_END}\n"


def _place(before: int, count: int) -> str:
    """Where lines stand, as a hunk says it: of none, the line before them."""
    first = before + 1 if count else before
    return f"{first}" if count == 1 else f"{first},{count}"
