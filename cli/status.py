"""`aster status` and `aster stop`."""

from cli.options import AsJson, Quiet
from cli.peers import show_last_seen
from cli.render import Screen, Styled, count_of, show_duration
from cli.session import Json, Session


def status(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show this device, its network, its peers and what it holds.

    Examples:
    aster status
    aster status --json
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("status")
    if as_json:
        screen.emit(answer)
        return
    screen.say(Styled(answer["name"], "bold"), f"  {answer['device']}")
    screen.say(f"network  {answer['network_name']}  ", Styled(answer["network"], "dim"))
    unchecked = f", {answer['unchecked']:,} still to be verified" if answer["unchecked"] else ""
    screen.say(
        f"holds    {count_of(answer['entries'], 'entry')} in {count_of(answer['logs'], 'log')}{unchecked}"
    )
    if not answer["signing"]:
        screen.say(Styled("publishes nothing now: ", "yellow"), str(answer["signing_why"]))
    if answer["uptime_s"] is None:
        screen.say("daemon   not running; start it with: aster run")
    else:
        hub = ", as a hub" if answer["hub"] else ""
        screen.say(
            f"daemon   running for {show_duration(answer['uptime_s'])}{hub}, version {answer['version']}"
        )
    _show_peers(screen, answer["peers"])
    show_invitation(screen, answer["addresses"], answer["name"])


def _show_peers(screen: Screen, peers: list[Json]) -> None:
    screen.say(f"peers    {sum(1 for peer in peers if peer['connected'])} of {len(peers)} connected")
    for peer in peers:
        state = "connected" if peer["connected"] else show_last_seen(peer["last_seen_ms"])
        problem = f"  {peer['problem']}" if peer.get("problem") and not peer["connected"] else ""
        screen.say(
            f"    {peer['name']}  ", state, f"  {peer['address'] or 'no address'}", Styled(problem, "dim")
        )


def show_invitation(screen: Screen, addresses: list[str], name: str) -> None:
    """Say what the other person has to type, and what to do in turn."""
    if not addresses:
        return
    screen.note("To connect, the other person types one of these, and you `aster peer add` them in turn:")
    for address in addresses:
        screen.note(f"    aster peer add {address} --name {_quote(name)}")


def _quote(name: str) -> str:
    """A name as a word for the shell."""
    return name if name.isalnum() else "'" + name.replace("'", "'\\''") + "'"


def stop(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """End the daemon in good order.

    Examples:
    aster stop
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("stop")
    if as_json:
        screen.emit(answer)
    else:
        screen.note("The daemon ends.")
