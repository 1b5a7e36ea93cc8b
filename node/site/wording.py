"""Languages of the site: labels, names of languages, dates, and in which direction texts are read.

The only door to Babel. Labels are in `node/site/labels`, one file a language.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton

LABELLED: Final = ("en", "de", "fr", "es", "pt", "it", "ru", "tr", "ar", "fa", "zh")
"""Languages in which the site can speak."""

FALLBACK: Final = "en"
"""Where nothing says which language."""

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
_LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999."""


class Wording(NamedTuple):
    """How the site speaks in one language."""

    tag: str
    direction: str
    """``ltr`` or ``rtl``."""
    name: str
    """The language's name in itself."""
    labels: Mapping[str, str]

    def day(self, time_ms: int) -> str:
        """A date in this language; the day is that of UTC."""
        return format_date(_moment(time_ms), "long", locale=_locale(self.tag) or FALLBACK)

    def month(self, year_month: str) -> str:
        """A month in this language, from ``2026-11``."""
        moment = datetime.strptime(year_month, "%Y-%m").replace(tzinfo=UTC)
        return format_skeleton("yMMMM", moment, tzinfo=UTC, locale=self.tag)

    def called(self, tag: str) -> str:
        """The name of a language in this one; an unknown one is its tag."""
        locale = _locale(tag)
        name = None if locale is None else locale.get_display_name(_locale(self.tag) or FALLBACK)
        return name or tag


@cache
def wording(tag: str) -> Wording:
    """How the site speaks in one of the languages of `LABELLED`."""
    text = files("node.site").joinpath("labels", f"{tag}.json").read_text(encoding="utf-8")
    return Wording(tag, direction(tag), own_name(tag), json.loads(text))


def labelled(tag: str) -> str | None:
    """The language in which the site can speak to readers of `tag`; None: it cannot."""
    language = tag.partition("-")[0].casefold()
    return language if language in LABELLED else None


@cache
def own_name(tag: str) -> str:
    """The name of a language in itself; an unknown one is its tag."""
    locale = _locale(tag)
    name = None if locale is None else locale.get_display_name()
    return tag if name is None else name[:1].upper() + name[1:]


@cache
def direction(tag: str) -> str:
    """``ltr`` or ``rtl``; ``auto`` where the tag does not say it."""
    locale = _locale(tag)
    return "auto" if locale is None else locale.text_direction


def iso(time_ms: int) -> str:
    """A moment as RFC 3339 has it, in UTC."""
    return _moment(time_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def year_month(time_ms: int) -> str:
    """The month of a moment: ``2026-11``."""
    return _moment(time_ms).strftime("%Y-%m")


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(min(time_ms, _LAST_MS) // 1_000, UTC)


@cache
def _locale(tag: str) -> Locale | None:
    """What is known of a language; of an unknown variety the language itself."""
    parts = tag.split("-")
    for count in (len(parts), 2, 1):
        try:
            return Locale.parse("-".join(parts[:count]), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return None


def plain(text: str) -> str:
    """Text without what a page may not have: control characters, and those that turn the text around them."""
    lines = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(char for char in lines if char in "\n\t" or not _acts(char))


def _acts(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in ("Cc", "Cs")
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or 0xE0000 <= code <= 0xE007F
        or code == 0xFEFF
        or code & 0xFFFE == 0xFFFE
    )
