"""Founding a federation: its charter, the first home with its certificate, and what cannot be."""

import pytest

from node.errors import BadData, BadRequest
from node.federation.bare import NO_NETWORK, root_key, root_of
from node.federation.inception import Terms, read_inception
from node.federation.statements import Certificate, read
from node.founding import (
    begin_section,
    create_home,
    found_federation,
    found_network,
    give_new_device,
    published_name,
)
from node.home import open_home
from node.keyring import LIGHT
from node.network_file import read as read_network
from node.network_file import write as write_network
from node.paths import Paths
from store.ids import LOG_ID, LOG_PROFILE
from store.log import LogId

ROOT = root_key(bytes(32))


def terms(name="Lyon", root=ROOT, threshold=1):
    return Terms(name, "", ("fr",), (root_of(root),), threshold)


def section(number):
    root = root_key(bytes([number]) * 32)
    return begin_section(terms(f"Section {number}", root), [root], NO_NETWORK)


def federation(count=1, endorsements=None):
    return found_federation("Federation X", [section(number) for number in range(count)], endorsements)


def test_the_charter_holds_the_founding_sections_in_order():
    sections = [section(number) for number in range(5)]
    charter = found_federation("Federation X", sections, 3)
    assert charter.endorsements == 3
    assert charter.inceptions == tuple(sorted(each.data for each in sections))
    assert [read_inception(each).founding for each in charter.inceptions] == [True] * 5
    assert read_network(write_network(charter)) == charter


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (16, 2)])
def test_two_endorsements_are_asked_for_where_there_are_two_sections(count, needed):
    assert federation(count).endorsements == needed


def test_two_federations_of_one_name_and_section_differ():
    assert federation().network_id() != federation().network_id()


@pytest.mark.parametrize(("count", "endorsements"), [(1, 2), (1, 0), (3, 4), (2, 17)])
def test_endorsements_that_nobody_can_give_are_refused_with_advice(count, endorsements):
    with pytest.raises(BadRequest, match="a threshold that cannot be met") as caught:
        federation(count, endorsements)
    assert "--with" in caught.value.advice


def test_a_section_does_not_found_twice():
    with pytest.raises(BadData, match="Two founding sections are called 'Section 1'"):
        found_federation("X", [section(1), section(2), section(1)], None)


def test_more_sections_than_a_charter_holds_are_refused():
    with pytest.raises(BadData, match="At most 16 sections"):
        federation(17)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"threshold": 2}, "more than half act together"),
        ({"name": ""}, "1 to 64 characters"),
    ],
)
def test_terms_that_break_a_rule_are_refused(changed, why):
    with pytest.raises(BadData, match=why):
        begin_section(terms()._replace(**changed), [ROOT], NO_NETWORK)


def test_a_section_is_signed_by_its_stewards_alone():
    with pytest.raises(BadData, match="signature"):
        begin_section(terms(), [root_key(bytes([9]) * 32)], NO_NETWORK)


def test_the_first_entry_of_a_home_says_whose_device_it_is(tmp_path):
    charter = found_federation("X", [begin_section(terms(), [ROOT], NO_NETWORK)], None)
    with create_home(Paths(tmp_path), "Alice", charter, None, root=ROOT, device_name="laptop") as home:
        assert published_name(home) == "Alice"
        device = home.device
    with open_home(Paths(tmp_path), lambda: None, writing=False) as home:
        [entry] = home.entries.range(LogId(home.device, LOG_ID), 1, 9, 10_000)
        said = read(entry, home.network)
        assert said is not None
        assert said.statement == Certificate(root_of(ROOT), "laptop")
        assert (home.device, entry.author) == (device, device)


def test_a_device_without_a_name_is_called_after_its_id_and_publishes_none(tmp_path):
    with create_home(Paths(tmp_path), None, federation(), None, root=ROOT) as home:
        assert home.entries.state(LogId(home.device, LOG_PROFILE)) is None
        [entry] = home.entries.range(LogId(home.device, LOG_ID), 1, 9, 10_000)
        said = read(entry, home.network)
        assert said is not None
        assert isinstance(said.statement, Certificate)
        assert said.statement.device_name.startswith("device ")


def test_nobody_gets_into_a_federation_with_its_file_alone(tmp_path):
    with pytest.raises(BadRequest, match="is a federation") as caught:
        create_home(Paths(tmp_path / "home"), "Eve", federation(), None)
    assert "aster join" in caught.value.advice
    assert not (tmp_path / "home").exists()


def test_a_home_in_a_federation_gets_no_other_device(tmp_path):
    create_home(Paths(tmp_path), "Alice", federation(), None, root=ROOT).close()
    before = Paths(tmp_path).device_key.read_bytes()
    with pytest.raises(BadRequest, match="keeps its device") as caught:
        give_new_device(Paths(tmp_path), lambda: None, None)
    assert "aster device link" in caught.value.advice
    assert Paths(tmp_path).device_key.read_bytes() == before


def test_an_open_circle_is_made_as_before(tmp_path):
    with create_home(Paths(tmp_path), "Alice", found_network("circle"), "secret", LIGHT) as home:
        assert home.entries.state(LogId(home.device, LOG_ID)) is None
        assert home.charter.inceptions == ()
