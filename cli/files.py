"""`aster file …`: files and folders that are shared."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadRequest, DiskFull, Fault

_SPOOL_BYTES: Final = 1_048_576
"""Of standard input or to standard output, at a time."""

_BAR_COLUMNS: Final = 24
"""Of the bar that shows how far something has got."""

_LEFT_OUT_LINES: Final = 20
"""Of what is said about files that were left out; --json has them all."""

_SHORT_CHARS: Final = 10
"""Of an id in a list."""

_PATIENCE_S: Final = 600.0
"""How much longer than usual the daemon may take to drop, pin or look at a folder of many files."""

_HELD: Final = {"all": "here", "part": "partly here", "none": "not here"}
"""How much of a file is here, for people."""

_STATES: Final = {
    "asking": "asking who has it",
    "nobody": "nobody who has it is connected; waiting",
    "fetching": "",
}
"""What fetching does besides fetching, for people."""

File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="A name, or an id or the beginning of one.", show_default=False),
]


def add(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="A file or folder, or - for standard input.", show_default=False),
    ],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What others save it as; else its own name.")
    ] = None,
    description: Annotated[str | None, typer.Option("--about", metavar="TEXT", help="What it is.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A word to find it by. Repeatable.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="Its language, such as de or pt-BR.")
    ] = None,
    media_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Such as image/png; else by the file's name.")
    ] = None,
    replaces: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A file that this one replaces. Repeatable.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="It may be shown on the public site.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Share a file or a folder.

    Its content is cut into chunks, kept here under the home's key and pinned. Others see that it is there,
    and fetch it when they want it. In a folder symbolic links are not followed; what cannot be shared is
    left out and listed. A file has at most 16 GiB, a folder 65,536 files. Needs a running daemon.

    Examples:
    aster file add minutes.pdf --about "Minutes of Monday" --tag minutes
    aster file add photos/ --as "demonstration 2026"
    pg_dump fund | aster file add - --as fund.sql --replaces fund.sql
    """
    screen = Screen(as_json, quiet)
    with _source(path, name) as source:
        for event in Session().stream(
            "file/add",
            path=source,
            name=None if name is None else check_argument(name),
            media_type=media_type,
            description=None if description is None else check_argument(description),
            language=language,
            tags=None if tags is None else [check_argument(tag) for tag in tags],
            public=public or None,
            replaces=None if replaces is None else [check_argument(each) for each in replaces],
        ):
            if event["event"] == "reading":
                screen.progress(_bar(event))
                continue
            screen.progress("")
            _show_added(screen, event)


def _show_added(screen: Screen, event: Json) -> None:
    for each in event["left_out"][:_LEFT_OUT_LINES]:
        screen.note(f"Left out: {each['path']}: {each['why']}")
    if event["left_out_count"] > _LEFT_OUT_LINES:
        more = event["left_out_count"] - _LEFT_OUT_LINES
        screen.note(f"Left out as well: {count_of(more, 'file')}. All of them: --json")
    if screen.as_json:
        screen.emit({key: value for key, value in event.items() if key != "event"})
        return
    screen.say(str(event["id"]))
    what = f"{event['name']!r}"
    if event["folder"]:
        what = f"the folder {what} with {count_of(event['files'], 'file')}"
    screen.note(f"Shared {what}, {show_bytes(event['size'])}.")


@contextmanager
def _source(path: str, name: str | None) -> Iterator[str]:
    """The absolute path of what is to be shared; standard input becomes a file that vanishes."""
    if path != "-":
        yield check_argument(os.path.abspath(path))
        return
    if name is None:
        raise BadRequest("A file from standard input needs a name.", "aster file add - --as NAME")
    with tempfile.NamedTemporaryFile(prefix="aster-") as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool, _SPOOL_BYTES)
            spool.flush()
        except OSError as error:
            raise DiskFull(
                f"Standard input cannot be kept in {tempfile.gettempdir()}: {error.strerror}.",
                "Make room there, or let TMPDIR name another place.",
            ) from error
        yield spool.name


