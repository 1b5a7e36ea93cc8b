"""The roster: who founds, which devices count, where they end, and which sections are valid."""

import pytest

from node.federation import limits
from node.federation.names import InvalidStatement, StateId
from node.federation.roster import Roster, roster_at
from node.federation.statements import FOR_SECTIONS
from node.federation.views import Standing
from node.testing.citizens import START_MS, Citizen, act_of, found, inception
from node.testing.federations import Federation, cut_at, terms_of
from store.charter import Charter
from store.entry import MAX_ID_SEQ, MAX_SEQ
from store.ids import LOG_DOCS, LOG_FEED, LOG_ID
from store.log import LogId

UNKNOWN, CANDIDATE, MEMBER, FORMER = Standing.UNKNOWN, Standing.CANDIDATE, Standing.MEMBER, Standing.FORMER


def feed(roster: Roster, device) -> int:
    return roster.last_good(LogId(device.id, LOG_FEED))


# --- founding ---------------------------------------------------------------------------------------


def test_a_roster_is_of_a_federation():
    with pytest.raises(ValueError, match="open circle"):
        Roster(Charter("a circle", bytes(16)))


def test_a_charter_with_a_broken_inception_has_no_roster():
    good = inception("Lyon", [Citizen("alice")])
    with pytest.raises(InvalidStatement):
        Roster(found([good[:-1] + bytes([good[-1] ^ 1])]))


def test_stewards_of_founding_sections_are_members_before_anything_was_said():
    alice, bob = Citizen("alice"), Citizen("bob")
    roster = Roster(found([inception("Lyon", [alice, bob])]))
    assert [member.id for member in roster.members()] == sorted([alice.root, bob.root])
    (section,) = roster.sections()
    assert (section.valid, section.founding, section.members, section.terms.name) == (True, True, 2, "Lyon")


def test_more_endorsements_are_never_asked_for_than_there_were_founding_sections():
    assert Federation(2, endorsements=5).roster().needed == 2
    assert Federation(3, endorsements=2).roster().needed == 2


# --- devices ----------------------------------------------------------------------------------------


def test_a_device_without_a_certificate_says_nothing():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.newcomer("bob")
    bob.log.clear()
    bob.admit(federation.state(), bob.citizen.root)
    alice.admit(federation.state(), bob.citizen.root)
    roster = federation.roster()
    assert (roster.standing(bob.id), roster.device(bob.id), roster.held(bob.id)) == (UNKNOWN, None, 1)
    assert roster.member(bob.citizen.root) is not None


def test_a_certificate_of_another_root_makes_no_device():
    federation = Federation()
    (alice,) = federation.stewards[0]
    thief = Citizen("eve")
    forged = Citizen("eve")
    forged.root = alice.citizen.root
    device = forged.device(federation.network)
    federation.devices[device.id] = device
    assert federation.roster().standing(device.id) is UNKNOWN
    assert thief.root != forged.root


def test_each_device_of_a_member_is_let_in_under_one_name():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    phone = federation.device(bob.citizen, "phone")
    roster = federation.roster()
    assert roster.standing(phone.id) is MEMBER
    assert roster.member_of(phone.id) == roster.member_of(bob.id) == bob.citizen.root
    member = roster.member(bob.citizen.root)
    assert member is not None
    assert {device.name for device in member.devices} == {"laptop", "phone"}
    assert roster.last_good(LogId(phone.id, LOG_ID)) == MAX_ID_SEQ
    assert feed(roster, phone) == MAX_SEQ


