"""`aster join`, `aster section join|draft` and `aster words`: how somebody new gets in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import choose_passphrase
from cli.render import OutputLost, Screen, finish
from cli.session import Json, Session
from cli.texts import check_argument, read_text
from cli.words import NewWords, NewWordsFile, WordsLanguage, has_terminal
from node.errors import BadRequest

if TYPE_CHECKING:
    from node.doors.newcomer import Place
    from node.paths import Paths

Code = Annotated[
    str,
    typer.Argument(metavar="CODE", help="The code, or - to read it from standard input.", show_default=False),
]
Unattended = Annotated[
    bool, typer.Option("--unattended", help="Keep the key unprotected, for a machine that starts alone.")
]
Person = Annotated[
    str, typer.Option("--as", metavar="NAME", help="What you are called; others see it.", show_default=False)
]
SectionName = Annotated[
    str, typer.Option("--name", metavar="SECTION", help="What the section is called.", show_default=False)
]
OwnDevice = Annotated[
    str, typer.Option("--device", metavar="NAME", help="What this device is called among yours.")
]
Territory = Annotated[str, typer.Option("--territory", metavar="TEXT", help="Where the section is.")]
Languages = Annotated[
    list[str] | None,
    typer.Option("--language", metavar="TAG", help="A language of the section, such as pt-BR. Repeatable."),
]

ENGLISH = "english"


def join(
    code: Code,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What you are called; others see it.", show_default=False)
    ],
    device: OwnDevice = "",
    words_file: NewWordsFile = None,
    words_language: WordsLanguage = ENGLISH,
    unattended: Unattended = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Become a member of a federation with an invite, and make a home for it.

    Looks for the hub in the code first. Then come 24 words to write down: whoever has them is you. They are
    shown once, and three of them asked back; where there is no terminal, --words-file names a new file for
    them. A home appears only if all went well. What was cut off on the way goes on with the same command.
    With - the code stays out of the shell's history.

    Examples:
    aster join - --name Bob --device laptop
    aster join AEZDC... --name Bob --words-file words.txt --unattended
    """
    screen, session = Screen(as_json, quiet), Session()
    given = read_code(code)
    check_no_home(session.paths)
    words = NewWords(screen, words_file)
    place = choose_place(session, unattended)
    from node.doors import newcomer

    person = newcomer.Person(check_argument(name), check_argument(device))
    answer = newcomer.join(place, given, person, words, words_language, Teller(screen))
    show_home(screen, answer, words_file)


