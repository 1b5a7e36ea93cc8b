"""Documents in other languages: what is translated, the sheet for it, and what a sheet makes. Synchronous."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.apps.documents.bodies import Rendered, source_digest
from node.apps.documents.reading import Turned, turn
from node.apps.documents.service import Row
from node.apps.documents.translations import Line, State
from node.apps.documents.units import Unit
from node.drafting import sheets
from node.drafting.lookup import Lookup
from node.errors import BadData, Missing
from node.languages import choose, read_tag, suits
from node.looking import Json
from node.quoting import quoted
from store.ids import EntryId, to_text


class Stand(NamedTuple):
    """A version of a document, and how its translation into a language stands."""

    row: Row
    units: tuple[Unit, ...]
    turned: Turned


class Draft(NamedTuple):
    """A translation that could be published."""

    row: Row
    """The version that it is of."""
    language: str
    title: str
    units: list[Rendered]
    follows: list[EntryId]
    """The translations that it follows."""
    stand: Turned
    """How the translation stood before."""


class Turning:
    """Translations of the documents of one home."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def stand(self, name: str, language: str, version: str | None = None) -> Stand:
        """How the translation of a version, else of the newest current one, into a language stands.

        The tag is taken as it is. Raises: Missing, Ambiguous; BadData: no tag, or that of the text itself.
        """
        tag = read_tag(language)
        _, row = self._lookup.version(name, version)
        if row.language == tag:
            raise BadData(f"{quoted(row.name)} is in that language itself.", "Name another: --lang TAG")
        return self._stand(row, tag)

    def suiting(self, row: Row, language: str) -> Stand | None:
        """A version in the language, among those into which it was translated, that suits a reader of
        `language` best; None where the text itself does. Raises: Missing: there is none; BadData.
        """
        wanted = read_tag(language)
        if suits(row.language, wanted):
            return None
        there = sorted({each.turned for each in self._lookup.translations(row.name)})
        best = choose(there, (wanted,))
        if best is None:
            known = f"There are: {', '.join(there)}." if there else "There is none into any language."
            raise Missing(
                f"{quoted(row.name)} is not translated into {wanted}. {known}",
                f"Translate it: aster doc translate {row.name} --lang {wanted}",
            )
        return self._stand(row, there[best])

    def _stand(self, row: Row, tag: str) -> Stand:
        reader = self._lookup.reader
        units = reader.units(row)
        return Stand(row, units, turn(reader, units, tag, self._lookup.translations(row.name)))

    def sheet(self, stand: Stand, due: bool) -> str:
        """The sheet for a translator; `due`: without what is fine."""
        turned = stand.turned
        lines = [line for line in turned.lines if not due or line.state is not State.FINE]
        begun_from = tuple(to_text(row.id) for row in turned.current)
        head = sheets.Head(stand.row.name, to_text(stand.row.id), turned.language, turned.title, begun_from)
        return sheets.write(head, lines, self._was(stand))

    def draft(self, text: str) -> Draft:
        """What a sheet makes. Raises: BadData, Missing, Ambiguous."""
        sheet = sheets.read(text)
        stand = self.stand(sheet.head.document, sheet.head.language, sheet.head.version)
        turned = stand.turned
        wanted = set(sheet.head.begun_from)
        rows = [row for row in self._lookup.all_translations(stand.row.name) if to_text(row.id) in wanted]
        begun = turn(self._lookup.reader, stand.units, turned.language, rows)
        made = sheets.rendered_from(sheet, turned.lines, begun.lines)
        if not made:
            raise BadData("The sheet has no translation in it.", "Write below the lines that begin with >.")
        title = turned.title if sheet.head.title == begun.title else sheet.head.title
        if title == turned.title and made == [x.rendered for x in turned.lines if x.rendered]:
            raise BadData(
                "The sheet changes nothing.", "Write below the paragraphs, or change a state to: fine"
            )
        follows = [row.id for row in turned.current]
        return Draft(stand.row, turned.language, title, made, follows, turned)

    def _was(self, stand: Stand) -> dict[bytes, str]:
        """What out-of-date units were when they were translated, as far as that is known here."""
        wanted = {
            (line.unit.id, line.rendered.source)
            for line in stand.turned.lines
            if line.state is State.OUT_OF_DATE and line.rendered is not None
        }
        found: dict[bytes, str] = {}
        rows = self._lookup.versions_of(stand.row.name) if wanted else []
        for row in rows[:_MAX_LOOKED_AT]:
            if len(found) == len(wanted):
                break
            try:
                units = self._lookup.reader.units(row)
            except Missing:
                continue
            for unit in units:
                if (unit.id, source_digest(unit.text)) in wanted:
                    found.setdefault(unit.id, unit.text)
        return found


_MAX_LOOKED_AT: Final = 100
"""Versions that are searched, newest first, for what an out-of-date paragraph was."""


def shown_counts(turned: Turned) -> Json:
    """How many units are in which state, as answers show it."""
    counts = turned.counts
    return {
        "language": turned.language,
        "title": turned.title,
        "fine": counts.fine,
        "out_of_date": counts.out_of_date,
        "missing": counts.missing,
        "translations": [to_text(row.id) for row in turned.current],
    }


def shown_lines(lines: Sequence[Line]) -> list[Json]:
    """Units with their translations, as answers show them."""
    return [
        {
            "unit": line.unit.id.hex(),
            "state": str(line.state),
            "source": line.unit.text,
            "text": None if line.rendered is None else line.rendered.text,
        }
        for line in lines
    ]
