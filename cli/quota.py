"""`aster quota show|set`: how much of this disk the texts and headers of others may take."""

import re
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import BadData

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}

DEFAULT: Final = "default"
"""Takes a choice back."""

MAX_SHOWN: Final = 10_000

Size = Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 500MiB or 2GiB; or default.")]


def show(
    everybody: Annotated[
        bool, typer.Option("--all", help="Show everybody, not only those who take the most.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show who takes how much of this disk with texts and headers, and how much he may.

    Beyond his quota of texts the oldest texts of a member are let go here; others may still hold them. Beyond
    his quota of headers no more of his logs is carried. Your own texts, and what names a file that you
    pinned, always stay. Quotas are this node's own, and say nothing about whether an entry is good.

    Examples:
    aster quota show
    aster quota show --all --json
    """
    screen = Screen(as_json, quiet)
    _show(screen, Session().call("quota/show", limit=MAX_SHOWN if everybody else None))


def choose(
    member: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose quota: a member, or all of them.")
    ] = None,
    section: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose quota: a section, or all of them.")
    ] = None,
    texts: Size = None,
    headers: Size = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Choose how much a member or a section may take. What is not given stays as it is.

    A smaller quota counts within seconds. With a larger one what was let go is asked for again, the newest
    first, and logs that were carried no further go on.

    Examples:
    aster quota set --member all --texts 1GiB
    aster quota set --member Bob --headers 500MiB
    aster quota set --section Lyon --texts default
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "quota/set",
        member=None if member is None else check_argument(member),
        section=None if section is None else check_argument(section),
        texts=_size(texts),
        headers=_size(headers),
    )
    _show(screen, answer)


def _size(text: str | None) -> int | None:
    """Bytes; 0 takes a choice back. Raises: BadData: no size."""
    if text is None:
        return None
    if text.strip().casefold() == DEFAULT:
        return 0
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadData(f"{text[:40]!r} is no size.", "Give one such as 500MiB or 2GiB, or default.")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower()])


def _show(screen: Screen, answer: Json) -> None:
    if screen.as_json:
        screen.emit(answer)
        return
    is_circle = all(each["member"] is None for each in answer["members"])
    for whose in ("member",) if is_circle else ("member", "section"):
        allowed = answer[whose]
        screen.say(
            f"each {whose:<8} {show_bytes(allowed['texts_quota'])} of texts, "
            f"{show_bytes(allowed['headers_quota'])} of headers"
        )
    header = ("", "texts", "of", "headers", "of", "")
    rows = [_row(each["name"], each, _remark(each)) for each in answer["members"]]
    rows += [_row(f"section {each['name']}", each, _remark(each)) for each in answer["sections"]]
    if rows:
        screen.table(rows, header)
    gone = answer["let_go"]
    if gone["texts"]:
        said = f"{count_of(gone['texts'], 'text')} let go here, {show_bytes(gone['bytes'])}"
        screen.say(Styled(said, "dim"))


def _row(name: str, each: Json, remark: str) -> tuple[str, ...]:
    return (
        name,
        show_bytes(each["texts_bytes"]),
        show_bytes(each["texts_quota"]),
        show_bytes(each["headers_bytes"]),
        show_bytes(each["headers_quota"]),
        remark,
    )


def _remark(each: Json) -> str:
    remarks = []
    if each.get("own"):
        remarks.append("you; never let go")
    if each["exception"]:
        remarks.append("chosen")
    if each.get("full"):
        remarks.append("full: carried no further")
    elif not each.get("own") and each["texts_bytes"] >= each["texts_quota"] * 9 // 10:
        remarks.append("at the bound: the oldest texts are let go")
    return "; ".join(remarks)
