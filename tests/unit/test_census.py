"""A picture of the roster: what it says, and that names follow good profiles alone."""

import pytest

from node.affairs import census as room
from node.affairs.census import CensusBook, good_up_to, member_names, take_census
from node.apps.directory.service import Published
from node.federation.roster import Roster
from node.testing.citizens import START_MS, Device
from node.testing.federations import Federation, cut_at
from store.ids import LogNo

PROFILE = LogNo(6)
DAY_MS = 86_400_000


class Held:
    """A membership that has a roster."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster


@pytest.fixture
def federation() -> Federation:
    return Federation()


def joined(federation: Federation, name: str) -> Device:
    return federation.join(name, federation.invite(federation.stewards[0][0]))


def test_a_census_knows_members_devices_and_offices(federation: Federation) -> None:
    [[alice]] = federation.stewards
    bob = joined(federation, "bob")
    phone = federation.device(bob.citizen, "phone")
    census = take_census(federation.roster(), phone.id)
    assert census.me == bob.citizen.root
    assert {device.id for device in census.members[bob.citizen.root].devices} == {bob.id, phone.id}
    assert census.owners[phone.id] == bob.citizen.root
    [section] = census.sections.values()
    assert census.stewards(section) == [alice.citizen.root]
    assert census.stewarded(alice.citizen.root) == [section]
    assert census.stewarded(bob.citizen.root) == []
    assert {member.id for member in census.members_of(section.id)} == {
        alice.citizen.root,
        bob.citizen.root,
    }
    assert census.supporters == {alice.id}


def profile(device: Device, name: str, at_ms: int, seq: int = 1) -> Published:
    return Published(device.id, seq, at_ms, name)


def test_the_latest_name_of_any_device_counts(federation: Federation) -> None:
    bob = joined(federation, "bob")
    phone = federation.device(bob.citizen, "phone")
    census = take_census(federation.roster(), bob.id)
    said = [profile(bob, "Bob", START_MS), profile(phone, "Robert", START_MS + 1)]
    for order in (said, said[::-1]):
        assert member_names(census, order, PROFILE, START_MS + DAY_MS, DAY_MS).names == {
            bob.citizen.root: "Robert"
        }


def test_a_revoked_device_names_nobody_after_its_cut(federation: Federation) -> None:
    bob = joined(federation, "bob")
    phone = federation.device(bob.citizen, "phone")
    said = [
        profile(bob, "Bob", START_MS, 1),
        profile(bob, "Thief", START_MS + 10, 2),
        profile(phone, "Bob's phone", START_MS - 10),
    ]
    phone.cut(cut_at(bob, ends=[(PROFILE, 1)]))
    census = take_census(federation.roster(), phone.id)
    names = member_names(census, said, PROFILE, START_MS + DAY_MS, DAY_MS).names
    assert names == {bob.citizen.root: "Bob"}
    assert good_up_to(census.devices[bob.id], LogNo(2)) == 0
    assert good_up_to(census.devices[phone.id], LogNo(2)) > 10**9


def test_a_name_from_the_future_counts_when_its_time_has_come(federation: Federation) -> None:
    bob = joined(federation, "bob")
    census = take_census(federation.roster(), bob.id)
    said = [profile(bob, "Bob", START_MS, 1), profile(bob, "Bob of 2040", START_MS + 9 * DAY_MS, 2)]
    until_ms = START_MS + DAY_MS
    found = member_names(census, said, PROFILE, until_ms, DAY_MS)
    assert found.names == {bob.citizen.root: "Bob"}
    assert found.due_ms == START_MS + 8 * DAY_MS
    later = member_names(census, said, PROFILE, found.due_ms + DAY_MS, DAY_MS)
    assert later.names == {bob.citizen.root: "Bob of 2040"}


def test_strangers_name_nobody(federation: Federation) -> None:
    stranger = federation.newcomer("stranger")
    census = take_census(federation.roster(), federation.stewards[0][0].id)
    said = [profile(stranger, "Alice", START_MS)]
    assert member_names(census, said, PROFILE, START_MS + DAY_MS, DAY_MS).names == {}


def test_a_census_is_taken_again_where_the_roster_has_changed(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = federation.roster()
    book = CensusBook(Held(roster), federation.stewards[0][0].id)  # type: ignore[arg-type]
    first = book.now()
    book.refresh()
    assert book.now() is first
    bob = joined(federation, "bob")
    [alice] = federation.stewards[0]
    roster.add(alice.log[roster.held(alice.id) :])
    roster.add(bob.log)
    assert book.now() is first
    book.refresh()
    second = book.now()
    assert second is not None
    assert bob.id in second.devices
    monkeypatch.setattr(room, "MANY", 0)
    monkeypatch.setattr(room, "REST", 10**9)
    carol = joined(federation, "carol")
    roster.add(alice.log[roster.held(alice.id) :])
    roster.add(carol.log)
    book.refresh()
    assert book.now() is second
    book.refresh(at_once=True)
    third = book.now()
    assert third is not None
    assert carol.id in third.devices


def test_a_circle_has_no_census() -> None:
    book = CensusBook(None, Federation().stewards[0][0].id)
    book.refresh()
    assert book.now() is None
