"""Passports: their size, what they prove, and everything that they must not prove."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.federation.cuts import LogEnd, make_cut
from node.federation.guest_messages import (
    INVALID,
    NOT_ENDORSED,
    REVOKED,
    TOO_MANY_DEVICES,
    UNKNOWN,
    USED_UP,
    WRONG_NETWORK,
)
from node.federation.limits import MAX_DEVICE_NAME_CHARS, MAX_DEVICES, MAX_PASSPORT_BYTES, MAX_STANDING_CLAIMS
from node.federation.passport import BadPassport, check, logs_behind, parse
from node.federation.roster import Roster
from node.federation.statements import FOR_SECTIONS
from node.testing.citizens import Citizen, Device, inception
from node.testing.meetings import ALICE, CHARTER, NETWORK, SECRET, STATE, Hub
from node.testing.people import Person
from store.codec import decode, encode
from store.entry import Entry
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

BOB, CAROL, DAVE = map(Citizen, ("bob", "carol", "dave"))
LONGEST = "\U0001f30d" * MAX_DEVICE_NAME_CHARS


@dataclass
class Apart:
    """Bob, who was let in at one hub, and a hub that has heard of the invite and not of him."""

    hub: Hub
    apart: Hub
    first: Device
    second: Device
    grant: EntryId


def invited(name: str = "laptop", **terms: int) -> Apart:
    hub, apart = Hub(), Hub()
    grant = hub.grant(**terms)
    apart.know(hub.device)
    first, second = BOB.device(NETWORK, name), BOB.device(NETWORK, name[:-1] + "2")
    first.claim(grant, SECRET, hub.device.id)
    hub.know(first, second)
    return Apart(hub, apart, first, second, grant)


def code_for(data: bytes, roster: Roster, device: AuthorId) -> int:
    with pytest.raises(BadPassport) as caught:
        check(data, roster, device)
    return caught.value.code


def packed(entries: list[Entry], voucher: bytes = b"", network: NetworkId = NETWORK) -> bytes:
    return encode([1, network, [[entry.header, entry.signature, entry.body] for entry in entries], voucher])


@pytest.mark.parametrize("name", ["laptop", LONGEST])
def test_a_passport_of_an_invited_member_proves_that_he_is_one_and_is_small(name: str) -> None:
    case = invited(name)
    for device in (case.first, case.second):
        data = case.hub.passport(device)
        assert len(data) <= MAX_PASSPORT_BYTES == 1_200
        assert check(data, case.apart.roster, device.id) == BOB.root
        assert check(data, case.hub.roster, device.id) == BOB.root


def test_the_passport_of_a_steward_is_a_certificate() -> None:
    hub = Hub()
    assert parse(hub.passport(hub.device), NETWORK).claim is None
    assert check(hub.passport(hub.device), Roster(CHARTER), hub.device.id) == ALICE.root


def test_whom_a_steward_admitted_himself_needs_no_claim() -> None:
    hub = Hub()
    hub.device.admit(STATE, BOB.root)
    device = BOB.device(NETWORK)
    hub.know(hub.device, device)
    apart = Hub()
    apart.know(hub.device)
    assert parse(hub.passport(device), NETWORK).claim is None
    assert check(hub.passport(device), apart.roster, device.id) == BOB.root
    assert code_for(hub.passport(device), Roster(CHARTER), device.id) == UNKNOWN


def test_a_root_that_was_replaced_is_a_member_under_his_first_root() -> None:
    case = invited()
    case.hub.device.replace(STATE, BOB.root, CAROL.root)
    new = CAROL.device(NETWORK)
    case.hub.know(case.hub.device, new)
    data = case.hub.passport(new)
    for device in (case.first, case.hub.device):
        case.apart.know(device)
    assert check(data, case.apart.roster, new.id) == BOB.root
    assert code_for(case.hub.passport(case.second), case.apart.roster, case.second.id) == REVOKED


@given(st.booleans(), st.data())
def test_any_one_flipped_bit_is_refused(second: bool, data: st.DataObject) -> None:
    device = CASE.second if second else CASE.first
    raw = bytearray(PASSPORTS[device.id])
    flip = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[flip // 8] ^= 1 << flip % 8
    for roster in (CASE.apart.roster, CASE.hub.roster):
        assert code_for(bytes(raw), roster, device.id) in (INVALID, WRONG_NETWORK)


CASE = invited()
PASSPORTS = {device.id: CASE.hub.passport(device) for device in (CASE.first, CASE.second)}


@given(st.binary(max_size=MAX_PASSPORT_BYTES + 10))
def test_noise_is_refused_with_our_error(data: bytes) -> None:
    assert code_for(data, CASE.apart.roster, CASE.first.id) == INVALID


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.binary(max_size=64), st.just(NETWORK)),
    lambda inner: st.lists(inner, max_size=3),
)


@given(st.lists(VALUES, max_size=4))
def test_values_of_any_shape_are_refused_with_our_error(values: list[object]) -> None:
    assert code_for(encode([1, *values]), CASE.apart.roster, CASE.first.id) in (INVALID, WRONG_NETWORK)


@given(st.integers(0, len(PASSPORTS[CASE.first.id]) - 1))
def test_a_cut_passport_is_refused(size: int) -> None:
    assert code_for(PASSPORTS[CASE.first.id][:size], CASE.apart.roster, CASE.first.id) == INVALID


def test_a_doubled_passport_is_refused() -> None:
    data = PASSPORTS[CASE.first.id]
    assert code_for(data + data, CASE.apart.roster, CASE.first.id) == INVALID
    entries = [CASE.first.log[0], CASE.first.log[1]]
    assert code_for(packed([*entries, entries[1]]), CASE.apart.roster, CASE.first.id) == INVALID
    assert code_for(packed([entries[0], entries[0]]), CASE.apart.roster, CASE.first.id) == INVALID
    assert code_for(packed([]), CASE.apart.roster, CASE.first.id) == INVALID


def test_a_passport_of_another_network_is_refused() -> None:
    data = packed(CASE.first.log, network=NetworkId(bytes(32)))
    assert code_for(data, CASE.apart.roster, CASE.first.id) == WRONG_NETWORK
    foreign = BOB.device(NetworkId(bytes(32)))
    assert code_for(packed(foreign.log), CASE.apart.roster, foreign.id) == INVALID


def test_a_passport_of_another_device_is_refused() -> None:
    assert code_for(PASSPORTS[CASE.first.id], CASE.apart.roster, CASE.second.id) == INVALID


def test_a_version_that_is_not_known_is_refused() -> None:
    value = decode(PASSPORTS[CASE.first.id], 2_000, 10)
    assert isinstance(value, tuple)
    for version in (0, 2, True):
        assert code_for(encode([version, *value[1:]]), CASE.apart.roster, CASE.first.id) == INVALID


def test_entries_of_other_logs_are_refused() -> None:
    post = Person("bob").post("text")
    assert code_for(packed([post]), CASE.apart.roster, post.author) == INVALID


def test_a_claim_comes_with_its_device() -> None:
    """Somebody who holds the invite claims for Bob's root from a device that Bob never certified."""
    stranger = Device(BOB, NETWORK, "stranger", "laptop")
    claim = stranger.claim(CASE.grant, SECRET, CASE.hub.device.id)
    data = packed([CASE.second.certificate, claim])
    assert code_for(data, CASE.apart.roster, CASE.second.id) == INVALID
    voucher = decode(CASE.first.certificate.body[16:], 2_000, 10)[3]  # type: ignore[index]
    assert (
        code_for(packed([CASE.second.certificate, claim], voucher), CASE.apart.roster, CASE.second.id)
        == INVALID
    )
    own = packed([CASE.first.certificate, CASE.first.log[1]], voucher)
    assert code_for(own, CASE.apart.roster, CASE.first.id) == INVALID
    assert code_for(packed([CASE.first.certificate], voucher), CASE.apart.roster, CASE.first.id) == INVALID


