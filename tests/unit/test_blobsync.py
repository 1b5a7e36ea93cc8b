"""The asker of blob streams: which chunks are asked of whom, and what becomes of wrong answers."""
# long because right and wrong answers are given to the same asker, which is made here

from random import Random

import pytest

from gossip.errors import RemoteFault, Severity
from gossip.proto import blob_limits
from gossip.proto.blob_effects import (
    Advanced,
    Ask,
    Available,
    Begin,
    Effect,
    Finished,
    GivenUp,
    Keep,
    Leave,
    Nobody,
    Progress,
)
from gossip.proto.blob_messages import (
    MAX_CHUNK_MESSAGE_BYTES,
    MAX_HOLDING_BYTES,
    MAX_QUESTION_BYTES,
    MAX_WHOLE_BYTES,
    Chunk,
    Got,
    Holding,
    Lacking,
    Look,
    NoChunk,
    Want,
)
from gossip.proto.blobsync import Asking
from store.blobs import CHUNK_BYTES, Manifest, blob_id, chunk_id, held_map
from store.ids import AuthorId

COUNT = 40
CONTENT = [bytes([place]) * CHUNK_BYTES for place in range(COUNT - 1)] + [b"short"]
MANIFEST = Manifest((COUNT - 1) * CHUNK_BYTES + 5, tuple(map(chunk_id, CONTENT)))
BLOB = MANIFEST.id
ANY: frozenset[int] = frozenset()
ALICE, BOB = AuthorId(b"a" * 32), AuthorId(b"b" * 32)
EVERYTHING = range(COUNT)


def holding(places=EVERYTHING, *, whole: bool = False) -> Holding:
    return Holding(BLOB, MANIFEST.encode() if whole else None, held_map(places, COUNT))


def wanted(effects: list[Effect], peer: AuthorId) -> list[int]:
    """Places of the chunks that `peer` is asked for."""
    found: list[int] = []
    for effect in effects:
        if isinstance(effect, Ask) and effect.peer == peer and isinstance(effect.question, Want):
            found += range(effect.question.first, effect.question.first + effect.question.chunks)
    return found


def looks(effects: list[Effect]) -> list[tuple[AuthorId, bool]]:
    """Whom is asked what it holds, and who for the manifest too."""
    return [
        (effect.peer, effect.question.whole)
        for effect in effects
        if isinstance(effect, Ask) and isinstance(effect.question, Look)
    ]


def hunting(*peers: AuthorId, lacking=EVERYTHING) -> Asking:
    """Someone who knows the manifest and has looked at `peers`, who answered nothing yet."""
    asking = Asking(Random(0))
    for peer in peers:
        asking.opened(peer, 0.0)
    asking.want(BLOB, ANY, MANIFEST, lacking, 0.0)
    return asking


def answer_all(asking: Asking, peer: AuthorId, effects: list[Effect], now: float = 0.1) -> list[Effect]:
    """Let `peer` send the chunks that it is asked for in `effects`, and keep them."""
    found: list[Effect] = []
    for place in wanted(effects, peer):
        found += asking.received(peer, Chunk(place, CONTENT[place]), now)
        found += asking.kept(BLOB, place)
    return found


# Beginning


def test_the_manifest_is_asked_of_one_source_and_of_the_next_if_it_lacks_the_blob() -> None:
    asking = Asking(Random(0))
    assert asking.opened(ALICE, 0.0) == asking.opened(BOB, 0.0) == []
    assert looks(asking.want(BLOB, ANY, None, (), 0.0)) == [(ALICE, True), (BOB, False)]
    assert asking.received(BOB, holding(), 0.1) == []
    assert looks(asking.received(ALICE, Lacking(BLOB), 0.1)) == [(BOB, True)]
    assert asking.received(BOB, holding(whole=True), 0.2) == [Begin(MANIFEST)]
    assert wanted(asking.begun(BLOB, EVERYTHING, 0.2), BOB)


def test_a_late_manifest_is_asked_of_another_source_and_either_may_send_it() -> None:
    asking = Asking(Random(0))
    for peer in (ALICE, BOB):
        asking.opened(peer, 0.0)
    asking.want(BLOB, ANY, None, (), 0.0)
    asking.received(BOB, holding(), 0.1)
    assert looks(asking.tick(blob_limits.CHUNK_LATE_S)) == []
    assert (BOB, True) in looks(asking.tick(blob_limits.CHUNK_LATE_S + 1))
    assert asking.received(ALICE, holding(whole=True), 7.0) == [Begin(MANIFEST)]
    assert wanted(asking.begun(BLOB, EVERYTHING, 7.0), ALICE)
    assert not any(isinstance(one, Begin) for one in asking.received(BOB, holding(whole=True), 7.1))


