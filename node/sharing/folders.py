"""Folders as values: the list of a folder's files, and every rule about their paths. Pure.

A folder is shared as a blob that lists its files (docs/protocol/files.md), canonical msgpack:

    [1, [[path str, size int, blob bin32], ...]]

sorted by path, at most 65,536 files, at most 16 MiB in all. A path is relative: names with ``/`` between
them, each as `node.apps.files.names` says, at most 32 of them and 1,024 bytes in all. No two paths are alike
(without regard to capitals), and none is alike a folder of another. So every list can be written out on every
system, within the folder that somebody chose, whatever stands in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from node.apps.files.bodies import MAX_FOLDER_BYTES, MAX_FOLDER_FILES
from node.apps.files.names import alike, fault_of
from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.blobs import MAX_BLOB_BYTES
from store.codec import decode_shaped, encode_trusted
from store.errors import NotCanonical

MAX_PATH_BYTES: Final = 1_024
"""Longest path in UTF-8: what systems take with some room for where it is saved."""

MAX_DEPTH: Final = 32
"""Most names in a path, so that nobody has to walk for ever."""

_VERSION: Final = 1
_BLOB_ID_BYTES: Final = 32
_FIELDS: Final = 3


class BadFolder(BadData):
    """What should be the list of a folder breaks a rule. Nothing of it is used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The list of this folder breaks a rule: {why}.",
            "Nothing was written. Ask whoever shared it to share it again.",
        )


class FolderFile(NamedTuple):
    """One file of a folder."""

    path: str
    size: int
    """Bytes."""
    blob: bytes
    """32 bytes."""


def fault_of_path(path: str) -> str:
    """Why a text is no path of a file in a folder, in a few words; empty where it is one."""
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        return f"has more than {MAX_DEPTH} names"
    for name in names:
        fault = fault_of(name)
        if fault:
            return fault if len(names) == 1 else f"has a part that {fault}"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES:,} bytes"
    return ""


def clashes(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Paths that cannot stand beside an earlier one, each with that one, in order.

    They are alike, or one is alike a folder of the other.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        own, *above = _ways_up(alike(path))
        earlier = files.get(own) or folders.get(own)
        earlier = earlier or next((files[folder] for folder in above if folder in files), None)
        if earlier is not None:
            yield path, earlier
            continue
        files[own] = path
        for folder in above:
            if folder in folders:
                break
            folders[folder] = path


def _ways_up(path: str) -> list[str]:
    """A path, the folder that it lies in, the one above, and so on."""
    found = [path]
    while (cut := found[-1].rfind("/")) >= 0:
        found.append(found[-1][:cut])
    return found


def encode(files: Sequence[FolderFile]) -> bytes:
    """The list of a folder as the content of a blob; the files in any order.

    Raises:
        BadData: a path breaks a rule, or two clash.
        TextTooLarge: too many files, or paths too long in all.
    """
    if len(files) > MAX_FOLDER_FILES:
        raise TextTooLarge(
            f"A folder has at most {MAX_FOLDER_FILES:,} files.",
            "Share its folders one by one, or an archive.",
        )
    ordered = sorted(files)
    try:
        _check(ordered)
    except BadFolder as error:
        raise BadData(error.message, "Rename what stands in the way.") from error
    data = encode_trusted((_VERSION, [tuple(file) for file in ordered]))
    if len(data) > MAX_FOLDER_BYTES:
        raise TextTooLarge(
            f"The paths in this folder are too long: the list of its files has at most {MAX_FOLDER_BYTES:,} "
            "bytes.",
            "Share its folders one by one, or an archive.",
        )
    return data


def parse(data: bytes) -> tuple[FolderFile, ...]:
    """The files in the list of a folder, by path. Raises: BadFolder: it breaks a rule."""
    try:
        value = decode_shaped(data, MAX_FOLDER_BYTES, MAX_FOLDER_FILES)
    except NotCanonical as error:
        raise BadFolder(f"it is no list: {error}") from error
    match value:
        case (version, tuple(items)) if type(version) is int:
            if version != _VERSION:
                raise BadFolder("it has a version that this program does not know")
        case _:
            raise BadFolder("it is no list of files")
    files = tuple(map(_read_file, items))
    _check(files)
    return files


def _read_file(item: object) -> FolderFile:
    if type(item) is not tuple or len(item) != _FIELDS:
        raise BadFolder("a file has a path, a size and a blob")
    path, size, blob = item
    if type(path) is not str or type(size) is not int or type(blob) is not bytes:
        raise BadFolder("a file has a path, a size and a blob")
    return FolderFile(path, size, blob)


def _check(files: Sequence[FolderFile]) -> None:
    """Check every rule. Raises: BadFolder."""
    before = None
    for path, size, blob in files:
        fault = fault_of_path(path)
        if fault:
            raise BadFolder(f"the path {quoted(path)} {fault}")
        if not 0 <= size <= MAX_BLOB_BYTES or len(blob) != _BLOB_ID_BYTES:
            raise BadFolder(f"{quoted(path)} has no possible size or blob")
        if before is not None and path <= before:
            raise BadFolder(f"{quoted(path)} stands twice or out of order")
        before = path
    for path, earlier in clashes(file.path for file in files):
        raise BadFolder(f"{quoted(path)} cannot stand beside {quoted(earlier)}")
