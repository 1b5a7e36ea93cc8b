"""What a mesh does about authors who fork or sign badly, and about nodes that send garbage."""

import pytest

from gossip.proto import limits
from gossip.proto.admission import Everyone
from gossip.scenario import unequal
from node.testing.people import spoiled
from store.entry import Entry, make_body, sign
from store.ids import LOG_FEED
from store.log import BAD, FORK, LogId


def sign_chain(mesh, node, texts, after=None):
    """Entries of a node's feed after one of its entries, kept nowhere yet."""
    chain: list[Entry] = []
    for text in texts:
        seq, back = (1, b"") if after is None else (after.seq + 1, after.id)
        body = make_body(bytes(16), [1, text, "en"])
        after = sign(node.key, mesh.network, LOG_FEED, seq, back, body, int(mesh.now * 1000))
        chain.append(after)
    return chain


def keep_unseen(node, log):
    """Give a node entries on the last signature alone, as if they had come in a long run."""
    node.ledger.store.append([tuple(log)], checked=False, durable=False)


def feed_states(mesh, author, nodes=None):
    log_id = LogId(author.device, LOG_FEED)
    return [node.ledger.state(log_id) for node in nodes or mesh.all]


def feed_ids(mesh, author):
    log_id = LogId(author.device, LOG_FEED)
    return {
        tuple(entry.id for entry in node.ledger.store.range(log_id, 1, 2**30, 2**40)) for node in mesh.all
    }


@pytest.mark.parametrize("branches", [2, 3])
@pytest.mark.parametrize("depth", [1, 5])
def test_all_end_with_the_same_proof_and_prefix_when_an_author_forks(make_mesh, branches, depth):
    mesh = make_mesh(branches, 20)
    mesh.start()
    author = mesh.all[0]
    common = [mesh.publish(author, f"common {number}") for number in range(4)]
    mesh.run_for(10.0)
    for number, node in enumerate(mesh.all[1 : 1 + branches]):
        for entry in sign_chain(mesh, author, [f"{number} of {step}" for step in range(depth)], common[-1]):
            mesh.keep_own(node, entry)
    assert mesh.run_until_equal()
    assert unequal(mesh) == 0
    states = feed_states(mesh, author)
    (evidence,) = {state.evidence for state in states}
    assert evidence is not None
    assert (evidence.kind, evidence.seq) == (FORK, 5)
    assert {state.head.seq for state in states} == {4}
    assert feed_ids(mesh, author) == {tuple(entry.id for entry in common)}


def test_of_three_entries_at_one_place_all_name_the_two_of_smallest_id(make_mesh):
    mesh = make_mesh(4, 20)
    mesh.start()
    author = mesh.all[0]
    forked = [entry for text in ("a", "b", "c") for entry in sign_chain(mesh, author, [text])]
    for entry, node in zip(forked, mesh.all[5::5], strict=True):
        mesh.keep_own(node, entry)
    assert mesh.run_until_equal()
    (evidence,) = {state.evidence for state in feed_states(mesh, author)}
    assert [entry.id for entry in evidence.entries] == sorted(entry.id for entry in forked)[:2]


def test_branches_that_begin_at_different_places_end_at_the_lowest(make_mesh):
    mesh = make_mesh(5, 20)
    author = mesh.all[0]
    trunk = sign_chain(mesh, author, [f"trunk {number}" for number in range(60)])
    late = sign_chain(mesh, author, [f"late {number}" for number in range(50)], trunk[-1])
    other = sign_chain(mesh, author, [f"other {number}" for number in range(40)], trunk[-1])
    early = sign_chain(mesh, author, ["early"], trunk[29])
    for node in mesh.all:
        keep_unseen(node, [trunk + late, trunk + other, trunk[:30] + early][node.name % 3])
    mesh.start()
    assert mesh.run_until_equal()
    assert {state.evidence.seq for state in feed_states(mesh, author)} == {31}
    assert feed_ids(mesh, author) == {tuple(entry.id for entry in trunk[:30])}


def test_nothing_more_is_taken_of_a_log_that_has_ended(make_mesh):
    mesh = make_mesh(6, 20)
    mesh.start()
    author = mesh.all[0]
    first = mesh.publish(author, "first")
    mesh.run_for(5.0)
    for node, text in ((mesh.all[1], "one"), (mesh.all[2], "two")):
        mesh.keep_own(node, sign_chain(mesh, author, [text], first)[0])
    assert mesh.run_until_equal()
    before = mesh.digests()
    later = sign_chain(mesh, author, ["one", "more", "and more"], first)
    for node in mesh.all[3:6]:
        verdicts, changed = node.ledger.ingest([tuple(later)], author.device, each_signature=True)
        assert changed is None
        assert [type(verdict).__name__ for verdict in verdicts] == ["Stopped"]
    mesh.run_for(60.0)
    assert mesh.digests() == before
    assert {state.head.seq for state in feed_states(mesh, author)} == {1}


def bad_log(mesh, author, length, bad_seq):
    """A log of which one entry is badly signed and the later ones vouch for it."""
    log = sign_chain(mesh, author, [f"good {number}" for number in range(bad_seq)])
    log[-1] = spoiled(log[-1])
    return log + sign_chain(mesh, author, [f"later {number}" for number in range(length - bad_seq)], log[-1])


