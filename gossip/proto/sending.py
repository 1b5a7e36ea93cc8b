"""What one side of a sync session sends: runs of the logs in which it is ahead, as the window allows.

Before the first run of a log that the peer holds a part of, our entry where the peer is gets compared
with the fingerprint that the peer gave for its own: a log that has forked there is not sent.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.events import Effect, Piece, SessionId, Token
from gossip.proto.reconcile import Ahead
from store.crypto import SIGNATURE_BYTES
from store.entry import Entry
from store.ids import EntryId
from store.log import MAX_RUN_ENTRIES, LogId


class _Cursor(NamedTuple):
    """What is still to be sent of one log; `mark` is the peer's head there, to be compared first."""

    log_id: LogId
    next_seq: int
    last_seq: int
    mark: bytes


class Sending:
    """The sending half of one side of a session, from the end of the comparison on."""

    def __init__(
        self,
        session: SessionId,
        new_token: Callable[[], Token],
        head_mark: Callable[[EntryId], bytes],
        fitted: Callable[[Entry], Entry],
        plan: Iterable[Ahead],
    ) -> None:
        """`head_mark`: the session's fingerprint of an entry's id; `fitted`: an entry as the peer wants."""
        self._session = session
        self._new_token = new_token
        self._head_mark = head_mark
        self._fitted = fitted
        self._cursors = deque(_cursor(ahead) for ahead in sorted(plan, key=_priority))
        self._planned = {cursor.log_id for cursor in self._cursors}
        self._declined: set[LogId] = set()
        self._reads: dict[Token, _Cursor] = {}
        self._runs_sent = 0
        self._runs_acked = 0
        self._sizes: deque[int] = deque()
        """Bytes of the runs that are under way: sent and not acknowledged."""
        self._bytes_under_way = 0
        self.entries_sent = 0
        self.is_done = False
        """`Done` was sent."""
        self.conflicts: list[tuple[LogId, int]] = []
        """Logs in which we hold another entry at that seq than the peer. The session empties this."""

    @property
    def entries_planned(self) -> int:
        """How many entries there are to be sent."""
        return sum(cursor.last_seq - cursor.next_seq + 1 for cursor in self._cursors)

    def read_on(self) -> list[Effect]:
        """Ask the store for more while the window and the read-ahead allow it; say so at the end."""
        effects: list[Effect] = []
        while self._cursors and len(self._reads) < limits.READS_AHEAD and self._has_room():
            cursor = self._cursors.popleft()
            if cursor.log_id in self._declined:
                continue
            token = self._new_token()
            self._reads[token] = cursor
            first = cursor.next_seq - 1 if cursor.mark else cursor.next_seq
            last = min(cursor.last_seq, cursor.next_seq + MAX_RUN_ENTRIES - 1)
            effects.append(events.ReadRun(token, cursor.log_id, first, last, limits.RUN_BYTES))
        if not self._cursors and not self._reads and not self.is_done:
            self.is_done = True
            effects.append(events.SendSync(self._session, wire.Done()))
        return effects

    def run_read(self, token: Token, entries: Piece) -> list[Effect]:
        """The store answered a `ReadRun`."""
        cursor = self._reads.pop(token, None)
        if cursor is None:
            return []
        if cursor.mark:
            return self._compare_first(cursor, entries) + self.read_on()
        return self._send(cursor, entries) + self.read_on()

    def acknowledged(self, runs: int) -> list[Effect]:
        """The peer has judged so many runs in all. Raises: RemoteFault: it cannot have."""
        if not self._runs_acked < runs <= self._runs_sent:
            raise RemoteFault("an impossible acknowledgement")
        for _ in range(runs - self._runs_acked):
            self._bytes_under_way -= self._sizes.popleft()
        self._runs_acked = runs
        return self.read_on()

    def decline(self, log_id: LogId) -> list[Effect]:
        """The peer takes no more of a log. Raises: RemoteFault: it was not to get any."""
        if log_id not in self._planned:
            raise RemoteFault("a log declined that was not sent")
        self._declined.add(log_id)
        return self.read_on()

    def _has_room(self) -> bool:
        """May one more run be under way, of whatever size?"""
        runs = len(self._reads) + len(self._sizes)
        most_bytes = self._bytes_under_way + (len(self._reads) + 1) * limits.RUN_BYTES
        return runs < limits.RUN_WINDOW and most_bytes <= limits.WINDOW_BYTES

    def _compare_first(self, cursor: _Cursor, entries: Piece) -> list[Effect]:
        """The first entry read is where the peer says it is: on the same branch?"""
        if entries and self._head_mark(entries[0].id) != cursor.mark:
            self.conflicts.append((cursor.log_id, cursor.next_seq - 1))
            return []
        cursor = cursor._replace(mark=b"")
        if len(entries) == 1:
            self._cursors.appendleft(cursor)
        return self._send(cursor, entries[1:])

    def _send(self, cursor: _Cursor, entries: Piece) -> list[Effect]:
        if not entries or cursor.log_id in self._declined:
            return []
        self._runs_sent += 1
        self.entries_sent += len(entries)
        size_bytes = sum([len(entry.header) + SIGNATURE_BYTES + len(entry.body or b"") for entry in entries])
        self._sizes.append(size_bytes)
        self._bytes_under_way += size_bytes
        last = entries[-1].seq
        if last < cursor.last_seq:
            self._cursors.appendleft(cursor._replace(next_seq=last + 1))
        return [events.SendSync(self._session, wire.Run(tuple(map(self._fitted, entries))))]


def _priority(ahead: Ahead) -> tuple[bool, int, LogId]:
    """Who people are before what they say; short logs before long ones, so that much is readable soon."""
    return ahead.log_id.log > 1, ahead.our_seq - ahead.their_seq, ahead.log_id


def _cursor(ahead: Ahead) -> _Cursor:
    return _Cursor(
        ahead.log_id, ahead.their_seq + 1, ahead.our_seq, ahead.their_head if ahead.their_seq else b""
    )
