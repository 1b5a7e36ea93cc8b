"""A search over all apps: which entries are found, and what is shown of them. Synchronous.

The index knows which entries have the words, the newest first; what they are, and whether they are still
what is shown, each app says of its own (`hits`). A corrected or replaced text is so not found any more.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.found import Found
from node.errors import BadData
from node.languages import suits
from node.looking import Json, Look
from node.quoting import quoted
from node.social.choosing import Sight
from node.words import PROBES_AT_MOST, Words
from store.entry import Entry
from store.ids import LOG_DOCS, LOG_FEED, LOG_FILES, LOG_PROFILE, AuthorId, LogNo, to_text
from store.log import LogId
from store.search_text import normal_form
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search import Hit

APPS: Final[Mapping[str, LogNo]] = {
    "messages": LOG_FEED,
    "documents": LOG_DOCS,
    "files": LOG_FILES,
    "profiles": LOG_PROFILE,
}
"""What may be searched, by the names that people type."""

EXCERPT_CHARS: Final = 200
"""Three lines of a terminal."""

_LEAD_CHARS: Final = 60
"""Of an excerpt before the first word that was searched for."""

_SPARE: Final = 20
"""Hits beyond those that are wanted: some are replaced, or hidden."""

_READ_BYTES: Final = 2**20
"""Of a log at a time."""

_WORD: Final = re.compile(r"\w+")

Hits = Callable[[Sequence[int], int], list[Found | None]]
"""What an app says of entries with these keys of its log, with orders up to a time in ms; None: nothing."""


class Wanted(NamedTuple):
    """What is searched for; all conditions together."""

    words: Words
    limit: int
    since_ms: int = 0
    logs: frozenset[LogNo] = frozenset(APPS.values())
    authors: frozenset[AuthorId] | None = None
    topic: str | None = None
    language: str | None = None
    before: Hit | None = None
    also: Callable[[Found], bool] | None = None
    """What else has to be so."""

    def fits(self, found: Found) -> bool:
        """Is it one of these, as far as its app knows?"""
        return (
            (self.topic is None or self.topic in found.topics)
            and (self.language is None or suits(found.language, self.language))
            and (self.also is None or self.also(found))
        )


class Match(NamedTuple):
    """An entry that was found."""

    entry: Entry
    """That has the words: of a corrected message its correction."""
    found: Found


def read_app(text: str) -> LogNo:
    """The log of an app as people call it. Raises: BadData."""
    wanted = text.strip().lower()
    for name, log in APPS.items():
        if wanted and name.startswith(wanted):
            return log
    raise BadData(f"Nothing here is called {quoted(text)}.", f"Search in {', '.join(APPS)}.")


def search(look: Look, sight: Sight, apps: Mapping[LogNo, Hits], wanted: Wanted) -> list[Match]:
    """The newest matches, newest first. Raises: StorageFull, StoreLocked: the index could not catch up."""
    matches: dict[bytes, Match] = {}
    if wanted.limit < 1:
        return []
    looked_at = 0
    probes = PROBES_AT_MOST * _length(look.home.entries, wanted)
    for keys in _pages(wanted, look.until()):
        for match in look_at(look, sight, apps, wanted, keys):
            matches.setdefault(match.found.id, match)
            if len(matches) >= wanted.limit:
                return list(matches.values())
        looked_at += len(keys)
        if wanted.authors is not None and looked_at > probes:
            return _of_authors(look, sight, apps, wanted)
    return list(matches.values())


def _length(store: SqliteEntryStore, wanted: Wanted) -> int:
    """Entries of the authors who are asked for."""
    states = (store.state(LogId(author, log)) for author in wanted.authors or () for log in wanted.logs)
    return sum(state.head.seq for state in states if state is not None and state.head is not None)


def _of_authors(look: Look, sight: Sight, apps: Mapping[LogNo, Hits], wanted: Wanted) -> list[Match]:
    """As `search`, by asking the index for each entry of few authors: many others have the words."""
    store, until = look.home.entries, look.until()
    places: list[Hit] = []
    for author in wanted.authors or ():
        for log in wanted.logs:
            places += _places(store, LogId(author, log))
    matches: dict[bytes, Match] = {}
    for hit in sorted(places, reverse=True):
        is_in_time = wanted.since_ms <= 1_000 * hit.second + 999 and 1_000 * hit.second <= until
        if not is_in_time or (wanted.before is not None and hit >= wanted.before):
            continue
        if wanted.words.occur_in(hit.key, 1_000 * hit.second):
            for match in look_at(look, sight, apps, wanted, [hit.key]):
                matches.setdefault(match.found.id, match)
        if len(matches) >= wanted.limit:
            break
    return list(matches.values())


def _places(store: SqliteEntryStore, log_id: LogId) -> Iterator[Hit]:
    """Where the entries of a log stand in the index."""
    state = store.state(log_id)
    last = 0 if state is None or state.head is None else state.head.seq
    first = 1
    while first <= last:
        entries = store.range(log_id, first, last, _READ_BYTES)
        if not entries:
            return
        for key, entry in store.headers_of([entry.id for entry in entries]):
            yield Hit(entry.time_ms // 1_000, key)
        first = entries[-1].seq + 1


def look_at(
    look: Look, sight: Sight, apps: Mapping[LogNo, Hits], wanted: Wanted, keys: Sequence[int]
) -> list[Match]:
    """Those of some entries that are wanted, in their order; whether they have the words is not asked."""
    until = look.until()
    entries = dict(zip(keys, look.home.entries.at_keys(keys), strict=True))
    asked: dict[LogNo, list[int]] = {}
    for key, entry in entries.items():
        if (
            entry is not None
            and entry.log in wanted.logs
            and entry.log in apps
            and not sight.blocks(entry.author)
        ):
            asked.setdefault(entry.log, []).append(key)
    found: dict[int, Found] = {}
    for log, of_log in asked.items():
        answers = apps[log](of_log, until)
        found |= {key: each for key, each in zip(of_log, answers, strict=True) if each is not None}
    matches = []
    for key in keys:
        entry, each = entries[key], found.get(key)
        if entry is None or each is None or each.at > until or not wanted.fits(each):
            continue
        if wanted.authors is None or each.author in wanted.authors:
            matches.append(Match(entry, each))
    return matches


def _pages(wanted: Wanted, until: int) -> Iterator[list[int]]:
    for hits in wanted.words.hits(wanted.since_ms, until, wanted.limit + _SPARE, wanted.before):
        yield [hit.key for hit in hits]


def show(match: Match, sight: Sight, words: Words) -> Json:
    """A match as doors hand it out."""
    found = match.found
    return {
        "app": next(name for name, log in APPS.items() if log == match.entry.log),
        "what": found.what,
        "id": to_text(found.id),
        "hit": to_text(match.entry.id),
        "author": to_text(found.author),
        "name": sight.names.of(found.author),
        "member": sight.names.member(found.author),
        "time_ms": found.time_ms,
        "title": found.title,
        "excerpt": excerpt(found.text, words.text),
        "language": found.language,
        "topics": list(found.topics),
        "open": " ".join(found.opens),
    }


def excerpt(text: str, words: str) -> str:
    """Some of a text on one line, around the first of the words that a person searched for."""
    forms = tuple(filter(None, (normal_form(word).strip() for word in _WORD.findall(words))))
    flat = " ".join(text.split())
    if len(flat) <= EXCERPT_CHARS:
        return flat
    start = max(0, _first(flat, forms) - _LEAD_CHARS)
    if start:
        start = flat.find(" ", start, start + _LEAD_CHARS) + 1 or start
    end = start + EXCERPT_CHARS
    return f"{'… ' if start else ''}{flat[start:end].rstrip()}{' …' if end < len(flat) else ''}"


def _first(text: str, forms: tuple[str, ...]) -> int:
    """Where the first of these words stands; 0 where none is seen, as in scripts without spaces."""
    for found in _WORD.finditer(text):
        if normal_form(found[0]).strip().startswith(forms):
            return found.start()
    folded = text.casefold()
    places = [folded.find(form.replace(" ", "")) for form in forms]
    return min((place for place in places if place >= 0), default=0)
