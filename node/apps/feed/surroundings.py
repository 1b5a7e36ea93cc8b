"""What was said about posts: corrections, translations, reactions, and how many answers; of a page at once.

A correction counts where its author is of the same person as the post's, which the caller says. Of what
counts for nothing no body is read, so that nobody can make reading slow by writing about others' posts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from node.apps.feed.bodies import CORRECTION, Correction, Translation, parse
from node.apps.feed.shown import Amended, Around, Reacted, Same, Shown, Translated
from node.apps.feed.tables import rest_of, tie_of
from store.entry import Entry
from store.ids import AuthorId, EntryId
from store.sqlite.entries import SqliteEntryStore

MAX_CORRECTIONS: Final = 200
"""Newest corrections of one post that are looked at: its history, and some pages of a terminal."""

_AMENDMENTS: Final = """
    SELECT target, rest, kind, time_ms, tie, k, device, language, version
    FROM carray(?) AS wanted CROSS JOIN feed_amendments ON target = wanted.value
"""
_REACTIONS: Final = """
    SELECT target, rest, device, symbol, kept, max(seq)
    FROM feed_reactions WHERE target IN (SELECT value FROM carray(?))
    GROUP BY target, rest, device, symbol
"""
_ANSWERS: Final = """
    SELECT parent, rest, count(*) FROM feed_links
    WHERE parent IN (SELECT value FROM carray(?)) AND place = 0 GROUP BY parent, rest
"""


_Bits: TypeAlias = tuple[int, int]
"""The first 56 bits of an id and the next 56: of one target, and no other."""

_Row: TypeAlias = tuple[int, int, int, AuthorId]
"""Of a correction: claimed time, tie, key, device."""


def around(store: SqliteEntryStore, posts: Sequence[Shown], same: Same) -> dict[EntryId, Around]:
    """What was said about each of some posts. `same`: are two devices of one person?"""
    ties = sorted({tie_of(post.entry.id) for post in posts})
    with store.views() as views:
        amendments = views.execute_for(_AMENDMENTS, ties)
        reactions = views.execute_for(_REACTIONS, ties)
        answers = {(tie, rest): count for tie, rest, count in views.execute_for(_ANSWERS, ties)}
    reacted = defaultdict[_Bits, list[Reacted]](list)
    for target, rest, device, symbol, kept, _ in reactions:
        if kept:
            reacted[target, rest].append(Reacted(AuthorId(device), symbol))
    corrections = defaultdict[_Bits, list[_Row]](list)
    translations = defaultdict[_Bits, list[tuple[int, Translated]]](list)
    for target, rest, kind, time_ms, tie, key, device, language, version in amendments:
        if kind == CORRECTION:
            corrections[target, rest].append((time_ms, tie, key, device))
        else:
            translated = Translated(0, tie, key, device, language, version)
            translations[target, rest].append((time_ms, translated))
    corrected = _corrected(store, posts, corrections, same)
    found = {}
    for post in posts:
        bits = _bits_of(post.entry.id)
        found[post.entry.id] = Around(
            tuple(corrected.get(post.entry.id, ())),
            _translations(post, translations.get(bits, ())),
            tuple(reacted.get(bits, ())),
            answers.get(bits, 0),
        )
    return found


def _bits_of(entry_id: EntryId) -> _Bits:
    return tie_of(entry_id), rest_of(entry_id)


def _corrected(
    store: SqliteEntryStore, posts: Sequence[Shown], rows: Mapping[_Bits, Sequence[_Row]], same: Same
) -> dict[EntryId, list[Amended]]:
    """Corrections that count of each post, in their order, none before the post."""
    placed: list[tuple[Shown, int, int]] = []
    for post in posts:
        own = [
            (max(time_ms, post.at + 1), tie, key)
            for time_ms, tie, key, device in rows.get(_bits_of(post.entry.id), ())
            if same(post.entry.author, device)
        ]
        placed += [(post, at, key) for at, _, key in sorted(own)[-MAX_CORRECTIONS:]]
    entries = store.at_keys([key for _, _, key in placed])
    found = defaultdict[EntryId, list[Amended]](list)
    for (post, at, _), entry in zip(placed, entries, strict=True):
        said = _said(entry, post.entry.id)
        if entry is not None and isinstance(said, Correction):
            found[post.entry.id].append(Amended(at, entry, said.post))
    for amended in found.values():
        amended.sort(key=lambda each: (each.at, each.entry.id))
    return found


def _translations(post: Shown, rows: Sequence[tuple[int, Translated]]) -> tuple[Translated, ...]:
    """Translations in their order, of each device and language the last one."""
    if not rows:
        return ()
    placed = sorted(each._replace(at=max(time_ms, post.at + 1)) for time_ms, each in rows)
    last = {(each.author, each.language): each for each in placed}
    return tuple(sorted(last.values()))


def translations_at(
    store: SqliteEntryStore, asked: Sequence[tuple[EntryId, int]]
) -> list[tuple[Entry, Translation] | None]:
    """The translations that have these keys, each of the post that stands beside it; None: it is none."""
    entries = store.at_keys([key for _, key in asked])
    found: list[tuple[Entry, Translation] | None] = []
    for (target, _), entry in zip(asked, entries, strict=True):
        said = _said(entry, target)
        found.append((entry, said) if entry is not None and isinstance(said, Translation) else None)
    return found


def _said(entry: Entry | None, target: EntryId) -> object:
    """What an entry says about a post; None where it is not about that one."""
    if entry is None or entry.body is None or entry.links[:1] != (target,):
        return None
    return parse(entry.body)
