"""Destroying a home: first its keys, then whatever was running with them, then everything else in it.

The order is the point. Once the two key files are gone nothing of the rest can be opened, however large it
is and however little of it could be removed. What is not ours in the home's folder stays, and is named.
Synchronous; for a command. It wants no lock: nobody can do anything with a home without keys.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from node.closing import Ended, end_daemon
from node.doors.control import listener
from node.errors import Missing, NodeError
from node.keyring import destroy
from node.newcomers.staging import FOLDER
from node.paths import Paths


class Wiped(NamedTuple):
    """What came of it."""

    keys: int
    """Key files that were destroyed."""
    daemon: Ended
    left: tuple[str, ...]
    """Paths in the home that could not be removed, or are not ours."""
    problem: str
    """What went wrong on the way; empty: nothing."""


def wipe(paths: Paths) -> Wiped:
    """Destroy a home. May be called again where it was broken off.

    Raises: Missing: there is no home. DamagedHome: a key file cannot be removed; the rest is as it was.
    """
    if not any(os.path.lexists(each) for each in (paths.home_key, paths.log_db, paths.network)):
        raise Missing(f"There is no home at {paths.home}.", "Nothing was destroyed.")
    keys = sum(destroy(file) for file in _key_files(paths))
    ended, problem = Ended.NONE, ""
    try:
        ended = end_daemon(paths, grace_s=0)
    except NodeError as error:
        problem = error.message
    listener.remove(paths)
    for folder in (paths.keys, paths.store, paths.blobs, paths.home / FOLDER):
        _remove_folder(folder)
    logs = [paths.daemon_log.with_name(paths.daemon_log.name + end) for end in ("", ".1")]
    for file in (*logs, paths.control_socket, paths.control_path, paths.config, paths.lock, paths.network):
        with suppress(OSError):
            file.unlink()
    with suppress(OSError):
        paths.home.rmdir()
    return Wiped(keys, ended, _left(paths.home), problem)


def _key_files(paths: Paths) -> list[Path]:
    """Everything in the folders of keys, the two that every home has first."""
    found = [paths.home_key, paths.device_key]
    for folder in (paths.keys, Paths(paths.home / FOLDER).keys):
        with suppress(OSError):
            found += [each for each in sorted(folder.iterdir()) if each.is_file() and each not in found]
    return found


def _remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it; where it is a link to another place, that place as well."""
    place = os.path.realpath(folder)
    shutil.rmtree(place, ignore_errors=True)
    if folder.is_symlink():
        with suppress(OSError):
            folder.unlink()


def _left(home: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(str(each) for each in home.iterdir()))
    except OSError:
        return ()
