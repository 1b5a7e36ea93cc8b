"""Announcements: what they say, whom they are believed from, and what they call for."""

from random import Random
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto.admission import Admission, Everyone
from gossip.proto.announce import (
    MISSING,
    PRESENCE,
    Announcement,
    Announcer,
    Gate,
    HeadMark,
    parse_announcement,
)
from gossip.proto.context import Context, Tuning
from gossip.proto.interest import EVERYTHING, Interest, choose
from node.testing.people import NETWORK, people
from store.entry import MAX_SEQ
from store.frontier import Frontier
from store.ids import LOG_DOCS, LOG_FEED, AuthorId, EntryId, LogNo
from store.interface import LogState
from store.log import Head, LogId

NOW = 1_800_000_000.0
NOW_MS = 1_800_000_000_000
ALICE, BOB = people(["alice", "bob"])
WHERE = ("/ip4/192.0.2.1/tcp/4001",)


def marks() -> st.SearchStrategy[tuple[HeadMark, ...]]:
    one = st.tuples(st.integers(1, 2**40 - 1), st.binary(min_size=16, max_size=16))
    return st.dictionaries(st.integers(0, 31), one, max_size=32).map(
        lambda found: tuple(HeadMark(LogNo(log), *found[log]) for log in sorted(found))
    )


WORDS = st.builds(
    Announcement,
    st.integers(0, 2**53 - 1),
    st.booleans(),
    st.builds(
        choose,
        st.integers(0, 2**32 - 1),
        st.none() | st.sets(st.binary(min_size=32, max_size=32), max_size=4),
        st.integers(0, 2**53 - 1),
    ),
    st.lists(st.text("/ip4.0123", min_size=1, max_size=20), max_size=16).map(tuple),
    marks(),
)


@given(WORDS)
def test_what_was_announced_is_read_the_same(words: Announcement) -> None:
    assert parse_announcement(words.encode()) == words


@given(WORDS, st.data())
def test_a_mutation_is_read_as_what_encodes_to_the_same_or_is_a_fault(
    words: Announcement, data: st.DataObject
) -> None:
    mutant = bytearray(words.encode())
    mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_announcement(bytes(mutant))
    except RemoteFault:
        return
    assert parsed.encode() == bytes(mutant)


@given(st.binary(max_size=100))
def test_noise_is_a_remote_fault(data: bytes) -> None:
    with pytest.raises(RemoteFault):
        parse_announcement(data)


