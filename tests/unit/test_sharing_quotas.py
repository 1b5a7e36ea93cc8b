"""How much room files may take, and what goes first. Pure."""

import pytest

from node.config import Config, first_text, parse
from node.errors import BadData
from node.sharing.quotas import (
    BEGUN_KEPT_MS,
    GIB,
    RESERVE_BYTES,
    USED_KEPT_MS,
    Quotas,
    Stock,
    has_share,
    lacking_bytes,
    may_go,
    quotas_of,
)
from store.blob_interface import BlobState
from store.blobs import BlobId

NOW = 10**12
QUOTAS = Quotas(1_000, 100, 500)
PLENTY = 100 * GIB


def state(
    name: str, size: int = 10, held: int | None = None, *, pinned: bool = False, used: int = 1
) -> BlobState:
    return BlobState(BlobId(name.encode()), size, size if held is None else held, pinned, used)


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
    assert lacking_bytes(Stock(400, PLENTY, []), QUOTAS, 600) == 0
    assert lacking_bytes(Stock(400, PLENTY, []), QUOTAS, 601) == 1
    assert lacking_bytes(Stock(400, RESERVE_BYTES + 5, []), QUOTAS, 6) == 1
    assert lacking_bytes(Stock(400, 0, []), QUOTAS, 0) == RESERVE_BYTES


def test_what_was_begun_has_its_room_already():
    begun = state("begun", 500, 100)
    assert lacking_bytes(Stock(400, PLENTY, [begun]), QUOTAS, 200) == 0
    assert lacking_bytes(Stock(400, PLENTY, [begun]), QUOTAS, 201) == 1


def test_garbage_goes_first_then_what_was_unused_for_longest_and_pins_stay():
    blobs = [
        state("named, lately", used=3),
        state("garbage, lately", used=4),
        state("named, long ago", used=2),
        state("pinned", pinned=True),
        state("garbage, long ago", used=1),
    ]
    order = may_go(blobs, lambda each: each.blob.startswith(b"named"), NOW)
    assert [(each.blob, is_named) for each, is_named in order] == [
        (b"garbage, long ago", False),
        (b"garbage, lately", False),
        (b"named, long ago", True),
        (b"named, lately", True),
    ]


def test_what_is_used_and_what_is_being_fetched_stays_for_a_while():
    def goes(each: BlobState) -> bool:
        return bool(may_go([each], lambda _: False, NOW))

    assert not goes(state("used", used=NOW - USED_KEPT_MS + 1))
    assert goes(state("used", used=NOW - USED_KEPT_MS))
    assert not goes(state("begun", 10, 5, used=NOW - BEGUN_KEPT_MS + 1))
    assert goes(state("begun", 10, 5, used=NOW - BEGUN_KEPT_MS))


def test_one_of_those_who_name_a_blob_must_have_room_for_it():
    alice, bob, north, south = b"alice", b"bob", b"north", b"south"
    held = {alice: 95}, {north: 450}
    assert has_share(5, [(alice, [])], *held, QUOTAS)
    assert not has_share(6, [(alice, [])], *held, QUOTAS)
    assert has_share(6, [(alice, []), (bob, [])], *held, QUOTAS)
    assert not has_share(60, [(bob, [north])], *held, QUOTAS)
    assert has_share(60, [(bob, [north, south])], *held, QUOTAS)
    assert not has_share(1, [], *held, QUOTAS)
