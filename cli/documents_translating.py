"""`aster doc translate` and `status`: documents in other languages."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.documents import MAX_TEXT_BYTES, SHORT, Name, Public, Version, checked
from cli.documents_export import write_file
from cli.editor import drafting
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of
from cli.session import Json, Session
from cli.texts import check_argument, read_file
from node.errors import BadRequest

_MAX_SHEET_BYTES: Final = 3 * MAX_TEXT_BYTES
"""Longest sheet: a text, what it was before, and its translation."""

_EXCERPT_CHARS: Final = 60
"""Of a paragraph in a list."""

_STATES: Final = ("fine", "out_of_date", "missing")

_COLOURS: Final = {"fine": "green", "out of date": "yellow", "missing": "red"}


def translate(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The document's name.", show_default=False)
    ] = None,
    language: Annotated[
        str | None, typer.Option("--lang", metavar="TAG", help="Into which language, such as it or pt-BR.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE", help="Write a sheet to fill in; publish nothing."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Publish a sheet; - for standard input."),
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what is missing or out of date.")] = False,
    version: Version = None,
    public: Public = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Translate a document, paragraph by paragraph.

    A sheet shows each paragraph and what there is of its translation. It opens in your editor, or goes into
    a file (--to) that you fill in when you like and publish (--from). When the document changes, its
    paragraphs keep their identity, so that `aster doc status` knows which of them are out of date. Several
    people can translate one document, each another part.

    Examples:
    aster doc translate programme.md --lang it
    aster doc translate programme.md --lang it --due --to sheet.txt
    aster doc translate --from sheet.txt
    """
    screen = Screen(as_json, quiet)
    session = Session()
    if from_ is not None:
        if name is not None or language is not None or to is not None or due or version is not None:
            raise BadRequest("A sheet says itself what it is of.", "aster doc translate --from FILE")
        _publish(screen, session, read_file(from_, _MAX_SHEET_BYTES), public)
        return
    if name is None or language is None:
        raise BadRequest(
            "Say what is translated, and into which language.", "aster doc translate NAME --lang TAG"
        )
    document = check_argument(name)
    answer = session.call(
        "doc/sheet", name=document, language=checked(language), version=version, due=due or None
    )
    if to is not None:
        write_file(Path(to), answer["sheet"], force)
        _show_sheet(screen, answer, to)
        return
    with drafting(screen, "sheet.txt", _MAX_SHEET_BYTES, "aster doc translate --from PATH") as draft:
        written = draft.edit(answer["sheet"])
        if written == answer["sheet"]:
            screen.note("Nothing changed, so nothing was published.")
            return
        _publish(screen, session, written, public)


def _show_sheet(screen: Screen, answer: Json, path: str) -> None:
    if screen.as_json:
        screen.emit({**{key: value for key, value in answer.items() if key != "sheet"}, "file": path})
        return
    screen.say(path)
    screen.note(f"{_counted(answer)}. Fill it in, then: aster doc translate --from {path}")


def _publish(screen: Screen, session: Session, sheet: str, public: bool | None) -> None:
    answer = session.call("doc/translate", sheet=sheet, public=public)
    if screen.as_json:
        screen.emit(answer)
        return
    screen.say(str(answer["id"]))
    screen.note(f"Published {answer['name']!r} in {answer['language']}: {_counted(answer)}.")


def _counted(counts: Json) -> str:
    parts = [f"{counts['fine']} fine", f"{counts['out_of_date']} out of date", f"{counts['missing']} missing"]
    total = counts["fine"] + counts["out_of_date"] + counts["missing"]
    return f"{count_of(total, 'paragraph')}: {', '.join(parts)}"


def status(
    name: Name,
    language: Annotated[
        str | None, typer.Option("--lang", metavar="TAG", help="Paragraph by paragraph, in this language.")
    ] = None,
    version: Version = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show how far a document is translated, and what is out of date.

    Examples:
    aster doc status programme.md
    aster doc status programme.md --lang it
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "doc/status", name=check_argument(name), language=checked(language), version=version
    )
    if as_json:
        screen.emit(answer)
        return
    if language is None:
        screen.table(
            (
                (
                    each["language"],
                    str(each["fine"]),
                    str(each["out_of_date"]),
                    str(each["missing"]),
                    each["title"],
                )
                for each in answer["translations"]
            ),
            ("LANGUAGE", "FINE", "OUT OF DATE", "MISSING", "TITLE"),
        )
        if not answer["translations"]:
            screen.note(f"Nobody has translated it. Begin: aster doc translate {answer['name']} --lang TAG")
        return
    for unit in answer["units"]:
        screen.say(
            Styled(f"{unit['state']:12}", _COLOURS[unit["state"]]),
            f"{unit['unit'][:SHORT]}  ",
            " ".join(unit["source"].split())[:_EXCERPT_CHARS],
        )
    [counts] = answer["translations"]
    screen.note(f"{_counted(counts)}.")
    if counts["out_of_date"] or counts["missing"]:
        screen.note(f"Go on: aster doc translate {answer['name']} --lang {counts['language']} --due")
