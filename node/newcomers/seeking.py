"""Tells the mesh whom to look for: the list of peers, and in a federation whom this home met before.

The engine dials by itself, ever more rarely where nobody answers. In a federation that is not enough: a
section that waits for endorsements is refused until it has them, and should hear of it soon; and whoever has
no link at all tries what is on the list more often. For the trio thread.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import trio

from node.federation.views import Standing
from node.home import Home
from node.mesh import Mesh
from node.queries import Queries
from node.store_faults import told_plainly
from store.ids import AuthorId

MAX_REMEMBERED: Final = 256
"""Devices met before that are tried from the start: if all of the list have gone, one of these is there."""

WAITING_S: Final = 10.0
"""How often a device whose section waits asks whether it is in by now."""

ALONE_S: Final = 60.0
"""How often a device that has no link tries the list again."""


class _Place(NamedTuple):
    """Where a device may be."""

    device: AuthorId
    addresses: tuple[str, ...]
    listed: bool
    """On the list of peers."""


class Seeking:
    """Looks for peers of one home."""

    def __init__(self, home: Home, mesh: Mesh, queries: Queries) -> None:
        self._home = home
        self._mesh = mesh
        self._queries = queries

    def begin(self) -> None:
        """Look for all whom this home knows of."""
        self._seek(self._places(remembered=True))

    async def run(self) -> None:
        """Look again and again where that is needed, until cancelled."""
        membership = self._home.membership
        if membership is None:
            return
        while True:
            is_waiting = membership.standing(self._home.device) is not Standing.MEMBER
            await trio.sleep(WAITING_S if is_waiting else ALONE_S)
            if is_waiting or not self._mesh.connected():
                self._seek(await trio.to_thread.run_sync(lambda: self._places(remembered=False)))

    def _places(self, *, remembered: bool) -> list[_Place]:
        with told_plainly():
            listed = {peer.device: peer.addresses for peer in self._home.tables.peers()}
            devices = list(listed)
            if remembered and self._home.membership is not None:
                devices += [each for each in self._queries.reachable() if each not in listed][:MAX_REMEMBERED]
            return [
                _Place(each, tuple(self._queries.addresses_of(each, listed.get(each, ()))), each in listed)
                for each in devices
            ]

    def _seek(self, places: list[_Place]) -> None:
        for device, addresses, listed in places:
            tell: Callable[[AuthorId, tuple[str, ...]], None] = (
                self._mesh.peer_added if listed else self._mesh.peer_met
            )
            tell(device, addresses)
