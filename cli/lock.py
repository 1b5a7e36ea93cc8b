"""`aster lock`, `aster passphrase` and `aster wipe`: what keeps others from reading this home."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker, new_passphrase
from cli.render import Screen, Styled
from cli.session import Session, check_home
from cli.words import has_terminal
from node.errors import BadRequest
from node.paths import Paths

_CONFIRMATION: Final = "wipe"

_ENDED: Final = {
    "none": "No daemon was running.",
    "asked": "The daemon has ended.",
    "killed": "The daemon did not end by itself and was killed. What it acknowledged is safe.",
}


def lock(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Close the keys on this device at once: end the daemon, so that they are in no memory.

    The daemon has two seconds to end in good order, then it is killed; nothing that it acknowledged is lost.
    Afterwards this home opens with its passphrase alone, and everything in it is encrypted. A home without
    one, such as a hub's, opens for whoever can read its key file: `aster passphrase` sets one.

    A service that starts the daemon again by itself has to be stopped first. What a command or a terminal
    showed is not taken back.

    Examples:
    aster lock
    """
    from node.doors.offline import lock as close

    screen = Screen(as_json, quiet)
    paths = Session().paths
    check_home(paths)
    answer = close(paths)
    if as_json:
        screen.emit(answer)
        return
    screen.say(_ENDED[answer["daemon"]])
    if answer["passphrase"]:
        screen.say("This home is locked: its passphrase opens it again.")
        return
    screen.say(Styled("This home has no passphrase: whoever can read its key file can open it.", "yellow"))
    screen.note(f"The key file: {paths.home_key}. Set a passphrase with: aster passphrase")


def passphrase(
    file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file", metavar="FILE", help="Take the first line of this file as the new one."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set or change the passphrase that locks this home.

    Asks for the present one, if there is one, and twice for the new one. A daemon that runs goes on running.
    From then on, starting it needs the passphrase: typed, or in the file that $ASTERISM_PASSPHRASE_FILE
    names. A forgotten passphrase cannot be recovered; with your 24 words you can make a new device.

    An older copy of the key file, as in a backup, still opens with what locked it then.

    Examples:
    aster passphrase
    aster passphrase --passphrase-file /run/secrets/home
    """
    from node.doors.offline import change_passphrase

    screen = Screen(as_json, quiet)
    session = Session()
    check_home(session.paths)
    chosen = new_passphrase(file, "this home")
    answer = change_passphrase(session.paths, asker(session.environment), chosen)
    if as_json:
        screen.emit(answer)
        return
    screen.say("The passphrase was changed." if answer["had_one"] else "This home has a passphrase now.")
    named = session.environment.passphrase_file
    if named is not None:
        screen.note(f"Change it in {named} as well: ASTERISM_PASSPHRASE_FILE names that file.")


def wipe(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Destroy this home on this device at once and for ever: keys, messages, everything in it.

    First the two key files are overwritten and removed; without them nobody can read the rest, not even with
    your passphrase. Then the daemon is killed, and everything else in the home is removed.

    This cannot reach what others hold: what you published, and messages on the devices of those you wrote to
    and on your own other devices. Nor can it reach copies: backups, snapshots, swap, exported files, and what
    a solid-state disk keeps of overwritten blocks. If somebody has an old copy of the key files, he needs the
    passphrase; if the home never had one, he needs nothing more.

    Your place in the federation stays. Revoke this device from another one of yours (aster device revoke), or
    with your 24 words on a new machine (aster recover).

    Examples:
    aster wipe
    aster wipe --yes
    """
    from node.doors.offline import wipe as destroy

    screen = Screen(as_json, quiet)
    paths = Session().paths
    if not yes and not _agrees(screen, paths):
        screen.note("Nothing was destroyed.")
        raise typer.Exit(1)
    answer = destroy(paths)
    if as_json:
        screen.emit(answer)
        return
    if answer["problem"]:
        screen.complain(f"aster: {answer['problem']}")
    screen.say(f"The keys and everything else of the home at {paths.home} are destroyed.")
    for path in answer["left"]:
        screen.note(f"Left, because it is not part of the home or cannot be removed: {path}")
    screen.note("Not destroyed: what others hold, backups and snapshots, exported files, your 24 words.")
    screen.note("Revoke this device: aster device revoke on another one of yours, or aster recover.")


def _agrees(screen: Screen, paths: Paths) -> bool:
    if not has_terminal():
        raise BadRequest(
            "This is asked before, and there is no terminal.", "Say that you agree beforehand: --yes"
        )
    screen.note(f"This destroys the home at {paths.home}: its keys, your messages, everything in it.")
    screen.note("Nobody can undo it. What others hold, and backups, are not reached.")
    return screen.ask(f"Type {_CONFIRMATION} to go on: ").strip().casefold() == _CONFIRMATION
