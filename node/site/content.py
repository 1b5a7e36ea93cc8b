"""What a public site consists of: values in which everything is public, and nothing else is. Pure.

Texts have gone through `node.site.wording.plain`. Ids are 32 bytes.
"""

from typing import NamedTuple

from store.ids import to_text

NAME_CHARS = 20
"""Characters of an id in the name of a file: 100 bits."""


class Attached(NamedTuple):
    """A file that a post names, or that is shared by itself."""

    name: str
    media_type: str
    size: int
    """Bytes, as the entry says."""
    blob: bytes
    is_held: bool
    """Is all of it here, so that it can be copied?"""


class Translated(NamedTuple):
    """A text in another language."""

    language: str
    """Tag, or empty."""
    title: str
    """Of a document."""
    text: str
    outdated: bool
    """It was made from an earlier version."""
    time_ms: int
    left: tuple[tuple[int, int], ...] = ()
    """Lines (from 0; the first one, and the one after the last) that nobody has translated yet."""


class Post(NamedTuple):
    """A message, as it stands after corrections."""

    id: bytes
    parent: bytes | None
    """The public message that it answers."""
    is_answer: bool
    """It answers something, public or not."""
    author: bytes | None
    """Of a member with a public profile, his id."""
    time_ms: int
    text: str
    language: str
    topics: tuple[str, ...]
    attachments: tuple[Attached, ...]
    translations: tuple[Translated, ...]


class Document(NamedTuple):
    """A document as its current version has it."""

    name: str
    title: str
    media_type: str
    language: str
    tags: tuple[str, ...]
    author: bytes | None
    """As of a message."""
    time_ms: int
    text: str
    translations: tuple[Translated, ...]

    @property
    def shown_title(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name

    @property
    def is_markdown(self) -> bool:
        """Is the text Markdown?"""
        return self.media_type.partition(";")[0].strip().lower() in ("text/markdown", "text/x-markdown")


class SharedFile(NamedTuple):
    """A public file."""

    id: bytes
    file: Attached
    description: str
    language: str
    author: bytes | None
    time_ms: int


class Said(NamedTuple):
    """One thing that a profile says."""

    tag: str
    value: str


class Profile(NamedTuple):
    """What a member or a section says about itself."""

    id: bytes
    name: str
    """Of a member as he calls himself, with a mark where another's looks alike."""
    names: tuple[Said, ...]
    """In other scripts; the tags are languages."""
    territories: tuple[str, ...]
    languages: tuple[str, ...]
    contacts: tuple[Said, ...]
    hubs: tuple[str, ...]
    pages: tuple[str, ...]
    about: tuple[Said, ...]
    """The tags are languages."""
    picture: bytes | None
    """The id of a blob that holds one."""
    sections: tuple[bytes, ...]
    """Of a member: those of his sections that are on the site."""
    members: int
    """Of a section: how many of its members are on the site."""

    @property
    def anchor(self) -> str:
        """Where on the page of the directory it stands."""
        return f"p-{short_name(self.id)}"


class Site(NamedTuple):
    """All of it."""

    title: str
    base_url: str
    """Where it will be, with a slash at the end; empty: not known."""
    languages: tuple[str, ...]
    """In which it speaks, the first one at the entrance."""
    sections: tuple[Profile, ...]
    members: tuple[Profile, ...]
    documents: tuple[Document, ...]
    """The newest first."""
    posts: tuple[Post, ...]
    """In the order of views: none before what it answers."""
    files: tuple[SharedFile, ...]
    """The newest first."""


def short_name(identifier: bytes) -> str:
    """An id in the name of a file or an anchor."""
    return to_text(identifier)[:NAME_CHARS]
