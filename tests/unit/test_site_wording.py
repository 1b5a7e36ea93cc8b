"""Languages of the site: whole sets of labels, directions, names, dates, and texts without what acts."""

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.site.wording import LABELLED, direction, iso, labelled, own_name, plain, wording, year_month

TIME_MS = 1_795_367_040_000


def test_each_language_has_every_label_and_no_other() -> None:
    labels = {tag: wording(tag).labels for tag in LABELLED}
    assert {tag: set(each) for tag, each in labels.items()} == {tag: set(labels["en"]) for tag in LABELLED}
    assert all(text.strip() == text != "" for each in labels.values() for text in each.values())
    stored = [each.name.removesuffix(".json") for each in files("node.site").joinpath("labels").iterdir()]
    assert sorted(stored) == sorted(LABELLED)


def test_no_two_labels_of_a_menu_are_the_same() -> None:
    for tag in LABELLED:
        labels = wording(tag).labels
        menu = [labels[name] for name in ("home", "directory", "documents", "posts", "files")]
        assert len(set(menu)) == len(menu), json.dumps(menu)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("ar", "rtl"),
        ("fa", "rtl"),
        ("he", "rtl"),
        ("ckb", "rtl"),
        ("de", "ltr"),
        ("zh-Hant", "ltr"),
        ("de-AT-1996", "ltr"),
        ("xx", "auto"),
        ("", "auto"),
        ("---", "auto"),
    ],
)
def test_a_language_says_in_which_direction_it_is_read(tag: str, found: str) -> None:
    assert direction(tag) == found


@given(st.text(max_size=12))
def test_whatever_is_said_to_be_a_language_has_a_direction_and_a_name(tag: str) -> None:
    assert direction(tag) in ("ltr", "rtl", "auto")
    assert own_name(tag) or not tag
    assert isinstance(wording("de").called(tag), str)


def test_languages_are_called_by_names() -> None:
    assert (own_name("de"), own_name("fr"), own_name("xx")) == ("Deutsch", "Français", "xx")
    assert wording("de").called("ar") == "Arabisch"
    assert wording("de").called("xx") == "xx"


def test_the_site_speaks_to_readers_of_varieties() -> None:
    assert (labelled("pt-BR"), labelled("zh-Hant"), labelled("ku"), labelled("")) == ("pt", "zh", None, None)


def test_dates_are_those_of_the_language() -> None:
    assert wording("de").day(TIME_MS) == "22. November 2026"
    assert wording("zh").month("2026-11") == "2026年11月"
    assert all(wording(tag).day(2**53 - 1) and wording(tag).month("9999-12") for tag in LABELLED)
    assert (iso(TIME_MS), year_month(TIME_MS)) == ("2026-11-22T17:04:00Z", "2026-11")
    assert iso(2**53 - 1).startswith("9999-12-31")


@given(st.text())
def test_a_text_loses_only_what_acts(text: str) -> None:
    shown = plain(text)
    assert plain(shown) == shown
    assert not set(shown) & set("\x00\x1b\x7f\x85\u202e\u2066\ufeff\ufffe\uffff\U000e0041\ud800\u2028")
    shown.encode()


def test_letters_joiners_and_lines_stay() -> None:
    text = "می\u200cخواهم\n\tab\u0301 👩\u200d🌾"
    assert plain(text) == text
    assert plain("a\u202eb\r\nc\u2028d") == "ab\nc\nd"
