"""Whom a text mentions: `@name` with the longest name that fits, or `@[name]`. Pure.

An @ within a word or an address (`bob@example.org`, `https://example.org/@bob`), after a backslash, or in
code mentions nobody; nor does one that nothing like a name follows.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from node.errors import Missing, TextTooLarge
from node.quoting import quoted

MAX_MENTIONS: Final = 32
"""Of one text; the limit of bodies."""

MAX_NAME_CHARS: Final = 120
"""The longest name with the longest mark behind it."""

_AT: Final = re.compile(r"(?<![\w@/.=&?#%+~\\-])@(?=\S)")
_WORD: Final = re.compile(r"\w[\w.’'~-]*\w|\w")
_CODE: Final = re.compile(
    r"^(?P<fence>```+|~~~+)[^\n]*$.*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<tick>`+)(?!`).*?(?<!`)(?P=tick)(?!`)",
    re.DOTALL | re.MULTILINE,
)
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
"""Letters of scripts that put no spaces between words: a name may end before any other letter."""

Resolve = Callable[[str], bytes | None]
"""Whom (32 bytes) a whole name or id stands for; None: nobody. Raises: Ambiguous."""


class Mention(NamedTuple):
    """Somebody who is mentioned."""

    typed: str
    """The name as it stands in the text, without @ and brackets."""
    who: bytes
    """32 bytes."""


def find_mentions(text: str, resolve: Resolve, *, strict: bool = True) -> list[Mention]:
    """Whom a text mentions, each way to type somebody once, in order.

    `strict`: what looks like a name has to be one; else it mentions nobody.

    Raises:
        Missing: nobody is called so. Ambiguous: as `resolve`; both only where `strict`.
        TextTooLarge: over `MAX_MENTIONS`.
    """
    found: dict[Mention, None] = {}
    for start in _places(text):
        mention = _at(text, start, resolve, strict)
        if mention is not None:
            found[mention] = None
    if len(found) > MAX_MENTIONS:
        raise TextTooLarge(
            f"A message mentions at most {MAX_MENTIONS} people, this one {len(found)}.",
            "Split it, or use a topic that people follow.",
        )
    return list(found)


def _places(text: str) -> Iterator[int]:
    """Where a name may begin: behind each @ that is no part of a word and stands in no code."""
    if "@" not in text:
        return
    code = [found.span() for found in _CODE.finditer(text)]
    for found in _AT.finditer(text):
        if not any(start <= found.start() < end for start, end in code):
            yield found.end()


def _at(text: str, start: int, resolve: Resolve, strict: bool) -> Mention | None:
    rest = text[start : start + MAX_NAME_CHARS].split("\n", 1)[0]
    if rest[0] == "[":
        end = rest.find("]")
        typed = rest[1:end].strip() if end > 0 else ""
        return _sure(typed, resolve, strict) if typed else None
    if not rest[0].isalnum():
        return None
    for end in range(len(rest), 0, -1):
        ends_here = end == len(rest) or not rest[end].isalnum() or _UNSPACED.match(rest[end - 1])
        if ends_here and not rest[end - 1].isspace():
            who = resolve(rest[:end])
            if who is not None:
                return Mention(rest[:end], who)
    word = _WORD.match(rest)
    if word is None or not any(map(str.isalpha, word[0])):
        return None
    return _sure(word[0], resolve, strict)


def _sure(typed: str, resolve: Resolve, strict: bool) -> Mention | None:
    who = resolve(typed)
    if who is not None:
        return Mention(typed, who)
    if not strict:
        return None
    raise Missing(
        f"Nobody here is called {quoted(typed)}, so @{typed} mentions nobody.",
        f"Look at the name again: aster roster, aster peer list. Or write \\@{typed} to mean nobody.",
    )
