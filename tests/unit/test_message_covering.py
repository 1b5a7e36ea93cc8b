"""Which peers take a message: those that carry it and the packets that are needed to read it."""

from hypothesis import given
from hypothesis import strategies as st

from gossip.proto.interest import EVERYTHING, Interest, choose
from node.apps.messenger.bodies import box_of
from node.messaging.covering import Keys, Share, takes
from store.ids import LOG_BOX_0, LOG_FEED, LOG_SEALED, AuthorId

ME, BOB, CAROL, LAPTOP = (AuthorId(bytes([number]) * 32) for number in (1, 2, 3, 4))
LYON, BERLIN = b"l" * 32, b"b" * 32
WRITTEN_MS = 1_000
SEALED = 1 << LOG_SEALED
NO_BOX = 0xFFFF


def box(device: AuthorId) -> int:
    return 1 << box_of(device)


def in_lyon(_: AuthorId) -> frozenset[bytes]:
    return frozenset({LYON})


def is_taken(interest: Interest | None, logs: int) -> bool:
    return takes(interest, ME, logs, WRITTEN_MS, in_lyon)


def test_the_devices_of_the_test_have_boxes_of_their_own() -> None:
    assert len({box(device) for device in (BOB, CAROL, LAPTOP)}) == 3


def test_who_carries_for_others_needs_the_boxes_of_all_that_wait_for_the_key() -> None:
    keys = Keys([Share(BOB, 0, False), Share(CAROL, 0, False)])
    logs = keys.logs_for(LAPTOP, 0)
    assert logs == SEALED | box(BOB) | box(CAROL)
    assert is_taken(EVERYTHING, logs)
    assert not is_taken(choose(bodies=NO_BOX | box(LAPTOP)), logs)
    assert not is_taken(choose(bodies=NO_BOX | box(BOB)), logs)
    assert is_taken(choose(bodies=NO_BOX | box(BOB) | box(CAROL)), logs)


def test_a_device_for_which_the_message_is_needs_its_own_packet_alone() -> None:
    keys = Keys([Share(BOB, 0, False), Share(CAROL, 0, False)])
    assert keys.logs_for(BOB, 0) == SEALED | box(BOB)
    assert is_taken(choose(bodies=NO_BOX | box(BOB)), keys.logs_for(BOB, 0))
    assert not is_taken(choose(bodies=NO_BOX), keys.logs_for(BOB, 0))


def test_no_box_matters_any_more_to_whom_the_key_came() -> None:
    keys = Keys([Share(BOB, 0, True), Share(CAROL, 0, False)])
    assert keys.logs_for(BOB, 0) == SEALED
    assert keys.logs_for(LAPTOP, 0) == SEALED | box(CAROL)
    assert Keys([Share(BOB, 0, True)]).logs_for(LAPTOP, 0) == SEALED
    assert is_taken(choose(bodies=NO_BOX), SEALED)


def test_who_came_later_does_not_count_for_what_was_written_before() -> None:
    keys = Keys([Share(BOB, 0, True), Share(CAROL, 5, False)])
    assert keys.logs_for(LAPTOP, 4) == SEALED
    assert keys.logs_for(LAPTOP, 5) == SEALED | box(CAROL)
    assert keys.logs_for(CAROL, 4) == SEALED
    assert keys.logs_for(CAROL, 6) == SEALED | box(CAROL)


def test_who_leaves_out_the_log_its_author_or_its_time_does_not_take_it() -> None:
    assert not is_taken(None, SEALED)
    assert not is_taken(Interest(1 << LOG_FEED), SEALED)
    assert not is_taken(choose(bodies=1 << LOG_FEED), SEALED)
    assert not is_taken(choose(sections=[BERLIN]), SEALED)
    assert is_taken(choose(sections=[LYON, BERLIN]), SEALED)
    assert not is_taken(choose(bodies_since_ms=WRITTEN_MS + 1), SEALED)
    assert is_taken(choose(bodies_since_ms=WRITTEN_MS), SEALED)


@given(
    st.lists(
        st.builds(
            Share,
            st.binary(min_size=32, max_size=32).map(AuthorId),
            st.integers(0, 9),
            st.booleans(),
        ),
        max_size=20,
    ),
    st.integers(0, 9),
)
def test_whoever_carries_for_all_carries_for_each(shares: list[Share], place: int) -> None:
    keys = Keys(shares)
    for_all = keys.logs_for(LAPTOP, place)
    for device in {share.device for share in shares}:
        of_one = keys.logs_for(device, place)
        is_for_it = any(share.device == device and share.from_index <= place for share in shares)
        assert of_one & ~for_all == 0 or not is_for_it
        assert of_one & SEALED
    assert for_all < 1 << LOG_BOX_0 + 16
