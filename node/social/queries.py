"""What can be asked about posts: timelines, threads, the inbox, what a post said before, topics. Synchronous.

Answers are ready for JSON. Searches are in `node.social.search_queries`.
"""

from collections.abc import Iterator, Sequence
from functools import partialmethod
from typing import Final, NamedTuple, Unpack

from node.apps.feed import inbox as inboxes
from node.apps.feed import service as feed
from node.apps.feed.inbox import Addressed
from node.apps.feed.shown import Place, Shown, Wanted
from node.apps.feed.topics import read_topic
from node.apps.found import Found
from node.errors import BadData, Refused
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.looking import Json, Look
from node.quoting import quoted
from node.social import searching
from node.social import timeline as timelines
from node.social.asked import InboxAsked, PostsAsked, SearchAsked
from node.social.choosing import Choosing, Sight, look_around
from node.social.following import Seen
from node.social.people import devices_of, devices_of_section, find_section_id
from node.social.posts import Reader, show_head, show_posts, versions_of
from node.social.reading import ReaderLanguages
from node.social.search_queries import SearchQueries
from node.social.threads import Node, read_thread
from node.social.writing import Desk
from node.store_faults import told_plainly
from node.words import Words
from store.errors import NotFound
from store.ids import LOG_FEED, AuthorId, EntryId, NotAnId, from_text, to_text
from store.sqlite.bodies_gone import DELETED
from store.sqlite.choices import SECTION, TOPIC, WHO, ReadMarks

THREAD_SHOWN: Final = 200
"""Messages of a thread where no limit is given."""

TOPICS_SHOWN: Final = 50
"""Topics where no limit is given."""

INBOX_SPARE: Final = 20
"""Read beyond what is wanted: some was read before, or is of the owner himself."""


class WantedPosts(NamedTuple):
    """What a timeline is asked for."""

    posts: Wanted
    following: bool
    by_name: bool
    """An author is asked for by name: who is muted is shown."""
    languages: tuple[str, ...]
    words: Words | None
    """In the text that counts now, or in a translation."""


