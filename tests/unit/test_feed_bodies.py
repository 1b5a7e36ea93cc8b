"""Bodies of posts: round trips, noise, every rule, and the short way to the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.feed.bodies import KIND, MAX_TEXT_BYTES, Post, compose, parse, text_of
from node.errors import BadData, TextTooLarge
from store.codec import encode
from store.entry import MAX_BODY_BYTES, make_body

SALT = bytes(16)


@given(st.text(min_size=1).filter(str.strip), st.sampled_from(["", "de", "pt-BR", "zh-Hant"]))
def test_what_was_composed_is_parsed_again(text: str, language: str) -> None:
    assert parse(compose(text, language, SALT)) == Post(text, language)


@given(st.binary())
def test_noise_is_no_post(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None


@pytest.mark.parametrize(
    "content",
    [
        [2, "text", ""],
        [KIND],
        [KIND, "text"],
        [KIND, b"text", ""],
        [KIND, "text", 1],
        [KIND, "", ""],
        [KIND, " \n", ""],
        [KIND, None, ""],
    ],
)
def test_another_shape_is_no_post(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is None


def test_what_a_later_version_adds_does_not_hide_a_post() -> None:
    assert parse(make_body(SALT, [KIND, "text", "de", ["topic"], 7])) == Post("text", "de")


def test_a_language_that_is_no_tag_is_dropped_at_reading() -> None:
    assert parse(make_body(SALT, [KIND, "text", "d e"])) == Post("text", "")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\ud800"])
def test_a_blank_or_broken_text_is_refused(text: str) -> None:
    with pytest.raises(BadData):
        compose(text, "", SALT)


@pytest.mark.parametrize("language", ["d e", "ü", "x" * 36])
def test_a_wrong_language_is_refused(language: str) -> None:
    with pytest.raises(BadData):
        compose("text", language, SALT)


def test_the_longest_text_fits_into_a_body_and_one_more_byte_does_not() -> None:
    assert len(compose("é" * (MAX_TEXT_BYTES // 2), "x" * 35, SALT)) <= MAX_BODY_BYTES
    with pytest.raises(TextTooLarge) as caught:
        compose("x" * (MAX_TEXT_BYTES + 1), "", SALT)
    assert caught.value.code == "too-large"


@given(
    st.lists(
        st.one_of(st.integers(-3, 70), st.text(max_size=40), st.binary(max_size=5), st.booleans(), st.none()),
        max_size=5,
    )
)
def test_the_short_way_to_the_text_finds_the_same_posts(rest: list[object]) -> None:
    for content in ([KIND, *rest], [True, *rest], rest or [KIND]):
        body = SALT + encode(content)
        post = parse(body)
        assert text_of(body) == (None if post is None else post.text)
    assert text_of(SALT + b"\xc1") is None
