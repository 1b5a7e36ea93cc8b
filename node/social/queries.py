"""What can be asked about posts. Synchronous."""

from collections.abc import Iterator, Sequence

from node.apps.documents import service as documents
from node.apps.feed import service as feed
from node.errors import BadData
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.looking import Json, Look
from node.naming import Names
from node.store_faults import told_plainly
from store.errors import NotFound
from store.ids import LOG_FEED, EntryId, NotAnId, from_text, log_name, short, to_text


class SocialQueries:
    """Reading methods about posts over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def linkable(self, text: str) -> EntryId:
        """The entry that a post may answer: one that is shown (docs/protocol/entry.md, "Order in views").

        Raises: as `entry_id`; BadData: it is hidden for now, or is nothing that is shown.
        """
        entry_id = self.look.entry_id(text)
        at = self._order_of(entry_id)
        if at is None:
            raise BadData(
                f"{short(entry_id)} is neither a message nor a version of a document, or its text has not "
                "come yet.",
                "Answer an entry that aster read or aster doc history shows.",
            )
        if at > self.look.until():
            raise BadData(
                f"{short(entry_id)} claims to be from the future; it is hidden until then.",
                "Answer another one.",
            )
        return entry_id

    def _order_of(self, entry_id: EntryId) -> int | None:
        """The order in ms of an entry that is a post or a version; None where it is neither."""
        try:
            [post] = feed.at_keys(self.look.home.entries, [self.look.home.entries.key_of(entry_id)])
        except NotFound:
            return None
        if post is not None:
            return post.at
        with self.look.home.entries.views() as views:
            return documents.order_of(views, entry_id)

    @told_plainly()
    def wanted_posts(
        self,
        author: str | None,
        since_ms: int | None,
        search: str | None,
        limit: int | None,
        replies_to: str | None,
    ) -> feed.Wanted:
        """What a request for posts asks for. Raises: as naming an author, an entry, or words does."""
        return feed.Wanted(
            DEFAULT_SHOWN if limit is None else min(limit, MAX_SHOWN),
            self.look.until(),
            since_ms or 0,
            None if author is None else self.look.authors(author),
            None if search is None else self.look.words(search),
            None if replies_to is None else self._answered(replies_to),
        )

    def _answered(self, text: str) -> EntryId:
        """The entry of which answers are wanted. Named by its whole id, it need not be here itself."""
        try:
            return EntryId(from_text(text.strip()))
        except NotAnId:
            return self.look.entry_id(text)

    @told_plainly()
    def posts(self, wanted: feed.Wanted) -> list[Json]:
        """The posts that are wanted, oldest first."""
        return self.posts_shown(feed.read(self.look.home.entries, wanted))

    def read(
        self,
        author: str | None = None,
        since_ms: int | None = None,
        search: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        replies_to: str | None = None,
    ) -> Iterator[Json]:
        """The newest posts, oldest first. `follow` needs a daemon."""
        if follow:
            raise BadData("Following needs a running daemon.", "Start it: aster run")
        yield from self.posts(self.wanted_posts(author, since_ms, search, limit, replies_to))

    def posts_shown(self, posts: Sequence[feed.Shown]) -> list[Json]:
        """Posts as doors hand them out."""
        names = self.look.names.now()
        return [_post_shown(shown, names) for shown in posts]


def _post_shown(shown: feed.Shown, names: Names) -> Json:
    entry = shown.entry
    return {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "name": names.of(entry.author),
        "member": names.member(entry.author),
        "time_ms": entry.time_ms,
        "text": shown.post.text,
        "log": log_name(LOG_FEED),
        "seq": entry.seq,
        "reply_to": to_text(entry.links[0]) if entry.links else None,
        "language": shown.post.language,
    }
