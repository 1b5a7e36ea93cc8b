"""`aster interest show|set`: what this node carries of all that there is."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.peers import named_apart
from cli.render import Screen, Styled, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_span

_BOXES = [f"box-{digit:x}" for digit in range(16)]


def show(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show what this node carries, and what others said that they do.

    Examples:
    aster interest show
    """
    screen = Screen(as_json, quiet)
    _show(screen, Session().call("interest/show"))


def choose(
    section: Annotated[
        list[str] | None,
        typer.Option(metavar="SECTION", help="Carry the members of this section; or all. Repeatable."),
    ] = None,
    purpose: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Carry these logs, such as feed,docs; or all."),
    ] = None,
    age: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Carry texts of this age at most, such as 90d or 1y; or all."),
    ] = None,
    boxes: Annotated[
        str | None,
        typer.Option(metavar="WHOSE", help="Carry packets to these devices: own, all or auto."),
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Carry everything, as at first.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Choose what this node carries. What is not given stays as it is; everything is carried at first.

    Who belongs is carried always, and so are your own sections. Of members of sections that you leave out not
    even the names are: they are shown by their ids. Others see what you chose. What is here already stays.

    Packets are what conversations need beside the messages: keys, and word that something came. Those to
    your own device are carried always, with a few others that cannot be told apart from them. With --boxes
    own no others are: they reach who is away through hubs, and not through your machine. By default (auto)
    a hub carries all, and so does a node that was connected to no hub within a week.

    Examples:
    aster interest set --section Lyon --section Berlin --age 1y
    aster interest set --purpose feed,docs
    aster interest set --boxes all
    aster interest set --everything
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "interest/set",
        sections=[check_argument(each) for each in section] if section else None,
        purposes=None if purpose is None else check_argument(purpose).split(","),
        age_ms=None
        if age is None
        else 0
        if age.strip().casefold() == "all"
        else read_span(check_argument(age)),
        everything=everything or None,
        boxes=None if boxes is None else check_argument(boxes),
    )
    _show(screen, {**answer, "others": []} if not as_json else answer)


def _show(screen: Screen, answer: Json) -> None:
    if screen.as_json:
        screen.emit(answer)
        return
    auto = " (auto)" if answer["without_bodies"] and answer["boxes"] == "auto" else ""
    screen.say(f"carries   {_said(answer)}{auto}")
    called = named_apart(answer["others"])
    for other in answer["others"]:
        hub = ", a hub" if other["hub"] else ""
        screen.say(f"    {called(other)}{hub}  ", Styled(_said(other), "dim"))


def _said(interest: Json) -> str:
    """An interest in words."""
    if interest["everything"]:
        return "everything"
    parts = []
    if interest["sections"] is not None:
        parts.append("sections " + (", ".join(each["name"] for each in interest["sections"]) or "none"))
    if interest["purposes"] is not None:
        parts.append("logs " + ", ".join(interest["purposes"]))
    if interest["since_ms"]:
        parts.append(f"texts since {show_time(interest['since_ms'])[:10]}")
    return "; ".join([*(parts or ["everything"]), *_said_of_bodies(interest["without_bodies"])])


def _said_of_bodies(left_out: list[str]) -> list[str]:
    """Of which logs the bodies are not carried, in words."""
    boxes = [name for name in left_out if name in _BOXES]
    kept = ", ".join(name for name in _BOXES if name not in boxes) or "none"
    others = ", ".join(name for name in left_out if name not in boxes)
    return [
        *([f"of packets only {kept}"] if boxes else []),
        *([f"no texts in {others}"] if others else []),
    ]
