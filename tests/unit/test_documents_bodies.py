"""Bodies of versions and translations: round trips, noise, and every rule."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.documents import contents
from node.apps.documents.bodies import (
    DEFAULT_MEDIA_TYPE,
    KIND,
    LONG,
    LONG_TRANSLATION,
    MAX_CONTENTS_BYTES,
    MAX_EXCERPT_BYTES,
    MAX_NAME_CHARS,
    MAX_TEXT_BYTES,
    MAX_TITLE_CHARS,
    TRANSLATION,
    LongText,
    Rendered,
    Translation,
    Version,
    canonical_name,
    check_text,
    compose,
    excerpt_of,
    parse,
    read_document_tag,
    source_digest,
    text_of,
)
from node.apps.documents.units import Unit, units_of
from node.errors import BadData, TextTooLarge
from store.entry import make_body

SALT = bytes(16)
UNIT = [b"unit-1..", "text"]
RENDERED = [b"unit-1..", b"digest..", "testo"]
BLOB = bytes(32)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def version(text: str = "", name: str = "name", **said: object) -> Version:
    units = units_of(text, (), random.Random(1).randbytes)
    return Version(name, "", DEFAULT_MEDIA_TYPE, "", (), False, units)._replace(**said)  # type: ignore[arg-type]


@given(st.text(), st.text(max_size=MAX_TITLE_CHARS), texts, st.sampled_from(["", "de", "zh-Hant"]))
def test_what_was_composed_is_parsed_again(name: str, title: str, text: str, language: str) -> None:
    try:
        made = version(text, canonical_name(name), title=title, language=language, tags=("a", "б"))
        body = compose(made, SALT)
    except BadData:
        return
    assert parse(body) == made


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), texts.filter(bool)), unique_by=lambda x: x[0]))
def test_translations_are_parsed_again(units: list[tuple[bytes, str]]) -> None:
    rendered = tuple(Rendered(identifier, source_digest(text), text) for identifier, text in units)
    made = Translation("name", "title", "pt-BR", True, rendered)
    assert parse(compose(made, SALT)) == made
    assert contents.unpack_rendered(contents.pack(rendered)) == rendered


@pytest.mark.parametrize("size", [1, MAX_CONTENTS_BYTES])
def test_long_texts_are_parsed_again(size: int) -> None:
    held = LongText(BLOB, size, "excerpt")
    for made in (version(held=held), Translation("name", "", "de", False, held)):
        assert parse(compose(made, SALT)) == made


@given(st.binary())
def test_noise_is_no_version(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None
    assert contents.unpack_units(noise) is None
    assert contents.unpack_rendered(noise) is None


@given(texts)
def test_a_blob_gives_the_units_that_were_put_into_it(text: str) -> None:
    units = units_of(text, (), random.Random(2).randbytes)
    packed = contents.pack(units)
    assert contents.unpack_units(packed) == units
    assert contents.unpack_units(packed + b"\0") is None
    assert contents.unpack_rendered(packed) == (None if units else ())


HEADING = ["name", "", "text/plain"]


@pytest.mark.parametrize(
    "content",
    [
        [KIND, "name", "", "text/plain"],
        [KIND, "", "", "text/plain", ""],
        [KIND, "e\u0301", "", "text/plain", ""],
        [KIND, " name", "", "text/plain", ""],
        [KIND, "a\nb", "", "text/plain", ""],
        [KIND, "name", "a\nb", "text/plain", ""],
        [KIND, "name", "", "plain", ""],
        [KIND, "name", "", "text/plain", b""],
        [KIND, "name", "", "text/plain", "a\0b"],
        [200, "name", "", "text/plain", ""],
        [KIND, "x" * (MAX_NAME_CHARS + 1), "", "text/plain", ""],
        [KIND, *HEADING, "", [], False],
        [KIND, *HEADING, "", [], 0, [UNIT]],
        [KIND, *HEADING, "", ["Housing"], False, [UNIT]],
        [KIND, *HEADING, "", ["a b"], False, [UNIT]],
        [KIND, *HEADING, "", ["a", "a"], False, [UNIT]],
        [KIND, *HEADING, "", [str(each) for each in range(17)], False, [UNIT]],
        [KIND, *HEADING, "", "a", False, [UNIT]],
        [KIND, *HEADING, "", [], False, [[b"short", "text"]]],
        [KIND, *HEADING, "", [], False, [[b"unit-1..", ""]]],
        [KIND, *HEADING, "", [], False, [[b"unit-1..", "a\0b"]]],
        [KIND, *HEADING, "", [], False, [[b"unit-1..", b"text"]]],
        [KIND, *HEADING, "", [], False, [[*UNIT, 1]]],
        [KIND, *HEADING, "", [], False, [UNIT, UNIT]],
        [KIND, *HEADING, "", [], False, ["text"]],
        [LONG, *HEADING, "", [], False, BLOB, 1],
        [LONG, *HEADING, "", [], False, BLOB[1:], 1, ""],
        [LONG, *HEADING, "", [], False, BLOB, 0, ""],
        [LONG, *HEADING, "", [], False, BLOB, True, ""],
        [LONG, *HEADING, "", [], False, BLOB, MAX_CONTENTS_BYTES + 1, ""],
        [LONG, *HEADING, "", [], False, BLOB, 1, "x" * (MAX_EXCERPT_BYTES + 1)],
        [TRANSLATION, "name", "", "", False, [RENDERED]],
        [TRANSLATION, "name", "", "DE", False, [RENDERED]],
        [TRANSLATION, "name", "", "no tag", False, [RENDERED]],
        [TRANSLATION, "name", "", "de", False, [UNIT]],
        [TRANSLATION, "name", "", "de", False, [RENDERED, RENDERED]],
        [TRANSLATION, "name", "", "de", False, [[b"unit-1..", b"short", "text"]]],
        [TRANSLATION, "name", "", "de", 1, [RENDERED]],
        [LONG_TRANSLATION, "name", "", "de", False, BLOB, 1],
        [LONG_TRANSLATION, "name", "", "", False, BLOB, 1, ""],
    ],
)
def test_what_breaks_a_rule_is_no_version(content: list[object]) -> None:
    body = make_body(SALT, content)
    assert parse(body) is None
    assert text_of(body) is None


@pytest.mark.parametrize(
    "content",
    [
        [KIND, *HEADING, "", [], False, [UNIT], "later"],
        [LONG, *HEADING, "", [], False, BLOB, 1, "", "later"],
        [TRANSLATION, "name", "", "de", False, [RENDERED], "later"],
        [LONG_TRANSLATION, "name", "", "de", False, BLOB, 1, "", "later"],
    ],
)
def test_elements_that_come_later_are_ignored(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is not None


def test_a_language_that_is_none_is_read_as_not_said() -> None:
    found = parse(make_body(SALT, [KIND, *HEADING, "no tag", [], False, [UNIT]]))
    assert isinstance(found, Version)
    assert found.language == ""


def test_the_first_form_is_one_unit() -> None:
    found = parse(make_body(SALT, [KIND, "name", "title", "text/plain", "one\n\ntwo\n"]))
    held = (Unit(bytes(8), "one\n\ntwo\n"),)
    assert found == Version("name", "title", "text/plain", "", (), False, held)


def test_names_that_look_equal_are_one_document() -> None:
    assert canonical_name("Cafe\u0301") == canonical_name(" Café ")


def test_an_empty_text_is_a_version_too() -> None:
    assert parse(compose(version(""), SALT)) == version("")


def test_a_text_over_the_limit_of_a_body_is_refused() -> None:
    with pytest.raises(TextTooLarge):
        compose(version("x" * 40_000), SALT)
    with pytest.raises(TextTooLarge):
        compose(version("x\n\n" * 1_001), SALT)


@pytest.mark.parametrize("media_type", ["", "plain", "text/plaïn", "text/\n", "a/" + "b" * 99])
def test_a_wrong_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(BadData):
        compose(version(media_type=media_type), SALT)


def test_what_a_writer_may_not_say_is_refused() -> None:
    with pytest.raises(BadData):
        compose(version(tags=tuple(map(str, range(17)))), SALT)
    with pytest.raises(BadData):
        compose(Translation("name", "", "no tag", False, ()), SALT)
    with pytest.raises(BadData):
        compose(version(title="x" * (MAX_TITLE_CHARS + 1)), SALT)


def test_tags_are_kept_in_one_form() -> None:
    assert read_document_tag(" #Strike-Funds ") == "strike-funds"
    assert read_document_tag("CAFE\u0301") == "café"
    for wrong in ("", "two words", "x" * 65, "a/b", "#"):
        with pytest.raises(BadData):
            read_document_tag(wrong)


def test_a_text_is_refused_that_is_none_or_too_long() -> None:
    assert check_text("ü" * (MAX_TEXT_BYTES // 2)) == "ü" * (MAX_TEXT_BYTES // 2)
    with pytest.raises(TextTooLarge):
        check_text("ü" * (MAX_TEXT_BYTES // 2) + "x")
    with pytest.raises(BadData):
        check_text("a\0b")
    with pytest.raises(BadData):
        check_text("\ud800")


@given(st.text(st.sampled_from("aé空🙂"), max_size=30))
def test_an_excerpt_is_a_beginning_and_ends_between_letters(letters: str) -> None:
    text = letters * 700
    excerpt = excerpt_of(text)
    assert text.startswith(excerpt)
    assert len(excerpt.encode()) <= MAX_EXCERPT_BYTES
    assert len(excerpt.encode()) > MAX_EXCERPT_BYTES - 4 or excerpt == text


def test_digests_of_different_texts_differ() -> None:
    digests = [source_digest(text) for text in ("", "a", "a\n", "b")]
    assert all(one != other for one, other in pairwise(sorted(digests)))
    assert {len(each) for each in digests} == {8}
