"""Writing blobs out as files and folders, within the folder that a person chose and nowhere else.

A file is written under the name ``NAME.<chance>.partial`` and gets its name when it is whole; a folder is
written into one of that kind. What stands there already is not touched without `force`. With it files are
replaced, each at once; what else lies in a folder stays. Synchronous, step by step.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from node.apps.files.names import MAX_NAME_BYTES
from node.errors import BadData, Conflict, DiskFull, Missing, Refused
from node.quoting import quoted
from node.sharing import beneath
from node.sharing.folders import FolderFile
from store.blob_interface import BlobStore
from store.blobs import Manifest

_FILE_MODE: Final = 0o666
"""With what the process's mask leaves of it: it is a file of the person's own now."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)

Steps = Generator[int, None, str]
"""Gives bytes written so far; returns the path of what was saved."""


class Target(NamedTuple):
    """Where something is to be saved."""

    folder: str
    """One that there is."""
    name: str

    @property
    def path(self) -> str:
        """The whole path."""
        return os.path.join(self.folder, self.name)


class CannotSave(Refused):
    """A file cannot be written where it was asked for."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{quoted(path)} cannot be written: {why}.", "Choose another place: --out PATH")


def target_of(out: str, name: str) -> Target:
    """Where to save what is called `name`: in the folder `out` where there is one, else as `out`.

    `out` is an absolute path. Raises: BadData: it is not. Missing: there is no folder for it.
    """
    if not os.path.isabs(out) or "\0" in out:
        raise BadData(f"{quoted(out)} is no absolute path.", "Name it from the root of the file system.")
    if os.path.isdir(out):
        return Target(out, name)
    folder, own = os.path.split(os.path.normpath(out))
    if out.endswith("/") or not own or not os.path.isdir(folder):
        raise Missing(f"There is no folder {quoted(out if out.endswith('/') else folder)}.", "Make it first.")
    return Target(folder, own)


def check_free(target: Target, force: bool) -> None:
    """Check early that nothing is in the way. Raises: Conflict."""
    if not force and os.path.lexists(target.path):
        raise _in_the_way(target.path)


def save_file(blobs: BlobStore, manifest: Manifest, target: Target, force: bool) -> Steps:
    """Save a complete blob as a file.

    Raises: Conflict: something is there. CannotSave, DiskFull, Missing: as they say.
    """
    return (yield from save_pieces(chunks_of(blobs, manifest), manifest.size, target, force))


def save_pieces(pieces: Iterable[bytes], size: int, target: Target, force: bool) -> Steps:
    """Save `size` bytes, which come in pieces, as a file; nothing where `pieces` raises.

    Raises: as `save_file`, and as `pieces`.
    """
    with _own_errors(target.path), beneath.opened(target.folder) as folder:
        _check_room(folder, size)
        yield from _save(pieces, folder, target.name, force, target.path)
    return target.path


def chunks_of(blobs: BlobStore, manifest: Manifest) -> Iterator[bytes]:
    """The chunks of a complete blob. Raises: Missing: one went meanwhile, or proved damaged."""
    for chunk in manifest.chunks:
        data = blobs.read_chunk(chunk)
        if data is None:
            raise Missing(
                "A part of this file is not here any more.",
                "Get it again; it is fetched from whoever has it.",
            )
        yield data


def save_folder(
    blobs: BlobStore, files: Sequence[tuple[FolderFile, Manifest]], target: Target, force: bool
) -> Steps:
    """Save the files of a folder, whose list keeps every rule, as a folder.

    Raises: as `save_file`.
    """
    with _own_errors(target.path), beneath.opened(target.folder) as above:
        _check_room(above, sum(manifest.size for _, manifest in files))
        if beneath.exists(above, target.name):
            if not force:
                raise _in_the_way(target.path)
            with beneath.folder_in(above, [target.name]) as folder:
                yield from _save_all(blobs, files, folder, target.path, force=True)
            return target.path
        partial = _partial(target.name)
        try:
            with beneath.folder_in(above, [partial], make=True) as folder:
                yield from _save_all(blobs, files, folder, os.path.join(target.folder, partial), force=False)
            _rename_folder(above, partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True, dir_fd=above)
            raise
    return target.path


def _rename_folder(above: int, partial: str, target: Target) -> None:
    try:
        os.rename(partial, target.name, src_dir_fd=above, dst_dir_fd=above)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise _in_the_way(target.path) from error
        raise


def _save_all(
    blobs: BlobStore, files: Sequence[tuple[FolderFile, Manifest]], root: int, path: str, *, force: bool
) -> Generator[int, None, None]:
    done_bytes = 0
    for file, manifest in files:
        *names, name = file.path.split("/")
        with (
            _own_errors(f"{path}/{file.path}"),
            beneath.folder_in(root, names, make=True) as folder,
        ):
            chunks = chunks_of(blobs, manifest)
            for written_bytes in _save(chunks, folder, name, force, f"{path}/{file.path}"):
                yield done_bytes + written_bytes
        done_bytes += manifest.size


def _save(
    pieces: Iterable[bytes], folder: int, name: str, force: bool, path: str
) -> Generator[int, None, None]:
    """Write a file aside and give it its name. `path`: as messages call it."""
    if not force and beneath.exists(folder, name):
        raise _in_the_way(path)
    partial = _partial(name)
    handle = os.open(partial, _WRITE, _FILE_MODE, dir_fd=folder)
    try:
        try:
            done_bytes = 0
            for data in pieces:
                _write_all(handle, data)
                done_bytes += len(data)
                yield done_bytes
        finally:
            os.close(handle)
        _give_name(folder, partial, name, force, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial, dir_fd=folder)
        raise


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _give_name(folder: int, partial: str, name: str, force: bool, path: str) -> None:
    """Let a whole file take its name; without `force` never over another, whoever made that meanwhile."""
    if force:
        os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    try:
        os.link(partial, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise _in_the_way(path) from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if beneath.exists(folder, name):
            raise _in_the_way(path) from error
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.unlink(partial, dir_fd=folder)


def _partial(name: str) -> str:
    """What a file or folder is called while it is written: not longer than a name may be."""
    end = f".{secrets.token_hex(4)}.partial"
    kept = os.fsencode(name)[: MAX_NAME_BYTES - len(end)]
    return kept.decode("utf-8", "ignore") + end


def _check_room(folder: int, size_bytes: int) -> None:
    status = os.fstatvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < size_bytes:
        raise DiskFull(
            f"There is too little room to save this: it has {size_bytes:,} bytes, {free:,} are left there.",
            "Make room, or choose another place: --out PATH",
        )


def _in_the_way(path: str) -> Conflict:
    return Conflict(
        f"{quoted(path)} exists already; nothing was overwritten.",
        "Choose another place with --out PATH, or overwrite it with --force.",
    )


@contextmanager
def _own_errors(path: str) -> Generator[None, None, None]:
    """Turn what the system says into our errors. Raises: CannotSave, DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"The disk is full: {quoted(path)} was not saved.",
                "Make room, or choose another place: --out PATH",
            ) from error
        raise CannotSave(path, error.strerror or "the system refuses it") from error
