"""Limits by the minute, in all and for each origin."""

from hypothesis import given
from hypothesis import strategies as st

from node.newcomers import rates
from node.newcomers.rates import WINDOW_S, Rate


def test_one_origin_gets_no_more_than_its_part():
    rate = Rate(in_all=30, from_one=10)
    assert [rate.take("a", 0.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert rate.take("b", 0.0)


def test_all_together_get_no_more_than_there_is():
    rate = Rate(in_all=30, from_one=10)
    taken = [rate.take(str(number), 0.0) for number in range(40)]
    assert taken.count(True) == 30


def test_an_exempt_origin_has_only_the_limit_of_all():
    rate = Rate(in_all=30, from_one=10)
    assert [rate.take("a", 0.0, exempt=True) for _ in range(31)] == [True] * 30 + [False]


def test_after_a_minute_there_is_room_again():
    rate = Rate(in_all=2, from_one=2)
    assert [rate.take("a", at) for at in (0.0, 30.0, 59.9, WINDOW_S, WINDOW_S + 0.1)] == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_what_was_refused_does_not_count():
    rate = Rate(in_all=1, from_one=1)
    assert rate.take("a", 0.0)
    assert not any(rate.take("a", at / 10) for at in range(600))
    assert rate.take("a", WINDOW_S)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100)), max_size=200))
def test_no_minute_ever_has_more_than_the_limits(events):
    rate = Rate(in_all=7, from_one=3)
    times: list[tuple[str, float]] = []
    now = 0.0
    for origin, step in events:
        now += step / 10
        if rate.take(str(origin), now):
            times.append((str(origin), now))
    for _, start in times:
        minute = [origin for origin, at in times if start <= at < start + WINDOW_S]
        assert len(minute) <= 7
        assert all(minute.count(origin) <= 3 for origin in minute)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(rates, "MAX_ORIGINS", 10)
    rate = Rate(in_all=5, from_one=5)
    for number in range(1_000):
        rate.take(str(number), number * WINDOW_S)
    assert len(rate._origins) <= 10
