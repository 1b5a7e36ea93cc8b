"""`aster timeline`, `aster read`, `aster thread`, `aster inbox` and `aster history`: reading messages."""

import time
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.posts import SHORT, show_post
from cli.render import Screen, Styled, count_of, show_time
from cli.session import Json, Session
from cli.texts import check_argument
from cli.times import read_moment
from node.errors import BadRequest

Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on, with each new message. Corrections are not told.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only since then: 2h, 3d, 2026-11-22, 2026-11-22T17:04."),
]
Before = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The page before this message: the first one of the last page."),
]
Limit = Annotated[int, typer.Option(min=0, metavar="N", help="At most the newest N.")]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--lang",
        metavar="TAGS",
        help="The languages that you read, such as de,en; else `languages` in config.toml.",
    ),
]
Original = Annotated[bool, typer.Option("--original", help="Show no translations.")]
Id = Annotated[
    str, typer.Argument(metavar="ID", help="A message: its id or the beginning of it.", show_default=False)
]


def timeline(
    follow: Follow = False,
    author: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only of this author: a name or an id.")
    ] = None,
    section: Annotated[
        str | None, typer.Option(metavar="SECTION", help="Only of the members of this section.")
    ] = None,
    topic: Annotated[list[str] | None, typer.Option(metavar="TOPIC", help="Only with this topic.")] = None,
    following: Annotated[
        bool, typer.Option("--following", help="Only of whom and what you follow, and your own.")
    ] = False,
    since: Since = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words.")] = None,
    before: Before = None,
    limit: Limit = 50,
    lang: Languages = None,
    original: Original = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read messages, oldest first: the newest, or those that fit.

    Whom you mute or block is left out, but whom you mute is shown where you ask for him with --author. A
    corrected message stands with its new text, at its old place. What somebody wrote in a language that you
    do not read is shown in a translation, where there is one, and says so.

    Examples:
    aster read
    aster read --follow --author bob
    aster timeline --following --since 2d
    aster timeline --section Lyon --topic bread --lang fr,en
    """
    screen = Screen(as_json, quiet)
    given = {"author": author, "search": search, "section": section, "before": before}
    messages = Session().stream(
        "timeline",
        since_ms=since_of(since),
        limit=limit,
        follow=follow or None,
        topics=_checked(topic),
        following=following or None,
        languages=languages_of(lang, original),
        **{name: None if text is None else check_argument(text) for name, text in given.items()},
    )
    first: Json | None = None
    shown = 0
    for message in messages:
        first = first or message
        shown += 1
        if as_json:
            screen.emit(message, follow)
        else:
            show_post(screen, message, flush=follow)
    if not shown:
        screen.note("No messages.")
    elif first is not None and shown == limit and screen.width is not None:
        screen.note(f"Earlier ones: --before {first['id'][:SHORT]}")


def thread(
    id: Id,
    limit: Limit = 200,
    lang: Languages = None,
    original: Original = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show a whole thread, whichever of its messages you name: who answered what, set in.

    Of a message that was deleted, or that has not come yet, the place is shown.

    Examples:
    aster thread k3jd7wq2
    aster thread k3jd7wq2 --original
    """
    screen = Screen(as_json, quiet)
    messages = Session().stream(
        "thread", id=check_argument(id), limit=limit, languages=languages_of(lang, original)
    )
    for message in messages:
        if as_json:
            screen.emit(message)
        else:
            show_post(screen, message, depth=message["depth"])


def inbox(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Mark these as read, and show nothing.", show_default=False),
    ] = None,
    mark: Annotated[bool, typer.Option("--mark-read", help="Mark as read what is shown.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what was read too.")] = False,
    follow: Follow = False,
    since: Since = None,
    before: Before = None,
    limit: Limit = 50,
    lang: Languages = None,
    original: Original = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what is addressed to you and not read yet, oldest first: mentions, and answers to your messages.

    Showing marks nothing as read; --mark-read does, or naming messages. An asterisk stands at those that are
    new. What was read is kept in this home alone.

    Examples:
    aster inbox
    aster inbox --mark-read
    aster inbox k3jd7wq2
    aster inbox --all --since 1w
    """
    screen = Screen(as_json, quiet)
    session = Session()
    if ids:
        if mark or follow:
            raise BadRequest("Name messages, or give --mark-read or --follow.", "aster inbox ID")
        _tell_marked(screen, session.call("inbox/mark", ids=[check_argument(each) for each in ids]))
        return
    if mark and follow:
        raise BadRequest("Give either --mark-read or --follow.", "aster inbox --mark-read")
    messages = session.stream(
        "inbox",
        all=everything or None,
        follow=follow or None,
        since_ms=since_of(since),
        before=None if before is None else check_argument(before),
        limit=limit,
        languages=languages_of(lang, original),
    )
    shown = []
    for message in messages:
        shown.append(message["id"])
        if as_json:
            screen.emit(message, follow)
        else:
            notes = [Styled(f"  {' and '.join(message['why'])}", "dim")]
            notes += [Styled("  *", "yellow")] if message["unread"] else []
            show_post(screen, message, flush=follow, notes=notes)
    if not shown:
        screen.note("Nothing is addressed to you." if everything else "Nothing new is addressed to you.")
    if mark and shown:
        marked = session.call("inbox/mark", ids=shown)
        screen.note(f"{count_of(marked['marked'], 'message')} marked as read.")
    elif len(shown) == limit and shown and screen.width is not None:
        screen.note(f"Earlier ones: --before {shown[0][:SHORT]}")


def _tell_marked(screen: Screen, answer: Json) -> None:
    if screen.as_json:
        screen.emit(answer)
    else:
        screen.note(f"{count_of(answer['marked'], 'message')} marked as read.")


def history(id: Id, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show every text that a message ever had, the first one first.

    Corrections are messages of their own: what was said stays readable for everybody.

    Examples:
    aster history k3jd7wq2
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("post/history", id=check_argument(id))
    if as_json:
        screen.emit(answer)
        return
    for version in answer["versions"]:
        now = Styled("  now", "bold") if version["current"] else ""
        screen.say(
            Styled(version["name"], "bold"),
            Styled(f"  {show_time(version['time_ms'])}  {version['id'][:SHORT]}", "dim"),
            now,
        )
        screen.paragraph("(not here)" if version["text"] is None else version["text"])


def since_of(text: str | None) -> int | None:
    """The moment that a person typed, in ms. Raises: BadData."""
    return None if text is None else read_moment(check_argument(text), time.time_ns() // 1_000_000)


def languages_of(tags: list[str] | None, original: bool = False) -> list[str] | None:
    """The reader's languages as they were typed; of who wants originals, none.

    Raises: BadData, BadRequest.
    """
    if original:
        if tags:
            raise BadRequest("Give either --lang or --original.")
        return []
    return _checked(tags)


def _checked(texts: list[str] | None) -> list[str] | None:
    return [check_argument(each) for each in texts] if texts else None
