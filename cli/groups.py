"""`aster group …`: who takes part in conversations of several."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.words import has_terminal
from node.errors import BadRequest

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Its name or its id.", show_default=False)]
Members = Annotated[list[str], typer.Argument(metavar="MEMBER...", help="Names or ids.", show_default=False)]
Member = Annotated[str, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)]

WAIT_S = 60.0
"""The keys for five hundred devices take some seconds."""


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)],
    members: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MEMBER]...", help="Who takes part beside you.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a group: a conversation of up to a thousand, which only its members can read.

    You are its admin. Who takes part is known to its members alone. Write to it as to a member:
    aster chat send NAME TEXT.

    Examples:
    aster group create "Bakers of Lyon" bob carla
    aster chat send "Bakers of Lyon" "Who brings the flour?"
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "group/create", WAIT_S, name=check_argument(name), members=_checked(members) or None
    )
    if as_json:
        screen.emit(answer)
    else:
        screen.say(answer["conversation"])
        screen.note(f"{answer['name']} has {count_of(answer['members'], 'member')}.")


def invite(
    group: Group,
    members: Members,
    admin: Annotated[bool, typer.Option("--admin", help="Make them admins at once.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take members into a group. They read what is said from then on, and nothing from before.

    Only admins can do this.

    Examples:
    aster group invite "Bakers of Lyon" dora emil
    aster group invite "Bakers of Lyon" dora --admin
    """
    _tell(
        Screen(as_json, quiet),
        "group/invite",
        {"group": check_argument(group), "members": _checked(members), "admin": admin or None},
        "{name} has {members} now.",
    )


def remove(group: Group, member: Member, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Remove a member from a group. What is said from then on is encrypted with a new key.

    What he has read he keeps. Only admins can do this. Where somebody adds him at the same time without
    knowing of this, he is removed.

    Examples:
    aster group remove "Bakers of Lyon" mallory
    """
    _tell(
        Screen(as_json, quiet),
        "group/remove",
        {"group": check_argument(group), "member": check_argument(member)},
        "{name} has {members} now.",
    )


def leave(
    group: Group,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Leave a group. What you have read stays here; an admin can take you in again.

    If you were its last admin, every member is one from then on.

    Examples:
    aster group leave "Bakers of Lyon"
    """
    screen, named = Screen(as_json, quiet), check_argument(group)
    if not yes:
        if not has_terminal():
            raise BadRequest("You are asked before, and there is no terminal.", "Say it beforehand: --yes")
        if screen.ask(f"Leave {named}? Type yes to go on: ").strip().casefold() != "yes":
            screen.note("Nothing was changed.")
            return
    _tell(screen, "group/leave", {"group": named}, "You have left {name}.")


def rename(
    group: Group,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.", show_default=False)],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a group another name, for everybody in it. Only admins can do this.

    Examples:
    aster group rename "Bakers of Lyon" "Bakers and millers"
    """
    _tell(
        Screen(as_json, quiet),
        "group/rename",
        {"group": check_argument(group), "name": check_argument(name)},
        "The group is called {name} now.",
    )


def promote(group: Group, member: Member, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Make a member an admin: somebody who invites, removes, renames and promotes.

    An admin stays one until he is removed or leaves. Only admins can do this.

    Examples:
    aster group promote "Bakers of Lyon" dora
    """
    _tell(
        Screen(as_json, quiet),
        "group/promote",
        {"group": check_argument(group), "member": check_argument(member)},
        "Done. See: aster group members",
    )


def members(group: Group, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List who takes part in a group, admins first.

    Examples:
    aster group members "Bakers of Lyon"
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("group/members", group=check_argument(group))
    if as_json:
        screen.emit(answer)
        return
    screen.table(
        (
            (
                each["name"],
                each["who"][:10],
                "admin" if each["admin"] else "",
                "you" if each["self"] else "blocked by you" if each["blocked"] else "",
                count_of(each["devices"], "device"),
            )
            for each in answer["people"]
        ),
        ("NAME", "ID", "", "", "DEVICES"),
    )
    if answer["state"] == "left":
        screen.note("You do not take part any more: this is how it was then.")


def list_groups(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the groups that you are or were in, the latest first.

    Examples:
    aster group list
    """
    screen = Screen(as_json, quiet)
    groups = Session().call("group/list")["groups"]
    if as_json:
        for each in groups:
            screen.emit(each)
        return
    screen.table(
        (
            (
                each["name"],
                each["conversation"][:10],
                count_of(each["members"], "member"),
                "" if each["state"] == "open" else each["state"],
                show_time(each["last_ms"]),
            )
            for each in groups
        ),
        ("NAME", "ID", "MEMBERS", "", "LAST"),
    )
    if not groups:
        screen.note("No groups. Make one: aster group create NAME MEMBER...")


def _checked(texts: list[str] | None) -> list[str]:
    return [check_argument(each) for each in texts or ()]


def _tell(screen: Screen, method: str, given: Json, said: str) -> None:
    answer = Session().call(method, WAIT_S, **given)
    if screen.as_json:
        screen.emit(answer)
        return
    screen.note(said.format(name=answer["name"], members=count_of(answer["members"] or 0, "member")))
    if answer.get("note"):
        screen.note(Styled(answer["note"], "yellow"))
