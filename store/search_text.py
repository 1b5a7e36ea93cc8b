"""Text as the search index sees it, over many scripts. Pure.

Two texts that a reader takes for the same words get the same form: case is folded, compatibility forms
are decomposed (full-width, ligatures), accents, vowel points and invisible characters go, letters
that keyboards exchange are made one. Vowel signs of Indic scripts stay: they are
letters. Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) and
Korean, whose words carry endings, are cut into characters; a word is then found as a phrase of them.

The index cuts the form into tokens by itself: letters, digits and marks, separated by anything else.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

from store.errors import TooLarge

TOKENIZER: Final = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
"""What SQLite is to do with the form: cut it, nothing more."""

FORM_VERSION: Final = 1
"""Changes with everything here that changes a form; indexes of another version are built anew."""

MAX_QUERY_CHARS: Final = 1_000
MAX_QUERY_WORDS: Final = 32
"""Words and phrases of one query; each costs a walk through the index."""

_LAST_BMP: Final = 0xFFFF
_LETTER_CLASSES: Final = frozenset({0, 8, 84, 91, 103, 118, 129, 130, 132})
"""Canonical combining classes of marks that are letters: vowel signs of Indic scripts (0), of Telugu,
Thai, Lao and Tibetan, and the voicing of kana (8), which makes another syllable."""

_INVISIBLE: Final = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x0640, 0x0640),  # Arabic tatweel
    (0x200B, 0x200F),  # zero width, joiners, direction marks
    (0x202A, 0x202E),  # embedding
    (0x2060, 0x2064),  # word joiner and others
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
)
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1100, 0x11FF),  # Korean letters, into which syllables are decomposed
    (0x1780, 0x17FF),  # Khmer
    (0x3041, 0x30FF),  # kana
    (0x31F0, 0x31FF),  # small kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),  # Burmese, extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SAME_LETTERS: Final = (
    ("\u0131", "i"),  # Turkish dotless i
    ("\u0142", "l"),  # letters that keyboards lack, and that have no decomposition
    ("\u00f8", "o"),
    ("\u0111", "d"),
    ("\u0649", "\u064a"),  # alef maksura, yeh
    ("\u06cc", "\u064a"),  # Persian yeh
    ("\u06a9", "\u0643"),  # Persian kaf
    ("\u0629", "\u0647"),  # teh marbuta, heh
)
_PHRASE: Final = re.compile(r'"([^"]*)"?|([^\s"]+)')
_QUOTES: Final = str.maketrans("“”„«»", '"""""')


def normal_form(text: str) -> str:
    """The form of `text`, which must be encodable as UTF-8. About 1 µs in ASCII, 7 µs for 300 bytes else."""
    text = text.replace("\0", " ")
    if text.isascii():
        return text.lower()
    stripped, unspaced = _patterns()
    form = stripped.sub("", unicodedata.normalize("NFKD", text).casefold())
    for letter, other in _SAME_LETTERS:
        form = form.replace(letter, other)
    return unspaced.sub(_cut, form)


def match_expression(query: str) -> str | None:
    """An FTS5 expression for what a person typed; None where nothing in it can be searched for.

    All words must occur; what stands within double quotes, as a phrase. No other syntax: everything
    else that FTS5 would understand is text.

    Raises:
        TooLarge: over `MAX_QUERY_CHARS` or `MAX_QUERY_WORDS`.
    """
    if len(query) > MAX_QUERY_CHARS:
        raise TooLarge(f"a search has at most {MAX_QUERY_CHARS} characters")
    clean = query.encode("utf-8", "replace").decode("utf-8").translate(_QUOTES)
    forms = [normal_form(phrase or word) for phrase, word in _PHRASE.findall(clean)]
    phrases = [f'"{form}"' for form in forms if _has_token(form)]
    if len(phrases) > MAX_QUERY_WORDS:
        raise TooLarge(f"a search has at most {MAX_QUERY_WORDS} words")
    return " ".join(phrases) or None


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What is stripped, and what is cut into characters. Made at first use: it takes some 10 ms.

    Stripped are marks that sit on a letter without being one. Only those of the basic plane: a set
    that reaches beyond it is matched ten times slower.
    """
    marks = [
        (point, point)
        for point in range(_LAST_BMP + 1)
        if unicodedata.combining(chr(point)) not in _LETTER_CLASSES
    ]
    return re.compile(_class_of((*marks, *_INVISIBLE))), re.compile(_class_of(_UNSPACED))


def _class_of(ranges: Iterable[tuple[int, int]]) -> str:
    return "[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges) + "]+"


def _cut(run: re.Match[str]) -> str:
    return " " + " ".join(unicodedata.normalize("NFC", run.group())) + " "


def _has_token(form: str) -> bool:
    return any(unicodedata.category(char)[0] in "LNM" or unicodedata.category(char) == "Co" for char in form)
