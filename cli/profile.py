"""`aster profile show|set|unset`: what you say about yourself, or as a steward about your section."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of, show_bytes, show_time, visible, width_of
from cli.session import Json, Session
from cli.texts import check_argument, read_text
from node.errors import BadRequest

Section = Annotated[
    str | None,
    typer.Option("--section", metavar="SECTION", help="The profile of a section, instead of your own."),
]

WAIT_S: Final = 30.0
"""A large picture takes its time."""

_EXAMPLE: Final = "For example: aster profile set about:en='I bake bread.' --public"


def show(section: Section = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show what your profile says, and who may see what.

    Examples:
    aster profile show
    aster profile show --section Lyon
    """
    screen = Screen(as_json, quiet)
    record = Session().call("profile/show", section=_given(section))
    show_record(screen, record)
    if not record["fields"]:
        screen.note(f"The profile says nothing yet. {_EXAMPLE}")


def change(
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD[:TAG]=VALUE...", help="What is said; several at a time.", show_default=False
        ),
    ],
    public: Annotated[
        bool, typer.Option("--public", help="Everybody may see it, on a public site too.")
    ] = False,
    federation: Annotated[
        bool, typer.Option("--federation", help="Members alone may see it. So it is unless you say --public.")
    ] = False,
    section: Section = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say something about yourself, or with --section as a steward about your section.

    The fields are name, territory, language, contact, hub, picture, about and page. A tag says in which
    language a name or an about is, or what a contact is for: about:de=…, name:ru=…, contact:press=…. There
    may be several languages, contacts, hubs and pages. picture=FILE takes a picture file, which is made small
    and stripped of place and camera. name=… without a tag is what you are called. A value of - is read from
    standard input. FIELD[:TAG] without a value changes who may see it.

    Every member can read all of it, and keeps it; --public permits showing it to everybody. Once one field is
    public, your name and your public sections are shown with it.

    Examples:
    aster profile set about:fr="Je fais du pain." about:en="I bake bread." language=fr language=en --public
    aster profile set contact:press=mailto:press@example.org picture=me.jpg
    aster profile set contact:press --public
    aster profile set --section Lyon about:fr="Boulangerie" territory=Lyon --public
    """
    screen = Screen(as_json, quiet)
    if public and federation:
        raise BadRequest("--public and --federation contradict each other.", "Give one of them.")
    visibility = True if public else False if federation else None
    wishes = [_wish(text, visibility) for text in fields]
    record = Session().call("profile/set", WAIT_S, fields=wishes, section=_given(section))
    _tell(screen, record)


def unset(
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD[:TAG]...",
            help="What is taken away: about:de, or with about alone every about.",
            show_default=False,
        ),
    ],
    section: Section = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take fields out of your profile. Of languages, hubs and pages the value stands after the colon.

    Who has read the profile may remember it: aster delete asks every node to drop what was said before.

    Examples:
    aster profile unset about:en
    aster profile unset language:de picture
    """
    screen = Screen(as_json, quiet)
    names = [check_argument(each) for each in fields]
    _tell(screen, Session().call("profile/unset", fields=names, section=_given(section)))


def _given(text: str | None) -> str | None:
    return None if text is None else check_argument(text)


def _wish(text: str, public: bool | None) -> Json:
    """One argument as a field of a request. Raises: BadRequest: it says nothing."""
    left, has_value, value = check_argument(text).partition("=")
    field, _, tag = left.partition(":")
    wish: Json = {"field": field.strip(), "tag": tag.strip()}
    if public is not None:
        wish["public"] = public
    if not has_value:
        if public is None:
            raise BadRequest(f"{left} is given no value.", _EXAMPLE)
        return wish
    if wish["field"] == "picture":
        return {**wish, "value": str(Path(value).absolute())}
    return {**wish, "value": read_text(value)}


def _tell(screen: Screen, record: Json) -> None:
    show_record(screen, record)
    if screen.as_json:
        return
    shown = sum(1 for field in record["fields"] if field["public"])
    if shown:
        screen.note(f"{count_of(shown, 'field')} may be shown to everybody, with the name {record['name']}.")


def show_record(screen: Screen, record: Json) -> None:
    """Print the record of a member or a section."""
    if screen.as_json:
        screen.emit(record)
        return
    screen.say(Styled(record["name"], "bold"), "  ", Styled(record["id"], "dim"))
    facts, labels = _facts(record), [_label(field) for field in record["fields"]]
    width = max((width_of(visible(label)) for label in (*labels, *(fact[0] for fact in facts))), default=0)
    for label, text in facts:
        screen.say(f"{label:<{width}}  {text}")
    for label, field in zip(labels, record["fields"], strict=True):
        _show_field(screen, label + " " * (width - width_of(visible(label))), field)


def _facts(record: Json) -> list[tuple[str, str]]:
    published = record.get("published") or ""
    facts = [
        ("calls himself", published if published != record["name"] else ""),
        ("sections", ", ".join(each["name"] for each in record.get("sections", ()))),
        ("territory", record.get("territory") or ""),
        ("languages", ", ".join(record.get("languages", ()))),
        ("members", str(record["members"]) if record["type"] == "section" else ""),
        ("written", f"{show_time(record['time_ms'])}{_by(record)}" if record["time_ms"] else ""),
    ]
    return [(label, text) for label, text in facts if text]


def _by(record: Json) -> str:
    return f" by {record['by']['name']}" if record.get("by") else ""


def _label(field: Json) -> str:
    return f"{field['field']}:{field['tag']}" if field["tag"] else str(field["field"])


def _show_field(screen: Screen, label: str, field: Json) -> None:
    seen = Styled("public    ", "green") if field["public"] else Styled("federation", "dim")
    value = str(field["value"])
    if field["field"] == "picture":
        here = "" if field["held"] else ", not here yet"
        value = f"{value[:10]}  {show_bytes(field['size'])}{here}"
    if "\n" in value:
        screen.say(f"{label}  ", seen)
        screen.paragraph(value)
    else:
        screen.say(f"{label}  ", seen, f"  {value}")
