"""A home that is there at once or not at all: it is made aside, and moved into place when all went well.

Aside is the folder `joining` in the home itself, on the same disk. A home is there when `network.aster` is,
so that is moved last; a move that was cut off is finished by whoever comes next. What was made aside and
cut off before (a power cut while a hub was asked) is kept, so that the same device can go on: the hub may
have counted it already.

    joining/intent     what is being made, one line; not moved
    joining/…          the home itself, see `node.paths`
"""

import contextlib
import os
import shutil
from types import TracebackType
from typing import Final

from node.errors import BadRequest, DamagedHome, DiskFull
from node.founding import refuse_second
from node.home import take_lock
from node.keyring import FULL_ERRNOS, write_private
from node.paths import HOME_MODE, Paths

FOLDER: Final = "joining"
_MOVED: Final = ("keys", "store", "config.toml", "network.aster")
"""What a home consists of before it first ran, in the order in which it is moved."""


class Staging:
    """The right to make a home at a place, until it is left: nobody else does so meanwhile.

    What was made aside is removed when this is left, unless it was moved into place or is to be kept; what
    an earlier process left is kept until something else takes its place.
    """

    def __init__(self, paths: Paths, intent: str) -> None:
        """`intent`: what is being made. What is left of something else is removed.

        Raises:
            BadRequest: there is a home at `paths` already, or the beginning of one.
            HomeLocked: another process is at it. DamagedHome, DiskFull: the folder cannot be made.
        """
        self.paths = paths
        self.stage = Paths(paths.home / FOLDER)
        self._keep = False
        is_left = self.stage.home.exists() and {FOLDER, paths.lock.name}.issuperset(os.listdir(paths.home))
        self._made_home = is_left or not paths.home.exists()
        self._made_lock = is_left or not paths.lock.exists()
        if paths.network.exists():
            raise BadRequest(
                f"There is a home at {paths.home} already; it stays as it is.",
                "Use it, or let ASTERISM_HOME name an empty place for another one.",
            )
        _make_folder(paths)
        try:
            self._lock = take_lock(paths)
        except OSError as error:
            raise _cannot(error, paths) from error
        try:
            self._finish_earlier()
            refuse_second(paths)
            self._clear_other(intent)
            self._keep = self.is_begun
        except BaseException:
            self._leave(remove=False)
            raise

    @property
    def is_begun(self) -> bool:
        """Is a complete home aside, left by an earlier process that was cut off?"""
        return self.stage.network.exists()

    @property
    def is_kept(self) -> bool:
        """Does what is aside stay there when this is left?"""
        return self._keep

    def keep(self) -> None:
        """From now on nobody can say whether others have heard of this home: keep what is aside."""
        self._keep = True

    def discard(self) -> None:
        """Nobody counts on this home after all: remove what is aside at the end."""
        self._keep = False

    def restart(self, intent: str) -> None:
        """Make the folder aside anew and empty. Raises: DamagedHome, DiskFull."""
        self._keep = False
        self._remove()
        _make_folder(self.stage)
        write_private(self.stage.home / "intent", intent + "\n")

    def move(self) -> None:
        """Move the home into place. It must be closed. Raises: DamagedHome, DiskFull: it is still aside."""
        self._keep = True
        _move(self.stage, self.paths)
        self._keep = False

    def __enter__(self) -> "Staging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(remove=not self._keep)

    def _finish_earlier(self) -> None:
        """Go on with a move that was cut off."""
        if self.stage.network.exists() and self.paths.home_key.exists() and not self.paths.network.exists():
            _move(self.stage, self.paths)
            self._remove()

    def _clear_other(self, intent: str) -> None:
        try:
            found = (self.stage.home / "intent").read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            found = ""
        if not self.is_begun or found != intent + "\n":
            self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.stage.home, ignore_errors=True)

    def _leave(self, remove: bool) -> None:
        """Give up the lock; with `remove` also what this has made and nobody needs."""
        is_there = self.paths.network.exists()
        if remove:
            self._remove()
        if not is_there and not self.stage.home.exists():
            with contextlib.suppress(OSError):
                if self._made_lock:
                    self.paths.lock.unlink(missing_ok=True)
                if self._made_home:
                    self.paths.home.rmdir()
        os.close(self._lock)


def _make_folder(paths: Paths) -> None:
    try:
        paths.home.mkdir(mode=HOME_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(error, paths) from error


def _move(stage: Paths, paths: Paths) -> None:
    try:
        for name in _MOVED:
            if (stage.home / name).exists():
                (stage.home / name).rename(paths.home / name)
                _sync_folder(paths)
        paths.home.chmod(HOME_MODE)
    except OSError as error:
        raise _cannot(error, paths) from error


def _sync_folder(paths: Paths) -> None:
    folder = os.open(paths.home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cannot(error: OSError, paths: Paths) -> DamagedHome | DiskFull:
    if error.errno in FULL_ERRNOS:
        return DiskFull()
    return DamagedHome(f"{paths.home} cannot be made: {error.strerror}.", "Choose another place.")
