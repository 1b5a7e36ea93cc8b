"""The roster under attack: docs/protocol/federation.md, "Attacks", and logs that are made to be slow."""

from node.federation import bare, statements
from node.federation.names import StateId
from node.federation.statements import FOR_SECTIONS, Claim
from node.federation.views import Standing
from node.testing.citizens import Citizen, act_of, inception, section_of
from node.testing.federations import Federation, cut_at, terms_of
from store.entry import MAX_ID_SEQ, MAX_SEQ
from store.ids import LOG_FEED, LOG_ID
from store.log import LogId

SALT = bytes(16)
UNKNOWN, CANDIDATE, MEMBER, FORMER = Standing.UNKNOWN, Standing.CANDIDATE, Standing.MEMBER, Standing.FORMER


# --- copies and forgeries ---------------------------------------------------------------------------


def test_a_claim_copied_into_another_devices_log_admits_nobody():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    eve = federation.newcomer("eve")
    assert bob.log[1].body is not None
    eve.say(bob.log[1].body)
    roster = federation.roster()
    assert (roster.standing(eve.id), roster.standing(bob.id)) == (UNKNOWN, MEMBER)


def test_a_claim_for_another_root_admits_nobody():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice)
    eve, victim = federation.newcomer("eve"), Citizen("victim")
    message = bare.claim_message(federation.network, invite.grant, victim.root, eve.id, invite.hub, bytes(16))
    signature = bare.invite_key(invite.secret).sign(message)
    claim = Claim(invite.grant, victim.root, invite.hub, bytes(16), signature)
    eve.say(statements.compose_claim(SALT, claim))
    roster = federation.roster()
    assert roster.standing(eve.id) is UNKNOWN
    assert roster.member(victim.root) is None


def test_a_claim_without_the_secret_admits_nobody():
    federation = Federation()
    (alice,) = federation.stewards[0]
    eve = federation.newcomer("eve")
    eve.claim(federation.invite(alice).grant, bytes(16), alice.id)
    assert federation.roster().standing(eve.id) is UNKNOWN


def test_a_grant_by_somebody_who_is_no_steward_admits_nobody():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    eve = federation.join("eve", federation.invite(bob))
    roster = federation.roster()
    assert roster.standing(eve.id) is UNKNOWN
    assert len(roster.grants()) == 1


def test_a_steward_of_another_section_settles_nothing():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    invite = federation.invite(alice)
    bob = federation.join("bob", invite)
    mallory.settle(federation.state(1), invite.grant, [])
    mallory.settle(federation.state(0), invite.grant, [])
    assert federation.roster().standing(bob.id) is MEMBER


def test_an_inception_replayed_by_a_stranger_begins_nothing():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, purpose=FOR_SECTIONS)
    signed = inception("Berlin", [Citizen("carol")], None, federation.network)
    eve = federation.newcomer("eve")
    eve.begin(signed)
    federation.claim(eve, invite)
    section = section_of(signed, federation.network)
    alice.endorse(federation.state(), section)
    roster = federation.roster()
    assert roster.section(section) is None
    assert roster.standing(eve.id) is UNKNOWN


def test_a_founding_inception_is_none_for_a_section_that_comes_later():
    federation = Federation()
    (alice,) = federation.stewards[0]
    carol = federation.newcomer("carol")
    carol.begin(inception("Berlin", [carol.citizen]))
    federation.claim(carol, federation.invite(alice, purpose=FOR_SECTIONS))
    assert federation.roster().standing(carol.id) is UNKNOWN


def test_a_cut_of_somebody_elses_device_has_no_effect():
    federation = Federation()
    (alice,) = federation.stewards[0]
    eve = federation.join("eve", federation.invite(alice))
    eve.cut(cut_at(alice, 1))
    eve.say(
        statements.compose_cut(
            SALT,
            cut_at(alice, 1),
            eve.citizen.key.sign(bare.cut_message(federation.network, cut_at(alice, 1).encode())),
        )
    )
    roster = federation.roster()
    assert (roster.standing(alice.id), roster.standing(eve.id)) == (MEMBER, MEMBER)


def test_a_members_own_cut_copied_by_somebody_else_has_no_effect():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob, eve = (federation.join(name, federation.invite(alice)) for name in ("bob", "eve"))
    cut = cut_at(bob, 1).encode()
    signature = bob.citizen.key.sign(bare.cut_message(federation.network, cut))
    eve.say(statements.compose_cut(SALT, cut_at(bob, 1), signature))
    assert federation.roster().standing(bob.id) is MEMBER


def test_an_end_cuts_only_devices_of_its_member():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob, carol = (federation.join(name, federation.invite(alice)) for name in ("bob", "carol"))
    alice.end(federation.state(), bob.citizen.root, [cut_at(bob), cut_at(carol, 1)])
    roster = federation.roster()
    assert roster.last_good(LogId(carol.id, LOG_FEED)) == MAX_SEQ


