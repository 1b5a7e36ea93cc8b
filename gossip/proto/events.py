"""What can happen to the engine, and what it asks for in answer: the whole vocabulary of the protocol.

An event is something that happened (past participle); an effect is something to do (imperative). The
engine is `handle(event, now) → list[Effect]`; `gossip.net.driver` turns I/O into events and performs
effects; `gossip.sim` does the same on virtual time. No value here does anything.
"""

# long because it is the one list of what can happen and what can be asked for
from typing import NamedTuple, NewType

from gossip.errors import Severity
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.messages import BodyAnswer, PushMessage
from gossip.proto.sync_messages import SyncMessage
from store.entry import Entry
from store.ids import AuthorId, EntryId
from store.log import Evidence, Head, LogId

SessionId = NewType("SessionId", int)
"""Names a sync session within this node's run."""

Token = NewType("Token", int)
"""Ties an answer of the store to the request for it."""


# --- verdicts: what the intake says of a piece of a log ---------------------------------------------


class Accepted(NamedTuple):
    """The piece is held now; `fresh` of its entries were new (0: all known before)."""

    log_id: LogId
    head: Head
    fresh: int


class Behind(NamedTuple):
    """Entries before the piece are missing here; `next_seq` is the first of them."""

    log_id: LogId
    next_seq: int


class Diverged(NamedTuple):
    """The piece follows another entry at `seq` than the one held here: there is a fork at or before it."""

    log_id: LogId
    seq: int


class Stopped(NamedTuple):
    """The log has ended before the piece. `evidence` says why; it may have been found just now."""

    log_id: LogId
    evidence: Evidence


class Unwanted(NamedTuple):
    """Not carried here now (author not admitted, over a quota). Nobody's fault."""

    log_id: LogId
    why: str


class Rejected(NamedTuple):
    """Invalid for everyone and for ever: the fault of whoever sent it."""

    log_id: LogId
    why: str


class Failed(NamedTuple):
    """This machine could not keep it (disk full). Nobody's fault; try later."""

    log_id: LogId
    why: str


Verdict = Accepted | Behind | Diverged | Stopped | Unwanted | Rejected | Failed

Piece = tuple[Entry, ...]
"""A non-empty chain of one log, oldest first."""


# --- events -----------------------------------------------------------------------------------------


class LinkUp(NamedTuple):
    """The long-lived push stream to a connected peer stands. Hellos are still to be exchanged."""

    peer: AuthorId
    address: str
    outbound: bool


class LinkDown(NamedTuple):
    """The push stream or the connection ended."""

    peer: AuthorId
    why: str


class DialFailed(NamedTuple):
    """None of a peer's addresses answered."""

    peer: AuthorId
    why: str


class PushReceived(NamedTuple):
    """A message came over the push stream."""

    peer: AuthorId
    message: PushMessage


class SyncOpened(NamedTuple):
    """A sync stream stands: we asked for it with `OpenSync`, or the peer opened it."""

    session: SessionId
    peer: AuthorId
    initiator: bool


class SyncReceived(NamedTuple):
    """A message came over a sync stream; `size_bytes` with its frame."""

    session: SessionId
    message: SyncMessage
    size_bytes: int


class SyncClosed(NamedTuple):
    """A sync stream ended, or could not be opened. `why` is empty for a clean end."""

    session: SessionId
    why: str


class Judged(NamedTuple):
    """The intake answered a `Deliver`, in the order of its pieces."""

    token: Token
    verdicts: tuple[Verdict, ...]


class RunRead(NamedTuple):
    """The store answered a `ReadRun`. The last entry's signature is good; empty: nothing to be had."""

    token: Token
    entries: Piece


class BodiesRead(NamedTuple):
    """The store answered a `ReadBodies`, one answer for each id."""

    token: Token
    answers: tuple[BodyAnswer, ...]


class EvidenceRead(NamedTuple):
    """The store answered a `ReadEvidence`."""

    session: SessionId
    evidence: bytes


class Committed(NamedTuple):
    """The store changed for good: our own entries or others'. `source` handed them to us, None: ours."""

    pieces: tuple[Piece, ...]
    source: AuthorId | None
    evidence: tuple[Evidence, ...] = ()
    """Logs that ended: their entries from the evidence's seq on are gone."""
    shrunk: tuple[LogId, ...] = ()
    """Logs that were cut to what is carried of them: their last entries are gone, and may come again."""


class BodyKept(NamedTuple):
    """A body that was missing is here now."""

    entry_id: EntryId


class BodiesMissing(NamedTuple):
    """Bodies that the store lacks and that were neither deleted nor expired."""

    ids: tuple[EntryId, ...]


class Faulted(NamedTuple):
    """The shell or the intake found that a peer broke the protocol."""

    peer: AuthorId
    severity: Severity
    why: str


class Announced(NamedTuple):
    """A checked announcement came through the gossip topic."""

    origin: AuthorId
    payload: bytes


class PeerFound(NamedTuple):
    """A peer is configured, found by mDNS or taken from the address book."""

    peer: AuthorId
    addresses: tuple[str, ...]
    configured: bool


