"""`aster device …`: the machines of one member."""

import sys
import time
from typing import Annotated

import typer

from cli.join import Code, Teller, Unattended, check_no_home, choose_place, read_code, show_home
from cli.options import AsJson, Quiet
from cli.render import Screen, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_moment
from cli.words import KnownWordsFile, has_terminal, read_words
from node.errors import BadRequest

DeviceName = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What this device is called among yours.")
]
Before = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="What it wrote since then counts no longer either: 2d, 2026-11-22."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

_LIVE = "member"
_GONE = "former"


def link(
    code: Code,
    name: DeviceName = "",
    person: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What you are called, if you have told nobody yet."),
    ] = None,
    words_file: KnownWordsFile = None,
    unattended: Unattended = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a home on this machine with a further device of yours.

    Type the 24 words that you wrote down when you joined. The code says where the federation is found; it
    is no secret, and any of your other devices makes it: aster device code. An invite does as well, and
    is not used up by it.

    Examples:
    aster device link AIZDC... --name phone
    aster device link - --name phone --words-file words.txt --unattended
    """
    screen, session = Screen(as_json, quiet), Session()
    given = read_both(code, words_file)
    check_no_home(session.paths)
    from node.doors import newcomer

    phrase = read_words(screen, words_file, newcomer.check_words)
    place = choose_place(session, unattended)
    answer = newcomer.link(
        place,
        given,
        phrase,
        check_argument(name),
        None if person is None else check_argument(person),
        Teller(screen),
    )
    if answer["nameless"]:
        screen.complain("aster: nobody knows yet what you are called; others see an id. Link with --as NAME.")
    show_home(screen, answer, None)


def code(
    hub: Annotated[
        str | None, typer.Option(metavar="NAME", help="The hub that a new device asks first.")
    ] = None,
    qr: Annotated[bool | None, typer.Option("--qr/--no-qr", help="Draw it as a QR code.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print the code with which your next device finds the federation. It is no secret.

    Examples:
    aster device code
    aster device code --hub hub-lyon --no-qr
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("contact", hub=None if hub is None else check_argument(hub))
    if as_json:
        screen.emit(answer)
        return
    show_code(screen, answer["code"], qr)
    if answer["warning"]:
        screen.note(answer["warning"])
    screen.note("On the new machine: aster device link CODE")


def list_devices(
    member: Annotated[
        str | None, typer.Argument(metavar="MEMBER", help="Whose; yours by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List your devices, or those of another member.

    Examples:
    aster device list
    aster device list bob
    """
    screen = Screen(as_json, quiet)
    given = None if member is None else check_argument(member)
    devices = Session().call("device/list", member=given)["devices"]
    if as_json:
        for device in devices:
            screen.emit(device)
        return
    screen.table(
        (
            (
                device["name"],
                device["device"],
                _standing(device),
                show_time(device["since_ms"]),
            )
            for device in devices
        ),
        ("NAME", "DEVICE", "", "SINCE"),
    )
    screen.note(f"{count_of(len(devices), 'device')}.")


def revoke(
    devices: Annotated[
        list[str],
        typer.Argument(metavar="DEVICE...", help="Names, ids or beginnings of ids.", show_default=False),
    ],
    before: Before = None,
    words_file: KnownWordsFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Revoke devices of yours that are lost or given away. Asks for the 24 words.

    First it shows where each of their logs will end: at the last entry that this node holds, or with --before
    at the last one that claims to be older. What they write afterwards nobody takes in, and they are let
    in nowhere any more. It cannot be undone.

    Examples:
    aster device revoke laptop
    aster device revoke laptop --before 2d --words-file words.txt --yes
    """
    screen, session = Screen(as_json, quiet), Session()
    check_answerable(yes)
    before_ms = None if before is None else read_moment(check_argument(before), time.time_ns() // 1_000_000)
    cuts = [session.call("device/cut", device=check_argument(each), before_ms=before_ms) for each in devices]
    if before_ms is None:
        cuts = [each for each in cuts if not _is_cut_already(screen, each)]
    if not cuts:
        return
    if not agree(screen, cuts, yes):
        screen.note("Nothing was changed.")
        return
    from node.doors import newcomer

    phrase = read_words(screen, words_file, newcomer.check_words)
    network = session.call("network/export")["network"]
    answers = [
        session.call(
            "device/revoke", cut=each["cut"], signature=newcomer.sign_cut(phrase, network, each["cut"])
        )
        for each in cuts
    ]
    for each, answer in zip(cuts, answers, strict=True):
        if as_json:
            screen.emit(answer)
        else:
            screen.say(f"{each['name']} ({each['device']}){_this(each)} is revoked.")
            _tell_holders(screen, each, answer.get("held_by"))


# --- shared with `aster recover` --------------------------------------------------------------------------


def agree(screen: Screen, cuts: list[Json], yes: bool) -> bool:
    """Show what will be cut, and ask a person."""
    show = screen.note if screen.as_json else screen.say
    for each in cuts:
        show(f"{each['name']} ({each['device']}){_this(each)} will end:")
        for log in each["logs"]:
            show(f"    {_end_of(log)}")
        if not each["logs"]:
            show("    nothing of it is held here")
    if yes:
        return True
    return screen.ask("This cannot be undone. Type yes to go on: ").strip().casefold() == "yes"


def check_answerable(yes: bool) -> None:
    """Check that somebody can be asked. Raises: BadRequest."""
    if not yes and not has_terminal():
        raise BadRequest(
            "This is shown and asked before it is done, and there is no terminal.",
            "Say that you agree beforehand: --yes",
        )


def read_both(code: str, words_file: object) -> str:
    """The code, which does not come from standard input if the words do. Raises: BadRequest."""
    if code == "-" and str(words_file) == "-":
        raise BadRequest(
            "The code and the words cannot both come from standard input.",
            "Name a file for the words, or give the code as an argument: it is no secret.",
        )
    return read_code(code)


def show_code(screen: Screen, text: str, qr: bool | None) -> None:
    """Print a code, and as a QR code where that is wanted; by default on a terminal."""
    if sys.stdout.isatty() if qr is None else qr:
        from cli.qr import draw

        for line in draw(text):
            screen.say(line)
    screen.say(text)


def _is_cut_already(screen: Screen, cut: Json) -> bool:
    if cut["standing"] != _GONE:
        return False
    screen.note(f"{cut['name']} ({cut['device']}) is revoked already. To cut earlier: --before MOMENT")
    return True


def _this(cut: Json) -> str:
    return ", the device that you sit at," if cut.get("this") else ""


def _tell_holders(screen: Screen, cut: Json, hubs: list[str] | None) -> None:
    """Say which hubs hold a cut, and what to do where this device can hand it to nobody any more."""
    if hubs:
        screen.note(f"Known to: {', '.join(hubs)}.")
    elif cut.get("this"):
        screen.note(
            "No hub is known to hold that yet, and this device may be let in nowhere any more: "
            "revoke it from another device of yours too."
        )


def _standing(device: Json) -> str:
    if device.get("this"):
        return "this one"
    return "" if device["standing"] == _LIVE else str(device["standing"])


def _end_of(log: Json) -> str:
    """One line about where a log ends."""
    kept, held = int(log["entries"]), int(log["held"])
    when = f", the last of {show_time(log['last_ms'])}" if log["last_ms"] else ""
    lost = f"; {count_of(held - kept, 'entry')} after that will count no longer" if held > kept else ""
    return f"{log['log']:<9}after {count_of(kept, 'entry')}{when}{lost}"
