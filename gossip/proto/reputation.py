"""Severity → score → ban. Points decay by half in ten minutes; at a hundred the peer is banned, each time
for twice as long. A ban ends by itself: programs get mended."""

from dataclasses import dataclass

from gossip.errors import Severity
from gossip.proto import limits
from store.ids import AuthorId


@dataclass(slots=True)
class _Record:
    points: float = 0.0
    at: float = 0.0
    bans: int = 0
    banned_until: float = 0.0


class Reputation:
    """What peers did wrong. Remembers at most `limits.ADDRESS_BOOK` peers, forgetting the oldest record."""

    __slots__ = ("_records",)

    def __init__(self) -> None:
        self._records: dict[AuthorId, _Record] = {}

    def blame(self, peer: AuthorId, severity: Severity, now: float) -> bool:
        """Add to a peer's score. True: it is banned from now on."""
        record = self._records.pop(peer, None) or _Record(at=now)
        while len(self._records) >= limits.ADDRESS_BOOK:
            del self._records[next(iter(self._records))]
        self._records[peer] = record
        record.points = record.points * 0.5 ** ((now - record.at) / limits.SCORE_HALF_LIFE_S) + severity
        record.at = now
        if record.points < limits.BAN_SCORE:
            return False
        record.points = 0.0
        record.banned_until = now + min(limits.BAN_S * 2**record.bans, limits.BAN_LAST_S)
        record.bans = min(record.bans + 1, 16)
        return True

    def is_banned(self, peer: AuthorId, now: float) -> bool:
        """Whether we do not talk to the peer at the moment."""
        return now < self.banned_until(peer)

    def banned_until(self, peer: AuthorId) -> float:
        """When the peer's last ban ends or ended; 0: it never had one."""
        record = self._records.get(peer)
        return 0.0 if record is None else record.banned_until
