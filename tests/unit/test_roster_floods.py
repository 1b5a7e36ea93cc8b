"""The roster of logs that are made to be slow: full ones, long chains, many who say the same."""

from node.federation import bare, statements
from node.federation.names import StateId
from node.testing.citizens import Device, act_of
from node.testing.federations import Federation, terms_of
from store.entry import MAX_ID_SEQ, Entry, sign
from store.ids import LOG_ID, EntryId
from store.log import LogId

SALT = bytes(16)


def chain(device: Device, bodies: list[bytes]) -> list[Entry]:
    """Entries after what a device has said, with signatures that nobody checks here."""
    entries: list[Entry] = []
    back: EntryId = device.log[-1].id
    for seq, body in enumerate(bodies, len(device.log) + 1):
        entry = sign(device.key, device.network, LOG_ID, seq, back, body, 1_000 * seq)
        entries.append(entry)
        back = entry.id
    return entries


def test_a_log_full_of_consents_by_a_stranger_changes_nothing():
    federation = Federation(1, 3)
    alice, bob, _ = federation.stewards[0]
    entry = alice.change([federation.state()], terms_of([alice]))
    act = act_of(entry, federation.network)
    roster = federation.roster()
    eve = federation.newcomer("eve")
    eve.log += chain(eve, [statements.compose_consent(SALT, act)] * (MAX_ID_SEQ - 1))
    before, version = roster.digest(), roster.version
    roster.add(eve.log[:1])
    version = roster.version
    for entry in eve.log[1:]:
        roster.add([entry])
    assert (roster.version, roster.digest()) == (version, before)
    bob.consent(act)
    roster.add(bob.log[1:])
    assert roster.act(act).complete


def test_a_log_full_of_changes_by_the_only_steward_is_judged():
    federation = Federation()
    (alice,) = federation.stewards[0]
    state, bodies = federation.state(), []
    for number in range(MAX_ID_SEQ - 1):
        terms = terms_of([alice], name=f"name {number}")
        body = statements.compose_change(SALT, [state], terms, [(alice.id, MAX_ID_SEQ)])
        bodies.append(body)
        if number % 2 == 0:
            state = StateId(bare.act_id(federation.network, body))
    alice.log += chain(alice, bodies)
    section = federation.roster().sections()[0]
    assert len(section.chain) == 2
    assert len(section.rivals) == 2


def test_a_long_chain_with_grants_for_each_state_is_judged():
    federation = Federation()
    (alice,) = federation.stewards[0]
    state, bodies = federation.state(), []
    for number in range((MAX_ID_SEQ - 1) // 2):
        body = statements.compose_change(SALT, [state], terms_of([alice], name=f"name {number}"))
        grant = statements.Grant(state, bytes([7]) * 32, 1, 0, 0)
        bodies += [body, statements.compose_grant(SALT, grant)]
        state = StateId(bare.act_id(federation.network, body))
    alice.log += chain(alice, bodies)
    roster = federation.roster()
    assert roster.sections()[0].state == state
    assert len(roster.grants()) == (MAX_ID_SEQ - 1) // 2


def test_a_member_who_writes_thousands_of_acts_is_not_heard():
    federation = Federation()
    (alice,) = federation.stewards[0]
    eve = federation.join("eve", federation.invite(alice))
    bodies = [
        statements.compose_change(SALT, [federation.state()], terms_of([eve], name=f"name {number}"))
        for number in range(2_000)
    ]
    eve.log += chain(eve, bodies)
    roster = federation.roster()
    assert roster.acts() == []
    assert len(roster.sections()[0].chain) == 1


def test_thousands_of_devices_of_one_member_are_judged():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    roster = federation.roster()
    for number in range(2_000):
        device = federation.device(alice.citizen, f"device {number}")
        roster.add(device.log)
        if number % 100 == 0:
            roster.standing(device.id)
    entry = bob.change([federation.state()], terms_of([bob, carol]))
    carol.consent(act_of(entry, federation.network))
    roster.add(bob.log[1:])
    roster.add(carol.log[1:])
    assert len(roster.sections()[0].chain) == 2
    member = roster.member(alice.citizen.root)
    assert member is not None
    assert sum(device.ends is None for device in member.devices) == 16


def test_hundreds_of_claims_on_one_grant_are_judged_as_they_come():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice)
    roster = federation.roster()
    for number in range(300):
        device = federation.join(f"fake {number}", invite)
        roster.add(device.log)
        roster.standing(device.id)
        if not roster.last_good(LogId(device.id, LOG_ID)):
            roster.drop(device.id, 1)
    assert roster.sections()[0].members == 65
    assert roster.digest() == federation.roster().digest()
