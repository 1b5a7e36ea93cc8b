"""`aster member …`, `aster whois`, `aster petname`: the people of a federation."""

import time
from typing import Annotated

import typer

from cli.acts import show_answer
from cli.devices import agree, check_answerable
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.sections import Which
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_moment
from node.errors import BadRequest

Who = Annotated[str, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)]
Before = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="What came later counts no longer either: 2d, 2026-11-22T17:04."),
]
Without = Annotated[
    list[str] | None,
    typer.Option(metavar="DEVICE", help="Nothing of this device counts, such as a thief's. Repeatable."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

WAIT_S = 15.0
"""The node looks first for what is news."""


def list_members(section: Which = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the members of a section, or of the federation.

    Examples:
    aster member list
    aster member list --section Lyon
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    members = Session().call("member/list", section=given)["members"]
    if as_json:
        for member in members:
            screen.emit(member)
        return
    screen.table(
        (
            (
                member["name"],
                member["short"],
                ", ".join(each["name"] for each in member["sections"]),
                "steward" if member["steward"] else "",
                count_of(member["devices"], "device"),
            )
            for member in members
        ),
        ("NAME", "ID", "SECTIONS", "", "DEVICES"),
    )
    screen.note(f"{count_of(len(members), 'member')}.")


def admit(
    root: Annotated[
        str,
        typer.Argument(metavar="ROOT", help="The id of a root, or a member's name.", show_default=False),
    ],
    section: Which = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Admit somebody by hand: a member of another section, or a root whose id you were given.

    Invites are the usual way (aster invite create): with them nobody has to read ids aloud.

    Examples:
    aster member admit dora --section Lyon
    aster member admit k3jd7wq2x4m5n6p7q2r3s4t5u6v7w2x3y4z5a6b7c2d3e4f5g6h7
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    answer = Session().call("member/admit", root=check_argument(root), section=given)
    if as_json:
        screen.emit(answer)
    else:
        screen.say(f"{answer['name']} ({answer['member']}) is a member of {answer['section_name']}.")


def end(
    member: Who,
    section: Which = None,
    before: Before = None,
    without: Without = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """End a membership in your section.

    What the member has published so far stays; his devices' logs end at what this node holds, after a look
    at a hub. Where several stewards act together this is a proposal. Who is a member of another section
    too stays one there.

    Examples:
    aster member end bob
    aster member end bob --before 2026-11-22T17:04 --yes
    """
    screen = Screen(as_json, quiet)
    given = {"member": check_argument(member), **_cut(section, before, without)}
    _agree_and_do(screen, "member/end", given, f"The membership of {given['member']} ends.", yes)


def replace(
    member: Who,
    root: Annotated[
        str, typer.Option("--root", metavar="ID", help="The root of the new words.", show_default=False)
    ],
    section: Which = None,
    before: Before = None,
    without: Without = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a member a new root, because the 24 words were lost or leaked. Name and standing stay.

    The member makes new words and tells you the id of their root. The logs of all devices so far end at what
    this node holds, or earlier: --before, --without. Afterwards he links a device with the new words.

    Examples:
    aster member replace bob --root k3jd7wq2... --before 2d --without "thief's laptop"
    """
    screen = Screen(as_json, quiet)
    given = {
        "member": check_argument(member),
        "root": check_argument(root),
        **_cut(section, before, without),
    }
    _agree_and_do(screen, "member/replace", given, f"{given['member']} gets a new root.", yes)


def _cut(section: str | None, before: str | None, without: list[str] | None) -> Json:
    now_ms = time.time_ns() // 1_000_000
    return {
        "section": None if section is None else check_argument(section),
        "before_ms": None if before is None else read_moment(check_argument(before), now_ms),
        "without": [check_argument(each) for each in without] if without else None,
    }


def _agree_and_do(screen: Screen, method: str, given: Json, what: str, yes: bool) -> None:
    """Show what will be cut, ask, and do it."""
    check_answerable(yes)
    session = Session()
    preview = session.call(method, extra_timeout_s=WAIT_S, preview=True, **given)
    (screen.note if screen.as_json else screen.say)(what)
    for device in preview["left_out"]:
        screen.complain(f"aster: there is no room for the cut of {device[:10]}: nothing of it will count.")
    if not agree(screen, preview["devices"], yes):
        screen.note("Nothing was changed.")
        return
    show_answer(screen, session.call(method, extra_timeout_s=WAIT_S, **given))


def whois(
    who: Annotated[
        str | None,
        typer.Argument(
            metavar="MEMBER",
            help="A name, or the id of a member, root or device. You by default.",
            show_default=False,
        ),
    ] = None,
    safety: Annotated[
        bool, typer.Option("--safety", help="Show the safety number of you two, to compare.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say who somebody is: sections, devices, since when, and who let him in.

    With --safety there are 60 digits that only you two see alike: read them to each other, in person or on
    the telephone. If they are the same, nobody has put himself between you.

    Examples:
    aster whois
    aster whois bob --safety
    """
    screen = Screen(as_json, quiet)
    given = None if who is None else check_argument(who)
    answer = Session().call("whois", who=given, safety=safety or None)
    if as_json:
        screen.emit(answer)
        return
    screen.say(Styled(answer["name"], "bold"), f"  {answer['member']}")
    for label, text in _facts(answer):
        screen.say(f"{label:<10}{text}")
    for device in answer["devices"]:
        this = "  this one" if device["this"] else ""
        state = "" if device["standing"] == "member" else f"  {device['standing']}"
        screen.say(f"device    {device['name']}  ", Styled(device["device"], "dim"), f"{state}{this}")
    if "safety" in answer:
        groups = answer["safety"].split()
        for start in range(0, len(groups), 6):
            screen.say(f"{'safety' if not start else '':<10}{' '.join(groups[start : start + 6])}")


def _facts(answer: Json) -> list[tuple[str, str]]:
    facts = [
        ("sections", ", ".join(each["name"] for each in answer["sections"])),
        ("left", ", ".join(each["name"] for each in answer["left"])),
        ("steward", ", ".join(each["name"] for each in answer["stewards"])),
        ("since", show_time(answer["since_ms"]) if answer["since_ms"] else ""),
        ("petname", answer["petname"] or ""),
        ("root", answer["root"] if answer["root"] != answer["member"] else ""),
    ]
    facts += [("admitted", _admission(each)) for each in answer["admitted"]]
    return [(label, text) for label, text in facts if text]


def _admission(admitted: Json) -> str:
    section = admitted["section_name"]
    match admitted["how"]:
        case "invite":
            invite = admitted["invite"][:10]
            return f"to {section} with the invite {invite} of {admitted['by']['name']}"
        case "admission":
            return f"to {section} by {admitted['by']['name']}"
    return f"to {section} as its steward"


def petname(
    who: Annotated[
        str | None, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="PETNAME", help="What you call him.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the petname away.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Call a member by a name of your own, which goes before what he calls himself; or list these names.

    It is known to this home alone.

    Examples:
    aster petname bob "Bob from the bakery"
    aster petname "Bob from the bakery" --remove
    aster petname
    """
    screen = Screen(as_json, quiet)
    if who is None:
        _list_petnames(screen)
        return
    if (name is None) is not remove:
        raise BadRequest(
            "Give a petname, or --remove.", 'For example: aster petname bob "Bob from the bakery"'
        )
    if name is None:
        answer = Session().call("petname/remove", who=check_argument(who))
    else:
        answer = Session().call("petname/set", who=check_argument(who), name=check_argument(name))
    if as_json:
        screen.emit(answer)
    else:
        screen.say(f"{answer['member'][:10]} is called {answer['name']} here.")


def _list_petnames(screen: Screen) -> None:
    petnames = Session().call("petname/list")["petnames"]
    for each in petnames:
        if screen.as_json:
            screen.emit(each)
        else:
            screen.say(f"{each['name']}  ", Styled(each["member"], "dim"))
    if not petnames:
        screen.note('There are none. Give one with: aster petname MEMBER "PETNAME"')