def test_the_seventeenth_device_does_not_count_until_another_one_is_cut():
    federation = Federation()
    (alice,) = federation.stewards[0]
    others = [federation.device(alice.citizen, f"device {number}") for number in range(limits.MAX_DEVICES)]
    roster = federation.roster()
    late = [device for device in [alice, *others] if roster.standing(device.id) is FORMER]
    assert len(late) == 1
    assert feed(roster, late[0]) == 0
    by_rank = sorted([alice, *others], key=lambda device: device.certificate.id)
    assert late == by_rank[-1:]
    by_rank[0].cut(cut_at(by_rank[0], None, [(LOG_FEED, 7)]))
    roster = federation.roster()
    assert roster.standing(late[0].id) is MEMBER
    assert (roster.standing(by_rank[0].id), feed(roster, by_rank[0])) == (FORMER, 7)


def test_a_word_of_a_seventeenth_device_does_not_count():
    federation = Federation()
    (alice,) = federation.stewards[0]
    devices = [alice] + [federation.device(alice.citizen, f"device {each}") for each in range(16)]
    late = max(devices, key=lambda device: device.certificate.id)
    bob = federation.join("bob", federation.invite(late))
    assert federation.roster().standing(bob.id) is UNKNOWN


# --- stratum 1 --------------------------------------------------------------------------------------


def test_a_revoked_device_is_former_and_its_logs_end_where_the_cut_says():
    federation = Federation()
    (alice,) = federation.stewards[0]
    phone = federation.device(alice.citizen, "phone")
    phone.cut(cut_at(alice, None, [(LOG_FEED, 12)]))
    roster = federation.roster()
    assert roster.standing(alice.id) is FORMER
    assert roster.standing(phone.id) is MEMBER
    assert [roster.last_good(LogId(alice.id, log)) for log in (LOG_ID, LOG_FEED, LOG_DOCS)] == [4096, 12, 0]


def test_of_several_cuts_each_log_is_good_up_to_the_smallest_seq():
    federation = Federation()
    (alice,) = federation.stewards[0]
    phone = federation.device(alice.citizen, "phone")
    phone.cut(cut_at(alice, 1, [(LOG_FEED, 12), (LOG_DOCS, 3)]))
    alice.cut(cut_at(alice, 1, [(LOG_FEED, 9)]))
    roster = federation.roster()
    assert (feed(roster, alice), roster.last_good(LogId(alice.id, LOG_DOCS))) == (9, 0)


def test_a_cut_counts_even_in_the_tail_of_a_device_that_is_cut():
    federation = Federation()
    (alice,) = federation.stewards[0]
    phone = federation.device(alice.citizen, "phone")
    phone.cut(cut_at(alice, 1))
    alice.cut(cut_at(phone, 1))
    roster = federation.roster()
    assert (roster.standing(alice.id), roster.standing(phone.id)) == (FORMER, FORMER)


def test_what_a_revoked_device_says_later_has_no_effect():
    federation = Federation()
    (alice,) = federation.stewards[0]
    phone = federation.device(alice.citizen, "phone")
    good = federation.invite(alice)
    phone.cut(cut_at(alice))
    bad = federation.invite(alice)
    bob, eve = federation.join("bob", good), federation.join("eve", bad)
    roster = federation.roster()
    assert (roster.standing(bob.id), roster.standing(eve.id)) == (MEMBER, UNKNOWN)


# --- sections ---------------------------------------------------------------------------------------


def test_a_section_waits_as_a_candidate_and_is_valid_once_enough_have_endorsed_it():
    federation = Federation(2, endorsements=2)
    (alice,), (bob,) = federation.stewards
    carol = federation.newcomer("carol")
    invite = federation.invite(alice, purpose=FOR_SECTIONS)
    section = federation.begin("Berlin", [carol], invite)
    waiting = federation.roster().section(section)
    assert waiting is not None
    assert (waiting.valid, waiting.endorsed_by, waiting.members) == (False, (), 0)
    assert federation.roster().standing(carol.id) is CANDIDATE
    assert federation.roster().last_good(LogId(carol.id, LOG_ID)) == MAX_ID_SEQ
    assert feed(federation.roster(), carol) == 0
    assert [each.id for each in federation.roster().stewarded(carol.citizen.root)] == [section]

    alice.endorse(federation.state(0), section)
    waiting = federation.roster().section(section)
    assert waiting is not None
    assert (waiting.valid, waiting.endorsed_by) == (False, (federation.sections[0],))
    bob.endorse(federation.state(1), section)
    valid = federation.roster().section(section)
    assert valid is not None
    assert (valid.valid, valid.members) == (True, 1)
    assert federation.roster().standing(carol.id) is MEMBER


