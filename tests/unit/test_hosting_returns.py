"""A host and those who belong already: further devices of a member, and devices that show a passport."""

import pytest

from gossip.errors import RemoteFault, Severity
from node.federation import bare
from node.federation.guest_effects import (
    End,
    Send,
    TakeIn,
    Welcomed,
)
from node.federation.guest_messages import (
    INVALID,
    NO_SUCH_MEMBER,
    REVOKED,
    TOO_MANY_DEVICES,
    UNKNOWN,
    Challenge,
    Done,
    Entries,
    Present,
    Proof,
    Refused,
    Return,
    Welcome,
    refusal,
)
from node.federation.inception import Terms
from node.federation.limits import MAX_DEVICES
from node.federation.roster import Roster
from node.federation.views import Standing
from node.testing.citizens import Citizen, Device, act_of, section_of
from node.testing.meetings import (
    ALICE,
    CHARTER,
    LYON,
    NETWORK,
    NONCE,
    NOW_MS,
    STATE,
    Hub,
    go_back,
    join,
    present,
    turned_away,
)

BOB, CAROL, DAVE = map(Citizen, ("bob", "carol", "dave"))


def member_at(hub: Hub, citizen: Citizen = BOB) -> Device:
    hub.device.admit(STATE, citizen.root)
    device = citizen.device(NETWORK, "first")
    hub.know(hub.device, device)
    assert hub.roster.standing(device.id) is Standing.MEMBER
    return device


def test_a_further_device_comes_in_with_the_root() -> None:
    hub = Hub()
    first, second = member_at(hub), BOB.device(NETWORK, "second")
    told = go_back(hub, second, BOB)
    assert Welcomed(False) in told
    assert hub.roster.member_of(second.id) == hub.roster.member_of(first.id) == BOB.root


def test_a_device_that_is_in_is_welcome_again() -> None:
    hub = Hub()
    assert Welcomed(False) in go_back(hub, member_at(hub), BOB)


def test_a_steward_of_the_charter_comes_with_his_first_device() -> None:
    hub = Hub()
    hub.roster = Roster(CHARTER)
    device = ALICE.device(NETWORK, "first")
    assert Welcomed(False) in go_back(hub, device, ALICE)


def test_a_root_that_nobody_knows_does_not_come_in() -> None:
    hub = Hub()
    assert turned_away(go_back(hub, BOB.device(NETWORK), BOB)) == NO_SUCH_MEMBER


def test_a_replaced_root_and_an_ended_membership_do_not_come_in() -> None:
    hub = Hub()
    hub.grant()
    join(hub, BOB.device(NETWORK))
    hub.device.replace(STATE, BOB.root, CAROL.root)
    hub.know(hub.device)
    assert turned_away(go_back(hub, BOB.device(NETWORK, "second"), BOB)) == REVOKED
    assert Welcomed(False) in go_back(hub, CAROL.device(NETWORK), CAROL)
    other = Hub()
    member_at(other)
    other.device.end(STATE, BOB.root)
    other.know(other.device)
    assert turned_away(go_back(other, BOB.device(NETWORK, "second"), BOB)) == REVOKED


def test_a_member_has_so_many_devices() -> None:
    hub = Hub()
    member_at(hub)
    for number in range(MAX_DEVICES - 1):
        assert Welcomed(False) in go_back(hub, BOB.device(NETWORK, f"device {number}"), BOB)
    assert turned_away(go_back(hub, BOB.device(NETWORK, "one more"), BOB)) == TOO_MANY_DEVICES


@pytest.mark.parametrize("recorded", ["another nonce", "another hub", "another device", "another root"])
def test_a_proof_that_was_made_for_another_meeting_is_hostile(recorded: str) -> None:
    hub = Hub()
    member_at(hub)
    device = BOB.device(NETWORK, "second")
    host = hub.host(device.id)
    assert host.handle(Return(BOB.root), NOW_MS) == [Send(Challenge(NONCE))]
    meeting = {
        "another nonce": (hub.device.id, device.id, bytes(16)),
        "another hub": (device.id, device.id, NONCE),
        "another device": (hub.device.id, hub.device.id, NONCE),
        "another root": (hub.device.id, device.id, NONCE),
    }[recorded]
    key = CAROL.key if recorded == "another root" else BOB.key
    with pytest.raises(RemoteFault) as caught:
        host.handle(Proof(key.sign(bare.return_message(*meeting))), NOW_MS)
    assert caught.value.severity is Severity.HOSTILE


def test_a_proof_brings_in_no_device_of_another_root() -> None:
    hub = Hub()
    member_at(hub)
    device = CAROL.device(NETWORK)
    assert turned_away(go_back(hub, device, BOB)) == INVALID


def test_an_act_of_a_change_brings_a_new_stewards_first_device_in() -> None:
    hub = Hub()
    roots = tuple(sorted((ALICE.root, BOB.root)))
    change = hub.device.change([STATE], Terms("Lyon", "", (), roots, 2))
    hub.know(hub.device)
    assert hub.roster.section(section_of(LYON)).state == act_of(change, NETWORK)  # type: ignore[union-attr]
    assert Welcomed(False) in go_back(hub, BOB.device(NETWORK), BOB)


def test_a_good_passport_alone_lets_nobody_in_whom_the_roster_does_not_show() -> None:
    hub, apart = Hub(), Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    apart.know(hub.device)
    join(hub, device)
    host = apart.host(device.id)
    assert host.handle(Present(hub.passport(device)), NOW_MS) == [Send(refusal(UNKNOWN))]
    assert turned_away(present(apart, device, hub.passport(device))) == UNKNOWN
    assert apart.roster.standing(device.id) is Standing.UNKNOWN
    assert present(apart, device, hub.passport(device), hub) == [Welcomed(False), End()]
    assert apart.roster.standing(device.id) is Standing.MEMBER


def test_a_device_that_the_roster_shows_needs_no_passport() -> None:
    hub = Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    join(hub, device)
    host = hub.host(device.id)
    assert host.handle(Present(b""), NOW_MS) == [Send(Welcome(False)), End()]


def test_a_host_that_lacks_the_grant_asks_for_logs_and_looks_again() -> None:
    hub, apart = Hub(), Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    join(hub, device)
    assert turned_away(present(apart, device, hub.passport(device))) == UNKNOWN
    assert present(apart, device, hub.passport(device), hub) == [Welcomed(False), End()]
    assert apart.roster.digest() == hub.roster.digest()


def test_a_host_that_still_lacks_something_says_so_and_ends() -> None:
    hub, apart = Hub(), Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    join(hub, device)
    host = apart.host(device.id)
    assert host.handle(Present(hub.passport(device)), NOW_MS) == [Send(refusal(UNKNOWN))]
    host.handle(Entries(tuple(device.log)), NOW_MS)
    [taking] = host.handle(Done(), NOW_MS)
    assert taking == TakeIn((tuple(device.log),))
    assert host.taken() == [Send(refusal(UNKNOWN)), End()]


def test_a_broken_passport_is_refused_with_its_own_text() -> None:
    hub = Hub()
    host = hub.host(BOB.device(NETWORK).id)
    [sent, end] = host.handle(Present(b""), NOW_MS)
    assert isinstance(sent, Send)
    assert isinstance(sent.message, Refused)
    assert sent.message.code == INVALID
    assert "cut, doubled or damaged" in sent.message.text
    assert end == End()
