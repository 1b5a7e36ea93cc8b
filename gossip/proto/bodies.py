"""Bodies that did not come with their header: asked for, answered, and passed on to who waits for them.

A body is asked of one neighbour at a time, at most `MAX_WANTED_BODIES` of each. One that does not answer
in time, has it not or leaves, is followed by the next, until all neighbours were tried; where one of them
said that it has none, the keeper is told, so that it does not ask again at once. Whoever asks us
for a body that we are waiting for waits with us; in the end everyone gets an answer.
"""

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto.context import Context
from gossip.proto.events import Effect, Token
from gossip.proto.holders import Holders
from gossip.proto.messages import HELD, NOT_HELD, Bodies, BodyAnswer, WantBodies
from store.ids import AuthorId, EntryId

BODIES = "bodies"


@dataclass(slots=True)
class _Want:
    """A body that we lack and somebody is to give."""

    peer: AuthorId
    tried: set[AuthorId] = field(default_factory=set)
    deadline: float = float("inf")
    """When the peer is given up; infinite while it was not asked yet."""
    is_denied: bool = False
    """A peer answered that it has none: deleted, expired, or not held."""


class BodyTrade:
    """Who owes us which body, and whom we owe one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wants: dict[EntryId, _Want] = {}
        self._queues: dict[AuthorId, deque[EntryId]] = {}
        self._asked: dict[AuthorId, dict[EntryId, float]] = {}
        self._late: OrderedDict[tuple[AuthorId, EntryId], None] = OrderedDict()
        self._waiting: dict[EntryId, set[AuthorId]] = {}
        self._owed: dict[AuthorId, set[EntryId]] = {}
        self._reads: dict[Token, AuthorId] = {}
        self._has_more = False
        """The store lacks more bodies than those that it named last."""

    # --- what we want -------------------------------------------------------------------------------

    def want(self, peer: AuthorId, ids: Iterable[EntryId], now: float) -> list[Effect]:
        """Ask `peer` for bodies that nobody owes us yet; those beyond the bound are found missing later."""
        for entry_id in ids:
            if entry_id not in self._wants and len(self._wants) < limits.WANTED_BODIES:
                self._wants[entry_id] = _Want(peer)
                self._enqueue(peer, entry_id)
        return self._ask(peer, now)

    def missing(self, ids: Collection[EntryId], neighbours: Sequence[AuthorId], now: float) -> list[Effect]:
        """Ask a neighbour, by chance, for bodies that the store lacks."""
        if not neighbours:
            return []
        self._has_more = len(ids) >= limits.WANTED_BODIES
        return self.want(self._context.random.choice(list(neighbours)), ids, now)

    def answered(
        self,
        peer: AuthorId,
        answers: Sequence[BodyAnswer],
        holders: Holders,
        neighbours: Sequence[AuthorId],
        now: float,
    ) -> list[Effect]:
        """A neighbour answered. Bodies go to the intake; where it has none, another one is asked.

        Raises:
            RemoteFault: a body that we did not ask it for.
        """
        effects: list[Effect] = []
        lacking: list[EntryId] = []
        asked = self._asked.get(peer, {})
        for answer in answers:
            entry_id = answer.entry_id
            if entry_id in asked:
                del asked[entry_id]
            elif (peer, entry_id) in self._late:
                del self._late[peer, entry_id]
            else:
                raise RemoteFault("a body that was not asked for", Severity.SLIGHT)
            want = self._wants.get(entry_id)
            if want is None:
                continue
            if answer.status == HELD:
                effects.append(events.DeliverBody(peer, entry_id, answer.body))
            elif want.peer == peer:
                want.is_denied = True
                lacking.append(entry_id)
        return effects + self._pass_on(lacking, holders, neighbours, now) + self._ask(peer, now)

    def kept(self, entry_id: EntryId) -> list[Effect]:
        """The body is here: read it for those who wait, and look for more if it was the last of many."""
        self._wants.pop(entry_id, None)
        waiting = self._waiting.pop(entry_id, set())
        effects = [effect for peer in sorted(waiting) for effect in self._read_for(peer, [entry_id])]
        if self._has_more and not self._wants:
            self._has_more = False
            effects.append(events.FindMissingBodies(self._context.interest))
        return effects

    def due(self, holders: Holders, neighbours: Sequence[AuthorId], now: float) -> list[Effect]:
        """Give up on neighbours that did not answer in time."""
        for peer, asked in self._asked.items():
            for entry_id in [entry_id for entry_id, deadline in asked.items() if deadline <= now]:
                del asked[entry_id]
                self._late[peer, entry_id] = None
        while len(self._late) > limits.WANTED_BODIES:
            self._late.popitem(last=False)
        overdue = [entry_id for entry_id, want in self._wants.items() if want.deadline <= now]
        effects = self._pass_on(overdue, holders, neighbours, now)
        for peer in neighbours:
            effects += self._ask(peer, now)
        self._set_timer()
        return effects

    def peer_gone(
        self, peer: AuthorId, holders: Holders, neighbours: Sequence[AuthorId], now: float
    ) -> list[Effect]:
        """A neighbour left. What it owed is asked of others."""
        self._queues.pop(peer, None)
        self._asked.pop(peer, None)
        self._owed.pop(peer, None)
        for entry_id, waiting in list(self._waiting.items()):
            waiting.discard(peer)
            if not waiting:
                del self._waiting[entry_id]
        wanted = [entry_id for entry_id, want in self._wants.items() if want.peer == peer]
        return self._pass_on(wanted, holders, neighbours, now)

    def _enqueue(self, peer: AuthorId, entry_id: EntryId) -> None:
        want = self._wants[entry_id]
        want.peer, want.deadline = peer, float("inf")
        want.tried.add(peer)
        self._queues.setdefault(peer, deque()).append(entry_id)

    def _ask(self, peer: AuthorId, now: float) -> list[Effect]:
        """Ask a peer for as many of those in its queue as it may owe us at a time."""
        queue = self._queues.get(peer)
        if not queue:
            return []
        asked = self._asked.setdefault(peer, {})
        ids: list[EntryId] = []
        while queue and len(asked) < limits.MAX_WANTED_BODIES:
            entry_id = queue.popleft()
            want = self._wants.get(entry_id)
            if want is not None and want.peer == peer:
                want.deadline = asked[entry_id] = now + limits.BODY_WAIT_S
                ids.append(entry_id)
        if not queue:
            del self._queues[peer]
        self._set_timer()
        return [events.SendPush(peer, WantBodies(tuple(ids)))] if ids else []

    def _pass_on(
        self, ids: Iterable[EntryId], holders: Holders, neighbours: Sequence[AuthorId], now: float
    ) -> list[Effect]:
        """Ask the next neighbours for what one did not give; where all were tried, say so to who waits."""
        asked: set[AuthorId] = set()
        effects: list[Effect] = []
        absent: list[EntryId] = []
        for entry_id in ids:
            tried = self._wants[entry_id].tried
            left = [peer for peer in neighbours if peer not in tried]
            likely = [peer for peer in left if peer in holders.of(entry_id)]
            if left:
                self._enqueue((likely or left)[0], entry_id)
                asked.add((likely or left)[0])
            else:
                if self._wants.pop(entry_id).is_denied:
                    absent.append(entry_id)
                for peer in sorted(self._waiting.pop(entry_id, ())):
                    effects += self._deny(peer, [entry_id])
        for peer in sorted(asked):
            effects += self._ask(peer, now)
        if absent:
            effects.append(events.NoteAbsent(tuple(absent)))
        return effects

    def _set_timer(self) -> None:
        deadlines = [want.deadline for want in self._wants.values()]
        deadlines += (deadline for asked in self._asked.values() for deadline in asked.values())
        at = min(deadlines, default=float("inf"))
        if at < float("inf"):
            self._context.schedule.set(BODIES, at)

    # --- what others want ---------------------------------------------------------------------------

    def asked(self, peer: AuthorId, ids: Sequence[EntryId]) -> list[Effect]:
        """A neighbour asks for bodies. For those that we wait for ourselves it has to wait too."""
        ready: list[EntryId] = []
        refused: list[EntryId] = []
        owed = self._owed.setdefault(peer, set())
        for entry_id in dict.fromkeys(ids):
            if entry_id in owed:
                continue
            if len(owed) >= limits.MAX_OWED_BODIES:
                refused.append(entry_id)
                continue
            owed.add(entry_id)
            want = self._wants.get(entry_id)
            if want is not None and want.peer != peer:
                self._waiting.setdefault(entry_id, set()).add(peer)
            else:
                ready.append(entry_id)
        return self._read_for(peer, ready) + self._deny(peer, refused)

    def _deny(self, peer: AuthorId, ids: Collection[EntryId]) -> list[Effect]:
        self._owed.get(peer, set()).difference_update(ids)
        answers = tuple(BodyAnswer(entry_id, NOT_HELD, b"") for entry_id in ids)
        return [events.SendPush(peer, Bodies(answers))] if answers else []

    def _read_for(self, peer: AuthorId, ids: Sequence[EntryId]) -> list[Effect]:
        effects: list[Effect] = []
        for at in range(0, len(ids), limits.BODIES_PER_ANSWER):
            token = self._context.new_token()
            self._reads[token] = peer
            effects.append(events.ReadBodies(token, tuple(ids[at : at + limits.BODIES_PER_ANSWER])))
        return effects

    def read(self, token: Token, answers: tuple[BodyAnswer, ...]) -> list[Effect]:
        """The store answered: tell the one who asked."""
        peer = self._reads.pop(token, None)
        if peer is None or peer not in self._owed or not answers:
            return []
        self._owed[peer].difference_update(answer.entry_id for answer in answers)
        return [events.SendPush(peer, Bodies(answers))]
