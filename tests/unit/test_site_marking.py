"""Markdown of strangers on a public page: links that are links, and nothing that acts."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.site.marking import MAX_BRACKETS, MAX_CHARS, is_good_link, link_to, rendered, without_title, words

ALLOWED = (
    "a blockquote br code del div em h2 h3 h4 h5 h6 hr li ol p pre s strong table tbody td th thead tr ul"
)
TAGS = frozenset(ALLOWED.split())
ATTRIBUTES = frozenset({"href", "rel", "class", "title", "start"})


class Seen(HTMLParser):
    """Every element of some HTML with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def check(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Check that nothing in some HTML acts."""
    elements = Seen(html).elements
    for tag, attributes in elements:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        if tag == "a":
            assert is_good_link(attributes["href"] or "")
            assert attributes["rel"] == "nofollow noopener"
    return elements


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](//evil.example)",
        "[x](/etc/passwd)",
        "[x](file:///etc/passwd)",
        "![x](https://evil.example/pixel.png)",
        "![x](data:image/png;base64,xx)",
        '[x](https://a.example "onclick=alert(1)")',
        '[x]("onclick="alert(1))',
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        '```html" onclick="alert(1)\n<b>\n```',
        "| a |\n|:-:|\n| <svg onload=alert(1)> |",
        "https://a.example/<script>",
        'https://a.example/"onmouseover="alert(1)',
        "# <style>*{display:none}</style>",
    ],
)
def test_nothing_that_a_stranger_writes_acts(text: str) -> None:
    check(rendered(text, 2))


SIGNS = (
    "[ ] ( ) < > ! ` * _ # | - & \" ' : / \\ x ب data: javascript: mailto: <script> onerror= &#x6A;"
    " https://a.example"
)
pieces = st.sampled_from([*SIGNS.split(), "\n", " ", "\x00"])


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=40).map("".join))
def test_no_mixture_of_signs_acts(text: str) -> None:
    check(rendered(text, 3))
    words(text)


def test_a_picture_elsewhere_becomes_a_link_to_it() -> None:
    html = rendered("![a plan](https://a.example/plan.png)", 2)
    assert html == '<p><a href="https://a.example/plan.png" rel="nofollow noopener">a plan</a></p>\n'


def test_addresses_in_a_text_become_links_without_the_sentence_around_them() -> None:
    html = rendered("See (https://a.example/x_y?a=b&c=d). Or https://b.example/z, `https://c.example`.", 2)
    assert [each[1]["href"] for each in check(html) if each[0] == "a"] == [
        "https://a.example/x_y?a=b&c=d",
        "https://b.example/z",
    ]


@pytest.mark.parametrize(
    ("text", "top", "levels"),
    [
        ("# a\n# b\n## c\n#### d\n## e\n", 2, "22343"),
        ("### a\n# b\n## c\n", 3, "334"),
        ("# a\n## b\n### c\n#### d\n##### e\n###### f\n", 3, "345666"),
    ],
)
def test_headings_are_set_below_those_of_the_page_and_skip_none(text: str, top: int, levels: str) -> None:
    assert "".join(re.findall(r"<h(\d)>", rendered(text, top))) == levels


def test_a_table_is_aligned_by_class() -> None:
    html = rendered("| a | b |\n|--:|---|\n| 1 | 2 |\n", 2)
    assert '<td class="align-right">1</td>' in html
    assert "style=" not in html


@pytest.mark.parametrize("text", ["[" * (MAX_BRACKETS + 1), "x" * (MAX_CHARS + 1), "<b>" + "[" * 9_999])
def test_what_would_take_long_is_shown_as_it_is(text: str) -> None:
    html = rendered(text, 2)
    assert html.startswith('<div class="plain">')
    assert "<b>" not in html
    assert words(text) == text


def test_deep_nesting_ends() -> None:
    check(rendered("> " * 5_000 + "x", 2))
    check(rendered("*" * 5_000 + "x", 2))


@pytest.mark.parametrize(
    ("text", "title", "left"),
    [
        ("# Programme\n\nText", "Programme", "\n\nText"),
        ("\n\n# Programme #\nText", "Programme", "\n\n\nText"),
        ("# Another\n\nText", "Programme", "# Another\n\nText"),
        ("Text", "Programme", "Text"),
    ],
)
def test_a_first_heading_that_repeats_the_title_goes(text: str, title: str, left: str) -> None:
    assert without_title(text, title) == left


def test_lines_in_another_language_say_so() -> None:
    html = rendered(
        "# خبز\n\nBrot für alle.\n\n* eins\n* zwei\n\nخبز\n", 2, [(2, 7)], {"lang": "de", "dir": "ltr"}
    )
    assert [(tag, attributes) for tag, attributes in Seen(html).elements if tag != "li"] == [
        ("h2", {}),
        ("p", {"lang": "de", "dir": "ltr"}),
        ("ul", {"lang": "de", "dir": "ltr"}),
        ("p", {}),
    ]


def test_what_is_read_of_a_text_has_no_marks() -> None:
    assert words("# Bread\n\nIt is **hot**: [here](https://a.example).") == "Bread It is hot: here."
    assert words("```\ncode\n```") == "code"


def test_a_contact_is_a_link_only_where_it_may_be_one() -> None:
    assert link_to("mailto:a@b.example") == (
        '<a href="mailto:a@b.example" rel="nofollow noopener">a@b.example</a>'
    )
    assert link_to("javascript:alert(1)") == "javascript:alert(1)"
    assert link_to("tel:<b>") == "tel:&lt;b&gt;"
