"""Searches over all apps, and what the feed says of what was found. Synchronous."""

from collections.abc import Mapping, Sequence
from typing import Final, Unpack

from node.apps.documents import service as documents
from node.apps.feed import service as feed
from node.apps.feed.bodies import Translation, parse
from node.apps.feed.shown import Around, Shown
from node.apps.feed.surroundings import around
from node.apps.feed.tables import tie_of
from node.apps.feed.topics import read_topic
from node.apps.files import service as files
from node.apps.found import Found
from node.contacts.finding import hits as profiles_found
from node.languages import read_tag
from node.limits import MAX_SHOWN
from node.looking import Json, Look
from node.social import searching
from node.social.asked import SearchAsked
from node.social.choosing import Sight, look_around
from node.social.posts import versions_of
from node.social.searching import Hits, Wanted
from node.store_faults import told_plainly
from store.entry import Entry
from store.ids import LOG_DOCS, LOG_FEED, LOG_FILES, LOG_PROFILE, AuthorId, LogNo, to_text
from store.sqlite.search import Hit

OPEN_CHARS: Final = 16
"""Of an id in a command that opens it: enough among a billion entries."""

DEFAULT_HITS: Final = 20
"""Hits of an answer where no limit is given: three lines each."""


class SearchQueries:
    """Searches over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @told_plainly()
    def wanted(self, words: str, **asked: Unpack[SearchAsked]) -> Wanted:
        """What a request asks for. Raises: BadData, TextTooLarge, Missing, Ambiguous: as they say."""
        limit, app, author = asked.get("limit"), asked.get("app"), asked.get("author")
        topic, language, before = asked.get("topic"), asked.get("language"), asked.get("before")
        return Wanted(
            self._look.words(words),
            DEFAULT_HITS if limit is None else min(limit, MAX_SHOWN),
            asked.get("since_ms") or 0,
            frozenset(searching.APPS.values()) if app is None else frozenset({searching.read_app(app)}),
            None if author is None else self._look.authors(author),
            None if topic is None else read_topic(topic),
            None if language is None else read_tag(language),
            None if before is None else self._place(before),
        )

    def _place(self, text: str) -> Hit:
        """Where an entry stands in the index. Raises: as `Look.entry_id`."""
        store = self._look.home.entries
        entry_id = self._look.entry_id(text)
        return Hit(store.entry(entry_id).time_ms // 1_000, store.key_of(entry_id))

    @told_plainly()
    def found(self, wanted: Wanted) -> list[Json]:
        """What is found, the newest first."""
        sight = look_around(self._look)
        return [searching.show(match, sight, wanted.words) for match in self.matches(wanted)]

    def matches(self, wanted: Wanted) -> list[searching.Match]:
        """The newest matches, newest first."""
        sight = look_around(self._look)
        return searching.search(self._look, sight, self._apps(sight), wanted)

    @told_plainly()
    def found_of(self, wanted: Wanted, keys: Sequence[int]) -> list[Json]:
        """Those of some entries that are found, in their order."""
        sight = look_around(self._look)
        matches = searching.look_at(self._look, sight, self._apps(sight), wanted, keys)
        store = self._look.home.entries
        return [
            searching.show(match, sight, wanted.words)
            for match in matches
            if match.entry.time_ms >= wanted.since_ms
            and wanted.words.occur_in(store.key_of(match.entry.id), match.entry.time_ms)
        ]

    def _apps(self, sight: Sight) -> Mapping[LogNo, Hits]:
        store = self._look.home.entries

        def same(one: AuthorId, other: AuthorId) -> bool:
            return sight.names.bearer(one) == sight.names.bearer(other)

        return {
            LOG_FEED: lambda keys, until: self._of_feed(keys, until, sight),
            LOG_DOCS: lambda keys, until: documents.hits(store, keys, until),
            LOG_FILES: lambda keys, until: files.hits(store, keys, until, same),
            LOG_PROFILE: lambda keys, until: profiles_found(self._look, keys, until),
        }

    def _of_feed(self, keys: Sequence[int], until: int, sight: Sight) -> list[Found | None]:
        """Messages by what is shown now: of a corrected one its correction is found, and leads to it."""
        store = self._look.home.entries
        posts = dict(zip(keys, feed.at_keys(store, keys), strict=True))
        others = [key for key, post in posts.items() if post is None]
        said = dict(zip(others, store.at_keys(others), strict=True))
        about = {key: entry.links[0] for key, entry in said.items() if entry is not None and entry.links}
        places = {entry.id: key for key, entry in store.headers_of(about.values())}
        targets = dict(zip(places, feed.at_keys(store, list(places.values())), strict=True))
        found: list[tuple[Entry, Shown] | None] = []
        for key, post in posts.items():
            entry = said.get(key) if post is None else post.entry
            target = targets.get(about[key]) if key in about else post
            is_shown = entry is not None and target is not None and not sight.blocks(target.entry.author)
            found.append((entry, target) if is_shown and entry is not None and target is not None else None)
        around_all = around(store, [target for _, target in filter(None, found)], sight.same)
        return [
            None if each is None else _found_in(*each, around_all[each[1].entry.id], until) for each in found
        ]


def _found_in(entry: Entry, shown: Shown, said: Around, until: int) -> Found | None:
    """What a search shows of an entry of the feed; None: its words do not count any more."""
    current = versions_of(shown, said, until)[-1]
    post = current.post
    found = Found(
        "feed",
        "answer" if shown.entry.links else "message",
        shown.entry.id,
        shown.entry.author,
        shown.entry.time_ms,
        shown.at,
        "",
        post.text,
        post.language,
        post.topics,
        ("thread", to_text(shown.entry.id)[:OPEN_CHARS]),
    )
    if entry.id == current.entry.id:
        return found
    translation = None if entry.body is None else parse(entry.body)
    counts = {each.tie: each.at for each in said.translations if each.at <= until}
    at = counts.get(tie_of(entry.id))
    if at is None or not isinstance(translation, Translation):
        return None
    return found._replace(
        what="translation",
        author=entry.author,
        time_ms=entry.time_ms,
        at=at,
        text=translation.text,
        language=translation.language,
    )