def test_one_steward_of_three_cannot_do_anything_together():
    federation = Federation(1, 3)
    mallory, bob, _ = federation.stewards[0]
    dora = federation.join("dora", federation.invite(bob))
    state = federation.state()
    mallory.change([state], terms_of([mallory]))
    mallory.end(state, dora.citizen.root)
    mallory.replace(state, dora.citizen.root, Citizen("eve").root)
    for act in federation.roster().acts():
        federation.device(mallory.citizen, f"device {act.act[:2].hex()}").consent(act.act)
    roster = federation.roster()
    assert len(roster.acts()) == 3
    assert not any(act.complete for act in roster.acts())
    assert (roster.standing(dora.id), len(roster.sections()[0].chain)) == (MEMBER, 1)


def test_consents_to_what_no_steward_wrote_do_nothing():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    entry = bob.change([federation.state()], terms_of([bob]))
    alice.consent(act_of(entry, federation.network))
    roster = federation.roster()
    assert len(roster.sections()[0].chain) == 1
    assert roster.acts() == []


# --- sections ---------------------------------------------------------------------------------------


def test_a_section_does_not_endorse_itself():
    federation = Federation()
    (alice,) = federation.stewards[0]
    mallory = federation.newcomer("mallory")
    section = federation.begin("Moon", [mallory], federation.invite(alice, purpose=FOR_SECTIONS))
    mallory.endorse(StateId(section), section)
    roster = federation.roster()
    assert roster.standing(mallory.id) is CANDIDATE
    assert not any(each.valid for each in roster.sections() if each.id == section)


def test_sections_that_endorse_each_other_in_a_circle_are_not_valid():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, purpose=FOR_SECTIONS)
    ring = [federation.newcomer(f"mallory {number}") for number in range(4)]
    sections = [federation.begin(f"Moon {number}", [each], invite) for number, each in enumerate(ring)]
    for number, each in enumerate(ring):
        for other in sections:
            each.endorse(StateId(sections[number]), other)
    roster = federation.roster()
    assert [section.id for section in roster.sections() if section.valid] == federation.sections
    alice.endorse(federation.state(), sections[2])
    assert all(section.valid for section in federation.roster().sections())


def test_one_section_endorses_once_however_often_it_does():
    federation = Federation(2, endorsements=2)
    (alice,), _ = federation.stewards
    carol, section = federation.new_section("Berlin", [(alice, federation.state(0))])
    after = act_of(alice.change([federation.state(0)], terms_of([alice], name="again")), federation.network)
    alice.endorse(StateId(after), section)
    assert federation.roster().standing(carol.id) is CANDIDATE


def test_no_section_ends_a_membership_in_another_one():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    mallory.admit(federation.state(1), bob.citizen.root)
    mallory.end(federation.state(1), bob.citizen.root, [cut_at(bob, 1)])
    mallory.end(federation.state(0), bob.citizen.root, [cut_at(bob, 1)])
    roster = federation.roster()
    assert roster.last_good(LogId(bob.id, LOG_FEED)) == MAX_SEQ
    alice.end(federation.state(0), bob.citizen.root, [cut_at(bob, None, [(LOG_FEED, 9)])])
    assert federation.roster().last_good(LogId(bob.id, LOG_FEED)) == 9


def test_no_section_takes_a_member_over_by_admitting_him_first():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    thief = federation.newcomer("thief")
    mallory.admit(federation.state(1), bob.citizen.root)
    mallory.admit(federation.state(1), alice.citizen.root)
    mallory.replace(federation.state(1), bob.citizen.root, thief.citizen.root)
    mallory.replace(federation.state(1), alice.citizen.root, Citizen("second thief").root)
    roster = federation.roster()
    assert [roster.standing(each.id) for each in (alice, bob, thief)] == [MEMBER, MEMBER, UNKNOWN]


def test_no_section_gives_away_a_seat_in_another_one():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    federation.claim(alice, federation.invite(mallory, federation.state(1)))
    thief = federation.newcomer("thief")
    mallory.replace(federation.state(1), alice.citizen.root, thief.citizen.root, [])
    thief.admit(federation.state(0), federation.newcomer("eve").citizen.root)
    good = federation.newcomer("good")
    alice.admit(federation.state(0), good.citizen.root)
    roster = federation.roster()
    assert roster.member(Citizen("eve").root) is None
    assert roster.standing(good.id) is MEMBER


