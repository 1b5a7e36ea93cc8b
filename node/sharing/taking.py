"""Taking files and folders of this machine into the store of blobs. Synchronous, step by step.

Whoever runs the daemon asks for it, so what he may read is read. Symbolic links inside a folder are not
followed. What cannot be shared (links, sockets, pipes, devices, what cannot be read, names that not every
system takes) is left out and listed; the rest is shared.
"""

import io
import mimetypes
import os
import stat
import unicodedata
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from node.apps.files.bodies import (
    FOLDER_MEDIA_TYPE,
    MAX_FOLDER_FILES,
    MAX_MEDIA_TYPE_CHARS,
    UNKNOWN_MEDIA_TYPE,
    Contents,
)
from node.errors import BadData, Missing, TextTooLarge
from node.quoting import quoted
from node.sharing import beneath
from node.sharing.folders import FolderFile, clashes, encode, fault_of_path
from node.sharing.space import Space
from store.blob_interface import BlobStore, Source
from store.blobs import MAX_BLOB_BYTES, BlobId, Manifest

MAX_GROWTH_BYTES: Final = 64 * 2**20
"""By so much a file may grow while it is read, before room is asked for again: half a second of reading."""


class LeftOut(NamedTuple):
    """Something in a folder that is not shared."""

    path: str
    why: str


class Progress(NamedTuple):
    """How far the reading has got."""

    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int


class Taken(NamedTuple):
    """A file or folder that is in the store now, not yet pinned."""

    media_type: str
    size: int
    """Of the blob."""
    blob: BlobId
    contents: Contents | None
    """Of a folder."""
    parts: tuple[BlobId, ...]
    """The files of a folder."""
    left_out: tuple[LeftOut, ...]


Steps = Generator[Progress, None, Taken]


class Wrapping(NamedTuple):
    """Something that is made of a file before it is kept: it is encrypted."""

    wrap: Callable[[Source], Source]
    size: Callable[[int], int]
    """How many bytes it makes of so many."""


class _Candidate(NamedTuple):
    """A file in a folder, before it is read."""

    path: str
    """As it is shared."""
    place: tuple[str, ...]
    """As it is called here."""
    size: int


def media_type_of(name: str) -> str:
    """The media type that the end of a file's name says, among those that Python knows."""
    found = mimetypes.MimeTypes().guess_type(name)[0] or UNKNOWN_MEDIA_TYPE
    return found if len(found) <= MAX_MEDIA_TYPE_CHARS else UNKNOWN_MEDIA_TYPE


