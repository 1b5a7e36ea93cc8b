"""Meshes on virtual time become equal whatever happens to their nodes and links."""

from random import Random

import pytest

from gossip.proto import events
from gossip.proto.messages import Entries


def posts_while(mesh, chance, count, every_s=1.0):
    """Random online nodes publish, one after the other."""
    entries = []
    for number in range(count):
        online = [node for node in mesh.all if node.online]
        entries.append(mesh.publish(chance.choice(online), f"post {number}"))
        mesh.run_for(every_s)
    return entries


def test_the_same_seed_gives_the_same_history(make_mesh):
    histories = []
    for seed in (7, 7, 8):
        mesh = make_mesh(seed, 20)
        mesh.start()
        posts_while(mesh, Random(1), 10)
        histories.append(mesh.history())
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_live_posts_reach_everyone_by_push_alone_soon(make_mesh):
    mesh = make_mesh(2, 30)
    mesh.start()
    sessions = mesh.counters.sessions
    entries = [mesh.publish(node, "hello") for node in mesh.all[:10]]
    mesh.run_for(5.0)
    assert [mesh.holders(entry) for entry in entries] == [30] * 10
    assert mesh.counters.sessions - sessions < 30, "more than the periodic ones"


def test_redundancy_and_hops_stay_low_in_a_full_mesh(make_mesh):
    mesh = make_mesh(3, 50, book=8)
    mesh.start(settle_s=60.0)
    counters = mesh.counters
    entries = posts_while(mesh, Random(3), 40, every_s=2.0)
    mesh.run_for(5.0)
    assert all(mesh.holders(entry) == 50 for entry in entries)
    longest = [counters.hops[entry.id] for entry in entries]
    assert sum(longest) / len(longest) <= 6
    assert max(longest) <= 8
    assert counters.first_receptions == 40 * 49
    assert counters.redundancy <= 9, "about one less than the neighbours that a node has"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mesh_becomes_equal_after_churn(make_mesh, seed):
    mesh, chance = make_mesh(seed, 30), Random(seed)
    mesh.start(mesh.all[:20])
    entries = []
    for number in range(60):
        for node in chance.sample(mesh.all, 3):
            (mesh.go_offline if node.online else mesh.go_online)(node)
        if not any(node.online for node in mesh.all):
            mesh.go_online(chance.choice(mesh.all))
        author = chance.choice([node for node in mesh.all if node.online])
        entries.append(mesh.publish(author, f"post {number}"))
        mesh.run_for(chance.uniform(0.0, 5.0))
    for node in mesh.all:
        if not node.online:
            mesh.go_online(node)
    assert mesh.run_until_equal()
    assert [mesh.holders(entry) for entry in entries] == [30] * 60


