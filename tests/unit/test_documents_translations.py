"""Translations: what is fine, out of date or missing, and the text that comes of it."""

from hypothesis import given
from hypothesis import strategies as st

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.translations import State, compare, count, read_through, with_ends_of
from node.apps.documents.units import Unit


def unit(number: int, text: str) -> Unit:
    return Unit(bytes([number]) * 8, text)


def turned(source: Unit, text: str) -> Rendered:
    return Rendered(source.id, source_digest(source.text), text)


UNITS = (unit(1, "\none\n\n"), unit(2, "two\n\n"), unit(3, "three\n"))


def states(*translations: list[Rendered]) -> list[State]:
    return [line.state for line in compare(UNITS, translations)]


def test_each_unit_is_fine_out_of_date_or_missing() -> None:
    old = unit(2, "two, as it was\n\n")
    lines = compare(UNITS, [[turned(UNITS[0], "uno"), turned(old, "due")]])
    assert [line.state for line in lines] == [State.FINE, State.OUT_OF_DATE, State.MISSING]
    assert count(lines) == (1, 1, 1)
    assert read_through(UNITS, lines) == "\nuno\n\ndue\n\nthree\n"


def test_of_several_translations_the_newest_that_fits_counts() -> None:
    old = unit(1, "old one\n\n")
    newest, before = [turned(old, "uno vecchio")], [turned(UNITS[0], "uno"), turned(UNITS[1], "due")]
    lines = compare(UNITS, [newest, before])
    assert [line.rendered.text if line.rendered else None for line in lines] == ["uno", "due", None]
    lines = compare(UNITS, [newest, [turned(unit(1, "older\n\n"), "uno antico")]])
    assert lines[0].rendered == newest[0]


def test_what_is_about_no_unit_that_stands_there_counts_for_nothing() -> None:
    assert states([turned(unit(9, "gone\n"), "andato")]) == [State.MISSING] * 3
    assert states([turned(UNITS[0], "  \n")]) == [State.MISSING] * 3


def test_white_space_needs_no_translation() -> None:
    assert compare([unit(1, "\n \n")], []) == []
    assert read_through([unit(1, "\n \n")], []) == "\n \n"


@given(st.text("a \n", max_size=8), st.text("b \n", max_size=8))
def test_a_translation_stands_between_the_blank_lines_of_its_source(source: str, text: str) -> None:
    made = with_ends_of(source, text)
    assert made.strip() == text.strip()
    if source.strip() and text.strip():
        assert made.index(text.strip()) == source.index(source.strip())
        assert len(made) - len(made.rstrip()) == len(source) - len(source.rstrip())
