"""How many guests a node serves at a time, by whom they come from. No network in here.

A guest is a device that is not admitted. It may ask to be let in, and nothing else, and it takes none of
the places of admitted peers.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from gossip.errors import LocalFault
from gossip.proto import limits

_LOOPBACK: Final = frozenset({"127.0.0.1", "0000:0000:0000:0000"})
"""This machine itself, as `gossip.net.libp2p_tcp.origin_of` names it: there is no stranger to bound."""


class TooManyGuests(LocalFault):
    """There is no place for another guest, or not for one from there."""


class GuestPlaces:
    """Places for guests. Where all are taken, whoever has most gives his oldest to who has fewer."""

    def __init__(self) -> None:
        self._places: OrderedDict[trio.CancelScope, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    @contextmanager
    def place(self, origin: str) -> Iterator[trio.CancelScope]:
        """Hold a place for at most `limits.GUEST_LIFE_S`; then, or to give way, the block is cancelled.

        `origin`: an IP address, or the /64 of one.

        Raises:
            TooManyGuests: there is none.
        """
        self._make_room(origin)
        with trio.move_on_after(limits.GUEST_LIFE_S) as scope:
            self._places[scope] = origin
            try:
                yield scope
            finally:
                self._places.pop(scope, None)

    def _make_room(self, origin: str) -> None:
        counts = Counter(self._places.values())
        if counts[origin] >= (limits.MAX_GUESTS if origin in _LOOPBACK else limits.MAX_GUESTS_FROM_ONE):
            raise TooManyGuests(f"{counts[origin]} guests from there are served already")
        if len(self._places) < limits.MAX_GUESTS:
            return
        most, count = counts.most_common(1)[0]
        if count <= counts[origin] + 1:
            raise TooManyGuests(f"{len(self._places)} guests are served already")
        oldest = next(scope for scope, other in self._places.items() if other == most)
        del self._places[oldest]
        oldest.cancel()