def test_a_manifest_of_another_size_than_was_said_ends_the_hunt() -> None:
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    asking.want(BLOB, frozenset({10, 11}), None, (), 0.0)
    [given_up] = asking.received(ALICE, holding(whole=True), 0.1)
    assert isinstance(given_up, GivenUp)
    assert "10 or 11 were said" in given_up.why
    assert asking.hunted == []
    [again] = asking.want(BLOB, frozenset({10}), MANIFEST, EVERYTHING, 0.2)
    assert isinstance(again, GivenUp)
    assert asking.want(BLOB, frozenset({10, MANIFEST.size}), MANIFEST, EVERYTHING, 0.2)


def test_bytes_with_the_right_hash_that_are_no_manifest_end_the_hunt_and_the_stream() -> None:
    nonsense = b"\x93\x01\x02\xa0"
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    blob = blob_id(nonsense)
    asking.want(blob, ANY, None, (), 0.0)
    given_up, leave = asking.received(ALICE, Holding(blob, nonsense, b""), 0.1)
    assert isinstance(given_up, GivenUp)
    assert isinstance(leave, Leave)
    assert leave.severity == Severity.BAD
    assert asking.sources == []


def test_an_empty_blob_is_finished_with_its_manifest() -> None:
    asking = Asking(Random(0))
    empty = Manifest(0, ())
    asking.opened(ALICE, 0.0)
    asking.want(empty.id, ANY, None, (), 0.0)
    assert asking.received(ALICE, Holding(empty.id, empty.encode(), b""), 0.1) == [Begin(empty)]
    assert asking.begun(empty.id, [], 0.1) == [Finished(empty.id)]


def test_what_is_here_already_is_not_asked_for() -> None:
    asking = hunting(ALICE, lacking=[3, 4, 9])
    effects = asking.received(ALICE, holding(), 0.1)
    assert sorted(wanted(effects, ALICE)) == [3, 4, 9]
    assert answer_all(asking, ALICE, effects)[-1] == Finished(BLOB)
    assert asking.want(BLOB, ANY, MANIFEST, [], 0.2) == [Finished(BLOB)]


def test_a_chunk_that_occurs_often_is_fetched_once() -> None:
    zeros = Manifest(3 * CHUNK_BYTES, (chunk_id(bytes(CHUNK_BYTES)),) * 3)
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    asking.want(zeros.id, ANY, zeros, [0, 1, 2], 0.0)
    effects = asking.received(ALICE, Holding(zeros.id, None, b"\x07"), 0.1)
    assert wanted(effects, ALICE) == [0]
    [keep] = asking.received(ALICE, Chunk(0, bytes(CHUNK_BYTES)), 0.1)
    assert isinstance(keep, Keep)
    assert asking.kept(zeros.id, 0) == [Finished(zeros.id)]


# Whom


def test_no_chunk_is_asked_of_two_sources_while_both_keep_up() -> None:
    asking = hunting(ALICE, BOB)
    first = asking.received(ALICE, holding(), 0.1)
    second = asking.received(BOB, holding(), 0.1)
    seen = wanted(first, ALICE) + wanted(second, BOB)
    waiting = {ALICE: wanted(first, ALICE), BOB: wanted(second, BOB)}
    while any(waiting.values()):
        for peer in (ALICE, BOB):
            for place in waiting[peer][:1]:
                waiting[peer].pop(0)
                effects = asking.received(peer, Chunk(place, CONTENT[place]), 0.2) + asking.kept(BLOB, place)
                for other in (ALICE, BOB):
                    waiting[other] += wanted(effects, other)
                    seen += wanted(effects, other)
    assert sorted(seen) == list(EVERYTHING)
    assert asking.hunted == []


def test_a_partial_holder_is_asked_for_what_it_holds_and_for_what_it_alone_holds_first() -> None:
    asking = hunting(ALICE, BOB, lacking=[0, 1, 2, 3, 4, 5, 6, 7, 20, 30])
    asking.received(BOB, holding([1, 2, 3, 4, 5, 6, 7, 8]), 0.1)
    effects = asking.received(ALICE, holding([1, 20, 30]), 0.1)
    assert wanted(effects, ALICE)[:2] in ([20, 30], [30, 20])


