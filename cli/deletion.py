"""`aster delete`: have what you published dropped by every node, and see from where it has gone."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.words import has_terminal
from node.errors import BadRequest

WAIT_S = 30.0
"""The node waits a moment for hubs before it answers."""

SHOWN_CHARS = 60

_HERE = {
    "deleted": "It is gone from this node.",
    "let-go": "This node let go of it before, to keep within its quota.",
    "missing": "It has not come to this node yet, and will not be kept.",
    "held": "It is still on this node.",
    "unknown": "It has not come to this node.",
}


def delete(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID…", help="What to delete, by id.", show_default=False)
    ],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why. Everybody can read that; it stays.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Delete nothing: show from which hubs it has gone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Ask every node to drop what you published: messages, versions of documents, files, profiles.

    Every node that follows the rules drops the text and keeps the header: that something was written, by
    whom, when and how large. Your own corrections and translations of it go along. Copies that somebody made,
    backups, and nodes that are off or keep no rules are out of anybody's reach. Hubs answer with receipts.

    Only who wrote something can delete it, from any device of the same member.

    Examples:
    aster delete k3jd7wq2
    aster delete k3jd7wq2 --reason "The date was wrong." --yes
    aster delete --status k3jd7wq2
    """
    screen = Screen(as_json, quiet)
    named = [check_argument(each) for each in ids]
    if status:
        _check_no_more(reason, yes)
        session = Session()
        for each in named:
            _show_status(screen, session.call("delete/status", id=each))
        return
    if not yes and not has_terminal():
        raise BadRequest(
            "What goes is shown and asked before, and there is no terminal.",
            "Say that you agree beforehand: --yes",
        )
    session = Session()
    found = session.call("delete/preview", ids=named)
    if not yes and not _agrees(screen, found["entries"]):
        screen.note("Nothing was deleted.")
        return
    given = None if reason is None else check_argument(reason)
    _show_done(screen, session.call("delete", WAIT_S, ids=named, reason=given))


def _check_no_more(reason: str | None, yes: bool) -> None:
    if reason is not None or yes:
        raise BadRequest("--status deletes nothing, so it takes no reason and no --yes.", "Leave them out.")


def _agrees(screen: Screen, entries: list[Json]) -> bool:
    """Show what goes, and ask a person."""
    show = screen.note if screen.as_json else screen.say
    for entry in entries:
        along = " (goes along)" if entry["along"] else ""
        show(Styled(f"{entry['id'][:10]}  {show_time(entry['time_ms'])}  {entry['log']}{along}", "dim"))
        text = (entry["text"] or "").strip().split("\n")[0]
        if text:
            show(f"    {text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + '…'}")
    return screen.ask("This cannot be undone. Type yes to go on: ").strip().casefold() == "yes"


def _show_done(screen: Screen, answer: Json) -> None:
    if screen.as_json:
        screen.emit(answer)
        return
    along = f", {answer['along']} of them along with it" if answer["along"] else ""
    screen.say(f"Deleted {count_of(len(answer['deleted']), 'entry')}{along}.")
    screen.say(_sum(answer))
    if answer["gone"] < answer["of"]:
        screen.note(f"Look again later: aster delete --status {answer['deleted'][0][:10]}")


def _sum(answer: Json) -> str:
    """How it stands with the hubs, in a line."""
    hubs = answer["hubs"]
    if not hubs:
        return "No hub is known here. Nodes drop it as they hear of it."
    missing = {state: sum(hub["state"] == state for hub in hubs) for state in ("not-reached", "silent")}
    parts = [f"gone on {answer['gone']} of {count_of(answer['of'], 'hub')}"]
    if missing["not-reached"]:
        parts.append(f"{missing['not-reached']} not reached")
    if missing["silent"]:
        parts.append(f"{missing['silent']} said nothing yet")
    return ", ".join(parts)


def _show_status(screen: Screen, answer: Json) -> None:
    if screen.as_json:
        screen.emit(answer)
        return
    for each in answer["deletions"]:
        why = f": {each['reason']}" if each["reason"] else ""
        if each["counts"]:
            screen.say(f"deleted by {each['name']}, {show_time(each['time_ms'])}{why}")
        else:
            screen.say(
                Styled(f"refused: {each['name']} asked for it, {show_time(each['time_ms'])}{why}", "yellow")
            )
            screen.note("Only who wrote something can have it deleted. Every node refuses this.")
    for each in answer["targets"]:
        which = f"{each['id'][:10]}  " if len(answer["targets"]) > 1 else ""
        screen.say(which + _HERE[each["here"]])
    if not any(each["counts"] for each in answer["deletions"]):
        return
    screen.say(_sum(answer))
    for hub in answer["hubs"]:
        screen.say(f"    {hub['name']}{_device(hub)}  ", Styled(_said(hub), "dim"))


def _device(hub: Json) -> str:
    return f" ({hub['device_name']})" if hub["device_name"] else ""


def _said(hub: Json) -> str:
    if hub["state"] == "gone":
        return f"gone since {show_time(hub['since_ms'])}"
    if hub["state"] == "silent":
        return "was connected since, and said nothing yet"
    return f"not reached; last seen {show_time(hub['since_ms'])}" if hub["since_ms"] else "not reached yet"
