"""A world of engines on virtual time: many nodes, latency, churn, partitions, from one seed.

The engines are the real ones; links, clocks and disks are modelled: a message arrives after a random
latency and in order, a link that ends loses what is under way, a node that goes offline keeps what it
holds. An announcement reaches a random few of the reachable nodes, which is less than gossipsub does.
The same seed gives the same history.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from gossip.errors import Severity
from gossip.ledger import Ledger
from gossip.proto import events
from gossip.proto.admission import Everyone
from gossip.proto.context import Tuning
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, Event, SessionId
from gossip.proto.messages import Entries
from gossip.proto.sync_messages import Run
from store.crypto import SigningKey
from store.entry import Entry, make_body, sign
from store.errors import InvalidEntry
from store.frontier import Frontier
from store.ids import LOG_FEED, AuthorId, EntryId, NetworkId
from store.log import LogId

LATENCY_S: Final = (0.01, 0.2)
"""One way, drawn for each link: from the same town to the other side of the world."""

DIAL_TIMEOUT_S: Final = 5.0
DOORBELL_REACH: Final = 8
"""Nodes that one announcement reaches."""

START: Final = 1_800_000_000.0
"""Unix time at which every world begins."""


@dataclass(slots=True)
class Counters:
    """What happened in a world, in the literature's terms."""

    first_receptions: int = 0
    """Entries that came to a node that lacked them."""
    receptions: int = 0
    """Entries that came to a node, known or not."""
    hops: dict[EntryId, int] = field(default_factory=dict)
    """For each entry the hops of its longest way so far."""
    events: int = 0
    sessions: int = 0

    @property
    def redundancy(self) -> float:
        """Relative message redundancy: receptions for nothing per reception that was of use."""
        return self.receptions / self.first_receptions - 1 if self.first_receptions else 0.0


@dataclass(slots=True)
class Link:
    """One side of a link."""

    latency_s: float
    ready_at: float = 0.0


@dataclass(slots=True, eq=False)
class Node:
    """One engine with its ledger and its links."""

    name: int
    key: SigningKey
    ledger: Ledger
    is_hub: bool
    device: AuthorId = field(init=False)
    engine: Engine = field(init=False)
    online: bool = False
    run: int = 0
    timer: object = None
    links: dict[AuthorId, Link] = field(default_factory=dict)
    sessions: dict[SessionId, tuple[AuthorId, SessionId]] = field(default_factory=dict)
    """Our number of a sync session → the peer and its number."""
    hops: dict[EntryId, int] = field(default_factory=dict)
    book: list[AuthorId] = field(default_factory=list)
    """Whom it knows when it comes online."""
    configured: list[AuthorId] = field(default_factory=list)
    """Whom its owner told it to keep a link to."""

    def __post_init__(self) -> None:
        self.device = self.key.author


