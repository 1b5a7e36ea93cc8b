"""`aster doc put`, `list` and `show`: documents as they are."""

from pathlib import PurePath
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument, read_file
from node.errors import BadRequest

MEDIA_TYPES: Final = {".md": "text/markdown", ".html": "text/html", ".csv": "text/csv", ".tex": "text/x-tex"}
"""By the end of a file's name; everything else is `text/plain` unless it is said."""

MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Longest text of a document. The node has the same limit; this one keeps a film out of memory."""

SHORT: Final = 10
"""Characters of an id in a list."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The document's name.", show_default=False)]

Version = Annotated[
    str | None, typer.Option("--version", metavar="ID", help="This version; else the newest current one.")
]

Title = Annotated[str | None, typer.Option(metavar="TEXT", help="A title for people.")]

Language = Annotated[
    str | None, typer.Option("--lang", metavar="TAG", help="The language of the text, such as de or pt-BR.")
]

Into = Annotated[
    str | None, typer.Option("--lang", metavar="TAG", help="In this language, where it is translated.")
]

Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="A word to find it by; replaces those before. Repeatable."),
]

Public = Annotated[
    bool | None,
    typer.Option("--public/--private", help="May it be shown outside the network? Else as before."),
]

Force = Annotated[bool, typer.Option("--force", help="Lines that look like marks of conflicts are text.")]


def put(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A text file, or - for standard input.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The document's name; else the file's.")
    ] = None,
    title: Title = None,
    media_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Such as text/markdown; else by the file's name.")
    ] = None,
    language: Language = None,
    tags: Tags = None,
    public: Public = None,
    follows: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="The version that this one follows. Repeatable.")
    ] = None,
    follows_all: Annotated[
        bool, typer.Option("--follows-all", help="It follows every current version: you have merged them.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Publish a document, or the next version of one.

    A version links to the one before it. Where several people wrote at once there are several current
    versions; none is lost, and `aster doc merge` makes one of them. Title, language, tags and whether it is
    public go on from the version before. A text has at most 4 MiB. Needs a running daemon.

    Examples:
    aster doc put programme.md --title "Our programme" --lang en --tag housing
    aster doc put - --as minutes-2026-11 < minutes.txt
    aster doc put programme.md --follows-all
    """
    screen = Screen(as_json, quiet)
    if name is None and path == "-":
        raise BadRequest("A document from standard input needs a name.", "aster doc put - --as NAME")
    document = check_argument(PurePath(path).name if name is None else name)
    text = read_file(path, MAX_TEXT_BYTES)
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
        title=checked(title),
        media_type=media_type or media_type_of(path if name is None else document),
        follows=chosen,
        language=checked(language),
        tags=tags,
        public=public,
        force=force or None,
    )
    show_published(screen, answer)


def checked(text: str | None) -> str | None:
    """An option's text where it is given and UTF-8. Raises: BadData."""
    return None if text is None else check_argument(text)


def media_type_of(name: str) -> str | None:
    """The media type that the end of a name stands for; None: none that is known here."""
    return MEDIA_TYPES.get(PurePath(name).suffix.lower())


def show_published(screen: Screen, answer: Json) -> None:
    """Print what came of publishing."""
    if screen.as_json:
        screen.emit(answer)
        return
    screen.say(str(answer["id"]))
    screen.note(f"Published {answer['name']!r}, version {answer['version']}.")
    if answer.get("merged"):
        others = count_of(answer["merged"], "version")
        screen.note(f"Merged in {others} that others published meanwhile.")
    if answer["concurrent"]:
        others = count_of(len(answer["concurrent"]), "current version")
        screen.note(
            f"Beside it stands {others} of others. Make one of them: aster doc merge {answer['name']}"
        )


def current_versions(session: Session, name: str) -> list[str]:
    """Ids of the versions of a document that none follows."""
    versions = session.call("doc/history", name=name)["versions"]
    return [str(version["id"]) for version in versions if version["head"]]


def list_documents(
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only with this tag. Repeatable.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--lang", metavar="TAG", help="Only in this language, or translated."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only those that this one wrote last.")
    ] = None,
    section: Annotated[
        str | None, typer.Option(metavar="SECTION", help="Only those that a member of it wrote last.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="NAME", help="The next page: the last document of the page before.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the documents that this node holds, the one changed last first.

    Examples:
    aster doc list
    aster doc list --search "budget" --json
    aster doc list --tag housing --lang de
    aster doc list --limit 50 --before programme.md
    """
    screen = Screen(as_json, quiet)
    documents = Session().call(
        "doc/list",
        search=checked(search),
        tags=tags,
        language=checked(language),
        author=checked(author),
        section=checked(section),
        before=checked(before),
        limit=limit,
    )["documents"]
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
                ",".join([document["language"] or "?", *document["languages"]]).removeprefix("?,").strip("?"),
                document["author_name"],
                show_time(document["time_ms"]),
            )
            for document in documents
        ),
        ("NAME", "TITLE", "VERSIONS", "IN", "LAST BY", "AT"),
    )
    if not documents:
        screen.note("No documents.")
    elif limit and len(documents) == limit:
        screen.note(f"More: --before {documents[-1]['name']}")


def show(
    name: Name,
    version: Version = None,
    language: Annotated[
        str | None,
        typer.Option("--lang", metavar="TAG", help="In this language, as far as it is translated."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print a document's text.

    In another language, paragraphs that nobody has translated stand there as they are. The text of a long
    document may come some time after its name: then it is fetched, or it is said that it is not here.

    Examples:
    aster doc show programme.md
    aster doc show programme.md --version k3jd7wq2 > old.md
    aster doc show programme.md --lang it
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "doc/show", name=check_argument(name), version=version, language=checked(language)
    )
    if as_json:
        screen.emit(answer)
        return
    _show_heading(screen, answer)
    screen.raw(answer["text"])


def _show_heading(screen: Screen, answer: Json) -> None:
    turned = answer["translation"]
    title = (turned["title"] if turned else "") or answer["title"] or answer["name"]
    screen.note(
        Styled(title, "bold"),
        Styled(f"  {answer['author_name']}  {show_time(answer['time_ms'])}  {answer['id'][:SHORT]}", "dim"),
    )
    if answer["concurrent"]:
        others = ", ".join(each[:SHORT] for each in answer["concurrent"])
        screen.note(f"Others wrote at the same time: {others}. See: aster doc diff, aster doc merge")
    if turned is None:
        if answer["languages"]:
            screen.note(f"Translated into: {', '.join(answer['languages'])} (--lang)")
        return
    faults = {"out of date": turned["out_of_date"], "not translated": turned["missing"]}
    parts = [f"{count_of(number, 'paragraph')} {what}" for what, number in faults.items() if number]
    said = f", {', '.join(parts)}" if parts else ""
    screen.note(f"In {turned['language']}{said}. See: aster doc status")