@pytest.mark.parametrize("held", [0, 90, 94])
def test_who_checked_each_signature_and_who_took_the_run_become_equal(make_mesh, held):
    """Half of the nodes hold enough to get the bad entry in a short run, which is checked one by one."""
    mesh = make_mesh(7, 20)
    author = mesh.all[0]
    log = bad_log(mesh, author, 110, 95)
    keep_unseen(author, log)
    if held:
        for node in mesh.all[1:10]:
            keep_unseen(node, log[:held])
    mesh.start(settle_s=2.0)
    assert mesh.run_until_equal(rounds=8)
    states = feed_states(mesh, author)
    heads = {state.head.seq for state in states}
    if held:
        assert len({state.evidence.digest() for state in states}) == 1
        assert {(state.evidence.kind, state.evidence.seq) for state in states} == {(BAD, 95)}
        assert heads == {94}
    else:
        assert heads == {110}, "nobody looked"
        assert {state.evidence for state in states} == {None}


def test_a_run_that_all_took_ends_as_soon_as_one_node_looks(make_mesh):
    mesh = make_mesh(8, 20)
    author = mesh.all[0]
    log = bad_log(mesh, author, 200, 190)
    keep_unseen(author, log)
    mesh.start()
    assert mesh.run_until_equal()
    assert {state.head.seq for state in feed_states(mesh, author)} == {200}
    witness = mesh.add_node()
    witness.book = [mesh.all[3].device]
    mesh.all.append(witness)
    keep_unseen(witness, log[:185])
    mesh.go_online(witness)
    assert mesh.run_until_equal()
    states = feed_states(mesh, author)
    assert {(state.evidence.kind, state.evidence.seq, state.head.seq) for state in states} == {
        (BAD, 190, 189)
    }


def test_who_relays_a_bad_log_that_its_author_vouched_for_is_not_blamed(make_mesh):
    mesh = make_mesh(9, 20)
    author = mesh.all[0]
    log = bad_log(mesh, author, 110, 95)
    keep_unseen(author, log)
    for node in mesh.all[1:10]:
        keep_unseen(node, log[:90])
    mesh.start()
    assert mesh.run_until_equal()
    assert all(mesh.welcome(node.device)[False] == 0 for node in mesh.all)


# --- garbage ------------------------------------------------------------------------------------------


def publish_garbage(mesh, rogue):
    """An entry that nobody vouches for, pushed by a node that did not look at its own words."""
    held = rogue.ledger.state(LogId(rogue.device, LOG_FEED)).head
    assert held is None, "its first entry"
    entry = spoiled(sign_chain(mesh, rogue, ["garbage"])[0])
    mesh.keep_own(rogue, entry)
    return entry


def test_who_pushes_an_invalid_signature_is_banned_by_its_neighbours_and_nobody_else_is(make_mesh):
    mesh = make_mesh(10, 25)
    mesh.start()
    rogue, honest = mesh.all[4], [node for node in mesh.all if node.name != 4]
    neighbours = [mesh.nodes[device] for device in rogue.links]
    assert len(neighbours) >= 6
    publish_garbage(mesh, rogue)
    mesh.run_for(1.0)
    assert not any(node.engine.is_welcome(rogue.device, mesh.now) for node in neighbours)
    good = [mesh.publish(node, "good") for node in honest[:5]]
    mesh.run_for(120.0)
    assert not any(mesh.nodes[device] in neighbours for device in rogue.links)
    assert all(
        node.device not in rogue.links
        for node in honest
        if not node.engine.is_welcome(rogue.device, mesh.now)
    )
    assert mesh.run_until_equal(honest)
    assert all(mesh.has_body(node, entry) for node in honest for entry in good)
    assert feed_states(mesh, rogue, honest) == [feed_states(mesh, rogue, honest)[0]] * 24
    assert feed_states(mesh, rogue, honest)[0].head is None
    for node in honest:
        assert all(other.engine.is_welcome(node.device, mesh.now) for other in honest)


def test_who_serves_an_invalid_run_in_a_sync_is_banned_by_who_asked(make_mesh):
    mesh = make_mesh(11, 10)
    rogue, honest = mesh.all[0], mesh.all[1:]
    log = sign_chain(mesh, rogue, [f"good {number}" for number in range(60)])
    rogue.ledger.store.append([(*log[:-1], spoiled(log[-1]))], checked=True, durable=False)
    mesh.start(settle_s=90.0)
    assert mesh.welcome(rogue.device)[False] > 4
    assert all(mesh.nodes[device].engine.is_welcome(rogue.device, mesh.now) for device in rogue.links)
    assert mesh.run_until_equal(honest)
    assert {node.ledger.store.count() for node in honest} == {0}
    for node in honest:
        assert all(other.engine.is_welcome(node.device, mesh.now) for other in honest)


def test_a_ban_ends_and_a_mended_node_is_let_in_again(make_mesh):
    mesh = make_mesh(12, 10)
    mesh.start()
    rogue = mesh.all[0]
    publish_garbage(mesh, rogue)
    mesh.run_for(60.0)
    assert rogue.links == {}
    mesh.go_offline(rogue)
    rogue.ledger = type(rogue.ledger)(mesh.network, Everyone())
    mesh.run_for(limits.BAN_S)
    mesh.go_online(rogue)
    entry = mesh.publish(rogue, "sorry")
    assert mesh.run_until_equal()
    assert mesh.holders(entry) == 10
