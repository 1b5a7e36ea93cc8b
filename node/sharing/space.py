"""The room that files take on the disk: is there enough, who takes how much, what goes. Synchronous.

Thread-safe. It keeps nothing but a count of who takes how much, which is taken again every minute.
"""

import shutil
import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

from node.apps import blob_references
from node.apps.files import service as files
from node.apps.files.bodies import MAX_FOLDER_BYTES
from node.config import Config, parse
from node.errors import BadData, DiskFull
from node.federation.names import RootId
from node.looking import Look
from node.sharing import folders
from node.sharing.quotas import (
    BEGUN_KEPT_MS,
    USED_KEPT_MS,
    Quotas,
    Stock,
    has_share,
    lacking_bytes,
    quotas_of,
    spare_bytes,
)
from store.blob_interface import Summary
from store.blobs import BlobId
from store.errors import NotFound

COUNT_KEPT_MS: Final = 60_000
"""Who takes how much is counted again after this time, where few blobs are held: it looks at each of them."""

MANY: Final = 10_000
"""Blobs from which on it is counted again only every hour: each takes some 0.1 ms."""

MANY_KEPT_MS: Final = 3_600_000
"""How long a count of many blobs is kept."""

MAX_NAMING: Final = 64
"""Entries that name a blob and are looked at: whose file it is, the first of them know best."""


MAX_TIDIED: Final = 100_000
"""Blobs that are looked at in one round of tidying, those unused for longest; some 0.1 ms each."""

_BATCH: Final = 64
"""Blobs that are dropped before it is looked which come next."""


class _Count(NamedTuple):
    """Who takes how much."""

    taken_ms: int
    blobs: int
    """How many were looked at."""
    members: dict[bytes, int]
    sections: dict[bytes, int]
    granted: set[bytes]
    """Blobs that were allowed since."""


class Usage(NamedTuple):
    """How the room for files is used."""

    stock: Stock
    summary: Summary
    quotas: Quotas


