"""`aster init` and `aster network …`."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker, choose_passphrase
from cli.render import Screen
from cli.session import Json, Session, check_home
from cli.texts import check_argument, read_file
from node.errors import BadRequest


def init(
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What this device is called; others see it.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="FILE", help="Join the network of this file, - for standard input.")
    ] = None,
    network_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the new network is called.")
    ] = None,
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Keep the key unprotected, for a machine that starts alone.")
    ] = False,
    new_device: Annotated[
        bool, typer.Option("--new-device", help="Give the home that is there, such as a copy, a new key.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a home: a device key, and a new network or a place in one.

    The home is the directory that $ASTERISM_HOME names. What is in it is encrypted with a passphrase, which
    is asked for, or read from the file that $ASTERISM_PASSPHRASE_FILE names. With --unattended the key lies
    in a file of mode 0600 instead: whoever can read that file can read everything and write in your name.

    Examples:
    aster init --name alice
    aster init --name bob --network net.aster
    aster init --name hub --network net.aster --unattended
    aster init --new-device
    """
    screen = Screen(as_json, quiet)
    session = Session()
    chosen = None if name is None else check_argument(name)
    if new_device:
        if network is not None or network_name is not None or unattended:
            raise BadRequest("--new-device goes with --name alone.", "aster init --new-device")
        answer = _renew(session, chosen)
    else:
        if chosen is None:
            raise BadRequest("A new home needs a name.", "aster init --name NAME")
        if network is not None and network_name is not None:
            raise BadRequest("A network that exists has its name.", "Use either --network or --network-name.")
        answer = _found(session, chosen, network, network_name, unattended)
    if as_json:
        screen.emit(answer)
        return
    screen.say(f"device   {answer['name']}  {answer['device']}")
    screen.say(f"network  {answer['network_name']}  {answer['network']}")
    if unattended:
        screen.note(f"The key lies unprotected in {session.paths.home_key}: guard that file.")
    if not new_device and network is None:
        screen.note("Others join with the file that this prints: aster network export")
    screen.note("Start the daemon with: aster run")


def _found(
    session: Session, name: str, network: str | None, network_name: str | None, unattended: bool
) -> Json:
    from node.doors.offline import make_home

    if session.paths.network.exists():
        raise BadRequest(
            f"There is a home at {session.paths.home} already.",
            "Use it, or let ASTERISM_HOME name another directory.",
        )
    text = None if network is None else read_file(network)
    named = check_argument(network_name) if network_name is not None else f"Network of {name}"
    passphrase = None if unattended else choose_passphrase(session.environment)
    return make_home(session.paths, name, text, named, passphrase)


def _renew(session: Session, name: str | None) -> Json:
    from node.doors.offline import renew_device

    check_home(session.paths)
    return renew_device(session.paths, asker(session.environment), name)


def export(quiet: Quiet = False) -> None:
    """Print the network file, with which others join. It is no secret, and lets nobody in by itself.

    Examples:
    aster network export > net.aster
    """
    from node.doors.offline import read_network

    paths = Session().paths
    check_home(paths)
    Screen(quiet=quiet).raw(read_network(paths)["file"])


def show(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show the network's name and id.

    Examples:
    aster network show
    """
    from node.doors.offline import read_network

    screen = Screen(as_json, quiet)
    paths = Session().paths
    check_home(paths)
    answer = read_network(paths)
    if as_json:
        screen.emit({name: answer[name] for name in ("network", "network_name")})
    else:
        screen.say(f"{answer['network_name']}  {answer['network']}")
