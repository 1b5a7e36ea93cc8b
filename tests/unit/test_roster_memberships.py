"""The roster: who is admitted, by what, until when, and who speaks for whom."""

from node.federation import limits
from node.federation.roster import Roster
from node.federation.views import Standing
from node.testing.citizens import START_MS, Citizen, act_of
from node.testing.federations import Federation, cut_at, terms_of
from store.entry import MAX_SEQ
from store.ids import LOG_FEED
from store.log import LogId

UNKNOWN, CANDIDATE, MEMBER, FORMER = Standing.UNKNOWN, Standing.CANDIDATE, Standing.MEMBER, Standing.FORMER


def feed(roster: Roster, device) -> int:
    return roster.last_good(LogId(device.id, LOG_FEED))


# --- invites ----------------------------------------------------------------------------------------


def test_who_claims_an_invite_is_a_member():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    roster = federation.roster()
    member = roster.member(bob.citizen.root)
    assert member is not None
    assert member.sections == (federation.sections[0],)
    assert (member.root, member.roots, member.left) == (bob.citizen.root, (bob.citizen.root,), ())
    assert member.since_ms == bob.log[-1].time_ms
    assert roster.sections()[0].members == 2


def test_an_over_used_invite_lets_in_until_it_is_settled():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, uses=1)
    bob, carol = federation.join("bob", invite), federation.join("carol", invite)
    roster = federation.roster()
    (grant,) = roster.grants()
    assert (grant.used, grant.over_used, grant.settled) == (2, True, None)
    assert roster.standing(carol.id) is MEMBER
    alice.settle(federation.state(), invite.grant, [bob.citizen.root])
    roster = federation.roster()
    (grant,) = roster.grants()
    assert (grant.used, grant.settled) == (1, (bob.citizen.root,))
    assert (roster.standing(bob.id), roster.standing(carol.id)) == (MEMBER, UNKNOWN)


def test_several_settlements_list_together():
    federation = Federation(1, 2, threshold=2)
    alice, dave = federation.stewards[0]
    invite = federation.invite(alice, uses=2)
    bob, carol = federation.join("bob", invite), federation.join("carol", invite)
    alice.settle(federation.state(), invite.grant, [bob.citizen.root])
    dave.settle(federation.state(), invite.grant, [carol.citizen.root])
    roster = federation.roster()
    assert (roster.standing(bob.id), roster.standing(carol.id)) == (MEMBER, MEMBER)


def test_without_a_settlement_the_64_claims_with_the_smallest_ids_stand():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice)
    joined = [federation.join(f"fake {number}", invite) for number in range(limits.MAX_STANDING_CLAIMS + 6)]
    roster = federation.roster()
    standing = {device.id for device in joined if roster.standing(device.id) is MEMBER}
    by_claim = sorted(joined, key=lambda device: device.log[-1].id)
    assert standing == {device.id for device in by_claim[: limits.MAX_STANDING_CLAIMS]}
    assert len(roster.grants()[0].claims) == limits.MAX_STANDING_CLAIMS


def test_claims_of_one_root_count_once():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, uses=1)
    bob = federation.join("bob", invite)
    federation.claim(bob, invite)
    (grant,) = federation.roster().grants()
    assert (len(grant.claims), grant.used, grant.over_used) == (2, 1, False)


def test_a_late_claim_is_shown_as_such_and_stands():
    federation = Federation()
    (alice,) = federation.stewards[0]
    invite = federation.invite(alice, expires_ms=START_MS)
    bob = federation.join("bob", invite)
    roster = federation.roster()
    ((claim,),) = [grant.claims for grant in roster.grants()]
    assert (claim.late, claim.stands, roster.standing(bob.id)) == (True, True, MEMBER)


def test_a_grant_is_found_by_its_key_and_one_that_counts_comes_first():
    federation = Federation(1, 2, threshold=2)
    alice, bob = federation.stewards[0]
    secret = b"s" * 16
    first, second = alice.grant(federation.state(), secret), bob.grant(federation.state(), secret)
    grant = federation.roster().grant_of_key(federation.roster().grants()[0].grant.invite_key)
    assert grant is not None
    assert grant.entry == min(first.id, second.id)
    by, other = (alice, bob) if grant.entry == first.id else (bob, alice)
    by.cut(cut_at(by, 1))
    grant = federation.roster().grant_of_key(grant.grant.invite_key)
    assert grant is not None
    assert (grant.granted_by, grant.counts) == (other.id, True)
    assert federation.roster().grant_of_key(bytes(32)) is None


def test_a_steward_admits_without_an_invite():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.newcomer("bob")
    alice.admit(federation.state(), bob.citizen.root)
    assert federation.roster().standing(bob.id) is MEMBER


# --- ends and replacements --------------------------------------------------------------------------


