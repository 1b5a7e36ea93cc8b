"""`aster post`."""

import os
import sys
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, count_of
from cli.session import Json, Session
from cli.texts import check_argument, line_batches, read_text
from node.errors import BadRequest, NodeError

WAIT_S = 600.0
"""A large attachment is read and kept before the message is written."""

Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="A topic beside those in the text. Repeatable."),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        "--lang",
        metavar="TAG",
        help="Language, such as en or pt-BR; else the first of `languages` in config.toml.",
    ),
]


def post(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The message, or - for standard input.", show_default=False)
    ],
    reply_to: Annotated[
        str | None, typer.Option(metavar="ID", help="The message that this one answers.")
    ] = None,
    topic: Topics = None,
    attach: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A file that goes with it. Repeatable.")
    ] = None,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="Let it stand on the public site; with your name if your profile does."
        ),
    ] = False,
    language: Language = None,
    force: Annotated[
        bool, typer.Option("--force", help="Answer what has not arrived here yet, named by its whole id.")
    ] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="With -: publish each line that is not empty as a message.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    r"""Publish a message to the whole network.

    Once this command has ended with exit code 0, the message is safe on this machine's disk, and the
    daemon passes it on to peers. Needs a running daemon.

    In the text *emphasis*, `code`, lists, > quotes and [links](https://example.org) are shown as such;
    #strike-funds is a topic that others may follow, @bob or @[Anna Maria] a member who finds the message in
    the inbox. A petname is published as you type it. \@ and \# mean nobody and nothing.

    Examples:
    aster post "The kitchen opens at noon. Who brings #bread, @bob?"
    aster post --reply-to k3jd7wq2 "I can bring bread."
    aster post "The poster for Saturday" --attach poster.pdf --public
    printf 'first\nsecond\n' | aster post --lines -
    """
    screen = Screen(as_json, quiet)
    session = Session()
    topics = [check_argument(each) for each in topic] if topic else None
    if lines:
        if text != "-" or reply_to is not None or attach or force:
            raise BadRequest(
                "--lines goes with - and without --reply-to, --attach and --force.",
                "aster post --lines - < file",
            )
        _post_lines(screen, session, {"language": language, "topics": topics, "public": public or None})
        return
    answer = session.call(
        "post",
        extra_timeout_s=WAIT_S if attach else 0,
        text=read_text(text),
        reply_to=reply_to,
        language=language,
        topics=topics,
        attach=[os.path.abspath(check_argument(each)) for each in attach] if attach else None,
        public=public or None,
        force=force or None,
    )
    if as_json:
        screen.emit(answer)
    else:
        screen.say(str(answer["id"]))
        screen.note(f"Published as entry {answer['seq']} of the log {answer['log']}.")


def _post_lines(screen: Screen, session: Session, given: Json) -> None:
    done = 0
    first = last = None
    try:
        for batch in line_batches(sys.stdin.fileno()):
            answer = session.call("post-lines", lines=batch, **given)
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