class SocialQueries:
    """Reading methods about posts over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.languages = ReaderLanguages(look.home.paths.config)
        self._marks = ReadMarks(look.home.database)
        self.search_queries = SearchQueries(look)
        """What can be searched for."""

    def desk(self) -> Desk:
        """Makes bodies of what the owner says."""
        return Desk(self.look, self.languages.now())

    def reader(self, languages: Sequence[str] | None = None) -> Reader:
        """Who reads: the owner, with his choices and languages. Raises: BadData."""
        return Reader(look_around(self.look), self.languages.chosen(languages), self.look.until())

    # --- timelines ------------------------------------------------------------------------------------

    @told_plainly()
    def wanted_posts(self, **asked: Unpack[PostsAsked]) -> WantedPosts:
        """What a request for posts asks for. Raises: as naming an author, an entry, or words does.

        Refused: the author is one whom the owner blocks.
        """
        author, section, before = asked.get("author"), asked.get("section"), asked.get("before")
        search, replies_to, limit = asked.get("search"), asked.get("replies_to"), asked.get("limit")
        topics = asked.get("topics")
        authors = None if author is None else self.look.authors(author)
        if authors:
            self._check_not_blocked(authors)
        if section is not None:
            members = devices_of_section(self.look.names.census(), find_section_id(self.look, section))
            authors = members if authors is None else authors & members
        wanted = Wanted(
            DEFAULT_SHOWN if limit is None else min(limit, MAX_SHOWN),
            self.look.until(),
            asked.get("since_ms") or 0,
            authors,
            None,
            None if replies_to is None else self._answered(replies_to),
            frozenset(map(read_topic, topics)) if topics else None,
            None if before is None else self._place(before),
        )
        languages = self.languages.chosen(asked.get("languages"))
        words = None if search is None else self.look.words(search)
        return WantedPosts(wanted, bool(asked.get("following")), author is not None, languages, words)

    def _check_not_blocked(self, authors: frozenset[AuthorId]) -> None:
        sight = look_around(self.look)
        if all(map(sight.blocks, authors)):
            name = sight.names.of(min(authors))
            raise Refused(f"You block {name}: nothing of that person is shown.", "See: aster unblock --help")

    def _answered(self, text: str) -> EntryId:
        """The entry whose answers are wanted. Named by its whole id, it need not be here itself."""
        try:
            return EntryId(from_text(text.strip()))
        except NotAnId:
            return self.look.entry_id(text)

    def _place(self, text: str) -> Place:
        """The place of a message in the timeline. Raises: as `Look.entry_id`; BadData: it is none."""
        found = self.look.entry_id(text)
        shown = feed.find(self.look.home.entries, found)
        if shown is None:
            raise BadData(
                f"{quoted(text)} is no message here.", "Give the id of the first message of a page."
            )
        return shown.at, found

    def passing(self, wanted: WantedPosts, sight: Sight) -> timelines.Passes:
        """Which posts the reader's choices leave in this timeline."""

        def passes(shown: Shown) -> bool:
            author, topics = shown.entry.author, shown.post.topics
            if wanted.by_name:
                return not sight.blocks(author)
            is_followed = not wanted.following or sight.follows(author, topics)
            return is_followed and sight.passes(author, topics, wanted.posts.topics or ())

        return passes

    @told_plainly()
    def posts(self, wanted: WantedPosts) -> list[Json]:
        """The posts that are wanted, oldest first."""
        reader = Reader(look_around(self.look), wanted.languages, wanted.posts.until)
        return self.shown(self._found(wanted, reader.sight), reader)

    def _found(self, wanted: WantedPosts, sight: Sight) -> list[Shown]:
        store, passes = self.look.home.entries, self.passing(wanted, sight)
        if wanted.words is not None:
            return self._with_words(wanted, wanted.words, passes)
        if not wanted.following or wanted.posts.authors is not None or wanted.posts.topics is not None:
            return timelines.newest(store, wanted.posts, passes)
        census = self.look.names.census()
        authors = set(devices_of(census, sight.me)) | {self.look.home.device}
        for who in sight.followed(WHO):
            authors |= devices_of(census, who)
        for section in sight.followed(SECTION):
            authors |= devices_of_section(census, section)
        topics = frozenset(topic.decode() for topic in sight.followed(TOPIC))
        return timelines.followed(store, wanted.posts, passes, frozenset(authors), topics)

    def _with_words(self, wanted: WantedPosts, words: Words, passes: timelines.Passes) -> list[Shown]:
        """Posts with these words in what counts now, newest by their claimed time."""
        store, posts = self.look.home.entries, wanted.posts
        shown: dict[EntryId, Shown] = {}

        def also(found: Found) -> bool:
            post = feed.find(store, found.id)
            if post is None or not posts.fits(post) or not passes(post):
                return False
            shown[found.id] = post
            return True

        asked = searching.Wanted(
            words, posts.limit, posts.since_ms, frozenset({LOG_FEED}), posts.authors, also=also
        )
        matches = self.search_queries.matches(asked)
        return feed.in_order([shown[match.found.id] for match in matches])

    def shown(self, posts: Sequence[Shown], reader: Reader) -> list[Json]:
        """Posts as doors hand them out."""
        return show_posts(self.look.home.entries, posts, reader)

    def timeline(self, *, follow: bool = False, **wanted: Unpack[PostsAsked]) -> Iterator[Json]:
        """The newest posts, oldest first. `follow` needs a daemon."""
        if follow:
            raise needs_daemon()
        yield from self.posts(self.wanted_posts(**wanted))

    read = timeline

    def search(self, words: str, *, follow: bool = False, **wanted: Unpack[SearchAsked]) -> Iterator[Json]:
        """Entries of all apps, the newest first. `follow` needs a daemon."""
        if follow:
            raise needs_daemon()
        yield from self.search_queries.found(self.search_queries.wanted(words, **wanted))

    # --- threads --------------------------------------------------------------------------------------

    @told_plainly()
    def thread(
        self, id: str, limit: int | None = None, languages: Sequence[str] | None = None
    ) -> Iterator[Json]:
        """A whole thread in the order in which it is read, each message with its `depth`.

        Raises: Missing, Ambiguous, BadData: as naming an entry does.
        """
        store, reader = self.look.home.entries, self.reader(languages)
        root = self._root(self._answered(id))
        limit = THREAD_SHOWN if limit is None else min(limit, MAX_SHOWN)
        nodes = read_thread(store, root, reader.until, limit)
        visible = [
            node.shown
            for node in nodes
            if node.shown is not None and not reader.sight.blocks(node.shown.entry.author)
        ]
        shown = {
            post.entry.id: each
            for post, each in zip(visible, show_posts(store, visible, reader), strict=True)
        }
        for node in nodes:
            post = shown.get(node.id) or self._gone(node, reader.sight)
            yield {**post, "depth": node.depth}

    def _root(self, found: EntryId) -> EntryId:
        """The root of the thread in which an entry stands."""
        store = self.look.home.entries
        try:
            entry = store.entry(found)
        except NotFound:
            return found
        if entry.log != LOG_FEED:
            return found
        target = feed.target_of(store, found)
        if target is not None:
            return self._root(target)
        return entry.links[-1] if entry.links else entry.id

    def _gone(self, node: Node, sight: Sight) -> Json:
        """The place of a message that is not shown, and why it is not."""
        if node.entry is None:
            return {"id": to_text(node.id), "text": None, "gone": "missing"}
        if node.entry.log != LOG_FEED or node.shown is not None:
            hidden = "blocked" if node.shown is not None else "other"
            return {**show_head(node.entry, sight), "text": None, "gone": hidden}
        why = self.look.home.shelf.why_gone(node.id)
        gone = "missing" if why is None else "deleted" if why[0] == DELETED else "expired"
        return {**show_head(node.entry, sight), "text": None, "gone": gone}

    @told_plainly()
    def post_history(self, id: str) -> Json:
        """`versions`: every text that a post has had, the first one first. Raises: as naming an entry."""
        reader = self.reader()
        shown, said = self.desk().target(id, reader)
        versions = versions_of(shown, said, reader.until)
        return {
            "id": to_text(shown.entry.id),
            "versions": [
                {
                    **show_head(version.entry, reader.sight),
                    "text": version.post.text,
                    "language": version.post.language,
                    "topics": list(version.post.topics),
                    "current": version is versions[-1],
                }
                for version in versions
            ],
        }

    # --- the inbox ------------------------------------------------------------------------------------

    @told_plainly()
    def addressed(self, **asked: Unpack[InboxAsked]) -> list[Json]:
        """What is addressed to the owner, oldest first; without `all` what was not read yet."""
        limit, before = asked.get("limit"), asked.get("before")
        reader = self.reader(asked.get("languages"))
        limit = DEFAULT_SHOWN if limit is None else min(limit, MAX_SHOWN)
        place = None if before is None else self._place(before)
        found: list[tuple[Addressed, bool]] = []
        size = limit + INBOX_SPARE
        while limit:
            page = self._addressed(reader, size, asked.get("since_ms") or 0, place)
            read = self._marks.read_of([each.key for each in page])
            wanted = [(each, each.key not in read) for each in reversed(page)]
            found += [
                (each, is_new)
                for each, is_new in wanted
                if (asked.get("all") or is_new) and self._is_for_inbox(each.shown, reader.sight)
            ]
            if len(found) >= limit or len(page) < size:
                break
            place, size = (page[0].shown.at, page[0].shown.entry.id), min(2 * size, MAX_SHOWN)
        return self._inbox_shown(found[:limit][::-1], reader)

    def _addressed(self, reader: Reader, limit: int, since_ms: int, before: Place | None) -> list[Addressed]:
        """Posts that mention the owner or answer a post of his, oldest first."""
        devices = devices_of(reader.sight.census, reader.sight.me) | {self.look.home.device}
        asked = inboxes.Asked(reader.sight.me, devices, limit, reader.until, since_ms, before)
        return inboxes.addressed(self.look.home.entries, asked)

    def _is_for_inbox(self, shown: Shown, sight: Sight) -> bool:
        """Is it somebody else's, and of nobody and nothing that the owner mutes or blocks?"""
        author = shown.entry.author
        return sight.names.bearer(author) != sight.me and sight.passes(author, shown.post.topics)

    def _inbox_shown(self, found: Sequence[tuple[Addressed, bool]], reader: Reader) -> list[Json]:
        shown = self.shown([each.shown for each, _ in found], reader)
        return [
            {**post, "why": list(each.why), "unread": is_new}
            for post, (each, is_new) in zip(shown, found, strict=True)
        ]

    @told_plainly()
    def addressed_of(self, keys: Sequence[int], languages: Sequence[str] | None) -> Seen:
        """Those of some entries that are addressed to the owner and were not read yet."""
        reader = self.reader(languages)
        devices = devices_of(reader.sight.census, reader.sight.me) | {self.look.home.device}
        found = inboxes.addressed_at(self.look.home.entries, keys, reader.sight.me, devices)
        read = self._marks.read_of(keys)
        fit = [
            (each, each.key not in read)
            for each in found
            if each is not None and self._is_for_inbox(each.shown, reader.sight)
        ]
        hidden = [(each.shown.at, each.key) for each, _ in fit if each.shown.at > reader.until]
        shown = [(each, is_new) for each, is_new in fit if each.shown.at <= reader.until]
        return Seen(self._inbox_shown(shown, reader), hidden)

    def inbox(self, *, follow: bool = False, **wanted: Unpack[InboxAsked]) -> Iterator[Json]:
        """What is addressed to the owner, oldest first. `follow` needs a daemon."""
        if follow:
            raise needs_daemon()
        yield from self.addressed(**wanted)

    @told_plainly()
    def inbox_mark(self, ids: Sequence[str]) -> Json:
        """Mark messages as read. The home must be open for writing. Raises: as naming an entry does."""
        store = self.look.home.entries
        keys = [store.key_of(self.look.entry_id(each)) for each in ids]
        return {"marked": self._marks.mark(keys)}

    # --- topics and choices -----------------------------------------------------------------------------

    @told_plainly()
    def topics(
        self, begins: str | None = None, since_ms: int | None = None, limit: int | None = None
    ) -> Json:
        """`topics` that people write about, the liveliest first. Raises: BadData."""
        beginning = "" if begins is None else read_topic(begins)
        most = TOPICS_SHOWN if limit is None else min(limit, MAX_SHOWN)
        sight = look_around(self.look)
        found = feed.topics(self.look.home.entries, beginning, since_ms or 0, self.look.until(), most)
        return {
            "topics": [
                {
                    "topic": each.topic,
                    "messages": each.messages,
                    "last_ms": each.last_ms,
                    "choice": sight.chosen.get((TOPIC, each.topic.encode()), ""),
                }
                for each in found
            ]
        }

    def choices(self) -> Json:
        """`choices`: whom and what the owner follows, mutes and blocks."""
        return Choosing(self.look).listed()

    def choose(self, method: str, **named: str | None) -> Json:
        """Follow, mute or block, or no longer. The home must be open for writing. Raises: as `Choosing`."""
        verdict = method.removeprefix("un")
        choosing = Choosing(self.look)
        return choosing.make(verdict, **named) if verdict == method else choosing.take_back(verdict, **named)

    follow = partialmethod(choose, "follow")
    unfollow = partialmethod(choose, "unfollow")
    mute = partialmethod(choose, "mute")
    unmute = partialmethod(choose, "unmute")
    block = partialmethod(choose, "block")
    unblock = partialmethod(choose, "unblock")


def needs_daemon() -> BadData:
    """What to say where nothing can be followed."""
    return BadData("Following needs a running daemon.", "Start it: aster run")
