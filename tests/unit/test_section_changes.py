"""Changes of a section by its stewards, judged by the real roster: consents, thresholds, rivals."""

import pytest

from node.affairs.plans import (
    limiting,
    section_of,
)
from node.affairs.section_changes import Wanted, change
from node.errors import BadData, Conflict, Refused
from node.federation.views import Standing
from node.testing.boards import Board
from node.testing.citizens import Device
from node.testing.federations import Federation
from store.ids import short


@pytest.fixture
def board() -> Board:
    return Board(Federation())


def three_stewards() -> tuple[Board, list[Device]]:
    board = Board(Federation(stewards=3))
    return board, board.federation.stewards[0]


def test_a_single_steward_acts_at_once_and_then_two_act_together(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob, carol = board.joins("bob"), board.joins("carol")
    [act] = board.add(alice, bob)
    assert (act.complete, act.effective, act.needed) == (True, True, 1)
    assert board.section(alice).terms.threshold == 2
    [act] = board.add(alice, carol)
    assert (act.complete, len(act.consents), act.needed) == (False, 1, 2)
    [act] = board.consents(bob, act)
    assert (act.complete, act.effective) == (True, True)
    section = board.section(alice)
    assert set(section.terms.stewards) == {each.citizen.root for each in (alice, bob, carol)}
    assert section.terms.threshold == 2


@pytest.mark.parametrize(
    ("before", "threshold", "after"), [(1, 1, 2), (2, 2, 2), (3, 2, 3), (3, 3, 3), (4, 3, 3), (4, 4, 4)]
)
def test_a_new_steward_leaves_the_threshold_where_that_is_allowed(
    before: int, threshold: int, after: int
) -> None:
    board = Board(Federation(stewards=before, threshold=threshold))
    stewards = board.federation.stewards[0]
    new = board.joins("new")
    [act] = board.add(stewards[0], new)
    for other in stewards[1:threshold]:
        [act] = board.consents(other, act)
    assert act.effective
    assert board.section(new).terms.threshold == after


def test_what_was_consented_to_is_not_written_again() -> None:
    board, (one, other, third) = three_stewards()
    new = board.joins("new")
    [act] = board.add(one, new)
    lengths = [len(each.log) for each in (one, other)]
    assert board.consents(one, act) == [act]
    assert board.add(one, new) == [act]
    board.add(other, new)
    assert [len(each.log) for each in (one, other)] == [lengths[0], lengths[1] + 1]
    assert other.log[-1].body_bytes < 80  # a consent, not the whole change again
    assert board.consents(third, act)[0].complete


def test_a_steward_signs_no_second_change_of_one_state() -> None:
    board, (one, other, third) = three_stewards()
    bob, carol = board.joins("bob"), board.joins("carol")
    [first] = board.add(one, bob)
    with pytest.raises(Conflict, match=f"another change.*{short(first.act)}") as caught:
        board.add(one, carol)
    assert "--choose" in caught.value.advice
    [rival] = board.add(other, carol)
    with pytest.raises(Conflict, match="another change"):
        board.consents(one, rival)
    assert board.consents(third, rival)[0].effective
    assert board.add(one, bob)[0].complete is False  # a new state: nothing was signed there yet


def test_a_change_that_takes_the_place_of_ones_own_may_be_signed_and_the_others_follow() -> None:
    board, (one, other, third) = three_stewards()
    bob, carol = board.joins("bob"), board.joins("carol")
    [first] = board.add(one, bob)
    [second] = board.add(one, carol, choose=True)
    assert second.statement.parents[1:] == (first.act,)  # type: ignore[union-attr]
    [second] = board.consents(other, second)
    assert second.effective
    third.consent(first.act)
    other.consent(first.act)  # too late: a program that keeps no rule
    assert carol.citizen.root in board.section(one).terms.stewards
    assert bob.citizen.root not in board.section(one).terms.stewards


def test_two_stewards_who_proposed_at_once_agree_on_a_change_that_takes_the_place_of_both() -> None:
    board = Board(Federation(stewards=2, threshold=2))
    one, other = board.federation.stewards[0]
    bob, carol, dora = (board.joins(name) for name in ("bob", "carol", "dora"))
    [first] = board.add(one, bob)
    [second] = board.add(other, carol)
    with pytest.raises(Conflict, match="another change"):
        board.consents(one, second)
    [chosen] = board.add(one, dora, choose=True)
    assert set(chosen.statement.parents[1:]) == {first.act, second.act}  # type: ignore[union-attr]
    [chosen] = board.consents(other, chosen)
    assert chosen.effective
    assert dora.citizen.root in board.section(one).terms.stewards


def test_rivals_stop_a_section_until_its_stewards_choose() -> None:
    board, (one, other, third) = three_stewards()
    bob, carol, dora = (board.joins(name) for name in ("bob", "carol", "dora"))
    [first] = board.add(one, bob)
    [second] = board.add(other, carol)
    third.consent(first.act)
    third.consent(second.act)  # a program that keeps no rule
    section = board.section(one)
    assert section.rivals == tuple(sorted((first.act, second.act)))
    for each in (bob, carol, dora):
        with pytest.raises(Conflict, match="2 rival changes"):
            board.add(one, each)
    [chosen] = board.add(one, bob, choose=True)
    assert set(chosen.statement.parents[1:]) == {first.act, second.act}  # type: ignore[union-attr]
    assert not chosen.complete
    [chosen] = board.consents(other, chosen)
    assert chosen.effective
    assert board.section(one).rivals == ()
    assert bob.citizen.root in board.section(one).terms.stewards


@pytest.mark.parametrize("threshold", [0, 1, 4, 99])
def test_a_threshold_that_cannot_be_met_is_told(threshold: int) -> None:
    board, (one, *_) = three_stewards()
    steward = board.steward(one)
    with pytest.raises(BadData, match=f"2 to 3, not {threshold}"):
        change(steward, section_of(steward, None), Wanted(threshold=threshold), board.held)


def test_only_what_is_asked_for_changes() -> None:
    board, (one, other, _) = three_stewards()
    steward = board.steward(one)
    section = section_of(steward, None)
    before = section.terms
    with pytest.raises(BadData, match="like that already"):
        change(steward, section, Wanted(name=before.name, threshold=2), board.held)
    wanted = Wanted(name="Lyon", territory="the Rhône", languages=("fr", "pt-BR"))
    [act] = board.carry_out(one, change(steward, section, wanted, board.held))
    board.consents(other, act)
    assert board.section(one).terms == before._replace(
        name="Lyon", territory="the Rhône", languages=("fr", "pt-BR")
    )


@pytest.mark.parametrize(
    "wanted",
    [Wanted(name=""), Wanted(name="a\nb"), Wanted(territory="x" * 101), Wanted(languages=("e",))],
)
def test_terms_that_break_a_rule_are_told(board: Board, wanted: Wanted) -> None:
    steward = board.steward(board.federation.stewards[0][0])
    with pytest.raises(BadData) as caught:
        change(steward, section_of(steward, None), wanted, board.held)
    assert caught.value.advice


def test_only_members_of_a_section_become_its_stewards() -> None:
    board = Board(Federation(sections=2))
    [[alice], [bob]] = board.federation.stewards
    with pytest.raises(Refused, match="no member of section 0"):
        board.add(alice, bob)
    with pytest.raises(Conflict, match="steward of section 0 already"):
        board.add(alice, alice)


def test_what_a_retired_steward_said_before_stays_and_what_he_says_later_does_not() -> None:
    board, (one, other, third) = three_stewards()
    guest = board.joins("guest", third)
    [act] = board.retire(one, third)
    ends = dict(act.statement.ends)  # type: ignore[union-attr]
    assert ends == {third.id: len(third.log)}  # of the others nothing but the certificate is there
    [act] = board.consents(other, act)
    assert act.effective
    assert board.section(one).terms.threshold == 2
    board.federation.claim(board.federation.newcomer("late"), board.federation.invite(third))
    roster = board.roster
    assert roster.standing(guest.id) is Standing.MEMBER
    assert {member.root for member in roster.members()} == {
        each.citizen.root for each in (one, other, third, guest)
    }


def test_where_more_have_to_agree_than_before_nobody_acts_alone_for_the_state_before(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob, carol = board.joins("bob"), board.joins("carol")
    before = board.section(alice).state
    [act] = board.add(alice, bob)
    assert act.statement.ends == ((alice.id, len(alice.log) - 1),)  # type: ignore[union-attr]
    alice.end(before, carol.citizen.root)  # a program that keeps no rule
    assert board.roster.standing(carol.id) is Standing.MEMBER
    assert board.roster.standing(bob.id) is Standing.MEMBER


def test_a_change_that_waits_and_would_void_an_invite_is_known() -> None:
    board, (one, other, third) = three_stewards()
    bob = board.joins("bob")
    steward = board.steward(other)
    assert limiting(steward, section_of(steward, None), other.id) is None
    board.federation.invite(other, board.section(other).state)
    [act] = board.add(one, bob, threshold=3)
    steward = board.steward(other)
    assert limiting(steward, section_of(steward, None), other.id) == act
    board.consents(third, act)
    steward = board.steward(other)
    assert limiting(steward, section_of(steward, None), other.id) is None


def test_the_last_steward_and_who_is_none_cannot_be_retired(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob = board.joins("bob")
    with pytest.raises(BadData, match="last steward"):
        board.retire(alice, alice)
    with pytest.raises(Conflict, match="bob is no steward"):
        board.retire(alice, bob)
    board.add(alice, bob)
    with pytest.raises(BadData, match="1 to 1, not 2"):
        board.retire(alice, bob, threshold=2)
    [act] = board.retire(alice, bob)
    assert (act.needed, act.complete) == (2, False)
    board.consents(bob, act)
    assert board.section(alice).terms.stewards == (alice.citizen.root,)
    assert board.section(alice).terms.threshold == 1


def test_an_act_of_an_earlier_state_is_proposed_again() -> None:
    board, (one, other, third) = three_stewards()
    bob, carol = board.joins("bob"), board.joins("carol")
    [late] = board.add(one, bob)
    [act] = board.add(other, carol)
    board.consents(third, act)
    with pytest.raises(Conflict, match="has changed since"):
        board.consents(third, late)
