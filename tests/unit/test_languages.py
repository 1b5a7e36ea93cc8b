"""Language tags and what suits a reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import BadData
from node.languages import MAX_LANGUAGES, choose, is_read, read_tag, read_tags, suits


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("pt_br", "pt-BR"),
        (" zh-hant-tw ", "zh-Hant-TW"),
        ("sr-latn", "sr-Latn"),
        ("de-CH-1996", "de-CH-1996"),
        ("x-klingon", "x-klingon"),
    ],
)
def test_a_tag_is_written_as_the_standard_has_it(typed: str, tag: str) -> None:
    assert read_tag(typed) == tag
    assert read_tag(tag) == tag


@pytest.mark.parametrize("typed", ["", "d", "german language", "de--CH", "-de", "de-", "12", "дe", "a" * 36])
def test_what_is_no_tag_is_refused(typed: str) -> None:
    with pytest.raises(BadData):
        read_tag(typed)


def test_languages_are_given_one_by_one_or_as_a_list_and_count_once() -> None:
    assert read_tags(["de,en", "EN", " pt_BR ,"]) == ("de", "en", "pt-BR")
    assert read_tags([]) == ()
    with pytest.raises(BadData):
        read_tags([",".join(f"a{chr(97 + number)}" for number in range(MAX_LANGUAGES + 1))])


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("de", "de-AT"),
        ("pt-PT", "pt-BR"),
        ("zh-Hant", "zh-TW"),
        ("zh", "zh-Hant"),
        ("nb", "nn"),
        ("iw", "he"),
        ("PT-br", "pt"),
    ],
)
def test_a_text_suits_who_reads_its_language(tag: str, wanted: str) -> None:
    assert suits(tag, wanted)
    assert suits(wanted, tag)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [("de", "en"), ("", "de"), ("zh-Hans", "zh-TW"), ("sr-Latn", "sr-Cyrl"), ("den", "de"), ("!", "de")],
)
def test_a_text_of_another_language_or_script_does_not(tag: str, wanted: str) -> None:
    assert not suits(tag, wanted)


def test_the_first_language_of_the_reader_counts_before_closeness() -> None:
    assert choose(["en", "de-CH"], ["de", "en"]) == 1
    assert choose(["pt-PT", "pt-BR", "pt"], ["pt-BR"]) == 1
    assert choose(["pt-PT", "pt"], ["pt-BR"]) == 1
    assert choose(["uk", "ru"], ["de", "en"]) is None
    assert choose([], ["de"]) is None
    assert choose(["de"], []) is None


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_whatever_a_peer_calls_a_language_is_answered(tag: str, languages: list[str]) -> None:
    assert is_read(tag, languages) is (choose([tag], languages) == 0)
