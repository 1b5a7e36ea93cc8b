"""`aster doc history`, `diff` and `blame`: what became of a document."""

from typing import Annotated

import typer

from cli.documents import SHORT, Name, Version
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes, show_time
from cli.session import Session
from cli.texts import check_argument


def history(name: Name, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List a document's versions, newest first.

    Examples:
    aster doc history programme.md
    """
    screen = Screen(as_json, quiet)
    versions = Session().call("doc/history", name=check_argument(name))["versions"]
    if as_json:
        for version in versions:
            screen.emit(version)
        return
    screen.table(
        (
            (
                version["id"][:SHORT],
                "current" if version["head"] else "",
                show_time(version["time_ms"]),
                version["author_name"],
                show_bytes(version["size"]) + ("" if version["here"] else " (not here)"),
                ", ".join(each[:SHORT] for each in version["follows"]),
                version["title"],
            )
            for version in versions
        ),
        ("VERSION", "", "AT", "BY", "SIZE", "FOLLOWS", "TITLE"),
    )
    heads = sum(1 for version in versions if version["head"])
    if heads > 1:
        screen.note(f"{count_of(heads, 'version')} are current. Make one of them: aster doc merge {name}")


def diff(
    name: Name,
    from_: Annotated[str | None, typer.Option("--from", metavar="ID", help="Older version.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="ID", help="Newer version.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what changed: between the newest version and the one before, or between two others.

    Where there are two current versions, they are compared with each other.

    Examples:
    aster doc diff programme.md
    aster doc diff programme.md --from k3jd7wq2 --to x4tr5pbe
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("doc/diff", name=check_argument(name), from_=from_, to=to)
    if as_json:
        screen.emit(answer)
        return
    show_diff(screen, str(answer["diff"]))
    if not answer["diff"]:
        screen.note("Nothing changed.")


def show_diff(screen: Screen, text: str) -> None:
    """Print a unified diff, in colour on a terminal."""
    for line in text.removesuffix("\n").split("\n") if text else ():
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
        screen.say(Styled(line, style) if style else line)


def blame(name: Name, version: Version = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show for each line in which version it first stood, and who wrote that.

    Examples:
    aster doc blame programme.md
    aster doc blame programme.md --version k3jd7wq2
    """
    screen = Screen(as_json, quiet)
    lines = Session().call("doc/blame", name=check_argument(name), version=version)["lines"]
    if as_json:
        for number, line in enumerate(lines, 1):
            screen.emit({"number": number, **line})
        return
    screen.table(
        (
            (line["id"][:SHORT], line["author_name"], show_time(line["time_ms"]), str(number), line["line"])
            for number, line in enumerate(lines, 1)
        ),
        ("VERSION", "BY", "AT", "LINE", "TEXT"),
    )
    if not lines:
        screen.note("The text is empty.")