def test_a_fast_source_may_owe_more_than_a_slow_one() -> None:
    owed = {}
    for pace_s in (0.01, 0.4, 20.0):
        asking = hunting(ALICE)
        queue, now, most = wanted(asking.received(ALICE, holding(), 0.0), ALICE), 0.0, 0
        for _ in range(16):
            now += pace_s
            place = queue.pop(0)
            effects = asking.received(ALICE, Chunk(place, CONTENT[place]), now)
            queue += wanted(effects, ALICE)
            most = len(queue)
        owed[pace_s] = most
    assert owed[0.01] > owed[0.4] > 0
    assert owed[20.0] <= blob_limits.LEAST_CHUNKS_AHEAD


def test_sources_that_have_nothing_are_spare_after_a_while() -> None:
    asking = hunting(ALICE, BOB)
    asking.received(ALICE, Lacking(BLOB), 0.1)
    asking.received(BOB, holding(), 0.1)
    assert asking.spare(blob_limits.SPARE_SOURCE_S) == []
    assert asking.spare(blob_limits.SPARE_SOURCE_S + 1) == [ALICE]


def test_what_is_wanted_first_goes_before_what_was_wanted_earlier() -> None:
    other = Manifest(CHUNK_BYTES, (chunk_id(b"y" * CHUNK_BYTES),))
    asking = hunting(ALICE)
    asking.want(other.id, ANY, other, [0], 0.0, first=True)
    asking.want(bytes(32), ANY, None, [], 0.0)
    asking.want(b"x" * 32, ANY, None, [], 0.0, first=True)
    assert asking.hunted == [other.id, b"x" * 32, BLOB, bytes(32)]
    assert asking.want(other.id, ANY, other, [0], 0.0) == []


# Answers that are not right


@pytest.mark.parametrize(
    "answer",
    [
        Chunk(39, b"short"),
        Holding(BLOB, None, held_map([], COUNT)),
        Lacking(BLOB),
        NoChunk(39),
    ],
)
def test_an_answer_to_no_question_is_a_fault(answer) -> None:
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    with pytest.raises(RemoteFault, match="no question"):
        asking.received(ALICE, answer, 0.1)


def test_an_answer_to_another_question_is_a_fault() -> None:
    asking = hunting(ALICE)
    with pytest.raises(RemoteFault, match="another answer"):
        asking.received(ALICE, Chunk(0, CONTENT[0]), 0.1)
    with pytest.raises(RemoteFault, match="another answer"):
        asking.received(ALICE, Lacking(bytes(32)), 0.1)
    with pytest.raises(RemoteFault, match="manifest"):
        asking.received(ALICE, holding(whole=True), 0.1)
    place = wanted(asking.received(ALICE, holding(), 0.1), ALICE)[0]
    with pytest.raises(RemoteFault, match="another answer"):
        asking.received(ALICE, Chunk((place + 1) % COUNT, b"x"), 0.1)
    with pytest.raises(RemoteFault, match="another answer"):
        asking.received(ALICE, Lacking(BLOB), 0.1)


@pytest.mark.parametrize("held", [b"", bytes(4), bytes(6), b"\xff" * 6])
def test_a_bitmap_of_another_length_or_with_more_chunks_is_a_fault(held: bytes) -> None:
    with pytest.raises(RemoteFault, match="bitmap"):
        hunting(ALICE).received(ALICE, Holding(BLOB, None, held), 0.1)


def test_the_manifest_of_another_blob_is_hostile() -> None:
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    asking.want(BLOB, ANY, None, (), 0.0)
    with pytest.raises(RemoteFault) as caught:
        asking.received(ALICE, Holding(BLOB, Manifest(0, ()).encode(), b""), 0.1)
    assert caught.value.severity == Severity.HOSTILE


def test_no_message_may_be_longer_than_what_is_due() -> None:
    asking = Asking(Random(0))
    assert asking.longest_answer(ALICE) == MAX_QUESTION_BYTES
    asking.opened(ALICE, 0.0)
    assert asking.longest_answer(ALICE) == MAX_QUESTION_BYTES
    asking.want(BLOB, ANY, None, (), 0.0)
    assert asking.longest_answer(ALICE) == MAX_WHOLE_BYTES
    asking.received(ALICE, holding(whole=True), 0.1)
    asking.begun(BLOB, EVERYTHING, 0.1)
    assert asking.longest_answer(ALICE) == MAX_CHUNK_MESSAGE_BYTES
    other = hunting(ALICE)
    assert other.longest_answer(ALICE) == MAX_HOLDING_BYTES


