"""Which peers take an own message: by what they said that they carry. Pure.

A message is an entry of the log `sealed`. Whoever has not its key yet gets it in a packet, an entry of the
box log of his device. A peer takes the message if it carries the bodies of all these logs; a device for which
the message is needs no more than its own packet.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gossip.proto.interest import Interest, SectionsOf
from node.apps.messenger.bodies import box_of
from store.ids import LOG_SEALED, AuthorId
from store.log import LogId

_SEALED: Final = 1 << LOG_SEALED


class Share(NamedTuple):
    """A device to which the key of a session goes."""

    device: AuthorId
    from_index: int
    """Messages before this place are not for it."""
    is_acknowledged: bool
    """It has said that the key came: no packet matters to it any more."""


class Keys:
    """To whom the key of one session goes, and which boxes matter for that."""

    def __init__(self, shares: Iterable[Share]) -> None:
        self._shares: Mapping[AuthorId, Share] = {share.device: share for share in shares}
        self._boxes: dict[int, int] = {}
        """Boxes of devices that wait, bit n for log number n, by the place from which on they matter."""
        for share in self._shares.values():
            if not share.is_acknowledged:
                before = self._boxes.get(share.from_index, 0)
                self._boxes[share.from_index] = before | 1 << box_of(share.device)

    def logs_for(self, peer: AuthorId, index: int) -> int:
        """Logs whose bodies a peer must take for the message at a place of the session; bit n: number n."""
        share = self._shares.get(peer)
        if share is not None and share.from_index <= index:
            return _SEALED if share.is_acknowledged else _SEALED | 1 << box_of(peer)
        logs = _SEALED
        for from_index, boxes in self._boxes.items():
            if from_index <= index:
                logs |= boxes
        return logs


def takes(
    interest: Interest | None, author: AuthorId, logs: int, written_ms: int, sections_of: SectionsOf
) -> bool:
    """Whether a peer of this interest takes bodies of these logs of an author, written then; None: it has
    said nothing."""
    return (
        interest is not None
        and not logs & ~interest.bodies
        and written_ms >= interest.bodies_since_ms
        and interest.carries(LogId(author, LOG_SEALED), sections_of)
    )
