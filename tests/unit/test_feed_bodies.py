"""Bodies of the feed: round trips, noise, limits, what a writer leaves out. Rules stand in the vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.feed.bodies import (
    MAX_ATTACHMENTS,
    MAX_MENTIONS,
    MAX_TEXT_BYTES,
    MAX_TOPICS,
    Attachment,
    Correction,
    Post,
    Reaction,
    Translation,
    compose,
    compose_correction,
    compose_reaction,
    compose_translation,
    links_of_answer,
    parse,
    text_of,
)
from node.apps.feed.topics import is_topic
from node.errors import BadData, TextTooLarge
from store.codec import encode
from store.entry import MAX_BODY_BYTES, make_body
from store.ids import EntryId

SALT = bytes(16)
WHO = bytes(32)
A, B, C = (EntryId(bytes([number]) * 32) for number in range(3))

tags = st.sampled_from(["", "de", "pt-BR", "zh-Hant"])
texts = st.text(min_size=1, max_size=200).filter(str.strip)
topics = st.sampled_from(["bread", "strike-funds", "хлеб", "l·l"])
posts = st.builds(
    Post,
    texts,
    tags,
    st.lists(topics, unique=True).map(tuple),
    st.lists(st.tuples(st.sampled_from(["Zoë", "bob"]), st.just(WHO)), max_size=4).map(tuple),
    st.lists(
        st.builds(Attachment, st.just(WHO), st.just("a.txt"), st.just("text/plain"), st.integers(0, 2**34)),
        max_size=3,
    ).map(tuple),
    st.booleans(),
)


@given(posts)
def test_what_was_composed_is_parsed_again(post: Post) -> None:
    assert parse(compose(post, SALT)) == post
    assert parse(compose_correction(post, SALT)) == Correction(post)
    assert text_of(compose(post, SALT)) == text_of(compose_correction(post, SALT)) == post.text


@given(texts, st.sampled_from(["👍", "❤️", "да"]), st.booleans())
def test_reactions_and_translations_are_parsed_again(text: str, symbol: str, yes: bool) -> None:
    assert parse(compose_reaction(symbol, yes, SALT)) == Reaction(symbol, yes)
    assert parse(compose_translation(text, "de", A, yes, SALT)) == Translation(text, "de", A, yes)
    assert text_of(compose_reaction(symbol, yes, SALT)) is None
    assert text_of(compose_translation(text, "de", A, yes, SALT)) == text


@given(st.binary())
def test_noise_is_not_understood(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None


plain = st.one_of(st.integers(-3, 70), st.text(max_size=9), st.binary(max_size=33), st.booleans(), st.none())
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@given(st.integers(0, 5), st.lists(values, max_size=8))
def test_whatever_stands_in_a_body_nothing_raises(kind: int, rest: list[object]) -> None:
    for content in ([kind, *rest], [kind, "text", "de", *rest]):
        body = SALT + encode(content)
        found = parse(body)
        assert found is None or text_of(body) in (None, *content)


def test_what_is_empty_at_the_end_is_left_out() -> None:
    assert compose(Post("a", "de"), SALT) == make_body(SALT, [1, "a", "de"])
    assert compose(Post("a", "", ("x",)), SALT) == make_body(SALT, [1, "a", "", ["x"]])
    assert compose_reaction("x", False, SALT) == make_body(SALT, [2, "x", False])


def test_what_is_reserved_has_to_be_canonical_and_is_ignored() -> None:
    body = make_body(SALT, [1, "a", "", [], [], [], False, ["more"]])
    assert parse(body) == Post("a", "")
    assert parse(body[:-6] + b"\xcb" + bytes(8)) is None


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\ud800"])
def test_a_blank_or_broken_text_is_refused(text: str) -> None:
    with pytest.raises(BadData):
        compose(Post(text, ""), SALT)
    with pytest.raises(BadData):
        compose_translation(text, "de", A, False, SALT)


@pytest.mark.parametrize("language", ["d e", "ü", "x" * 36])
def test_a_wrong_language_is_refused(language: str) -> None:
    with pytest.raises(BadData):
        compose(Post("text", language), SALT)
    with pytest.raises(BadData):
        compose_translation("text", language, A, False, SALT)


@pytest.mark.parametrize(
    "post",
    [
        Post("a", "", ("x",) * (MAX_TOPICS + 1)),
        Post("a", "", (), (("x", WHO),) * (MAX_MENTIONS + 1)),
        Post("a", "", (), (), (Attachment(WHO, "a", "text/plain", 1),) * (MAX_ATTACHMENTS + 1)),
        Post("a", "", ("X",)),
        Post("a", "", (), (("x", b"short"),)),
        Post("a", "", (), (), (Attachment(WHO, "a/b", "text/plain", 1),)),
    ],
)
def test_what_nobody_would_understand_is_not_written(post: Post) -> None:
    with pytest.raises(BadData):
        compose(post, SALT)


@pytest.mark.parametrize("symbol", ["", " ", "a b", "x" * 33, "\x1b", "\ud800"])
def test_what_is_no_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(BadData):
        compose_reaction(symbol, True, SALT)


def test_the_longest_text_fits_into_a_body_and_one_more_byte_does_not() -> None:
    assert len(compose(Post("é" * (MAX_TEXT_BYTES // 2), "x" * 35), SALT)) <= MAX_BODY_BYTES
    for post in (Post("x" * (MAX_TEXT_BYTES + 1), ""), Post("x" * MAX_TEXT_BYTES, "", ("t" * 64,))):
        with pytest.raises(TextTooLarge, match=r"aster doc|bytes") as caught:
            compose(post, SALT)
        assert caught.value.code == "too-large"


def test_an_answer_names_its_parent_and_the_root_of_its_thread() -> None:
    assert links_of_answer(A, ()) == (A,)
    assert links_of_answer(B, (A,)) == (B, A)
    assert links_of_answer(C, (B, A)) == (C, A)


@given(posts)
def test_topics_of_posts_are_topics(post: Post) -> None:
    assert all(map(is_topic, post.topics))
