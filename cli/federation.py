"""`aster federation found|show`."""

from typing import Annotated

import typer

from cli.join import (
    ENGLISH,
    Languages,
    OwnDevice,
    Person,
    Territory,
    Unattended,
    check_no_home,
    choose_place,
    describe_home,
    remind,
)
from cli.options import AsJson, Quiet
from cli.render import Screen, count_of
from cli.session import Session, check_home
from cli.texts import check_argument, read_file
from cli.words import NewWords, NewWordsFile, WordsLanguage
from node.errors import BadRequest


def found(
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What the federation is called.", show_default=False)
    ],
    section: Annotated[
        str,
        typer.Option(metavar="SECTION", help="What the first section is called.", show_default=False),
    ],
    person: Person,
    territory: Territory = "",
    language: Languages = None,
    endorsements: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="How many sections must endorse a new one: 2, or 1 where one founds.", min=0
        ),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="FILE", help="Found it together with the section in this file. Repeatable."
        ),
    ] = None,
    device: OwnDevice = "",
    words_file: NewWordsFile = None,
    words_language: WordsLanguage = ENGLISH,
    unattended: Unattended = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Found a federation with its first section, and make a home in it.

    You become the first steward of the section. 24 words are shown to write down, and three of them asked
    back: whoever has them is you. Sections that others drafted (aster section draft) found it together with
    yours: --with. How many sections must endorse a new one stands in the charter and cannot be changed;
    it can be as many as there are founding sections at most.

    Examples:
    aster federation found --name "Federation X" --section Lyon --as Alice --language fr
    aster federation found --name X --section Lyon --as Alice --with berlin.section --endorsements 2
    """
    screen, session = Screen(as_json, quiet), Session()
    check_no_home(session.paths)
    files = [read_file(each) for each in others or ()]
    words = NewWords(screen, words_file)
    place = choose_place(session, unattended)
    from node.doors import newcomer

    wish = newcomer.SectionWish(check_argument(section), check_argument(territory), tuple(language or ()))
    answer = newcomer.found(
        place,
        check_argument(name),
        newcomer.Person(check_argument(person), check_argument(device)),
        wish,
        files,
        endorsements,
        words,
        words_language,
    )
    if as_json:
        screen.emit(answer)
        return
    describe_home(screen, answer)
    screen.say(f"section  {wish.name}  {answer['section']}")
    remind(screen, words_file)
    screen.note(f"A new section needs {count_of(answer['endorsements'], 'endorsement')}.")
    screen.note("Start the daemon with aster run; then others join with an invite: aster invite create")


def show(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show what the federation's charter says: its name and id, its founding sections.

    Examples:
    aster federation show
    """
    screen, session = Screen(as_json, quiet), Session()
    check_home(session.paths)
    from node.doors.newcomer import read_charter

    answer = read_charter(session.paths)
    if not answer["founding_sections"]:
        raise BadRequest(
            f"{answer['network_name']!r} is an open circle, and no federation.", "See: aster peer list"
        )
    if as_json:
        screen.emit(answer)
        return
    screen.say(f"{answer['network_name']}  {answer['network']}")
    screen.say(f"    a new section needs {count_of(answer['endorsements'], 'endorsement')}; founded by:")
    for each in answer["founding_sections"]:
        details = ", ".join(filter(None, [each["territory"], *each["languages"]]))
        screen.say(f"    {each['name']}  {each['section']}{f'  ({details})' if details else ''}")
    screen.note("The sections of today: aster section list")
