"""What a steward's command writes, judged by the real roster, and what is refused with advice."""

from collections.abc import Callable

import pytest

from node.affairs.cutting import cut_of
from node.affairs.plans import (
    admit,
    end,
    endorse,
    find_act,
    find_section,
    grant,
    read_root,
    replace,
    section_of,
    settle,
    valid_section_of,
)
from node.affairs.section_changes import add_steward, retire_steward
from node.errors import Ambiguous, BadData, Conflict, Missing, NodeError, Refused
from node.federation.names import RootId
from node.federation.statements import FOR_MEMBERS
from node.federation.views import ActState, Standing
from node.testing.boards import Board
from node.testing.citizens import NEVER_MS, Citizen, Device
from node.testing.federations import Federation, cut_at
from store.ids import AuthorId, short, to_text
from store.memory import MemoryEntryStore


@pytest.fixture
def board() -> Board:
    return Board(Federation())


def three_stewards() -> tuple[Board, list[Device]]:
    board = Board(Federation(stewards=3))
    return board, board.federation.stewards[0]


def test_a_section_is_found_by_name_and_id_and_its_stewards_alone_act_for_it() -> None:
    board = Board(Federation(sections=2))
    [[alice], [bob]] = board.federation.stewards
    guest = board.joins("guest")
    steward, other = board.steward(alice), board.steward(guest)
    first = board.federation.sections[0]
    for text in ("section 0", "SECTION 0", to_text(first), short(first)):
        assert find_section(steward.census, steward.titles, text).id == first
        assert section_of(steward, text).id == first
    assert section_of(board.steward(bob), None).id == board.federation.sections[1]
    for wrong, error in (("nowhere", Missing), ("section 1", Refused), ("", BadData)):
        with pytest.raises(error) as caught:
            section_of(steward, wrong)
        assert caught.value.advice
    with pytest.raises(Refused, match="you are none"):
        section_of(other, None)
    with pytest.raises(Refused, match="no steward of section 0") as caught:
        section_of(other, "section 0")
    assert "steward 0.0" in caught.value.advice


def test_who_is_steward_of_several_sections_says_for_which() -> None:
    federation = Federation()
    board = Board(federation)
    [[alice]] = federation.stewards
    invite = federation.invite(alice, purpose=1)
    federation.begin("Berlin", [alice], invite)
    steward = board.steward(alice)
    with pytest.raises(Ambiguous, match=r"section 0.*Berlin|Berlin.*section 0"):
        section_of(steward, None)
    assert section_of(steward, "Berlin").terms.name == "Berlin"
    with pytest.raises(Refused, match="0 of 1 endorsements"):
        valid_section_of(steward, "Berlin")


def test_a_new_section_is_in_once_enough_sections_have_endorsed_it() -> None:
    federation = Federation(sections=2, endorsements=2)
    board = Board(federation)
    [[alice], [bob]] = federation.stewards
    carol = federation.newcomer("carol")
    berlin = federation.begin("Berlin", [carol], federation.invite(alice, purpose=1))

    def endorses(device: Device) -> list[ActState]:
        steward = board.steward(device)
        new = find_section(steward.census, steward.titles, "Berlin")
        return board.carry_out(device, endorse(steward, valid_section_of(steward, None), new))

    [act] = endorses(alice)
    assert act.complete
    assert not board.census(alice).sections[berlin].valid
    assert endorses(alice) == [act]
    endorses(bob)
    section = board.census(carol).sections[berlin]
    assert section.valid
    assert set(section.endorsed_by) == set(federation.sections)
    with pytest.raises(Conflict, match="in already"):
        endorses(alice)


def test_an_invite_a_settlement_and_an_admission_say_what_they_should(board: Board) -> None:
    [[alice]] = board.federation.stewards
    steward = board.steward(alice)
    section = valid_section_of(steward, None)
    key = bytes(range(32))
    board.carry_out(alice, grant(steward, section, key, 3, NEVER_MS, FOR_MEMBERS))
    [made] = board.roster.grants()
    assert (made.grant.invite_key, made.grant.uses, made.by) == (key, 3, alice.citizen.root)
    board.carry_out(alice, settle(steward, section, made.entry, ()))
    assert board.roster.grants()[0].settled == ()
    bob = board.federation.newcomer("bob")
    board.carry_out(alice, admit(steward, section, bob.citizen.root))
    assert board.roster.standing(bob.id) is Standing.MEMBER
    with pytest.raises(Conflict, match="bob is a member of section 0 already"):
        admit(board.steward(alice), section, bob.citizen.root)
    for uses in (0, 51):
        with pytest.raises(BadData, match="1 to 50 uses"):
            grant(steward, section, key, uses, NEVER_MS, FOR_MEMBERS)


