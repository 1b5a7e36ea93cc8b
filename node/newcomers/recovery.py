"""Cutting lost devices from a new one: catch up with a hub, show what would be cut, sign, hand it over.

A cut names the last good entry of each log of a device, as far as it is held here; so we first hold what the
hub holds. Without doors and without a daemon, over a home that was linked a moment ago. The home is opened
for each step and closed while a person thinks.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

import trio

from gossip.proto.events import SyncProgress
from node.affairs.cutting import cut_of, parts_of
from node.config import Config
from node.errors import Ambiguous, Fault, Missing, Unavailable
from node.federation.bare import cut_message
from node.federation.cuts import Cut
from node.federation.statements import compose_cut
from node.federation.views import Device, Standing
from node.founding import write_own
from node.home import Home, open_home
from node.keyring import AskPassphrase, write_private
from node.mesh import Mesh
from node.paths import Paths
from node.queries import Queries
from node.running import join, keep, run_to_end
from store.crypto import SigningKey
from store.entry import SALT_BYTES
from store.ids import LOG_ID, AuthorId, log_name, to_text

Json = dict[str, Any]

MAX_SYNCS: Final = 20
"""Sessions until nothing new comes: statements bring members, whose logs come with the next session. A busy
hub has always something new, which is fine."""

SYNC_S: Final = 900.0
"""How long catching up may take in all; a large network over a slow line takes minutes."""

_AFTERWARDS: Final = (
    "This device is linked all the same. Start it with aster run, then: aster device revoke NAME"
)


def recover(
    paths: Paths,
    ask: AskPassphrase,
    hub: AuthorId,
    root: SigningKey,
    chosen: Sequence[str],
    agrees: Callable[[list[Json]], bool],
    tell: Callable[[Json], None],
    before_ms: int | None = None,
) -> Json:
    """Cut other devices of this home's member; what was cut is in ``cut``, the member's name in ``name``.

    `chosen`: names of devices or beginnings of their ids; empty: all others. `agrees` is shown what would
    be cut. `before_ms`: what they claim to have written later counts no longer either.

    Raises:
        Unavailable: the hub cannot be reached, or went away. Missing, Ambiguous: no such device.
    """
    with open_home(paths, ask, writing=True) as home:
        _catch_up(home, hub, tell)
        cuts = [(device, cut_of(home.entries, device.id, before_ms)) for device in _devices(home, chosen)]
        shown = [_show(home, device, cut) for device, cut in cuts]
        name = Queries(home).names.now().of(home.device)
    if not cuts or not agrees(shown):
        paths.recovering.unlink(missing_ok=True)
        return {"name": name, "cut": [], "declined": bool(cuts), "held": False}
    with open_home(paths, ask, writing=True) as home:
        write_own(home, LOG_ID, [_sign(home, root, cut) for _, cut in cuts])
    with open_home(paths, ask, writing=True) as home:
        try:
            _catch_up(home, hub, tell)
        except Unavailable as error:
            raise Unavailable(
                f"The cut is signed, but the hub may not have it yet: {error.message}",
                "Start the daemon, which hands it to all it meets: aster run",
            ) from error
    paths.recovering.unlink(missing_ok=True)
    return {"name": name, "cut": shown, "declined": False, "held": True}


def note_begun(paths: Paths) -> None:
    """Note that lost devices are to be cut from this home. Raises: DamagedHome, DiskFull."""
    write_private(paths.recovering, "")


def is_begun(paths: Paths) -> bool:
    """Was this home linked to cut lost devices, and has that not been done?"""
    return paths.recovering.exists()


def _catch_up(home: Home, hub: AuthorId, tell: Callable[[Json], None]) -> None:
    """Sync with the hub until both have the same. Raises: Unavailable."""
    run_to_end(_sync, home, hub, tell)


async def _sync(home: Home, hub: AuthorId, tell: Callable[[Json], None]) -> None:
    peer = home.tables.peer(hub)
    addresses = () if peer is None else peer.addresses
    async with keep(home) as keeping, join(home, keeping, Config(listen=())) as meshed:
        meshed.mesh.peer_added(hub, addresses)
        with trio.move_on_after(SYNC_S) as patience:
            for _ in range(MAX_SYNCS):
                if await _are_even(meshed.mesh, hub, tell):
                    return
        if patience.cancelled_caught:
            raise Unavailable("Catching up with the hub came to no end.", _AFTERWARDS)


async def _are_even(mesh: Mesh, hub: AuthorId, tell: Callable[[Json], None]) -> bool:
    """Sync once. True: both had all that the other one has. Raises: Unavailable."""
    is_even = False
    async with aclosing(mesh.sync([hub])) as session:
        async for news in session:
            if isinstance(news, SyncProgress):
                tell({"event": "progress", "entries": news.entries, "entries_total": news.entries_total})
                continue
            ended = news.ended
            if not ended.ok:
                raise Unavailable(f"The hub could not be synced with: {ended.why}.", _AFTERWARDS)
            is_even = ended.complete and not ended.entries_received and not ended.entries_sent
    return is_even


def _devices(home: Home, chosen: Sequence[str]) -> list[Device]:
    """The member's other devices that count, or those of them that were chosen."""
    membership = home.membership
    if membership is None:
        raise Fault("A home of a circle has no member.")
    named = membership.roster.member_of(home.device)
    member = None if named is None else membership.roster.member(named)
    if member is None:
        raise Missing("This device belongs to no member of the federation as yet.", _AFTERWARDS)
    others = [
        device for device in member.devices if device.id != home.device and device.standing is Standing.MEMBER
    ]
    return [_find(others, text) for text in chosen] if chosen else others


def _find(devices: Sequence[Device], text: str) -> Device:
    wanted = text.strip().casefold()
    found = [device for device in devices if device.name.casefold() == wanted] or [
        device for device in devices if wanted and to_text(device.id).startswith(wanted)
    ]
    if not found:
        known = ", ".join(f"{device.name} ({to_text(device.id)[:8]})" for device in devices) or "none"
        raise Missing(f"No other device of yours is called {text!r}; there are: {known}.", _AFTERWARDS)
    if len(found) > 1:
        ids = ", ".join(to_text(device.id)[:8] for device in found)
        raise Ambiguous(f"Several devices are called {text!r}: {ids}.", "Name it by its id.")
    return found[0]


def _show(home: Home, device: Device, cut: Cut) -> Json:
    logs = [
        {"log": log_name(part.log), "entries": part.kept, "held": part.held, "last_ms": part.last_ms}
        for part in parts_of(home.entries, cut)
    ]
    return {"device": to_text(device.id), "name": device.name, "logs": logs}


def _sign(home: Home, root: SigningKey, cut: Cut) -> bytes:
    signature = root.sign(cut_message(home.network, cut.encode()))
    return compose_cut(os.urandom(SALT_BYTES), cut, signature)
