"""Blobs that wait to be fetched, and what is remembered of fetches that ended."""

from node.sharing.outcomes import MAX_OUTCOMES, FetchEvent, Outcomes
from node.sharing.waiting import MAX_QUEUED, MAX_RESTING, Waiting, WaitingRoom


def blob(number: int) -> bytes:
    return number.to_bytes(32, "big")


def waiting(number: int, *, asked: bool = False, fresh: bool = False, size: int = 1) -> Waiting:
    return Waiting(blob(number), frozenset({size}), asked, fresh)


def test_what_a_person_asked_for_goes_first_and_else_who_came_first() -> None:
    room = WaitingRoom()
    assert room.is_empty
    for one in (waiting(1), waiting(2, asked=True), waiting(3), waiting(4, asked=True)):
        assert room.add(one)
    assert not room.is_empty
    assert [one.blob for one in iter(room.next, None)] == [blob(2), blob(4), blob(1), blob(3)]


def test_what_waits_twice_waits_once_with_what_is_known_of_both() -> None:
    room = WaitingRoom()
    room.add(waiting(1, size=1))
    room.add(waiting(1, size=2, asked=True, fresh=True))
    assert len(room) == 1
    assert room.next() == Waiting(blob(1), frozenset({1, 2}), asked=True, fresh=True)


def test_what_rests_waits_again_when_its_time_is_over_or_when_it_is_woken() -> None:
    room = WaitingRoom()
    for number in (1, 2, 3):
        room.rest(waiting(number), 10.0 * number)
    assert room.next() is None
    room.wake(10.0)
    assert room.next() == waiting(1)
    assert room.wake_one(blob(3))
    assert not room.wake_one(blob(9))
    assert room.next() == waiting(3)
    room.wake_all()
    assert room.next() == waiting(2)
    assert len(room) == 0


def test_what_is_asked_for_while_it_rests_waits_at_once() -> None:
    room = WaitingRoom()
    room.rest(waiting(1), 1_000.0)
    assert blob(1) in room
    room.add(waiting(1, asked=True))
    assert room.next() == waiting(1, asked=True)
    assert blob(1) not in room


def test_the_queue_is_bounded_and_a_person_finds_room_all_the_same() -> None:
    room = WaitingRoom()
    for number in range(MAX_QUEUED):
        assert room.add(waiting(number))
    assert room.is_full
    assert not room.add(waiting(MAX_QUEUED))
    assert room.add(waiting(MAX_QUEUED + 1, asked=True))
    room.rest(waiting(MAX_QUEUED + 2), 0.0)
    room.wake(1.0)
    assert len(room) == MAX_QUEUED + 2
    assert not room.wake_one(blob(MAX_QUEUED + 2))


def test_of_too_many_that_rest_those_go_that_nobody_asked_for() -> None:
    room = WaitingRoom()
    room.rest(waiting(0, asked=True), 0.0)
    for number in range(1, MAX_RESTING + 1):
        room.rest(waiting(number), 0.0)
    assert len(room) == MAX_RESTING
    assert blob(0) in room
    assert blob(1) not in room


def test_what_is_forgotten_waits_no_more() -> None:
    room = WaitingRoom()
    room.add(waiting(1, asked=True))
    room.add(waiting(2))
    room.rest(waiting(3), 0.0)
    for number in (1, 2, 3, 4):
        room.forget(blob(number))
    room.wake_all()
    assert room.next() is None


def test_the_last_ends_are_remembered() -> None:
    outcomes = Outcomes()
    for number in range(MAX_OUTCOMES + 1):
        outcomes.note(FetchEvent(blob(number), "failed" if number % 2 else "done"))
    assert blob(0) not in outcomes
    assert outcomes.has_failed(blob(1))
    assert not outcomes.has_failed(blob(2))
    outcomes.note(FetchEvent(blob(1), "done"))
    assert not outcomes.has_failed(blob(1))
    outcomes.forget(blob(1))
    assert outcomes.of(blob(1)) is None
