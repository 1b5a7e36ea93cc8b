"""`aster run`: starts the daemon in this process and says what it tells."""

from contextlib import suppress
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker
from cli.peers import called
from cli.render import Screen, Styled, count_of
from cli.session import Json, Session, check_home
from cli.status import show_invitation

HUNG_UP: Final = "hung up"
"""In the reason why a link ended: the other side wanted it so."""


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

    person = _Person(screen)

    def tell(event: Json) -> None:
        with suppress(SystemExit):  # whoever read our output has gone; the daemon goes on without
            if as_json:
                screen.emit(event, flush=True)
            else:
                person.tell(event)

    from node.daemon import Wishes, run_daemon

    run_daemon(session.paths, Wishes(tuple(listen or ()), hub, mdns), asker(session.environment), tell)


class _Person:
    """Says to a person what the daemon tells."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._device = ""
        self._is_federation = False
        self._connected: set[str] = set()

    def tell(self, event: Json) -> None:
        """Say it. Events that are not known are left out."""
        match event:
            case {"event": "ready"}:
                self._greet(event)
            case {"event": "connected", "device": device, "address": address}:
                self._say("connected", "green", f"{called(event)}  {address}")
                self._connected.add(device)
            case {"event": "disconnected", "device": device, "why": why}:
                self._say("disconnected", "yellow", f"{called(event)}  {why}")
                self._connected.discard(device)
                self._wonder(why)
            case {"event": "received", "entries": entries}:
                self._say("received", "", f"{count_of(entries, 'entry')} from {called(event)}")
            case {"event": "ended-log", "name": name, "log": log, "seq": seq}:
                self._say(
                    "ended", "red", f"{name}'s log {log} at entry {seq}: its author contradicted itself"
                )
            case {"event": "signing"}:
                self._screen.say(
                    "This home has heard its own entries from a peer, and signs again.", flush=True
                )
            case {"event": "alone", "why": why}:
                self._wonder(why)
                self._screen.note(
                    "Nobody could be reached yet; this node goes on trying. If the nodes that it knows are"
                    " gone, ask a member where his is (aster status), and type: aster peer add ADDRESS"
                )
            case {"event": "ended"}:
                self._screen.note("Ended.")
            case _:
                self._tell_of_members(event)

    def _wonder(self, why: str) -> None:
        """Where the last peer hung up, say what that may mean: who is shut out is not always told so."""
        if self._is_federation and not self._connected and HUNG_UP in why:
            self._screen.note(
                "All peers have hung up. If they go on doing so, they may know of a revocation of this device"
                " that it has not heard of."
            )

    def _tell_of_members(self, event: Json) -> None:
        match event:
            case {"event": "section", "name": name, "valid": True}:
                self._say("section", "green", f"{name} is part of the federation")
            case {"event": "section", "name": name}:
                self._say("section", "yellow", f"{name} waits for endorsements")
            case {"event": "joined", "name": name, "section_name": section}:
                self._say("joined", "green", f"{name}  {section}")
            case {"event": "left", "name": name, "section_name": section}:
                self._say("left", "yellow", f"{name}  {section}")
            case {"event": "revoked", "device": device} if device == self._device:
                self._say(
                    "revoked", "red", "this device: it publishes nothing any more, and nobody lets it in"
                )
            case {"event": "revoked"}:
                self._say("revoked", "yellow", called(event))

    def _greet(self, event: Json) -> None:
        name, self._device, self._is_federation = event["name"], event["device"], event["federation"]
        self._say("ready", "green", f"{name}  {self._device}")
        for address in event["addresses"]:
            self._screen.say(f"    {address}", flush=True)
        if not self._is_federation:
            show_invitation(self._screen, event["addresses"], name)
        elif event["steward"]:
            self._screen.note("Others join with an invite: aster invite create")
        self._screen.note("Ctrl-C ends it.")

    def _say(self, what: str, style: str, text: str) -> None:
        self._screen.say(Styled(what, style) if style else what, f"  {text}", flush=True)
