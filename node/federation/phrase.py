"""A root key as 24 words of a BIP39 list, and back. Pure, but that word lists are read from their files once.

The only door to the library `mnemonic`, of which nothing is used but its lists and checksums: no passphrase
and no stretching, see `bare.root_key`. Messages never hold a phrase; a single unknown word may be shown.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from mnemonic import Mnemonic

from node.errors import BadData
from node.federation.bare import ENTROPY_BYTES

WORDS: Final = 24

DEFAULT_LANGUAGE: Final = "english"

MAX_TEXT_CHARS: Final = 4_096
"""Of what is read as a phrase: 24 words of the longest list are under 300 characters; room for numbers."""

_MAX_SHOWN_CHARS: Final = 24
"""Of an unknown word in a message; no list has a longer word."""

_NEAR: Final = 3
"""Words that are proposed instead of an unknown one."""

_SEPARATOR: Final = re.compile(r"[\s,;|]+")
_NUMBER: Final = re.compile(r"\d{1,2}[.):\]]*")
"""Before a word, as in "1. word"; no word of a list has digits."""

_CHECK: Final = "Look at the sheet on which you wrote them down."


class BadPhrase(BadData):
    """This is no phrase; the message says what is wrong, as far as can be known."""


class _List:
    """A word list with its index."""

    def __init__(self, language: str) -> None:
        own = Mnemonic(language)
        # Two lists (Russian, Turkish) are not in the form in which the library looks words up.
        self.library = Mnemonic(language, [Mnemonic.normalize_string(word) for word in own.wordlist])
        self.language = language
        self.name = language.replace("_", " ").title()
        self.places = {_key(word): place for place, word in enumerate(self.library.wordlist)}

    def word(self, place: int) -> str:
        """A word as it is written."""
        return unicodedata.normalize("NFC", self.library.wordlist[place])

    def entropy(self, keys: Iterable[str]) -> bytes | None:
        """The entropy of words that are all in the list, or None if their checksum does not fit."""
        words = [self.library.wordlist[self.places[key]] for key in keys]
        try:
            return bytes(self.library.to_entropy(words))
        except ValueError:
            return None


def languages() -> tuple[str, ...]:
    """The names of the word lists, such as ``english`` or ``chinese_simplified``."""
    return tuple(sorted(Mnemonic.list_languages()))


def new_phrase(entropy: bytes, language: str = DEFAULT_LANGUAGE) -> str:
    """The 24 words that carry 32 bytes of entropy, with spaces between them.

    Raises:
        BadPhrase: there is no list for that language.
        ValueError: the entropy has another length.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a root has {ENTROPY_BYTES} bytes of entropy")
    found = _list_of(language)
    words = found.library.to_mnemonic(entropy).split()
    return unicodedata.normalize("NFC", " ".join(words))


def read_phrase(text: str, language: str | None = None) -> bytes:
    """The 32 bytes of entropy that 24 words carry, in whichever list they are all found.

    Case, accents, spaces, commas and numbers before the words do not matter.

    Raises:
        BadPhrase: too many or too few words, an unknown one, words of several lists, or a wrong checksum.
    """
    words = split_phrase(text)
    if len(words) != WORDS:
        raise BadPhrase(f"A phrase has {WORDS} words, this has {len(words)}.", _CHECK)
    keys = [_key(word) for word in words]
    lists = _lists() if language is None else (_list_of(language),)
    whole = [each for each in lists if all(key in each.places for key in keys)]
    if not whole:
        raise _unknown_words(words, keys, lists)
    found = {each.language: each.entropy(keys) for each in whole}
    fitting = {entropy for entropy in found.values() if entropy is not None}
    if not fitting:
        names = " and the ".join(each.name for each in whole)
        raise BadPhrase(
            f"Each of these words is in the {names} list, but together they do not fit:"
            " one word is another one, or two changed places.",
            _CHECK,
        )
    if len(fitting) > 1:
        names = ", ".join(name for name, entropy in found.items() if entropy is not None)
        raise BadPhrase(f"These words are a phrase in several lists: {names}.", "Say which list it is.")
    return fitting.pop()


def split_phrase(text: str) -> list[str]:
    """The words in a text, in NFC, without the numbers before them; which words they are is not looked at.

    Chinese words are one character each and may stand without spaces.

    Raises:
        BadPhrase: the text is far too long.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise BadPhrase("This text is too long for a phrase.", f"A phrase has {WORDS} words.")
    plain = unicodedata.normalize("NFKC", text)
    numbered = (_NUMBER.sub("", token, count=1) for token in _SEPARATOR.split(plain))
    words = [token for token in numbered if token]
    if words and len(words) < WORDS and all(_is_ideographic(word) for word in words):
        return list("".join(words))
    return words


def _is_ideographic(word: str) -> bool:
    return all("\u4e00" <= char <= "\u9fff" for char in word)


def _key(word: str) -> str:
    """What words are compared by: no case, no accents. In each list it names one word."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).replace("ı", "i")


@cache
def _lists() -> tuple[_List, ...]:
    return tuple(map(_List, languages()))


def _list_of(language: str) -> _List:
    found = next((each for each in _lists() if each.language == language), None)
    if found is None:
        raise BadPhrase(
            f"There is no word list for {language[:_MAX_SHOWN_CHARS]!r}.",
            f"There are: {', '.join(languages())}.",
        )
    return found


def _unknown_words(words: Sequence[str], keys: Sequence[str], lists: Sequence[_List]) -> BadPhrase:
    """What is wrong with words that no list holds all of."""
    best = max(lists, key=lambda each: sum(key in each.places for key in keys))
    strange = [at for at, key in enumerate(keys) if key not in best.places]
    if len(strange) == WORDS:
        return BadPhrase("None of these words is in a word list.", f"Lists: {', '.join(languages())}.")
    if all(any(keys[at] in each.places for each in _lists()) for at in strange):
        return BadPhrase(
            f"These words are of several languages: most are in the {best.name} list,"
            f" but {_numbers(strange)} not.",
            "All words of a phrase are of one list.",
        )
    if len(strange) > 1:
        return BadPhrase(f"{_numbers(strange).capitalize()} not in the {best.name} list.", _CHECK)
    [at] = strange
    near = [best.word(best.places[key]) for key in difflib.get_close_matches(keys[at], best.places, _NEAR)]
    hint = f" Near it are: {', '.join(near)}." if near else ""
    shown = words[at][:_MAX_SHOWN_CHARS]
    return BadPhrase(f"Word {at + 1}, {shown!r}, is not in the {best.name} list.{hint}", _CHECK)


def _numbers(places: Sequence[int]) -> str:
    shown = [str(at + 1) for at in places]
    if len(shown) == 1:
        return f"word {shown[0]} is"
    return f"words {', '.join(shown[:-1])} and {shown[-1]} are"
