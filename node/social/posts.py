"""Posts as doors hand them out: the text that counts now, in a language of the reader, and what others say.

A correction counts where its author is of the same member as the post's. A translation is shown where the
reader does not read the language of the post: one of the present text before one of an earlier, the post's
own author's before others', the newest first. What is of somebody whom the reader blocks counts for nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from node.apps.feed.bodies import Post, Translation
from node.apps.feed.shown import Around, Reacted, Shown, Translated
from node.apps.feed.surroundings import around, translations_at
from node.apps.feed.tables import tie_of
from node.languages import choose, is_read
from node.looking import Json
from node.social.choosing import Sight
from store.entry import Entry
from store.ids import AuthorId, log_name, to_text
from store.sqlite.entries import SqliteEntryStore

MAX_TEXTS: Final = 20_000
"""Ids whose text forms are kept, 300 bytes each: the same authors and messages are shown again and again."""

MAX_NAMED: Final = 20
"""People whom an answer names under one reaction; all of them are counted."""


_text = lru_cache(maxsize=MAX_TEXTS)(to_text)


class Version(NamedTuple):
    """A text that a post has or had."""

    entry: Entry
    post: Post


class Reader(NamedTuple):
    """Who reads."""

    sight: Sight
    languages: tuple[str, ...]
    """Tags; none: no translations are wanted."""
    until: int
    """What is ordered later (ms) is hidden."""


def show_posts(store: SqliteEntryStore, posts: Sequence[Shown], reader: Reader) -> list[Json]:
    """Posts in their order, each with what belongs to it."""
    if not posts:
        return []
    said = around(store, posts, reader.sight.same)
    chosen = [_best(post, said[post.entry.id], reader) for post in posts]
    asked = [(post.entry.id, best.key) for post, best in zip(posts, chosen, strict=True) if best is not None]
    read = dict(zip(asked, translations_at(store, asked), strict=True))
    shown = []
    for post, best in zip(posts, chosen, strict=True):
        found = None if best is None else read[post.entry.id, best.key]
        shown.append(_show_post(post, said[post.entry.id], found, reader))
    return shown


def _show_post(
    shown: Shown, around: Around, translated: tuple[Entry, Translation] | None, reader: Reader
) -> Json:
    names = reader.sight.names
    versions = versions_of(shown, around, reader.until)
    current = versions[-1]
    post = current.post
    return {
        **show_head(shown.entry, reader.sight),
        "text": post.text,
        "language": post.language,
        "topics": list(post.topics),
        "mentions": [
            {"typed": typed, "who": _text(who), "name": names.of_bearer(who)} for typed, who in post.mentions
        ],
        "attachments": [
            {"blob": _text(each.blob), "name": each.name, "media_type": each.media_type, "size": each.size}
            for each in post.attachments
        ],
        "public": post.public,
        "corrected": None
        if len(versions) == 1
        else {
            "id": _text(current.entry.id),
            "time_ms": current.entry.time_ms,
            "versions": len(versions),
        },
        "translation": None if translated is None else _show_translation(*translated, current, reader.sight),
        "translations": sorted({each.language for each in _translations(around, reader)}),
        "reactions": _reactions(around.reactions, reader.sight),
        "answers": around.answers,
    }


def _show_translation(entry: Entry, translation: Translation, current: Version, sight: Sight) -> Json:
    return {
        "id": _text(entry.id),
        "author": _text(entry.author),
        "name": sight.names.of(entry.author),
        "member": sight.names.member(entry.author),
        "time_ms": entry.time_ms,
        "text": translation.text,
        "language": translation.language,
        "out_of_date": translation.version != current.entry.id,
    }


def show_head(entry: Entry, sight: Sight) -> Json:
    """What the header of a post says, with or without its body."""
    names = sight.names
    return {
        "id": _text(entry.id),
        "author": _text(entry.author),
        "name": names.of(entry.author),
        "member": names.member(entry.author),
        "device_name": names.device(entry.author),
        "time_ms": entry.time_ms,
        "log": log_name(entry.log),
        "seq": entry.seq,
        "reply_to": _text(entry.links[0]) if entry.links else None,
        "root": _text(entry.links[-1]) if entry.links else None,
    }


def versions_of(shown: Shown, around: Around, until: int) -> list[Version]:
    """Every text of a post, the one that counts last; without those of a later order (ms)."""
    corrections = (Version(each.entry, each.post) for each in around.corrections if each.at <= until)
    return [Version(shown.entry, shown.post), *corrections]


def _translations(around: Around, reader: Reader) -> list[Translated]:
    return [
        each
        for each in around.translations
        if each.at <= reader.until and not reader.sight.blocks(each.author)
    ]


def _best(shown: Shown, around: Around, reader: Reader) -> Translated | None:
    """The translation that the reader is shown; None: the text as it was written."""
    current = versions_of(shown, around, reader.until)[-1]
    language, version = current.post.language, tie_of(current.entry.id)
    if not language or not reader.languages or is_read(language, reader.languages):
        return None
    author = shown.entry.author

    def rank(each: Translated) -> tuple[bool, bool, int, int]:
        return (each.version == version, reader.sight.same(each.author, author), each.at, each.tie)

    ranked = sorted(_translations(around, reader), key=rank, reverse=True)
    chosen = choose([each.language for each in ranked], reader.languages)
    return None if chosen is None else ranked[chosen]


def _reactions(reactions: Sequence[Reacted], sight: Sight) -> list[Json]:
    """Symbols with the number of people behind them, the most frequent first."""
    people = defaultdict[str, dict[bytes, AuthorId]](dict)
    for each in reactions:
        if not sight.blocks(each.author):
            people[each.symbol][sight.names.bearer(each.author)] = each.author
    return [
        {
            "symbol": symbol,
            "count": len(whos),
            "mine": sight.me in whos,
            "names": [sight.names.of_bearer(who) for who in sorted(whos)[:MAX_NAMED]],
        }
        for symbol, whos in sorted(people.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
