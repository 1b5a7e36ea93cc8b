"""From wishes to the fields of the next profile."""

import pytest

from node.apps.directory.bodies import ABOUT, CONTACT, LANGUAGE, PICTURE, TERRITORY, Field
from node.contacts.changes import Wish, changed, read_wishes, without
from node.contacts.records import Sought, speaks
from node.errors import BadData, BadRequest, Missing, TextTooLarge

OLD = (
    Field(LANGUAGE, "", "de", True),
    Field(CONTACT, "", "by the door", False),
    Field(CONTACT, "press", "mailto:a@example.org", True),
    Field(PICTURE, "12", bytes(32), False),
    Field(ABOUT, "de", "alt", True),
    Field(900, "x", b"later", True),
)


def test_a_new_text_takes_the_place_of_the_old_one_in_its_language() -> None:
    new = changed(OLD, [Wish("about", "de", "neu"), Wish("about", "fr", "nouveau")])
    assert [field for field in new if field.number == ABOUT] == [
        Field(ABOUT, "de", "neu", True),  # as visible as before
        Field(ABOUT, "fr", "nouveau", False),  # at first for the federation alone
    ]
    assert OLD[-1] in new


def test_languages_are_added_and_contacts_of_one_purpose_replaced() -> None:
    new = changed(
        OLD,
        [
            Wish("language", "", "tr"),
            Wish("contact", "Press", "tel:+1"),
            Wish("contact", "", "at the market"),
        ],
    )
    assert [field.value for field in new if field.number == LANGUAGE] == ["de", "tr"]
    assert [field.value for field in new if field.number == CONTACT] == [
        "at the market",
        "by the door",
        "tel:+1",
    ]


def test_the_same_language_twice_is_one() -> None:
    assert changed(OLD, [Wish("language", "", "de", False)])[0] == Field(LANGUAGE, "", "de", False)


def test_what_is_seen_by_whom_can_change_alone() -> None:
    new = changed(OLD, [Wish("contact", "press", None, False)])
    assert Field(CONTACT, "press", "mailto:a@example.org", False) in new
    assert Field(PICTURE, "12", bytes(32), True) in changed(OLD, [Wish("picture", "", None, True)])
    with pytest.raises(Missing):
        changed(OLD, [Wish("territory", "", None, True)])
    with pytest.raises(BadRequest):
        changed(OLD, [Wish("about", "de")])


def test_there_is_one_picture_and_one_territory() -> None:
    new = changed(OLD, [Wish("picture", "34", bytes([1] * 32)), Wish("territory", "", "Lyon", True)])
    assert [field.tag for field in new if field.number == PICTURE] == ["34"]
    assert [field for field in new if field.number == TERRITORY] == [Field(TERRITORY, "", "Lyon", True)]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("about:DE", 5),
        ("about", 5),
        ("contact", 4),
        ("contact:press", 5),
        ("contact:by the door", 5),
        ("language:de", 5),
        ("picture", 5),
    ],
)
def test_a_field_is_taken_away_by_its_name_or_all_of_its_kind(name: str, left: int) -> None:
    assert len(without(OLD, [name])) == left


@pytest.mark.parametrize(
    ("name", "error"), [("about:fr", Missing), ("hub", Missing), ("shoe size", BadRequest)]
)
def test_what_is_not_there_cannot_be_taken_away(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        without(OLD, [name])


def test_what_breaks_a_rule_changes_nothing() -> None:
    with pytest.raises(BadData):
        changed(OLD, [Wish("page", "", "javascript:alert(1)")])
    with pytest.raises(TextTooLarge):
        changed(OLD, [Wish("about", "de", "x" * 5_000)])


@pytest.mark.parametrize(
    "given",
    [
        "about",
        [1],
        [{"field": "about", "colour": "red"}],
        [{"field": 1}],
        [{"field": "about", "tag": 1}],
        [{"field": "about", "value": 1}],
        [{"field": "about", "public": "yes"}],
        [{"field": "shoe size", "value": "41"}],
    ],
)
def test_a_request_that_is_none_is_refused(given: object) -> None:
    with pytest.raises(BadRequest):
        read_wishes(given)


def test_a_text_is_tagged_by_its_language() -> None:
    with pytest.raises(BadData, match="language tag"):
        read_wishes([{"field": "about", "tag": "in German", "value": "x"}])
    with pytest.raises(BadData, match="language tag"):
        read_wishes([{"field": "language", "value": "German"}])
    assert read_wishes([{"field": "about", "tag": "DE", "value": "x"}]) == [Wish("about", "de", "x")]


RECORD = {
    "name": "Zoë~abcd",
    "published": "Zoë",
    "territory": None,
    "sections": [{"id": "x", "name": "Łódź"}],
    "fields": [
        {"field": "about", "value": "Ich backe Brot, jeden Tag."},
        {"field": "about", "value": "我每天烤面包"},
        {"field": "about", "value": "هر روز نان می‌پزم"},
        {"field": "language", "value": "pt-BR"},
        {"field": "picture", "value": "abcdefgh"},
    ],
}


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("zoe", True),
        ("lodz", True),
        ("brot back", True),
        ("rot", False),
        ("面包", True),
        ("包面", False),
        ("نان", True),
        ("abcdefgh", False),
        ("Brot Käse", False),
    ],
)
def test_each_word_begins_a_word_of_the_record(words: str, is_found: bool) -> None:
    assert Sought(words).is_in(RECORD) == is_found


def test_a_variety_of_a_language_is_that_language() -> None:
    assert speaks(RECORD, "pt")
    assert speaks(RECORD, "PT-br")
    assert not speaks(RECORD, "es")
    assert Sought(" … !").is_empty
