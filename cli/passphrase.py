"""Where a passphrase comes from: the file that the environment names, else a person at a terminal."""

import sys
from collections.abc import Callable
from pathlib import Path

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
    return _twice("Choose a passphrase for this home: ")


def new_passphrase(file: Path | None, what: str) -> str:
    """A new passphrase for `what`: from the file, or typed twice. Raises: as `choose_passphrase`."""
    if file is not None:
        return _read(file)
    _check_terminal(what)
    return _twice(f"Choose a passphrase for {what}: ")


def known_passphrase(file: Path | None, what: str) -> str:
    """The passphrase of `what`: from the file, or typed. Raises: as `choose_passphrase`."""
    if file is not None:
        return _read(file)
    _check_terminal(what)
    return _prompt(f"Passphrase of {what}: ")


def _check_terminal(what: str) -> None:
    if not _has_terminal():
        raise NoPassphrase(
            f"There is no terminal to ask for the passphrase of {what}.",
            "Name a file (mode 0600) that begins with it: --passphrase-file FILE",
        )


def _twice(prompt: str) -> str:
    first = _prompt(prompt)
    if _prompt("The same once more: ") != first:
        raise BadData("The two passphrases differ.", "Try again.")
    return first


def _read_file(environment: Environment) -> str:
    file = environment.passphrase_file
    assert file is not None
    return _read(file)


def _read(file: Path) -> str:
    from node.doors.offline import is_exposed, read_passphrase

    if is_exposed(file):
        Screen().complain(f"aster: others can read {file}; protect it with: chmod 600 {file}")
    return read_passphrase(file)


def _prompt(text: str) -> str:
    from getpass import getpass

    return getpass(text)


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
