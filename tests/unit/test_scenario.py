"""A simulated day comes out the same from the same seed, whoever plays it, and says what went wrong."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from gossip.proto.context import Tuning
from gossip.scenario import SETTLE_ROUNDS, Outcome, Plan, run_day, unequal
from gossip.sim import World

SHORT = Plan(nodes=16, hubs=2, hours=3.0, posts=20, partition_h=(1.0, 2.0), online_h=1.0, offline_h=1.0)


def test_the_same_seed_gives_the_same_day():
    assert run_day(5, SHORT) == run_day(5, SHORT)


def test_another_seed_gives_another_day():
    assert replace(run_day(5, SHORT), seed=0) != replace(run_day(6, SHORT), seed=0)


def test_the_day_does_not_depend_on_the_hashes_of_a_process():
    source = f"from gossip.scenario import Plan, run_day\nprint(run_day(5, {SHORT!r}))\n"
    days = [
        subprocess.run(
            [sys.executable, "-c", source],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert days == [repr(run_day(5, SHORT))] * 2


@pytest.mark.parametrize("seed", range(1, 5))
def test_all_are_equal_after_a_day_of_churn_and_a_partition(seed):
    day = run_day(seed, SHORT)
    assert day.converged
    assert day.unequal == 0
    assert day.rounds <= SETTLE_ROUNDS
    assert (day.seed, day.nodes, day.entries) == (seed, 16, 20)
    assert day.sessions > 16
    assert day.events > 1_000


def test_a_day_without_posts_has_nothing_to_count():
    day = run_day(1, replace(SHORT, posts=0))
    assert day.converged
    assert (day.entries, day.last_delivery_hops, day.redundancy, day.rounds) == (0, 0.0, 0.0, 0)


def test_a_partition_that_would_outlast_the_day_is_left_out():
    day = run_day(2, replace(SHORT, partition_h=(1.0, 9.0)))
    assert day.converged


def test_nodes_that_cannot_reach_each_other_are_reported_as_unequal():
    """The day of a world whose nodes know nobody: each ends with its own posts alone."""
    world = World(1, Tuning())
    nodes = [world.add_node() for _ in range(3)]
    for node in nodes:
        world.go_online(node)
    assert unequal(world) == 0
    world.cut(lambda node: node.name)
    world.publish(nodes[0], "alone")
    world.publish(nodes[0], "still alone")
    world.run_until(world.now + 300.0)
    assert unequal(world) == 2
    world.publish(nodes[1], "me too")
    assert unequal(world) == 2


def test_an_outcome_that_did_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(World, "heal", lambda world: None)
    day = run_day(3, SHORT)
    assert isinstance(day, Outcome)
    assert not day.converged
    assert day.unequal >= 8
    assert day.rounds == SETTLE_ROUNDS + 1
