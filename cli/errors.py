"""From an error to two lines on stderr and an exit code of sysexits.h."""

import traceback
from collections.abc import Mapping
from typing import Final

from cli.render import OutputLost, Screen
from node.errors import Fault, NodeError

EXIT_CODES: Final[Mapping[str, int]] = {
    "bad-request": 64,
    "bad-data": 65,
    "too-large": 65,
    "not-found": 66,
    "ambiguous": 66,
    "conflict": 65,
    "unavailable": 69,
    "disk-full": 74,
    "not-signing": 75,
    "locked": 75,
    "wrong-network": 76,
    "unknown-method": 76,
    "wrong-key": 77,
    "refused": 77,
    "internal": 70,
}
"""Exit code of each error code; the table of `docs/protocol/control.md`."""

EXIT_OUTPUT: Final = 74
"""The output cannot be written; EX_IOERR of sysexits.h."""

_ADVICE: Final[Mapping[str, str]] = {
    "bad-request": "See: aster --help",
    "not-found": "See what is here: aster status, aster read, aster doc list, aster log list",
    "ambiguous": "Type more of the id, or the whole of it.",
    "locked": "End the other process, or let it do the work: `aster run` serves all other commands.",
    "internal": "Please report it with the last lines of daemon.log in the home.",
}
"""For errors that bring no advice of their own."""


def exit_code(error: NodeError) -> int:
    """Exit code for an error; 70 for a code that is not in the table."""
    return EXIT_CODES.get(error.code, 70)


def show_error(error: NodeError) -> None:
    """Print what happened and why, then what to do about it."""
    screen = Screen()
    screen.complain(f"aster: {error.message}")
    advice = error.advice or _ADVICE.get(error.code, "")
    if advice:
        screen.complain(advice)


def show_usage(message: str, command: str) -> None:
    """Print what is wrong with the arguments, and where to read about them."""
    screen = Screen()
    screen.complain(f"aster: {message}")
    screen.complain(f"See: {command} --help")


def show_help(text: str) -> None:
    """Print the help of a command that was given nothing to do."""
    screen = Screen()
    for line in text.splitlines():
        screen.complain(line)


def show_lost(error: OutputLost) -> int:
    """Print that and why data could not be written, and return the exit code."""
    Screen().complain(f"aster: {error}")
    return EXIT_OUTPUT


def show_fault(error: Exception) -> int:
    """Print a fault of ours so that it can be reported, and return its exit code."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
    show_error(
        Fault(
            f"Something went wrong inside aster: {type(error).__name__}: {error} ({where}).",
            "Please report it with these lines and what you typed.",
        )
    )
    return EXIT_CODES["internal"]
