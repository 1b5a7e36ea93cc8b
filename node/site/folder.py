"""The folder of a public site: written aside, and moved into place when it is whole.

A folder that something else made is never touched. What was made here has a marker, a file that lists all
others; who has put something of his own beside them is told, and keeps it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from node.errors import BadRequest, Conflict, DiskFull
from node.keyring import FULL_ERRNOS
from node.quoting import quoted
from node.site.places import MARKER

_HEADING: Final = "A public site made by aster site build. It may be replaced. These are its files:"
_NEW: Final = ".asterism-new"
_OLD: Final = ".asterism-old"
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_LISTED: Final = 5


class Folder:
    """A site that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.written: list[str] = []
        """Paths of what was written, from the top of the site."""

    def write(self, path: str, data: bytes) -> None:
        """Write one file."""
        self.write_with(path, lambda write: write(data))

    def write_with(self, path: str, fill: Callable[[Callable[[bytes], object]], object]) -> None:
        """Write one file; `fill` is given what takes its bytes. If it fails, no file is left."""
        target = self._path.joinpath(*PurePosixPath(path).parts)
        target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        try:
            with target.open("xb") as file:
                os.fchmod(file.fileno(), _FILE_MODE)
                fill(file.write)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self.written.append(path)


@contextmanager
def written_aside(out: Path) -> Iterator[Folder]:
    """A folder to write a site into; when the `with` ends well, it is at `out` in place of what was there.

    Raises:
        BadRequest: `out` is not a folder, or cannot be written.
        Conflict: it has files that were not made here; nothing was changed.
        DiskFull: as it says; what was at `out` is still there.
    """
    try:
        check(out)
        new = out.with_name(f".{out.name}{_NEW}")
        _remove(new)
        new.mkdir(mode=_FOLDER_MODE, parents=True)
        (new / MARKER).write_text(f"{_HEADING}\n", encoding="utf-8")
        try:
            folder = Folder(new)
            yield folder
            _finish(new, out, folder.written)
        finally:
            _remove(new)
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise DiskFull("The disk is full: the site was not written.") from error
        raise BadRequest(
            f"The site cannot be written to {quoted(out.name)}: {error.strerror or error}.",
            "Choose another folder.",
        ) from error


def check(out: Path) -> None:
    """Check that a site may be put there. Raises: as `written_aside`."""
    if not out.name:
        raise BadRequest("That is no place for a site.", "Choose a folder of its own.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BadRequest(f"{quoted(out.name)} is no folder.", "Choose a folder of its own.")
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / MARKER).is_file():
        raise Conflict(
            f"{quoted(out.name)} has files that aster did not make; nothing was changed.",
            "Choose an empty folder, or one that is not there yet.",
        )
    foreign = sorted(_files(out) - _listed(out))
    if foreign:
        listed = ", ".join(map(quoted, foreign[:_LISTED]))
        raise Conflict(
            f"{quoted(out.name)} has files beside the site: {listed}. Nothing was changed.",
            "Move them elsewhere: the folder of a site is replaced as a whole.",
        )


def _files(out: Path) -> set[str]:
    """Everything in a folder that is no folder, without following links."""
    found = set()
    for folder, folders, names in os.walk(out):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found |= {Path(folder, name).relative_to(out).as_posix() for name in (*names, *links)}
    return found


def _listed(out: Path) -> set[str]:
    """The files that the marker lists, and itself."""
    lines = (out / MARKER).read_text(encoding="utf-8", errors="replace").splitlines()
    return {MARKER, *lines[1:]} if lines[:1] == [_HEADING] else set()


def _finish(new: Path, out: Path, written: list[str]) -> None:
    lines = "".join(f"{path}\n" for path in (_HEADING, *sorted(written)))
    (new / MARKER).write_text(lines, encoding="utf-8")
    (new / MARKER).chmod(_FILE_MODE)
    for folder, _, _ in os.walk(new):
        Path(folder).chmod(_FOLDER_MODE)
    old = out.with_name(f".{out.name}{_OLD}")
    _remove(old)
    if not out.exists():
        new.rename(out)
        return
    check(out)  # it may have changed while the site was written
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    _remove(old)


def _remove(folder: Path) -> None:
    """Remove a folder beside the site that was left by us, or that is empty; nothing else has such a name."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