def join_section(
    code: Code,
    name: SectionName,
    person: Person,
    territory: Territory = "",
    language: Languages = None,
    device: OwnDevice = "",
    words_file: NewWordsFile = None,
    words_language: WordsLanguage = ENGLISH,
    unattended: Unattended = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Begin a new section with an invite for one, as its first steward.

    It is in once as many sections have endorsed it as the federation's charter asks for. Until then its
    stewards have a home, and others see that it waits. Words and home are as with aster join.

    Examples:
    aster section join - --name Berlin --as Carol --language de
    """
    screen, session = Screen(as_json, quiet), Session()
    given = read_code(code)
    check_no_home(session.paths)
    words = NewWords(screen, words_file)
    place = choose_place(session, unattended)
    from node.doors import newcomer

    section = newcomer.SectionWish(check_argument(name), check_argument(territory), tuple(language or ()))
    founder = newcomer.Person(check_argument(person), check_argument(device))
    answer = newcomer.join(place, given, founder, words, words_language, Teller(screen), section)
    show_home(screen, answer, words_file)


def draft(
    name: SectionName,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write the section into this new file.", show_default=False)
    ],
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who drafts it, for whoever gets the file.")
    ] = "",
    territory: Territory = "",
    language: Languages = None,
    words_file: NewWordsFile = None,
    words_language: WordsLanguage = ENGLISH,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draft a founding section, for a federation that somebody else founds.

    Makes 24 words for you, its first steward, and a file that says what the section is. The file is no
    secret: give it to whoever founds the federation. Once the federation is there you get in with your words
    and your name: aster device link CODE --as NAME. This makes no home.

    Examples:
    aster section draft --name Berlin --as Carol --language de --out berlin.section
    """
    screen = Screen(as_json, quiet)
    words = NewWords(screen, words_file)
    if out.exists():
        raise BadRequest(f"{out} exists already.", "Name another file.")
    from node.doors import newcomer

    section = newcomer.SectionWish(check_argument(name), check_argument(territory), tuple(language or ()))
    answer = newcomer.draft(section, check_argument(person), words, words_language)
    with out.open("x", encoding="utf-8") as file:
        file.write(answer["file"])
    if as_json:
        screen.emit({"file": str(out), "section": answer["section"], "member": answer["member"]})
        return
    screen.say(f"section  {section.name}  {answer['section']}")
    screen.say(f"file     {out}")
    remind(screen, words_file)
    screen.note("Whoever founds the federation adds it with: aster federation found … --with FILE")


def make_words(
    words_file: NewWordsFile = None,
    words_language: WordsLanguage = ENGLISH,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make 24 new words, and print the id of the member that they make.

    Who joins with an invite needs this not. It is for those whom stewards let in by hand, aster member admit
    ID, and for a member whose words somebody else has seen, aster member replace NAME --root ID: keep the
    words, and give the id to the stewards. Afterwards the words let you in: aster device link CODE

    Examples:
    aster words
    aster words --words-file new.words
    """
    screen = Screen(as_json, quiet)
    words = NewWords(screen, words_file)
    from node.doors import newcomer

    answer = newcomer.new_words(words, words_language)
    if as_json:
        screen.emit(answer)
    else:
        screen.say(f"member   {answer['member']}")
    remind(screen, words_file)


# --- shared with the other verbs of newcomers -------------------------------------------------------------


def read_code(argument: str) -> str:
    """A code as an argument or from standard input, which at a terminal is one line that is asked for.

    Raises: BadData, TextTooLarge; BadRequest: nobody types any more.
    """
    if argument == "-" and has_terminal():
        return Screen().ask("Paste the code: ")
    return read_text(argument)


def check_no_home(paths: "Paths") -> None:
    """Check that there is no home yet. Raises: BadRequest."""
    if paths.network.exists():
        raise BadRequest(
            f"There is a home at {paths.home} already; it stays as it is.",
            "Use it, or let ASTERISM_HOME name an empty place for another one.",
        )


def choose_place(session: Session, unattended: bool) -> "Place":
    """Where the home will be, and what protects it. Raises: NoPassphrase, BadData."""
    passphrase = None if unattended else choose_passphrase(session.environment)
    from node.doors.newcomer import Place

    return Place(session.paths, passphrase)


class Teller:
    """Says to a person what goes on while the network is asked."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __call__(self, event: Json) -> None:
        """Say it."""
        match event:
            case {"event": "looking", "address": address}:
                self._screen.note(f"Looking for the hub at {address} …")
            case {"event": "found", "network_name": name}:
                self._screen.note(f"The hub is there. The code leads to the federation {name!r}.")
            case {"event": "going-on"}:
                self._screen.note("An earlier attempt was cut off; going on with it.")
            case {"event": "asking", "address": address}:
                self._screen.note(f"Asking the hub at {address} to let this device in …")
            case {"event": "progress", "entries": entries, "entries_total": total}:
                self._screen.progress(f"{entries:,} of {total:,} entries")


def show_home(screen: Screen, answer: Json, words_file: Path | None) -> None:
    """Show the home that was made. Raises: OutputLost: it was said on stderr that the home is made."""
    screen.progress("")
    try:
        if screen.as_json:
            screen.emit(answer)
        else:
            describe_home(screen, answer)
        finish()
    except OutputLost:
        screen.complain("aster: the home is made, and complete; aster status shows it.")
        remind(screen, words_file)
        raise
    remind(screen, words_file)
    if answer.get("pending"):
        screen.note("The section waits for endorsements; how many there are says: aster section list")
    screen.note("Start the daemon with: aster run")


def describe_home(screen: Screen, answer: Json) -> None:
    """Whose home it is, of which device, in which network."""
    screen.say("member   " + "  ".join(filter(None, [answer["name"], answer["member"]])))
    screen.say(f"device   {answer['device']}")
    screen.say(f"network  {answer['network_name']}  {answer['network']}")


def remind(screen: Screen, words_file: Path | None) -> None:
    """Say what to do with a file of words that was just written."""
    if words_file is not None:
        screen.note(f"The 24 words are in {words_file}: write them down on paper and remove the file.")
