"""`docs/cli.md`, made from the help of every verb: ``python -m cli.reference > docs/cli.md``."""

import sys
from collections.abc import Iterator
from typing import Final

import typer
from typer._click.core import Command  # the pinned Typer has click inside, under no public name
from typer.main import get_command

from cli.commands import build
from cli.errors import EXIT_CODES
from cli.main import app
from cli.render import Screen
from cli.verbs import VERBS, Group

WIDTH: Final = 96
"""Columns of the help texts in the page."""

_HEAD: Final = """\
# The command

Made from `aster --help` by `python -m cli.reference > docs/cli.md`; a test checks that it is current.

Data goes to standard output, messages and errors to standard error. `--json` prints one JSON object, or
one object a line for lists and streams, with the fields of `protocol/control.md`. `-` stands for standard
input. `NO_COLOR` is heeded. Nothing asks for input where there is no terminal. Reading commands work
without a daemon; those that publish or sync need one (`aster run`).

An error is two lines: what happened and why, then what to do. Its exit code says of which sort it is:

| exit code | when |
|---|---|
| 0 | it worked; what was published is on disk |
"""

_MEANINGS: Final = {
    "bad-request": "wrong arguments",
    "bad-data": "text not UTF-8, a malformed address or id, several current versions, a text too large",
    "not-found": "no such message, document, log, peer, file or home; or a name that fits several",
    "unavailable": "no daemon runs, a peer cannot be reached, or the port to listen on is in use",
    "internal": "a fault of ours",
    "disk-full": "the disk is full or failing, and nothing of it was kept; or the output cannot be written",
    "locked": "not now: another process holds the home, or it is a copy that has not heard its own heads",
    "wrong-network": "another network, or another version of the protocol",
    "wrong-key": "wrong passphrase, or none to be had; or the federation's rules do not allow it",
}


def write_page() -> str:
    """The whole page."""
    meanings = {EXIT_CODES[code]: meaning for code, meaning in _MEANINGS.items()}
    codes = "".join(f"| {code} | {meanings[code]} |\n" for code in sorted(meanings))
    rest = "| 78 | one of the four packages is another program's |\n| 130 | ended by Ctrl-C |\n"
    sections = "".join(f"\n## {name}\n\n```\n{text}```\n" for name, text in _helps())
    return _HEAD + codes + rest + sections


def _helps() -> Iterator[tuple[str, str]]:
    yield "aster", _help(get_command(app), "aster")
    for name, entry in VERBS.items():
        if not isinstance(entry, Group):
            yield f"aster {name}", _help(build(name, entry), f"aster {name}")
            continue
        for inner, verb in entry.verbs.items():
            yield f"aster {name} {inner}", _help(build(inner, verb), f"aster {name} {inner}")


def _help(command: Command, path: str) -> str:
    context = typer.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
    return command.get_help(context).rstrip() + "\n"


if __name__ == "__main__":
    Screen().raw(write_page())
    sys.stdout.flush()
