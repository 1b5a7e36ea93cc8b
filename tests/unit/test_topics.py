"""Topics: how they are found in texts and what their one form is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.feed.topics import MAX_TOPIC_CHARS, _is_well_formed, is_topic, read_topic, topics_in
from node.errors import BadData


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("#bread", ["bread"]),
        ("#Strike-Funds, and #strike-funds again.", ["strike-funds"]),
        ("(#a) [#b] “#c” #d. #e! #f-", ["a", "b", "c", "d", "e", "f"]),
        (
            "#Straße #ХЛЕБ #हिन्दी #面包 #l·l #ﬁsh",
            ["strasse", "хлеб", "हिन्दी", "面包", "l·l", "ﬁsh".casefold()],
        ),
        ("no#topic https://example.org/#part x=#y &#39; a##b @#c", []),
        ("# heading\n## another\n#", []),
        ("#1 and #2026 are numbers, #2026-rent is none", ["2026-rent"]),
        ("#" + "x" * MAX_TOPIC_CHARS, ["x" * MAX_TOPIC_CHARS]),
        ("#" + "x" * (MAX_TOPIC_CHARS + 1), []),
        ("#e\u0301te\u0301", ["été"]),
    ],
)
def test_topics_are_found_in_a_text(text: str, topics: list[str]) -> None:
    assert topics_in(text) == topics


@pytest.mark.parametrize("text", ["", "#", "a b", "12", "-a", "a-", "x" * 65, "a\u202eb", "a/b"])
def test_what_is_no_topic_is_refused(text: str) -> None:
    with pytest.raises(BadData, match="no topic"):
        read_topic(text)


@given(st.text(max_size=80))
def test_what_is_read_is_a_topic_and_is_read_as_itself(text: str) -> None:
    try:
        topic = read_topic(text)
    except BadData:
        return
    assert is_topic(topic)
    assert read_topic(topic) == read_topic("#" + topic) == topic


@given(st.text(alphabet="#ab -·\n1Éß", max_size=200))
def test_whatever_is_found_in_a_text_is_a_topic(text: str) -> None:
    assert all(map(is_topic, topics_in(text)))


def test_what_is_too_long_to_be_a_topic_is_not_remembered() -> None:
    kept = _is_well_formed.cache_info().currsize
    assert not any(is_topic("x" * length) for length in range(MAX_TOPIC_CHARS + 1, 3 * MAX_TOPIC_CHARS))
    assert _is_well_formed.cache_info().currsize == kept
