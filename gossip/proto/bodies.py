"""Bodies that did not come with their header: asked for, answered, and passed on to who waits for them."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto.context import Context
from gossip.proto.events import Effect, Token
from gossip.proto.messages import HELD, Bodies, BodyAnswer, WantBodies
from store.ids import AuthorId, EntryId

Holders = Mapping[EntryId, AbstractSet[AuthorId]]


class BodyTrade:
    """Who owes us which body, and whom we owe one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owed: dict[EntryId, AuthorId] = {}
        self._tried: dict[EntryId, set[AuthorId]] = {}
        self._waiting: dict[EntryId, set[AuthorId]] = {}
        self._reads: dict[Token, AuthorId] = {}

    # --- what we want -------------------------------------------------------------------------------

    def want(self, peer: AuthorId, ids: Iterable[EntryId]) -> list[Effect]:
        """Ask `peer` for bodies that nobody owes us yet."""
        wanted = [i for i in ids if i not in self._owed][: max(0, limits.WANTED_BODIES - len(self._owed))]
        for entry_id in wanted:
            self._owed[entry_id] = peer
            self._tried.setdefault(entry_id, set()).add(peer)
        return [
            events.SendPush(peer, WantBodies(tuple(wanted[at : at + limits.MAX_WANTED_BODIES])))
            for at in range(0, len(wanted), limits.MAX_WANTED_BODIES)
        ]

    def missing(self, ids: Iterable[EntryId], neighbours: Sequence[AuthorId]) -> list[Effect]:
        """Ask a neighbour, by chance, for bodies that the store lacks."""
        open_ids = [entry_id for entry_id in ids if entry_id not in self._owed]
        if not neighbours or not open_ids:
            return []
        for entry_id in open_ids:
            if self._tried.get(entry_id, set()).issuperset(neighbours):
                self._tried.pop(entry_id, None)
        return self.want(self._context.random.choice(list(neighbours)), open_ids)

    def answered(
        self, peer: AuthorId, answers: Sequence[BodyAnswer], holders: Holders, neighbours: Sequence[AuthorId]
    ) -> list[Effect]:
        """A neighbour answered. Bodies go to the intake; where it has none, another one is asked.

        Raises:
            RemoteFault: a body that we did not ask it for.
        """
        effects: list[Effect] = []
        for answer in answers:
            if self._owed.get(answer.entry_id) != peer:
                raise RemoteFault("a body that was not asked for", Severity.SLIGHT)
            if answer.status == HELD:
                effects.append(events.DeliverBody(peer, answer.entry_id, answer.body))
            else:
                effects += self._ask_another(answer.entry_id, holders, neighbours)
        return effects

    def kept(self, entry_id: EntryId) -> list[Effect]:
        """The body is here: read it for those who wait."""
        self._owed.pop(entry_id, None)
        self._tried.pop(entry_id, None)
        waiting = self._waiting.pop(entry_id, set())
        return [effect for peer in sorted(waiting) for effect in self._read_for(peer, (entry_id,))]

    def peer_gone(self, peer: AuthorId, holders: Holders, neighbours: Sequence[AuthorId]) -> list[Effect]:
        """A neighbour left. What it owed is asked of others."""
        for waiting in self._waiting.values():
            waiting.discard(peer)
        owed = [entry_id for entry_id, debtor in self._owed.items() if debtor == peer]
        return [effect for entry_id in owed for effect in self._ask_another(entry_id, holders, neighbours)]

    def _ask_another(
        self, entry_id: EntryId, holders: Holders, neighbours: Sequence[AuthorId]
    ) -> list[Effect]:
        self._owed.pop(entry_id, None)
        tried = self._tried.get(entry_id, set())
        left = [peer for peer in neighbours if peer not in tried]
        likely = [peer for peer in left if peer in holders.get(entry_id, ())]
        if left:
            return self.want((likely or left)[0], [entry_id])
        self._tried.pop(entry_id, None)
        return []

    # --- what others want ---------------------------------------------------------------------------

    def asked(self, peer: AuthorId, ids: tuple[EntryId, ...]) -> list[Effect]:
        """A neighbour asks for bodies. For those that we wait for ourselves it has to wait too."""
        ready = []
        for entry_id in ids:
            if entry_id in self._owed and self._owed[entry_id] != peer:
                self._waiting.setdefault(entry_id, set()).add(peer)
            else:
                ready.append(entry_id)
        return self._read_for(peer, tuple(ready))

    def _read_for(self, peer: AuthorId, ids: tuple[EntryId, ...]) -> list[Effect]:
        effects: list[Effect] = []
        for at in range(0, len(ids), limits.BODIES_PER_ANSWER):
            token = self._context.new_token()
            self._reads[token] = peer
            effects.append(events.ReadBodies(token, ids[at : at + limits.BODIES_PER_ANSWER]))
        return effects

    def read(self, token: Token, answers: tuple[BodyAnswer, ...]) -> list[Effect]:
        """The store answered: tell the one who asked."""
        peer = self._reads.pop(token, None)
        return [] if peer is None else [events.SendPush(peer, Bodies(answers))]
