"""How far the translation of a document into one language has got, unit by unit. Pure.

Several people may translate one document at a time, each another part. So all current translations into a
language are read together: of each unit the newest rendering that was made from the text which stands there
now; where there is none, the newest of all, which is out of date.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.units import Unit


class State(StrEnum):
    """How the translation of a unit stands."""

    FINE = "fine"
    """It was made from the text that stands there now."""
    OUT_OF_DATE = "out of date"
    """The text was changed afterwards."""
    MISSING = "missing"


class Line(NamedTuple):
    """A unit with its translation."""

    unit: Unit
    state: State
    rendered: Rendered | None
    """None: missing."""


class Counts(NamedTuple):
    """How many units are in which state."""

    fine: int
    out_of_date: int
    missing: int


def compare(units: Sequence[Unit], newest_first: Iterable[Sequence[Rendered]]) -> list[Line]:
    """How each unit of a text stands in the current translations into one language, the newest first.

    A unit of white space alone needs no translation and is left out.
    """
    digests = {unit.id: source_digest(unit.text) for unit in units}
    fresh: dict[bytes, Rendered] = {}
    stale: dict[bytes, Rendered] = {}
    for translation in newest_first:
        for rendered in translation:
            if rendered.id in digests and rendered.text.strip():
                kept = fresh if rendered.source == digests[rendered.id] else stale
                kept.setdefault(rendered.id, rendered)
    return [_line(unit, fresh.get(unit.id), stale.get(unit.id)) for unit in units if unit.text.strip()]


def _line(unit: Unit, fresh: Rendered | None, stale: Rendered | None) -> Line:
    if fresh is not None:
        return Line(unit, State.FINE, fresh)
    return Line(unit, State.OUT_OF_DATE if stale else State.MISSING, stale)


def count(lines: Iterable[Line]) -> Counts:
    """How many units are in which state."""
    states = [line.state for line in lines]
    return Counts(*(states.count(state) for state in (State.FINE, State.OUT_OF_DATE, State.MISSING)))


def read_through(units: Sequence[Unit], lines: Iterable[Line]) -> str:
    """The text in the other language; units that nobody has translated stand there as they are."""
    rendered = {line.unit.id: line.rendered.text for line in lines if line.rendered is not None}
    return "".join(
        with_ends_of(unit.text, rendered[unit.id]) if unit.id in rendered else unit.text for unit in units
    )


def with_ends_of(source: str, text: str) -> str:
    """`text` with the blank lines around it that `source` has."""
    body = source.strip()
    start = source.index(body) if body else 0
    return source[:start] + text.strip() + source[start + len(body) :]