def test_a_membership_is_ended_with_cuts_that_keep_what_was_said(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob = board.joins("bob")
    steward = board.steward(alice)
    section, member = section_of(steward, None), board.member(bob)
    [act] = board.carry_out(alice, end(steward, section, member, [cut_at(bob, ends=[(2, 7)])]))
    assert act.effective
    device = board.roster.device(bob.id)
    assert device is not None
    assert (device.standing, device.ends) == (Standing.FORMER, ((0, len(bob.log)), (2, 7)))
    with pytest.raises(Conflict, match="bob is no member"):
        end(board.steward(alice), section, board.member(bob), [])
    with pytest.raises(Conflict, match="is a steward") as caught:
        end(board.steward(alice), section, board.member(alice), [])
    assert "steward retire" in caught.value.advice


def test_cuts_that_do_not_fit_into_one_act_are_said_in_several(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob = board.joins("bob")
    others = [board.federation.device(bob.citizen, f"device {number}") for number in range(15)]
    cuts = [cut_at(each, ends=[(log, 5) for log in range(1, 12)]) for each in (bob, *others)]
    steward = board.steward(alice)
    acts = board.carry_out(alice, end(steward, section_of(steward, None), board.member(bob), cuts))
    assert len(acts) > 1
    assert all(act.effective for act in acts)
    ends = {device.id: device.ends for device in board.member(bob).devices}
    assert {ends[each.id][-1] for each in (bob, *others)} == {(11, 5)}  # type: ignore[index]


def test_a_replaced_root_keeps_name_and_standing_and_what_does_not_fit_is_told(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob, fresh = board.joins("bob"), Citizen("bob again")
    others = [board.federation.device(bob.citizen, f"device {number}") for number in range(9)]
    cuts = [cut_at(each, ends=[(log, 5) for log in range(1, 9)]) for each in (bob, *others)]
    steward = board.steward(alice)
    section = section_of(steward, None)
    with pytest.raises(Conflict, match=r"belongs to steward 0\.0"):
        replace(steward, section, board.member(bob), alice.citizen.root, cuts)
    replacing = replace(steward, section, board.member(bob), fresh.root, cuts)
    assert replacing.left_out
    assert bob.id not in replacing.left_out
    [act] = board.carry_out(alice, replacing.plan)
    assert act.effective
    new = board.federation.device(fresh)
    member = board.roster.member(bob.citizen.root)
    assert member is not None
    assert (member.id, member.root) == (bob.citizen.root, fresh.root)
    assert board.roster.standing(new.id) is Standing.MEMBER
    assert board.roster.standing(bob.id) is Standing.FORMER


def test_who_has_been_replaced_is_still_a_steward_by_his_new_root() -> None:
    board, (one, other, third) = three_stewards()
    fresh = Citizen("new words")
    steward = board.steward(one)
    replacing = replace(steward, section_of(steward, None), board.member(third), fresh.root, [cut_at(third)])
    [act] = board.carry_out(one, replacing.plan)
    assert board.consents(other, act)[0].effective
    new = board.federation.device(fresh)
    bob = board.joins("bob", one)
    [act] = board.add(new, bob)
    assert act.consents
    [act] = board.consents(one, act)
    assert act.effective
    [act] = board.retire(one, third)
    assert new.id in dict(act.statement.ends)  # type: ignore[union-attr]
    board.consents(other, act)
    assert board.consents(bob, act)[0].effective
    assert third.citizen.root not in board.section(one).terms.stewards


def test_only_stewards_consent_and_only_to_what_is_there(board: Board) -> None:
    board, (one, *_) = three_stewards()
    bob = board.joins("bob")
    [act] = board.add(one, bob)
    with pytest.raises(Refused, match="Only the stewards"):
        board.consents(bob, act)
    for text, error in (("aaaaaaaa", Missing), ("a", BadData), ("0!", BadData)):
        with pytest.raises(error):
            find_act([act], text)


@pytest.mark.parametrize("text", ["", "abc", "x" * 51, "0" * 52])
def test_a_root_is_given_whole(text: str) -> None:
    with pytest.raises(BadData, match=r"52 characters|no id"):
        read_root(text)


def test_everything_that_is_refused_comes_with_advice(board: Board) -> None:
    [[alice]] = board.federation.stewards
    bob = board.joins("bob")
    steward = board.steward(alice)
    section = section_of(steward, None)
    refused: list[Callable[[], object]] = [
        lambda: section_of(board.steward(bob), None),
        lambda: section_of(board.steward(bob), "section 0"),
        lambda: section_of(steward, "nowhere"),
        lambda: add_steward(steward, section, board.member(alice), None, board.held),
        lambda: retire_steward(steward, section, RootId(bytes(32)), None, board.held),
        lambda: endorse(steward, section, section),
        lambda: end(steward, section, board.member(alice), []),
        lambda: admit(steward, section, bob.citizen.root),
        lambda: replace(steward, section, board.member(bob), alice.citizen.root, []),
    ]
    for call in refused:
        with pytest.raises(NodeError) as caught:
            call()
        assert caught.value.advice
        assert caught.value.message.endswith(".")


def test_a_cut_from_what_is_held_fits_what_an_end_takes(board: Board) -> None:
    bob = board.joins("bob")
    store = MemoryEntryStore()
    store.append([tuple(bob.log)], checked=True, durable=False)
    cut = cut_of(store, AuthorId(bob.id))
    assert cut == cut_at(bob)
