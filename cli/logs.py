"""`aster log …` and `aster check`."""

from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.peers import named_apart
from cli.render import Screen, Styled, count_of, show_bytes, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from node.errors import Unavailable

EXIT_BAD = 65
"""Something that is held is not what it should be (sysexits: bad data)."""

Author = Annotated[str | None, typer.Option(metavar="WHO", help="Only of this author: a name or an id.")]


def list_logs(author: Author = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the logs that this node holds.

    Examples:
    aster log list
    aster log list --author bob
    """
    screen = Screen(as_json, quiet)
    logs = Session().call("log/list", author=None if author is None else check_argument(author))["logs"]
    if as_json:
        for log in logs:
            screen.emit(log)
        return
    called = named_apart(logs)
    screen.table(
        (
            (
                called(log),
                log["log"],
                str(log["entries"]),
                "all" if log["checked"] == log["entries"] else str(log["checked"]),
                (log["head"] or "")[:10],
                _show_end(log["ended"]),
            )
            for log in logs
        ),
        ("AUTHOR", "LOG", "ENTRIES", "VERIFIED", "HEAD", ""),
    )
    if not logs:
        screen.note("No logs.")


def _show_end(ended: Json | None) -> str:
    if ended is None:
        return ""
    return f"ended before entry {ended['seq']}: its author contradicted itself ({ended['kind']})"


def show(
    author: Annotated[str, typer.Argument(metavar="AUTHOR", help="A name or an id.", show_default=False)],
    log: Annotated[str, typer.Argument(metavar="LOG", help="feed, docs, profile, …", show_default=False)],
    first: Annotated[int | None, typer.Option(min=1, metavar="SEQ", help="From this entry.")] = None,
    last: Annotated[int | None, typer.Option(min=1, metavar="SEQ", help="Up to this entry.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the entries of a log.

    Examples:
    aster log show alice feed
    aster log show alice docs --first 10 --json
    """
    screen = Screen(as_json, quiet)
    entries = Session().stream(
        "log/show",
        author=check_argument(author),
        log=check_argument(log),
        first=first,
        last=last,
        limit=limit,
    )
    for entry in entries:
        if as_json:
            screen.emit(entry)
            continue
        body = show_bytes(entry["size"]) if entry["body"] else "body not here"
        links = f"  links {', '.join(each[:10] for each in entry['links'])}" if entry["links"] else ""
        screen.say(
            Styled(f"{entry['seq']:>6}", "bold"),
            f"  {entry['id'][:10]}  {show_time(entry['time_ms'])}  {body}",
            Styled(links, "dim"),
        )
        if entry.get("text"):
            screen.paragraph(entry["text"], "        ")


def verify(
    author: Author = None,
    log: Annotated[str | None, typer.Option(metavar="LOG", help="Only this log: feed, docs, …")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Check every signature and link of the logs that are held.

    Examples:
    aster log verify
    aster log verify --author bob --log feed
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "log/verify",
        extra_timeout_s=86_400,
        author=None if author is None else check_argument(author),
        log=None if log is None else check_argument(log),
    )
    if as_json:
        screen.emit(answer)
    else:
        _show_bad(screen, answer["bad"])
        verdict = "not all are good." if answer["bad"] else "all good."
        screen.say(f"{count_of(answer['entries'], 'entry')} in {count_of(answer['logs'], 'log')}: {verdict}")
    return EXIT_BAD if answer["bad"] else 0


def check(as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Re-hash every body and re-verify every signature, and fetch again what is damaged.

    Examples:
    aster check
    """
    screen = Screen(as_json, quiet)
    result: Json | None = None
    for event in Session().stream("check"):
        if event["event"] == "progress":
            screen.progress(f"{event['done']:,} of {event['total']:,}")
        else:
            result = event
    screen.progress("")
    if result is None:
        raise Unavailable("The check ended without a result.", "Try again: aster check")
    if as_json:
        screen.emit({name: value for name, value in result.items() if name != "event"})
    else:
        _show_bad(screen, result["bad"])
        verdict = "all good." if result["ok"] else "not all are good; what is damaged is asked for again."
        screen.say(
            f"{count_of(result['entries'], 'entry')}, {count_of(result['bodies'], 'body')}, "
            f"{count_of(result['logs'], 'log')}: {verdict}"
        )
    return 0 if result["ok"] else EXIT_BAD


def _show_bad(screen: Screen, bad: list[Json]) -> None:
    for each in bad:
        screen.say(
            Styled("bad", "red"), f"  {each['author'][:10]} {each['log']} entry {each['seq']}: {each['why']}"
        )
