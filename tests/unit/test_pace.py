"""How fast entries of one author are pushed on."""

from gossip.proto import limits
from gossip.proto.pace import Pace
from store.ids import AuthorId

NOW = 1_800_000_000.0
BOB, CAROL = AuthorId(b"b" * 32), AuthorId(b"c" * 32)
BURST, RATE = int(limits.AUTHOR_BURST_ENTRIES), limits.AUTHOR_ENTRIES_PER_S


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    pace = Pace()
    assert pace.allows(BOB, BURST, NOW)
    assert not pace.allows(BOB, 1, NOW)
    assert pace.allows(BOB, int(RATE), NOW + 1)
    assert not pace.allows(BOB, 1, NOW + 1)


def test_one_author_does_not_use_up_what_another_may_say() -> None:
    pace = Pace()
    assert pace.allows(BOB, BURST, NOW)
    assert pace.allows(CAROL, BURST, NOW)


def test_what_is_refused_costs_nothing_of_the_allowance() -> None:
    pace = Pace()
    assert not pace.allows(BOB, BURST + 1, NOW)
    assert pace.allows(BOB, BURST, NOW)


def test_authors_without_end_take_no_memory_without_end() -> None:
    pace = Pace()
    for number in range(limits.PACED_AUTHORS + 100):
        assert pace.allows(AuthorId(number.to_bytes(32, "big")), 1, NOW)
    assert len(pace._left) == limits.PACED_AUTHORS
