"""`aster roster`: every section with its members, now or as it was."""

import time
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of
from cli.sections import standing_of
from cli.session import Session
from cli.texts import check_argument
from cli.times import read_moment


def roster(
    at: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="As it was then, by what was claimed: 3d, 2026-11-22T17:04."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show every section with its members. With --json one object a line: a section, then its members.

    It is computed on this machine from what members and sections have signed, without a server; every node
    that holds the same statements sees the same.

    Examples:
    aster roster
    aster roster --at 2026-11-01
    aster roster --json
    """
    screen = Screen(as_json, quiet)
    at_ms = None if at is None else read_moment(check_argument(at), time.time_ns() // 1_000_000)
    for line in Session().stream("roster", at_ms=at_ms):
        if as_json:
            screen.emit(line)
        elif line["type"] == "section":
            members = count_of(line["members"], "member")
            screen.say(Styled(line["name"], "bold"), f"  {standing_of(line)}, {members}")
        else:
            steward = "  steward" if line["steward"] else ""
            devices = count_of(line["devices"], "device")
            screen.say(f"    {line['name']}  ", Styled(line["short"], "dim"), f"  {devices}{steward}")
