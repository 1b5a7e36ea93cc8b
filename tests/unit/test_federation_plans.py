"""What a steward's command writes, judged by the real roster: acts, consents, rivals, and what is refused."""

from collections.abc import Callable

import pytest

from node.census import Census, take_census
from node.cutting import cut_of
from node.errors import Ambiguous, BadData, Conflict, Missing, NodeError, Refused
from node.federation.names import RootId
from node.federation.roster import Roster
from node.federation.statements import FOR_MEMBERS
from node.federation.views import ActState, Member, Section, Standing
from node.federation_plans import (
    Plan,
    Steward,
    admit,
    consent,
    end,
    endorse,
    find_act,
    find_section,
    grant,
    limiting,
    read_root,
    replace,
    section_of,
    settle,
    valid_section_of,
)
from node.federation_shown import titles_of
from node.naming import Names
from node.section_changes import Wanted, add_steward, change, retire_steward
from node.testing.citizens import NEVER_MS, Citizen, Device
from node.testing.federations import Federation, cut_at
from store.ids import AuthorId, short, to_text
from store.memory import MemoryEntryStore


class Board:
    """A federation on the table: its devices, and what each of them sees of it."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self._salts = 0

    @property
    def roster(self) -> Roster:
        return self.federation.roster()

    def census(self, device: Device) -> Census:
        return take_census(self.roster, device.id)

    def steward(self, device: Device) -> Steward:
        census = self.census(device)
        assert census.me is not None
        names: dict[bytes, str] = {
            each.citizen.root: each.citizen.name for each in self.federation.devices.values()
        }
        return Steward(
            census.me,
            census,
            Names({}, names, census.owners),
            titles_of(census),
            self.federation.network,
            self._salt,
        )

    def _salt(self) -> bytes:
        self._salts += 1
        return self._salts.to_bytes(16, "big")

    def carry_out(self, device: Device, plan: Plan) -> list[ActState]:
        for body in plan.bodies:
            device.say(body)
        return [act for act in self.roster.acts() if act.act in plan.acts]

    def section(self, device: Device, number: int = 0) -> Section:
        return self.census(device).sections[self.federation.sections[number]]

    def member(self, device: Device) -> Member:
        found = self.roster.member(device.citizen.root)
        assert found is not None
        return found

    def joins(self, name: str, steward: Device | None = None) -> Device:
        """A new member, by an invite of the first steward."""
        by = steward or self.federation.stewards[0][0]
        return self.federation.join(name, self.federation.invite(by, self.section(by).state))

    def add(self, device: Device, new: Device, **given: object) -> list[ActState]:
        steward = self.steward(device)
        options = {"threshold": None, **given}
        section, member = section_of(steward, None), self.member(new)
        plan = add_steward(steward, section, member, held=self.held, **options)  # type: ignore[arg-type]
        return self.carry_out(device, plan)

    def held(self, device: AuthorId) -> int:
        return len(self.federation.devices[device].log)

    def consents(self, device: Device, act: ActState) -> list[ActState]:
        steward = self.steward(device)
        return self.carry_out(device, consent(steward, find_act(steward.census.acts, short(act.act))))


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


def retire(board: Board, device: Device, old: Device, **given: object) -> list[ActState]:
    steward = board.steward(device)
    options = {"threshold": None, **given}
    section = section_of(steward, None)
    plan = retire_steward(steward, section, old.citizen.root, held=board.held, **options)  # type: ignore[arg-type]
    return board.carry_out(device, plan)


def test_what_a_retired_steward_said_before_stays_and_what_he_says_later_does_not() -> None:
    board, (one, other, third) = three_stewards()
    guest = board.joins("guest", third)
    [act] = retire(board, one, third)
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
        retire(board, alice, alice)
    with pytest.raises(Conflict, match="bob is no steward"):
        retire(board, alice, bob)
    board.add(alice, bob)
    with pytest.raises(BadData, match="1 to 1, not 2"):
        retire(board, alice, bob, threshold=2)
    [act] = retire(board, alice, bob)
    assert (act.needed, act.complete) == (2, False)
    board.consents(bob, act)
    assert board.section(alice).terms.stewards == (alice.citizen.root,)
    assert board.section(alice).terms.threshold == 1


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
    [act] = retire(board, one, third)
    assert new.id in dict(act.statement.ends)  # type: ignore[union-attr]
    board.consents(other, act)
    assert board.consents(bob, act)[0].effective
    assert third.citizen.root not in board.section(one).terms.stewards


def test_an_act_of_an_earlier_state_is_proposed_again() -> None:
    board, (one, other, third) = three_stewards()
    bob, carol = board.joins("bob"), board.joins("carol")
    [late] = board.add(one, bob)
    [act] = board.add(other, carol)
    board.consents(third, act)
    with pytest.raises(Conflict, match="has changed since"):
        board.consents(third, late)


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
