"""`aster search`: everything that is held, by words."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.posts import SHORT
from cli.render import Screen, Styled, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.timeline import Follow, Since, since_of


def search(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...", help='All of these words; "in quotes": a phrase.', show_default=False
        ),
    ],
    author: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only of this author: a name or an id.")
    ] = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="Only with this topic or tag.")] = None,
    lang: Annotated[str | None, typer.Option("--lang", metavar="TAG", help="Only in this language.")] = None,
    app: Annotated[
        str | None, typer.Option(metavar="APP", help="Only messages, documents, files or profiles.")
    ] = None,
    since: Since = None,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The page after this one, which was the last hit.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most N hits.")] = 20,
    follow: Follow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search messages, documents, files and profiles, in any script; the newest first.

    Case and accents do not count. Each hit says how to open it. What was corrected is found by its present
    words alone.

    Examples:
    aster search bread
    aster search '"strike funds"' --app documents --lang de
    aster search хлеб --author bob --since 1w
    """
    screen = Screen(as_json, quiet)
    given = {"author": author, "topic": topic, "language": lang, "app": app, "before": before}
    hits = Session().stream(
        "search",
        words=check_argument(" ".join(words)),
        since_ms=since_of(since),
        limit=limit,
        follow=follow or None,
        **{name: None if text is None else check_argument(text) for name, text in given.items()},
    )
    last: Json | None = None
    shown = 0
    for hit in hits:
        last = hit
        shown += 1
        _show(screen, hit, follow)
    if not shown:
        screen.note("Nothing was found.")
    elif last is not None and shown == limit and screen.width is not None and not follow:
        screen.note(f"More: --before {last['hit'][:SHORT]}")


def _show(screen: Screen, hit: Json, flush: bool) -> None:
    if screen.as_json:
        screen.emit(hit, flush)
        return
    screen.say(
        Styled(hit["title"] or hit["name"], "bold"),
        Styled(f"  {hit['what']}" + (f" by {hit['name']}" if hit["title"] else ""), "dim"),
        Styled(f"  {show_time(hit['time_ms'])}  {hit['id'][:SHORT]}", "dim"),
        flush=flush,
    )
    screen.paragraph(hit["excerpt"], flush=flush)
    screen.say("    ", Styled(f"aster {hit['open']}", "dim"), flush=flush)
