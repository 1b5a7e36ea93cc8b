"""The form of texts for search: equal for what a reader takes for the same word, and never an error."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import TooLarge
from store.search_text import MAX_QUERY_CHARS, MAX_QUERY_WORDS, match_expression, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "Straße"),
        ("Ёлка", "елка"),
        ("Überlingen", "uberlingen"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("İstanbul ISPARTA", "istanbul \u0131sparta"),
        ("Łódź", "lodz"),
        ("Đà Nẵng", "da nang"),
        ("ﬁne", "fine"),
        ("\uff21\uff22\uff23", "abc"),
        ("السَّلامُ", "السلام"),
        ("مكتبة", "مكتبه"),
        ("کتاب یک", "كتاب يك"),
        ("شـــكر", "شكر"),
        ("می\u200cرود", "میرود"),
        ("שָׁלוֹם", "שלום"),
        ("soft\u00adware", "software"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("น้ำ", "นำ"),
    ],
)
def test_variants_of_a_word_have_one_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ガイド", "カイト"), ("कु", "क"), ("ชุมชน", "ชมชน"), ("words", "word"), ("会议", "会仪")],
)
def test_different_words_have_different_forms(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("text", ["会议纪要", "ガイド", "ประชุม", "한국어", "ភាសា", "မြန်မာ", "ພາສາ"])
def test_scripts_without_spaces_are_cut_into_characters(text: str) -> None:
    assert max(map(len, normal_form(text).split())) <= 2
    assert len(normal_form(text).split()) >= 3


def test_text_beside_such_a_script_is_not_glued_to_it() -> None:
    assert normal_form("第3回meeting").split() == ["第", "3", "回", "meeting"]


@given(st.text())
def test_composed_and_decomposed_texts_have_one_form(text: str) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    form = normal_form(clean)
    assert "\0" not in form
    assert form == normal_form(unicodedata.normalize("NFD", clean))


def test_words_and_phrases_of_a_query_are_quoted() -> None:
    assert match_expression("Bread AND roses*") == '"bread" "and" "roses*"'
    assert match_expression('a "two words" b') == '"a" "two words" "b"'
    assert match_expression('left "open at the end') == '"left" "open at the end"'
    assert match_expression("„Typo graphic“ «quotes too»") == '"typo graphic" "quotes too"'
    assert match_expression("会议") == '" 会 议 "'


@pytest.mark.parametrize("query", ["", " ", '"', '""', "*", "…", "👍", "\0", "' OR 1=1 --"[:1]])
def test_a_query_without_words_asks_for_nothing(query: str) -> None:
    assert match_expression(query) is None


@given(st.text(max_size=60))
def test_every_query_has_an_expression_of_quoted_phrases(query: str) -> None:
    expression = match_expression(query)
    if expression is not None:
        assert expression.count('"') % 2 == 0
        assert "".join(expression.split('"')[::2]).strip() == ""
        expression.encode()


def test_queries_are_bounded() -> None:
    assert match_expression("x " * MAX_QUERY_WORDS) is not None
    with pytest.raises(TooLarge):
        match_expression("x " * (MAX_QUERY_WORDS + 1))
    with pytest.raises(TooLarge):
        match_expression("x" * (MAX_QUERY_CHARS + 1))