def take(path: str, blobs: BlobStore, space: Space, home: Path, wrapping: Wrapping | None = None) -> Steps:
    """Take the file or folder at an absolute path, step by step. What was named may be a symbolic link.

    `home`: of this node; nothing in it is ever shared. `wrapping`: for a file; folders are kept as they are.

    Raises:
        Missing: it cannot be read. BadData: it is neither, or its list breaks a rule.
        TextTooLarge: too large, or too many files. DiskFull: no room for it.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise BadData(f"{quoted(path)} is no absolute path.", "Name it from the root of the file system.")
    try:
        apart = os.path.realpath(home)
        if os.path.commonpath([apart, os.path.realpath(path)]) == apart:
            raise BadData(f"{quoted(path)} is in the home of this node: its keys are there.", "Share others.")
        if os.path.isdir(path):
            return (yield from _take_folder(os.path.realpath(path), apart, blobs, space))
        with _open_named(path) as file:
            return (yield from _take_file(path, file, blobs, space, wrapping))
    except OSError as error:
        raise unreadable(path, error) from error


def _open_named(path: str) -> BinaryIO:
    """A plain file that a person named; nobody waits at a pipe. Raises: BadData, OSError."""
    folder, name = os.path.split(os.path.realpath(path))
    try:
        with beneath.opened(folder) as handle:
            return beneath.open_file(handle, name)
    except IsADirectoryError as error:
        raise BadData(
            f"{quoted(path)} is neither a file nor a folder.", "A socket, pipe or device cannot be shared."
        ) from error


def take_data(data: bytes, media_type: str, blobs: BlobStore, space: Space) -> Taken:
    """Take bytes. Raises: DiskFull, StoreError."""
    space.require(len(data))
    manifest = blobs.add(io.BytesIO(data), lambda _: None, pinned=False)
    return Taken(media_type, manifest.size, manifest.id, None, (), ())


def unreadable(path: str, error: OSError) -> Missing:
    """What is said of a file that cannot be read."""
    return Missing(f"{quoted(path)} cannot be read: {error.strerror}.", "Check its name and mode.")


def _take_file(path: str, file: BinaryIO, blobs: BlobStore, space: Space, wrapping: Wrapping | None) -> Steps:
    size = os.fstat(file.fileno()).st_size
    source: Source = file
    if wrapping is not None:
        size, source = wrapping.size(size), wrapping.wrap(file)
    if size > MAX_BLOB_BYTES:
        raise TextTooLarge(
            f"A file has at most {MAX_BLOB_BYTES:,} bytes; {quoted(path)} has {size:,}.", "Split it."
        )
    space.require(size)
    meter = _Meter(size, 1)
    manifest = yield from _steps(source, blobs, space, meter, size)
    return Taken(media_type_of(path), manifest.size, manifest.id, None, (), ())


def _take_folder(path: str, apart: str, blobs: BlobStore, space: Space) -> Steps:
    candidates, left_out = survey(path, apart)
    meter = _Meter(sum(each.size for each in candidates), len(candidates))
    space.require(meter.total_bytes)
    files: list[FolderFile] = []
    yield meter.progress()
    with beneath.opened(path) as root:
        for each in candidates:
            with ExitStack() as stack:
                try:
                    folder = stack.enter_context(beneath.folder_in(root, each.place[:-1]))
                    file = stack.enter_context(beneath.open_file(folder, each.place[-1]))
                except OSError as error:
                    left_out.append(LeftOut(each.path, _why_unread(error)))
                    continue
                source = _Readable(file, each.path)
                manifest = yield from _steps(source, blobs, space, meter, each.size, durable=False)
            files.append(FolderFile(each.path, manifest.size, manifest.id))
            meter.done_files += 1
    listed = blobs.add(io.BytesIO(encode(files)), lambda _: None, pinned=False)
    blobs.note_parts(listed.id, [(file.blob, file.size) for file in files])
    contents = Contents(len(files), sum(file.size for file in files))
    parts = tuple(dict.fromkeys(BlobId(file.blob) for file in files))
    return Taken(FOLDER_MEDIA_TYPE, listed.size, listed.id, contents, parts, tuple(left_out))


class _Meter:
    """How much was read of how much."""

    def __init__(self, total_bytes: int, total_files: int) -> None:
        self.total_bytes, self.total_files = total_bytes, total_files
        self.done_bytes = self.done_files = 0

    def progress(self, more_bytes: int = 0) -> Progress:
        """How far it has got."""
        return Progress(self.done_bytes + more_bytes, self.total_bytes, self.done_files, self.total_files)


class _Readable:
    """A file of a folder whose failures say which file it is."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file, self._path = file, path

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes. Raises: Missing."""
        try:
            return self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error


def _steps(
    source: Source, blobs: BlobStore, space: Space, meter: _Meter, size: int, *, durable: bool = True
) -> Generator[Progress, None, Manifest]:
    """Add one file, whose size was `size` a moment ago; room is asked for as it grows."""
    room = size + MAX_GROWTH_BYTES
    adding = blobs.adding(source, pinned=False, durable=durable)
    try:
        while True:
            try:
                done_bytes = next(adding)
            except StopIteration as end:
                manifest: Manifest = end.value
                meter.done_bytes += manifest.size
                return manifest
            if done_bytes > room:
                space.require(MAX_GROWTH_BYTES)
                room += MAX_GROWTH_BYTES
            yield meter.progress(done_bytes)
    finally:
        adding.close()


def survey(path: str, apart: str = "") -> tuple[list[_Candidate], list[LeftOut]]:
    """The files of a folder that can be shared, by path, and what cannot, with the reason.

    `apart`: a folder in it that is not looked into.

    Raises: TextTooLarge: too many files. OSError: the folder itself cannot be read.
    """
    found: list[_Candidate] = []
    left_out: list[LeftOut] = []

    def note(error: OSError) -> None:
        if os.path.abspath(error.filename) == os.path.abspath(path):
            raise error
        left_out.append(LeftOut(_shown(os.path.relpath(error.filename, path)), _why_unread(error)))

    for above, folders, names, handle in os.fwalk(path, follow_symlinks=False, onerror=note):
        if apart and os.path.dirname(apart) == above:
            name = os.path.basename(apart)
            if name in folders:
                folders.remove(name)
                left_out.append(LeftOut(_shown(os.path.relpath(apart, path)), "it is the home of this node"))
        folders.sort()
        place = () if above == path else tuple(os.path.relpath(above, path).split(os.sep))
        for name in sorted(names) + [each for each in folders if _is_link(each, handle)]:
            candidate = _look_at((*place, name), handle)
            if isinstance(candidate, LeftOut):
                left_out.append(candidate)
            else:
                found.append(candidate)
        if len(found) > MAX_FOLDER_FILES:
            raise TextTooLarge(
                f"A folder has at most {MAX_FOLDER_FILES:,} files.",
                "Share its folders one by one, or an archive.",
            )
    found.sort()
    return _without_clashes(found, left_out)


def _without_clashes(
    found: Sequence[_Candidate], left_out: list[LeftOut]
) -> tuple[list[_Candidate], list[LeftOut]]:
    """Leave out what would not stand beside another file on every system."""
    by_path = {each.path: each for each in reversed(found)}  # of those of one path, the first
    clashing = dict(clashes(sorted(by_path)))
    kept = []
    for each in found:
        other = clashing.get(each.path)
        if other is None and by_path[each.path] is each:
            kept.append(each)
        else:
            other = other or each.path
            left_out.append(LeftOut(each.path, f"not every system can tell it from {quoted(other)}"))
    return kept, left_out


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def _look_at(place: tuple[str, ...], folder: int) -> _Candidate | LeftOut:
    path = unicodedata.normalize("NFC", "/".join(place))
    try:
        status = os.lstat(place[-1], dir_fd=folder)
    except OSError as error:
        return LeftOut(_shown(path), _why_unread(error))
    if stat.S_ISLNK(status.st_mode):
        return LeftOut(_shown(path), "it is a symbolic link, which is not followed")
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(_shown(path), "it is a socket, a pipe or a device")
    fault = fault_of_path(path)
    if fault:
        return LeftOut(_shown(path), f"its path {fault}")
    if status.st_size > MAX_BLOB_BYTES:
        return LeftOut(path, f"it has more than {MAX_BLOB_BYTES:,} bytes")
    return _Candidate(path, place, status.st_size)


def _shown(path: str) -> str:
    """A path as text, whatever its bytes are."""
    return os.fsencode(path).decode("utf-8", "replace")


def _why_unread(error: OSError) -> str:
    return f"it cannot be read: {error.strerror}"
