"""What a search shows of an entry, whichever app it is of. Values only."""

from typing import NamedTuple

from store.ids import AuthorId, EntryId


class Found(NamedTuple):
    """An entry that was found, in the words of its app."""

    app: str
    """`feed`, `docs`, `files` or `profile`."""
    what: str
    """What it is, for people: `message`, `document`, `file`, `folder`, `member`, `section`, `translation`."""
    id: EntryId
    """The entry to show: of a corrected message the message, not its correction."""
    author: AuthorId
    """The device that wrote it, 32 bytes."""
    time_ms: int
    """Claimed time of that entry, Unix time."""
    at: int
    """Its order in the view, ms; later than now and a day: it is hidden."""
    title: str
    """A document's title or a file's name; empty for a message."""
    text: str
    """The current text, or its beginning, for an excerpt."""
    language: str
    """Tag, or empty: not said."""
    topics: tuple[str, ...]
    """Topics or tags."""
    opens: tuple[str, ...]
    """The command that opens it, without `aster`: ``("doc", "show", "programme")``."""