def test_a_claim_of_another_root_is_refused() -> None:
    other = CAROL.device(NETWORK)
    claim = other.claim(CASE.grant, SECRET, CASE.hub.device.id)
    assert code_for(packed([CASE.first.certificate, claim]), CASE.apart.roster, CASE.first.id) == INVALID


def test_a_claim_that_was_made_without_the_invite_is_refused() -> None:
    device = CAROL.device(NETWORK)
    device.claim(CASE.grant, bytes(16), CASE.hub.device.id)
    assert code_for(packed(device.log), CASE.apart.roster, device.id) == INVALID


def test_a_root_that_nobody_admitted_is_unknown() -> None:
    device = CAROL.device(NETWORK)
    assert code_for(packed(device.log), CASE.apart.roster, device.id) == UNKNOWN


def test_a_grant_that_the_roster_lacks_is_unknown() -> None:
    assert code_for(PASSPORTS[CASE.first.id], Roster(CHARTER), CASE.first.id) == UNKNOWN


def test_a_claim_that_a_settlement_left_out_is_revoked() -> None:
    case = invited()
    data = case.hub.passport(case.first)
    case.hub.device.settle(STATE, case.grant, [CAROL.root])
    case.apart.know(case.hub.device)
    assert code_for(data, case.apart.roster, case.first.id) == REVOKED


