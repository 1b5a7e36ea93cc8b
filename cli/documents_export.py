"""`aster doc export`: documents as files. What it writes stays in the folder that was chosen."""

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.documents import Version, checked
from cli.options import AsJson, Quiet
from cli.render import Screen, count_of
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadRequest, Conflict, DiskFull, Missing

_UNSAFE: Final = re.compile('[\\\\:*?"<>|\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]')
"""Characters that not every system takes in the name of a file, or that show it as another."""

_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MAX_PART_BYTES: Final = 200
"""Longest part of a path in UTF-8; file systems take 255."""

_PAGE: Final = 500


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Documents; none: all, or those with --tag."),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="PATH", help="A file for one document, or a folder.")
    ] = ".",
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="All with this tag. Repeatable.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--lang", metavar="TAG", help="In this language, as far as it is translated."),
    ] = None,
    version: Version = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write documents to a file or into a folder.

    A document whose name has slashes gets folders. Whatever others named their documents, nothing is written
    outside the folder, and nothing that is there is overwritten without --force.

    Examples:
    aster doc export programme.md --to programme-copy.md
    aster doc export --tag housing --to housing/
    aster doc export --to everything/ --lang it
    """
    screen = Screen(as_json, quiet)
    session = Session()
    if version is not None and (not names or len(names) != 1):
        raise BadRequest("A version is one of one document.", "aster doc export NAME --version ID")
    wanted = [check_argument(name) for name in names] if names else _all_names(session, tags)
    is_folder = not names or len(names) > 1 or to.endswith(("/", os.sep)) or Path(to).is_dir()
    failed = 0
    for name in wanted:
        try:
            answer = session.call("doc/show", name=name, version=version, language=checked(language))
            path = place_in(Path(to), name) if is_folder else Path(to)
            write_file(path, answer["text"], force)
        except (Missing, Conflict) as error:
            if len(wanted) == 1:
                raise
            failed += 1
            screen.complain(f"{name}: {error.message}")
            continue
        _show(screen, answer, path)
    if failed:
        raise Conflict(f"{count_of(failed, 'document')} not written, see above; all others were.", "")
    if not wanted:
        screen.note("No documents.")


def _show(screen: Screen, answer: Json, path: Path) -> None:
    if screen.as_json:
        screen.emit({"name": answer["name"], "id": answer["id"], "file": str(path)})
    else:
        screen.say(str(path))


def _all_names(session: Session, tags: list[str] | None) -> list[str]:
    names: list[str] = []
    while True:
        before = names[-1] if names else None
        page = session.call("doc/list", tags=tags, limit=_PAGE, before=before)["documents"]
        names += [document["name"] for document in page]
        if len(page) < _PAGE:
            return names


def place_in(folder: Path, name: str) -> Path:
    """Where in a folder a document goes; folders on the way are made.

    Raises: Conflict: a link or a file stands in the way. DiskFull.
    """
    *parents, last = map(safe_part, name.split("/"))
    place = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in parents:
            place /= part
            if place.is_symlink():
                raise Conflict(f"{place} is a link and may lead elsewhere.", "Choose an empty folder.")
            place.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise Conflict(
            f"{place} is a file, and a folder is wanted there.", "Choose an empty folder."
        ) from error
    except OSError as error:
        raise DiskFull(f"{place} cannot be made: {error.strerror}.") from error
    return place / last


def safe_part(part: str) -> str:
    """One part of a document's name as the name of a file or folder on any system, not a hidden one."""
    kept = _UNSAFE.sub("_", part).rstrip(". ").lstrip()
    kept = kept.encode()[:_MAX_PART_BYTES].decode(errors="ignore").rstrip(". ")
    return f"_{kept}" if not kept or kept.startswith(".") or _DEVICE.fullmatch(kept) else kept


def write_file(path: Path, text: str, force: bool) -> None:
    """Write a text as a whole file or not at all; a link at its place is not followed.

    Raises: Conflict: it is there, and not `force`. DiskFull: it cannot be written.
    """
    handle, temporary = -1, ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=".aster-", dir=path.parent)
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        if force:
            os.replace(temporary, path)
        else:
            _move_if_free(temporary, path)
    except FileExistsError as error:
        raise Conflict(
            f"{path} is there already.", "Choose another place, or write over it: --force"
        ) from error
    except OSError as error:
        raise DiskFull(
            f"{path} cannot be written: {error.strerror}.", "Look at the folder and its mode."
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _move_if_free(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.replace(temporary, path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
