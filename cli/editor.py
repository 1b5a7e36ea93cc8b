"""The person's editor on a text in a private temporary file, which stays where something goes wrong."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Final

from cli.render import Screen
from cli.session import environment
from cli.texts import read_file
from node.errors import BadRequest, DiskFull, NodeError

_USUAL: Final = ("sensible-editor", "nano", "vim", "vi", "notepad")
"""What is looked for where neither VISUAL nor EDITOR names an editor."""


class Draft:
    """A text that is being worked on."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.is_changed = False
        """Has it been another text than the one it began with, at any time?"""
        self._max_bytes = max_bytes

    def edit(self, text: str) -> str:
        """Show `text` in the editor; what is there once it is closed.

        Raises:
            BadRequest: there is no editor, or it failed. DiskFull. BadData, TextTooLarge: as `read_file`.
        """
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise DiskFull(f"The draft {self.path} cannot be written: {error.strerror}.") from error
        command = _editor()
        try:
            ended = subprocess.run([*command, str(self.path)], check=False)
        except OSError as error:
            raise BadRequest(
                f"The editor {command[0]} cannot be started: {error.strerror}.", _NAME_ONE
            ) from error
        finally:
            self.is_changed = self.is_changed or _bytes_of(self.path) != text.encode()
        if ended.returncode:
            raise BadRequest(
                f"The editor {command[0]} ended with an error ({ended.returncode}).", "Try again."
            )
        return read_file(str(self.path), self._max_bytes)


_NAME_ONE: Final = "Name yours: export EDITOR=nano"


@contextmanager
def drafting(screen: Screen, name: str, max_bytes: int, again: str) -> Iterator[Draft]:
    """A draft of a file with the end of `name`. Where it ends with an error, what was typed is kept.

    `again`: the command with which a person goes on, with ``PATH`` for the file.
    """
    folder = Path(tempfile.mkdtemp(prefix="aster-"))
    draft = Draft(folder / _file_name(name), max_bytes)
    is_kept = False
    try:
        yield draft
    except (NodeError, KeyboardInterrupt):
        is_kept = draft.is_changed and draft.path.exists()
        if is_kept:
            screen.complain(f"Your text is kept in {draft.path}")
            screen.complain(f"To go on with it: {again.replace('PATH', shlex.quote(str(draft.path)))}")
        raise
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


def _file_name(name: str) -> str:
    """A file's name that an editor understands: the end says what kind of text it is."""
    suffix = PurePath(name).suffix
    return f"document{suffix}" if suffix[1:].isascii() and suffix[1:].isalnum() else "document.txt"


def _editor() -> list[str]:
    """The command that starts the editor. Raises: BadRequest."""
    named = environment().editor
    with suppress(ValueError):
        command = shlex.split(named, posix=os.name != "nt")
        if command:
            return command
    if named:
        raise BadRequest(f"EDITOR is not a command: {named}", _NAME_ONE)
    found = next((path for path in map(shutil.which, _USUAL) if path), None)
    if found is None:
        raise BadRequest("No editor is named, and none was found.", _NAME_ONE)
    return [found]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