def test_a_claim_that_a_settlement_lists_is_good() -> None:
    case = invited()
    case.hub.device.settle(STATE, case.grant, [BOB.root])
    case.apart.know(case.hub.device)
    assert check(case.hub.passport(case.first), case.apart.roster, case.first.id) == BOB.root


def test_of_claims_without_end_the_later_ones_are_no_passports() -> None:
    case = invited(uses=50)
    crowd = [Citizen(f"citizen {number}").device(NETWORK) for number in range(MAX_STANDING_CLAIMS + 1)]
    claims = {device.claim(case.grant, SECRET, case.hub.device.id).id: device for device in crowd}
    *most, last = (claims[each] for each in sorted(claims))
    case.apart.know(*most)
    assert code_for(packed(last.log), case.apart.roster, last.id) == USED_UP
    first = min(claims)
    other = Hub()
    other.know(case.hub.device, *(device for each, device in claims.items() if each != first))
    assert check(packed(claims[first].log), other.roster, claims[first].id) == claims[first].citizen.root


def test_a_revoked_device_and_an_ended_membership_are_refused() -> None:
    case = invited()
    data = {device.id: case.hub.passport(device) for device in (case.first, case.second)}
    case.second.cut(make_cut(case.first.id, [LogEnd(LOG_ID, 2, case.first.log[1].id)]))
    case.apart.know(case.first, case.second)
    assert code_for(data[case.first.id], case.apart.roster, case.first.id) == REVOKED
    assert check(data[case.second.id], case.apart.roster, case.second.id) == BOB.root
    case.hub.device.end(STATE, BOB.root)
    case.apart.know(case.hub.device)
    assert code_for(data[case.second.id], case.apart.roster, case.second.id) == REVOKED
    assert (
        code_for(packed(BOB.device(NETWORK, "third").log), case.apart.roster, BOB.device(NETWORK, "third").id)
        == REVOKED
    )


def test_one_device_too_many_is_refused() -> None:
    case = invited()
    devices = [BOB.device(NETWORK, f"device {number}") for number in range(MAX_DEVICES)]
    case.apart.know(case.first, *devices[:-2])
    assert check(packed(devices[-2].log), case.apart.roster, devices[-2].id) == BOB.root
    case.apart.know(devices[-2])
    assert code_for(packed(devices[-1].log), case.apart.roster, devices[-1].id) == TOO_MANY_DEVICES


def test_a_founder_waits_for_endorsements() -> None:
    hub, apart = Hub(), Hub()
    grant = hub.grant(purpose=FOR_SECTIONS)
    apart.know(hub.device)
    device = CAROL.device(NETWORK)
    device.begin(inception("Berlin", [CAROL, DAVE], network=NETWORK))
    device.claim(grant, SECRET, hub.device.id)
    assert code_for(packed([device.log[0], device.log[2]]), apart.roster, device.id) == NOT_ENDORSED
    apart.know(device)
    assert code_for(packed([device.log[0], device.log[2]]), apart.roster, device.id) == NOT_ENDORSED
    second = DAVE.device(NETWORK)
    assert code_for(packed(second.log), apart.roster, second.id) == NOT_ENDORSED


def test_the_logs_behind_a_device_show_anybody_that_it_belongs() -> None:
    case = invited()
    for device in (case.first, case.second, case.hub.device):
        logs = logs_behind(case.hub.roster, device.id)
        assert logs[0] == device.id
        assert len(set(logs)) == len(logs)
        roster = Roster(CHARTER)
        for author in logs:
            roster.add(case.hub.entries[author])
        assert check(case.hub.passport(device), roster, device.id) == device.citizen.root
        assert roster.member_of(device.id) == device.citizen.root


def test_each_refusal_has_words_for_people() -> None:
    assert str(BadPassport(REVOKED)) == "The invite, the device or the membership was revoked."
    assert str(BadPassport(INVALID, "This is none.")) == "This is none."
