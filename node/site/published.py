"""What members have published to everybody: messages, documents and files. Nothing else is looked at."""

from typing import Protocol

from node.apps.files import service as sharing
from node.looking import Look
from node.site.content import Attached, Document, Post, SharedFile
from node.site.wording import plain
from store.errors import NotFound
from store.ids import AuthorId


class Authors(Protocol):
    """Who may be named beside what he wrote."""

    def of(self, device: AuthorId) -> bytes | None:
        """The member to name for a device; None: nobody is named."""

    def is_wanted(self, device: AuthorId) -> bool:
        """Are the texts of a device wanted?"""

    def are_one(self, device: AuthorId, other: AuthorId) -> bool:
        """Do two devices belong to one member?"""


class Publications:
    """What is public in a home at one moment."""

    def __init__(self, look: Look, authors: Authors) -> None:
        self._look = look
        self._authors = authors
        self._until = look.until()

    def files(self) -> tuple[SharedFile, ...]:
        """The files that are shared with everybody, the newest first. Folders are not among them."""
        found: list[SharedFile] = []
        last: sharing.Shared | None = None
        while True:
            wanted = sharing.Wanted(sharing.MAX_LISTED, self._until, before=last)
            with self._look.home.entries.views() as views:
                listed = sharing.listed(views, wanted)
                replaced = sharing.replaced(views, listed, self._until, self._authors.are_one)
            current = (each for each in listed if each.id not in replaced)
            found += (self._shared(each) for each in current if self._is_public(each))
            if len(listed) < sharing.MAX_LISTED:
                return tuple(found)
            last = listed[-1]

    def _is_public(self, shared: sharing.Shared) -> bool:
        file = shared.file
        return file.public and not file.is_folder and self._authors.is_wanted(shared.author)

    def _shared(self, shared: sharing.Shared) -> SharedFile:
        file = shared.file
        attached = self.attached(file.name, file.media_type, file.size, file.blob)
        return SharedFile(
            shared.id,
            attached,
            plain(file.description),
            file.language,
            self._authors.of(shared.author),
            shared.at,
        )

    def attached(self, name: str, media_type: str, size: int, blob: bytes) -> Attached:
        """A file that somebody names."""
        return Attached(plain(name), media_type, size, blob, self._holds(blob))

    def _holds(self, blob: bytes) -> bool:
        try:
            return not self._look.home.blobs.missing(blob)
        except NotFound:
            return False

    def posts(self) -> tuple[Post, ...]:
        """The messages that everybody may read, none before what it answers."""
        return ()

    def documents(self) -> tuple[Document, ...]:
        """The documents whose current version everybody may read, the newest first."""
        return ()
