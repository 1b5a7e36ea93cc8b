"""`aster hub …`."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker, choose_passphrase
from cli.render import Part, Screen, Styled, count_of
from cli.session import Json, Session, check_home
from cli.words import read_words
from node.doors.control.client import Client
from node.errors import BadRequest, NodeError

EXIT_LOSS: Final = 1
"""Something would be lost, or could not be made anew."""

_SHOWN: Final = 20
"""Items of one list that a person is shown; --json has more."""

_ID_CHARS: Final = 10


def drill(
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Leave what was rebuilt there; it must not exist.")
    ] = None,
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Keep the key of that folder unprotected.")
    ] = False,
    words_file: Annotated[
        Path | None,
        typer.Option(
            "--words-file",
            metavar="FILE",
            help="Make that folder a device of the member with these 24 words.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Rebuild everything from this home alone, and see what would be lost.

    Every other node counts as gone. All entries are taken in anew, as if they came from a stranger: every
    signature is checked, who belongs is computed from what was signed, and what people read is made again.
    Then logs, roster, views and search index are compared with what is here. Ends with exit code 0 if
    everything is equal and nothing would be lost, else with 1. The daemon may run meanwhile, and a copy of
    a home does as well. It takes as much room as the home, in $TMPDIR. What the node leaves to others
    (aster interest show) is counted apart. The contents of files are not looked at, and are not in the
    folder of --out.

    With --out what was rebuilt stays. In a federation others let its device in only if a member's 24 words
    vouch for it: with --words-file the folder is a home of that member, and `aster run --hub` with it serves
    everything to everybody.

    Examples:
    aster hub drill
    aster hub drill --json
    aster hub drill --out /srv/rebuilt --unattended
    aster hub drill --out /srv/rebuilt --unattended --words-file words.txt
    """
    screen = Screen(as_json, quiet)
    session = Session()
    check_home(session.paths)
    if out is None and (unattended or words_file is not None):
        raise BadRequest("--unattended and --words-file go with --out alone.", "See: aster hub drill --help")
    folder = None if out is None else Path(out).absolute()
    if folder is not None and folder.exists():
        raise BadRequest(f"{folder} exists already.", "Name a folder that does not: --out DIR")
    words = None if words_file is None else read_words(screen, words_file, lambda text: None)
    passphrase = None if folder is None or unattended else choose_passphrase(session.environment)
    from node.doors import offline

    ask = asker(session.environment)
    found = offline.drill(session.paths, ask, folder, passphrase, words, _teller(screen))
    found["waiting"] = _waiting(session)
    screen.progress("")
    if as_json:
        screen.emit(found)
    else:
        _show(screen, found)
    if folder is not None:
        _remind(screen, folder, bool(found["sections"]) and words is None, unattended)
    return 0 if found["ok"] else EXIT_LOSS


def _waiting(session: Session) -> int | None:
    """How many strangers' `id` logs the daemon keeps in its memory; None where none runs, or in a circle."""
    with suppress(NodeError):
        status = Client(session.paths).call("status")
        waiting = (status.get("federation") or {}).get("waiting")
        return waiting if type(waiting) is int else None
    return None


def _teller(screen: Screen) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        screen.progress(f"{stage}: {done:,} of {total:,}" if total else f"{stage}: {done:,}")

    return tell


def _remind(screen: Screen, folder: Path, is_unknown: bool, unattended: bool) -> None:
    """What the folder is good for, and what to beware of."""
    if unattended:
        screen.note("Its key lies unprotected in it: guard that folder.")
    if is_unknown:
        screen.note("Nobody lets its device in: no member's 24 words vouch for it (--words-file).")
    else:
        screen.note(f"Others can be served from it: ASTERISM_HOME={folder} aster run --hub")