def test_a_chunk_that_its_source_has_not_is_asked_of_another() -> None:
    asking = hunting(ALICE, BOB, lacking=[7])
    effects = asking.received(ALICE, holding(), 0.1)
    assert wanted(effects, ALICE) == [7]
    assert wanted(asking.received(BOB, holding(), 0.1), BOB) == []
    assert wanted(asking.received(ALICE, NoChunk(7), 0.2), BOB) == [7]


def test_a_wrong_chunk_is_asked_of_another() -> None:
    asking = hunting(ALICE, BOB, lacking=[7])
    asking.received(ALICE, holding(), 0.1)
    asking.received(BOB, holding(), 0.1)
    assert asking.received(ALICE, Chunk(7, b"wrong"), 0.2) == [Keep(ALICE, MANIFEST, 7, b"wrong")]
    assert wanted(asking.refused(ALICE, BLOB, 7, 0.2), BOB) == [7]


def test_a_wrong_chunk_is_asked_of_another_also_where_its_source_is_gone() -> None:
    asking = hunting(ALICE, BOB, lacking=[7])
    asking.received(ALICE, holding(), 0.1)
    asking.received(BOB, holding(), 0.1)
    asking.received(ALICE, Chunk(7, b"wrong"), 0.2)
    assert wanted(asking.closed(ALICE, 0.2), BOB) == []
    assert wanted(asking.refused(ALICE, BLOB, 7, 0.2), BOB) == [7]


def test_what_a_source_owed_that_left_is_asked_of_others() -> None:
    asking = hunting(ALICE, BOB, lacking=[5, 6])
    assert wanted(asking.received(ALICE, holding(), 0.1), ALICE) == [5, 6]
    asking.received(BOB, holding(), 0.1)
    assert sorted(wanted(asking.closed(ALICE, 0.2), BOB)) == [5, 6]


def test_what_nobody_wants_any_more_is_dropped_when_it_comes() -> None:
    asking = hunting(ALICE, lacking=[5])
    asking.received(ALICE, holding(), 0.1)
    asking.forget(BLOB)
    assert asking.received(ALICE, Chunk(5, CONTENT[5]), 0.2) == []
    assert asking.kept(BLOB, 5) == []


# Time


def test_a_silent_source_is_left_and_rests_longer_each_time() -> None:
    asking = hunting(ALICE, lacking=[5])
    asking.received(ALICE, holding(), 0.0)
    now = blob_limits.SOURCE_SILENCE_S
    assert not any(isinstance(effect, Leave) for effect in asking.tick(now))
    rests = []
    for _ in range(3):
        now += 1.0
        [leave, *_] = asking.tick(now)
        assert leave == Leave(ALICE, leave.why, None)
        begun = now
        while asking.is_resting(ALICE, now):
            now += 1.0
        rests.append(now - begun)
        asking.opened(ALICE, now)
        asking.received(ALICE, holding(), now)
        now += blob_limits.SOURCE_SILENCE_S
    assert rests == [blob_limits.SOURCE_REST_S, 2 * blob_limits.SOURCE_REST_S, 4 * blob_limits.SOURCE_REST_S]


def test_a_late_chunk_is_asked_of_an_idle_source_and_what_comes_second_is_dropped() -> None:
    asking = hunting(ALICE, BOB, lacking=[5])
    asking.received(ALICE, holding(), 0.0)
    asking.received(BOB, holding(), 0.0)
    assert wanted(asking.tick(blob_limits.CHUNK_LATE_S), BOB) == []
    assert wanted(asking.tick(blob_limits.CHUNK_LATE_S + 1), BOB) == [5]
    assert wanted(asking.tick(blob_limits.CHUNK_LATE_S + 2), BOB) == []
    assert asking.received(BOB, Chunk(5, CONTENT[5]), 7.0) == [Keep(BOB, MANIFEST, 5, CONTENT[5])]
    assert asking.received(ALICE, Chunk(5, CONTENT[5]), 7.1) == []
    assert asking.kept(BLOB, 5) == [Finished(BLOB)]


def test_of_two_copies_the_second_counts_where_the_first_is_wrong_and_came_before_it() -> None:
    asking = hunting(ALICE, BOB, lacking=[5])
    asking.received(ALICE, holding(), 0.0)
    asking.received(BOB, holding(), 0.0)
    asking.tick(blob_limits.CHUNK_LATE_S + 1)
    asking.received(BOB, Chunk(5, b"wrong"), 7.0)
    asking.refused(BOB, BLOB, 5, 7.0)
    assert asking.received(ALICE, Chunk(5, CONTENT[5]), 7.1) == [Keep(ALICE, MANIFEST, 5, CONTENT[5])]


