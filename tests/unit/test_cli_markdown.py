"""Markdown in a terminal: what is drawn, that no word is hidden, and that nothing is wider than asked."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.markdown import MAX_BRACKETS, MAX_LEVELS, draw
from cli.render import Styled, width_of


def shown(text, width=None, coloured=False, called=None):
    """The lines as plain text."""
    return [
        line.indent + "".join(part.text if isinstance(part, Styled) else part for part in line.parts)
        for line in draw(text, width, coloured, called or {})
    ]


def styles(text, called=None):
    """Each part with its style, of a terminal with colours."""
    return [
        (part.text, part.style) if isinstance(part, Styled) else (part, "")
        for line in draw(text, None, True, called or {})
        for part in line.parts
        if part
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The kitchen opens at noon.",
        "one\ntwo\n\nthree",
        "- bread\n- *much* bread\n  - rye\n\n1. first\n2. second",
        "> said\n> so\n\n# Head\n## Below",
        "```py\nx = '*no*'\n\ny\n```",
        "    code, indented",
        "<b>no HTML</b> <!-- and no comment -->",
        "<script>alert(1)</script>",
        "[note]: http://evil.example 'hidden?'",
        "a_b_c, 3 * 4 * 5, #strike-funds, well-known",
        "* unclosed **emphasis, [brackets](and `ticks",
        "Heading?\n---",
        "[run](javascript:alert(1))",
    ],
)
def test_a_text_without_colours_reads_as_it_was_written(text):
    assert shown(text) == text.split("\n")


def test_emphasis_and_code_are_styled_where_there_are_colours():
    assert styles("a *b* **c** _**d**_ `e*`") == [
        ("a ", ""),
        ("b", "italic"),
        (" ", ""),
        ("c", "bold"),
        (" ", ""),
        ("d", "bold italic"),
        (" ", ""),
        ("`e*`", "code"),
    ]


def test_a_link_shows_where_it_leads():
    text = (
        '[our bank](https://evil.example "trust us"), ![a cat](http://x.example/c.png), <https://a.example>'
    )
    assert shown(text) == [
        "our bank <https://evil.example> (trust us), a cat <http://x.example/c.png>, https://a.example"
    ]


def test_the_address_of_a_link_is_shown_in_the_letters_that_count():
    assert shown("[b](https://ex\u0430mple.org)") == ["b <https://xn--exmple-4nf.org>"]


def test_lists_and_quotes_are_set_in_under_their_marks():
    text = "- one\n\n  more\n  - two\n\n> said\n> - three\n\n10) ten\n    and more"
    assert shown(text) == text.replace("    and", "    and").split("\n")


def test_an_entity_becomes_its_sign_and_screen_makes_that_safe():
    assert shown("a &amp; b &#x202e; c *d*") == ["a & b \u202e c *d*"]


def test_mentions_are_called_as_this_home_calls_them():
    called = {"bob": "bob~k3jd", "Anna Maria": "Anna Maria"}
    text = "@bob and @[Anna Maria], not bob@bob.example nor @bobby"
    assert shown(text, called=called) == ["@bob~k3jd and @Anna Maria, not bob@bob.example nor @bobby"]
    assert ("@bob~k3jd", "bold") in styles(text, called)


def test_long_lines_are_wrapped_under_their_beginning():
    text = "- bread and butter and more bread\n\n> said at some length"
    assert shown(text, 20) == ["- bread and butter", "  and more bread", "", "> said at some", "> length"]


def test_scripts_without_spaces_and_endless_words_are_wrapped_too():
    assert shown("你好" * 12, 20) == ["你好" * 5, "你好" * 5, "你好" * 2]
    assert shown("x" * 45, 20) == ["x" * 20, "x" * 20, "x" * 5]


def test_what_is_nested_deeper_than_people_type_is_shown_as_it_is():
    text = "> " * (MAX_LEVELS + 5) + "deep"
    assert shown(text) == [text]
    text = "[" * (MAX_BRACKETS + 1) + "*a*"
    assert shown(text) == [text]


WORDS = st.lists(
    st.sampled_from(
        ["alpha", "beta", "*", "**", "_", "`", "```", "[", "](", ")", "<", ">", "> ", "- ", "1. ", "#", "# ",
         "\n", "\n\n", " ", "    ", "\t", "~~~", "!", "\\", "---", "]: ", '"', "http://a.example", "@alpha"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(WORDS, st.booleans(), st.sampled_from([None, 20, 33]))
@settings(max_examples=300, deadline=None)
def test_no_word_is_ever_hidden(text, coloured, width):
    lines = shown(text, width, coloured)
    if width is not None:  # the mark of a quotation stands before each line of a word that is wrapped
        lines = [line.removeprefix(">") for line in lines]
    seen = "".join("".join(lines).split())
    for word in ("alpha", "beta"):
        assert seen.count(word) >= text.count(word)


@given(st.text(max_size=200), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_text_is_drawn_and_fits(text, coloured):
    for line in shown(text, 24, coloured):
        assert "\n" not in line
        assert width_of(line) <= 24 or re.match(r"[>\s]*$", line[:-1])
