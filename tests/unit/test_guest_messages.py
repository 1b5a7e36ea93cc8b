"""Messages of the guest protocol: round trips, bounds, noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from node.federation.guest_effects import Ration, runs_of
from node.federation.guest_messages import (
    INVALID,
    MAX_MESSAGE_BYTES,
    MAX_TEXT_CHARS,
    REFUSALS,
    Challenge,
    CharterSent,
    Done,
    Entries,
    Knock,
    Message,
    Present,
    Proof,
    Refused,
    Return,
    Welcome,
    encode_message,
    pack,
    parse,
    refusal,
)
from node.federation.limits import MAX_PASSPORT_BYTES
from node.federation.names import RootId
from node.testing.people import Person
from store.charter import MAX_CHARTER_BYTES
from store.codec import encode
from store.entry import MAX_ID_BODY_BYTES, Entry
from store.ids import LOG_FEED, LOG_ID


def statements(person: Person, count: int, size: int = 10) -> tuple[Entry, ...]:
    return tuple(person.write([99, bytes(size)], LOG_ID) for _ in range(count))


LOG = statements(Person("alice"), 4)
OTHER_LOG = statements(Person("bob"), 3)

NONCES = st.binary(min_size=16, max_size=16)
IDS = st.binary(min_size=32, max_size=32)
CHARTERS = st.binary(max_size=200)
RUNS = st.sampled_from([LOG, LOG[1:3], OTHER_LOG + LOG, LOG[:1]])
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Knock, NONCES, IDS),
    st.builds(Return, IDS.map(RootId)),
    st.builds(Present, st.binary(max_size=MAX_PASSPORT_BYTES)),
    st.builds(Proof, st.binary(min_size=64, max_size=64)),
    st.builds(Entries, RUNS),
    st.just(Done()),
    st.builds(Challenge, NONCES, CHARTERS, st.one_of(IDS, st.just(b"")), st.integers(0, 1)),
    st.builds(CharterSent, CHARTERS),
    st.builds(Welcome, st.booleans()),
    st.builds(
        Refused,
        st.integers(1, 255),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_TEXT_CHARS),
    ),
)


@given(MESSAGES)
def test_parsing_what_was_encoded_gives_the_message(message: Message) -> None:
    assert parse(encode_message(message)) == message


@given(st.binary(max_size=80))
def test_noise_is_refused_with_our_error_or_is_what_it_encodes(data: bytes) -> None:
    try:
        message = parse(data)
    except RemoteFault:
        return
    assert encode_message(message) == data


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 300), st.binary(max_size=70), st.text(max_size=9)),
    lambda inner: st.lists(inner, max_size=5),
)


@given(
    st.sampled_from([1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 0, 7, 200, True, None]), st.lists(VALUES, max_size=7)
)
def test_any_values_after_a_number_are_a_message_or_refused_with_our_error(
    number: object, values: list[object]
) -> None:
    data = encode([number, *values])
    try:
        message = parse(data)
    except RemoteFault:
        return
    assert encode_message(message) == data


@given(MESSAGES, st.data())
def test_a_flipped_bit_is_refused_or_is_another_message(message: Message, data: st.DataObject) -> None:
    raw = bytearray(encode_message(message))
    flip = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[flip // 8] ^= 1 << flip % 8
    try:
        other = parse(bytes(raw))
    except RemoteFault:
        return
    assert (type(other), other) != (type(message), message)  # named tuples of two kinds may be equal


FEED = Person("carol").write([1, "text", ""], LOG_FEED)
[ENTRY] = LOG[:1]


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ([], Severity.BAD),
        (1, Severity.BAD),
        ([True], Severity.BAD),
        ([7], Severity.SLIGHT),
        ([-1], Severity.SLIGHT),
        ([1, 2, bytes(16), bytes(32)], Severity.SLIGHT),
        ([1, True, bytes(16), bytes(32)], Severity.BAD),
        ([1, 1, bytes(15), bytes(32)], Severity.BAD),
        ([1, 1, bytes(16), bytes(33)], Severity.BAD),
        ([1, 1, bytes(16)], Severity.BAD),
        ([1], Severity.BAD),
        ([2, 1, bytes(31)], Severity.BAD),
        ([2, 1, "a" * 32], Severity.BAD),
        ([3, 1, bytes(MAX_PASSPORT_BYTES + 1)], Severity.BAD),
        ([3, 1, "passport"], Severity.BAD),
        ([3, 0, b""], Severity.SLIGHT),
        ([4, bytes(63)], Severity.BAD),
        ([5], Severity.BAD),
        ([5, ENTRY.header, ENTRY.signature], Severity.BAD),
        ([5, ENTRY.header, ENTRY.signature, None], Severity.BAD),
        ([5, ENTRY.header, ENTRY.signature, b""], Severity.HOSTILE),
        ([5, ENTRY.header, ENTRY.signature[:63], ENTRY.body], Severity.HOSTILE),
        ([5, 1, 2, b"3"], Severity.HOSTILE),
        ([5, FEED.header, FEED.signature, FEED.body], Severity.BAD),
        ([6, 0], Severity.BAD),
        ([16, bytes(16), b"", b""], Severity.BAD),
        ([16, bytes(17), b"", b"", 0], Severity.BAD),
        ([16, bytes(16), bytes(MAX_CHARTER_BYTES + 1), b"", 0], Severity.BAD),
        ([16, bytes(16), b"", bytes(31), 0], Severity.BAD),
        ([16, bytes(16), b"", b"", 2], Severity.BAD),
        ([16, bytes(16), b"", b"", False], Severity.BAD),
        ([17, bytes(MAX_CHARTER_BYTES + 1)], Severity.BAD),
        ([17, None], Severity.BAD),
        ([18, 1], Severity.BAD),
        ([18], Severity.BAD),
        ([19, 0, ""], Severity.BAD),
        ([19, 256, ""], Severity.BAD),
        ([19, 1, "a" * (MAX_TEXT_CHARS + 1)], Severity.BAD),
        ([19, 1, b""], Severity.BAD),
        ([19, 1], Severity.BAD),
    ],
)
def test_what_breaks_a_rule_is_the_other_sides_fault(values: object, severity: Severity) -> None:
    with pytest.raises(RemoteFault) as caught:
        parse(encode(values))
    assert caught.value.severity is severity


def test_a_message_has_a_largest_size() -> None:
    with pytest.raises(RemoteFault):
        parse(encode([3, 1, bytes(MAX_MESSAGE_BYTES)]))
    with pytest.raises(ValueError, match="at most 65536 bytes"):
        encode_message(Entries(statements(Person("dora"), 40, MAX_ID_BODY_BYTES - 40)))


def test_the_largest_charter_fits_a_challenge() -> None:
    message = Challenge(bytes(16), bytes(MAX_CHARTER_BYTES), bytes(32), 1)
    assert parse(encode_message(message)) == message


def test_a_text_is_cut_to_what_fits() -> None:
    sent = encode_message(Refused(INVALID, "a" * 999))
    assert parse(sent) == Refused(INVALID, "a" * MAX_TEXT_CHARS)


def test_each_code_has_a_text_that_fits() -> None:
    for code, text in REFUSALS.items():
        assert parse(encode_message(refusal(code))) == Refused(code, text)
    assert list(REFUSALS) == list(range(1, 11))


@pytest.mark.parametrize("size", [1, 200, MAX_ID_BODY_BYTES - 40])
def test_entries_are_packed_in_order_and_each_message_can_be_read(size: int) -> None:
    run = statements(Person("erin"), 700, size)
    messages = list(pack(run))
    assert tuple(entry for message in messages for entry in message.entries) == run
    read = [parse(encode_message(message)) for message in messages]
    assert read == messages
    assert (
        len(messages)
        <= 1.1 * sum(len(encode_message(message)) for message in messages) / MAX_MESSAGE_BYTES + 2
    )


def test_nothing_is_packed_into_no_message() -> None:
    assert list(pack(())) == []


def test_an_entry_without_its_body_is_not_sent() -> None:
    with pytest.raises(ValueError, match="body"):
        encode_message(Entries((ENTRY.without_body(),)))


def test_entries_are_cut_into_chains_of_one_log() -> None:
    assert runs_of(LOG) == (LOG,)
    assert runs_of(LOG + OTHER_LOG) == (LOG, OTHER_LOG)
    assert runs_of(LOG[:2] + LOG[3:]) == (LOG[:2], LOG[3:])
    assert runs_of((LOG[1], LOG[0])) == ((LOG[1],), (LOG[0],))
    assert runs_of(()) == ()
    stranger = Person("alice").sign_at(2, bytes(32), [99], LOG_ID)
    assert runs_of((LOG[0], stranger)) == ((LOG[0],), (stranger,))


def test_a_ration_ends() -> None:
    ration = Ration(2)
    ration.take()
    ration.take()
    with pytest.raises(RemoteFault, match="more messages"):
        ration.take()
