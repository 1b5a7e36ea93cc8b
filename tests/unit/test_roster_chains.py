"""The roster: chains of sections, rivals, whose word counts, and what stewards do together."""

from node.federation.names import StateId
from node.federation.roster import Roster
from node.federation.views import Section, Standing
from node.testing.citizens import Device, act_of
from node.testing.federations import Federation, cut_at, terms_of
from store.entry import Entry


def first(roster: Roster) -> Section:
    (section,) = [section for section in roster.sections() if section.founding]
    return section


def agreed(federation: Federation, entry: Entry, *others: Device) -> StateId:
    """Let others consent to a change."""
    act = act_of(entry, federation.network)
    for device in others:
        device.consent(act)
    return StateId(act)


def test_a_change_takes_effect_once_t_stewards_consent():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    dora = federation.newcomer("dora")
    entry = alice.change([federation.state()], terms_of([alice, bob, carol, dora], 3, "Lyon and around"))
    assert first(federation.roster()).state == federation.state()
    after = agreed(federation, entry, bob)
    section = first(federation.roster())
    assert (section.state, section.chain) == (after, (federation.state(), after))
    assert (section.terms.name, section.terms.threshold) == ("Lyon and around", 3)
    assert federation.roster().standing(dora.id) is Standing.MEMBER
    act = federation.roster().act(act_of(entry, federation.network))
    assert act is not None
    assert (act.complete, act.effective) == (True, True)


def test_what_several_stewards_write_alike_is_one_act():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    terms = terms_of([alice, bob])
    one, other = (each.change([federation.state()], terms) for each in (alice, bob))
    assert act_of(one, federation.network) == act_of(other, federation.network)
    (act,) = federation.roster().acts()
    assert act.consents == tuple(sorted([alice.citizen.root, bob.citizen.root]))
    assert first(federation.roster()).terms.stewards == terms.stewards
    assert carol.citizen.root not in terms.stewards


def test_two_devices_of_a_steward_consent_once():
    federation = Federation(1, 3)
    alice, _, _ = federation.stewards[0]
    phone = federation.device(alice.citizen, "phone")
    entry = alice.change([federation.state()], terms_of([alice]))
    agreed(federation, entry, phone, alice)
    assert first(federation.roster()).state == federation.state()


def test_rival_changes_stop_a_chain_until_one_is_chosen():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    state = federation.state()
    one = agreed(federation, alice.change([state], terms_of([alice, bob], name="one")), bob)
    other = agreed(federation, carol.change([state], terms_of([bob, carol], name="other")), bob)
    section = first(federation.roster())
    assert (section.state, section.rivals) == (state, tuple(sorted([one, other])))
    choice = agreed(
        federation, carol.change([state, one, other], terms_of([alice, carol], name="third")), alice
    )
    section = first(federation.roster())
    assert (section.state, section.rivals, section.terms.name) == (choice, (), "third")
    done = {act.act: act.effective for act in federation.roster().acts()}
    assert done == {one: False, other: False, choice: True}


def test_rivals_that_were_not_all_named_still_stop_it():
    federation = Federation()
    (alice,) = federation.stewards[0]
    state = federation.state()
    one, other, third = (
        StateId(act_of(alice.change([state], terms_of([alice], name=name)), federation.network))
        for name in ("one", "other", "third")
    )
    choice = act_of(alice.change([state, one, other], terms_of([alice], name="choice")), federation.network)
    assert first(federation.roster()).rivals == tuple(sorted([third, choice]))
    last = act_of(alice.change([state, third, choice], terms_of([alice], name="last")), federation.network)
    assert first(federation.roster()).state == last


def test_a_choice_that_is_not_complete_removes_nothing():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    state = federation.state()
    one = agreed(federation, alice.change([state], terms_of([alice], name="one")), bob)
    carol.change([state, one], terms_of([carol], name="mine"))
    assert first(federation.roster()).state == one


