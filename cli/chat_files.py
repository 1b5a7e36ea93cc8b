"""`aster chat save`, `export`, `import` and `history`: messages and files, out of this home and into it."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import known_passphrase, new_passphrase
from cli.render import Screen, count_of, show_bytes
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadRequest, Fault

ASK_WAIT_S: Final = 30.0
"""Words go to each of one's own devices."""

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Take the first line of this file as the passphrase."
    ),
]

_DOING: Final = {"writing": "Written", "reading": "Read"}
_WAITING: Final = {
    "asking": "asking who has it",
    "nobody": "nobody who has it is connected; waiting",
}


def save(
    id: Annotated[
        str,
        typer.Argument(metavar="ID", help="The message: its id or the beginning of it.", show_default=False),
    ],
    out: Annotated[
        str | None, typer.Argument(metavar="[DIR]", help="Where to: a folder, or a new name.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", min=0, max=86_400, metavar="SECONDS", help="Give up when nothing came."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Save the files that came with a message, in this folder or another one.

    What is not here is fetched from whoever has it: a hub, or the device that sent it. Hubs keep it for
    30 days. A file that was damaged on the way is not saved. Nothing is overwritten without --force, and a
    name that not every system takes is replaced.

    Examples:
    aster chat save k3jd7wq2
    aster chat save k3jd7wq2 ~/Downloads
    """
    screen = Screen(as_json, quiet)
    place = os.getcwd() if out is None else os.path.abspath(out) + ("/" if out.endswith("/") else "")
    answer = _follow(
        screen,
        "chat/save",
        id=check_argument(id),
        out=check_argument(place),
        force=force or None,
        timeout_s=timeout_s,
    )
    if as_json:
        screen.emit({"saved": answer["saved"]})
        return
    for each in answer["saved"]:
        screen.say(str(each["path"]))
    size = sum(each["bytes"] for each in answer["saved"])
    screen.note(f"Saved {count_of(len(answer['saved']), 'file')}, {show_bytes(size)}.")


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The new file.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write your messages into a file that opens with a passphrase.

    It holds what was said in all your conversations, and no keys: who opens it reads the past, and nothing
    that comes. It holds neither the files that came with messages (save them: aster chat save) nor messages
    that are to disappear. Choose a passphrase of several unusual words: whoever finds the file may guess.

    Examples:
    aster chat export messages.aster
    aster chat export /media/stick/messages.aster --passphrase-file secret.txt
    """
    screen = Screen(as_json, quiet)
    place = check_argument(os.path.abspath(file))
    passphrase = new_passphrase(passphrase_file, "this file")
    answer = _follow(screen, "chat/export", path=place, passphrase=passphrase, force=force or None)
    if as_json:
        screen.emit(answer)
        return
    screen.say(str(answer["path"]))
    chats = count_of(answer["conversations"], "conversation")
    screen.note(f"{count_of(answer['messages'], 'message')} of {chats}, {show_bytes(answer['bytes'])}.")
    screen.note("Without the passphrase nobody can open it, and nobody can recover it.")


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What was exported before.", show_default=False)
    ],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read messages in that `aster chat export` has written, of you and your federation.

    What is here already stays as it is, and so does what you deleted here. You can read and search what came;
    nobody is told of it. A group that this device did not know is shown as one that you left, until somebody
    in it writes to this device.

    Examples:
    aster chat import messages.aster
    """
    screen = Screen(as_json, quiet)
    place = check_argument(os.path.abspath(file))
    passphrase = known_passphrase(passphrase_file, "this file")
    answer = _follow(screen, "chat/import", path=place, passphrase=passphrase)
    if as_json:
        screen.emit(answer)
        return
    screen.say(f"{count_of(answer['messages'], 'message')} came in.")
    if answer["known"]:
        screen.note(f"{count_of(answer['known'], 'message')} were here before, or are gone for good.")


def history(
    action: Annotated[
        str, typer.Argument(metavar="[ask|give|show]", help="What to do.", show_default=False)
    ] = "show",
    device: Annotated[
        str | None, typer.Argument(metavar="[DEVICE]", help="To whom: another device of yours.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a new device of yours have what was said before it came.

    On the new device: `aster chat history ask`. Then on one that has it: `aster chat history give DEVICE`.
    Everything goes into one encrypted file that only that device can open. It comes over the mesh, also if
    the two are never online together and a hub is, which carries it for 30 days. What another device gives is
    taken only after this one has asked. Make sure that the device is yours: aster device list.

    Examples:
    aster chat history ask
    aster chat history give "new laptop"
    aster chat history show
    """
    screen = Screen(as_json, quiet)
    if (action == "give") != (device is not None) or action not in ("ask", "give", "show"):
        raise BadRequest(
            "Type ask, show, or give with the name of one of your devices.", "See: aster chat history --help"
        )
    if device is not None:
        answer = _follow(screen, "chat/history-give", device=check_argument(device))
    elif action == "ask":
        answer = Session().call("chat/history-ask", ASK_WAIT_S)
    else:
        answer = Session().call("chat/history")
    if as_json:
        screen.emit(answer)
    elif device is not None:
        what = f"{count_of(answer['messages'], 'message')}, {show_bytes(answer['bytes'])}"
        screen.say(f"Given to {answer['name']}: {what}.")
        screen.note("It is taken there after: aster chat history ask")
    elif action == "ask":
        screen.say("Your other devices are asked.")
        screen.note("On one of them, type: aster chat history give DEVICE")
    else:
        _show(screen, answer)


def _show(screen: Screen, answer: Json) -> None:
    for each in answer["wanted"]:
        screen.say(f"{each['name']} asks for history: aster chat history give {each['device'][:10]}")
    for each in answer["offered"]:
        screen.say(f"{each['name']} has given its history: {_taken(answer['asked'])}")
    if not answer["wanted"] and not answer["offered"]:
        screen.say("This device has asked for history." if answer["asked"] else "No device asks for history.")


def _taken(is_asked: bool) -> str:
    return "it is being fetched." if is_asked else "take it with: aster chat history ask"


def _follow(screen: Screen, method: str, **params: object) -> Json:
    """Show how far something has got until it is done, and give what came of it."""
    try:
        for event in Session().stream(method, **params):
            if event["event"] == "result":
                return {key: value for key, value in event.items() if key != "event"}
            screen.progress(_progress(event))
    finally:
        screen.progress("")
    raise Fault


def _progress(event: Json) -> str:
    if event["event"] in _DOING:
        return f"{_DOING[event['event']]}: {event['messages']:,} of {count_of(event['of'], 'message')}"
    if event.get("state") in _WAITING:
        return _WAITING[event["state"]]
    doing = "Fetched" if event["event"] == "fetching" else "Saved"
    return f"{doing}: {show_bytes(event['bytes'])} of {show_bytes(event['total'])}"