def test_no_replacement_takes_away_a_membership_in_another_section():
    federation = Federation(2)
    (alice,), (dave,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    federation.claim(bob, federation.invite(dave, federation.state(1)))
    heir = federation.newcomer("bob again")
    dave.replace(federation.state(1), bob.citizen.root, heir.citizen.root, [])
    member = federation.roster().member(heir.citizen.root)
    assert member is not None
    assert (member.id, member.sections) == (bob.citizen.root, tuple(sorted(federation.sections)))


def test_nobody_is_made_the_heir_of_a_puppet():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    puppet = federation.join("puppet", federation.invite(mallory, federation.state(1)))
    mallory.replace(federation.state(1), puppet.citizen.root, bob.citizen.root, [])
    mallory.end(federation.state(1), puppet.citizen.root, [])
    roster = federation.roster()
    assert roster.member_of(bob.id) == bob.citizen.root
    assert roster.standing(bob.id) is MEMBER


def test_roots_that_replace_each_other_in_a_circle_end_nowhere():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    heir = federation.newcomer("heir")
    alice.replace(federation.state(), bob.citizen.root, heir.citizen.root, [cut_at(bob)])
    alice.replace(federation.state(), heir.citizen.root, bob.citizen.root, [cut_at(heir)])
    roster = federation.roster()
    assert (roster.standing(heir.id), roster.standing(bob.id)) == (MEMBER, FORMER)


def test_a_section_of_thieves_does_not_take_over_who_claimed_its_invite_with_a_stolen_device():
    federation = Federation(2)
    (alice,), (mallory,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    before = len(bob.log)
    federation.claim(bob, federation.invite(mallory, federation.state(1)))
    thief = federation.newcomer("thief")
    mallory.replace(federation.state(1), bob.citizen.root, thief.citizen.root, [])
    assert federation.roster().standing(thief.id) is MEMBER
    phone = federation.device(bob.citizen, "phone")
    phone.cut(cut_at(bob, before))
    roster = federation.roster()
    assert (roster.standing(phone.id), roster.standing(thief.id)) == (MEMBER, UNKNOWN)


# --- stolen keys ------------------------------------------------------------------------------------


def test_cuts_of_a_replaced_root_count_no_longer():
    federation = Federation(1, 3)
    alice, dave, _ = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    thief = federation.device(bob.citizen, "of the thief")
    thief.cut(cut_at(bob, 1))
    assert federation.roster().last_good(LogId(bob.id, LOG_FEED)) == 0
    heir = federation.newcomer("bob again")
    cuts = [cut_at(bob, None, [(LOG_FEED, 50)])]
    entry = alice.replace(federation.state(), bob.citizen.root, heir.citizen.root, cuts)
    dave.consent(act_of(entry, federation.network))
    roster = federation.roster()
    assert roster.last_good(LogId(bob.id, LOG_FEED)) == 50
    assert roster.last_good(LogId(thief.id, LOG_FEED)) == 0
    assert roster.standing(heir.id) is MEMBER


def test_what_a_stolen_device_did_alone_is_undone_by_a_cut():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    good = len(alice.log)
    thief = federation.newcomer("thief")
    alice.change([federation.state()], terms_of([thief]))
    alice.replace(federation.state(), alice.citizen.root, thief.citizen.root, [cut_at(alice)])
    assert federation.roster().standing(bob.id) is UNKNOWN
    recovered = federation.device(alice.citizen, "new laptop")
    recovered.cut(cut_at(alice, good))
    roster = federation.roster()
    assert [roster.standing(each.id) for each in (alice, recovered, bob, thief)] == [
        FORMER,
        MEMBER,
        MEMBER,
        UNKNOWN,
    ]
    assert roster.sections()[0].terms.stewards == (alice.citizen.root,)


def test_statements_dated_back_gain_nothing():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    entry = alice.change([federation.state()], terms_of([alice, bob]), [(carol.id, len(carol.log))])
    bob.consent(act_of(entry, federation.network))
    dora = federation.newcomer("dora")
    carol.say(statements.compose_admission(SALT, federation.state(), dora.citizen.root), time_ms=0)
    assert federation.roster().standing(dora.id) is UNKNOWN


def test_who_cuts_the_device_that_claimed_is_carried_as_a_former_member():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    phone = federation.device(bob.citizen, "phone")
    phone.cut(cut_at(bob, 1))
    roster = federation.roster()
    assert (roster.standing(bob.id), roster.standing(phone.id)) == (FORMER, FORMER)
    assert roster.last_good(LogId(phone.id, LOG_ID)) == MAX_ID_SEQ
    assert roster.last_good(LogId(phone.id, LOG_FEED)) == 0


def test_a_section_survives_the_cut_of_the_device_that_began_it():
    federation = Federation()
    (alice,) = federation.stewards[0]
    carol, section = federation.new_section("Berlin", [(alice, federation.state())])
    phone = federation.device(carol.citizen, "phone")
    phone.cut(cut_at(carol, 1))
    roster = federation.roster()
    assert roster.standing(phone.id) is MEMBER
    assert any(each.id == section and each.valid for each in roster.sections())