def test_a_change_counts_for_the_state_that_is_its_first_parent_only():
    federation = Federation()
    (alice,) = federation.stewards[0]
    state = federation.state()
    one = StateId(act_of(alice.change([state], terms_of([alice], name="one")), federation.network))
    alice.change([one, state], terms_of([alice], name="two"))
    assert len(first(federation.roster()).chain) == 3


def test_a_retired_steward_keeps_what_he_said_before_his_end():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    state = federation.state()
    before = federation.invite(carol)
    ends = [(carol.id, len(carol.log))]
    agreed(federation, alice.change([state], terms_of([alice, bob]), ends), bob)
    after = federation.invite(carol)
    dora, eve = federation.join("dora", before), federation.join("eve", after)
    roster = federation.roster()
    assert roster.standing(dora.id) is Standing.MEMBER
    assert roster.standing(eve.id) is Standing.UNKNOWN
    assert [grant.counts for grant in roster.grants() if grant.entry == after.grant] == [False]
    assert roster.standing(carol.id) is Standing.MEMBER


def test_a_device_of_a_retired_steward_that_is_not_named_says_nothing():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    dora = federation.join("dora", federation.invite(carol))
    agreed(federation, alice.change([federation.state()], terms_of([alice, bob])), bob)
    assert federation.roster().standing(dora.id) is Standing.UNKNOWN


def test_who_comes_back_speaks_for_the_later_states():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    without = terms_of([alice, bob], 2)
    gone = agreed(federation, alice.change([federation.state()], without, [(carol.id, 1)]), bob)
    again = agreed(federation, alice.change([gone], terms_of([alice, bob, carol])), bob)
    old, new = federation.invite(carol), federation.invite(carol, again)
    dora, eve = federation.join("dora", old), federation.join("eve", new)
    roster = federation.roster()
    assert (roster.standing(dora.id), roster.standing(eve.id)) == (Standing.UNKNOWN, Standing.MEMBER)


def test_ends_also_bind_those_who_stay_for_earlier_states():
    federation = Federation()
    (alice,) = federation.stewards[0]
    bob, carol = federation.newcomer("bob"), federation.newcomer("carol")
    dora = federation.join("dora", federation.invite(alice))
    more = terms_of([alice, bob, carol])
    after = StateId(
        act_of(alice.change([federation.state()], more, [(alice.id, len(alice.log))]), federation.network)
    )
    alone = alice.end(federation.state(), dora.citizen.root)
    assert federation.roster().standing(dora.id) is Standing.MEMBER
    done = federation.roster().act(act_of(alone, federation.network))
    assert done is not None
    assert not done.complete
    agreed(federation, alice.end(after, dora.citizen.root), bob)
    assert federation.roster().standing(dora.id) is Standing.FORMER


def test_a_consent_by_a_device_that_was_cut_before_does_not_count():
    federation = Federation(1, 3)
    alice, bob, _ = federation.stewards[0]
    phone = federation.device(bob.citizen, "phone")
    phone.cut(cut_at(bob))
    entry = alice.change([federation.state()], terms_of([alice]))
    agreed(federation, entry, bob)
    assert first(federation.roster()).state == federation.state()
    agreed(federation, entry, phone)
    assert first(federation.roster()).state != federation.state()


def test_an_earlier_consent_of_a_device_that_was_cut_later_counts():
    federation = Federation(1, 3)
    alice, bob, _ = federation.stewards[0]
    after = agreed(federation, alice.change([federation.state()], terms_of([alice])), bob)
    phone = federation.device(bob.citizen, "phone")
    phone.cut(cut_at(bob))
    assert first(federation.roster()).state == after


def test_stewards_make_good_what_one_of_them_takes_back():
    federation = Federation(1, 3)
    alice, bob, carol = federation.stewards[0]
    after = agreed(federation, alice.change([federation.state()], terms_of([alice, carol])), bob)
    phone = federation.device(bob.citizen, "phone")
    phone.cut(cut_at(bob, 1))
    assert first(federation.roster()).state == federation.state()
    carol.consent(after)
    assert first(federation.roster()).state == after
