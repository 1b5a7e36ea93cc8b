"""Meshes on virtual time, made in one call, and what tests ask of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from random import Random

import pytest

from gossip.proto.context import Tuning
from gossip.proto.fields import ALL_LOGS
from gossip.sim import Node, World
from store.entry import Entry
from store.ids import AuthorId

SYNC_INTERVAL_S = 60.0


class Mesh(World):
    """A world whose nodes know some others from the start, and whose tests ask the same questions."""

    def __init__(self, seed: int, nodes: int, book: int, tuning: Tuning) -> None:
        super().__init__(seed, tuning)
        self.all = [self.add_node() for _ in range(nodes)]
        chance = Random(seed)
        for node in self.all:
            others = [other.device for other in self.all if other is not node]
            node.book = chance.sample(others, min(book, len(others)))

    def start(self, nodes: Iterable[Node] | None = None, settle_s: float = 20.0) -> None:
        """Bring nodes online (all of them) and give them time to find each other."""
        for node in self.all if nodes is None else nodes:
            self.go_online(node)
        self.run_for(settle_s)

    def run_for(self, seconds: float) -> None:
        """Let so much time pass."""
        self.run_until(self.now + seconds)

    def run_until_equal(self, nodes: Collection[Node] | None = None, *, rounds: int = 5) -> bool:
        """Let at most so many sync intervals pass; whether all nodes hold the same at the end."""
        for _ in range(rounds * 6):
            self.run_for(SYNC_INTERVAL_S / 6)
            if len(self.digests(nodes)) == 1:
                return True
        return False

    def digests(self, nodes: Collection[Node] | None = None) -> set[bytes]:
        """What the nodes hold, as they would compare it with each other, and as their stores have it."""
        chosen = self.all if nodes is None else nodes
        for node in chosen:
            node_states = node.ledger.store.logs()
            for log_id, state in node_states.items():
                known = node.engine.frontier.get(log_id)
                assert known is not None, "the engine was not told of a log"
                assert known.head == state.head, "the engine knows another head than the store"
        return {node.engine.frontier.digest(ALL_LOGS) for node in chosen}

    def holders(self, entry: Entry) -> int:
        """How many nodes hold an entry with its body."""
        return sum(self.has_body(node, entry) for node in self.all)

    def has_body(self, node: Node, entry: Entry) -> bool:
        """Whether a node holds an entry with its body."""
        held = node.ledger.store.range((entry.author, entry.log), entry.seq, entry.seq, 2**30)
        return bool(held) and held[0].id == entry.id and held[0].body == entry.body

    def history(self) -> tuple[object, ...]:
        """Everything that a history can differ in."""
        counters = self.counters
        return (
            self.now,
            counters.events,
            counters.sessions,
            counters.receptions,
            counters.first_receptions,
            counters.hops,
            [(node.engine.frontier.digest(ALL_LOGS), sorted(node.links)) for node in self.all],
        )

    def welcome(self, guest: AuthorId) -> Counter[bool]:
        """How many of the other nodes talk to a device."""
        others = [node for node in self.all if node.device != guest]
        return Counter(node.engine.is_welcome(guest, self.now) for node in others)


@pytest.fixture
def make_mesh() -> Callable[..., Mesh]:
    """Makes a mesh from a seed; its nodes are offline."""

    def make(seed: int = 1, nodes: int = 20, *, book: int = 6, links: int = 8) -> Mesh:
        tuning = Tuning(sync_interval_s=SYNC_INTERVAL_S, target_links=links)
        return Mesh(seed, nodes, book, tuning)

    return make
