"""A home on disk: making one, opening one, and what belongs to an open one.

    lock        held by whoever may write (a daemon, or a command that changes something without one)
    keyring     opens first; its home key opens the databases
    store       entries with their views, settings, the list of peers; the search index and blobs beside it
    allowed     who is let in: in an open circle the list of peers, in a federation whom the roster knows
    birthplace  see `node.birthplace`; where it is another, `why_not` says so and the author signs nothing

Synchronous and without trio: commands that run without a daemon use it too.
"""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from node import birthplace, keyring, network_file
from node.admission import AllowList
from node.apps.registry import SCHEMAS, Projection
from node.belonging.membership import Membership
from node.errors import MAKE_ONE, DamagedHome, DiskFull, HomeLocked, Missing, WrongNetwork
from node.federation.roster import Roster
from node.keyring import AskPassphrase, Keys
from node.paths import FILE_MODE, Paths
from node.shelf import Folding, Shelf
from store.blob_interface import BlobStore
from store.blob_memory import MemoryBlobStore
from store.charter import Charter
from store.crypto import SigningKey, keyed_digest
from store.errors import NotFound, StorageFull, StoreError, StoreLocked
from store.ids import LOG_ID, AuthorId
from store.sqlite.connection import KEY_BYTES, Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.home import HomeTables
from store.sqlite.search import SearchIndex
from store.sqlite.whole_logs import read_whole_logs

_STORE_DOMAIN: Final = b"asterism/store/1"
_NETWORK: Final = "network"
_BIRTHPLACE: Final = "birthplace"

MAX_NETWORK_FILE_BYTES: Final = 4 * network_file.MAX_FILE_CHARS
"""Of a network file in UTF-8."""

COPIED: Final = "it was copied or restored and has not yet heard its own entries from a peer"
"""Why a home signs nothing whose birthplace is another."""


class Home:
    """An open home. Close it; a daemon that ends in any way gives up the lock."""

    def __init__(self, paths: Paths, charter: Charter, keys: Keys, database: Database, lock: int) -> None:
        self.paths = paths
        self.charter = charter
        self.network = charter.network_id()
        self.key = SigningKey(keys.device_seed)
        self.device_seed = keys.device_seed
        """32 bytes, for the transport, whose identity is the device's key."""
        self.home_key = keys.home_key
        self.database = database
        self.entries = SqliteEntryStore(database)
        self._projection = projection = Projection(self.entries)
        self.shelf = Shelf(self.entries, Folding(SCHEMAS, projection.fold, projection.unfold))
        self.tables = HomeTables(database)
        self._allowed: AllowList | Membership
        if charter.inceptions:
            self._allowed = Membership(Roster(charter), self.device)
        else:
            self._allowed = AllowList(self.device, (peer.device for peer in self.tables.peers()))
        self._is_folded = False
        self.why_not = ""
        """Why nothing may be signed; empty: all is well."""
        self._lock = lock
        self._search: SearchIndex | None = None
        self._blobs: BlobStore | None = None
        self._opening_blobs = threading.Lock()

    @property
    def device(self) -> AuthorId:
        """This home's own device, 32 bytes."""
        return self.key.author

    @property
    def allowed(self) -> AllowList | Membership:
        """Who is let in, and what is carried."""
        return self.membership or self._allowed

    @property
    def membership(self) -> Membership | None:
        """Who belongs to the federation; None in an open circle.

        Every `id` log is read and folded when this is first asked for, some 0.2 ms a device.

        Raises:
            Damaged: the store is.
        """
        if not isinstance(self._allowed, Membership):
            return None
        if not self._is_folded:
            self.fold_members()
        return self._allowed

    def fold_members(self) -> None:
        """Fold what stands in `id` logs and was not folded yet, for example after an entry that was written
        without the intake. Does nothing in an open circle. Raises: Damaged: the store is."""
        if isinstance(self._allowed, Membership):
            self._is_folded = True
            self._allowed.load(read_whole_logs(self.database, LOG_ID))

    def search(self) -> SearchIndex:
        """The search index, opened when it is first asked for.

        Raises:
            StorageFull, StoreLocked: as they say.
        """
        if self._search is None:
            text_of = self._projection.text_of
            self._search = SearchIndex(self.paths.search_db, self.home_key, self.entries, text_of)
        return self._search

    @property
    def blobs(self) -> BlobStore:
        """The blobs, opened when they are first asked for. For any thread.

        Where nothing may be written and there are none, what is given holds nothing.

        Raises:
            StorageFull, StoreLocked, WrongKey, Damaged, StoreError: as they say.
        """
        with self._opening_blobs:
            if self._blobs is None:
                self._blobs = self._open_blobs()
            return self._blobs

    def _open_blobs(self) -> BlobStore:
        from store.sqlite.blobs import SqliteBlobStore  # late: few commands need it and its library

        paths, read_only = self.paths, self.database.read_only
        try:
            return SqliteBlobStore(paths.blobs_db, paths.blobs, self.home_key, _now_ms, read_only=read_only)
        except NotFound:
            return MemoryBlobStore(_now_ms)

    def settle_here(self) -> None:
        """Record that this is where the home lives; it may sign then. Raises: StorageFull."""
        self.tables.set({_BIRTHPLACE: birthplace.look(self.paths.log_db).encode()})
        self.why_not = ""

    def reload_peers(self) -> None:
        """Read the list of peers again after it changed. In a federation it lets nobody in."""
        if isinstance(self._allowed, AllowList):
            self._allowed.replace(peer.device for peer in self.tables.peers())

    def close(self) -> None:
        """Close everything and give up the lock; safe to call twice."""
        if self._search is not None:
            self._search.close()
            self._search = None
        with self._opening_blobs:
            if self._blobs is not None:
                self._blobs.close()
        self.entries.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "Home":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_home(paths: Paths, ask: AskPassphrase, *, writing: bool) -> Home:
    """Open a home. `writing` takes its lock; without it others may write meanwhile.

    `ask` is called only where a passphrase is needed; it gives None where nobody can be asked.

    Raises:
        Missing: there is no home.
        HomeLocked: another process holds it.
        NoPassphrase, WrongPassphrase: as they say.
        WrongNetwork: the store belongs to another network than `network.aster` says.
        DamagedHome: a file is missing or broken, or a newer program has written it.
        DiskFull: as it says.
    """
    if not paths.home_key.exists():
        raise Missing(f"There is no home at {paths.home}.", MAKE_ONE)
    lock = take_lock(paths) if writing else -1
    try:
        charter = read_network_file(paths.network)
        keys = keyring.open_keys(paths, ask)
        return open_with(paths, charter, keys, lock, create=False)
    except BaseException:
        if lock >= 0:
            os.close(lock)
        raise


