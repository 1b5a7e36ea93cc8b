"""The messages of the push stream and their bytes."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from gossip.proto import messages as wire
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import Interest, choose
from gossip.proto.messages import BodyAnswer, encode_push, parse_push
from node.testing.people import people, spoiled
from store.entry import MAX_BODY_BYTES
from store.ids import EntryId

(ALICE,) = people(["alice"])
POSTS = ALICE.posts(6)
BIG = ALICE.post("x" * 5_000)
HASHES = st.binary(min_size=32, max_size=32)
ADDRESSES = st.lists(st.text("/ip4.0123", min_size=1, max_size=30), max_size=limits.MAX_ADDRESSES).map(tuple)
SHOWN = st.sampled_from([*POSTS, BIG, BIG.without_body(), spoiled(POSTS[0]), POSTS[1].without_body()])
ANSWERS = st.one_of(
    st.builds(BodyAnswer, HASHES, st.just(wire.HELD), st.binary(min_size=17, max_size=60)),
    st.builds(BodyAnswer, HASHES, st.just(wire.DELETED), HASHES),
    st.builds(BodyAnswer, HASHES, st.sampled_from([wire.EXPIRED, wire.NOT_HELD]), st.just(b"")),
)
INTERESTS = st.builds(
    choose,
    st.integers(0, ALL_LOGS),
    st.none() | st.sets(st.binary(min_size=32, max_size=32), max_size=4),
    st.just(0) | st.integers(0, 2**53 - 1),
)
MESSAGES: st.SearchStrategy[wire.PushMessage] = st.one_of(
    st.builds(wire.Hello, HASHES, INTERESTS, st.booleans(), ADDRESSES),
    st.builds(wire.Entries, st.lists(SHOWN, min_size=1, max_size=5).map(tuple)),
    st.builds(wire.WantBodies, st.lists(HASHES, min_size=1, max_size=5).map(tuple)),
    st.builds(wire.Bodies, st.lists(ANSWERS, min_size=1, max_size=5).map(tuple)),
    st.builds(wire.EvidenceFound, st.binary(max_size=50)),
    st.builds(wire.Nudge, HASHES),
    st.builds(wire.Interested, INTERESTS),
)


@given(MESSAGES)
def test_what_was_encoded_is_parsed_to_the_same(message: wire.PushMessage) -> None:
    assert parse_push(encode_push(message)) == message


@given(MESSAGES, st.data())
def test_a_mutation_parses_to_what_encodes_to_the_same_bytes_or_is_a_fault(
    message: wire.PushMessage, data: st.DataObject
) -> None:
    mutant = bytearray(encode_push(message))
    for _ in range(data.draw(st.integers(1, 3))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_push(bytes(mutant))
    except RemoteFault:
        return
    assert encode_push(parsed) == bytes(mutant)


@given(st.binary(max_size=200))
def test_noise_raises_a_remote_fault_and_nothing_else(data: bytes) -> None:
    try:
        parse_push(data)
    except RemoteFault:
        return


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.text(max_size=9)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


@given(st.integers(0, 8), st.lists(VALUES, max_size=7))
def test_values_of_any_type_raise_a_remote_fault_and_nothing_else(number: int, values: list[Any]) -> None:
    try:
        parse_push(msgpack.packb([number, *values]))
    except (RemoteFault, UnicodeEncodeError):
        return


NET, ID = bytes(32), b"i" * 32
ENTRY = [POSTS[0].header, POSTS[0].signature, POSTS[0].body]
REFUSED: dict[str, list[Any]] = {
    "a hello of another version": [1, 2, NET, 0, False, []],
    "a hello of five values": [1, 1, NET, 0, False],
    "a network of 31 bytes": [1, 1, NET[:31], 0, False, []],
    "an interest in log 32": [1, 1, NET, 2**32, False, []],
    "a hub of 1": [1, 1, NET, 0, 1, []],
    "17 addresses": [1, 1, NET, 0, False, ["/ip4"] * 17],
    "an address with an escape character": [1, 1, NET, 0, False, ["/ip4\x1b"]],
    "no entries": [2],
    "two values of an entry": [2, *ENTRY[:2]],
    "a header as text": [2, "x", ENTRY[1], None],
    "a body as text": [2, ENTRY[0], ENTRY[1], "x"],
    "a header that is none": [2, b"x", ENTRY[1], None],
    "a body that does not fit": [2, ENTRY[0], ENTRY[1], b"x" * 29],
    "a signature of 63 bytes": [2, ENTRY[0], ENTRY[1][:63], None],
    "no ids": [3],
    "65 ids": [3, *[ID] * 65],
    "an id of 31 bytes": [3, ID[:31]],
    "no answers": [4],
    "65 answers": [4, *[ID, 3, b""] * 65],
    "status 4": [4, ID, 4, b""],
    "status true": [4, ID, True, b""],
    "a body of 16 bytes": [4, ID, 0, bytes(16)],
    "a body of 32,769 bytes": [4, ID, 0, bytes(MAX_BODY_BYTES + 1)],
    "a deletion by nobody": [4, ID, 1, b""],
    "an expired body": [4, ID, 2, bytes(17)],
    "evidence as text": [5, "x"],
    "two pieces of evidence": [5, b"x", b"y"],
    "a digest of 31 bytes": [6, ID[:31]],
    "message 0": [0],
    "message 7": [7],
}


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_what_breaks_a_rule_is_refused(values: list[Any]) -> None:
    with pytest.raises(RemoteFault):
        parse_push(msgpack.packb(values))


def test_an_entry_that_nobody_can_ever_accept_is_hostile_an_unknown_message_only_new() -> None:
    with pytest.raises(RemoteFault) as caught:
        parse_push(msgpack.packb(REFUSED["a body that does not fit"]))
    assert caught.value.severity is Severity.HOSTILE
    with pytest.raises(RemoteFault) as caught:
        parse_push(msgpack.packb([8]))
    assert caught.value.severity is Severity.SLIGHT


def test_the_largest_messages_fit_into_a_frame() -> None:
    body = wire.BodyAnswer(EntryId(ID), wire.HELD, bytes(MAX_BODY_BYTES))
    for message in (
        wire.Bodies((body,) * limits.BODIES_PER_ANSWER),
        wire.WantBodies((EntryId(ID),) * limits.MAX_WANTED_BODIES),
        wire.Hello(NET, Interest(0), True, ("a" * limits.MAX_ADDRESS_CHARS,) * limits.MAX_ADDRESSES),
        wire.EvidenceFound(bytes(wire.MAX_EVIDENCE_BYTES)),
    ):
        data = encode_push(message)
        assert len(data) <= limits.MAX_FRAME_BYTES
        assert parse_push(data) == message
