"""`aster status` and `aster stop`."""

import time

from cli.options import AsJson, Quiet
from cli.peers import named_apart, show_last_seen
from cli.render import Screen, Styled, count_of, show_duration
from cli.session import Json, Session

_NAMED = 5
"""Members at their bound that are named."""


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
    if answer.get("at_quota"):
        named = ", ".join(answer["at_quota"][:_NAMED]) + (", …" if len(answer["at_quota"]) > _NAMED else "")
        screen.say(
            Styled("at the bound of what they may take here: ", "yellow"), f"{named}; aster quota show"
        )
    if answer["uptime_s"] is None:
        screen.say("daemon   not running; start it with: aster run")
    else:
        hub = ", as a hub" if answer["hub"] else ""
        screen.say(
            f"daemon   running for {show_duration(answer['uptime_s'])}{hub}, version {answer['version']}"
        )
    federation = answer.get("federation")
    if federation is not None:
        _show_federation(screen, federation)
    _show_peers(screen, answer["peers"])
    if federation is None:
        show_invitation(screen, answer["addresses"], answer["name"])


def _show_federation(screen: Screen, federation: Json) -> None:
    """Where this home stands, and up to when which sections confirm that."""
    waiting = f", {count_of(federation['waiting'], 'section')} waiting" if federation["waiting"] else ""
    sections = count_of(len(federation["sections"]), "section")
    screen.say(f"roster   {count_of(federation['members'], 'member')} in {sections}{waiting}")
    if federation["standing"] == "former":
        screen.say(Styled("this device counts no longer: it was revoked, or the membership ended", "red"))
    elif federation["standing"] == "candidate":
        screen.say(Styled("your section waits for endorsements: aster section list", "yellow"))
    for section in federation["sections"]:
        role = "steward" if section["steward"] else "member" if section["own"] else ""
        told = [
            text
            for text in (role, _ago("in step", section["synced_ms"]), _ago("last word", section["said_ms"]))
            if text
        ]
        screen.say(f"    {section['name']}  ", Styled(", ".join(told) or "nothing heard yet", "dim"))
    if federation["pending"]:
        waits = "waits" if federation["pending"] == 1 else "wait"
        proposals = count_of(federation["pending"], "proposal")
        screen.say(Styled(f"{proposals} {waits} for your consent: aster steward pending", "yellow"))


def _ago(what: str, time_ms: int) -> str:
    """How long ago something was; empty where it never was."""
    if not time_ms:
        return ""
    return f"{what} {show_duration(max(0.0, time.time() - time_ms / 1000))} ago"


def _show_peers(screen: Screen, peers: list[Json]) -> None:
    screen.say(f"peers    {sum(1 for peer in peers if peer['connected'])} of {len(peers)} connected")
    called = named_apart(peers)
    for peer in peers:
        state = "connected" if peer["connected"] else show_last_seen(peer["last_seen_ms"])
        problem = f"  {peer['problem']}" if peer.get("problem") and not peer["connected"] else ""
        screen.say(
            f"    {called(peer)}  ", state, f"  {peer['address'] or 'no address'}", Styled(problem, "dim")
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
    """End the daemon in good order, and wait until it has ended.

    Examples:
    aster stop
    """
    screen = Screen(as_json, quiet)
    Session().stop()
    if as_json:
        screen.emit({"ok": True})
    else:
        screen.note("The daemon has ended.")
