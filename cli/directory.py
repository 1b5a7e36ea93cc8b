"""`aster directory list|show|search|export`: members and sections, as they describe themselves."""

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.profile import show_record
from cli.render import Screen, count_of
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadRequest

InSection = Annotated[
    str | None, typer.Option("--section", metavar="SECTION", help="Only this section and its members.")
]
Speaking = Annotated[
    str | None,
    typer.Option("--language", "--lang", metavar="TAG", help="Only who names this language, such as de."),
]
Public = Annotated[
    bool, typer.Option("--public", help="Only what everybody may see, and those who have such a field.")
]

COLUMNS: Final = (
    "type",
    "id",
    "name",
    "names",
    "sections",
    "territory",
    "languages",
    "contacts",
    "pages",
    "about",
    "hubs",
    "picture",
)
"""Of a table that is exported; several values in one column have a semicolon between them."""

_SHORT_CHARS: Final = 50
"""Of a text in a list."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would calculate."""


def list_directory(
    section: InSection = None,
    language: Speaking = None,
    public: Public = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the sections, then the members, with what they say of themselves in short.

    Examples:
    aster directory list
    aster directory list --section Lyon --language ar
    """
    _show_all(Screen(as_json, quiet), _records(section, language, public, limit=limit))


def search(
    words: Annotated[str, typer.Argument(metavar="WORDS", help="Beginnings of words.", show_default=False)],
    section: InSection = None,
    language: Speaking = None,
    public: Public = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find members and sections: all the words have to occur, in names, texts, places or contacts.

    Examples:
    aster directory search bread
    aster directory search "lyon bak" --language ar
    """
    found = _records(section, language, public, limit=limit, search=check_argument(words))
    _show_all(Screen(as_json, quiet), found)


def show(
    who: Annotated[
        str | None,
        typer.Argument(metavar="WHO", help="A member or a section, by name or id.", show_default=False),
    ] = None,
    section: Annotated[
        str | None, typer.Option("--section", metavar="SECTION", help="A section, by name or id.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what a member, or a section, says of itself.

    Examples:
    aster directory show bob
    aster directory show --section Lyon
    """
    screen = Screen(as_json, quiet)
    if (who is None) is (section is None):
        raise BadRequest("Say whom: a member, or --section.", "For example: aster directory show bob")
    record = Session().call(
        "directory/show",
        who=None if who is None else check_argument(who),
        section=None if section is None else check_argument(section),
    )
    show_record(screen, record)
    if not record["fields"]:
        screen.note("There is no profile of theirs here.")


def export(
    as_csv: Annotated[
        bool, typer.Option("--csv", help="A table for spreadsheets instead of one JSON object a line.")
    ] = False,
    section: InSection = None,
    language: Speaking = None,
    public: Public = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print the whole directory for other programs: one JSON object a line, or a table as CSV.

    It has what members told each other in confidence, unless you say --public.

    Examples:
    aster directory export > directory.jsonl
    aster directory export --csv --public > directory.csv
    """
    screen = Screen(True, quiet)
    if as_csv and as_json:
        raise BadRequest("--csv and --json contradict each other.", "Give one of them.")
    records = list(_records(section, language, public))
    if not as_csv:
        for record in records:
            screen.emit(record)
    else:
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([_cell(text) for text in _row(record)] for record in records)
        screen.raw(out.getvalue())
    screen.note(f"{count_of(len(records), 'record')}.")


def _records(
    section: str | None,
    language: str | None,
    public: bool,
    limit: int | None = None,
    search: str | None = None,
) -> Iterator[Json]:
    given = {"section": section, "language": language}
    checked = {name: None if text is None else check_argument(text) for name, text in given.items()}
    return Session().stream("directory/list", public=public or None, limit=limit, search=search, **checked)


def _show_all(screen: Screen, records: Iterator[Json]) -> None:
    if screen.as_json:
        for record in records:
            screen.emit(record)
        return
    shown = list(records)
    screen.table(
        (
            (
                record["name"],
                record["id"][:10],
                "section" if record["type"] == "section" else _sections(record),
                " ".join(_languages(record)),
                _in_short(record),
            )
            for record in shown
        ),
        ("NAME", "ID", "SECTIONS", "LANGUAGES", "ABOUT"),
    )
    if not shown:
        screen.note("Nobody fits.")


def _sections(record: Json) -> str:
    return ", ".join(each["name"] for each in record["sections"])


def _values(record: Json, field: str) -> list[str]:
    return [each["value"] for each in record["fields"] if each["field"] == field]


def _tagged(record: Json, field: str) -> list[str]:
    found = [each for each in record["fields"] if each["field"] == field]
    return [f"{each['tag']}: {each['value']}" if each["tag"] else each["value"] for each in found]


def _languages(record: Json) -> list[str]:
    return list(dict.fromkeys((*record.get("languages", ()), *_values(record, "language"))))


def _in_short(record: Json) -> str:
    """The beginning of the first text, else the territory."""
    said = [*_values(record, "about"), *_values(record, "territory"), record.get("territory") or ""]
    line = said[0].split("\n")[0]
    return line if len(line) <= _SHORT_CHARS else f"{line[: _SHORT_CHARS - 1]}…"


def _row(record: Json) -> list[str]:
    """The cells of `COLUMNS`."""
    sections = [each["name"] for each in record.get("sections", ())]
    territories = dict.fromkeys([*_values(record, "territory"), record.get("territory") or ""])
    several = (
        _tagged(record, "name"),
        sections,
        [each for each in territories if each],
        _languages(record),
        _tagged(record, "contact"),
        _values(record, "page"),
        _tagged(record, "about"),
        _values(record, "hub"),
        _values(record, "picture"),
    )
    return [record["type"], record["id"], record["name"], *("; ".join(each) for each in several)]


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, whoever wrote it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
