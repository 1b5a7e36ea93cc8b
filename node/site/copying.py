"""Files and pictures that are public, copied beside the pages. What is copied is checked against its id.

Pictures of profiles and of messages are encoded anew (`node.pictures`), so that neither place nor camera goes
out with them, whoever wrote them. Other files are copied as they are.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from node import pictures
from node.errors import BadData, TextTooLarge
from node.site import places
from node.site.content import Attached, Site
from node.site.folder import Folder
from node.site.pages import Copies, ShownPicture
from store.blob_interface import BlobStore
from store.blobs import Manifest, check_chunk
from store.errors import InvalidBlob, NotFound

MAX_COPIED_BYTES: Final = 512 * 1_048_576
"""Largest file that is copied: an hour of film. What is larger is named; `aster file get` fetches it."""


class Copying:
    """Copies what a site needs, one thing after the other."""

    def __init__(self, blobs: BlobStore, folder: Folder) -> None:
        self._blobs = blobs
        self._folder = folder
        self._profiles: dict[bytes, ShownPicture] = {}
        self._pictures: dict[bytes, ShownPicture] = {}
        self._files: set[str] = set()

    def steps(self, site: Site) -> Iterator[str]:
        """Copy everything; the path of each thing when it is there."""
        for profile in (*site.sections, *site.members):
            if profile.picture is not None and profile.picture not in self._profiles:
                picture = self._picture(profile.picture, pictures.PROFILE_PIXELS, "")
                if picture is not None:
                    self._profiles[profile.picture] = picture
                    yield picture.path
        for attached in chain.from_iterable(post.attachments for post in site.posts):
            if _may_be_picture(attached) and attached.blob not in self._pictures:
                picture = self._picture(attached.blob, pictures.PAGE_PIXELS, "-page")
                if picture is not None:
                    self._pictures[attached.blob] = picture
                    yield picture.path
        yield from self._copy_files(_files_of(site))

    def _copy_files(self, files: Iterable[tuple[Attached, bool]]) -> Iterator[str]:
        for attached, in_message in files:
            path = places.file(attached)
            is_shown = in_message and attached.blob in self._pictures
            if attached.is_held and not is_shown and path not in self._files and self._copy(attached, path):
                self._files.add(path)
                yield path

    @property
    def copies(self) -> Copies:
        """What was copied."""
        return Copies(dict(self._profiles), dict(self._pictures), frozenset(self._files))

    def _picture(self, blob: bytes, pixels: int, mark: str) -> ShownPicture | None:
        """A picture encoded anew; None where it is not here, or is none."""
        manifest = self._blobs.manifest(blob)
        if manifest is None or manifest.size > pictures.MAX_FILE_BYTES or self._blobs.missing(blob):
            return None
        data = bytearray()
        try:
            self._read(manifest, data.extend)
            picture = pictures.prepare(bytes(data), pixels)
        except (BadData, TextTooLarge, NotFound, InvalidBlob):
            return None
        path = places.picture(blob, mark, picture.suffix)
        self._folder.write(path, picture.data)
        return ShownPicture(path, picture.width, picture.height)

    def _copy(self, attached: Attached, path: str) -> bool:
        """Copy a file; False where it is not here, damaged or too large."""
        manifest = self._blobs.manifest(attached.blob)
        if manifest is None or manifest.size > MAX_COPIED_BYTES:
            return False
        try:
            self._folder.write_with(path, lambda write: self._read(manifest, write))
        except (NotFound, InvalidBlob):
            return False
        return True

    def _read(self, manifest: Manifest, write: Callable[[bytes], object]) -> None:
        """Give a blob to `write`, each chunk checked. Raises: NotFound, InvalidBlob."""
        at = 0

        def checked(chunk: bytes) -> None:
            nonlocal at
            check_chunk(manifest, at, chunk)
            write(chunk)
            at += 1

        self._blobs.read(manifest.id, checked)


def _may_be_picture(attached: Attached) -> bool:
    return attached.is_held and attached.media_type.startswith("image/")


def _files_of(site: Site) -> Iterator[tuple[Attached, bool]]:
    """Each file, and whether a message names it."""
    for post in site.posts:
        yield from ((attached, True) for attached in post.attachments)
    yield from ((shared.file, False) for shared in site.files)
