"""Logs that are cut and carried further again while the mesh runs."""

import trio


def heads(log_id, *stations):
    """How many entries of a log each station holds, in its store and as its engine knows."""
    found = []
    for station in stations:
        held = station.engine.frontier.get(log_id)
        stored = station.ledger.state(log_id).head
        assert (stored and stored.seq) == (held and held.head and held.head.seq)
        found.append(stored.seq if stored else 0)
    return found


async def test_a_log_that_is_cut_everywhere_goes_on_when_it_is_carried_again(autojump_clock, lab):
    alice, bob, carol = chain = await lab.linked("alice", "bob", "carol")
    log_id = alice.person.log_id()
    for number in range(20):
        alice.post(f"post {number}")
    await lab.wait_until(lambda: heads(log_id, *chain) == [20, 20, 20])
    for station in (bob, carol):
        station.carry(log_id, 5)
    alice.post("beyond")
    await trio.sleep(200)
    assert heads(log_id, *chain) == [21, 5, 5]
    assert bob.digest == carol.digest
    assert all(station.is_linked(bob) for station in (alice, carol))
    for station in (bob, carol):
        station.carry(log_id)
    await lab.wait_until(lambda: heads(log_id, *chain) == [21, 21, 21])
    assert len({station.digest for station in chain}) == 1


async def test_what_was_just_cut_is_taken_from_a_push_once_it_is_carried_again(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    log_id = alice.person.log_id()
    entries = [alice.post(f"post {number}") for number in range(3)]
    await lab.wait_until(lambda: heads(log_id, bob) == [3])
    bob.carry(log_id, 0)
    assert heads(log_id, bob) == [0]
    assert len(bob.engine.frontier) == 0
    bob.carry(log_id)
    await lab.wait_until(lambda: heads(log_id, bob) == [3])
    assert bob.ledger.store.entry(entries[-1].id) == entries[-1]


async def test_a_new_station_gets_of_a_cut_log_what_is_left(autojump_clock, lab):
    alice, bob = await lab.linked("alice", "bob")
    log_id = alice.person.log_id()
    for number in range(400):
        alice.post(f"post {number}")
    await lab.wait_until(lambda: heads(log_id, bob) == [400])
    bob.carry(log_id, 300)
    dave = await lab.station("dave")
    dave.carry(log_id, 300)
    dave.know(bob)
    await lab.wait_until(lambda: heads(log_id, dave) == [300])
    await trio.sleep(5)
    assert dave.digest == bob.digest
