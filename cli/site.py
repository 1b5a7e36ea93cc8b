"""`aster site build`: a public site from what is public."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, count_of
from cli.session import Json, Session
from cli.texts import check_argument


def build(
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT", help="The folder to write; it is replaced as a whole.", show_default=False
        ),
    ],
    section: Annotated[
        str | None, typer.Option("--section", metavar="SECTION", help="Of one section and its members alone.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            "--lang",
            metavar="TAG",
            help="A language to speak, the first at the entrance; repeatable. Else those of the texts.",
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Where the site will be, for feeds and search engines."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a public site: the directory, documents, messages and files, as far as they are public.

    The pages need no script, no server of their own and nothing from elsewhere: put the folder on any web
    server, or open index.html. There are an Atom feed of all and one for each language. Nothing that is
    not marked as public is in it. A folder that something else made is never touched.

    Examples:
    aster site build public
    aster site build public --base-url https://example.org/ --language fr --language ar
    aster site build lyon --section Lyon
    """
    screen = Screen(as_json, quiet)
    target = Path(check_argument(out)).absolute()
    result: Json = {}
    for event in Session().stream(
        "site/build",
        out=str(target),
        section=None if section is None else check_argument(section),
        languages=[check_argument(each) for each in language] if language else None,
        base_url=None if base_url is None else check_argument(base_url),
    ):
        if event["event"] == "result":
            result = event
        else:
            of = f" of about {event['total']:,}" if event["total"] else ""
            screen.progress(f"{event['done']:,}{of} files")
    screen.progress("")
    if as_json:
        screen.emit(result)
        return
    screen.say(str(target / "index.html"))
    shown = ("section", "member", "document", "post")
    counted = ", ".join(count_of(result[f"{each}s"], each) for each in shown)
    screen.note(f"{counted}; {count_of(result['files'], 'file')} in {', '.join(result['languages'])}.")
    if not any(result[f"{each}s"] for each in shown):
        screen.note(
            "Nothing is public yet: aster profile set --public, aster post --public, aster doc put --public"
        )
