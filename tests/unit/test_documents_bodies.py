"""Bodies of document versions: round trips, noise, and every rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.documents.bodies import (
    DEFAULT_MEDIA_TYPE,
    KIND,
    MAX_NAME_CHARS,
    MAX_TITLE_CHARS,
    Version,
    canonical_name,
    compose,
    parse,
)
from node.errors import BadData, TextTooLarge
from store.entry import make_body

SALT = bytes(16)


@given(st.text(), st.text(max_size=MAX_TITLE_CHARS), st.text())
def test_what_was_composed_is_parsed_again(name: str, title: str, text: str) -> None:
    try:
        version = Version(canonical_name(name), title, DEFAULT_MEDIA_TYPE, text)
        body = compose(version, SALT)
    except BadData:
        return
    assert parse(body) == version


@given(st.binary())
def test_noise_is_no_version(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None


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
        [KIND + 1, "name", "", "text/plain", ""],
        [KIND, "x" * (MAX_NAME_CHARS + 1), "", "text/plain", ""],
    ],
)
def test_what_breaks_a_rule_is_no_version(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is None


def test_names_that_look_equal_are_one_document() -> None:
    assert canonical_name("Cafe\u0301") == canonical_name(" Café ")


def test_an_empty_text_is_a_version_too() -> None:
    version = Version("name", "", DEFAULT_MEDIA_TYPE, "")
    assert parse(compose(version, SALT)) == version


def test_a_text_over_the_limit_is_refused_with_its_size() -> None:
    with pytest.raises(TextTooLarge, match="40000"):
        compose(Version("name", "", DEFAULT_MEDIA_TYPE, "x" * 40_000), SALT)


@pytest.mark.parametrize("media_type", ["", "plain", "text/plaïn", "text/\n", "a/" + "b" * 99])
def test_a_wrong_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(BadData):
        compose(Version("name", "", media_type, ""), SALT)
