"""Sheets for translators: a text file in which each paragraph of a document waits for its translation. Pure.

    # aster translation sheet 1
    # document: programme.md
    # version: <id of the version that is translated>
    # language: it
    # title: Il nostro programma
    # from: <ids of the translations that were current when the sheet was made>

    @@ 3f2a90b1c4d5e6f7 missing
    > We meet on Sunday.

    (the translation stands here)

    @@ … out of date
    < We meet on Saturday.
    > We meet on Sunday.

    Ci vediamo sabato.

Each part begins with `@@`, the id of the unit and its state. Lines with `>` are the paragraph as it is now,
lines with `<` what it was when it was translated. What follows is the translation. A part that is left as it
was keeps the translation that it has by then, perhaps a newer one of somebody else; an out-of-date one counts
as done once its text was changed, or its state was changed to `fine`. A part whose text was taken out has no
translation any more.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.translations import Line, State, with_ends_of
from node.errors import BadData
from node.quoting import quoted

_FIRST_LINE: Final = "# aster translation sheet 1"
_FIELD: Final = re.compile(r"# (document|version|language|title|from): ?(.*)")
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
    begun_from: tuple[str, ...] = ()
    """Ids of the translations that were current when the sheet was made."""


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
        f"# from: {' '.join(head.begun_from)}",
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
    begun_from = tuple(fields.get("from", "").split())
    return Sheet(Head(fields["document"], fields["version"], fields["language"], title, begun_from), parts)


def rendered_from(sheet: Sheet, now: Sequence[Line], begun: Sequence[Line]) -> list[Rendered]:
    """The units of the translation that a sheet makes, in the order of the text.

    `now`: how the version that the sheet is of is translated at this moment, `begun`: how it was when the
    sheet was made. Units that the sheet does not have stay as they are now. Raises: BadData: a part belongs
    to no unit of that version.
    """
    parts = {part.id: part for part in sheet.parts}
    unknown = parts.keys() - {line.unit.id for line in now}
    if unknown:
        raise BadData(f"The document has no paragraph {sorted(unknown)[0].hex()}.", _ADVICE)
    found = []
    for line, before in zip(now, begun, strict=True):
        part = parts.get(line.unit.id)
        made = line.rendered if part is None else _made(part, line, before)
        if made is not None:
            found.append(made)
    return found


def _made(part: Part, now: Line, begun: Line) -> Rendered | None:
    text = "\n".join(_without_source(part.lines, now.unit.text)).strip()
    if "\0" in text:
        raise BadData(f"The translation {quoted(text[:40])} has a zero byte.", "Take it out.")
    is_confirmed = begun.state is State.OUT_OF_DATE and part.state == State.FINE
    if text == ("" if begun.rendered is None else begun.rendered.text.strip()) and not is_confirmed:
        return now.rendered
    if not text:
        return None
    source = now.unit.text
    return Rendered(now.unit.id, source_digest(source), with_ends_of(source, text))


def _without_source(rows: Sequence[str], source: str) -> Sequence[str]:
    """The lines of a part without those at its top that show what is to be translated."""
    shown = _quoted(">", source)
    top = next((at for at, row in enumerate(rows) if not row.startswith("<")), len(rows))
    if top and rows[top : top + 1] != shown[:1]:
        top = 0
    for row in shown:
        if top < len(rows) and rows[top].rstrip() == row:
            top += 1
    return rows[top:]


def _quoted(sign: str, text: str) -> list[str]:
    return [f"{sign} {row}".rstrip() for row in text.strip().replace("\r\n", "\n").split("\n")]