def test_a_partial_holder_is_asked_again_what_it_holds() -> None:
    asking = hunting(ALICE)
    asking.received(ALICE, holding([]), 0.0)
    assert looks(asking.tick(blob_limits.LOOK_LACKING_S + 1)) == [(ALICE, False)]
    assert looks(asking.tick(blob_limits.LOOK_LACKING_S + 2)) == []
    effects = asking.received(ALICE, holding([3]), 40.0)
    assert wanted(effects, ALICE) == [3]
    answer_all(asking, ALICE, effects, 40.1)
    assert looks(asking.tick(40.0 + blob_limits.LOOK_AGAIN_S + 1)) == [(ALICE, False)]


def test_a_complete_holder_is_not_asked_again_what_it_holds() -> None:
    asking = hunting(ALICE)
    effects = asking.received(ALICE, holding(), 0.0)
    place = wanted(effects, ALICE)[0]
    asking.received(ALICE, Chunk(place, CONTENT[place]), 50.0)
    assert looks(asking.tick(51.0)) == []


# What is told


def test_nobody_is_told_once_and_again_after_somebody_had_something() -> None:
    asking = Asking(Random(0))
    assert asking.want(BLOB, ANY, MANIFEST, [5], 0.0) == []
    assert asking.without_sources() == [Nobody(BLOB)]
    assert asking.without_sources() == []
    assert looks(asking.opened(ALICE, 0.0)) == [(ALICE, False)]
    assert asking.received(ALICE, Lacking(BLOB), 0.1) == [Nobody(BLOB)]
    asking.tick(31.0)
    assert Advanced(BLOB) in asking.received(ALICE, holding(), 31.0)
    assert asking.closed(ALICE, 32.0) == []
    assert asking.without_sources() == [Nobody(BLOB)]


def test_nobody_is_told_where_one_source_is_left_that_has_nothing() -> None:
    asking = hunting(ALICE, BOB, lacking=[5])
    asking.received(ALICE, Lacking(BLOB), 0.1)
    asking.received(BOB, holding([5]), 0.1)
    assert [type(effect) for effect in asking.closed(BOB, 0.2)] == [Nobody]


def test_a_hint_makes_a_hunt_go_on_or_is_told() -> None:
    asking = hunting(ALICE)
    assert asking.received(ALICE, Lacking(BLOB), 0.1) == [Nobody(BLOB)]
    assert looks(asking.received(ALICE, Got(BLOB), 1.0)) == [(ALICE, False)]
    asking.received(ALICE, Lacking(BLOB), 1.1)
    asking.forget(BLOB)
    assert asking.received(ALICE, Got(BLOB), 2.0) == [Available(BLOB, ALICE)]
    with pytest.raises(RemoteFault, match="hint"):
        asking.received(ALICE, Got(BLOB), 2.0)


def test_hints_are_taken_for_the_blobs_that_were_looked_for_last() -> None:
    asking = Asking(Random(0))
    asking.opened(ALICE, 0.0)
    blobs = [place.to_bytes(32, "big") for place in range(blob_limits.REMEMBERED_LOOKS + 1)]
    for blob in blobs:
        asking.want(blob, ANY, None, (), 0.0)
        asking.received(ALICE, Lacking(blob), 0.0)
        asking.forget(blob)
    assert asking.received(ALICE, Got(blobs[1]), 1.0) == [Available(blobs[1], ALICE)]
    with pytest.raises(RemoteFault, match="hint"):
        asking.received(ALICE, Got(blobs[0]), 1.0)


def test_progress_is_in_bytes_and_the_short_last_chunk_counts_for_what_it_is() -> None:
    asking = hunting(ALICE, lacking=[0, COUNT - 1])
    assert asking.progress(bytes(32)) is None
    before = MANIFEST.size - CHUNK_BYTES - 5
    assert asking.progress(BLOB) == Progress(before, MANIFEST.size, 0)
    effects = asking.received(ALICE, holding(), 0.1)
    assert asking.progress(BLOB) == Progress(before, MANIFEST.size, 1)
    asking.kept(BLOB, COUNT - 1)
    assert asking.progress(BLOB) == Progress(before + 5, MANIFEST.size, 1)
    asking.received(ALICE, NoChunk(wanted(effects, ALICE)[0]), 0.1)
    assert asking.progress(BLOB) == Progress(before + 5, MANIFEST.size, 0)