def _show(screen: Screen, found: Json) -> None:
    screen.say(
        f"{count_of(found['entries'], 'entry')} in {count_of(found['logs'], 'log')}, "
        f"{count_of(found['bodies'], 'body')}: each signature checked, everything made anew."
    )
    screen.table(
        (
            (
                each["what"],
                _digest(each["here"]),
                _digest(each["rebuilt"]),
                "equal" if each["equal"] else "differ",
            )
            for each in found["digests"]
        ),
        ("", "HERE", "REBUILT", ""),
    )
    if found["deleted"]:
        screen.say("gone ", f"  {count_of(found['deleted'], 'body')} deleted by their authors")
    if found["expired"]:
        screen.say("gone ", f"  {count_of(found['expired'], 'body')} of messages and keys whose time is over")
    if found["unwanted"]:
        screen.say("apart", f"  {count_of(found['unwanted'], 'body')} that this node chose not to carry")
    lost = Styled("lost ", "red")
    _items(screen, lost, found["lost"]["bodies"], _bodies_line)
    _items(screen, lost, found["lost"]["entries"], _entries_line)
    _items(screen, lost, found["lost"]["sections"], lambda each: f"{each['name']}: {each['why']}")
    _items(screen, "ended", found["ended"], _ended_line)
    _items(screen, "named", found["named"], _named_line)
    if found["waiting"]:
        screen.say("waits", f"  {count_of(found['waiting'], 'device')} for whom nothing here vouches")
    _show_sections(screen, found["sections"])
    if found["out"] is not None:
        screen.say(f"kept   {found['out']}")
    _conclude(screen, found)


def _conclude(screen: Screen, found: Json) -> None:
    """What that means, in a line."""
    if found["ok"] and found["unwanted"]:
        screen.say("Nothing of what this node carries would be lost. What it leaves to others would be.")
    elif found["ok"]:
        screen.say(Styled("Nothing would be lost.", "green"))
    elif found["equal"]:
        screen.say(Styled("What is here can be rebuilt, but not everything is here.", "red"))
    else:
        screen.say(Styled("What was rebuilt is not what is here.", "red"))


def _bodies_line(each: Json) -> str:
    return f"{_log(each)}: {count_of(each['count'], 'body')} not here"


def _entries_line(each: Json) -> str:
    span = f"entry {each['first']}"
    if each["last"] > each["first"]:
        span = f"entries {each['first']} to {each['last']}"
    return f"{_log(each)} {span}: {each['why']}"


def _ended_line(each: Json) -> str:
    why = "it was cut" if each["kind"] == "cut" else f"its author contradicted itself ({each['kind']})"
    return f"{_log(each)} before entry {each['seq']}: {why}"


def _named_line(each: Json) -> str:
    return f"{each['what']} {each['id'][:_ID_CHARS]} by {_log(each)}, and not here"


def _log(each: Json) -> str:
    """A log: a member may have several devices, so the name alone does not say whose it is."""
    return f"{each['name']} ({each['author'][:_ID_CHARS]}) {each['log']}"


def _show_sections(screen: Screen, sections: list[Json]) -> None:
    """Whom each section needs, wherever it goes on from."""
    for section in sections:
        stewards = ", ".join(_steward(each) for each in section["stewards"])
        state = "" if section["valid"] else "waits for endorsements; "
        rivals = "rival changes wait for a choice; " if section["rivals"] else ""
        needed = f"{section['threshold']} of {count_of(len(section['stewards']), 'steward')}"
        screen.say("section", f"  {section['name']}: {state}{rivals}goes on with {needed}: {stewards}")


def _steward(each: Json) -> str:
    return f"{each['name']} ({count_of(each['devices'], 'device') if each['devices'] else 'no device known'})"


def _items(screen: Screen, word: Part, found: Json, line: Callable[[Json], str]) -> None:
    """A line an item, the first ones; then how many more there are."""
    listed = found["listed"]
    for each in listed[:_SHOWN]:
        screen.say(word, f"  {line(each)}")
    if len(listed) > _SHOWN:
        screen.say(word, "  and more: aster hub drill --json")


def _digest(value: object) -> str:
    """A digest or a number, short; nothing where it could not be had."""
    if value is None:
        return "damaged"
    return f"{value:,}" if isinstance(value, int) else str(value)[:_ID_CHARS]