def test_t_stewards_end_a_membership_with_cuts():
    federation = Federation(1, 3)
    alice, dave, _ = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    phone = federation.device(bob.citizen, "phone")
    act = act_of(
        alice.end(federation.state(), bob.citizen.root, [cut_at(bob, None, [(LOG_FEED, 5)])]),
        federation.network,
    )
    assert federation.roster().standing(bob.id) is MEMBER
    dave.consent(act)
    roster = federation.roster()
    assert (roster.standing(bob.id), feed(roster, bob)) == (FORMER, 5)
    assert (roster.standing(phone.id), feed(roster, phone)) == (FORMER, 0)
    member = roster.member(bob.citizen.root)
    assert member is not None
    assert (member.sections, member.left) == ((), (federation.sections[0],))


def test_who_is_in_two_sections_stays_by_the_other_one():
    federation = Federation(2)
    (alice,), (dave,) = federation.stewards
    bob = federation.join("bob", federation.invite(alice))
    federation.claim(bob, federation.invite(dave, federation.state(1)))
    alice.end(federation.state(0), bob.citizen.root, [])
    roster = federation.roster()
    assert (roster.standing(bob.id), feed(roster, bob)) == (MEMBER, MAX_SEQ)
    dave.end(federation.state(1), bob.citizen.root, [cut_at(bob, None, [(LOG_FEED, 5)])])
    roster = federation.roster()
    assert (roster.standing(bob.id), feed(roster, bob)) == (FORMER, 5)


def test_a_steward_in_office_cannot_be_ended():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    act = act_of(alice.end(federation.state(), carol.citizen.root, []), federation.network)
    bob.consent(act)
    roster = federation.roster()
    assert roster.standing(carol.id) is MEMBER
    done = roster.act(act)
    assert done is not None
    assert (done.complete, done.effective) == (True, False)
    change = alice.change([federation.state()], terms_of([alice, bob]), [(carol.id, 1)])
    bob.consent(act_of(change, federation.network))
    assert federation.roster().standing(carol.id) is FORMER


def test_a_replaced_root_passes_name_and_standing_on():
    federation = Federation(1, 3)
    alice, dave, _ = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    heir = federation.newcomer("bob again")
    cuts = [cut_at(bob, None, [(LOG_FEED, 5)])]
    change = alice.replace(federation.state(), bob.citizen.root, heir.citizen.root, cuts)
    assert federation.roster().standing(heir.id) is UNKNOWN
    dave.consent(act_of(change, federation.network))
    roster = federation.roster()
    assert (roster.standing(heir.id), roster.standing(bob.id), feed(roster, bob)) == (MEMBER, FORMER, 5)
    assert roster.member_of(heir.id) == bob.citizen.root
    member = roster.member(heir.citizen.root)
    assert member is not None
    assert (member.id, member.root) == (bob.citizen.root, heir.citizen.root)
    assert member.roots == (bob.citizen.root, heir.citizen.root)


def test_a_root_is_replaced_again():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    second, third = federation.newcomer("bob 2"), federation.newcomer("bob 3")
    alice.replace(federation.state(), bob.citizen.root, second.citizen.root, [cut_at(bob)])
    alice.replace(federation.state(), second.citizen.root, third.citizen.root, [cut_at(second)])
    roster = federation.roster()
    assert [roster.standing(each.id) for each in (bob, second, third)] == [FORMER, FORMER, MEMBER]
    assert roster.member_of(third.id) == bob.citizen.root


def test_the_end_of_a_membership_meets_every_root_of_the_member():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob = federation.join("bob", federation.invite(alice))
    heir = federation.newcomer("bob again")
    alice.replace(
        federation.state(), bob.citizen.root, heir.citizen.root, [cut_at(bob, None, [(LOG_FEED, 5)])]
    )
    alice.end(federation.state(), bob.citizen.root, [cut_at(heir, None, [(LOG_FEED, 3)])])
    roster = federation.roster()
    assert (roster.standing(heir.id), feed(roster, heir), feed(roster, bob)) == (FORMER, 3, 5)


def test_a_replaced_steward_goes_on_in_his_seat():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    heir = federation.newcomer("carol again")
    entry = alice.replace(federation.state(), carol.citizen.root, heir.citizen.root, [cut_at(carol)])
    bob.consent(act_of(entry, federation.network))
    dora = federation.newcomer("dora")
    heir.admit(federation.state(), dora.citizen.root)
    carol.admit(federation.state(), federation.newcomer("eve").citizen.root)
    roster = federation.roster()
    assert roster.standing(dora.id) is MEMBER
    assert roster.member(Citizen("eve").root) is None
    assert [each.id for each in roster.stewarded(carol.citizen.root)] == federation.sections
    assert [each.id for each in roster.stewarded(heir.citizen.root)] == federation.sections
