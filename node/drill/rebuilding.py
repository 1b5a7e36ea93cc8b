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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

from node.admission import AllowList
from node.affairs.interest import interest_of
from node.apps.registry import SCHEMAS
from node.drill.replay import Replay, Seen
from node.drill.report import Drilled, Look, report
from node.drill.roster import unheard
from node.errors import BadData, BadRequest, Refused, Unavailable
from node.federation.bare import root_of
from node.federation.limits import MAX_DEVICES
from node.federation.roster import Roster
from node.federation.views import Standing
from node.founding import begin_home, finish_home
from node.home import Home, open_home, open_with, take_lock
from node.keyring import KEY_BYTES, AskPassphrase, Keys
from node.looking import Json
from node.paths import HOME_MODE, Paths
from node.queries import Queries, now_ms
from node.running import keep, run_to_end
from node.store_faults import told_plainly
from store.crypto import SEED_BYTES, SigningKey, self_test
from store.errors import Damaged
from store.ids import LOG_ID, AuthorId
from store.interface import NOTHING_HELD, LogState
from store.log import LogId
from store.sqlite.portrait import portray
from store.sqlite.whole_logs import read_whole_logs

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is to do (0: that is not known)."""

LOOKING: Final = "looking at what is here"
REBUILDING: Final = "rebuilding"
COMPARING: Final = "comparing"

MAX_LOG_BYTES: Final = 16 * 2**20
"""More than the largest `id` log has."""


class Out(NamedTuple):
    """The folder that is left at the end."""

    folder: Path
    passphrase: str | None
    """None: its key lies in it unprotected."""
    root: SigningKey | None = None
    """In a federation: of the member to whom the folder's device shall belong; None: to nobody."""


def drill(paths: Paths, ask: AskPassphrase, out: Out | None, tell: Tell) -> Json:
    """Rebuild everything from the home at `paths` alone, compare, and report (`node.drill.report.report`).

    Raises:
        BadRequest: the folder exists already, or a root was given in an open circle.
        BadData: the root is of nobody who belongs here. Refused: its member has too many devices.
        Unavailable: entries were taken out of the home meanwhile.
        NodeError: the home cannot be opened or read, or the folder not be written.
    """
    self_test()
    with told_plainly(), open_home(paths, ask, writing=False) as home:
        here = _look(home, tell, LOOKING)
        here = here._replace(roster=_roster_in(home, here.portrait.states))
        if out is not None:
            _check_out(out, here.roster)
        with _fresh(home, out) as fresh:
            seen = _rebuild(home, here, fresh, tell)
            rebuilt = _look(fresh, tell, COMPARING)
            if fresh.membership is not None:
                rebuilt = rebuilt._replace(roster=fresh.membership.roster)
            drilled = Drilled(home.network, here, rebuilt, seen, _unheard(home, here))
            found = report(drilled, Queries(home).names.now())
            if not found["equal"] and home.entries.last_change() != here.portrait.last_change:
                raise Unavailable(
                    "Entries of this home, or texts of some, came or went meanwhile.", "Try again."
                )
        return {**found, "out": None if out is None else str(out.folder)}


def _check_out(out: Out, roster: Roster | None) -> None:
    if out.folder.exists() or out.folder.is_symlink():
        raise BadRequest(f"{out.folder} exists already.", "Name a folder that does not: --out DIR")
    if out.root is None:
        return
    if roster is None:
        raise BadRequest("In an open circle a device belongs to nobody.", "Leave the words out.")
    root = root_of(out.root)
    member = roster.member(root)
    if member is None or not member.sections or member.root != root:
        raise BadData(
            "These 24 words are of nobody who belongs to this federation now.", "Use the words of a member."
        )
    live = [device for device in member.devices if device.standing is Standing.MEMBER]
    if len(live) >= MAX_DEVICES:
        raise Refused(
            f"This member has {len(live)} devices, which is as many as anybody may have.",
            "Revoke one of them first: aster device revoke",
        )


def _look(home: Home, tell: Tell, stage: str) -> Look:
    """The home at this moment. Its search index follows it first, as it does for whoever searches."""
    portrait = portray(home.database, SCHEMAS, lambda rows: tell(stage, rows, 0))
    try:
        home.search().catch_up()
        texts = home.search().count(portrait.last_key)
    except Damaged:
        texts = None
    return Look(portrait, texts)


def _roster_in(home: Home, states: Mapping[LogId, LogState]) -> Roster | None:
    """Who belongs by the `id` logs in a home's store, as far as these states go; None in an open circle."""
    if not home.charter.inceptions:
        return None
    roster = Roster(home.charter)
    for entries in read_whole_logs(home.database, LOG_ID):
        head = states.get(LogId(entries[0].author, LOG_ID), NOTHING_HELD).head
        held = entries[: 0 if head is None else head.seq]
        roster.add(list(takewhile(lambda entry: entry.body is not None, held)))
    roster.settle()
    return roster


def _unheard(home: Home, here: Look) -> list[tuple[LogId, str, bytes]]:
    """What statements of stewards go on from and is not here."""
    if here.roster is None:
        return []
    logs = (
        home.entries.range(LogId(device, LOG_ID), 1, here.roster.held(device), MAX_LOG_BYTES)
        for device in here.roster.supporters()
        if here.roster.held(device)
    )
    return [(LogId(entry.author, LOG_ID), what, wanted) for entry, what, wanted in unheard(here.roster, logs)]


def _rebuild(home: Home, here: Look, fresh: Home, tell: Tell) -> Seen:
    """Fill the fresh home with everything that is here. Raises: DiskFull."""
    states = here.portrait.states
    if isinstance(fresh.allowed, AllowList):
        fresh.allowed.replace(log_id.author for log_id in states)
    first = () if here.roster is None else here.roster.supporters()
    return run_to_end(_replay, home, states, first, fresh, lambda done, total: tell(REBUILDING, done, total))


async def _replay(
    home: Home,
    states: Mapping[LogId, LogState],
    first: Sequence[AuthorId],
    fresh: Home,
    tell: Callable[[int, int], None],
) -> Seen:
    async with keep(fresh) as keeping:
        now = now_ms()
        replay = Replay(home, states, keeping.intake, first, tell, interest_of(home, now), now)
        await replay.run()
    return replay.seen


@contextmanager
def _fresh(home: Home, out: Out | None) -> Iterator[Home]:
    """An empty home of the same network. Where what is done with it fails, nothing of it is left."""
    if out is None:
        with (
            tempfile.TemporaryDirectory(prefix="asterism-drill-") as folder,
            _unnamed(home, Paths(Path(folder))) as fresh,
        ):
            yield fresh
        return
    try:
        with begin_home(Paths(out.folder), home.charter, out.passphrase) as fresh:
            yield fresh
            for peer in home.tables.peers():
                fresh.tables.put_peer(peer)
            finish_home(fresh, None, out.root)
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