def get(
    file: File,
    out: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where to: a folder, a new name, or - for standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", min=0, max=86_400, metavar="SECONDS", help="Give up when nothing came."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Get a file or a folder, and save it.

    What is not here is fetched from whoever has it, several at a time, and checked piece by piece. If this
    is broken off, what came stays, and the daemon goes on; `aster file drop` ends that. Nothing is written
    outside the place that you choose, and nothing is overwritten without --force. Without a daemon only
    what is here already can be saved.

    Examples:
    aster file get minutes.pdf
    aster file get "demonstration 2026" --out ~/Pictures
    aster file get fund.sql --out - | psql fund
    """
    screen = Screen(as_json, quiet)
    if out == "-":
        if as_json:
            raise BadRequest("Give either --out - or --json.")
        with tempfile.TemporaryDirectory(prefix="aster-") as folder:
            saved = _get(screen, check_argument(file), os.path.join(folder, "file"), True, timeout_s)
            _copy_out(saved)
        return
    place = os.getcwd() if out is None else os.path.abspath(out) + ("/" if out.endswith("/") else "")
    saved = _get(screen, check_argument(file), check_argument(place), force, timeout_s)
    if as_json:
        screen.emit({key: value for key, value in saved.items() if key != "event"})
        return
    screen.say(str(saved["path"]))
    what = f"{count_of(saved['files'], 'file')}, " if saved["folder"] else ""
    screen.note(f"Saved {what}{show_bytes(saved['bytes'])}.")


def _get(screen: Screen, file: str, out: str, force: bool, timeout_s: float | None) -> Json:
    events = Session().stream("file/get", file=file, out=out, force=force or None, timeout_s=timeout_s)
    try:
        for event in events:
            if event["event"] == "result":
                return event
            state = _STATES.get(event.get("state", ""), "")
            screen.progress(state or _bar(event))
    finally:
        screen.progress("")
    raise Fault


def _copy_out(saved: Json) -> None:
    if saved["folder"]:
        raise BadRequest("A folder cannot go to standard output.", "Choose a place: --out PATH")
    with open(saved["path"], "rb") as file:
        Screen().copy(file)


def _bar(event: Json) -> str:
    done, total = int(event["bytes"]), int(event["total"])
    part = min(1.0, done / total) if total else 1.0
    full = int(part * _BAR_COLUMNS)
    files = f", {event['files']:,} of {event['of']:,} files" if event.get("of", 1) > 1 else ""
    peers = f", from {count_of(event['peers'], 'peer')}" if event.get("peers") else ""
    bar = "█" * full + "░" * (_BAR_COLUMNS - full)
    return f"{bar} {part:4.0%}  {show_bytes(done)} of {show_bytes(total)}{files}{peers}"


def list_files(
    author: Annotated[str | None, typer.Option(metavar="WHO", help="Only what this person shares.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only with this tag.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words.")] = None,
    folders: Annotated[bool, typer.Option("--folders", help="Only folders.")] = False,
    replaced: Annotated[bool, typer.Option("--replaced", help="Also those that were replaced.")] = False,
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N.")] = None,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The page after this entry: the last one shown before.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List what is shared, the newest first.

    Examples:
    aster file list
    aster file list --tag minutes --author north
    aster file list --search "budget" --json
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "file/list",
        author=None if author is None else check_argument(author),
        tag=None if tag is None else check_argument(tag),
        search=None if search is None else check_argument(search),
        limit=limit,
        before=before,
        folders=folders or None,
        replaced=replaced or None,
    )
    if as_json:
        for file in answer["files"]:
            screen.emit(file)
        return
    header = ("name", "size", "", "by", "when", "id")
    screen.table(map(_row, answer["files"]), header)
    if not answer["files"]:
        screen.note("Nothing of that kind is shared here. Share something: aster file add PATH")


def _row(file: Json) -> tuple[str, ...]:
    held = _HELD[file["held"]] + (", pinned" if file["pinned"] else "")
    replaced = ", replaced" if file["replaced_by"] else ""
    return (
        f"{file['name']}/" if file["folder"] else str(file["name"]),
        _size(file),
        held + replaced,
        str(file["author_name"]),
        show_time(file["time_ms"]),
        str(file["id"])[:_SHORT_CHARS],
    )


def _size(file: Json) -> str:
    size = "?" if file["size"] is None else show_bytes(file["size"])
    return f"{count_of(file['files'], 'file')}, {size}" if file["files"] is not None else size


def show(file: File, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show a file: what it is, who shares it, and what a folder holds.

    Examples:
    aster file show minutes.pdf
    aster file show "demonstration 2026" --json
    """
    screen = Screen(as_json, quiet)
    shown = Session().call("file/show", _PATIENCE_S, file=check_argument(file))
    if as_json:
        screen.emit(shown)
        return
    screen.say(Styled(str(shown["name"]), "bold"), "/" if shown["folder"] else "")
    for label, value in _facts(shown):
        screen.say(f"{label:<9}", value)
    if shown["description"]:
        screen.paragraph(shown["description"])
    _show_contents(screen, shown)


def _facts(shown: Json) -> Iterator[tuple[str, str]]:
    yield "id", str(shown["id"])
    yield "blob", str(shown["blob"])
    yield "size", f"{_size(shown)}, {_HELD[shown['held']]}" + (", pinned" if shown["pinned"] else "")
    yield "type", str(shown["media_type"])
    yield "by", f"{shown['author_name']}, {show_time(shown['time_ms'])}"
    for each in shown["also_shared_by"]:
        yield "also by", f"{each['author_name']}, as {each['name']}"
    if shown["tags"]:
        yield "tags", ", ".join(shown["tags"])
    if shown["language"]:
        yield "language", str(shown["language"])
    if shown["public"]:
        yield "public", "may be shown on the public site"
    if shown["replaced_by"]:
        yield "replaced", f"by {shown['replaced_by'][:_SHORT_CHARS]}"


def _show_contents(screen: Screen, shown: Json) -> None:
    if not shown["folder"]:
        return
    if shown["fault"]:
        screen.complain(shown["fault"])
    elif shown["contents"] is None:
        screen.note("The list of its files is not here. Get it: aster file get " + shown["id"][:_SHORT_CHARS])
    else:
        rows = [(each["path"], show_bytes(each["size"]), _HELD[each["held"]]) for each in shown["contents"]]
        screen.table(rows, ("path", "size", ""))


def pin(file: File, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Keep a file here, however full the disk gets.

    What you share yourself is pinned from the start. Works without a daemon.

    Examples:
    aster file pin minutes.pdf
    """
    _mark("file/pin", file, "It stays here until you unpin it.", Screen(as_json, quiet))


def unpin(file: File, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Let a file go when room is needed.

    What was unused for longest goes first. Works without a daemon.

    Examples:
    aster file unpin minutes.pdf
    """
    _mark("file/unpin", file, "It goes when room is needed.", Screen(as_json, quiet))


def _mark(method: str, file: str, message: str, screen: Screen) -> None:
    answer = Session().call(method, _PATIENCE_S, file=check_argument(file))
    if screen.as_json:
        screen.emit(answer)
    else:
        screen.note(message)


def drop(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Even if you share it yourself.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Free the room that a file takes here, and stop fetching it.

    It stays in the list, and can be fetched again from whoever has it. Others keep it: to ask them to drop
    what you shared, use aster delete. Works without a daemon.

    Examples:
    aster file drop "demonstration 2026"
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("file/drop", _PATIENCE_S, file=check_argument(file), force=force or None)
    if as_json:
        screen.emit(answer)
    else:
        screen.note(f"{show_bytes(answer['freed_bytes'])} are free again.")


def usage(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show how much room files take here, and whose they are.

    The room is set in config.toml: files_gib, files_member_gib, files_section_gib.

    Examples:
    aster file usage
    aster file usage --json
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("file/usage", _PATIENCE_S)
    if as_json:
        screen.emit(answer)
        return
    used, quota = show_bytes(answer["used_bytes"]), show_bytes(answer["quota_bytes"])
    member, section = show_bytes(answer["member_quota_bytes"]), show_bytes(answer["section_quota_bytes"])
    screen.say("used     ", f"{used} of {quota}, {show_bytes(answer['pinned_bytes'])} pinned")
    screen.say("disk     ", f"{show_bytes(answer['free_bytes'])} free")
    screen.say("unasked  ", f"at most {member} of one member, {section} of one section")
    screen.table([(share["name"], show_bytes(share["bytes"])) for share in answer["shares"]], ("by", "size"))
