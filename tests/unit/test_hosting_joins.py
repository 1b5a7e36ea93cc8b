"""A host and newcomers with an invite: who comes in, who does not, and what a recorded claim is worth."""

import pytest

from gossip.errors import RemoteFault
from node.federation import bare
from node.federation.cuts import LogEnd, make_cut
from node.federation.guest_effects import (
    Chartered,
    End,
    Send,
    TakeIn,
    Welcomed,
)
from node.federation.guest_messages import (
    EXPIRED,
    INVALID,
    NOT_ENDORSED,
    REVOKED,
    UNKNOWN,
    USED_UP,
    WRONG_NETWORK,
    Done,
    Entries,
    Knock,
    Refused,
    refusal,
)
from node.federation.roster import Roster
from node.federation.statements import FOR_SECTIONS
from node.federation.views import Standing
from node.federation.visiting import Joining
from node.testing.citizens import NEVER_MS, Citizen, Device, inception
from node.testing.meetings import (
    CHARTER,
    INVITE,
    NETWORK,
    NONCE,
    NOW_MS,
    SECRET,
    STATE,
    Hub,
    claim,
    go_back,
    join,
    present,
    received,
    talk,
    turned_away,
)
from store.ids import LOG_ID, EntryId

BOB, CAROL, DAVE = map(Citizen, ("bob", "carol", "dave"))


def test_a_newcomer_with_an_invite_is_let_in_and_can_judge_his_host() -> None:
    hub = Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    told = join(hub, device)
    assert Welcomed(False) in told
    assert told[-1] == End()
    assert hub.roster.standing(device.id) is Standing.MEMBER
    own = Roster(CHARTER)
    for log in received(told).values():
        own.add(log)
    own.add(device.log)
    assert own.standing(device.id) is own.standing(hub.device.id) is Standing.MEMBER
    assert own.digest() == hub.roster.digest()


def test_a_founder_of_a_section_waits_for_endorsements() -> None:
    hub = Hub()
    hub.grant(purpose=FOR_SECTIONS)
    device = CAROL.device(NETWORK)
    berlin = inception("Berlin", [CAROL, DAVE], network=NETWORK)

    def write(own: Device, told: Chartered) -> None:
        assert told.purpose == FOR_SECTIONS
        own.begin(berlin)
        claim(own, told, hub.device)

    told = talk(hub, hub.host(device.id), Joining(NETWORK[:16], INVITE), device, write)
    assert Welcomed(True) in told
    assert hub.roster.standing(device.id) is Standing.CANDIDATE
    second = DAVE.device(NETWORK)
    assert Welcomed(True) in go_back(hub, second, DAVE)
    assert hub.roster.standing(second.id) is Standing.CANDIDATE
    assert turned_away(present(hub, device, hub.passport(device))) == NOT_ENDORSED


def test_an_invite_to_found_a_section_makes_no_member() -> None:
    hub = Hub()
    hub.grant(purpose=FOR_SECTIONS)
    assert turned_away(join(hub, BOB.device(NETWORK))) == INVALID


def test_a_founder_is_steward_of_what_he_founds() -> None:
    hub = Hub()
    hub.grant(purpose=FOR_SECTIONS)
    berlin = inception("Berlin", [DAVE], network=NETWORK)

    def write(own: Device, told: Chartered) -> None:
        own.begin(berlin)
        claim(own, told, hub.device)

    device = CAROL.device(NETWORK)
    told = talk(hub, hub.host(device.id), Joining(NETWORK[:16], INVITE), device, write)
    assert turned_away(told) == INVALID


def test_an_invite_is_used_as_often_as_it_says() -> None:
    hub = Hub()
    hub.grant(uses=2)
    assert Welcomed(False) in join(hub, BOB.device(NETWORK))
    assert Welcomed(False) in join(hub, CAROL.device(NETWORK))
    assert turned_away(join(hub, DAVE.device(NETWORK))) == USED_UP


def test_two_guests_do_not_get_the_last_use() -> None:
    hub = Hub()
    grant = hub.grant()
    first, second = BOB.device(NETWORK), CAROL.device(NETWORK)
    hosts = [(hub.host(device.id), device) for device in (first, second)]
    for host, device in hosts:
        host.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
        device.claim(grant, SECRET, hub.device.id, NONCE)
        host.handle(Entries(tuple(device.log)), NOW_MS)
    (one, _), (other, _) = hosts
    [taking] = one.handle(Done(), NOW_MS)
    assert isinstance(taking, TakeIn)
    assert other.handle(Done(), NOW_MS) == [Send(refusal(USED_UP)), End()]
    other.left()
    assert one.not_taken("the disk is full") == [Send(Refused(INVALID, "the disk is full")), End()]
    one.left()
    third = hub.host(second.id)
    third.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
    third.handle(Entries(tuple(second.log)), NOW_MS)
    [taking] = third.handle(Done(), NOW_MS)
    assert isinstance(taking, TakeIn)


