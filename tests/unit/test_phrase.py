"""Phrases: 24 words in every list, how they may be typed, and what is said about wrong ones."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from node.federation.phrase import (
    MAX_TEXT_CHARS,
    WORDS,
    BadPhrase,
    languages,
    new_phrase,
    read_phrase,
    split_phrase,
)

ENTROPY = st.binary(min_size=32, max_size=32)
LANGUAGES = st.sampled_from(languages())
ZEROS = new_phrase(bytes(32))
"""abandon 23 times, then art: the first test case of BIP39 for 256 bits."""

TYPED = {
    "in capitals": str.upper,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "in capitals, decomposed": lambda text: unicodedata.normalize("NFD", text.upper()),
    "with spaces around and between": lambda text: "  " + text.replace(" ", " \t ") + "\n",
    "one word a line": lambda text: text.replace(" ", "\r\n"),
    "with ideographic spaces": lambda text: text.replace(" ", "\u3000"),
    "with commas": lambda text: text.replace(" ", ", "),
    "numbered": lambda text: numbered(text, "{}. {}\n"),
    "numbered without spaces": lambda text: numbered(text, "{}){} "),
    "numbered before tabs": lambda text: numbered(text, "{}\t{}\n"),
    "numbered in full width": lambda text: numbered(text, "{}. {}\n").translate(
        {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
    ),
}


def numbered(text: str, form: str) -> str:
    return "".join(form.format(number, word) for number, word in enumerate(text.split(), 1))


def with_word(at: int, word: str, phrase: str = ZEROS) -> str:
    words = phrase.split()
    words[at] = word
    return " ".join(words)


def message_for(text: str) -> str:
    with pytest.raises(BadPhrase) as caught:
        read_phrase(text)
    return caught.value.message


def test_the_words_are_those_of_bip39() -> None:
    assert ZEROS == "abandon " * 23 + "art"
    assert new_phrase(bytes([255] * 32)) == "zoo " * 23 + "vote"
    known = "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c"
    words = (
        "hamster diagram private dutch cause delay private meat slide toddler razor book"
        " happy fancy gospel tennis maple dilemma loan word shrug inflict delay length"
    )
    assert new_phrase(bytes.fromhex(known)) == words


def test_all_twelve_lists_are_known() -> None:
    assert len(languages()) == 12
    assert {"english", "french", "russian", "turkish", "chinese_traditional"} <= set(languages())


@pytest.mark.parametrize("language", languages())
def test_without_case_and_accents_the_words_of_a_list_are_still_told_apart(language: str) -> None:
    words = Mnemonic(language).wordlist
    assert len(words) == len({comparable(word) for word in words}) == 2048


def comparable(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold()).replace("ı", "i")
    return "".join(char for char in plain if not unicodedata.combining(char))


@given(ENTROPY, LANGUAGES)
def test_reading_what_was_written_gives_the_entropy(entropy: bytes, language: str) -> None:
    phrase = new_phrase(entropy, language)
    assert len(phrase.split(" ")) == WORDS
    assert unicodedata.is_normalized("NFC", phrase)
    assert read_phrase(phrase) == read_phrase(phrase, language) == entropy


@pytest.mark.parametrize("way", TYPED)
@given(entropy=ENTROPY, language=LANGUAGES)
def test_it_may_be_typed_in_many_ways(way: str, entropy: bytes, language: str) -> None:
    assert read_phrase(TYPED[way](new_phrase(entropy, language))) == entropy


@given(ENTROPY, st.sampled_from(["chinese_simplified", "chinese_traditional"]))
def test_chinese_needs_no_spaces(entropy: bytes, language: str) -> None:
    assert read_phrase(new_phrase(entropy, language).replace(" ", "")) == entropy


def test_accents_may_be_left_out() -> None:
    phrase = new_phrase(bytes([9] * 32), "spanish")
    plain = "".join(char for char in unicodedata.normalize("NFD", phrase) if not unicodedata.combining(char))
    assert plain != phrase
    assert read_phrase(plain) == bytes([9] * 32)


@given(st.text(max_size=200))
def test_noise_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(BadPhrase):
        read_phrase(text)


@given(st.lists(st.sampled_from([*ZEROS.split(), "zoo", "académie", "1.", "xyz"]), max_size=30))
def test_words_are_a_phrase_or_refused_with_our_error(words: list[str]) -> None:
    text = " ".join(words)
    try:
        entropy = read_phrase(text)
    except BadPhrase:
        return
    assert new_phrase(entropy).split() == split_phrase(text)


@given(ENTROPY, LANGUAGES, st.integers(0, WORDS - 1), ENTROPY)
def test_one_other_word_never_gives_the_same_member(
    entropy: bytes, language: str, at: int, others: bytes
) -> None:
    """The checksum has 8 bits, so that one wrong word in 256 goes unnoticed: that is another member."""
    phrase = new_phrase(entropy, language)
    replaced = new_phrase(others, language).split()[at]
    if replaced == phrase.split()[at]:
        return
    try:
        found = read_phrase(with_word(at, replaced, phrase), language)
    except BadPhrase:
        return
    assert found != entropy


@pytest.mark.parametrize("count", [0, 1, 12, 23, 25, 48])
def test_the_wrong_number_of_words_is_counted(count: int) -> None:
    assert message_for(" ".join(["abandon"] * count)) == f"A phrase has 24 words, this has {count}."


def test_a_text_that_is_too_long_is_not_looked_at() -> None:
    assert "too long" in message_for("a" * (MAX_TEXT_CHARS + 1))


def test_an_unknown_word_is_named_with_those_near_it() -> None:
    message = message_for(with_word(4, "Abandn"))
    assert message == "Word 5, 'Abandn', is not in the English list. Near it are: abandon, brand, banner."


def test_an_unknown_word_that_is_like_no_other_is_named_alone() -> None:
    assert message_for(with_word(0, "qqqq")) == "Word 1, 'qqqq', is not in the English list."


def test_near_words_are_of_the_list_of_the_others_and_written_as_usual() -> None:
    phrase = new_phrase(bytes([9] * 32), "russian")
    message = message_for(with_word(4, "пациэнт", phrase))
    assert "Word 5, 'пациэнт', is not in the Russian list. Near it are: пациент" in message


def test_an_unknown_word_is_shown_short() -> None:
    assert "x" * 25 not in message_for(with_word(0, "x" * 300))


def test_of_several_unknown_words_only_the_places_are_told() -> None:
    phrase = with_word(1, "xylofone", with_word(6, "abandonned"))
    assert message_for(phrase) == "Words 2 and 7 are not in the English list."


def test_words_that_are_in_no_list_are_not_shown() -> None:
    assert message_for("qwxz " * 24) == "None of these words is in a word list."


def test_words_of_several_languages_are_told_apart() -> None:
    zoo = new_phrase(bytes([255] * 32))
    french = new_phrase(bytes([3] * 32), "french").split()
    mixed = " ".join(zoo.split()[:20] + french[:4])
    assert "of several languages: most are in the English list" in message_for(mixed)
    assert "words 21, 22, 23 and 24 are not" in message_for(mixed)
    assert "but word 3 is not" in message_for(with_word(2, "académie", zoo))


def test_words_of_another_list_than_the_one_named_are_refused() -> None:
    with pytest.raises(BadPhrase, match="list"):
        read_phrase(ZEROS, "korean")
    with pytest.raises(BadPhrase, match="no word list for 'klingon'"):
        read_phrase(ZEROS, "klingon")


@pytest.mark.parametrize(
    "phrase", ["abandon " * 24, "abandon " * 22 + "art abandon", "abandon " * 23 + "zoo"]
)
def test_right_words_that_do_not_fit_together_are_told_from_unknown_ones(phrase: str) -> None:
    message = message_for(phrase)
    assert "in the English" in message
    assert "one word is another one, or two changed places" in message


@given(ENTROPY, LANGUAGES, st.permutations(range(WORDS)), st.integers(0, 25))
def test_no_message_holds_a_phrase(entropy: bytes, language: str, order: list[int], unknown: int) -> None:
    """At most one word that was typed is shown, and only if it is unknown."""
    words = [new_phrase(entropy, language).split()[at] for at in order]
    words[unknown % WORDS] = "unknownword"
    message = message_for(" ".join(words))
    assert not [word for word in words if len(word) > 6 and word != "unknownword" and word in message.split()]


def test_entropy_of_another_size_is_not_written() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        new_phrase(bytes(16))
