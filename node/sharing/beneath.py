"""Files beneath a folder that a person chose: no symbolic link is followed on the way, and nothing is opened
that is no plain file or folder. For any thread.

Every step goes from an open folder to what lies in it, so what others rename meanwhile cannot lead out.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_FOLDER_MODE: Final = 0o777
"""With what the process's mask leaves of it."""


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A folder by its path, which may lead over symbolic links: a person typed it. Raises: OSError."""
    handle = os.open(path, _FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def folder_in(root: int, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """The folder that lies that way beneath the open folder `root`; `make`: folders that are missing.

    Raises:
        NotADirectoryError: on the way stands a symbolic link, or a file.
        OSError: as the system says.
    """
    handle = os.dup(root)
    try:
        for name in names:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, _FOLDER_MODE, dir_fd=handle)
            try:
                inner = os.open(name, _FOLDER | _NO_LINK, dir_fd=handle)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise NotADirectoryError(errno.ENOTDIR, "it is a symbolic link", name) from error
                raise
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def open_file(folder: int, name: str) -> BinaryIO:
    """A plain file in an open folder, to be read.

    Raises:
        IsADirectoryError: it is no plain file: a symbolic link, a folder, a pipe, a socket, a device.
        OSError: as the system says.
    """
    try:
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | _NO_LINK, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise IsADirectoryError(errno.EISDIR, "it is no plain file", name) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is no plain file", name)
        return os.fdopen(handle, "rb", buffering=0)
    except BaseException:
        with suppress(OSError):
            os.close(handle)
        raise


def exists(folder: int, name: str) -> bool:
    """Is there anything of that name in an open folder, a symbolic link that leads nowhere too?"""
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True
