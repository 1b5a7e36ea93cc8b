"""`aster chat send`, `wait`, `delete`, `accept`, `block`, `unblock`, `receipts`: talking, and with whom."""

import os
from typing import Annotated, Final

import typer

from cli.messages import SHORT, in_words
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_duration, show_time
from cli.session import Json, Session
from cli.texts import check_argument, read_text
from cli.times import read_span
from cli.words import has_terminal
from node.errors import BadData, BadRequest, Unavailable

FILE_WAIT_S: Final = 600.0
"""A large file is read and encrypted before the message is written."""

WAIT_S: Final = 30.0
"""The key of a new session goes to every device of a group first."""

WAIT_BEYOND_S: Final = 5.0
"""Over the time that somebody waits for a state: the answer itself."""

MAX_WAIT_S: Final = 86_400

Chat = Annotated[
    str, typer.Argument(metavar="MEMBER|GROUP", help="Whom: a name or an id.", show_default=False)
]
Member = Annotated[str, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)]


def send(
    chat: Chat,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="The message, or - for standard input.", show_default=False),
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option("--file", metavar="PATH", help="A file that goes with it. Repeatable.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option("--reply-to", metavar="ID", help="The message that this one answers.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="SPAN", help="Let it disappear after so long: 30min, 1d, 2w."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Send a message to a member or a group, encrypted so that only their devices can read it.

    Prints the id of the message. With exit code 0 it is safe on this machine's disk; the daemon sends it as
    soon as it can, and its key again until it came. How far it got: aster chat show ID, aster chat wait ID.
    What you send to yourself are notes, on all your devices.

    With --expires it disappears from the devices of all who follow the rules, so long after it was sent.
    Somebody can have copied it before.

    Examples:
    aster chat send bob "The kitchen opens at noon."
    aster chat send "Bakers of Lyon" --file plan.pdf --expires 1w
    date | aster chat send bob --reply-to k3jd7wq2 -
    """
    if text is None and not file:
        raise BadRequest("There is nothing to send.", "Give a text, - for standard input, or --file PATH.")
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "chat/send",
        extra_timeout_s=FILE_WAIT_S if file else WAIT_S,
        chat=check_argument(chat),
        text="" if text is None else read_text(text),
        files=[os.path.abspath(check_argument(each)) for each in file] if file else None,
        reply_to=None if reply_to is None else check_argument(reply_to),
        expires_s=None if expires is None else _seconds(expires),
    )
    for notice in answer.get("notices", ()):
        screen.note(Styled(notice["text"], "yellow"))
    if as_json:
        screen.emit(answer)
        return
    screen.say(str(answer["id"]))
    delivery = answer["delivery"]
    why = f": {delivery['why']}" if delivery and delivery["why"] else ""
    screen.note(f"To {answer['chat']}: {in_words(answer)}{why}")


def _seconds(text: str) -> int:
    seconds = read_span(check_argument(text)) // 1_000
    if seconds < 1:
        raise BadData("A message cannot disappear at once.", "Give a longer span, such as 30min or 1d.")
    return seconds


def wait(
    id: Annotated[
        str,
        typer.Argument(metavar="ID", help="Your message: its id or the beginning of it.", show_default=False),
    ],
    state: Annotated[
        str, typer.Option("--for", metavar="STATE", help="sent, hub, delivered or read.")
    ] = "delivered",
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="SPAN", help="Wait at most so long: 10s, 5min, 1h.")
    ] = "1min",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Wait until a message of yours has got so far, or further.

    Exit code 0: it has. 69: it has not yet, within that time; it is sent on all the same. Nobody
    hears from a stranger that a message came before he has accepted it or answered.

    Examples:
    aster chat wait k3jd7wq2
    aster chat wait k3jd7wq2 --for hub --timeout 10s
    aster chat wait "$(aster chat send bob 'Are you there?')" --for delivered --timeout 5min
    """
    screen = Screen(as_json, quiet)
    timeout_s = min(read_span(check_argument(timeout)) // 1_000, MAX_WAIT_S)
    answer = Session().call(
        "chat/wait",
        extra_timeout_s=timeout_s + WAIT_BEYOND_S,
        id=check_argument(id),
        state=check_argument(state),
        timeout_s=timeout_s,
    )
    if as_json:
        screen.emit(answer)
    elif answer["ok"]:
        screen.say(in_words(answer))
    if not answer["ok"]:
        delivery = answer["delivery"]
        why = f" {delivery['why']}" if delivery and delivery["why"] else ""
        raise Unavailable(
            f"After {show_duration(timeout_s)} the message is not there yet: {in_words(answer)}.{why}",
            f"More about it: aster chat show {answer['id'][:SHORT]}",
        )


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Messages, by id.", show_default=False)],
    for_everyone: Annotated[
        bool,
        typer.Option("--for-everyone", help="Have all other devices drop it too: your own messages only."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Delete messages in this home; with --for-everyone those of yours on every device that has them.

    For everyone means: every device that follows the rules drops the text as soon as it hears of it, and
    shows that something was deleted. Who has read it before, copied it, made a backup, or runs another
    program keeps it. The encrypted entry stays on hubs for up to 30 days; they cannot tell what was said.

    Examples:
    aster chat delete k3jd7wq2
    aster chat delete k3jd7wq2 --for-everyone --yes
    """
    screen, session = Screen(as_json, quiet), Session()
    named = [check_argument(each) for each in ids]
    if not yes:
        if not has_terminal():
            raise BadRequest(
                "What goes is shown and asked before, and there is no terminal.",
                "Say that you agree beforehand: --yes",
            )
        for each in named:
            _show_going(screen, session.call("chat/show", id=each))
        if screen.ask("This cannot be undone. Type yes to go on: ").strip().casefold() != "yes":
            screen.note("Nothing was deleted.")
            return
    answer = session.call("chat/delete", ids=named, for_everyone=for_everyone or None)
    if as_json:
        screen.emit(answer)
        return
    where = "here, and the others are asked to" if for_everyone else "here; others still have it"
    screen.note(f"{count_of(len(answer['deleted']), 'message')} deleted {where}.")


def _show_going(screen: Screen, message: Json) -> None:
    show = screen.note if screen.as_json else screen.say
    when = f"{message['id'][:SHORT]}  {show_time(message['time_ms'])}  "
    show(Styled(when, "dim"), message["name"], Styled(f"  in {message['chat']}", "dim"))
    text = (message["text"] or "").strip().split("\n")[0]
    if text:
        show(f"    {text}")


def accept(chat: Chat, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Accept what a stranger wrote: from now on it is a conversation like others.

    He learns then that his messages came. To answer accepts too.

    Examples:
    aster chat requests
    aster chat accept mallory
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("chat/accept", chat=check_argument(chat))
    if as_json:
        screen.emit(answer)
    else:
        screen.note(f"{answer['name']} is among your conversations now.")


def block(who: Member, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Block a member: nothing that he writes is shown any more, and he is told nothing.

    It is the same as aster block: in messages, posts and mentions alike. What he wrote before stays. In
    groups that you share others go on reading him; what you say there is not for him any more.

    Examples:
    aster chat block mallory
    """
    _choose(Screen(as_json, quiet), "chat/block", who, "You block {name}. What came before stays.")


def unblock(who: Member, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Block a member no longer. What he wrote meanwhile does not come back.

    Examples:
    aster chat unblock mallory
    """
    _choose(Screen(as_json, quiet), "chat/unblock", who, "You block {name} no longer.")


def _choose(screen: Screen, method: str, who: str, said: str) -> None:
    answer = Session().call(method, who=check_argument(who))
    if screen.as_json:
        screen.emit(answer)
    else:
        screen.note(said.format(name=answer["name"]))


def receipts(
    state: Annotated[
        str | None,
        typer.Argument(metavar="[on|off]", help="Left out: show how it stands.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let others know what you have read, or not. Off until you turn it on, and never to strangers.

    That a message came to a device is said in any case, so that it is not sent again.

    Examples:
    aster chat receipts
    aster chat receipts on
    """
    screen = Screen(as_json, quiet)
    if state not in (None, "on", "off"):
        raise BadRequest("It is on or off.", "aster chat receipts on, or aster chat receipts off")
    answer = Session().call("chat/receipts", on=None if state is None else state == "on")
    if as_json:
        screen.emit(answer)
    else:
        screen.say("on" if answer["on"] else "off")