def test_an_invite_ends_when_the_hosts_clock_says_so() -> None:
    hub = Hub()
    hub.grant(expires_ms=NOW_MS - 1)
    assert turned_away(join(hub, BOB.device(NETWORK))) == EXPIRED
    later = Hub()
    later.grant(expires_ms=NOW_MS)
    assert Welcomed(False) in join(later, BOB.device(NETWORK))


def test_an_invite_that_ends_while_somebody_writes_down_his_words_is_over() -> None:
    hub = Hub()
    grant = hub.grant(expires_ms=NOW_MS)
    device = BOB.device(NETWORK)
    host = hub.host(device.id)
    host.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
    device.claim(grant, SECRET, hub.device.id, NONCE)
    host.handle(Entries(tuple(device.log)), NOW_MS)
    assert host.handle(Done(), NOW_MS + 1) == [Send(refusal(EXPIRED)), End()]


def test_a_settled_invite_is_revoked_used_up_or_expired() -> None:
    for uses, expires_ms, roots, code in (
        (2, NEVER_MS, [], REVOKED),
        (1, NEVER_MS, [CAROL.root], USED_UP),
        (2, NOW_MS - 1, [], EXPIRED),
    ):
        hub = Hub()
        grant = hub.grant(uses=uses, expires_ms=expires_ms)
        hub.device.settle(STATE, grant, roots)
        hub.know(hub.device)
        assert turned_away(join(hub, BOB.device(NETWORK))) == code


def test_a_stranger_learns_nothing() -> None:
    hub = Hub()
    hub.grant()
    host = hub.host(BOB.device(NETWORK).id)
    other = bare.invite_key(bytes(16)).author
    assert host.handle(Knock(NETWORK[:16], other), NOW_MS) == [Send(refusal(UNKNOWN)), End()]
    host = hub.host(BOB.device(NETWORK).id)
    assert host.handle(Knock(bytes(16), INVITE), NOW_MS) == [Send(refusal(WRONG_NETWORK)), End()]


def test_a_join_that_was_cut_off_is_finished_by_the_same_device() -> None:
    """The first claim was taken in and the answer lost; the second answers another nonce."""
    hub = Hub()
    grant = hub.grant(expires_ms=NOW_MS)
    device = BOB.device(NETWORK)
    device.claim(grant, SECRET, hub.device.id, bytes(16))
    hub.know(device)
    hub.device.settle(STATE, grant, [BOB.root])
    hub.know(hub.device)
    told = join(hub, device)
    assert Welcomed(False) in told
    assert len(device.log) == 3


def test_a_join_that_was_cut_off_before_it_was_taken_in_is_finished_too() -> None:
    hub = Hub()
    grant = hub.grant()
    device = BOB.device(NETWORK)
    device.claim(grant, SECRET, hub.device.id, bytes(16))
    assert Welcomed(False) in join(hub, device)


@pytest.mark.parametrize(
    "recorded",
    ["another nonce", "another hub", "another grant", "another root", "another secret", "no claim"],
)
def test_a_claim_that_was_made_for_another_meeting_does_not_pass(recorded: str) -> None:
    hub = Hub()
    grant = hub.grant(uses=5)
    device = BOB.device(NETWORK)
    host = hub.host(device.id)
    host.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
    match recorded:
        case "another nonce":
            device.claim(grant, SECRET, hub.device.id, bytes(16))
        case "another hub":
            device.claim(grant, SECRET, CAROL.device(NETWORK).id, NONCE)
        case "another grant":
            device.claim(EntryId(bytes(32)), SECRET, hub.device.id, NONCE)
        case "another root":
            device.citizen = CAROL
            device.claim(grant, SECRET, hub.device.id, NONCE)
        case "another secret":
            device.claim(grant, bytes(16), hub.device.id, NONCE)
    host.handle(Entries(tuple(device.log)), NOW_MS)
    assert host.handle(Done(), NOW_MS) == [Send(refusal(INVALID)), End()]
    assert not hub.uses.of(grant)


def test_somebody_elses_claim_does_not_pass() -> None:
    hub = Hub()
    grant = hub.grant(uses=5)
    victim, thief = BOB.device(NETWORK), CAROL.device(NETWORK)
    victim.claim(grant, SECRET, hub.device.id, NONCE)
    host = hub.host(thief.id)
    host.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
    host.handle(Entries(tuple(victim.log)), NOW_MS)
    with pytest.raises(RemoteFault, match="own device"):
        host.handle(Done(), NOW_MS)


def test_a_revoked_device_does_not_join_again() -> None:
    hub = Hub()
    grant = hub.grant(uses=5)
    lost, new = BOB.device(NETWORK, "lost"), BOB.device(NETWORK, "new")
    lost.claim(grant, SECRET, hub.device.id)
    new.cut(make_cut(lost.id, [LogEnd(LOG_ID, 2, lost.log[1].id)]))
    hub.know(lost, new)
    assert hub.roster.standing(lost.id) is Standing.FORMER
    assert turned_away(join(hub, lost)) == REVOKED
    assert turned_away(go_back(hub, lost, BOB)) == REVOKED
    assert turned_away(present(hub, lost, hub.passport(lost))) == REVOKED
