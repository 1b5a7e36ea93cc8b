"""What members have published to everybody: messages, documents and files. Nothing else is looked at."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from node.apps.documents.reading import PublicDocument, PublicText, Reader, published
from node.apps.feed import service as feed
from node.apps.feed.shown import Around, Shown, Wanted
from node.apps.feed.shown import Translated as Translation
from node.apps.feed.surroundings import around, translations_at
from node.apps.feed.tables import tie_of
from node.apps.files import service as sharing
from node.looking import Look
from node.site.content import Attached, Document, Post, SharedFile, Translated
from node.site.wording import plain
from store.entry import Entry
from store.errors import NotFound
from store.ids import AuthorId, EntryId

POSTS_AT_A_TIME: Final = 1_000
"""Messages that are looked at together."""

MAX_TRANSLATIONS: Final = 200
"""Of one message that are looked at: there are some 200 languages in which people write to each other."""


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
        """The messages whose current text everybody may read, none before what it answers."""
        store = self._look.home.entries
        found: list[Post] = []
        before: tuple[int, EntryId] | None = None
        while True:
            page = feed.read(store, Wanted(POSTS_AT_A_TIME, self._until, before=before))
            said = around(store, page, self._authors.are_one)
            shown = (self._post(each, said[each.entry.id]) for each in reversed(page))
            found += (post for post in shown if post is not None)
            if len(page) < POSTS_AT_A_TIME:
                break
            before = (page[0].at, page[0].entry.id)
        public = {post.id for post in found}
        return tuple(_among(post, public) for post in reversed(found))

    def _post(self, shown: Shown, said: Around) -> Post | None:
        """A message as it stands now; None where not everybody may read that."""
        entry = shown.entry
        versions = [(entry, shown.post)]
        versions += [(each.entry, each.post) for each in said.corrections if each.at <= self._until]
        current, post = versions[-1]
        if not post.public or not self._authors.is_wanted(entry.author):
            return None
        return Post(
            entry.id,
            entry.links[0] if entry.links else None,
            bool(entry.links),
            self._authors.of(entry.author),
            entry.time_ms,
            plain(post.text),
            post.language,
            tuple(map(plain, post.topics)),
            tuple(
                self.attached(each.name, each.media_type, each.size, each.blob) for each in post.attachments
            ),
            self._translations(entry, current, said.translations),
        )

    def _translations(
        self, entry: Entry, current: Entry, given: Sequence[Translation]
    ) -> tuple[Translated, ...]:
        """One public translation into each language: of the current text before others, then the author's own
        before others', then the newest."""

        def rank(each: Translation) -> tuple[bool, bool, int, int]:
            is_own = self._authors.are_one(each.author, entry.author)
            return each.version == tie_of(current.id), is_own, each.at, each.tie

        ranked = [each for each in sorted(given, key=rank, reverse=True) if self._is_shown(each)]
        asked = [(entry.id, each.key) for each in ranked[:MAX_TRANSLATIONS]]
        chosen: dict[str, Translated] = {}
        for read in translations_at(self._look.home.entries, asked):
            if read is not None and read[1].public:
                written, said = read
                outdated = said.version != current.id
                made = Translated(said.language, "", plain(said.text), outdated, written.time_ms)
                chosen.setdefault(said.language.casefold(), made)
        return tuple(made for _, made in sorted(chosen.items()))

    def _is_shown(self, translation: Translation) -> bool:
        return translation.at <= self._until and self._authors.is_wanted(translation.author)

    def documents(self) -> tuple[Document, ...]:
        """The documents whose current version everybody may read, the newest first."""
        home = self._look.home
        found = published(Reader(home.entries, home.blobs), self._until)
        return tuple(self._document(each) for each in found if self._authors.is_wanted(each.author))

    def _document(self, given: PublicDocument) -> Document:
        translations = {
            each.language.casefold(): _translated(each)
            for each in given.translations
            if each.language.casefold() != given.language.casefold()
        }
        return Document(
            plain(given.name),
            plain(given.title),
            given.media_type,
            given.language,
            tuple(map(plain, given.tags)),
            self._authors.of(given.author),
            given.time_ms,
            plain(given.text),
            tuple(translations.values()),
        )


def _translated(given: PublicText) -> Translated:
    """A translation of a document, with the lines that nobody has translated."""
    text, left, line = "", [], 0
    for piece, is_translated in ((plain(piece), done) for piece, done in given.pieces):
        end = line + piece.count("\n")
        if not is_translated:
            left.append((line, max(end, line + 1)))
        text, line = text + piece, end
    return Translated(
        given.language, plain(given.title), text, given.is_out_of_date, given.time_ms, tuple(left)
    )


def _among(post: Post, public: Collection[bytes]) -> Post:
    """A message that names what it answers only where that is public too."""
    return post if post.parent in public else post._replace(parent=None)
