"""Names and moments behind the engine's one timer."""

from hypothesis import given
from hypothesis import strategies as st

from gossip.proto.schedule import Schedule


def test_names_come_up_in_the_order_of_their_moments() -> None:
    schedule = Schedule()
    schedule.set("late", 3.0)
    schedule.set("early", 1.0)
    assert schedule.next_at() == 1.0
    assert schedule.pop_due(0.5) == []
    assert schedule.pop_due(3.0) == ["early", "late"]
    assert schedule.next_at() is None


def test_a_name_has_one_moment_the_last_that_was_set() -> None:
    schedule = Schedule()
    schedule.set("it", 1.0)
    schedule.set("it", 5.0)
    assert schedule.pop_due(4.0) == []
    schedule.set("it", 2.0)
    assert schedule.pop_due(4.0) == ["it"]
    assert schedule.pop_due(9.0) == []


def test_set_earlier_never_puts_off() -> None:
    schedule = Schedule()
    schedule.set_earlier("it", 2.0)
    schedule.set_earlier("it", 3.0)
    assert schedule.next_at() == 2.0
    schedule.set_earlier("it", 1.0)
    assert schedule.next_at() == 1.0


def test_a_cancelled_name_does_not_come_up() -> None:
    schedule = Schedule()
    schedule.set("it", 1.0)
    schedule.set("other", 2.0)
    schedule.cancel("it")
    schedule.cancel("never set")
    assert not schedule.is_set("it")
    assert schedule.next_at() == 2.0
    schedule.set("it", 5.0)
    assert schedule.pop_due(9.0) == ["other", "it"]


def test_what_is_put_off_with_every_message_takes_one_place() -> None:
    schedule = Schedule()
    schedule.set("other", 1e9)
    for moment in range(10_000):
        schedule.set("silence", float(moment))
        schedule.next_at()
    assert len(schedule._heap) <= 3
    assert schedule.pop_due(9_998.0) == []
    assert schedule.pop_due(9_999.0) == ["silence"]


MOMENTS = st.integers(0, 20).map(float)
STEPS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from("abc"), MOMENTS),
    st.tuples(st.just("earlier"), st.sampled_from("abc"), MOMENTS),
    st.tuples(st.just("cancel"), st.sampled_from("abc"), MOMENTS),
    st.tuples(st.just("pop"), st.just(""), MOMENTS),
)


@given(st.lists(STEPS))
def test_it_behaves_like_a_table_of_moments(steps: list[tuple[str, str, float]]) -> None:
    schedule, table = Schedule(), dict[str, float]()
    for what, name, at in steps:
        match what:
            case "set":
                schedule.set(name, at)
                table[name] = at
            case "earlier":
                schedule.set_earlier(name, at)
                table[name] = min(at, table.get(name, at))
            case "cancel":
                schedule.cancel(name)
                table.pop(name, None)
            case _:
                due = {name for name, moment in table.items() if moment <= at}
                assert set(schedule.pop_due(at)) == due
                table = {name: moment for name, moment in table.items() if name not in due}
        assert schedule.next_at() == min(table.values(), default=None)
