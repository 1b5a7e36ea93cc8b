"""`aster invite …`: codes with which others come in."""

from typing import Annotated

import typer

from cli.devices import show_code
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_span

Uses = Annotated[
    int | None, typer.Option(metavar="N", help="How many may use it: 1 to 50; 1 by default.", min=1)
]
Expires = Annotated[
    str | None,
    typer.Option(metavar="SPAN", help="How long it can be used, such as 12h, 3d or 2w; 7d by default."),
]
HubName = Annotated[
    str | None,
    typer.Option("--hub", metavar="NAME", help="The hub that newcomers dial: a name or id."),
]
QrCode = Annotated[bool | None, typer.Option("--qr/--no-qr", help="Draw it as a QR code.")]

WAIT_S = 30.0
"""The node may wait so long for the hub."""


def create(
    section: Annotated[
        str | None,
        typer.Option("--section", metavar="SECTION", help="Into which section, if you act for several."),
    ] = None,
    uses: Uses = None,
    expires: Expires = None,
    hub: HubName = None,
    qr: QrCode = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a code with which members join your section, although you need not be online then.

    Waits until the hub that the code names holds the invite. The code is printed on standard output and
    kept nowhere: give it to whom it is for, over a way that you trust. Your node closes the invite by itself
    once it has expired; aster invite revoke does so before.

    Examples:
    aster invite create
    aster invite create --uses 12 --expires 2d --hub hub-lyon
    aster invite create --no-qr > code.txt
    """
    create_code("invite/create", Screen(as_json, quiet), section, uses, expires, hub, qr)


def create_code(
    method: str,
    screen: Screen,
    section: str | None,
    uses: int | None,
    expires: str | None,
    hub: str | None,
    qr: bool | None,
) -> None:
    """Ask for an invite and print its code."""
    answer = Session().call(
        method,
        extra_timeout_s=WAIT_S,
        section=None if section is None else check_argument(section),
        uses=uses,
        valid_ms=None if expires is None else read_span(check_argument(expires)),
        hub=None if hub is None else check_argument(hub),
    )
    if answer["warning"]:
        screen.complain(f"aster: {answer['warning']}")
    if screen.as_json:
        screen.emit(answer)
        return
    show_code(screen, answer["code"], qr)
    times = "once" if answer["uses"] == 1 else f"{answer['uses']} times"
    screen.note(f"It works {times}, until {show_time(answer['expires_ms'])}.")
    verb = "section join" if answer["for"] == "sections" else "join"
    screen.note(f"Whoever has it types: aster {verb} - --name NAME, and pastes it.")
    if answer["held"] and answer["hub"]["hub"] and not answer["hub"]["own"]:
        screen.note(f"The hub {answer['hub']['name']} holds it: this machine may be off.")


def list_invites(
    section: Annotated[
        str | None, typer.Option("--section", metavar="SECTION", help="Of this section.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all sections.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the invites of your sections, and who used them. The codes themselves are kept nowhere.

    Examples:
    aster invite list
    aster invite list --all --json
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    invites = Session().call("invite/list", section=given, all=everything or None)["invites"]
    for invite in invites:
        if as_json:
            screen.emit(invite)
        else:
            _show(screen, invite)
    if not invites:
        screen.note("There are no invites. Make one with: aster invite create")


def _show(screen: Screen, invite: Json) -> None:
    style = "green" if invite["state"] == "open" else "yellow" if invite["state"] == "over-used" else "dim"
    kind = "" if invite["for"] == "members" else " for a section"
    screen.say(
        Styled(invite["id"][:10], "bold"),
        "  ",
        Styled(invite["state"], style),
        f"  {invite['section_name']}{kind}: {invite['used']} of {count_of(invite['uses'], 'use')},"
        f" until {show_time(invite['expires_ms'])}",
        Styled(f"  by {invite['by']['name']}", "dim"),
    )
    for claim in invite["claims"]:
        marks = [mark for mark, is_so in (("late", claim["late"]), ("not in", not claim["stands"])) if is_so]
        brought = f" with {claim['brought']}" if claim["brought"] else ""
        noted = f"  {', '.join(marks)}" if marks else ""
        screen.say(f"    {claim['name']}{brought}  {show_time(claim['time_ms'])}{noted}")


def revoke(
    invite: Annotated[
        str, typer.Argument(metavar="ID", help="Its id or the beginning, from the list.", show_default=False)
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Close an invite. Who has used it so far is in, as far as it allowed; nobody else gets in with it.

    Examples:
    aster invite revoke k3jd7wq2
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("invite/revoke", invite=check_argument(invite))
    if as_json:
        screen.emit(answer)
        return
    inside = sum(1 for claim in answer["claims"] if claim["stands"])
    screen.say(f"The invite {answer['id'][:10]} is closed: {count_of(inside, 'use')} of it stand.")