class AdmissionChanged(NamedTuple):
    """Who is let in changed; ask again about every peer and author."""


class InterestChanged(NamedTuple):
    """This node carries something else from now on."""

    interest: Interest


class AddressesChanged(NamedTuple):
    """We are reachable at these addresses now."""

    addresses: tuple[str, ...]


class SyncWanted(NamedTuple):
    """A person asked for a sync with a peer now."""

    peer: AuthorId


class TimerFired(NamedTuple):
    """The moment that the last `SetTimer` named has come."""


Event = (
    LinkUp
    | LinkDown
    | DialFailed
    | PushReceived
    | SyncOpened
    | SyncReceived
    | SyncClosed
    | Judged
    | RunRead
    | BodiesRead
    | EvidenceRead
    | BodyKept
    | Faulted
    | BodiesMissing
    | Committed
    | Announced
    | PeerFound
    | AdmissionChanged
    | InterestChanged
    | AddressesChanged
    | SyncWanted
    | TimerFired
)


# --- effects ----------------------------------------------------------------------------------------


class SendPush(NamedTuple):
    """Put a message into a peer's push queue; a full queue ends the link."""

    peer: AuthorId
    message: PushMessage


class OpenSync(NamedTuple):
    """Open a sync stream to a peer; `SyncOpened` or `SyncClosed` follows."""

    session: SessionId
    peer: AuthorId


class SendSync(NamedTuple):
    """Send a message over a sync stream."""

    session: SessionId
    message: SyncMessage


class CloseSync(NamedTuple):
    """End a sync stream: in good order where `why` is empty, else reset."""

    session: SessionId
    why: str


class Deliver(NamedTuple):
    """Hand pieces to the intake; `Judged` follows. `each_signature`: check each, not only the last."""

    token: Token
    source: AuthorId
    pieces: tuple[Piece, ...]
    each_signature: bool


class DeliverEvidence(NamedTuple):
    """Hand encoded evidence to the intake; a `Committed` follows where it was news."""

    source: AuthorId
    evidence: bytes


class DeliverBody(NamedTuple):
    """Hand a body that was asked for to the intake; `BodyKept` follows where it was right."""

    source: AuthorId
    entry_id: EntryId
    body: bytes


class FindMissingBodies(NamedTuple):
    """Look which bodies are missing; `BodiesMissing` follows where some are."""

    interest: Interest = EVERYTHING
    """Those that it does not want are not missed."""
    again: bool = False
    """Also those that rest because nobody had them: there is somebody new to ask."""


class NoteAbsent(NamedTuple):
    """No neighbour gave these bodies, and one at least has them not: let them rest before they are missing
    again."""

    ids: tuple[EntryId, ...]


class ReadRun(NamedTuple):
    """Read entries `first_seq` to `last_seq` of a log, at most `max_bytes`; `RunRead` follows."""

    token: Token
    log_id: LogId
    first_seq: int
    last_seq: int
    max_bytes: int


class ReadEvidence(NamedTuple):
    """Read the evidence that ended a log; `EvidenceRead` follows where there is some."""

    session: SessionId
    log_id: LogId


class ReadBodies(NamedTuple):
    """Read bodies; `BodiesRead` follows."""

    token: Token
    ids: tuple[EntryId, ...]


class Announce(NamedTuple):
    """Sign and publish an announcement in the gossip topic."""

    payload: bytes


class Dial(NamedTuple):
    """Connect to a peer; `LinkUp` or `DialFailed` follows."""

    peer: AuthorId
    addresses: tuple[str, ...]


class Disconnect(NamedTuple):
    """End every connection to a peer."""

    peer: AuthorId
    why: str


class SetTimer(NamedTuple):
    """Send a `TimerFired` at `at` (seconds on the clock of `now`). There is one timer; this replaces it."""

    at: float


class SyncProgress(NamedTuple):
    """For people: how far a session is."""

    session: SessionId
    peer: AuthorId
    entries: int
    entries_total: int
    bytes: int
    bytes_total: int


class SyncEnded(NamedTuple):
    """For people: how a session went."""

    session: SessionId
    peer: AuthorId
    ok: bool
    why: str
    rounds: int
    entries_sent: int
    entries_received: int
    complete: bool
    """Both frontiers were compared to the end: every log of ours is as the peer knows it, or further."""


class Learned(NamedTuple):
    """For the address book: a peer was seen, or announced where it is."""

    peer: AuthorId
    addresses: tuple[str, ...]
    hub: bool
    met: bool
    """True: we are or were connected to it; False: only heard of."""


Effect = (
    SendPush
    | OpenSync
    | SendSync
    | CloseSync
    | Deliver
    | DeliverEvidence
    | DeliverBody
    | ReadRun
    | ReadBodies
    | ReadEvidence
    | FindMissingBodies
    | NoteAbsent
    | Announce
    | Dial
    | Disconnect
    | SetTimer
    | SyncProgress
    | SyncEnded
    | Learned
)