@pytest.mark.parametrize(("nodes", "configured"), [(14, 0), (40, 2)])
def test_both_sides_of_a_partition_go_on_and_become_equal_once_it_is_healed(make_mesh, nodes, configured):
    """Who lacks neighbours dials across; so does, in larger meshes, who has a peer configured there."""
    mesh = make_mesh(1, nodes)
    for node in mesh.all[2 : 2 + configured]:
        node.configured = [mesh.all[node.name - 1].device]
    mesh.start()
    mesh.cut(lambda node: node.name % 2)
    mesh.run_for(5.0)
    left = [mesh.publish(node, "left") for node in mesh.all[:10:2]]
    right = [mesh.publish(node, "right") for node in mesh.all[1:10:2]]
    mesh.run_for(120.0)
    assert [mesh.holders(entry) for entry in left + right] == [nodes // 2] * 10
    assert len(mesh.digests()) == 2
    mesh.heal()
    assert mesh.run_until_equal(rounds=7), "the longest wait between dials, and a sync"
    assert [mesh.holders(entry) for entry in left + right] == [nodes] * 10


@pytest.mark.parametrize("seed", [1, 2])
def test_halves_in_which_nobody_lacks_a_neighbour_find_each_other_all_the_same(make_mesh, seed):
    mesh = make_mesh(seed, 40, book=39, links=4)
    mesh.start()
    mesh.cut(lambda node: node.name % 2)
    mesh.run_for(120.0)
    entry = mesh.publish(mesh.all[0], "left")
    mesh.run_for(60.0)
    mesh.heal()
    assert mesh.run_until_equal(rounds=25), "each node tries somebody else every ten minutes"
    assert mesh.holders(entry) == 40


@pytest.mark.parametrize("seed", [1, 2])
def test_links_lost_in_the_middle_of_sessions_lose_nothing(make_mesh, seed):
    mesh, chance = make_mesh(seed, 20), Random(seed)
    mesh.start(mesh.all[:3])
    for number in range(1_500):
        mesh.publish(mesh.all[number % 3], f"old {number}")
    mesh.run_for(5.0)
    running = 0
    for node in mesh.all[3:]:
        mesh.go_online(node)
    for _ in range(30):
        mesh.run_for(chance.uniform(0.05, 1.5))
        sides = {node: chance.randrange(2) for node in mesh.all}
        running += sum(len(node.sessions) for node in mesh.all)
        mesh.cut(lambda node, sides=sides: sides[node])
        mesh.heal()
    assert running > 0
    assert mesh.run_until_equal()
    assert {node.ledger.store.count() for node in mesh.all} == {1_500}


def test_a_node_that_crashes_in_mid_stream_goes_on_from_what_it_kept(make_mesh):
    mesh = make_mesh(4, 10)
    newcomer, author = mesh.all[-1], mesh.all[0]
    mesh.start(mesh.all[:-1])
    for number in range(1_500):
        mesh.publish(author, f"old {number} " + "x" * 20_000)
    mesh.run_for(30.0)
    kept = []
    while newcomer.ledger.store.count() < 1_500:
        mesh.go_online(newcomer)
        before = newcomer.ledger.store.count()
        for _ in range(2_000):
            mesh.run_for(0.005)
            if newcomer.ledger.store.count() > before:
                break
        kept.append(newcomer.ledger.store.count())
        mesh.go_offline(newcomer)
    assert len(kept) > 2, "no crash was in mid-stream"
    assert kept == sorted(kept)
    received = mesh.counters.receptions
    mesh.go_online(newcomer)
    assert mesh.run_until_equal()
    assert mesh.counters.receptions == received, "entries that were kept came again"


@pytest.mark.parametrize("seed", [1, 2])
def test_everyone_gets_everything_by_sync_alone_where_push_loses_all(make_mesh, seed):
    mesh = make_mesh(seed, 25)

    def is_pushed(node, event):
        return isinstance(event, events.PushReceived) and isinstance(event.message, Entries)

    mesh.loses = is_pushed
    mesh.start()
    entries = posts_while(mesh, Random(seed), 20)
    assert mesh.run_until_equal(rounds=10)
    assert [mesh.holders(entry) for entry in entries] == [25] * 20


def test_lost_messages_of_every_kind_delay_and_prevent_nothing(make_mesh):
    mesh, chance = make_mesh(6, 20), Random(6)
    mesh.loses = lambda node, event: (
        isinstance(event, events.PushReceived)
        and (isinstance(event.message, Entries) and chance.random() < 0.5)
    )
    mesh.start()
    entries = posts_while(mesh, Random(1), 40, every_s=0.3)
    assert mesh.run_until_equal()
    assert [mesh.holders(entry) for entry in entries] == [20] * 40


def test_large_bodies_reach_everyone_also_through_who_was_offline(make_mesh):
    mesh = make_mesh(5, 20)
    mesh.start(mesh.all[:10])
    first = mesh.publish(mesh.all[0], "x" * 20_000)
    mesh.run_for(10.0)
    assert mesh.holders(first) == 10
    second = [mesh.publish(node, "y" * 4_096) for node in mesh.all[:5]]
    bearer = mesh.all[7]
    mesh.run_for(10.0)
    for node in mesh.all[:10]:
        mesh.go_offline(node)
    bearer.book = [node.device for node in mesh.all[10:13]]
    mesh.start([bearer, *mesh.all[10:]])
    mesh.run_for(300.0)
    late = [bearer, *mesh.all[10:]]
    for entry in [first, *second]:
        assert all(mesh.has_body(node, entry) for node in late)
    mesh.start(mesh.all[:7] + mesh.all[8:10])
    assert mesh.run_until_equal()
    assert all(mesh.holders(entry) == 20 for entry in [first, *second])


def test_a_large_body_reaches_everyone_although_its_author_left_after_giving_it_once(make_mesh):
    mesh = make_mesh(8, 20)
    mesh.start()
    author = mesh.all[0]
    entry = mesh.publish(author, "z" * 30_000)
    while mesh.holders(entry) < 2:
        mesh.run_for(0.01)
    mesh.go_offline(author)
    assert mesh.holders(entry) < 10
    mesh.run_for(120.0)
    assert mesh.holders(entry) == 20