class Space:
    """The room for files of an open home."""

    def __init__(self, look: Look, hub: bool = False) -> None:
        """`hub`: this node is one, whatever its settings say."""
        self._look = look
        self._home = look.home
        self._hub = hub
        self._lock = threading.Lock()
        self._counted: _Count | None = None
        self._is_swept = False

    def quotas(self) -> Quotas:
        """What files may take, as the settings say now; defaults where they cannot be read."""
        try:
            config = parse(self._home.paths.config.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, BadData):
            config = Config()
        return quotas_of(config, self._hub)

    def usage(self) -> Usage:
        """How the room is used. Raises: StoreError."""
        return Usage(self._stock(), self._home.blobs.summary(), self.quotas())

    def _stock(self) -> Stock:
        blobs = self._home.blobs
        free_bytes = shutil.disk_usage(self._home.paths.home).free
        return Stock(blobs.used_bytes(), free_bytes, blobs.begun_bytes())

    # --- making room --------------------------------------------------------------------------------

    def has_free_room(self, size: int) -> bool:
        """Do `size` bytes more fit without dropping anything? Raises: StoreError."""
        return not lacking_bytes(self._stock(), self.quotas(), size)

    def make_room(self, size: int, blob: bytes = b"") -> bool:
        """Drop what may go until `size` bytes more fit; False: they cannot, and nothing was dropped.

        `blob`: for which; where it was begun before, it has its room already. Raises: StoreError.
        """
        with self._lock:
            is_begun = bool(blob) and self._home.blobs.state(blob) is not None
            quotas = self.quotas()
            lacking = lacking_bytes(self._stock(), quotas, 0 if is_begun else size)
            if not lacking:
                return True
            if self._home.blobs.stale_bytes(*self._before()) < lacking:
                return False
            return self._drop_stale(lacking, lacking + spare_bytes(quotas))

    def _before(self) -> tuple[int, int]:
        """What was used before the one moment, and what was begun before the other, may go."""
        now_ms = self._look.now_ms()
        return now_ms - USED_KEPT_MS, now_ms - BEGUN_KEPT_MS

    def _drop_stale(self, needed: int, wanted: int) -> bool:
        """Drop what was unused for longest until so many bytes are free; were the needed ones?"""
        freed = 0
        while freed < wanted and (stale := self._home.blobs.stale(*self._before(), _BATCH)):
            for state in stale:
                freed += self._home.blobs.drop_all([state.blob]) + state.size - state.held_bytes
                if freed >= wanted:
                    break
        return freed >= needed

    def require(self, size: int) -> None:
        """Make room for `size` bytes that a person wants to keep. Raises: DiskFull, StoreError."""
        if self.make_room(size):
            return
        stock, quotas = self._stock(), self.quotas()
        pinned = self._home.blobs.summary().pinned_bytes
        raise DiskFull(
            f"There is no room for {size:,} bytes: files may take {quotas.all_bytes:,} bytes here and take "
            f"{stock.used_bytes:,}, of which {pinned:,} are pinned; the disk has {stock.free_bytes:,} left.",
            "Drop files that you do not need (aster file usage, aster file drop), or set files_gib in "
            "config.toml.",
        )

    def tidy(self) -> int:
        """Drop what nobody names and nobody pinned, and chunks of no blob; give how many blobs went.

        Raises: StoreError.
        """
        stale = self._home.blobs.stale(*self._before(), MAX_TIDIED)
        garbage = [state.blob for state in stale if not self.is_named(state.blob)]
        for start in range(0, len(garbage), _BATCH):
            self._home.blobs.drop_all(garbage[start : start + _BATCH])
        if not self._is_swept:  # strays are left by a crash, so once is enough
            self._home.blobs.tidy()
            self._is_swept = True
        self.make_room(0)
        return len(garbage)

    # --- who names what -----------------------------------------------------------------------------

    def opened(self, blob: bytes) -> list[tuple[BlobId, int]]:
        """What a complete blob names, each with its size: the files of a folder; else nothing.

        It is remembered, so that these files are not taken for garbage. A list that breaks a rule names
        nothing. Raises: StoreError.
        """
        blobs = self._home.blobs
        with self._home.entries.views() as views:
            if not files.is_folder(views, blob):
                return []
        parts = blobs.parts_of(blob)
        if parts is None:
            parts = [(BlobId(each.blob), each.size) for each in self.folder(blob)]
            blobs.note_parts(blob, parts)
        return parts

    def folder(self, blob: bytes) -> tuple[folders.FolderFile, ...]:
        """The files in the list of a folder; none where it breaks a rule. Raises: NotFound: not here."""
        try:
            return self.checked_folder(blob)
        except folders.BadFolder:
            return ()

    def checked_folder(self, blob: bytes) -> tuple[folders.FolderFile, ...]:
        """The files in the list of a folder. Raises: BadFolder, NotFound: it is not here."""
        manifest = self._home.blobs.manifest(blob)
        if manifest is None:
            raise NotFound("nothing is held of that blob")
        if manifest.size > MAX_FOLDER_BYTES:
            raise folders.BadFolder(f"it has {manifest.size:,} bytes")
        data = bytearray()
        self._home.blobs.read(blob, data.extend)
        return folders.parse(bytes(data))

    def is_named(self, blob: bytes) -> bool:
        """Does an entry name a blob, or a folder that lists it?"""
        whole = [blob, *self._home.blobs.wholes_of(blob)]
        with self._home.entries.views() as views:
            return any(blob_references.is_referenced(views, each) for each in whole)

    def _naming(self, blob: bytes, known: dict[bytes, set[bytes]] | None = None) -> set[bytes]:
        """The members (in an open circle the devices) who name a blob, itself or in a folder.

        `known`: what was found of blobs before; it is added to.
        """
        known = {} if known is None else known
        found: set[bytes] = set()
        for one in [blob, *self._home.blobs.wholes_of(blob)[:MAX_NAMING]]:
            if one not in known:
                known[one] = self._naming_itself(one)
            found |= known[one]
        return found

    def _naming_itself(self, blob: bytes) -> set[bytes]:
        with self._home.entries.views() as views:
            keys = [each.key for each in blob_references.references_to(views, blob, MAX_NAMING)]
        if not keys:
            return set()
        names = self._look.names.now()
        entries = self._home.entries.at_keys(keys)
        return {names.bearer(entry.author) for entry in entries if entry is not None}

    # --- who takes how much -------------------------------------------------------------------------

    def allows(self, blob: bytes, size: int) -> bool:
        """May a blob be fetched that nobody here asked for? Raises: StoreError."""
        with self._lock:
            naming = [(member, self._sections(member)) for member in sorted(self._naming(blob))]
            count, quotas = self._count(), self.quotas()
            if blob not in count.granted:
                if not has_share(size, naming, count.members, count.sections, quotas):
                    return False
                count.granted.add(blob)
                _charge(count, naming, size)
        return self._fits(size)

    def _fits(self, size: int) -> bool:
        """Would there be room for `size` bytes more if all that may go went?"""
        lacking = lacking_bytes(self._stock(), self.quotas(), size)
        return not lacking or self._home.blobs.stale_bytes(*self._before()) >= lacking

    def shares(self) -> dict[bytes, int]:
        """Bytes that are held of files that each member (in an open circle each device) names."""
        with self._lock:
            return dict(self._count(0).members)

    def _count(self, kept_ms: int = COUNT_KEPT_MS) -> _Count:
        """Who takes how much, counted at most `kept_ms` ago, or longer where blobs are many."""
        now_ms, counted = self._look.now_ms(), self._counted
        if counted is not None:
            age_ms = now_ms - counted.taken_ms
            if age_ms < (MANY_KEPT_MS if counted.blobs >= MANY else kept_ms):
                return counted
        states = self._home.blobs.listed()
        counted = self._counted = _Count(now_ms, len(states), {}, {}, set())
        known: dict[bytes, set[bytes]] = {}
        for state in states:
            members = self._naming(state.blob, known)
            _charge(counted, [(member, self._sections(member)) for member in members], state.size)
        return counted

    def _sections(self, member: bytes) -> tuple[bytes, ...]:
        census = self._look.names.census()
        known = None if census is None else census.members.get(RootId(member))
        return () if known is None else tuple(known.sections)


def _charge(count: _Count, naming: Sequence[tuple[bytes, Sequence[bytes]]], size: int) -> None:
    """Count a blob against everybody who names it, and once against each of their sections."""
    for member, _ in naming:
        count.members[member] = count.members.get(member, 0) + size
    for section in {section for _, sections in naming for section in sections}:
        count.sections[section] = count.sections.get(section, 0) + size
