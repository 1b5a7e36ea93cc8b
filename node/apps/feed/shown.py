"""What the feed answers with, as values: posts as they are shown, and what is asked for."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from node.apps.feed.bodies import Post
from node.words import Words
from store.entry import Entry
from store.ids import AuthorId, EntryId

Place: TypeAlias = tuple[int, EntryId]
"""Where a post stands in the timeline: its order in ms, and its id."""

Same: TypeAlias = Callable[[AuthorId, AuthorId], bool]
"""Are two devices of one person?"""


class Shown(NamedTuple):
    """A post as it is shown."""

    at: int
    """Order in the view, ms."""
    entry: Entry
    post: Post

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.at, self.entry.id


class Wanted(NamedTuple):
    """Which posts are asked for; all conditions together."""

    limit: int
    """The newest so many."""
    until: int
    """Posts of a later order (ms) are hidden: they claim to be from the future."""
    since_ms: int = 0
    """Posts of an earlier order are left out."""
    authors: frozenset[AuthorId] | None = None
    """Whose posts; None: everybody's."""
    words: Words | None = None
    replies_to: EntryId | None = None
    topics: frozenset[str] | None = None
    """Posts with any of these in their own body; None: whatever they are about."""
    before: Place | None = None
    """Only posts that stand before this one."""

    def fits(self, shown: Shown) -> bool:
        """Is it one of these? Words are looked at last, by `service.has_words`."""
        return (
            self.since_ms <= shown.at <= self.until
            and (self.before is None or (shown.at, shown.entry.id) < self.before)
            and (self.authors is None or shown.entry.author in self.authors)
            and (self.topics is None or not self.topics.isdisjoint(shown.post.topics))
            and (self.replies_to is None or shown.entry.links[:1] == (self.replies_to,))
        )


class Amended(NamedTuple):
    """A correction of a post, by the post's author."""

    at: int
    """Order, ms."""
    entry: Entry
    post: Post


class Translated(NamedTuple):
    """A translation of a post; its text is read where it is shown."""

    at: int
    """Order, ms."""
    tie: int
    """First 56 bits of its id."""
    key: int
    """Of its entry."""
    author: AuthorId
    language: str
    version: int
    """First 56 bits of the id of the version that was translated."""


class Reacted(NamedTuple):
    """That a device reacted with a symbol, and did not take it back."""

    author: AuthorId
    symbol: str


class Around(NamedTuple):
    """What others, and its author, made of a post."""

    corrections: tuple[Amended, ...] = ()
    """In their order: the last one is what the post says."""
    translations: tuple[Translated, ...] = ()
    """In their order."""
    reactions: tuple[Reacted, ...] = ()
    answers: int = 0
    """Posts that answer it directly."""


class TopicCount(NamedTuple):
    """A topic, and how much is said about it."""

    topic: str
    messages: int
    last_ms: int
    """Order of the last message, ms."""
