"""What several stewards do together, as it is shown: done, or who still has to consent."""

from cli.render import Screen, Styled, show_time
from cli.session import Json

SHORT_CHARS = 10
"""Of an id, for people to read and to type."""


def show_answer(screen: Screen, answer: Json) -> None:
    """The acts that a command wrote or consented to."""
    if screen.as_json:
        for act in answer["acts"]:
            screen.emit(act)
        return
    for act in answer["acts"]:
        screen.say(_state(act), f"  {act['section_name']}: {act['what']}")
        if not act["complete"]:
            screen.say(f"    {_consents(act)}; the others type: aster steward consent {_short(act)}")
        elif not act["effective"]:
            screen.say("    something stands against it: aster section show")


def show_waiting(screen: Screen, acts: list[Json]) -> None:
    """Acts that wait, with what to type."""
    for act in acts:
        mine = "" if act["yours"] else f"; consent: aster steward consent {_short(act)}"
        screen.say(Styled(_short(act), "bold"), f"  {act['section_name']}: {act['what']}")
        screen.say(
            f"    {_consents(act)}{mine}",
            Styled(f"  proposed {show_time(act['since_ms'])} by {act['proposed_by']}", "dim"),
        )


def _state(act: Json) -> Styled:
    if act["effective"]:
        return Styled("done   ", "green")
    return Styled("waits  " if not act["complete"] else "no effect", "yellow")


def _consents(act: Json) -> str:
    names = ", ".join(each["name"] for each in act["consents"])
    return f"{len(act['consents'])} of {act['needed']} consent" + (f" ({names})" if names else "")


def _short(act: Json) -> str:
    return str(act["id"])[:SHORT_CHARS]
