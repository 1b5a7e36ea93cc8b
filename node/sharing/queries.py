"""What can be asked about files, and what can be done with those that are here. Synchronous."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final

from node.apps.files import service as files
from node.apps.files.names import canonical_tag
from node.apps.files.service import Shared, Wanted
from node.errors import BadData, Missing, Refused
from node.limits import DEFAULT_SHOWN
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from node.sharing.attached import attached
from node.sharing.folders import BadFolder, FolderFile
from node.sharing.pacing import Done, advance
from node.sharing.saving import Target, check_free, save_file, save_folder, target_of
from node.sharing.shown import author_shown, file_shown, part_shown
from node.sharing.space import Space
from node.store_faults import plain_error, told_plainly
from store.blobs import BlobId, Manifest
from store.errors import NotFound, StoreError
from store.ids import AuthorId, EntryId, to_text

MAX_PARTS_SHOWN: Final = 1_000
"""Files of a folder in one answer; how many there are is said as well."""

_BATCH: Final = 200
"""Files that are looked at, or dropped, together: others have their turn in between."""


class SharingQueries:
    """Methods about files over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.space = Space(look)

    # --- lists --------------------------------------------------------------------------------------

    @told_plainly()
    def file_list(
        self,
        author: str | None = None,
        tag: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        before: str | None = None,
        folders: bool = False,
        replaced: bool = False,
    ) -> Json:
        """`files`: the newest first, without those that their authors replaced, unless `replaced`."""
        names = self.look.names.now()
        count = min(DEFAULT_SHOWN if limit is None else limit, files.MAX_LISTED)
        wanted = Wanted(
            count,
            self.look.until(),
            None if author is None else self.look.authors(author),
            None if tag is None else canonical_tag(tag),
            folders,
            None if before is None else self._entry(before),
        )
        batches = self._batches(wanted) if search is None else self._found(wanted, search)
        shown: list[Json] = []
        for batch in batches:
            for shared, by in self._with_replacements(batch, names):
                if len(shown) < count and (replaced or by is None):
                    shown.append(self._shown(shared, names, by))
            if len(shown) >= count:
                break
        return {"files": shown}

    def _batches(self, wanted: Wanted) -> Iterator[list[Shared]]:
        while True:
            with self.look.home.entries.views() as views:
                batch = files.listed(views, wanted._replace(limit=_BATCH))
            yield batch
            if len(batch) < _BATCH:
                return
            wanted = wanted._replace(before=batch[-1])

    def _found(self, wanted: Wanted, search: str) -> Iterator[list[Shared]]:
        words = self.look.words(search)
        yield files.with_words(self.look.home.entries, words, wanted._replace(limit=files.MAX_LISTED))

    def _entry(self, text: str) -> Shared:
        """The file that an entry shares. Raises: Missing, BadData, Ambiguous."""
        store = self.look.home.entries
        found = files.at_keys(store, [store.key_of(self.look.entry_id(text))])
        if not found:
            raise Missing(f"{quoted(text)} is no file.", "See: aster file list")
        return found[0]

    def _with_replacements(
        self, shared: Sequence[Shared], names: Names
    ) -> Iterable[tuple[Shared, EntryId | None]]:
        def same(one: AuthorId, other: AuthorId) -> bool:
            return names.bearer(one) == names.bearer(other)

        with self.look.home.entries.views() as views:
            by = files.replaced(views, shared, self.look.until(), same)
        return [(each, by.get(each.id)) for each in shared]

    def _shown(self, shared: Shared, names: Names, replaced_by: EntryId | None) -> Json:
        blobs, blob = self.look.home.blobs, shared.file.blob
        parts = blobs.parts_held(blob) if shared.file.is_folder else None
        return file_shown(shared, names, blobs.state(blob), parts, replaced_by)

    def describe(self, entry_id: EntryId) -> Json:
        """A file as lists show it. Raises: NotFound: that entry shares none."""
        store = self.look.home.entries
        [shared] = files.at_keys(store, [store.key_of(entry_id)])
        return self._shown(shared, self.look.names.now(), None)

    # --- one file -----------------------------------------------------------------------------------

    def find(self, text: str) -> Shared:
        """The one file that a text names: an id of an entry or a blob, or a name. Raises: Missing, Ambiguous.

        Of several files of one name, those that were replaced do not count. A blob that no file has may be
        an attachment.
        """
        names, until = self.look.names.now(), self.look.until()
        found = files.candidates(self.look.home.entries, text, until)
        found = found or attached(self.look.home, text, until)
        current = [each for each, by in self._with_replacements(found, names) if by is None]
        return files.choose(current or found, text)

    @told_plainly()
    def file_show(self, file: str) -> Json:
        """One file, who else shares it, and what a folder holds as far as its list is here."""
        shared, names = self.find(file), self.look.names.now()
        [(_, by)] = self._with_replacements([shared], names)
        with self.look.home.entries.views() as views:
            others = files.naming_blob(views, shared.file.blob, self.look.until())
        return {
            **self._shown(shared, names, by),
            "also_shared_by": [
                {"id": to_text(each.id), "name": each.file.name, **author_shown(each, names)}
                for each in others
                if each.id != shared.id
            ],
            **(self._contents(shared) if shared.file.is_folder else {}),
        }

    def _contents(self, shared: Shared) -> Json:
        blobs = self.look.home.blobs
        try:
            listed = self.space.checked_folder(shared.file.blob)
        except NotFound:
            return {"contents": None, "fault": ""}
        except BadFolder as error:
            return {"contents": None, "fault": error.message}
        shown = [part_shown(file, blobs.state(file.blob)) for file in listed[:MAX_PARTS_SHOWN]]
        return {"contents": shown, "fault": ""}

    # --- room ---------------------------------------------------------------------------------------

    @told_plainly()
    def file_usage(self) -> Json:
        """How the room for files is used, and of whose files it is."""
        stock, summary, quotas = self.space.usage()
        names = self.look.names.now()
        shares = sorted(self.space.shares().items(), key=lambda share: (-share[1], share[0]))
        return {
            "used_bytes": stock.used_bytes,
            "quota_bytes": quotas.all_bytes,
            "member_quota_bytes": quotas.member_bytes,
            "section_quota_bytes": quotas.section_bytes,
            "free_bytes": stock.free_bytes,
            "blobs": summary.blobs,
            "pinned_bytes": summary.pinned_bytes,
            "shares": [
                {"who": to_text(who), "name": names.of_bearer(who), "bytes": size} for who, size in shares
            ],
        }

    @told_plainly()
    def file_pin(self, file: str) -> Json:
        """Keep a file, and those of a folder, until it is unpinned."""
        return self._pin(file, True)

    @told_plainly()
    def file_unpin(self, file: str) -> Json:
        """Let a file, and those of a folder, go when room is needed."""
        return self._pin(file, False)

    def _pin(self, file: str, pinned: bool) -> Json:
        shared = self.find(file)
        blobs = self.look.home.blobs
        if blobs.state(shared.file.blob) is None:
            raise Missing(
                f"Nothing of {quoted(shared.file.name)} is here.", f"Get it first: aster file get {file}"
            )
        self.pin(shared.file.blob, pinned)
        return self._shown(shared, self.look.names.now(), None)

    def pin(self, blob: bytes, pinned: bool) -> None:
        """Pin a blob, or not, with those of a folder that are here. Raises: NotFound."""
        blobs = self.look.home.blobs
        blobs.pin(blob, pinned)
        parts = self.space.opened(blob) if not blobs.missing(blob) else []
        blobs.pin_all([part for part, _ in parts], pinned)

    @told_plainly()
    def file_drop(self, file: str, force: bool = False) -> Json:
        """Forget the content of a file here; who shares it and what it is called stays known."""
        shared = self.find(file)
        names, home = self.look.names.now(), self.look.home
        if names.bearer(shared.author) == names.bearer(home.device) and not force:
            raise Refused(
                f"You share {quoted(shared.file.name)} yourself: if nobody else has it yet, it is lost.",
                "Drop it all the same with --force.",
            )
        if not force and any(self._is_pinned(whole) for whole in home.blobs.wholes_of(shared.file.blob)):
            raise Refused(
                f"{quoted(shared.file.name)} is also in a folder that is pinned here.",
                "Unpin the folder (aster file unpin), or drop the file all the same with --force.",
            )
        before_bytes = home.blobs.used_bytes()
        self._drop(shared.file.blob)
        return {
            **self._shown(shared, names, None),
            "freed_bytes": max(0, before_bytes - home.blobs.used_bytes()),
        }

    def _is_pinned(self, blob: bytes) -> bool:
        state = self.look.home.blobs.state(blob)
        return state is not None and state.pinned

    def _drop(self, blob: bytes) -> None:
        """Drop a blob, and of a folder those files that nothing else names."""
        blobs = self.look.home.blobs
        parts = blobs.parts_of(blob) or []
        blobs.drop_all([blob])
        unnamed = [part for part, _ in parts if not self.space.is_named(part)]
        for start in range(0, len(unnamed), _BATCH):
            blobs.drop_all(unnamed[start : start + _BATCH])

    # --- saving what is here ------------------------------------------------------------------------

    def file_get(
        self, file: str, out: str, force: bool = False, timeout_s: float | None = None
    ) -> Iterator[Json]:
        """Save a file that is complete here; without a daemon nothing can be fetched."""
        try:
            shared = self.find(file)
            target = self.target(shared, out, force)
            lacking = self.lacking(shared)
            if lacking:
                raise Missing(
                    f"{quoted(shared.file.name)} is not complete here, and no daemon runs to fetch it.",
                    "Start one: aster run",
                )
            with closing(self.saving(shared, target, force)) as steps:
                while not isinstance(step := advance(steps), Done):
                    yield step
                yield step.result
        except StoreError as error:
            raise plain_error(error) from error

    def target(self, shared: Shared, out: str, force: bool) -> Target:
        """Where a file is to be saved. Raises: BadData, Missing; Conflict: something is there."""
        target = target_of(out, shared.file.name)
        check_free(target, force)
        return target

    def lacking(self, shared: Shared) -> list[tuple[BlobId, int]]:
        """The blobs, with their sizes, that are not complete here: the list of a folder, then its files.

        Raises: BadFolder: its list breaks a rule.
        """
        blob = BlobId(shared.file.blob)
        if self._lacks(blob):
            return [(blob, shared.file.size)]
        if not shared.file.is_folder:
            return []
        self.space.checked_folder(blob)
        return [(part, size) for part, size in self.space.opened(blob) if self._lacks(part)]

    def _lacks(self, blob: BlobId) -> bool:
        state = self.look.home.blobs.state(blob)
        return state is None or not state.is_complete

    def saving(self, shared: Shared, target: Target, force: bool) -> Generator[Json, None, Json]:
        """Save a file or folder that is complete here, step by step; what came of it in the end.

        Raises: as `node.sharing.saving`; BadFolder; StoreError.
        """
        blobs = self.look.home.blobs
        if shared.file.is_folder:
            listed = self.space.checked_folder(shared.file.blob)
            parts = [(file, self._manifest_of(file)) for file in listed]
            steps, total, count = (
                save_folder(blobs, parts, target, force),
                sum(p[1].size for p in parts),
                len(parts),
            )
        else:
            manifest = blobs.manifest(shared.file.blob)
            if manifest is None:
                raise NotFound("nothing is held of that blob")
            if manifest.size != shared.file.size:
                raise BadData(
                    f"{quoted(shared.file.name)} has {manifest.size:,} bytes where whoever shares it says "
                    f"{shared.file.size:,}.",
                    "Ask for it to be shared again.",
                )
            steps, total, count = save_file(blobs, manifest, target, force), manifest.size, 1
        with closing(steps):
            while True:
                try:
                    done_bytes = next(steps)
                except StopIteration as end:
                    path = str(end.value)
                    break
                yield {"event": "saving", "bytes": done_bytes, "total": total}
        blobs.note_use(shared.file.blob)
        return {
            "event": "result",
            "path": path,
            "bytes": total,
            "files": count,
            "id": to_text(shared.id),
            "name": shared.file.name,
            "folder": shared.file.is_folder,
        }

    def _manifest_of(self, file: FolderFile) -> Manifest:
        """The manifest of a file of a folder. Raises: BadFolder: the folder lies about its size. NotFound."""
        manifest = self.look.home.blobs.manifest(file.blob)
        if manifest is None:
            raise NotFound("nothing is held of that blob")
        if manifest.size != file.size:
            raise BadFolder(
                f"{quoted(file.path)} has {manifest.size:,} bytes where the list says {file.size:,}"
            )
        return manifest