def test_a_new_section_endorses_the_next_one():
    federation = Federation()
    (alice,) = federation.stewards[0]
    carol, berlin = federation.new_section("Berlin", [(alice, federation.state())])
    dora, rome = federation.new_section("Rome", [(carol, StateId(berlin))])
    assert federation.roster().standing(dora.id) is MEMBER
    section = federation.roster().section(rome)
    assert section is not None
    assert section.endorsed_by == (berlin,)


def test_an_endorsement_needs_the_threshold_of_its_section():
    federation = Federation(1, 3)
    alice, bob, _ = federation.stewards[0]
    carol, _ = federation.new_section("Berlin", [(alice, federation.state())])
    act = act_of(alice.log[-1], federation.network)
    assert federation.roster().standing(carol.id) is CANDIDATE
    (pending,) = [each for each in federation.roster().acts() if each.act == act]
    assert (pending.needed, pending.complete, pending.consents) == (2, False, (alice.citizen.root,))
    bob.consent(act)
    assert federation.roster().standing(carol.id) is MEMBER
    done = federation.roster().act(act)
    assert done is not None
    assert (done.complete, done.effective, done.section) == (True, True, federation.sections[0])


def test_of_one_grant_eight_sections_wait_and_after_a_settlement_those_that_it_lists():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, purpose=FOR_SECTIONS)
    begun = {}
    for number in range(limits.MAX_CANDIDATES + 2):
        founder = federation.newcomer(f"founder {number}")
        begun[federation.begin(f"section {number}", [founder], invite)] = founder
    waiting = {section.id for section in federation.roster().sections() if not section.valid}
    by_claim = sorted(begun, key=lambda section: begun[section].log[-1].id)
    assert waiting == set(by_claim[: limits.MAX_CANDIDATES])
    alice.settle(federation.state(), invite.grant, [by_claim[-1]])
    assert [each.id for each in federation.roster().sections() if not each.valid] == [by_claim[-1]]


def test_a_claim_asks_for_the_last_inception_before_it():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, purpose=FOR_SECTIONS)
    carol = federation.newcomer("carol")
    federation.begin("Rome", [carol])
    berlin = federation.begin("Berlin", [carol], invite)
    federation.begin("Oslo", [carol])
    assert [each.id for each in federation.roster().sections() if not each.valid] == [berlin]


# --- all of it --------------------------------------------------------------------------------------


def test_supporters_are_the_devices_of_all_who_ever_were_stewards():
    federation = Federation(1, 2, threshold=2)
    alice, bob = federation.stewards[0]
    federation.join("carol", federation.invite(alice))
    change = alice.change([federation.state()], terms_of([alice]), [(bob.id, len(bob.log))])
    bob.consent(act_of(change, federation.network))
    assert federation.roster().supporters() == sorted([alice.id, bob.id])


def test_a_roster_at_a_time_takes_each_log_up_to_the_first_later_entry():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.newcomer("bob")
    alice.admit(federation.state(), bob.citizen.root)
    logs = federation.logs()
    assert roster_at(federation.charter, logs, START_MS + 1_000).standing(bob.id) is UNKNOWN
    assert roster_at(federation.charter, logs, START_MS + 2_000).standing(bob.id) is MEMBER


def test_a_digest_differs_when_somebody_joins():
    federation = Federation()
    before = federation.roster().digest()
    invite = federation.invite(federation.stewards[0][0])
    between = federation.roster().digest()
    federation.join("bob", invite)
    assert len({before, between, federation.roster().digest()}) == 3
