"""Which invites a steward's node closes, when, and who is in then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.affairs.settling import OTHERS_STEP_IN_MS, STEP_IN_MS, WAIT_MS, due, due_ms, who_is_in
from node.federation.statements import FOR_MEMBERS, FOR_SECTIONS
from node.federation.views import GrantState
from node.testing.citizens import START_MS, Citizen, Device
from node.testing.federations import Federation, Invite
from store.ids import EntryId

EXPIRY_MS = START_MS + 60_000


class Door:
    """A section whose steward has let people in, and has two devices."""

    def __init__(self, uses: int = 2, purpose: int = FOR_MEMBERS) -> None:
        self.federation = Federation()
        [[self.alice]] = self.federation.stewards
        self.phone = self.federation.device(self.alice.citizen, "phone")
        self.invite: Invite = self.federation.invite(
            self.alice, uses=uses, expires_ms=EXPIRY_MS, purpose=purpose
        )

    def joins(self, *names: str) -> list[Device]:
        return [self.federation.join(name, self.invite) for name in names]

    @property
    def grant(self) -> GrantState:
        [grant] = self.federation.roster().grants()
        return grant

    def due(self, device: Device, now_ms: int, *stewarded: bytes) -> list[tuple[bytes, ...]]:
        sections = frozenset(stewarded or self.federation.sections)
        root = self.alice.citizen.root
        found = due([self.grant], root, device.id, sections, lambda entry: 0, now_ms)  # type: ignore[arg-type]
        return [settling.roots for settling in found]


def seen_in(*order: Device) -> dict[EntryId, int]:
    return {entry.id: place for place, device in enumerate(order) for entry in device.log}


def test_an_expired_invite_is_settled_by_the_device_that_made_it_and_later_by_another() -> None:
    door = Door()
    [bob] = door.joins("bob")
    at_ms = EXPIRY_MS + WAIT_MS
    assert door.due(door.alice, at_ms - 1) == []
    assert door.due(door.alice, at_ms) == [(bob.citizen.root,)]
    assert door.due(door.phone, at_ms) == []
    assert door.due(door.phone, at_ms + STEP_IN_MS) == [(bob.citizen.root,)]


def test_an_invite_that_nobody_used_is_settled_too() -> None:
    assert Door().due(Door().alice, EXPIRY_MS + WAIT_MS) == [()]


def test_one_that_is_used_up_or_over_used_is_settled_at_once() -> None:
    door = Door(uses=2)
    door.joins("bob")
    assert door.due(door.alice, EXPIRY_MS - 1) == []
    door.joins("carol")
    [roots] = door.due(door.alice, START_MS)
    assert len(roots) == 2
    door.joins("dora")
    [roots] = door.due(door.alice, START_MS)
    assert len(roots) == 2


def test_a_claim_that_says_it_is_of_the_future_delays_nothing() -> None:
    door = Door(uses=1)
    [bob] = door.joins("bob")
    forger = door.federation.newcomer("forger")
    while len(forger.log) < 59:  # a device's log is a second later with each entry
        forger.consent(bytes(32))  # type: ignore[arg-type]
    door.federation.claim(forger, door.invite)
    assert len(door.due(door.alice, START_MS)) == 1
    since_ms = bob.log[-1].time_ms + STEP_IN_MS
    assert door.due(door.phone, since_ms - 1) == []
    assert len(door.due(door.phone, since_ms)) == 1


def test_the_invites_of_a_steward_who_is_gone_are_closed_by_another_one_in_the_end() -> None:
    federation = Federation(stewards=2)
    [[alice, berta]] = federation.stewards
    federation.invite(alice, expires_ms=EXPIRY_MS)
    [grant] = federation.roster().grants()
    at_ms = EXPIRY_MS + WAIT_MS + OTHERS_STEP_IN_MS
    assert due_ms(grant, berta.citizen.root, berta.id) == at_ms


def test_what_came_to_this_node_first_is_in() -> None:
    door = Door(uses=2)
    bob, carol, dora = door.joins("bob", "carol", "dora")
    for order in ((bob, carol, dora), (dora, bob, carol), (carol, dora, bob)):
        seen = seen_in(*order)
        assert who_is_in(door.grant, seen.__getitem__) == tuple(each.citizen.root for each in order[:2])


def test_a_claim_that_says_itself_that_it_is_late_goes_behind_the_others() -> None:
    door = Door(uses=1)
    late = door.federation.newcomer("late")
    while len(late.log) < 70:  # a device's log is a second later with each entry
        late.consent(bytes(32))  # type: ignore[arg-type]
    door.federation.claim(late, door.invite)
    [bob] = door.joins("bob")
    assert [claim.late for claim in door.grant.claims if claim.device == late.id] == [True]
    assert who_is_in(door.grant, seen_in(late, bob).__getitem__) == (bob.citizen.root,)


def test_two_devices_of_one_member_are_one_use() -> None:
    door = Door(uses=1)
    bob = Citizen("bob")
    for name in ("laptop", "phone"):
        door.federation.claim(door.federation.device(bob, name), door.invite)
    assert door.due(door.alice, START_MS) == [(bob.root,)]


def test_of_an_invite_for_sections_the_sections_are_listed() -> None:
    door = Door(uses=2, purpose=FOR_SECTIONS)
    berlin = door.federation.begin("Berlin", [door.federation.newcomer("carol")], door.invite)
    assert door.due(door.alice, EXPIRY_MS + WAIT_MS) == [(berlin,)]


def test_only_open_invites_that_count_are_settled() -> None:
    door = Door()
    grant = door.grant
    at_ms = EXPIRY_MS + WAIT_MS
    assert due_ms(grant, door.alice.citizen.root, door.alice.id) == at_ms
    for changed in (
        grant._replace(counts=False),
        grant._replace(settled=()),
    ):
        assert due_ms(changed, door.alice.citizen.root, door.alice.id) is None
    assert door.due(door.alice, at_ms, bytes(32)) == []


def test_once_settled_it_stays_settled() -> None:
    door = Door()
    [bob] = door.joins("bob")
    [roots] = door.due(door.alice, EXPIRY_MS + WAIT_MS)
    door.alice.settle(door.federation.state(), door.invite.grant, roots)  # type: ignore[arg-type]
    door.joins("carol")
    assert door.due(door.alice, EXPIRY_MS + WAIT_MS) == []
    assert door.grant.settled == (bob.citizen.root,)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(1, 5), st.randoms())
def test_never_more_are_in_than_an_invite_allows_and_each_once(people, uses, random) -> None:
    door = Door(uses=uses)
    devices = door.joins(*(f"member {number}" for number in sorted(set(people))))
    order = list(devices)
    random.shuffle(order)
    inside = who_is_in(door.grant, seen_in(*order).__getitem__)
    assert len(inside) == len(set(inside)) == min(uses, len(order))
    assert list(inside) == [device.citizen.root for device in order[:uses]]


@pytest.mark.parametrize("uses", [1, 3])
def test_everybody_is_in_where_there_is_room(uses: int) -> None:
    door = Door(uses=uses)
    devices = door.joins(*(f"member {number}" for number in range(uses)))
    assert set(who_is_in(door.grant, lambda entry: 0)) == {device.citizen.root for device in devices}
