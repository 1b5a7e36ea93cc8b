"""Sheets for translators: what goes in comes out, and nobody's translation is lost through one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.translations import Line, compare
from node.apps.documents.units import Unit
from node.drafting.sheets import Head, read, rendered_from, write
from node.errors import BadData

HEAD = Head("plan", "version-id", "it", "Il piano", ("one-id", "other-id"))
UNITS = (
    Unit(b"unit-1..", "# Plan\n\n"),
    Unit(b"unit-2..", "We meet.\n> Quoted.\n\n"),
    Unit(b"unit-3..", "End.\n"),
)


def turned(unit: Unit, text: str, source: str | None = None) -> Rendered:
    return Rendered(unit.id, source_digest(unit.text if source is None else source), text)


def stand(*rendered: Rendered) -> list[Line]:
    return compare(UNITS, [rendered])


def filled(sheet: str, **texts: str) -> str:
    """The sheet with texts at the ends of parts, and old ones taken out."""
    parts = sheet.split("@@ ")
    for at, part in enumerate(parts):
        for name, text in texts.items():
            if part.startswith(name.encode().ljust(8, b".").replace(b"_", b"-").hex()):
                top = part.rindex("\n> ") if "\n> " in part else 0
                end = part.index("\n", top + 1)
                parts[at] = f"{part[: end + 1]}\n{text}\n\n"
    return "@@ ".join(parts)


def test_a_sheet_reads_as_it_should() -> None:
    old = turned(UNITS[1], "Vediamoci.\n", "We met.\n")
    lines = stand(turned(UNITS[0], "# Piano\n\n"), old)
    sheet = write(HEAD, lines, {UNITS[1].id: "We met.\n"})
    assert sheet.endswith(
        f"@@ {UNITS[0].id.hex()} fine\n> # Plan\n\n# Piano\n\n"
        f"@@ {UNITS[1].id.hex()} out of date\n< We met.\n> We meet.\n> > Quoted.\n\nVediamoci.\n\n"
        f"@@ {UNITS[2].id.hex()} missing\n> End.\n\n"
    )
    assert read(sheet).head == HEAD


def test_a_sheet_that_nobody_filled_in_changes_nothing() -> None:
    lines = stand(turned(UNITS[0], "# Piano\n\n"), turned(UNITS[1], "Vediamoci.\n", "We met.\n"))
    sheet = read(write(HEAD, lines, {UNITS[1].id: "We met.\n"}))
    assert rendered_from(sheet, lines, lines) == [line.rendered for line in lines[:2]]


def test_what_is_written_becomes_the_translation() -> None:
    lines = stand(turned(UNITS[1], "Vediamoci.\n", "We met.\n"))
    sheet = filled(write(HEAD, lines, {}), unit_1="# Piano", unit_2="> Citato.\n\nCi vediamo.")
    made = rendered_from(read(sheet), lines, lines)
    assert made == [turned(UNITS[0], "# Piano\n\n"), turned(UNITS[1], "> Citato.\n\nCi vediamo.\n\n")]


def test_what_is_right_still_is_confirmed_by_its_state() -> None:
    lines = stand(turned(UNITS[1], "Ci vediamo.", "We met.\n"))
    sheet = write(HEAD, lines, {}).replace("out of date\n", "fine\n")
    assert rendered_from(read(sheet), lines, lines) == [turned(UNITS[1], "Ci vediamo.\n\n")]


def test_a_text_that_is_taken_out_is_translated_no_more() -> None:
    lines = stand(turned(UNITS[0], "# Piano\n\n"))
    sheet = write(HEAD, lines, {}).replace("# Piano\n", "")
    assert rendered_from(read(sheet), lines, lines) == []


def test_what_others_translated_meanwhile_stays() -> None:
    begun = stand(turned(UNITS[0], "# Piano\n\n"), turned(UNITS[1], "Vecchio.", "We met.\n"))
    now = stand(turned(UNITS[0], "# Il piano\n\n"), turned(UNITS[1], "Nuovo."), turned(UNITS[2], "Fine."))
    sheet = read(write(HEAD, begun, {UNITS[1].id: "We met.\n"}))
    assert rendered_from(sheet, now, begun) == [line.rendered for line in now]
    sheet = read(filled(write(HEAD, begun[1:], {}), unit_3="La fine."))
    assert rendered_from(sheet, now, begun) == [
        now[0].rendered,
        now[1].rendered,
        turned(UNITS[2], "La fine.\n"),
    ]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    lines = stand()
    sheet = "\ufeff" + filled(write(HEAD, lines, {}), unit_3="Fine.").replace("\n", "\r\n")
    assert rendered_from(read(sheet), lines, lines) == [turned(UNITS[2], "Fine.\n")]


@pytest.mark.parametrize(
    "sheet",
    [
        "",
        "no sheet",
        "# aster translation sheet 1\n",
        "# aster translation sheet 1\n# document: a\n# version: b\n",
        write(HEAD, stand(), {}) + write(HEAD, stand(), {}),
    ],
)
def test_what_is_no_sheet_is_refused(sheet: str) -> None:
    with pytest.raises(BadData):
        read(sheet)


def test_a_paragraph_that_the_document_does_not_have_is_refused() -> None:
    sheet = read(write(HEAD, stand(), {}) + "\n@@ 0000000000000000 missing\ntext\n")
    with pytest.raises(BadData):
        rendered_from(sheet, stand(), stand())
    with pytest.raises(BadData):
        rendered_from(read(filled(write(HEAD, stand(), {}), unit_3="a\0b")), stand(), stand())


@settings(deadline=None)
@given(st.text())
def test_noise_is_refused_or_read(noise: str) -> None:
    for text in (noise, write(HEAD, stand(), {}) + noise):
        try:
            rendered_from(read(text), stand(), stand())
        except BadData:
            continue


@given(st.lists(st.text("ab> <\n@#", min_size=1, max_size=12).filter(str.strip), min_size=3, max_size=3))
def test_any_text_can_be_the_translation_of_any_other(texts: list[str]) -> None:
    units = [Unit(bytes([at]) * 8, text) for at, text in enumerate(texts)]
    lines = compare(units, [])
    sheet = write(HEAD, lines, {})
    for unit in units:
        mark = f"@@ {unit.id.hex()} missing\n"
        top = sheet.index(mark) + len(mark)
        end = sheet.index("\n\n", top)
        sheet = f"{sheet[:end]}\n\n{unit.text.strip()}\n{sheet[end:]}"
    assert [made.text for made in rendered_from(read(sheet), lines, lines)] == texts
