"""From what a person asks for to the fields of the next profile. Pure.

A field is named ``about``, or with its tag ``about:de``. Of names, texts, territory and picture there is one
for each tag, and of contacts with a tag too: a new one takes the place of the old. Languages, hubs, web pages
and contacts without a tag are added to those that are there. Fields that this version does not know stay.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.directory.bodies import (
    ABOUT,
    CONTACT,
    HUB,
    LANGUAGE,
    NAME,
    NUMBERS,
    PAGE,
    PICTURE,
    Field,
    check_field,
    place_of,
)
from node.errors import BadData, BadRequest, Missing
from node.languages import read_tag
from node.quoting import quoted

_LISTS: Final = frozenset({LANGUAGE, HUB, PAGE})
_WITH_LANGUAGE: Final = frozenset({NAME, ABOUT})
_LONGEST_LANGUAGE: Final = 3
"""Letters of a language's code; longer ones are reserved, so they are words that somebody typed."""


class Wish(NamedTuple):
    """One field that shall be different."""

    field: str
    """As doors call it."""
    tag: str = ""
    value: str | bytes | None = None
    """None: the value stays, and `public` alone changes."""
    public: bool | None = None
    """None: as it was; of a new field false."""


def number_of(field: str) -> int:
    """The number of a field that doors call so. Raises: BadRequest."""
    number = NUMBERS.get(field)
    if number is None:
        raise BadRequest(f"A profile has no field {quoted(field)}.", f"There are: {', '.join(NUMBERS)}.")
    return number


def changed(fields: Sequence[Field], wishes: Iterable[Wish]) -> tuple[Field, ...]:
    """The fields with each wish fulfilled, in the order of numbers and tags.

    Raises:
        BadRequest: there is no such field. BadData, TextTooLarge: it would break a rule.
        Missing: the visibility of a field is to change that is not there.
    """
    found = list(fields)
    for wish in wishes:
        number, tag = number_of(wish.field), wish.tag.strip()
        if wish.value is None:
            found = _with_visibility(found, number, tag, wish)
            continue
        value = wish.value.strip() if isinstance(wish.value, str) else wish.value
        new = Field(number, tag, value, bool(wish.public))
        old = [field for field in found if _gives_way(field, new)]
        if wish.public is None and old:
            new = new._replace(public=old[0].public)
        check_field(new)
        found = [*(field for field in found if field not in old), new]
    return tuple(sorted(found, key=_order))


def _with_visibility(fields: Sequence[Field], number: int, tag: str, wish: Wish) -> list[Field]:
    meant = [field for field in fields if _is_named(field, number, tag)]
    if not meant:
        raise Missing(f"The profile has no {_called(wish.field, tag)}.", "See: aster profile show")
    if wish.public is None:
        raise BadRequest(
            f"{_called(wish.field, tag)} is given no value.",
            "Give one after =, or say --public or --federation.",
        )
    return [
        field._replace(public=wish.public) if field in meant and wish.public is not None else field
        for field in fields
    ]


def without(fields: Sequence[Field], names: Iterable[str]) -> tuple[Field, ...]:
    """The fields without those that are named. Raises: BadRequest; Missing: there is none of that name."""
    found = tuple(fields)
    for name in names:
        field, _, tag = name.partition(":")
        number = number_of(field.strip())
        meant = [each for each in found if _is_named(each, number, tag.strip())]
        if not meant:
            raise Missing(f"The profile has no {_called(field, tag)}.", "See: aster profile show")
        found = tuple(each for each in found if each not in meant)
    return found


def _gives_way(old: Field, new: Field) -> bool:
    """Does a field take the place of another?"""
    if old.number == new.number == CONTACT and new.tag:
        return old.tag.casefold() == new.tag.casefold()
    return place_of(old) == place_of(new)


def _is_named(field: Field, number: int, tag: str) -> bool:
    """Is a field meant by its number and what stands after the colon? Nothing after it means all of them."""
    if field.number != number:
        return False
    if number in _LISTS or (number == CONTACT and not field.tag):
        return not tag or field.value == tag
    return not tag or number == PICTURE or field.tag.casefold() == tag.casefold()


def _called(field: str, tag: str) -> str:
    return f"{field}:{tag}" if tag else field


def _order(field: Field) -> tuple[int, str, str]:
    value = field.value if isinstance(field.value, str) else field.value.hex()
    return field.number, field.tag, value


def read_wishes(given: object) -> list[Wish]:
    """The wishes in a request's list of objects. Raises: BadRequest, BadData: it is something else."""
    if not isinstance(given, list):
        raise BadRequest("The fields are a list of objects.")
    return [_read_wish(each) for each in given]


def _read_wish(given: object) -> Wish:
    if not isinstance(given, dict) or not set(given) <= {"field", "tag", "value", "public"}:
        raise BadRequest("A field is an object with field, tag?, value? and public?.")
    field, tag = given.get("field"), given.get("tag", "")
    value, public = given.get("value"), given.get("public")
    if not isinstance(field, str) or not isinstance(tag, str) or not isinstance(value, str | None):
        raise BadRequest("The field, its tag and its value are texts.")
    if not isinstance(public, bool | None):
        raise BadRequest("public is true or false.")
    number = number_of(field)
    if number in _WITH_LANGUAGE and tag:
        tag = _language(tag)
    if number == LANGUAGE and value is not None:
        value = _language(value)
    return Wish(field, tag, value, public)


def _language(text: str) -> str:
    """A language as its tag is written. Raises: BadData."""
    tag = read_tag(text)
    if len(tag.partition("-")[0]) > _LONGEST_LANGUAGE:
        raise BadData(f"{quoted(text)} is no language tag.", "Use a tag such as de, pt-BR or zh-Hant.")
    return tag
