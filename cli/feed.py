"""`aster post` and `aster read`."""

import sys
import time
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument, line_batches, read_text
from node.errors import BadRequest, NodeError


def post(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The message, or - for standard input.", show_default=False)
    ],
    reply_to: Annotated[
        str | None, typer.Option(metavar="ID", help="The message that this one answers.")
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="With -: publish each line that is not empty as a message.")
    ] = False,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="Language, such as en or pt-BR.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    r"""Publish a message to the whole network.

    Once this command has ended with exit code 0, the message is safe on this machine's disk, and the
    daemon passes it on to peers. Needs a running daemon.

    Examples:
    aster post "The kitchen opens at noon."
    aster post --reply-to k3jd7wq2 "I can bring bread."
    printf 'first\nsecond\n' | aster post --lines -
    """
    screen = Screen(as_json, quiet)
    session = Session()
    if lines:
        if text != "-" or reply_to is not None:
            raise BadRequest("--lines goes with - and without --reply-to.", "aster post --lines - < file")
        _post_lines(screen, session, language)
        return
    answer = session.call("post", text=read_text(text), reply_to=reply_to, language=language)
    if as_json:
        screen.emit(answer)
    else:
        screen.say(str(answer["id"]))
        screen.note(f"Published as entry {answer['seq']} of the log {answer['log']}.")


def _post_lines(screen: Screen, session: Session, language: str | None) -> None:
    done = 0
    first = last = None
    try:
        for batch in line_batches(sys.stdin.fileno()):
            answer = session.call("post-lines", lines=batch, language=language)
            done += int(answer["count"])
            first = answer["first_seq"] if first is None else first
            last = answer["last_seq"]
            screen.progress(f"{count_of(done, 'message')} published")
    except NodeError as error:
        screen.progress("")
        error.message = (
            f"{error.message} {count_of(done, 'message')} before that were published and are safe."
        )
        raise
    screen.progress("")
    if screen.as_json:
        screen.emit({"count": done, "first_seq": first, "last_seq": last})
    else:
        screen.say(f"{count_of(done, 'message')} published")


def read(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, with each new message.")] = False,
    author: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only of this author: a name or an id.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only since then: 2h, 3d, 2026-11-22, 2026-11-22T17:04."),
    ] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words.")] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most the newest N.")] = 50,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read messages, oldest first.

    Examples:
    aster read
    aster read --follow --author bob
    aster read --since 2d --search "bread"
    """
    from cli.times import read_moment

    screen = Screen(as_json, quiet)
    since_ms = None if since is None else read_moment(since, time.time_ns() // 1_000_000)
    given = {"author": author, "search": search}
    messages = Session().stream(
        "read",
        since_ms=since_ms,
        limit=limit,
        follow=follow or None,
        **{name: None if text is None else check_argument(text) for name, text in given.items()},
    )
    shown = 0
    for message in messages:
        shown += 1
        _show(screen, message, follow)
    if not shown:
        screen.note("No messages.")


def _show(screen: Screen, message: Json, flush: bool) -> None:
    if screen.as_json:
        screen.emit(message, flush)
        return
    head = [
        Styled(str(message["name"]), "bold"),
        Styled(f"  {show_time(message['time_ms'])}  {message['id'][:10]}", "dim"),
    ]
    if message.get("reply_to"):
        head.append(Styled(f"  answers {message['reply_to'][:10]}", "dim"))
    screen.say(*head)
    screen.paragraph(message["text"], flush=flush)
