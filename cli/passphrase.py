"""Where a passphrase comes from: the file that the environment names, else a person at a terminal."""

import sys
from getpass import getpass

from cli.render import Screen
from node.config import Environment
from node.errors import BadData, NoPassphrase
from node.keyring import AskPassphrase, is_exposed, read_passphrase


def asker(environment: Environment) -> AskPassphrase:
    """How to ask for the passphrase of an existing home. Asks nobody where there is no terminal."""

    def ask() -> str | None:
        file = environment.passphrase_file
        if file is not None:
            if is_exposed(file):
                Screen().complain(f"aster: others can read {file}; protect it with: chmod 600 {file}")
            return read_passphrase(file)
        return getpass("Passphrase of this home: ") if _has_terminal() else None

    return ask


def choose_passphrase(environment: Environment) -> str:
    """The passphrase for a new home: from the file, or typed twice.

    Raises:
        NoPassphrase: there is neither a file nor a terminal.
        BadData: the two that were typed differ.
    """
    found = asker(environment)() if environment.passphrase_file is not None else None
    if found is not None:
        return found
    if not _has_terminal():
        raise NoPassphrase(
            "A home is locked by a passphrase, and there is no terminal to ask for one.",
            "Let ASTERISM_PASSPHRASE_FILE name a file with it as the first line, or use --unattended.",
        )
    first = getpass("Choose a passphrase for this home: ")
    if getpass("The same once more: ") != first:
        raise BadData("The two passphrases differ.", "Try again.")
    return first


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
