"""Bodies of profiles: round trips, noise, and the rules of names and fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.directory.bodies import (
    ABOUT,
    CONTACT,
    KIND,
    KIND_SECTION,
    LANGUAGE,
    MAX_FIELDS,
    MAX_PICTURE_BYTES,
    MAX_VALUE_BYTES,
    NAME,
    PAGE,
    PICTURE,
    TERRITORY,
    Field,
    Profile,
    SectionProfile,
    check_field,
    compose,
    compose_section,
    is_language,
    parse,
    size_of,
    text_of,
)
from node.errors import BadData, TextTooLarge
from node.network_file import check_name
from store.entry import make_body

SALT = bytes(16)
BLOB = bytes(range(32))
FIELDS = (
    Field(NAME, "ru", "Алиса", True),
    Field(TERRITORY, "", "Lyon", True),
    Field(LANGUAGE, "", "fr", True),
    Field(CONTACT, "press", "mailto:a@example.org", False),
    Field(PICTURE, "1234", BLOB, False),
    Field(ABOUT, "de", "Ich backe.\nJeden Tag.", True),
    Field(PAGE, "", "https://example.org", True),
    Field(900, "later", b"\x00\x01", False),
)


@given(st.text())
def test_what_was_composed_is_parsed_again(name: str) -> None:
    try:
        body = compose(name, SALT)
    except BadData:
        return
    assert parse(body) == Profile(check_name(name))


def test_fields_come_back_as_they_were_given_unknown_ones_too() -> None:
    assert parse(compose("Alice", SALT, FIELDS)) == Profile("Alice", FIELDS)
    assert parse(compose("Alice", SALT, ())) == Profile("Alice", ())
    assert parse(compose_section(BLOB, FIELDS, SALT)) == SectionProfile(BLOB, FIELDS)


def test_a_name_that_nobody_may_choose_here_is_read_where_somebody_did() -> None:
    assert parse(make_body(SALT, [KIND, "E\u200bva"])) == Profile("E\u200bva")
    assert parse(make_body(SALT, [KIND, "\u202eavE"])) is None


@given(st.binary())
def test_noise_is_no_profile(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None


@pytest.mark.parametrize("content", [[KIND], [KIND, ""], [KIND, " x"], [KIND, "a\tb"], [KIND, 1], [1, "x"]])
def test_what_breaks_a_rule_is_no_profile(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is None


@pytest.mark.parametrize(
    "content",
    [
        [KIND_SECTION],
        [KIND_SECTION, BLOB],
        [KIND_SECTION, BLOB[:31], []],
        [KIND_SECTION, "x" * 32, []],
        [KIND_SECTION, BLOB, "none"],
        [KIND_SECTION, BLOB, [[TERRITORY, "", "x", True]] * (MAX_FIELDS + 1)],
    ],
)
def test_what_breaks_a_rule_is_no_profile_of_a_section(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is None


def test_of_a_profile_of_a_thousand_fields_the_name_counts_alone() -> None:
    many = [[TERRITORY, "", str(number), True] for number in range(1_000)]
    assert parse(make_body(SALT, [KIND, "Eve", many])) == Profile("Eve", None)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=9)
    | st.binary(max_size=40)
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=6), max_leaves=12)


@given(st.lists(values, max_size=8))
def test_whatever_stands_among_the_fields_only_good_ones_are_read(fields: list[object]) -> None:
    profile = parse(make_body(SALT, [KIND, "Eve", fields]))
    assert isinstance(profile, Profile)
    assert profile.name == "Eve"
    for field in profile.fields or ():
        check_field(field)
    assert parse(compose("Eve", SALT, profile.fields or ())) == Profile("Eve", profile.fields or ())


@pytest.mark.parametrize(
    "item",
    [
        [],
        "about",
        [ABOUT, "de", "text"],
        [ABOUT, "de", "text", 1],
        [ABOUT, "de", b"text", True],
        [ABOUT, "d", "text", True],
        [ABOUT, "de", " \n", True],
        [ABOUT, "de", "bell\x07", True],
        [0, "", "x", True],
        [70_000, "", "x", True],
        [True, "", "x", True],
        [900, "a\nb", "x", True],
        [900, "x" * 65, "x", True],
        [900, "", "x" * 4_001, True],
        [NAME, "ru", "\u200b\u200b", True],
        [NAME, "ru", "\u202eavE", True],
        [NAME, "ru", "\u0301", True],
        [NAME, "not a tag", "Алиса", True],
        [TERRITORY, "de", "Lyon", True],
        [TERRITORY, "", "two\nlines", True],
        [LANGUAGE, "", "German, of course", True],
        [CONTACT, "", "", True],
        [PICTURE, "12", "text", True],
        [PICTURE, "", BLOB, True],
        [PICTURE, "0", BLOB, True],
        [PICTURE, "٣", BLOB, True],
        [PICTURE, str(MAX_PICTURE_BYTES + 1), BLOB, True],
        [PICTURE, "12", BLOB + b"x", True],
        [PAGE, "", "javascript:alert(1)", True],
    ],
)
def test_a_field_that_breaks_a_rule_is_left_out(item: object) -> None:
    good = [TERRITORY, "", "Lyon", True]
    assert parse(make_body(SALT, [KIND, "Eve", [item, good]])) == Profile("Eve", (Field(*good),))


def test_of_two_fields_that_can_be_there_once_the_first_counts() -> None:
    two = [[ABOUT, "de", "eins", True], [ABOUT, "DE", "zwei", True], [ABOUT, "fr", "un", True]]
    profile = parse(make_body(SALT, [KIND, "Eve", two]))
    assert isinstance(profile, Profile)
    assert [field.value for field in profile.fields or ()] == ["eins", "un"]


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (Field(ABOUT, "de", "x" * (MAX_VALUE_BYTES + 1), False), TextTooLarge),
        (Field(ABOUT, "de", "\ud800", False), BadData),
        (Field(ABOUT, "german!", "x", False), BadData),
        (Field(TERRITORY, "", "two\nlines", False), BadData),
        (Field(LANGUAGE, "", "x", False), BadData),
        (Field(CONTACT, "", " x", False), BadData),
        (Field(5, "", "example.org", False), BadData),
        (Field(PICTURE, "", BLOB, False), BadData),
        (Field(ABOUT, "de", "", False), BadData),
        (Field(PAGE, "", "ftp://example.org", False), BadData),
        (Field(0, "", "x", False), BadData),
        (Field(NAME, "ru", "\u200b", False), BadData),
    ],
)
def test_a_person_is_told_which_rule_a_field_breaks(field: Field, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        compose("Alice", SALT, [field])
    assert caught.value.advice  # type: ignore[attr-defined]


def test_too_many_fields_and_too_long_profiles_are_refused() -> None:
    with pytest.raises(TextTooLarge):
        compose("Alice", SALT, [Field(LANGUAGE, "", f"x{number}", False) for number in range(MAX_FIELDS + 1)])
    with pytest.raises(TextTooLarge):
        compose("Alice", SALT, [Field(900 + number, "", "x" * 4_000, False) for number in range(9)])


def test_what_can_be_searched_for_is_what_people_read() -> None:
    found = text_of(compose("Alice", SALT, FIELDS)) or ""
    assert found.splitlines() == [
        "Alice",
        "Алиса",
        "Lyon",
        "fr",
        "mailto:a@example.org",
        "Ich backe.",
        "Jeden Tag.",
        "https://example.org",
    ]
    assert text_of(make_body(SALT, [1, "post", ""])) is None
    assert text_of(compose_section(BLOB, (), SALT)) is None


def test_a_picture_says_its_size() -> None:
    assert size_of(Field(PICTURE, "1048576", BLOB, True)) == MAX_PICTURE_BYTES
    assert size_of(Field(PICTURE, "01", BLOB, True)) == 0


@pytest.mark.parametrize(
    ("tag", "fits"), [("de", True), ("zh-Hant", True), ("x", False), ("1a", False), ("", False)]
)
def test_language_tags_have_a_form(tag: str, fits: bool) -> None:
    assert is_language(tag) == fits