class World:
    """The nodes, the clock and the queue of what is going to happen."""

    def __init__(self, seed: int, tuning: Tuning, hub_tuning: Tuning | None = None) -> None:
        self.random = Random(seed)
        self.now = START
        self.network = NetworkId(self.random.randbytes(32))
        self.nodes: dict[AuthorId, Node] = {}
        self.counters = Counters()
        self.side: Callable[[Node], int] = lambda node: 0
        """Which side of a partition a node is on; two nodes reach each other on the same side."""
        self.loses: Callable[[Node, Event], bool] = lambda node, event: False
        """Whether what is sent to a node over a link gets lost, though the link stands."""
        self._tuning = tuning
        self._hub_tuning = hub_tuning or tuning
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._checked: set[EntryId] = set()

    # --- building -----------------------------------------------------------------------------------

    def add_node(self, *, is_hub: bool = False) -> Node:
        """A new node, offline."""
        key = SigningKey(self.random.randbytes(32))
        node = Node(len(self.nodes), key, Ledger(self.network, Everyone(), self._check), is_hub)
        self.nodes[node.device] = node
        return node

    def _check(self, entry: Entry) -> None:
        """Check a signature once for the whole world."""
        if entry.id not in self._checked:
            entry.check_signature(self.network)
            self._checked.add(entry.id)

    def go_online(self, node: Node) -> None:
        """Start a node's engine afresh over what it holds."""
        node.online = True
        node.run += 1
        node.links = {}
        node.sessions = {}
        states = node.ledger.store.logs()
        node.engine = Engine(
            node.device,
            self.network,
            Everyone(),
            Frontier(self.network, states),
            random=Random(self.random.getrandbits(64)),
            secret=Random(self.random.getrandbits(64)),
            tuning=self._hub_tuning if node.is_hub else self._tuning,
        )
        node.engine.context.addresses = (f"/sim/{node.name}",)
        self._perform(node, node.engine.start(self.now))
        for device in dict.fromkeys((*node.configured, *node.book)):
            address = f"/sim/{self.nodes[device].name}"
            self._give(node, events.PeerFound(device, (address,), configured=device in node.configured))

    def go_offline(self, node: Node) -> None:
        """End a node at once; what is under way is lost."""
        for device in list(node.links):
            self._unlink(node, self.nodes[device], "gone offline")
        node.online = False
        node.run += 1

    def cut(self, side: Callable[[Node], int]) -> None:
        """Partition the world: links between sides end, dials across fail."""
        self.side = side
        for node in self.nodes.values():
            for device in list(node.links):
                if not self._reaches(node, self.nodes[device]):
                    self._unlink(node, self.nodes[device], "partitioned")

    def heal(self) -> None:
        """End the partition."""
        self.side = lambda node: 0

    def publish(self, node: Node, text: str) -> Entry:
        """Let an online node publish a post."""
        held = node.ledger.state(LogId(node.device, LOG_FEED)).head
        seq, back = (1, b"") if held is None else (held.seq + 1, held.id)
        body = make_body(self.random.randbytes(16), [1, text, "en"])
        entry = sign(node.key, self.network, LOG_FEED, seq, back, body, int(self.now * 1000))
        self.keep_own(node, entry)
        return entry

    def keep_own(self, node: Node, entry: Entry) -> None:
        """Let an online node keep an entry as its own, without a look at it."""
        node.hops[entry.id] = 0
        self._changed(node, node.ledger.append_own(entry))

    # --- time ---------------------------------------------------------------------------------------

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at that time."""
        heapq.heappush(self._queue, (when, next(self._order), action))

    def run_until(self, when: float) -> None:
        """Let everything happen that is due up to `when`."""
        while self._queue and self._queue[0][0] <= when:
            self.now, _, action = heapq.heappop(self._queue)
            self.counters.events += 1
            action()
        self.now = when

    def _later(self, node: Node, delay_s: float, event: Event) -> None:
        run = node.run

        def happen() -> None:
            if node.online and node.run == run:
                self._give(node, event)

        self.at(self.now + delay_s, happen)

    def _give(self, node: Node, event: Event) -> None:
        self._perform(node, node.engine.handle(event, self.now))

    # --- effects ------------------------------------------------------------------------------------

    def _perform(self, node: Node, effects: list[Effect]) -> None:
        for effect in effects:
            handler = _PERFORM.get(type(effect))
            if handler is not None:
                handler(self, node, effect)

    def _send_push(self, node: Node, effect: events.SendPush) -> None:
        if isinstance(effect.message, Entries):
            self._count(self.nodes[effect.peer], node, effect.message.entries)
        self._deliver(node, effect.peer, events.PushReceived(node.device, effect.message))

    def _send_sync(self, node: Node, effect: events.SendSync) -> None:
        peer, theirs = node.sessions.get(effect.session, (None, None))
        if peer is None or theirs is None or peer not in node.links:
            return
        if isinstance(effect.message, Run):
            self._count(self.nodes[peer], node, effect.message.entries)
        self._deliver(node, peer, events.SyncReceived(theirs, effect.message, 0))

    def _deliver(self, node: Node, peer: AuthorId, event: Event) -> None:
        """Send something over a link: in order, after its latency, lost where the link ends first."""
        link = node.links.get(peer)
        if link is None:
            return
        other = self.nodes[peer]
        back = other.links.get(node.device)
        link.ready_at = max(link.ready_at, self.now + link.latency_s)

        def arrive() -> None:
            stands = back is not None and other.links.get(node.device) is back and other.online
            if stands and not self.loses(other, event):
                self._give(other, event)

        self.at(link.ready_at, arrive)

    def _open_sync(self, node: Node, effect: events.OpenSync) -> None:
        if effect.peer not in node.links:
            self._later(node, 0.0, events.SyncClosed(effect.session, "no link"))
            return
        other = self.nodes[effect.peer]
        theirs = other.engine.context.new_session()
        node.sessions[effect.session] = (effect.peer, theirs)
        other.sessions[theirs] = (node.device, effect.session)
        self.counters.sessions += 1
        self._deliver(node, effect.peer, events.SyncOpened(theirs, node.device, initiator=False))
        self._later(node, 0.0, events.SyncOpened(effect.session, effect.peer, initiator=True))

    def _close_sync(self, node: Node, effect: events.CloseSync) -> None:
        peer, theirs = node.sessions.pop(effect.session, (None, None))
        if peer is not None and theirs is not None:
            self.nodes[peer].sessions.pop(theirs, None)
            self._deliver(node, peer, events.SyncClosed(theirs, effect.why))

    def _dial(self, node: Node, effect: events.Dial) -> None:
        other = self.nodes[effect.peer]
        if not other.online or not self._reaches(node, other):
            self._later(node, DIAL_TIMEOUT_S, events.DialFailed(effect.peer, "no answer"))
            return
        latency = self.random.uniform(*LATENCY_S)
        run = node.run

        def answer() -> None:
            if not node.online or node.run != run:
                return
            if not other.online or not self._reaches(node, other):
                self._give(node, events.DialFailed(other.device, "no answer"))
            elif other.device not in node.links:
                node.links[other.device], other.links[node.device] = Link(latency), Link(latency)
                self._give(node, events.LinkUp(other.device, f"/sim/{other.name}", outbound=True))
                self._give(other, events.LinkUp(node.device, f"/sim/{node.name}", outbound=False))

        self.at(self.now + 2 * latency, answer)

    def _disconnect(self, node: Node, effect: events.Disconnect) -> None:
        if effect.peer in node.links:
            self._unlink(node, self.nodes[effect.peer], effect.why)

    def _unlink(self, node: Node, other: Node, why: str) -> None:
        node.links.pop(other.device, None)
        other.links.pop(node.device, None)
        self._later(node, 0.0, events.LinkDown(other.device, why))
        self._later(other, 0.0, events.LinkDown(node.device, why))

    def _reaches(self, node: Node, other: Node) -> bool:
        return self.side(node) == self.side(other)

    def _announce(self, node: Node, effect: events.Announce) -> None:
        others = [other for other in self.nodes.values() if other.online and other is not node]
        for other in self.random.sample(others, min(DOORBELL_REACH, len(others))):
            if self._reaches(node, other):
                heard = events.Announced(node.device, effect.payload)
                self._later(other, self.random.uniform(*LATENCY_S) * 3, heard)

    def _ingest(self, node: Node, effect: events.Deliver) -> None:
        verdicts, changed = node.ledger.ingest(
            effect.pieces, effect.source, each_signature=effect.each_signature
        )
        if changed is not None:
            self._changed(node, changed)
        self._later(node, 0.001, events.Judged(effect.token, tuple(verdicts)))

    def _ingest_evidence(self, node: Node, effect: events.DeliverEvidence) -> None:
        try:
            changed = node.ledger.ingest_evidence(effect.evidence)
        except InvalidEntry:
            self._give(node, events.Faulted(effect.source, Severity.HOSTILE, "evidence that proves nothing"))
            return
        if changed is not None:
            self._changed(node, changed._replace(source=effect.source))

    def _ingest_body(self, node: Node, effect: events.DeliverBody) -> None:
        if node.ledger.ingest_body(effect.entry_id, effect.body):
            self._give(node, events.BodyKept(effect.entry_id))
        else:
            self._give(node, events.Faulted(effect.source, Severity.BAD, "a body that does not fit"))

    def _changed(self, node: Node, changed: events.Committed) -> None:
        source = self.nodes[changed.source] if changed.source is not None else None
        for piece in changed.pieces:
            log_id = LogId(piece[0].author, piece[0].log)
            node.engine.update(log_id, node.ledger.state(log_id))
            if source is not None:
                self._note_hops(node, source, piece)
        for evidence in changed.evidence:
            node.engine.update(evidence.log_id, node.ledger.state(evidence.log_id))
        self._give(node, changed)

    def _note_hops(self, node: Node, source: Node, piece: events.Piece) -> None:
        hops = self.counters.hops
        for entry in piece:
            here = node.hops[entry.id] = source.hops.get(entry.id, 0) + 1
            hops[entry.id] = max(hops.get(entry.id, 0), here)
        self.counters.first_receptions += len(piece)

    def _count(self, receiver: Node, sender: Node, entries: tuple[Entry, ...]) -> None:
        if receiver.device in sender.links:
            self.counters.receptions += len(entries)

    def _read_run(self, node: Node, effect: events.ReadRun) -> None:
        entries = node.ledger.read_run(effect.log_id, effect.first_seq, effect.last_seq, effect.max_bytes)
        while node.ledger.findings:
            self._changed(node, node.ledger.findings.pop())
        self._later(node, 0.0, events.RunRead(effect.token, entries))

    def _read_bodies(self, node: Node, effect: events.ReadBodies) -> None:
        answers = tuple(node.ledger.read_bodies(effect.ids))
        self._later(node, 0.0, events.BodiesRead(effect.token, answers))

    def _read_evidence(self, node: Node, effect: events.ReadEvidence) -> None:
        evidence = node.ledger.state(effect.log_id).evidence
        if evidence is not None:
            self._later(node, 0.0, events.EvidenceRead(effect.session, evidence.encode()))

    def _find_missing(self, node: Node, effect: events.FindMissingBodies) -> None:
        ids = tuple(node.ledger.missing_bodies(64, effect.interest))
        if ids:
            self._later(node, 0.0, events.BodiesMissing(ids))

    def _set_timer(self, node: Node, effect: events.SetTimer) -> None:
        token = node.timer = object()
        run = node.run

        def fire() -> None:
            if node.timer is token and node.run == run and node.online:
                self._give(node, events.TimerFired())

        self.at(max(effect.at, self.now), fire)


_PERFORM: Final[dict[type, Callable[..., None]]] = {
    events.SendPush: World._send_push,
    events.SendSync: World._send_sync,
    events.OpenSync: World._open_sync,
    events.CloseSync: World._close_sync,
    events.Dial: World._dial,
    events.Disconnect: World._disconnect,
    events.Announce: World._announce,
    events.Deliver: World._ingest,
    events.DeliverEvidence: World._ingest_evidence,
    events.DeliverBody: World._ingest_body,
    events.ReadRun: World._read_run,
    events.ReadBodies: World._read_bodies,
    events.ReadEvidence: World._read_evidence,
    events.FindMissingBodies: World._find_missing,
    events.SetTimer: World._set_timer,
}
