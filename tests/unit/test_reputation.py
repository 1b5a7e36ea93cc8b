"""Severity → score → ban."""

from gossip.errors import Severity
from gossip.proto import limits
from gossip.proto.reputation import Reputation
from store.ids import AuthorId

BOB, EVE = AuthorId(b"b" * 32), AuthorId(b"e" * 32)
NOW = 1_800_000_000.0


def test_a_stranger_is_not_banned() -> None:
    assert not Reputation().is_banned(EVE, NOW)
    assert Reputation().banned_until(EVE) == 0.0


def test_one_hostile_act_bans_for_an_hour_and_then_the_ban_ends() -> None:
    reputation = Reputation()
    assert reputation.blame(EVE, Severity.HOSTILE, NOW)
    assert reputation.banned_until(EVE) == NOW + limits.BAN_S
    assert reputation.is_banned(EVE, NOW + limits.BAN_S - 1)
    assert not reputation.is_banned(EVE, NOW + limits.BAN_S)
    assert not reputation.is_banned(BOB, NOW)


def test_small_faults_add_up_and_fade() -> None:
    reputation = Reputation()
    hasty = [reputation.blame(EVE, Severity.BAD, NOW) for _ in range(10)]
    assert hasty == [False] * 9 + [True]
    patient = [reputation.blame(BOB, Severity.BAD, NOW + n * limits.SCORE_HALF_LIFE_S) for n in range(100)]
    assert not any(patient)


def test_each_ban_is_twice_as_long_as_the_one_before_up_to_a_day() -> None:
    reputation, now, lengths = Reputation(), NOW, []
    for _ in range(8):
        reputation.blame(EVE, Severity.HOSTILE, now)
        lengths.append(reputation.banned_until(EVE) - now)
        now = reputation.banned_until(EVE)
    assert lengths[:5] == [limits.BAN_S * 2**n for n in range(5)]
    assert lengths[5:] == [limits.BAN_LAST_S] * 3


def test_a_clock_that_goes_back_forgives_nothing_and_multiplies_nothing() -> None:
    reputation = Reputation()
    reputation.blame(EVE, Severity.BAD, NOW)
    assert not reputation.blame(EVE, Severity.BAD, NOW - 1.0)
    assert not reputation.blame(EVE, Severity.BAD, NOW)


def test_only_so_many_records_are_kept_the_latest() -> None:
    reputation = Reputation()
    peers = [AuthorId(n.to_bytes(32, "big")) for n in range(limits.ADDRESS_BOOK + 5)]
    for peer in peers:
        reputation.blame(peer, Severity.HOSTILE, NOW)
    banned = [reputation.is_banned(peer, NOW) for peer in peers]
    assert banned == [False] * 5 + [True] * limits.ADDRESS_BOOK
