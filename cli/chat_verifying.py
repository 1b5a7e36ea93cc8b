"""`aster chat verify`: numbers that two people compare."""

from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled
from cli.session import Json, Session
from cli.texts import check_argument
from cli.words import has_terminal
from node.errors import BadRequest, Refused

_ROW: Final = 6
"""Groups of five digits in a line."""


def verify(
    who: Annotated[str, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)],
    confirm: Annotated[bool, typer.Option("--confirm", help="You compared it, and it is the same.")] = False,
    number: Annotated[
        str | None,
        typer.Option(metavar="DIGITS", help="Compare with this number, such as one that you scanned."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="It does not count as compared any more.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show the safety number of you and a member: 60 digits, and the same as a QR code.

    Compare it in person or on the telephone. If both of you see the same, nobody has put himself between you;
    then say so with --confirm. From then on nothing goes to a member whose words are others: your next
    message is refused until you have compared again.

    A device that a member adds with the same words or revokes, and without --confirm also other words, are
    told to you in the conversation before the next message goes out.

    Examples:
    aster chat verify bob
    aster chat verify bob --confirm
    aster chat verify bob --number "12345 67890 ..." --confirm --yes
    """
    screen, session, named = Screen(as_json, quiet), Session(), check_argument(who)
    if off and (confirm or number is not None):
        raise BadRequest("Give either --confirm or --off.", "aster chat verify --help")
    if confirm and not yes and not has_terminal():
        raise BadRequest("You are asked before, and there is no terminal.", "Say it beforehand: --yes")
    answer = session.call("chat/verify", who=named)
    is_same = None if number is None else _digits(check_argument(number)) == _digits(answer["number"])
    if off or confirm:
        if is_same is False:
            raise _differs(answer)
        if confirm and not yes and not _agrees(screen, answer):
            screen.note("Nothing was changed.")
            return
        answer = session.call("chat/confirm", who=named, root=answer["root"], off=off or None)
    if as_json:
        screen.emit(answer if is_same is None else {**answer, "same": is_same})
    elif off or confirm:
        _show_state(screen, answer)
    else:
        _show_number(screen, answer)
        _show_state(screen, answer)
    if is_same is False:
        raise _differs(answer)
    if is_same and not confirm:
        screen.note("The numbers are the same. Say so for good: --confirm")


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isdigit())


def _differs(answer: Json) -> Refused:
    return Refused(
        f"The numbers are not the same: somebody may have put himself between you and {answer['name']}.",
        "Look whether it is the number of this member. If it is, do not write to him; speak to his section.",
    )


def _agrees(screen: Screen, answer: Json) -> bool:
    _show_number(screen, answer)
    question = f"Does {answer['name']} see the same number? Type yes: "
    return screen.ask(question).strip().casefold() == "yes"


def _show_number(screen: Screen, answer: Json) -> None:
    show = screen.note if screen.as_json else screen.say
    groups = answer["number"].split()
    show(Styled(answer["name"], "bold"))
    for start in range(0, len(groups), _ROW):
        show("    " + " ".join(groups[start : start + _ROW]))
    if screen.width is not None and not screen.as_json:
        from cli.qr import draw

        for line in draw(_digits(answer["number"])):
            screen.say(line)


def _show_state(screen: Screen, answer: Json) -> None:
    if answer["changed"]:
        screen.say(
            Styled("The keys have changed since you compared. Nothing is sent until you do so again.", "red")
        )
    elif answer["verified"]:
        screen.say(Styled("You compared it: verified.", "green"))
    else:
        screen.say(Styled("Not compared yet.", "dim"))
    for device in answer["devices"]:
        screen.say(f"    {device['device_name'] or 'device'}  ", Styled(device["device"], "dim"))
