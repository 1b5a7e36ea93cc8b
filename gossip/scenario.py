"""A day in the life of a simulated mesh: churn, a partition, posts, and at the end the question whether
everybody holds the same. Used by `aster sim`, by tests and by `benchmarks/sim.py`.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from gossip.proto.context import Tuning
from gossip.proto.fields import ALL_LOGS
from gossip.sim import START, Node, World

HOUR_S: Final = 3_600.0
SETTLE_ROUNDS: Final = 3
"""Sync rounds after the churn within which all have to be equal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in the day. Times in hours."""

    nodes: int = 100
    hubs: int = 5
    hours: float = 24.0
    posts: int = 100
    online_h: float = 3.0
    """How long a laptop stays on, on average."""
    offline_h: float = 3.0
    partition_h: tuple[float, float] = (8.0, 12.0)
    sync_interval_s: float = 1_800.0
    presence_s: float = 21_600.0
    explore_s: float = 3_600.0
    book: int = 12
    """Devices that each node knows from the start, beside the hubs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the day went."""

    seed: int
    nodes: int
    entries: int
    converged: bool
    rounds: int
    """Sync rounds after the churn until all were equal; more than `SETTLE_ROUNDS`: they were not."""
    unequal: int
    """Nodes that held something else than the others at the end."""
    last_delivery_hops: float
    """Average over the entries of their longest way."""
    redundancy: float
    sessions: int
    events: int


def run_day(seed: int, plan: Plan | None = None) -> Outcome:
    """Play the day of `plan` from `seed`."""
    plan = plan or Plan()
    world, chance = _found(seed, plan)
    nodes = list(world.nodes.values())
    end = START + plan.hours * HOUR_S
    for node in nodes:
        if node.is_hub:
            world.at(START, lambda node=node: world.go_online(node))  # type: ignore[misc]
        else:
            _schedule_life(world, chance, node, plan, end)
    _schedule_posts(world, chance, nodes, plan, end)
    first, last = plan.partition_h
    if last <= plan.hours:
        world.at(START + first * HOUR_S, lambda: world.cut(lambda node: node.name % 2))
        world.at(START + last * HOUR_S, world.heal)
    world.run_until(end)
    for node in nodes:
        if not node.online:
            world.go_online(node)
    rounds = 0
    while rounds <= SETTLE_ROUNDS and unequal(world):
        world.run_until(world.now + plan.sync_interval_s)
        rounds += 1
    return _outcome(seed, world, rounds)


def _found(seed: int, plan: Plan) -> tuple[World, Random]:
    tuning = Tuning(
        sync_interval_s=plan.sync_interval_s,
        presence_s=plan.presence_s,
        flush_s=0.1,
        explore_s=plan.explore_s,
    )
    world = World(seed, tuning, replace(tuning, hub=True))
    chance = Random(seed ^ 0x5EED)
    nodes = [world.add_node(is_hub=i < plan.hubs) for i in range(plan.nodes)]
    hubs = [node.device for node in nodes[: plan.hubs]]
    for node in nodes:
        known = chance.sample(nodes, min(plan.book, len(nodes)))
        node.book = [
            d for d in dict.fromkeys([*hubs, *(other.device for other in known)]) if d != node.device
        ]
    return world, chance


def _schedule_life(world: World, chance: Random, node: Node, plan: Plan, end: float) -> None:
    """Turns of being online and offline, of random length."""
    now = START
    online = chance.random() < plan.online_h / (plan.online_h + plan.offline_h)
    if online:
        world.at(now, lambda: world.go_online(node))
    while True:
        mean = plan.online_h if online else plan.offline_h
        now += chance.expovariate(1 / (mean * HOUR_S))
        if now >= end:
            return
        online = not online
        world.at(now, (lambda: world.go_online(node)) if online else (lambda: world.go_offline(node)))


def _schedule_posts(world: World, chance: Random, nodes: list[Node], plan: Plan, end: float) -> None:
    for number in range(plan.posts):
        author = chance.choice(nodes)
        when = START + chance.random() * (end - START)

        def post(author: Node = author, number: int = number) -> None:
            if not author.online:
                online = [node for node in nodes if node.online]
                author = chance.choice(online)
            world.publish(author, f"post {number}")

        world.at(when, post)


def unequal(world: World) -> int:
    """How many nodes hold something else than the node that holds most."""
    digests = [node.engine.frontier.digest(ALL_LOGS) for node in world.nodes.values()]
    fullest = max(world.nodes.values(), key=lambda node: node.ledger.store.count())
    target = fullest.engine.frontier.digest(ALL_LOGS)
    return sum(digest != target for digest in digests)


def _outcome(seed: int, world: World, rounds: int) -> Outcome:
    left = unequal(world)
    counters = world.counters
    entries = max(node.ledger.store.count() for node in world.nodes.values())
    hops = sum(counters.hops.values()) / len(counters.hops) if counters.hops else 0.0
    return Outcome(
        seed,
        len(world.nodes),
        entries,
        left == 0,
        rounds,
        left,
        round(hops, 2),
        round(counters.redundancy, 2),
        counters.sessions,
        counters.events,
    )
