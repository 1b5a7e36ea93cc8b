"""Sheets for translators: a text file in which each paragraph of a document waits for its translation. Pure.

    # aster translation sheet 1
    # document: programme.md
    # version: <id of the version that is translated>
    # language: it
    # title: Il nostro programma

    @@ 3f2a90b1c4d5e6f7 missing
    > We meet on Sunday.

    (the translation stands here)

    @@ … out of date
    < We meet on Saturday.
    > We meet on Sunday.

    Ci vediamo sabato.

Each part begins with `@@`, the id of the unit and its state. Lines with `>` are the paragraph as it is now,
lines with `<` what it was when it was translated. What follows is the translation. A part that is left as it
was stays as it was; an out-of-date one counts as done once its text was changed, or its state was changed to
`fine`. A part without a text is left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.translations import Line, State, with_ends_of
from node.apps.documents.units import Unit
from node.errors import BadData
from node.quoting import quoted

_FIRST_LINE: Final = "# aster translation sheet 1"
_FIELD: Final = re.compile(r"# (document|version|language|title): ?(.*)")
_PART: Final = re.compile(r"@@ ([0-9a-f]{16})\b ?(.*)")
_ADVICE: Final = "Make a fresh one: aster doc translate NAME --lang LANG --to FILE"


class Head(NamedTuple):
    """What a sheet is for."""

    document: str
    version: str
    """The id of the version that is translated."""
    language: str
    title: str
    """In that language; may be empty."""


class Part(NamedTuple):
    """One paragraph of a sheet that somebody has filled in."""

    id: bytes
    """Of the unit, 8 bytes."""
    state: str
    """As it stands there."""
    lines: list[str]
    """All that follows the line with the id."""


class Sheet(NamedTuple):
    """A sheet that was read."""

    head: Head
    parts: list[Part]


def write(head: Head, lines: Sequence[Line], was: Mapping[bytes, str]) -> str:
    """The sheet for these units. `was`: what out-of-date ones were when they were translated, by unit."""
    written = [
        _FIRST_LINE,
        f"# document: {head.document}",
        f"# version: {head.version}",
        f"# language: {head.language}",
        f"# title: {head.title}",
        "#",
        "# Write each translation below the paragraph that begins with >. What you leave empty stays",
        "# untranslated. Of what is out of date, < shows the paragraph as it was. Change the translation, or",
        "# where it is still right, change the words 'out of date' to: fine",
        "",
    ]
    for line in lines:
        written.append(f"@@ {line.unit.id.hex()} {line.state}")
        if line.state is State.OUT_OF_DATE and line.unit.id in was:
            written += _quoted("<", was[line.unit.id])
        written += [*_quoted(">", line.unit.text), ""]
        if line.rendered is not None:
            written += line.rendered.text.strip().split("\n")
        written.append("")
    return "\n".join(written)


def read(text: str) -> Sheet:
    """The sheet that a text is. Raises: BadData: it is none."""
    rows = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if rows[0].rstrip() != _FIRST_LINE:
        raise BadData("This is no translation sheet: its first line is missing.", _ADVICE)
    fields: dict[str, str] = {}
    parts: list[Part] = []
    for row in rows[1:]:
        part = _PART.fullmatch(row)
        if part is not None:
            parts.append(Part(bytes.fromhex(part[1]), part[2].strip(), []))
        elif parts:
            parts[-1].lines.append(row)
        elif (field := _FIELD.fullmatch(row)) is not None:
            fields.setdefault(field[1], field[2].strip())
    lacking = {"document", "version", "language"} - fields.keys()
    if lacking:
        raise BadData(f"The sheet does not say its {sorted(lacking)[0]}.", _ADVICE)
    if len({part.id for part in parts}) < len(parts):
        raise BadData("A paragraph stands twice in the sheet.", "Take one of the two out.")
    title = fields.get("title", "")
    return Sheet(Head(fields["document"], fields["version"], fields["language"], title), parts)


def rendered_from(
    sheet: Sheet, units: Sequence[Unit], lines: Sequence[Line], was: Mapping[bytes, str]
) -> list[Rendered]:
    """The units of the translation that a sheet makes, in the order of the text.

    `units`, `lines`, `was`: of the version that the sheet is of, as at `write`; units that the sheet does
    not have stay as they are. Raises: BadData: a part belongs to no unit of that version.
    """
    parts = {part.id: part for part in sheet.parts}
    unknown = parts.keys() - {unit.id for unit in units}
    if unknown:
        raise BadData(f"The document has no paragraph {sorted(unknown)[0].hex()}.", _ADVICE)
    found = []
    for line in lines:
        part = parts.get(line.unit.id)
        made = line.rendered if part is None else _made(part, line, was.get(line.unit.id))
        if made is not None:
            found.append(made)
    return found


def _made(part: Part, line: Line, was: str | None) -> Rendered | None:
    text = "\n".join(_without_source(part.lines, line.unit.text, was)).strip()
    if "\0" in text:
        raise BadData(f"The translation {quoted(text[:40])} has a zero byte.", "Take it out.")
    if not text:
        return None
    kept = line.rendered
    if kept is not None and kept.text.strip() == text and part.state != State.FINE:
        return kept
    return Rendered(line.unit.id, source_digest(line.unit.text), with_ends_of(line.unit.text, text))


def _without_source(rows: Sequence[str], source: str, was: str | None) -> Iterator[str]:
    """The lines of a part without those that show what is to be translated."""
    expected = [*(_quoted("<", was) if was is not None else ()), *_quoted(">", source)]
    at = 0
    for row in rows:
        if expected[at:] and row.rstrip() in (each.rstrip() for each in expected[at:]):
            at += [each.rstrip() for each in expected[at:]].index(row.rstrip()) + 1
            continue
        if row.strip():
            at = len(expected)
        yield row


def _quoted(sign: str, text: str) -> list[str]:
    return [f"{sign} {row}".rstrip() for row in text.strip().replace("\r\n", "\n").split("\n")]
