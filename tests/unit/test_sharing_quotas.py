"""How much room files may take, and what goes first. Pure."""

import pytest

from node.config import Config, first_text, parse
from node.errors import BadData
from node.sharing.quotas import (
    GIB,
    MAX_SPARE_BYTES,
    RESERVE_BYTES,
    Quotas,
    Stock,
    has_share,
    lacking_bytes,
    quotas_of,
    spare_bytes,
)

QUOTAS = Quotas(1_000, 100, 500)
PLENTY = 100 * GIB


def test_a_hub_has_more_room_than_a_laptop_unless_the_settings_say():
    assert quotas_of(Config(), hub=False) == Quotas(10 * GIB, GIB, 5 * GIB)
    assert (
        quotas_of(Config(), hub=True)
        == quotas_of(Config(hub=True), hub=False)
        == Quotas(100 * GIB, 10 * GIB, 50 * GIB)
    )
    said = parse("files_gib = 3\nfiles_member_gib = 2\nfiles_section_gib = 1\n")
    assert quotas_of(said, hub=True) == Quotas(3 * GIB, 2 * GIB, GIB)


def test_the_first_settings_of_a_home_say_nothing_of_it():
    assert parse(first_text(0)).files_gib == 0


@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"10"', "true", "2000000"])
def test_a_room_that_is_no_whole_number_of_gib_is_refused(value: str):
    with pytest.raises(BadData, match="files_gib"):
        parse(f"files_gib = {value}")


def test_room_is_lacking_where_the_quota_or_the_disk_ends():
    assert lacking_bytes(Stock(400, PLENTY, 0), QUOTAS, 600) == 0
    assert lacking_bytes(Stock(400, PLENTY, 0), QUOTAS, 601) == 1
    assert lacking_bytes(Stock(400, RESERVE_BYTES + 5, 0), QUOTAS, 6) == 1
    assert lacking_bytes(Stock(400, 0, 0), QUOTAS, 0) == RESERVE_BYTES


def test_what_was_begun_has_its_room_already():
    assert lacking_bytes(Stock(400, PLENTY, 400), QUOTAS, 200) == 0
    assert lacking_bytes(Stock(400, PLENTY, 400), QUOTAS, 201) == 1


def test_a_little_more_than_needed_is_made_free():
    assert spare_bytes(QUOTAS) == 10
    assert spare_bytes(Quotas(1_000 * GIB, 1, 1)) == MAX_SPARE_BYTES


def test_one_of_those_who_name_a_blob_must_have_room_for_it():
    alice, bob, north, south = b"alice", b"bob", b"north", b"south"
    held = {alice: 95}, {north: 450}
    assert has_share(5, [(alice, [])], *held, QUOTAS)
    assert not has_share(6, [(alice, [])], *held, QUOTAS)
    assert has_share(6, [(alice, []), (bob, [])], *held, QUOTAS)
    assert not has_share(60, [(bob, [north])], *held, QUOTAS)
    assert has_share(60, [(bob, [north, south])], *held, QUOTAS)
    assert not has_share(1, [], *held, QUOTAS)
