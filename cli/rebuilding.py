"""`aster rebuild-views`."""

from collections.abc import Callable
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.passphrase import asker
from cli.render import Screen, Styled, count_of
from cli.session import Json, Session, check_home

EXIT_BAD = 65
"""What was there was not what the entries say (sysexits: bad data)."""


def rebuild_views(
    search: Annotated[bool, typer.Option("--search", help="Index all texts anew, too.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Make anew what people read, from the entries, and see whether it was right.

    Timelines, threads, documents, the directory and whatever else is shown are views: computed from entries,
    which alone count. This drops the views and computes them again. Ends with exit code 0 if they came out
    byte for byte as they were, which they should. Else they were damaged, or a fault of the program had
    spoiled them: they are right now, and the exit code is 65. Entries that are damaged themselves are found,
    and fetched again, by `aster check`.

    No daemon may run meanwhile. A million entries take a few minutes, and room on the disk for a second copy
    of the views.

    Examples:
    aster rebuild-views
    aster rebuild-views --search
    """
    screen = Screen(as_json, quiet)
    session = Session()
    check_home(session.paths)
    from node.doors import offline

    found = offline.rebuild_views(session.paths, asker(session.environment), search, _teller(screen))
    screen.progress("")
    if as_json:
        screen.emit(found)
    else:
        _show(screen, found)
    return 0 if found["equal"] else EXIT_BAD


def _teller(screen: Screen) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        screen.progress(f"{stage}: {done:,} of {total:,}")

    return tell


def _show(screen: Screen, found: Json) -> None:
    screen.table(
        ((view["app"], f"{view['rows']:,}", view["digest"][:16], _verdict(view)) for view in found["views"]),
        ("VIEW", "ROWS", "DIGEST", ""),
    )
    index = found["search"]
    if index is not None:
        said = "as many as before" if index["equal"] else f"there were {index['before']:,}"
        screen.say(f"Search: {count_of(index['rows'], 'text')}, {said}.")
    taken = f"{count_of(found['entries'], 'entry')} folded in {found['seconds']:.1f} s"
    if found["equal"]:
        screen.say(f"{taken}: everything is as it was.")
    else:
        screen.say(Styled(f"{taken}: what was wrong is mended.", "bold"))


def _verdict(view: Json) -> str:
    if view["equal"]:
        return "as it was"
    return "could not be read; mended" if view["before"] is None else "was wrong; mended"
