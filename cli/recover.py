"""`aster recover`: a lost laptop is replaced by the machine at hand."""

import time
from typing import Annotated

import typer

from cli.devices import Before, DeviceName, Yes, agree, check_answerable, read_both
from cli.join import Code, Teller, Unattended, check_no_home, choose_place, show_home
from cli.options import AsJson, Quiet
from cli.passphrase import asker
from cli.render import Screen
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_moment
from cli.words import KnownWordsFile, read_words


def recover(
    code: Code,
    name: DeviceName = "",
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Cut only this device; repeatable. By default all others."),
    ] = None,
    before: Before = None,
    words_file: KnownWordsFile = None,
    yes: Yes = False,
    unattended: Unattended = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Replace a lost device: link this machine with your 24 words, and cut the others off.

    Links a new device, fetches everything from the hub in the code, and shows where the logs of your other
    devices will end: at the last entry that the hub has. If you agree, the cut is signed with your words
    and handed to the hub. You keep name, standing and all that you wrote; what the lost device signs
    afterwards is refused everywhere. The machine must not have a home yet, unless
    it is one whose recovery was cut off: there the same command goes on.

    Examples:
    aster recover AIZDC...
    aster recover - --device laptop --words-file words.txt --yes --unattended
    """
    screen, session = Screen(as_json, quiet), Session()
    given = read_both(code, words_file)
    check_answerable(yes)
    before_ms = None if before is None else read_moment(check_argument(before), time.time_ns() // 1_000_000)
    from node.doors import newcomer

    goes_on = newcomer.may_recover(session.paths)
    if not goes_on:
        check_no_home(session.paths)
    phrase = read_words(screen, words_file, newcomer.check_words)
    if goes_on:
        place = newcomer.Place(session.paths, asker(session.environment)())
    else:
        place = choose_place(session, unattended)

    def agrees(cuts: list[Json]) -> bool:
        screen.progress("")
        return agree(screen, cuts, yes)

    chosen = [check_argument(each) for each in device or ()]
    answer = newcomer.recover(
        place, given, phrase, check_argument(name), chosen, before_ms, agrees, Teller(screen)
    )
    if not as_json:
        _tell(screen, answer)
    show_home(screen, answer, None)


def _tell(screen: Screen, answer: Json) -> None:
    for each in answer["cut"]:
        screen.say(f"{each['name']} ({each['device']}) is cut off.")
    if answer["cut"]:
        screen.say("The hub holds the cut, and hands it to all.")
    elif answer["declined"]:
        screen.note("Nothing was cut. This device is linked; later: aster device revoke NAME")
    else:
        screen.note("There was no other device to cut.")
