"""`aster steward …`: who acts for a section, and what they decide together."""

from typing import Annotated

import typer

from cli.acts import show_answer, show_waiting
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled
from cli.sections import Choose, Which
from cli.session import Session
from cli.texts import check_argument

Name = Annotated[str, typer.Argument(metavar="MEMBER", help="A name or an id.", show_default=False)]
Threshold = Annotated[
    int | None,
    typer.Option(metavar="T", help="How many act together then. As before, if that is allowed.", min=0),
]


def list_stewards(section: Which = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the stewards of a section, and how many of them act together.

    Examples:
    aster steward list
    aster steward list --section Berlin
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    answer = Session().call("steward/list", section=given)
    if as_json:
        screen.emit(answer)
        return
    for steward in answer["stewards"]:
        screen.say(f"{steward['name']}  ", Styled(steward["member"], "dim"))
    screen.note(
        f"{answer['threshold']} of {len(answer['stewards'])} act together for {answer['section_name']}."
    )


def add(
    member: Name,
    section: Which = None,
    threshold: Threshold = None,
    choose: Choose = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a member of your section its steward.

    Where several stewards act together this is a proposal: the others consent to it on their own machines,
    and what they say travels by itself.

    Examples:
    aster steward add bob
    aster steward add carol --threshold 3
    """
    _change("steward/add", member, section, threshold, choose, Screen(as_json, quiet))


def retire(
    member: Name,
    section: Which = None,
    threshold: Threshold = None,
    choose: Choose = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Retire a steward. What he said as one so far stays; he stays a member.

    Examples:
    aster steward retire bob
    """
    _change("steward/retire", member, section, threshold, choose, Screen(as_json, quiet))


def _change(
    method: str, member: str, section: str | None, threshold: int | None, choose: bool, screen: Screen
) -> None:
    answer = Session().call(
        method,
        member=check_argument(member),
        section=None if section is None else check_argument(section),
        threshold=threshold,
        choose=choose or None,
    )
    show_answer(screen, answer)


def set_threshold(
    threshold: Annotated[
        int, typer.Argument(metavar="T", help="More than half of them.", show_default=False, min=0)
    ],
    section: Which = None,
    choose: Choose = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Change how many stewards act together.

    Examples:
    aster steward threshold 3
    """
    given = None if section is None else check_argument(section)
    answer = Session().call("steward/threshold", threshold=threshold, section=given, choose=choose or None)
    show_answer(Screen(as_json, quiet), answer)


def pending(
    section: Which = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all sections.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List what waits for the consent of stewards: of your sections, or of all.

    Examples:
    aster steward pending
    """
    screen = Screen(as_json, quiet)
    given = None if section is None else check_argument(section)
    acts = Session().call("steward/pending", section=given, all=everything or None)["acts"]
    if as_json:
        for act in acts:
            screen.emit(act)
        return
    show_waiting(screen, acts)
    if not acts:
        screen.note("Nothing waits.")


def consent(
    act: Annotated[
        str,
        typer.Argument(metavar="ID", help="Its id or the beginning, from the list.", show_default=False),
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Consent to what another steward proposed. It cannot be taken back.

    Look first what it is: aster steward pending.

    Examples:
    aster steward consent k3jd7wq2
    """
    show_answer(Screen(as_json, quiet), Session().call("steward/consent", act=check_argument(act)))
