"""`aster section list|show|invite|endorse|change`."""

from typing import Annotated

import typer

from cli.acts import show_answer, show_waiting
from cli.invites import Expires, HubName, QrCode, Uses, create_code
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument

Which = Annotated[
    str | None,
    typer.Option("--section", metavar="SECTION", help="For which section you act, if for several."),
]
Choose = Annotated[
    bool,
    typer.Option("--choose", help="Take the place of rival changes, and of what you proposed before."),
]


def list_sections(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the sections of the federation: those that are in, and those that wait for endorsements.

    Examples:
    aster section list
    """
    screen = Screen(as_json, quiet)
    sections = Session().call("section/list")["sections"]
    if as_json:
        for section in sections:
            screen.emit(section)
        return
    screen.table(
        (
            (
                section["name"],
                standing_of(section),
                count_of(section["members"], "member"),
                f"{section['threshold']} of {count_of(len(section['stewards']), 'steward')}",
                ", ".join(section["languages"]),
                section["territory"],
            )
            for section in sections
        ),
        ("NAME", "", "MEMBERS", "ACT TOGETHER", "LANGUAGES", "TERRITORY"),
    )


def show(
    section: Annotated[
        str | None, typer.Argument(metavar="SECTION", help="Yours by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show a section: stewards, members, hubs, who endorsed it, and what waits for its stewards.

    Examples:
    aster section show
    aster section show Berlin
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("section/show", section=None if section is None else check_argument(section))
    if as_json:
        screen.emit(answer)
        return
    screen.say(Styled(answer["name"], "bold"), f"  {answer['id']}")
    for label, text in _facts(answer):
        screen.say(f"{label:<13}{text}")
    for label, people in (("stewards", True), ("members", False)):
        named = [each for each in answer["people"] if each["steward"] is people]
        if named:
            screen.say(label)
            for each in named:
                screen.say(f"    {each['name']}  ", Styled(each["short"], "dim"), f"  {_since(each)}")
    _show_hubs(screen, answer["hubs"])
    if answer["pending"]:
        screen.say("waits for consents")
        show_waiting(screen, answer["pending"])


def _facts(answer: Json) -> list[tuple[str, str]]:
    endorsed = ", ".join(each["name"] for each in answer["endorsed_by"])
    facts = [
        ("standing", standing_of(answer)),
        ("territory", answer["territory"]),
        ("languages", ", ".join(answer["languages"])),
        ("act together", f"{answer['threshold']} of {count_of(len(answer['stewards']), 'steward')}"),
        ("endorsed by", endorsed),
        ("since", show_time(answer["since_ms"]) if answer["since_ms"] else ""),
        ("last word", show_time(answer["said_ms"]) if answer["said_ms"] else ""),
        ("in step", show_time(answer["synced_ms"]) if answer["synced_ms"] else ""),
        ("rivals", ", ".join(rival[:10] for rival in answer["rivals"])),
        ("carried by", ", ".join(each["name"] for each in answer["carried_by"])),
        ("declined by", ", ".join(each["name"] for each in answer["declined_by"])),
    ]
    return [(label, text) for label, text in facts if text]


def _show_hubs(screen: Screen, hubs: list[Json]) -> None:
    if hubs:
        screen.say("hubs")
        for hub in hubs:
            state = Styled("connected", "green") if hub["connected"] else "not connected"
            screen.say(f"    {hub['name']}  ", state, f"  {hub['address']}")


def _since(member: Json) -> str:
    devices = count_of(member["devices"], "device")
    return f"{devices}, since {show_time(member['since_ms'])}" if member["since_ms"] else devices


def standing_of(section: Json) -> str:
    """In a word how a section stands."""
    if not section["valid"]:
        return f"waits: {len(section['endorsed_by'])} of {section['needed']} endorsements"
    if section["rivals"]:
        return f"{len(section['rivals'])} rival changes"
    return "founding" if section["founding"] else "endorsed"


def invite(
    section: Which = None,
    uses: Uses = None,
    expires: Expires = None,
    hub: HubName = None,
    qr: QrCode = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a code with which somebody begins a new section.

    Whoever uses it (aster section join) has a section that waits: it is in once as many sections have
    endorsed it as the federation's charter asks for. The code is secret until it is used.

    Examples:
    aster section invite
    aster section invite --expires 2d --hub hub-lyon
    """
    create_code("section/invite", Screen(as_json, quiet), section, uses, expires, hub, qr)


def endorse(
    name: Annotated[str, typer.Argument(metavar="NEW", help="The section that waits.", show_default=False)],
    section: Which = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Endorse a new section for yours. It cannot be taken back.

    Examples:
    aster section endorse Berlin
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    show_answer(screen, Session().call("section/endorse", name=check_argument(name), section=given))


def change(
    section: Which = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is called.")] = None,
    territory: Annotated[str | None, typer.Option(metavar="TEXT", help="Where it is.")] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="A language that it speaks, such as pt-BR. Repeatable: all."),
    ] = None,
    choose: Choose = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Change what your section is called, where it is, or which languages it speaks.

    What is not given stays as it is. Stewards have verbs of their own: aster steward.

    Examples:
    aster section change --territory "Lyon and the villages around"
    aster section change --language fr --language ar
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "section/change",
        section=None if section is None else check_argument(section),
        name=None if name is None else check_argument(name),
        territory=None if territory is None else check_argument(territory),
        languages=[check_argument(each) for each in language] if language else None,
        choose=choose or None,
    )
    show_answer(screen, answer)
