"""Whom a text mentions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import Ambiguous, Missing, TextTooLarge
from node.social.mentions import MAX_MENTIONS, Mention, find_mentions

PEOPLE = {"bob": b"B", "anna": b"A", "anna maria": b"M", "søren~k3jd": b"S", "李明": b"L", "dr. no": b"N"}


def resolve(name: str) -> bytes | None:
    if name.casefold() == "twin":
        raise Ambiguous("two are called so")
    return PEOPLE.get(name.casefold())


def found(text: str) -> list[tuple[str, bytes]]:
    return [tuple(each) for each in find_mentions(text, resolve)]


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@bob", [("bob", b"B")]),
        ("Hello @Bob, @bob!", [("Bob", b"B"), ("bob", b"B")]),
        ("(@bob's bread) *@bob*", [("bob", b"B")]),
        ("@anna maria and @Anna Bella", [("anna maria", b"M"), ("Anna", b"A")]),
        ("@[anna maria]s", [("anna maria", b"M")]),
        ("@Dr. No. Yes.", [("Dr. No", b"N")]),
        ("@søren~k3jd", [("søren~k3jd", b"S")]),
        ("@李明，你好 @李明你好", [("李明", b"L")]),
        ("@bob\n@anna\nmaria", [("bob", b"B"), ("anna", b"A")]),
        ("bob@example.org, https://x.example/@bob, a@b", []),
        ("\\@bob, `@bob`, ``a ` @zoe``, @ noon, @, 100 @5 EUR @", []),
        ("```\n@zoe\n```\n@bob", [("bob", b"B")]),
        ("~~~\n@zoe", []),
        ("no names", []),
    ],
)
def test_the_longest_name_that_fits_is_meant(text: str, mentioned: list[tuple[str, bytes]]) -> None:
    assert found(text) == mentioned


@pytest.mark.parametrize("text", ["Hi @zoe!", "@[Zoë of Lyon]", "@bobby", "@annabella"])
def test_who_is_nobody_here_is_an_error_that_says_how_to_write_it_all_the_same(text: str) -> None:
    with pytest.raises(Missing) as caught:
        find_mentions(text, resolve)
    assert "\\@" in caught.value.advice
    assert find_mentions(text, resolve, strict=False) == []


def test_a_name_of_several_is_an_error() -> None:
    with pytest.raises(Ambiguous):
        find_mentions("@twin", resolve)


def test_the_number_of_mentions_is_bounded() -> None:
    people = " ".join(f"@p{number}" for number in range(MAX_MENTIONS + 1))
    with pytest.raises(TextTooLarge):
        find_mentions(people, lambda name: name.encode() if name[0] == "p" and " " not in name else None)


@given(st.text(st.sampled_from("@bo ab.[]\\`\n~anm"), max_size=60))
def test_any_text_is_answered_and_whom_it_mentions_stands_in_it(text: str) -> None:
    for mention in find_mentions(text, resolve, strict=False):
        assert f"@{mention.typed}" in text or f"@[{mention.typed}" in text.replace("[ ", "[").replace(
            " ]", "]"
        )
        assert mention == Mention(mention.typed, PEOPLE[mention.typed.casefold()])
