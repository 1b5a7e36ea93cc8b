"""`aster sync`."""

from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes
from cli.session import Json, Session
from cli.texts import check_argument

EXIT_UNAVAILABLE: Final = 69


def sync(
    peer: Annotated[
        str | None,
        typer.Argument(metavar="PEER", help="A name or id; else all connected peers.", show_default=False),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what went over the wire.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Sync with peers now. The daemon does it by itself; this shows how far you are, and why not.

    Examples:
    aster sync
    aster sync bob --explain
    """
    screen = Screen(as_json, quiet)
    failed = asked = 0
    for event in Session().stream("sync", peer=None if peer is None else check_argument(peer)):
        if event["event"] == "progress":
            _show_progress(screen, event)
        elif event["event"] == "result":
            asked += 1
            failed += not event["ok"]
            screen.progress("")
            if as_json:
                screen.emit({name: value for name, value in event.items() if name != "event"})
            else:
                _show_result(screen, event, explain)
    if not asked:
        screen.note("No peer is connected. See: aster status")
    elif failed:
        screen.note(
            "A peer answers if it lets you in: in a circle after `aster peer add`, as `aster status` says;"
            " in a federation if you are a member: aster whois"
        )
    return EXIT_UNAVAILABLE if failed or not asked else 0


def _show_progress(screen: Screen, event: Json) -> None:
    screen.progress(
        f"{event['entries_received']:,} of {count_of(event['entries_total'], 'entry')}, "
        f"{show_bytes(event['bytes_received'])} of {show_bytes(event['bytes_total'])}"
    )


def _show_result(screen: Screen, event: Json, explain: bool) -> None:
    name = Styled(event["name"], "bold")
    if not event["ok"]:
        screen.say(name, "  failed: ", str(event.get("why") or "the connection ended"))
        return
    got, gave = event["entries_received"], event["entries_sent"]
    news = "already equal" if not got and not gave else f"{count_of(got, 'entry')} received, {gave:,} sent"
    screen.say(name, f"  {news}")
    if explain:
        screen.say(
            f"    {count_of(event['rounds'], 'round trip')} in {event['duration_ms']:,} ms, "
            f"{show_bytes(event['bytes_sent'])} sent, {show_bytes(event['bytes_received'])} received"
        )