def open_with(paths: Paths, charter: Charter, keys: Keys, lock: int, *, create: bool) -> Home:
    """Open the store of a home whose keyring is open; `lock` is -1 for reading only.

    Raises: as `open_home`.
    """
    key = keyed_digest(keys.home_key, _STORE_DOMAIN, KEY_BYTES)
    try:
        database = Database(paths.log_db, key, create=create, read_only=lock < 0)
        try:
            home = Home(paths, charter, keys, database, lock)
            _check(home, create)
        except BaseException:
            database.close()
            raise
    except StoreLocked as error:
        raise _locked(paths) from error
    except StorageFull as error:
        raise DiskFull from error
    except StoreError as error:
        raise DamagedHome(
            f"The store of this home cannot be opened: {error}.",
            "If the home is whole, update the program; else restore the home from a backup.",
        ) from error
    return home


def _check(home: Home, create: bool) -> None:
    """Bring views up to date, and look whether store and place are those of this home."""
    if create:
        home.tables.set({_NETWORK: home.network})
        home.settle_here()
    if home.tables.setting(_NETWORK) != home.network:
        raise WrongNetwork(
            "The store of this home belongs to another network than its network.aster.",
            "Put the network file back that this home was made with, or make another home.",
        )
    if home.database.read_only:
        home.shelf.check()
    else:
        home.shelf.prepare()
    born = home.tables.setting(_BIRTHPLACE)
    if born is None or birthplace.parse(born) != birthplace.look(home.paths.log_db):
        home.why_not = COPIED


def read_network_file(path: Path) -> Charter:
    """The charter in a network file. Raises: BadData, Missing: there is no such file."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_NETWORK_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise Missing(
            f"The network file {path} cannot be read: {error.strerror}.", "Check its name."
        ) from error
    return network_file.read(text)


def take_lock(paths: Paths) -> int:
    """Take the home's lock until the process ends or the handle is closed. Raises: HomeLocked."""
    handle = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise _locked(paths) from error
    return handle


def is_held(paths: Paths) -> bool:
    """Does a process hold the home (a daemon, or a command that is changing it)?"""
    try:
        os.close(take_lock(paths))
    except HomeLocked:
        return True
    except OSError:
        return False
    return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _locked(paths: Paths) -> HomeLocked:
    return HomeLocked(
        f"Another process holds the home {paths.home}.",
        "A daemon is running for it; use that one, or end it first: aster stop.",
    )
