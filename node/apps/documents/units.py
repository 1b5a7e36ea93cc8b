"""Units of a text: paragraphs with ids that stay while the text is worked on. Pure.

A unit is a paragraph with the blank lines after it; blank lines at the very beginning belong to the first.
The units of a text, joined, are the text. A line ends with a line feed; it is blank where it holds nothing
but white space.

The id of a unit has 8 bytes and is made from chance. Who writes a version that follows others gives a unit
that these have already, or one much like it, the id that it has there. Only so does a translation know
which paragraphs have changed. Ids decide nothing else: a wrong one costs a translator some work.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

UNIT_ID_BYTES: Final = 8
"""Length of a unit's id: among the 65,536 units of the longest text two are equal once in ten thousand
million texts."""

MAX_UNITS: Final = 65_536
"""Units of one text; what comes after the last one begins belongs to it."""

MAX_STEPS: Final = 4_000_000
"""Letter pairs compared to find units that were changed, a second or two; beyond it they count as new."""

NEAREST: Final = 16
"""Units in about the same place to which one that was changed is compared first."""

ALIKE: Final = 0.4
"""Units that share this part of their letter pairs are one unit that was changed."""

Chance = Callable[[int], bytes]
"""So many bytes from chance, as `os.urandom` gives them."""


class Unit(NamedTuple):
    """A paragraph."""

    id: bytes
    """8 bytes."""
    text: str


class _Place(NamedTuple):
    """A unit that has found no partner, and between which others it stands."""

    at: int
    gap: int
    """The unit before it, in the older text, that has one; -1: none."""
    pairs: "Counter[str]"


def split(text: str) -> list[str]:
    """The texts of the units of a text, at most `MAX_UNITS`; none where it is empty."""
    units: list[str] = []
    start = at = 0
    is_begun = is_over = False
    while at < len(text) and len(units) < MAX_UNITS - 1:
        end = text.find("\n", at) + 1 or len(text)
        is_blank = not text[at:end].strip()
        if is_over and not is_blank:
            units.append(text[start:at])
            start, is_over = at, False
        is_begun = is_begun or not is_blank
        is_over = is_begun and is_blank
        at = end
    return [*units, text[start:]] if start < len(text) else units


def join(units: Sequence[Unit]) -> str:
    """The text that has these units."""
    return "".join(unit.text for unit in units)


def units_of(text: str, before: Sequence[Sequence[Unit]], chance: Chance) -> tuple[Unit, ...]:
    """The units of a text that follows others, each with an id of its own.

    `before`: the units of the versions that it follows. The first of them is looked at first.
    """
    texts = split(text)
    ids: list[bytes | None] = [None] * len(texts)
    taken: set[bytes] = set()
    for earlier in before:
        _give_equal(texts, earlier, ids, taken)
    for earlier in before:
        _give_alike(texts, earlier, ids, taken)
    return tuple(Unit(given or _fresh(taken, chance), text) for given, text in zip(ids, texts, strict=True))


def _fresh(taken: set[bytes], chance: Chance) -> bytes:
    while (made := chance(UNIT_ID_BYTES)) in taken:
        pass
    taken.add(made)
    return made


def _give_equal(
    texts: Sequence[str], earlier: Sequence[Unit], ids: list[bytes | None], taken: set[bytes]
) -> None:
    """Units that are the same, wherever they stand now; of several equal ones the first gets the first."""
    free: dict[str, list[bytes]] = {}
    for unit in reversed(earlier):
        if unit.id not in taken:
            free.setdefault(unit.text, []).append(unit.id)
    for at, text in enumerate(texts):
        if ids[at] is None and free.get(text):
            ids[at] = found = free[text].pop()
            taken.add(found)


def _give_alike(
    texts: Sequence[str], earlier: Sequence[Unit], ids: list[bytes | None], taken: set[bytes]
) -> None:
    """Units that were changed: first among those in about the same place, then anywhere."""
    old, new = _left_over(texts, earlier, ids, taken)
    found: dict[int, int] = {}
    used: set[int] = set()
    for pairs in (_pairs_in_place(old, new), ((a, b) for a in old for b in new)):
        scored = []
        steps = MAX_STEPS
        for before, after in pairs:
            steps -= len(before.pairs) + 1
            if steps < 0:
                break
            if before.at in used or after.at in found:
                continue
            likeness = _likeness(before.pairs, after.pairs)
            if likeness >= ALIKE:
                scored.append((-likeness, abs(before.at - after.at), after.at, before.at))
        for _, _, after_at, before_at in sorted(scored):
            if after_at not in found and before_at not in used:
                found[after_at] = before_at
                used.add(before_at)
    for after_at, before_at in found.items():
        ids[after_at] = earlier[before_at].id
        taken.add(earlier[before_at].id)


def _left_over(
    texts: Sequence[str], earlier: Sequence[Unit], ids: Sequence[bytes | None], taken: set[bytes]
) -> tuple[list[_Place], list[_Place]]:
    """The older units whose ids nobody has, and the newer ones without an id."""
    place = {unit.id: at for at, unit in enumerate(earlier)}
    old, gap = [], -1
    for at, unit in enumerate(earlier):
        if unit.id in taken:
            gap = at
        else:
            old.append(_Place(at, gap, _letter_pairs(unit.text)))
    new, gap = [], -1
    for at, text in enumerate(texts):
        given = ids[at]
        if given is None:
            new.append(_Place(at, gap, _letter_pairs(text)))
        else:
            gap = place.get(given, gap)
    return old, new


def _pairs_in_place(old: Sequence[_Place], new: Sequence[_Place]) -> Iterator[tuple[_Place, _Place]]:
    """Those that stand after the same unit and about as far behind it, each with the nearest `NEAREST`."""
    by_gap: dict[int, list[_Place]] = {}
    for each in old:
        by_gap.setdefault(each.gap, []).append(each)
    many = Counter(each.gap for each in new)
    rank: Counter[int] = Counter()
    for after in new:
        there = by_gap.get(after.gap, [])
        middle = rank[after.gap] * len(there) // many[after.gap]
        rank[after.gap] += 1
        start = max(0, min(middle - NEAREST // 2, len(there) - NEAREST))
        for before in there[start : start + NEAREST]:
            yield before, after


def _letter_pairs(text: str) -> "Counter[str]":
    letters = "".join(text.split()).casefold()
    return Counter(map("".join, pairwise(letters))) or Counter([letters])


def _likeness(one: "Counter[str]", other: "Counter[str]") -> float:
    """From 0 to 1: the part of their letter pairs that two texts have in common."""
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    common = sum(min(count, large[pair]) for pair, count in small.items() if pair in large)
    return 2 * common / (one.total() + other.total())
