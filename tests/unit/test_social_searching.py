"""What is shown of a hit, and which app is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import BadData
from node.social.reading import ReaderLanguages
from node.social.searching import EXCERPT_CHARS, excerpt, read_app
from store.ids import LOG_DOCS, LOG_FEED, LOG_FILES, LOG_PROFILE

LONG = " ".join(f"word{number}" for number in range(200))


@pytest.mark.parametrize(
    ("typed", "log"),
    [("messages", LOG_FEED), (" Doc", LOG_DOCS), ("f", LOG_FILES), ("profile", LOG_PROFILE)],
)
def test_an_app_may_be_named_by_its_beginning(typed, log):
    assert read_app(typed) == log


@pytest.mark.parametrize("typed", ["", " ", "letters", "messagesx"])
def test_other_apps_are_refused(typed):
    with pytest.raises(BadData) as caught:
        read_app(typed)
    assert "messages" in caught.value.advice


def test_a_short_text_is_shown_whole_on_one_line():
    assert excerpt("one\n\n  two\tthree", "two") == "one two three"


def test_of_a_long_text_what_is_around_the_first_word_is_shown():
    shown = excerpt(LONG, "nothing WORD150 word160")
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert "word150 word151" in shown
    assert "word160" in shown


def test_accents_and_case_do_not_matter_and_scripts_without_spaces_are_found():
    assert "Žluťoučký" in excerpt(f"{LONG} Žluťoučký {LONG}", "zlutoucky")
    assert "面包房" in excerpt(f"{'你好' * 200}面包房{'你好' * 200}", "面包房")


@given(st.text(max_size=600), st.text(max_size=30))
def test_any_text_has_an_excerpt_of_one_line(text, words):
    shown = excerpt(text, words)
    assert len(shown) <= EXCERPT_CHARS + 4
    assert "\n" not in shown


def test_languages_are_read_again_when_the_settings_changed(tmp_path):
    path = tmp_path / "config.toml"
    languages = ReaderLanguages(path)
    assert languages.now() == ()
    path.write_text('languages = ["de"]\n')
    assert languages.now() == ("de",)
    path.write_text('languages = ["uk", "en"]\n')
    assert languages.now() == ("uk", "en")
    assert languages.chosen(["PT_br"]) == ("pt-BR",)
    assert languages.chosen([]) == ()
    path.write_bytes(b"\xff\xff\xff")
    with pytest.raises(BadData):
        languages.now()
