"""What one says about messages of others and of one's own, and whom and what one follows."""

from typing import Annotated

import typer

from cli.feed import Language, Topics
from cli.options import AsJson, Quiet
from cli.posts import SHORT
from cli.render import Screen, Styled, show_time
from cli.session import Json, Session
from cli.texts import check_argument, read_text
from cli.timeline import Id, Since, since_of
from node.errors import BadRequest

Text = Annotated[
    str, typer.Argument(metavar="TEXT", help="The text, or - for standard input.", show_default=False)
]
Who = Annotated[
    str | None,
    typer.Argument(metavar="[WHO]", help="A person: a name or an id.", show_default=False),
]
Section = Annotated[str | None, typer.Option(metavar="SECTION", help="Everybody in this section.")]
Topic = Annotated[str | None, typer.Option(metavar="TOPIC", help="A topic, with or without #.")]


def react(
    id: Id,
    symbol: Annotated[
        str,
        typer.Argument(metavar="[SYMBOL]", help="A sign or a short word: 👍, ❤, thanks."),
    ] = "👍",
    off: Annotated[bool, typer.Option("--off", help="Take it back.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """React to a message with a sign, or take it back. Everybody sees who reacted.

    Examples:
    aster react k3jd7wq2
    aster react k3jd7wq2 thanks
    aster react k3jd7wq2 thanks --off
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("react", id=check_argument(id), symbol=check_argument(symbol), off=off or None)
    if as_json:
        screen.emit(answer)
    elif answer["new"]:
        screen.note("Taken back." if off else f"{answer['symbol']} to {answer['to'][:SHORT]}")
    else:
        screen.note("You have not reacted so." if off else "You have reacted so before.")


def correct(
    id: Id,
    text: Text,
    topic: Topics = None,
    language: Language = None,
    public: Annotated[
        bool | None,
        typer.Option("--public/--private", help="Let it stand on the public site, or no longer."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put another text in the place of a message of yours.

    It stands where the message stood, marked as corrected; the earlier texts stay readable: aster history.
    Topics and mentions are those of the new text; files stay. Only the message's own author can do this.
    What should vanish is deleted instead: aster delete.

    Examples:
    aster correct k3jd7wq2 "The kitchen opens at one."
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "correct",
        id=check_argument(id),
        text=read_text(text),
        topics=[check_argument(each) for each in topic] if topic else None,
        language=language,
        public=public,
    )
    _tell(screen, answer, f"Corrected {answer['corrects'][:SHORT]}.")


def translate(
    id: Id,
    text: Text,
    language: Annotated[
        str | None,
        typer.Option(
            "--language", "--lang", metavar="TAG", help="Language of the translation.", show_default=False
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let it stand on the public site, as the message does.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Translate a message, yours or anybody's. Readers of that language are shown it, with your name.

    Who reads the language of the message goes on seeing it as it was written. Where it is corrected later,
    your translation is marked as one of an earlier text.

    Examples:
    aster translate k3jd7wq2 "Die Küche öffnet um zwölf." --lang de
    """
    screen = Screen(as_json, quiet)
    answer = Session().call(
        "translate",
        id=check_argument(id),
        text=read_text(text),
        language=language,
        public=public or None,
    )
    _tell(screen, answer, f"Translated {answer['translates'][:SHORT]} to {answer['language']}.")


def _tell(screen: Screen, answer: Json, what: str) -> None:
    if screen.as_json:
        screen.emit(answer)
    else:
        screen.say(str(answer["id"]))
        screen.note(what)


def topics(
    search: Annotated[
        str | None,
        typer.Argument(metavar="[BEGINNING]", help="Only topics that begin so.", show_default=False),
    ] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most N, the liveliest first.")] = 50,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the topics that people write about, with the number of messages. An asterisk: you follow it.

    Examples:
    aster topics
    aster topics bre --since 1w
    aster follow --topic bread
    """
    screen = Screen(as_json, quiet)
    begins = None if search is None else check_argument(search)
    found = Session().call("topics", begins=begins, since_ms=since_of(since), limit=limit)["topics"]
    if as_json:
        for each in found:
            screen.emit(each)
        return
    marks = {"follow": "*", "mute": "muted", "": ""}
    screen.table(
        (
            (f"#{each['topic']}", f"{each['messages']:,}", show_time(each["last_ms"]), marks[each["choice"]])
            for each in found
        ),
        ("TOPIC", "MESSAGES", "LAST", ""),
    )
    if not found:
        screen.note("No topics.")


def follow(
    who: Who = None,
    section: Section = None,
    topic: Topic = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Follow a person, a section or a topic: aster timeline --following shows what they say.

    Whom you follow is kept in this home alone. It is never published, and nobody can see it.

    Examples:
    aster follow bob
    aster follow --section Lyon
    aster follow --topic strike-funds
    """
    _choose("follow", who, section, topic, Screen(as_json, quiet), "You follow {name}.")


def unfollow(
    who: Who = None,
    section: Section = None,
    topic: Topic = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Follow a person, a section or a topic no longer.

    Examples:
    aster unfollow bob
    aster unfollow --topic strike-funds
    """
    _choose("unfollow", who, section, topic, Screen(as_json, quiet), "You follow {name} no longer.")


def mute(
    who: Who = None,
    section: Section = None,
    topic: Topic = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Leave a person, a section or a topic out of timelines and of the inbox.

    In threads and searches they are still shown. Whom you mute is kept in this home alone: it is never
    published, and nobody can see it. Whom you followed you follow no longer.

    Examples:
    aster mute bob
    aster mute --topic football
    """
    _choose("mute", who, section, topic, Screen(as_json, quiet), "You mute {name}.")


def unmute(
    who: Who = None,
    section: Section = None,
    topic: Topic = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Mute a person, a section or a topic no longer.

    Examples:
    aster unmute bob
    """
    _choose("unmute", who, section, topic, Screen(as_json, quiet), "You mute {name} no longer.")


def block(who: Who = None, section: Section = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show nothing of a person or a section any more, anywhere; in threads their place is left.

    This node still carries what they write, as every node does, and they can read what you write. Whom you
    block is kept in this home alone: it is never published, and nobody can see it.

    Examples:
    aster block mallory
    aster block --section Nowhere
    """
    _choose("block", who, section, None, Screen(as_json, quiet), "You block {name}.")


def unblock(who: Who = None, section: Section = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Block a person or a section no longer.

    Examples:
    aster unblock mallory
    """
    _choose("unblock", who, section, None, Screen(as_json, quiet), "You block {name} no longer.")


def _choose(
    method: str, who: str | None, section: str | None, topic: str | None, screen: Screen, said: str
) -> None:
    given = {"who": who, "section": section, "topic": topic}
    named: Json = {kind: check_argument(text) for kind, text in given.items() if text is not None}
    if len(named) != 1:
        raise BadRequest("Name one person, one section or one topic.", f"See: aster {method} --help")
    answer = Session().call(method, **named)
    if screen.as_json:
        screen.emit(answer)
    else:
        screen.note(said.format(name=answer["name"]))


def choices(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List whom and what you follow, mute and block. It is kept in this home alone and never published.

    Examples:
    aster choices
    """
    screen = Screen(as_json, quiet)
    chosen = Session().call("choices")["choices"]
    if as_json:
        for each in chosen:
            screen.emit(each)
        return
    order = {"follow": 0, "mute": 1, "block": 2}
    for each in sorted(chosen, key=lambda each: (order[each["choice"]], each["kind"], each["name"])):
        kind = "person" if each["kind"] == "who" else each["kind"]
        screen.say(
            f"{each['choice']:<8}{kind:<9}",
            each["name"],
            Styled(f"  since {show_time(each['since_ms'])}", "dim"),
        )
    if not chosen:
        screen.note("You follow, mute and block nobody and nothing.")
