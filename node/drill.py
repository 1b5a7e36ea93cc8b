"""The drill: what would be left if this home's store were all that is left of the network?

Every other node counts as gone. From the charter and the entries that lie here everything is made anew in a
fresh folder, the way a newcomer would get it from this node: each entry goes through the intake, its
signature is checked, who belongs is computed from statements, and the views are folded again. Then both are
compared. The home is opened for reading, so its daemon may run meanwhile; what counts is the moment at which
the home was looked at.

Without a wish for a folder all of it happens in a temporary one, which is encrypted under a key that is kept
nowhere. With one, the folder is a home afterwards.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import trio

from node.admission import AllowList
from node.apps.registry import SCHEMAS
from node.drill_report import Drilled, Look, report
from node.errors import BadRequest, Unavailable
from node.founding import begin_home, finish_home
from node.home import Home, open_home, open_with, take_lock
from node.keyring import KEY_BYTES, AskPassphrase, Keys
from node.log_queries import Json
from node.paths import HOME_MODE, Paths
from node.queries import Queries
from node.replay import Replay, Seen
from node.running import keep, reason_of
from node.store_faults import told_plainly
from store.crypto import SEED_BYTES, self_test
from store.errors import Damaged
from store.interface import LogState
from store.log import LogId
from store.sqlite.portrait import portray

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is to do (0: that is not known)."""

LOOKING: Final = "looking at what is here"
REBUILDING: Final = "rebuilding"
COMPARING: Final = "comparing"


class Out(NamedTuple):
    """The folder that is left at the end."""

    folder: Path
    passphrase: str | None
    """None: its key lies in it unprotected."""


def drill(paths: Paths, ask: AskPassphrase, out: Out | None, tell: Tell) -> Json:
    """Rebuild everything from the home at `paths` alone, compare, and report (`node.drill_report.report`).

    Raises:
        BadRequest: the folder exists already.
        Unavailable: entries were taken out of the home meanwhile.
        NodeError: the home cannot be opened or read, or the folder not be written.
    """
    self_test()
    with told_plainly(), open_home(paths, ask, writing=False) as home:
        here = _look(home, tell, LOOKING)
        with _fresh(home, out) as fresh:
            seen = _rebuild(home, here, fresh, tell)
            rebuilt = _look(fresh, tell, COMPARING)
            found = report(Drilled(home.network, here, rebuilt, seen), Queries(home).names.now())
            if not found["equal"] and home.entries.last_change() != here.portrait.last_change:
                raise Unavailable(
                    "Entries of this home, or texts of some, came or went meanwhile.", "Try again."
                )
        return {**found, "out": None if out is None else str(out.folder)}


def _look(home: Home, tell: Tell, stage: str) -> Look:
    """The home at this moment. Its search index follows it first, as it does for whoever searches."""
    portrait = portray(home.database, SCHEMAS, lambda rows: tell(stage, rows, 0))
    try:
        home.search().catch_up()
        texts = home.search().count(portrait.last_key)
    except Damaged:
        texts = None
    return Look(portrait, texts)


def _rebuild(home: Home, here: Look, fresh: Home, tell: Tell) -> Seen:
    """Fill the fresh home with everything that is here. Raises: DiskFull."""
    states = here.portrait.states
    if isinstance(fresh.allowed, AllowList):
        fresh.allowed.replace(log_id.author for log_id in states)
    try:
        return trio.run(_replay, home, states, fresh, lambda done, total: tell(REBUILDING, done, total))
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is not None:
            raise KeyboardInterrupt from None
        raise reason_of(group) from None


async def _replay(
    home: Home, states: Mapping[LogId, LogState], fresh: Home, tell: Callable[[int, int], None]
) -> Seen:
    async with keep(fresh) as keeping:
        replay = Replay(home, states, keeping.intake, tell)
        await replay.run()
    return replay.seen


@contextmanager
def _fresh(home: Home, out: Out | None) -> Iterator[Home]:
    """An empty home of the same network. Where what is done with it fails, nothing of it is left.

    Raises:
        BadRequest: the folder exists.
    """
    if out is None:
        with (
            tempfile.TemporaryDirectory(prefix="asterism-drill-") as folder,
            _unnamed(home, Paths(Path(folder))) as fresh,
        ):
            yield fresh
        return
    if out.folder.exists() or out.folder.is_symlink():
        raise BadRequest(f"{out.folder} exists already.", "Name a folder that does not: --out DIR")
    try:
        with begin_home(Paths(out.folder), home.charter, out.passphrase) as fresh:
            yield fresh
            for peer in home.tables.peers():
                fresh.tables.put_peer(peer)
            finish_home(fresh, None, None)
    except BaseException:
        shutil.rmtree(out.folder, ignore_errors=True)
        raise


@contextmanager
def _unnamed(home: Home, paths: Paths) -> Iterator[Home]:
    """A home whose keys are in this process's memory alone."""
    paths.store.mkdir(mode=HOME_MODE)
    keys = Keys(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(SEED_BYTES))
    lock = take_lock(paths)
    try:
        fresh = open_with(paths, home.charter, keys, lock, create=True)
    except BaseException:
        os.close(lock)
        raise
    with fresh:
        yield fresh
