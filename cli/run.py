"""`aster run`: starts the daemon in this process and says what it tells."""

from contextlib import suppress
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker
from cli.render import Screen, Styled, count_of
from cli.session import Json, Session, check_home
from cli.status import show_invitation


def run(
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="MULTIADDR", help="Listen here instead of where config.toml says. Repeatable."),
    ] = None,
    hub: Annotated[bool, typer.Option("--hub", help="This node is always on: tell others so.")] = False,
    mdns: Annotated[
        bool, typer.Option("--mdns", help="Look for peers in the local network, which sees that you do.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the daemon: connect to peers and keep in step with them.

    Ends in good order on Ctrl-C, SIGTERM or `aster stop`, with exit code 0. With --json it prints one
    object a line: first {"event": "ready", "device", "addresses"}, then what happens. A port that is in
    use is exit code 69, a home that another daemon holds 75.

    Examples:
    aster run
    aster run --listen /ip4/0.0.0.0/tcp/4711 --hub
    """
    screen = Screen(as_json, quiet)
    session = Session()
    check_home(session.paths)

    def tell(event: Json) -> None:
        with suppress(SystemExit):  # whoever read our output has gone; the daemon goes on without
            if as_json:
                screen.emit(event, flush=True)
            else:
                _tell_person(screen, event)

    from node.daemon import Wishes, run_daemon

    run_daemon(session.paths, Wishes(tuple(listen or ()), hub, mdns), asker(session.environment), tell)


def _tell_person(screen: Screen, event: Json) -> None:
    match event:
        case {"event": "ready", "name": name, "device": device, "addresses": addresses}:
            screen.say(Styled("ready", "green"), f"  {name}  {device}", flush=True)
            for address in addresses:
                screen.say(f"    {address}", flush=True)
            if not event["federation"]:
                show_invitation(screen, addresses, name)
            elif event["steward"]:
                screen.note("Others join with an invite: aster invite create")
            screen.note("Ctrl-C ends it.")
        case {"event": "connected", "name": name, "address": address}:
            screen.say(Styled("connected", "green"), f"  {name}  {address}", flush=True)
        case {"event": "disconnected", "name": name, "why": why}:
            screen.say(Styled("disconnected", "yellow"), f"  {name}  {why}", flush=True)
        case {"event": "received", "name": name, "entries": entries}:
            screen.say("received", f"  {count_of(entries, 'entry')} from {name}", flush=True)
        case {"event": "ended-log", "name": name, "log": log, "seq": seq}:
            screen.say(
                Styled("ended", "red"), f"  {name}'s log {log} at entry {seq}: its author contradicted itself"
            )
        case {"event": "signing"}:
            screen.say("This home has heard its own entries from a peer, and signs again.", flush=True)
        case {"event": "ended"}:
            screen.note("Ended.")
