"""Where a passphrase comes from: the file that the environment names, else a person at a terminal."""

import sys
from collections.abc import Callable

from cli.render import Screen
from node.config import Environment
from node.errors import BadData, NoPassphrase

AskPassphrase = Callable[[], str | None]
"""Asks for the passphrase of a home; None where nobody can be asked."""


def asker(environment: Environment) -> AskPassphrase:
    """How to ask for the passphrase of an existing home. Asks nobody where there is no terminal."""

    def ask() -> str | None:
        if environment.passphrase_file is not None:
            return _read_file(environment)
        return _prompt("Passphrase of this home: ") if _has_terminal() else None

    return ask


def choose_passphrase(environment: Environment) -> str:
    """The passphrase for a new home: from the file, or typed twice.

    Raises:
        NoPassphrase: there is neither a file nor a terminal.
        BadData: the file cannot be used, or the two that were typed differ.
    """
    if environment.passphrase_file is not None:
        return _read_file(environment)
    if not _has_terminal():
        raise NoPassphrase(
            "A home is locked by a passphrase, and there is no terminal to ask for one.",
            "Let ASTERISM_PASSPHRASE_FILE name a file with it as the first line, or use --unattended.",
        )
    first = _prompt("Choose a passphrase for this home: ")
    if _prompt("The same once more: ") != first:
        raise BadData("The two passphrases differ.", "Try again.")
    return first


def _read_file(environment: Environment) -> str:
    from node.doors.offline import is_exposed, read_passphrase

    file = environment.passphrase_file
    assert file is not None
    if is_exposed(file):
        Screen().complain(f"aster: others can read {file}; protect it with: chmod 600 {file}")
    return read_passphrase(file)


def _prompt(text: str) -> str:
    from getpass import getpass

    return getpass(text)


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
