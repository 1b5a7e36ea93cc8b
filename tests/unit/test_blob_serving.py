"""Whose question about blobs is answered next, and what is bounded."""

from collections import Counter

from gossip.proto import blob_limits
from gossip.proto.blob_messages import Look, Want
from gossip.proto.blob_serving import Describe, Fetch, Job, Serving, StreamNo
from store.ids import AuthorId

BLOB = bytes(32)


def peer(number: int) -> AuthorId:
    return AuthorId(number.to_bytes(32, "big"))


def serving(count: int) -> tuple[Serving, list[StreamNo]]:
    """Streams of `count` peers."""
    made, numbers = Serving(), [StreamNo(number) for number in range(count)]
    for number in numbers:
        assert made.opened(number, peer(number), 0.0) == []
    return made, numbers


def answer(made: Serving, jobs: list[Job], size_bytes: int = 0) -> None:
    """Read and send what `jobs` say."""
    for job in jobs:
        made.read(job.stream, size_bytes)
        made.sent(job.stream)


def test_chunks_are_answered_in_the_order_of_the_questions() -> None:
    made, [stream] = serving(1)
    for question in (Want(BLOB, 5, blob_limits.CHUNKS_A_TURN + 1), Look(BLOB, True), Want(BLOB, 1, 1)):
        made.asked(stream, question, 0.0)
    seen: list[Job] = []
    while jobs := made.jobs():
        seen += jobs
        answer(made, jobs)
    most = blob_limits.CHUNKS_A_TURN
    assert seen == [
        Fetch(stream, BLOB, 5, most),
        Fetch(stream, BLOB, 5 + most, 1),
        Describe(stream, BLOB, True),
        Fetch(stream, BLOB, 1, 1),
    ]


def test_a_turn_is_one_chunk_where_many_are_served() -> None:
    made, [stream, *_] = serving(blob_limits.FEW_STREAMS + 1)
    made.asked(stream, Want(BLOB, 5, 3), 0.0)
    assert made.jobs() == [Fetch(stream, BLOB, 5, 1)]


def test_who_asks_for_everything_gets_no_more_than_who_asks_for_little() -> None:
    made, [greedy, modest] = serving(2)
    for _ in range(50):
        made.asked(greedy, Want(BLOB, 0, 64), 0.0)
    for _ in range(10):
        made.asked(modest, Want(BLOB, 0, 1), 0.0)
    turns: Counter[StreamNo] = Counter()
    while turns[modest] < 10:
        jobs = made.jobs()
        turns.update(job.stream for job in jobs)
        answer(made, jobs)
    assert turns[greedy] <= 12


def test_peers_take_turns_where_few_may_be_read_at_a_time() -> None:
    made, numbers = serving(3 * blob_limits.BLOB_READERS)
    for number in numbers:
        made.asked(number, Want(BLOB, 0, 64), 0.0)
    seen: list[StreamNo] = []
    for _ in range(3):
        jobs = made.jobs()
        assert len(jobs) == blob_limits.BLOB_READERS
        assert made.jobs() == []
        seen += [job.stream for job in jobs]
        answer(made, jobs)
    assert sorted(seen) == numbers


def test_an_answer_is_read_while_one_is_sent_and_no_more() -> None:
    made, [stream] = serving(1)
    made.asked(stream, Want(BLOB, 0, 64), 0.0)
    in_hand = 0
    while jobs := made.jobs():
        assert len(jobs) == 1
        in_hand += 1
        made.read(stream, 0)
    assert in_hand == blob_limits.ANSWERS_IN_HAND
    made.sent(stream)
    assert len(made.jobs()) == 1


def test_few_large_manifests_are_in_hand_at_a_time() -> None:
    made, numbers = serving(2 * blob_limits.LARGE_MANIFESTS)
    for number in numbers:
        made.asked(number, Look(BLOB, True), 0.0)
    begun: list[Job] = []
    for _ in numbers:
        jobs = made.jobs()
        begun += jobs
        for job in jobs:
            made.read(job.stream, blob_limits.LARGE_MANIFEST_BYTES + 1)
    assert len(begun) == blob_limits.LARGE_MANIFESTS
    made.sent(begun[0].stream)
    assert len(made.jobs()) == 1
    made.closed(begun[1].stream)
    assert len(made.jobs()) == 1


def test_small_manifests_hold_nobody_up() -> None:
    made, numbers = serving(2 * blob_limits.LARGE_MANIFESTS)
    for number in numbers:
        made.asked(number, Look(BLOB, True), 0.0)
    begun = 0
    while jobs := made.jobs():
        begun += len(jobs)
        for job in jobs:
            made.read(job.stream, 100)
    assert begun == len(numbers)


def test_a_stream_with_many_questions_is_read_no_further() -> None:
    made, [stream] = serving(1)
    for _ in range(blob_limits.PENDING_QUESTIONS):
        assert not made.busy(stream)
        made.asked(stream, Look(BLOB, False), 0.0)
    assert made.busy(stream)
    answer(made, made.jobs())
    assert not made.busy(stream)


def test_a_second_stream_of_a_peer_takes_the_place_of_the_first() -> None:
    made, [first] = serving(1)
    made.asked(first, Want(BLOB, 0, 1), 0.0)
    assert made.opened(StreamNo(7), peer(0), 1.0) == [first]
    assert len(made) == 1
    assert made.jobs() == []


def test_a_new_peer_takes_the_place_of_the_one_that_rests_longest() -> None:
    made, numbers = serving(blob_limits.SERVED_STREAMS)
    now = blob_limits.SERVED_REST_S + 1
    for number in numbers[2:]:
        made.asked(number, Look(BLOB, False), now)
    made.asked(numbers[0], Look(BLOB, False), 0.5)
    while jobs := made.jobs():
        answer(made, jobs)
    new, newer, newest = StreamNo(1_000), StreamNo(1_001), StreamNo(1_002)
    assert made.opened(new, peer(1_000), now) == [numbers[1]]
    assert made.opened(newer, peer(1_001), now) == [numbers[0]]
    assert made.opened(newest, peer(1_002), now) == [newest]
    assert len(made) == blob_limits.SERVED_STREAMS


def test_streams_that_end_in_the_middle_leave_nothing_behind() -> None:
    made, numbers = serving(blob_limits.BLOB_READERS)
    for number in numbers:
        made.asked(number, Look(BLOB, True), 0.0)
    jobs = made.jobs()
    for number in numbers:
        made.closed(number)
    for job in jobs:
        made.read(job.stream, 10**9)
        made.sent(job.stream)
    fresh = StreamNo(99)
    made.opened(fresh, peer(99), 0.0)
    made.asked(fresh, Look(BLOB, True), 0.0)
    assert made.jobs() == [Describe(fresh, BLOB, True)]


def test_who_was_told_that_a_blob_is_lacking_is_told_once_that_it_came() -> None:
    made, [one, other, third] = serving(3)
    made.lacked(one, BLOB)
    made.lacked(other, BLOB)
    made.lacked(third, b"x" * 32)
    made.closed(other)
    assert made.added(BLOB) == [one]
    assert made.added(BLOB) == []


def test_of_many_lacking_blobs_the_last_are_remembered() -> None:
    made, [stream] = serving(1)
    blobs = [place.to_bytes(32, "big") for place in range(blob_limits.REMEMBERED_LOOKS + 1)]
    for blob in blobs:
        made.lacked(stream, blob)
    assert made.added(blobs[0]) == []
    assert made.added(blobs[1]) == [stream]
