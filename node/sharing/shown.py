"""Files as doors hand them out: values ready for JSON. Pure."""

from typing import Any

from node.apps.files.service import Shared
from node.naming import Names
from node.sharing.folders import FolderFile
from store.blob_interface import BlobState, PartsHeld
from store.ids import EntryId, to_text

Json = dict[str, Any]


def author_shown(shared: Shared, names: Names) -> Json:
    """Who shares a file."""
    author = shared.author
    return {"author": to_text(author), "author_name": names.of(author), "member": names.member(author)}


def file_shown(
    shared: Shared,
    names: Names,
    state: BlobState | None,
    parts: PartsHeld | None,
    replaced_by: EntryId | None,
) -> Json:
    """A file or folder. `state`: of its blob. `parts`: of a folder whose list was opened here."""
    file = shared.file
    size: int | None = file.size
    held_bytes = 0 if state is None else state.held_bytes
    is_whole = state is not None and state.is_complete
    if file.is_folder:
        size = None if file.contents is None else file.contents.bytes
        held_bytes = 0 if parts is None else parts.complete_bytes
        is_whole = is_whole and parts is not None and parts.complete == parts.total
    return {
        "id": to_text(shared.id),
        "name": file.name,
        "folder": file.is_folder,
        "media_type": file.media_type,
        "size": size,
        "files": None if file.contents is None else file.contents.files,
        "blob": to_text(file.blob),
        "description": file.description,
        "language": file.language,
        "tags": list(file.tags),
        "public": file.public,
        "time_ms": shared.at,
        **author_shown(shared, names),
        "held": "all" if is_whole else "none" if state is None else "part",
        "held_bytes": held_bytes,
        "pinned": state is not None and state.pinned,
        "replaced_by": None if replaced_by is None else to_text(replaced_by),
    }


def part_shown(file: FolderFile, state: BlobState | None) -> Json:
    """A file of a folder."""
    return {
        "path": file.path,
        "size": file.size,
        "blob": to_text(file.blob),
        "held": "none" if state is None else "all" if state.is_complete else "part",
    }