GOOD: list[Any] = [1, 5, True, 0, list(WHERE), [2, 1, bytes(16)]]
BROKEN: dict[str, dict[int, Any]] = {
    "version true": {0: True},
    "a time before 1970": {1: -1},
    "time 2**53": {1: 2**53},
    "a hub of 1": {2: 1},
    "an interest in log 32": {3: 2**32},
    "17 addresses": {4: ["/ip4"] * 17},
    "an address with a line break": {4: ["/ip4\n"]},
    "two values of a head": {5: [2, 1]},
    "log 32": {5: [32, 1, bytes(16)]},
    "seq 0": {5: [2, 0, bytes(16)]},
    "a mark of 15 bytes": {5: [2, 1, bytes(15)]},
    "a log twice": {5: [2, 1, bytes(16), 2, 2, bytes(16)]},
    "logs out of order": {5: [3, 1, bytes(16), 2, 2, bytes(16)]},
    "33 heads": {5: [part for log in range(33) for part in (log, 1, bytes(16))]},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_what_breaks_a_rule_is_refused(changes: dict[int, Any]) -> None:
    parse_announcement(msgpack.packb(GOOD))
    with pytest.raises(RemoteFault) as caught:
        parse_announcement(msgpack.packb([changes.get(n, value) for n, value in enumerate(GOOD)]))
    assert caught.value.severity is Severity.BAD


def test_an_announcement_of_another_version_is_a_slight_fault() -> None:
    with pytest.raises(RemoteFault) as caught:
        parse_announcement(msgpack.packb([2, *GOOD[1:]]))
    assert caught.value.severity is Severity.SLIGHT


class Tower:
    """An announcer with what it stands on. Alice's."""

    def __init__(self, tuning: Tuning | None = None, admission: Admission | None = None) -> None:
        self.frontier = Frontier(NETWORK)
        self.context = Context(
            ALICE.id,
            NETWORK,
            admission or Everyone(),
            self.frontier,
            Random(1),
            Random(2),
            tuning or Tuning(),
        )
        self.context.addresses = WHERE
        self.announcer = Announcer(self.context)

    def hold(self, author: AuthorId, seq: int, log: LogNo = LOG_FEED) -> None:
        self.frontier.update(LogId(author, log), LogState(Head(seq, EntryId(bytes([seq]) * 32)), 0, None))

    def say(self, now: float = NOW) -> Announcement:
        (effect,) = self.announcer.say(now)
        assert isinstance(effect, events.Announce)
        return parse_announcement(effect.payload)

    def hear(self, now: float = NOW, origin: AuthorId = BOB.id, **changes: Any) -> Announcement | None:
        words = Announcement(int(now * 1000), False, EVERYTHING, WHERE, (HeadMark(LOG_FEED, 3, bytes(16)),))
        return self.announcer.hear(origin, words._replace(**changes).encode(), now)

    def wait(self) -> float:
        """Until the announced heads are missed; 0: they are not waited for."""
        at = self.context.schedule.next_at() if self.context.schedule.is_set(MISSING) else None
        return 0.0 if at is None else at


def test_a_device_says_where_it_is_and_how_far_its_own_logs_are() -> None:
    tower = Tower(Tuning(hub=True, interest=Interest(0b1100)))
    tower.hold(ALICE.id, 3, LOG_DOCS)
    tower.hold(ALICE.id, 7)
    tower.hold(BOB.id, 9)
    heads = (HeadMark(LOG_FEED, 7, bytes([7]) * 16), HeadMark(LOG_DOCS, 3, bytes([3]) * 16))
    assert tower.say() == Announcement(NOW_MS, True, Interest(0b1100), WHERE, heads)


def test_each_announcement_is_later_than_the_one_before_even_if_the_clock_stands_still() -> None:
    tower = Tower()
    assert [tower.say().time_ms for _ in range(3)] == [NOW_MS, NOW_MS + 1, NOW_MS + 2]


def test_addresses_that_others_would_refuse_are_not_announced() -> None:
    tower = Tower()
    for log in range(32):
        tower.frontier.update(
            LogId(ALICE.id, LogNo(log)), LogState(Head(2**40 - 1, EntryId(bytes(32))), 0, None)
        )
    tower.context.addresses = ("/ip4/\x1b", "x" * 201, *(f"/dns/{n:0190}" for n in range(20)))
    words = tower.say()
    assert len(words.heads) == 32
    assert 10 <= len(words.addresses) <= 16
    assert all(address.startswith("/dns/") for address in words.addresses)


def test_own_news_rings_the_bell_at_most_once_a_second() -> None:
    tower = Tower()
    tower.say()
    for moment in (0.1, 0.2, 0.3):
        tower.announcer.own_heads_changed(NOW + moment)
    assert tower.context.schedule.next_at() == NOW + limits.HEADS_WAIT_S
    assert tower.context.schedule.pop_due(NOW + limits.HEADS_WAIT_S) == [PRESENCE]


def test_the_more_devices_the_less_often_each_announces_itself() -> None:
    tower = Tower()
    tower.announcer.start(NOW)
    tower.say()
    few = tower.context.schedule.next_at()
    for number in range(1_000):
        tower.hear(origin=AuthorId(number.to_bytes(32, "big")), heads=())
    tower.say(NOW)
    many = tower.context.schedule.next_at()
    assert few is not None
    assert many is not None
    assert many - NOW > (few - NOW) * 2


def test_only_the_newest_word_of_a_device_counts() -> None:
    tower = Tower()
    assert tower.hear() is not None
    assert tower.hear() is None
    assert tower.hear(time_ms=NOW_MS - 1) is None
    assert tower.hear(time_ms=NOW_MS + 1) is not None
    assert tower.announcer.announcements == 2


def test_a_word_from_the_future_or_from_ourselves_is_not_believed() -> None:
    tower = Tower()
    skew_ms = int(limits.CLOCK_SKEW_S * 1000)
    assert tower.hear(time_ms=NOW_MS + skew_ms + 1) is None
    assert tower.hear(origin=ALICE.id) is None
    assert tower.hear(time_ms=NOW_MS + skew_ms) is not None


def test_announced_heads_that_do_not_come_are_missed_after_a_while() -> None:
    tower = Tower()
    tower.hear()
    assert tower.wait() == NOW + limits.MISSING_WAIT_S
    assert tower.announcer.still_missing(NOW + 1.0) == []
    assert tower.announcer.still_missing(NOW + limits.MISSING_WAIT_S) == [BOB.id]
    assert tower.announcer.still_missing(NOW + limits.MISSING_WAIT_S) == []


def test_heads_that_came_meanwhile_are_not_missed() -> None:
    tower = Tower()
    tower.hear()
    tower.hold(BOB.id, 3)
    assert tower.announcer.still_missing(NOW + limits.MISSING_WAIT_S) == []
    tower.hear(NOW + 10.0)
    assert tower.announcer.still_missing(NOW + 99.0) == []


class NoAuthors(Everyone):
    def last_carried(self, log_id: LogId) -> int:
        return 0


@pytest.mark.parametrize(
    ("tuning", "admission"),
    [(Tuning(interest=Interest(1)), Everyone()), (Tuning(), NoAuthors())],
    ids=["log", "author"],
)
def test_heads_of_what_is_not_carried_here_are_not_missed(tuning: Tuning, admission: Admission) -> None:
    tower = Tower(tuning, admission)
    assert tower.hear() is not None
    assert not tower.context.schedule.is_set(MISSING)


def test_a_device_that_announces_what_does_not_exist_is_fetched_ever_less_often() -> None:
    tower, fetches = Tower(), 0
    for second in range(3_600):
        now = NOW + second
        tower.hear(now, heads=(HeadMark(LOG_FEED, 2**40 - 1, bytes(16)),))
        fetches += len(tower.announcer.still_missing(now))
    assert 5 <= fetches <= 25


def test_a_device_whose_news_come_each_time_is_fetched_each_time() -> None:
    tower, fetches = Tower(), 0
    for second in range(0, 600, 5):
        now, seq = NOW + second, second // 5 + 1
        tower.hear(now, heads=(HeadMark(LOG_FEED, seq, bytes(16)),))
        missing = tower.announcer.still_missing(now + limits.MISSING_WAIT_S)
        fetches += len(missing)
        tower.hold(BOB.id, seq % 256)
    assert fetches == 120


def test_what_is_remembered_of_devices_is_bounded() -> None:
    tower = Tower()
    for number in range(limits.KNOWN_DEVICES + 50):
        tower.hear(origin=AuthorId(number.to_bytes(32, "big")))
        tower.announcer.still_missing(NOW + 10.0)
    assert len(tower.announcer._heard) == limits.KNOWN_DEVICES
    assert len(tower.announcer._fetched) <= limits.KNOWN_DEVICES
    assert tower.announcer._missing == {}


class OnlyAlice:
    """Lets in nobody else."""

    def admits_peer(self, device: AuthorId) -> bool:
        return device == ALICE.id

    def last_carried(self, log_id: LogId) -> int:
        return MAX_SEQ if self.admits_peer(log_id.author) else 0


def words(time_ms: int) -> bytes:
    return Announcement(time_ms, False, EVERYTHING, (), ()).encode()


def test_only_announcements_of_devices_that_are_let_in_are_passed_on() -> None:
    gate = Gate(OnlyAlice())
    assert gate.passes(ALICE.id, words(1), 0.0)
    assert not gate.passes(AuthorId(bytes(32)), words(1), 0.0)
    assert not gate.passes(ALICE.id, b"no announcement", 0.0)


def test_of_one_device_no_more_is_passed_on_than_a_correct_one_says() -> None:
    gate = Gate(OnlyAlice())
    assert [gate.passes(ALICE.id, words(number), 0.0) for number in range(10)] == [True] * 8 + [False] * 2
    assert [gate.passes(ALICE.id, words(number), 2.0) for number in range(3)] == [True, True, False]
