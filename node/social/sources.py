"""What can be followed: a timeline, the inbox, a search. See `node.social.following`."""

from collections.abc import Sequence

from node.apps.feed import service as feed
from node.looking import Json
from node.social import searching
from node.social.asked import InboxAsked
from node.social.choosing import look_around
from node.social.following import Seen
from node.social.posts import Reader
from node.social.queries import SocialQueries, WantedPosts
from store.ids import LOG_FEED
from store.sqlite.views import ReadViews


class TimelineSource:
    """The posts that a timeline asks for."""

    logs = frozenset({LOG_FEED})

    def __init__(self, queries: SocialQueries, wanted: WantedPosts) -> None:
        self._queries = queries
        self._wanted = wanted
        self._store = queries.look.home.entries

    def begin(self) -> list[Json]:
        """The posts that are there."""
        return self._queries.posts(self._wanted)

    def look_at(self, keys: Sequence[int]) -> Seen:
        """Those of these entries that are wanted, in the order of the timeline."""
        until = self._queries.look.until()
        wanted = self._wanted._replace(posts=self._wanted.posts._replace(until=until, before=None))
        keyed = zip(keys, feed.at_keys(self._store, keys), strict=True)
        posts = [(key, post) for key, post in keyed if post is not None]
        reader = Reader(look_around(self._queries.look), wanted.languages, until)
        passes = self._queries.passing(wanted, reader.sight)
        fit = [
            post
            for _, post in posts
            if wanted.posts.fits(post) and passes(post) and feed.has_words(self._store, post, wanted.words)
        ]
        hidden = [(post.at, key) for key, post in posts if post.at > until]
        return Seen(self._queries.shown(feed.in_order(fit), reader), hidden)

    def hidden(self, views: ReadViews, limit: int) -> list[tuple[int, int]]:
        """Order and key of posts from the future."""
        return feed.hidden(views, self._queries.look.until(), limit)


class InboxSource:
    """What is addressed to the owner."""

    logs = frozenset({LOG_FEED})

    def __init__(self, queries: SocialQueries, wanted: InboxAsked) -> None:
        self._queries = queries
        self._wanted = wanted

    def begin(self) -> list[Json]:
        """What is there."""
        return self._queries.addressed(**self._wanted)

    def look_at(self, keys: Sequence[int]) -> Seen:
        """Those of these entries that are addressed to the owner."""
        return self._queries.addressed_of(keys, self._wanted.get("languages"))

    def hidden(self, views: ReadViews, limit: int) -> list[tuple[int, int]]:
        """Order and key of posts from the future."""
        return feed.hidden(views, self._queries.look.until(), limit)


class SearchSource:
    """What a search finds."""

    def __init__(self, queries: SocialQueries, wanted: searching.Wanted) -> None:
        self._queries = queries
        self._wanted = wanted
        self.logs = wanted.logs

    def begin(self) -> list[Json]:
        """What is there, the newest last: what comes goes on below it."""
        return self._queries.search_queries.found(self._wanted)[::-1]

    def look_at(self, keys: Sequence[int]) -> Seen:
        """Those of these entries that have the words."""
        return Seen(self._queries.search_queries.found_of(self._wanted, keys))

    def hidden(self, views: ReadViews, limit: int) -> list[tuple[int, int]]:
        """Order and key of posts from the future."""
        return feed.hidden(views, self._queries.look.until(), limit)
