"""`aster hook`: runs a program for each message that comes. No shell takes part."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadRequest, Missing, NodeError, Unavailable

MAX_NAME_CHARS: Final = 64

_DIGEST_CHARS: Final = 16


class ProgramFailed(NodeError):
    """A program that a hook ran said that it failed."""

    code = "unavailable"


def hook(
    program: Annotated[
        list[str],
        typer.Argument(metavar="PROGRAM [ARGUMENT]…", help="What to run, after --.", show_default=False),
    ],
    chat: Annotated[
        str | None,
        typer.Option("--chat", metavar="MEMBER|GROUP", help="Only for messages of this conversation."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Whose place is remembered. Usually the command."),
    ] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="Go on also when the program fails.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a program for each message that comes, one after the other, until Ctrl-C.

    The program gets the text on standard input, and in its environment ASTER_ID, ASTER_CHAT (a name),
    ASTER_CONVERSATION (an id), ASTER_FROM, ASTER_WHO (an id), ASTER_TIME_MS, ASTER_REPLY_TO and ASTER_FILES
    (how many). It is started directly, without a shell: nothing that somebody writes is ever a command.

    Where it got is remembered under --name. What came while no hook ran is done at the next start; the first
    start begins with what comes from now on. After a crash a message may come twice. If the program ends with
    another exit code than 0, the hook ends, and begins with the same message next time. What a stranger wrote
    before you accepted him is not given.

    Examples:
    aster hook -- ./answer.sh
    aster hook --chat bob --name answers -- python3 answer.py
    """
    screen, session = Screen(as_json, quiet), Session()
    place = _command(program) if name is None else check_argument(name)
    if not place or len(place) > MAX_NAME_CHARS:
        raise BadRequest(f"The name of a hook has 1 to {MAX_NAME_CHARS} characters.", "Give one: --name NAME")
    only = None if chat is None else check_argument(chat)
    after = session.call("hook/place", name=place)["after"]
    screen.note(f"The hook {place!r} waits for messages. Ctrl-C ends it.")
    for message in _messages(session, after, only):
        if message["kind"] == "text" and not message["mine"] and message["gone"] is None:
            _run(screen, program, message, go_on=go_on)
        session.call("hook/done", name=place, after=message["n"])


def _messages(session: Session, after: int, chat: str | None) -> Iterator[Json]:
    """Messages as they come. Where much waits and a program takes long, the daemon hangs up meanwhile: the
    rest is asked for again.

    Raises: Unavailable: the daemon ended.
    """
    while True:
        has_given = False
        try:
            for message in session.stream("chat/follow", after=after, chat=chat):
                has_given, after = True, message["n"]
                yield message
            return
        except Unavailable:
            if not has_given:
                raise


def _command(program: list[str]) -> str:
    """The place of a command without a name: two scripts of one interpreter have each its own."""
    text = check_argument(" ".join(program))
    if len(text) <= MAX_NAME_CHARS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{text[: MAX_NAME_CHARS - _DIGEST_CHARS - 1]} {digest}"


def _run(screen: Screen, program: list[str], message: Json, *, go_on: bool) -> None:
    try:
        done = subprocess.run(
            program,
            input=message["text"].encode("utf-8", "replace"),
            env={**os.environ, **_fields(message)},
            check=False,
        )
    except (FileNotFoundError, PermissionError, OSError) as error:
        raise Missing(
            f"{program[0]} cannot be run: {error.strerror}.", "Check its path and its mode."
        ) from error
    if screen.as_json:
        screen.emit({"id": message["id"], "n": message["n"], "code": done.returncode}, flush=True)
    if done.returncode == 0:
        return
    text = f"{program[0]} ended with {done.returncode} at message {message['id'][:10]}."
    if not go_on:
        raise ProgramFailed(text, "Started again, the hook begins with that message.")
    screen.complain(text)
    sys.stderr.flush()


def _fields(message: Json) -> dict[str, str]:
    """What the program learns beside the text. No value can hold a zero byte."""
    fields = {
        "ASTER_ID": message["id"],
        "ASTER_CHAT": message["chat"],
        "ASTER_CONVERSATION": message["conversation"],
        "ASTER_FROM": message["name"],
        "ASTER_WHO": message["who"],
        "ASTER_TIME_MS": str(message["time_ms"]),
        "ASTER_REPLY_TO": message["reply_to"] or "",
        "ASTER_FILES": str(len(message["attachments"])),
    }
    return {key: str(value).replace("\x00", "") for key, value in fields.items()}
