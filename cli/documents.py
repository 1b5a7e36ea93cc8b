"""`aster doc …`."""

from pathlib import PurePath
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes, show_time
from cli.session import Session
from cli.texts import check_argument, read_file
from node.errors import BadRequest

MEDIA_TYPES: Final = {".md": "text/markdown", ".html": "text/html", ".csv": "text/csv", ".tex": "text/x-tex"}
"""By the end of a file's name; everything else is `text/plain` unless it is said."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The document's name.", show_default=False)]


def put(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A text file, or - for standard input.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The document's name; else the file's.")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="A title for people.")] = None,
    media_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Such as text/markdown; else by the file's name.")
    ] = None,
    follows: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="The version that this one follows. Repeatable.")
    ] = None,
    follows_all: Annotated[
        bool, typer.Option("--follows-all", help="It follows every current version: you have merged them.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Publish a document, or the next version of one.

    A version links to the one before it. Where several people wrote at once there are several current
    versions; none is lost, and the next version says which of them it follows. A version holds 32 KiB.
    Needs a running daemon.

    Examples:
    aster doc put programme.md --title "Our programme"
    aster doc put - --as minutes-2026-11 < minutes.txt
    aster doc put programme.md --follows-all
    """
    screen = Screen(as_json, quiet)
    if name is None and path == "-":
        raise BadRequest("A document from standard input needs a name.", "aster doc put - --as NAME")
    document = check_argument(PurePath(path).name if name is None else name)
    text = read_file(path)
    session = Session()
    chosen = follows or None
    if follows_all:
        if chosen is not None:
            raise BadRequest("Give either --follows or --follows-all.")
        chosen = current_versions(session, document)
    answer = session.call(
        "doc/put",
        name=document,
        text=text,
        title=None if title is None else check_argument(title),
        media_type=media_type or MEDIA_TYPES.get(PurePath(path).suffix.lower()),
        follows=chosen,
    )
    if as_json:
        screen.emit(answer)
        return
    screen.say(str(answer["id"]))
    screen.note(f"Published {answer['name']!r}, version {answer['version']}.")
    if answer["concurrent"]:
        others = count_of(len(answer["concurrent"]), "current version")
        screen.note(f"Beside it stands {others} of others. See: aster doc history, aster doc diff")


def current_versions(session: Session, name: str) -> list[str]:
    """Ids of the versions of a document that none follows."""
    versions = session.call("doc/history", name=name)["versions"]
    return [str(version["id"]) for version in versions if version["head"]]


def list_documents(
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the documents that this node holds.

    Examples:
    aster doc list
    aster doc list --search "budget" --json
    """
    screen = Screen(as_json, quiet)
    wanted = None if search is None else check_argument(search)
    documents = Session().call("doc/list", search=wanted, limit=limit)["documents"]
    if as_json:
        for document in documents:
            screen.emit(document)
        return
    screen.table(
        (
            (
                document["name"],
                document["title"],
                str(document["versions"]) + (" (several current)" if document["concurrent"] else ""),
                document["author_name"],
                show_time(document["time_ms"]),
            )
            for document in documents
        ),
        ("NAME", "TITLE", "VERSIONS", "LAST BY", "AT"),
    )
    if not documents:
        screen.note("No documents.")


def show(
    name: Name,
    version: Annotated[
        str | None, typer.Option(metavar="ID", help="This version; else the newest current one.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print a document's text.

    Examples:
    aster doc show programme.md
    aster doc show programme.md --version k3jd7wq2 > old.md
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("doc/show", name=check_argument(name), version=version)
    if as_json:
        screen.emit(answer)
        return
    screen.note(
        Styled(answer["title"] or answer["name"], "bold"),
        Styled(f"  {answer['author_name']}  {show_time(answer['time_ms'])}  {answer['id'][:10]}", "dim"),
    )
    if answer["concurrent"]:
        screen.note(
            f"Others wrote at the same time: {', '.join(each[:10] for each in answer['concurrent'])}. "
            "See: aster doc diff"
        )
    screen.raw(answer["text"])


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
                version["id"][:10],
                "current" if version["head"] else "",
                show_time(version["time_ms"]),
                version["author_name"],
                show_bytes(version["size"]),
                ", ".join(each[:10] for each in version["follows"]),
                version["title"],
            )
            for version in versions
        ),
        ("VERSION", "", "AT", "BY", "SIZE", "FOLLOWS", "TITLE"),
    )
    heads = sum(1 for version in versions if version["head"])
    if heads > 1:
        screen.note(
            f"{count_of(heads, 'version')} are current. Merge them by hand, then: "
            "aster doc put FILE --follows-all"
        )


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
    for line in str(answer["diff"]).splitlines():
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
        screen.say(Styled(line, style) if style else line)
    if not answer["diff"]:
        screen.note("Nothing changed.")
