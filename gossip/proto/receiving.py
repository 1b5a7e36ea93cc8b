"""What one side of a sync session receives: runs of the logs in which the peer is ahead.

A run continues what we told of its log, or the run before it. Entries beyond what is carried are cut
off before the intake sees them. Each run is acknowledged once it was judged, whatever the verdict.
"""

from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.context import Terms
from gossip.proto.events import Effect, Piece, SessionId, Token
from gossip.proto.fields import expect
from store.frontier import place_of
from store.ids import AuthorId
from store.log import LogId


class Receiving:
    """The receiving half of one side of a session, from the end of the comparison on."""

    def __init__(self, session: SessionId, peer: AuthorId, terms: Terms) -> None:
        self._session = session
        self._peer = peer
        self._terms = terms
        self._next_seq: dict[int, int] = {}
        self._judging: set[Token] = set()
        self._shortened: set[Token] = set()
        """Runs that were handed on without their end, which vouches for what is before it."""
        self._refused: set[LogId] = set()
        self._judged = 0
        self.expected: wire.Totals | None = None
        """What the peer said that it is going to send."""
        self.entries = 0
        """Received so far."""
        self.entries_new = 0
        """Those of them that were new, as far as they were judged."""
        self.lacks_bodies = False
        """Entries came without bodies that we want."""
        self.is_done = False
        """`Done` came."""

    @property
    def is_judging(self) -> bool:
        """Whether the intake still has a run."""
        return bool(self._judging)

    @property
    def is_outstanding(self) -> bool:
        """Whether entries that the peer has for us have not come yet."""
        return self.expected is not None and self.entries < self.expected.entries

    def begin(self, told: dict[int, int]) -> None:
        """`told`: places whose position we told, with our seq there."""
        self._next_seq = {place: seq + 1 for place, seq in told.items()}

    def totals(self, message: wire.Totals) -> None:
        """The peer says what it is going to send. Raises: RemoteFault: it has said so."""
        expect(self.expected is None, "totals out of place")
        self.expected = message

    def done(self) -> None:
        """The peer has sent everything. Raises: RemoteFault: it has not begun, or has said so."""
        expect(self.expected is not None and not self.is_done, "done out of place")
        self.is_done = True

    def run(self, entries: Piece) -> list[Effect]:
        """A run came. Raises: RemoteFault: it has no place now."""
        expect(self.expected is not None and not self.is_done, "a run out of place")
        expect(len(self._judging) < limits.RUN_WINDOW, "more runs than the window allows")
        log_id = LogId(entries[0].author, entries[0].log)
        place = place_of(log_id)
        expect(self._next_seq.get(place) == entries[0].seq, "a run that was not asked for")
        self._next_seq[place] = entries[-1].seq + 1
        self.entries += len(entries)
        token = self._terms.new_token()
        self._judging.add(token)
        carried = entries[: max(0, self._terms.last_carried(log_id) + 1 - entries[0].seq)]
        if not carried:
            return self.unwanted(log_id) + self.judged(token)
        effects: list[Effect] = []
        if len(carried) < len(entries):
            self._shortened.add(token)
            effects = self.refuse(log_id)
        wants = self._terms.interests[0].wants_body
        self.lacks_bodies |= any(entry.body is None and wants(entry) for entry in carried)
        each = len(carried) <= limits.CAREFUL_ENTRIES
        return [*effects, events.Deliver(token, self._peer, (carried,), each_signature=each)]

    def excuses(self, token: Token) -> bool:
        """Whether an entry that nobody vouches for is not the peer's fault: we cut off who did."""
        return token in self._shortened

    def judged(self, token: Token) -> list[Effect]:
        """The intake answered: acknowledge it, if it was about a run."""
        if token not in self._judging:
            return []
        self._judging.discard(token)
        self._shortened.discard(token)
        self._judged += 1
        return [events.SendSync(self._session, wire.Ack(self._judged))]

    def unwanted(self, log_id: LogId) -> list[Effect]:
        """A log is not carried here: do not ask for it again, unless something of it is held."""
        if self._terms.frontier.get(log_id) is None:
            self._terms.unwanted.add(place_of(log_id))
        return self.refuse(log_id)

    def has_refused(self, log_id: LogId) -> bool:
        """Whether the peer was told to send no more of a log."""
        return log_id in self._refused

    def refuse(self, log_id: LogId) -> list[Effect]:
        """Tell the peer, once, to send no more of a log."""
        if log_id in self._refused:
            return []
        self._refused.add(log_id)
        return [events.SendSync(self._session, wire.Decline(log_id))]
