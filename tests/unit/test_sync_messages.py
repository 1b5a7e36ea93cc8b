"""The messages of a sync stream and their bytes."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from gossip.proto import sync_messages as wire
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import choose
from gossip.proto.parts import Listed, Part, Positions, Split, Wanted
from gossip.proto.sync_messages import encode_sync, parse_sync
from node.testing.people import NETWORK, people
from store.entry import MAX_SEQ, Entry
from store.errors import BadSignature
from store.ids import LOG_DOCS
from store.log import MAX_EVIDENCE_BYTES, MAX_RUN_ENTRIES, LogId

ALICE, BOB = people(["alice", "bob"])
POSTS = (
    *ALICE.posts(3),
    ALICE.post("earlier", time_ms=5),
    ALICE.post("a link", links=[BOB.post("x").id]),
    *ALICE.posts(2),
)
BIG = ALICE.write([33, "x" * 20_000], LOG_DOCS)

NUMBERS = st.integers(0, 2**64 - 1)
HASHES = st.binary(min_size=32, max_size=32)
NONCES = st.binary(min_size=16, max_size=16)
INTERESTS = st.builds(
    choose,
    st.integers(0, ALL_LOGS),
    st.none() | st.sets(st.binary(min_size=32, max_size=32), max_size=4),
    st.just(0) | st.integers(0, 2**53 - 1),
)
LOG_IDS = st.builds(LogId, HASHES, st.integers(0, 31))  # type: ignore[arg-type]
SEQS = st.integers(1, MAX_SEQ)
RANGES = st.integers(0, 64).flatmap(lambda depth: st.tuples(st.just(depth), st.integers(0, (1 << depth) - 1)))
MARKS = st.lists(st.binary(min_size=5, max_size=5), max_size=4).map(b"".join)
SPLITS = st.builds(
    lambda where, bits, filler: Split(*where, bits, filler * (5 << bits)),
    RANGES.filter(lambda where: where[0] <= 58),
    st.integers(1, limits.MAX_SPLIT_BITS),
    st.binary(min_size=1, max_size=1),
)
PARTS: st.SearchStrategy[Part] = st.one_of(
    SPLITS,
    st.builds(lambda where, marks: Listed(*where, marks), RANGES, MARKS),
    st.builds(Positions, st.binary(min_size=24, max_size=24)),
    st.builds(Wanted, MARKS.filter(bool)),
)
TURNS = st.lists(PARTS, min_size=1, max_size=4).map(tuple)


def run_of(first: int, last: int, bare: set[int]) -> wire.Run:
    return wire.Run(
        tuple(entry.without_body() if entry.seq in bare else entry for entry in POSTS[first : last + 1])
    )


RUNS = st.tuples(
    st.integers(0, len(POSTS) - 1), st.integers(0, len(POSTS) - 1), st.sets(st.integers(1, len(POSTS)))
).map(lambda drawn: run_of(min(drawn[:2]), max(drawn[:2]), drawn[2]))
MESSAGES: st.SearchStrategy[wire.SyncMessage] = st.one_of(
    st.builds(wire.Open, INTERESTS, NONCES, HASHES, NUMBERS),
    st.just(wire.Same()),
    st.builds(wire.Differ, INTERESTS, NONCES, HASHES, TURNS),
    st.builds(wire.Turn, TURNS),
    st.builds(wire.Totals, NUMBERS, NUMBERS, st.booleans()),
    RUNS,
    st.just(wire.Run((BIG,))),
    st.builds(wire.Ack, st.integers(1, 2**40)),
    st.sampled_from([wire.Done(), wire.Bye()]),
    st.builds(wire.Contradiction, st.binary(max_size=50)),
    st.builds(wire.Probe, LOG_IDS, SEQS),
    st.builds(wire.Absent, LOG_IDS, SEQS),
    st.builds(wire.Decline, LOG_IDS),
    st.builds(wire.Shown, st.sampled_from(POSTS).map(Entry.without_body)),
    st.builds(wire.Stop, st.text(st.characters(codec="utf-8"), max_size=limits.MAX_STOP_CHARS)),
)


@given(MESSAGES)
def test_what_was_encoded_is_parsed_to_the_same(message: wire.SyncMessage) -> None:
    assert parse_sync(encode_sync(message)) == message


@given(MESSAGES, st.data())
def test_a_mutation_parses_to_what_encodes_to_the_same_bytes_or_is_a_fault(
    message: wire.SyncMessage, data: st.DataObject
) -> None:
    mutant = bytearray(encode_sync(message))
    for _ in range(data.draw(st.integers(1, 3))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_sync(bytes(mutant))
    except RemoteFault:
        return
    assert encode_sync(parsed) == bytes(mutant)


@given(st.binary(max_size=200))
def test_noise_raises_a_remote_fault_and_nothing_else(data: bytes) -> None:
    try:
        parse_sync(data)
    except RemoteFault:
        return


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.text(max_size=9)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5), max_leaves=8)


@given(st.integers(0, 16), st.lists(VALUES, max_size=9))
def test_values_of_any_type_raise_a_remote_fault_and_nothing_else(number: int, values: list[Any]) -> None:
    try:
        parse_sync(msgpack.packb([number, *values]))
    except (RemoteFault, UnicodeEncodeError):
        return


# Runs.


def flat(message: wire.Run) -> list[Any]:
    return list(msgpack.unpackb(encode_sync(message)))


def test_a_run_leaves_out_what_its_receiver_can_rebuild() -> None:
    whole = wire.Run(POSTS)
    sent = sum(len(entry.body or b"") + len(entry.signature) for entry in POSTS)
    assert len(encode_sync(whole)) < sent + 12 * len(POSTS) + 150
    parsed = parse_sync(encode_sync(whole))
    assert isinstance(parsed, wire.Run)
    assert [entry.header for entry in parsed.entries] == [entry.header for entry in POSTS]


@pytest.mark.parametrize(
    "changes",
    [
        {2: 3},
        {3: 2, 4: bytes(32)},
        {5: POSTS[0].time_ms + 1},
        {6: [bytes(32)]},
        {7: bytes(64)},
        {8: b"y" * 40},
    ],
    ids=["log", "seq", "time", "links", "signature", "body"],
)
def test_whatever_is_changed_in_a_run_shows_in_its_last_signature(changes: dict[int, object]) -> None:
    values = flat(wire.Run(POSTS))
    forged = parse_sync(msgpack.packb([changes.get(place, value) for place, value in enumerate(values)]))
    assert isinstance(forged, wire.Run)
    assert forged.entries[-1].header != POSTS[-1].header
    POSTS[-1].check_signature(NETWORK)
    with pytest.raises(BadSignature):
        forged.entries[-1].check_signature(NETWORK)


FLAT = flat(wire.Run(POSTS[:2]))


def changed(place: int, value: object) -> list[Any]:
    return [*FLAT[:place], value, *FLAT[place + 1 :]]


NET, ID, NONCE = bytes(32), b"i" * 32, bytes(16)
SPLIT = [0, 0, 0, 1, bytes(12)]
REFUSED: dict[str, list[Any]] = {
    "an open of another version": [1, 2, 0, NONCE, ID, 0],
    "a nonce of 15 bytes": [1, 1, 0, NONCE[:15], ID, 0],
    "a digest of 31 bytes": [1, 1, 0, NONCE, ID[:31], 0],
    "fewer than no logs": [1, 1, 0, NONCE, ID, -1],
    "an interest in log 32": [1, 1, 2**32, NONCE, ID, 0],
    "a same with values": [2, 1],
    "a differ without parts": [3, 0, NONCE, ID],
    "a turn without parts": [4],
    "4,097 parts": [4, *[[1, 0, 0, b""]] * 4_097],
    "a part that is a number": [4, 1],
    "part 4": [4, [4, b"x"]],
    "part true": [4, [True, 0, 0, b""]],
    "a split without its bits": [4, SPLIT[:3] + SPLIT[4:]],
    "a split into 1": [4, [0, 0, 0, 0, bytes(5)]],
    "a split into 128": [4, [0, 0, 0, 7, bytes(5 << 7)]],
    "a split with a fingerprint too few": [4, [0, 0, 0, 1, bytes(5)]],
    "a split beyond the last bit": [4, [0, 64, 0, 1, bytes(10)]],
    "a range of 65 bits": [4, [1, 65, 0, b""]],
    "a prefix longer than its range": [4, [1, 3, 8, b""]],
    "half a fingerprint": [4, [1, 0, 0, bytes(3)]],
    "no positions": [4, [2, b""]],
    "half a position": [4, [2, bytes(12)]],
    "nothing wanted": [4, [3, b""]],
    "half a fingerprint wanted": [4, [3, bytes(3)]],
    "totals below 0": [5, -1, 0, True],
    "totals without a word whether they are all": [5, 1, 1],
    "totals with a number for it": [5, 1, 1, 1],
    "a run of nothing": FLAT[:5],
    "a run with half an entry": FLAT[:-1],
    "an author of 31 bytes": changed(1, bytes(31)),
    "log 32": changed(2, 32),
    "log true": changed(2, True),
    "a run from seq 0": changed(3, 0),
    "a back link at seq 1": changed(4, ID),
    "a time before 1970": changed(5, -1),
    "a time as text": changed(5, "1"),
    "an empty list of links": changed(6, []),
    "a link of 31 bytes": changed(6, [ID[:31]]),
    "links of 0": changed(6, 0),
    "a signature of 63 bytes": changed(7, bytes(63)),
    "a body of 16 bytes": changed(8, bytes(16)),
    "a body that is absent without a size": changed(8, [ID]),
    "a body that is nothing": changed(8, None),
    "an acknowledgement of nothing": [7, 0],
    "done with values": [8, 1],
    "evidence as text": [10, "x"],
    "a probe for seq 0": [11, ID, 2, 0],
    "a probe for log 32": [11, ID, 32, 1],
    "a probe for seq 2**40": [11, ID, 2, MAX_SEQ + 1],
    "nothing shown": [12],
    "a header that is none": [12, b"x", bytes(64)],
    "a reason of 201 characters": [13, "x" * 201],
    "a reason as bytes": [13, b"x"],
    "absent without a seq": [14, ID, 2],
    "a log declined by half": [15, ID],
    "message 0": [0],
    "message 16": [16],
}


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_what_breaks_a_rule_is_refused(values: list[Any]) -> None:
    with pytest.raises(RemoteFault):
        parse_sync(msgpack.packb(values))


def test_an_entry_that_nobody_can_ever_accept_is_hostile_an_unknown_message_only_new() -> None:
    with pytest.raises(RemoteFault) as caught:
        parse_sync(msgpack.packb(REFUSED["a header that is none"]))
    assert caught.value.severity is Severity.HOSTILE
    with pytest.raises(RemoteFault) as caught:
        parse_sync(msgpack.packb([16]))
    assert caught.value.severity is Severity.SLIGHT


def test_the_longest_run_and_the_largest_evidence_fit_into_a_frame() -> None:
    many = ALICE.posts(MAX_RUN_ENTRIES)
    for message in (wire.Run(many), wire.Contradiction(bytes(MAX_EVIDENCE_BYTES))):
        data = encode_sync(message)
        assert len(data) <= limits.MAX_FRAME_BYTES
        assert parse_sync(data) == message
    longer = flat(wire.Run(many)) + FLAT[5:9]
    with pytest.raises(RemoteFault):
        parse_sync(msgpack.packb(longer))
