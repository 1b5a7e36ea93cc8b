"""Entries: signing, parsing, and every rule of the header and the body."""

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.crypto import SigningKey, digest
from store.entry import (
    DOMAIN,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    MAX_ID_BODY_BYTES,
    MAX_ID_SEQ,
    MAX_KIND,
    MAX_LINKS,
    MAX_SEQ,
    MAX_TIME_MS,
    MIN_BODY_BYTES,
    Entry,
    content_of,
    make_body,
    parse,
    sign,
)
from store.errors import BadSignature, InvalidEntry, NotCanonical, TooLarge
from store.ids import LOG_BOX_0, LOG_DOCS, LOG_FEED, LOG_ID, LOG_SEALED, EntryId, LogNo, NetworkId

KEY = SigningKey(b"a" * 32)
OTHER_KEY = SigningKey(b"b" * 32)
NETWORK = NetworkId(b"n" * 32)
OTHER_NETWORK = NetworkId(b"o" * 32)
BODY = make_body(b"s" * 16, [1, "hello", "en"])
LINK = EntryId(b"l" * 32)
ENTRY = sign(KEY, NETWORK, LOG_FEED, 2, b"p" * 32, BODY, 1_700_000_000_000, [LINK])
GOOD: list[Any] = list(msgpack.unpackb(ENTRY.header))

IDS = st.binary(min_size=32, max_size=32).map(EntryId)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    log = LogNo(draw(st.integers(0, 31)))
    seq = draw(st.integers(1, MAX_ID_SEQ if log == LOG_ID else MAX_SEQ) | st.just(1))
    sealed = log == LOG_SEALED or log >= LOG_BOX_0
    return sign(
        SigningKey(draw(st.binary(min_size=32, max_size=32))),
        NETWORK,
        log,
        seq,
        draw(IDS) if seq > 1 else b"",
        draw(st.binary(min_size=MIN_BODY_BYTES, max_size=300)),
        draw(st.integers(0, MAX_TIME_MS)),
        [] if sealed else draw(st.lists(IDS, max_size=MAX_LINKS, unique=True)),
    )


def flipped(data: bytes) -> Iterator[bytes]:
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


@given(entries())
def test_parse_inverts_sign(entry: Entry) -> None:
    parsed = parse(entry.header, entry.signature, entry.body)
    assert parsed == entry
    assert [type(value) for value in parsed] == [type(value) for value in entry]
    parsed.check_signature(NETWORK)
    assert entry.id == digest(entry.header + entry.signature)
    assert len(entry.header) <= MAX_HEADER_BYTES
    assert parse(entry.header, entry.signature, None) == entry.without_body()
    assert entry.without_body().with_body(entry.body or b"") == entry


@given(entries())
def test_an_entry_belongs_to_one_network(entry: Entry) -> None:
    with pytest.raises(BadSignature):
        entry.check_signature(OTHER_NETWORK)


def test_the_signature_covers_domain_network_and_header() -> None:
    assert ENTRY.signature == KEY.sign(b"asterism/entry/1\0" + NETWORK + ENTRY.header)


def test_any_flipped_bit_of_header_or_signature_is_refused() -> None:
    changed = [(header, ENTRY.signature) for header in flipped(ENTRY.header)]
    changed += [(ENTRY.header, signature) for signature in flipped(ENTRY.signature)]
    for header, signature in changed:
        with pytest.raises(InvalidEntry):
            parse(header, signature, None).check_signature(NETWORK)


def test_any_flipped_bit_of_a_body_is_refused() -> None:
    for body in flipped(BODY):
        with pytest.raises(InvalidEntry):
            parse(ENTRY.header, ENTRY.signature, body)
        with pytest.raises(InvalidEntry):
            ENTRY.without_body().with_body(body)


@given(entries(), st.data())
def test_a_mutated_header_never_passes_for_the_authors(entry: Entry, data: st.DataObject) -> None:
    header = bytearray(entry.header)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(header) - 1))
        header[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    if bytes(header) != entry.header:
        with pytest.raises(InvalidEntry):
            parse(bytes(header), entry.signature, None).check_signature(NETWORK)


@given(st.binary(max_size=300), st.binary(max_size=70), st.none() | st.binary(max_size=50))
@example(b"", b"", None)
@example(b"\x99" + b"\x80" * 9, bytes(64), None)
@example(b"\x99" + b"\xcb\x7f\xf8\0\0\0\0\0\0" * 9, bytes(64), None)
@example(b"\x91" * 600 + b"\x90", bytes(64), None)
@example(b"\xdc\x00\x10" * 200, bytes(64), None)
def test_noise_is_no_entry(header: bytes, signature: bytes, body: bytes | None) -> None:
    with pytest.raises(InvalidEntry):
        parse(header, signature, body)


@given(
    st.lists(
        st.sampled_from([None, True, 0, 1, -1, 2**63, 1.0, "", b"", b"x" * 32, [], {}]),
        min_size=9,
        max_size=9,
    )
)
def test_nine_values_of_any_type_are_no_entry(values: list[Any]) -> None:
    with pytest.raises(InvalidEntry):
        parse(msgpack.packb(values), bytes(64), None)


@pytest.mark.parametrize("header", [None, "text", 1, [], bytearray(ENTRY.header), memoryview(ENTRY.header)])
def test_a_header_that_is_not_bytes_is_refused(header: Any) -> None:
    with pytest.raises(InvalidEntry):
        parse(header, ENTRY.signature, None)


@pytest.mark.parametrize("signature", [None, "s" * 64, b"", ENTRY.signature[:63], ENTRY.signature + b"\0"])
def test_a_signature_that_is_not_64_bytes_is_refused(signature: Any) -> None:
    with pytest.raises(InvalidEntry, match="64 bytes"):
        parse(ENTRY.header, signature, None)


@pytest.mark.parametrize("body", ["text", b"", BODY[:-1], BODY + b"\0", bytearray(BODY), 1])
def test_another_body_is_refused(body: Any) -> None:
    with pytest.raises(InvalidEntry, match="not the one"):
        parse(ENTRY.header, ENTRY.signature, body)


def test_true_does_not_pass_for_one() -> None:
    for place in (0, 2, 3):
        fields = [*GOOD[:place], True, *GOOD[place + 1 :]]
        with pytest.raises(InvalidEntry):
            parse(msgpack.packb(fields), bytes(64), None)


BOUNDS = [
    # place of the field, log, smallest, largest
    (2, LOG_FEED, 0, 31),
    (3, LOG_FEED, 2, MAX_SEQ),
    (3, LOG_ID, 2, MAX_ID_SEQ),
    (5, LOG_FEED, MIN_BODY_BYTES, MAX_BODY_BYTES),
    (5, LOG_ID, MIN_BODY_BYTES, MAX_ID_BODY_BYTES),
    (7, LOG_FEED, 0, MAX_TIME_MS),
]


@pytest.mark.parametrize(("place", "log", "smallest", "largest"), BOUNDS)
def test_each_number_has_its_bounds(place: int, log: int, smallest: int, largest: int) -> None:
    def header(value: int) -> bytes:
        fields = [*GOOD[:8], []]
        fields[2] = log
        fields[place] = value
        return msgpack.packb(fields)  # type: ignore[no-any-return]

    for value in (smallest, largest):
        assert parse(header(value), bytes(64), None)[place] == value
    for value in (smallest - 1, largest + 1):
        with pytest.raises(InvalidEntry):
            parse(header(value), bytes(64), None)


@pytest.mark.parametrize("back", [b"", bytes(31), bytes(33), "a" * 32, None])
def test_a_back_link_has_32_bytes_after_seq_1(back: Any) -> None:
    with pytest.raises(InvalidEntry, match="back link"):
        parse(msgpack.packb([*GOOD[:4], back, *GOOD[5:]]), bytes(64), None)


@pytest.mark.parametrize("back", [bytes(32), None, ""])
def test_seq_1_has_an_empty_back_link(back: Any) -> None:
    with pytest.raises(InvalidEntry, match="back link"):
        parse(msgpack.packb([*GOOD[:3], 1, back, *GOOD[5:]]), bytes(64), None)


@pytest.mark.parametrize(
    "links",
    [None, "", b"", {}, 0, float("nan"), [bytes(31)], ["a" * 32], [LINK, LINK], [[LINK]], [None], [{}]],
)
def test_links_are_a_list_of_different_ids(links: Any) -> None:
    with pytest.raises(InvalidEntry):
        parse(msgpack.packb([*GOOD[:8], links]), bytes(64), None)


@pytest.mark.parametrize("log", [LOG_SEALED, *range(16, 32)])
def test_sealed_logs_take_no_links(log: int) -> None:
    with pytest.raises(InvalidEntry, match="no links"):
        parse(msgpack.packb([*GOOD[:2], log, *GOOD[3:]]), bytes(64), None)
    assert parse(msgpack.packb([*GOOD[:2], log, *GOOD[3:8], []]), bytes(64), None).log == log


@pytest.mark.parametrize("count", [8, 10, 0])
def test_a_header_has_nine_values(count: int) -> None:
    with pytest.raises(InvalidEntry):
        parse(msgpack.packb([*GOOD, 0][:count]), bytes(64), None)


def test_the_largest_header_is_within_its_bound() -> None:
    links = [EntryId(digest(bytes([number]))) for number in range(MAX_LINKS)]
    entry = sign(KEY, NETWORK, LogNo(15), MAX_SEQ, bytes(32), bytes(MAX_BODY_BYTES), MAX_TIME_MS, links)
    assert len(entry.header) == 673 <= MAX_HEADER_BYTES
    assert parse(entry.header, entry.signature, entry.body) == entry


def test_signing_says_what_is_too_large() -> None:
    too_many = [EntryId(digest(bytes([number]))) for number in range(MAX_LINKS + 1)]
    with pytest.raises(TooLarge, match="32768 bytes, this has 32769"):
        sign(KEY, NETWORK, LOG_DOCS, 1, b"", bytes(MAX_BODY_BYTES + 1), 0)
    with pytest.raises(TooLarge, match="2048 bytes, this has 2049"):
        sign(KEY, NETWORK, LOG_ID, 1, b"", bytes(MAX_ID_BODY_BYTES + 1), 0)
    with pytest.raises(TooLarge, match="16 links"):
        sign(KEY, NETWORK, LOG_DOCS, 1, b"", bytes(17), 0, too_many)
    with pytest.raises(TooLarge, match="ends at entry 4096"):
        sign(KEY, NETWORK, LOG_ID, MAX_ID_SEQ + 1, bytes(32), bytes(17), 0)
    assert not issubclass(TooLarge, InvalidEntry)


@pytest.mark.parametrize(
    ("log", "seq", "back", "body", "time_ms", "links"),
    [
        (32, 1, b"", BODY, 0, []),
        (2, 0, b"", BODY, 0, []),
        (2, True, b"", BODY, 0, []),
        (2, 2, b"", BODY, 0, []),
        (2, 1, bytes(32), BODY, 0, []),
        (2, 1, b"", bytes(16), 0, []),
        (2, 1, b"", BODY, -1, []),
        (2, 1, b"", BODY, 1.5, []),
        (2, 1, b"", BODY, 0, [LINK, LINK]),
        (5, 1, b"", BODY, 0, [LINK]),
    ],
)
def test_nothing_invalid_is_signed(
    log: Any, seq: Any, back: bytes, body: bytes, time_ms: Any, links: Any
) -> None:
    with pytest.raises(InvalidEntry):
        sign(KEY, NETWORK, log, seq, back, body, time_ms, links)


def test_another_key_cannot_sign_for_an_author() -> None:
    forged = OTHER_KEY.sign(DOMAIN + NETWORK + ENTRY.header)
    with pytest.raises(BadSignature):
        parse(ENTRY.header, forged, None).check_signature(NETWORK)


CONTENT = st.lists(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=50), max_size=20
)


@given(st.binary(min_size=16, max_size=16), st.integers(1, MAX_KIND), CONTENT)
def test_content_of_inverts_make_body(salt: bytes, kind: int, content: list[Any]) -> None:
    body = make_body(salt, [kind, *content])
    assert body[:16] == salt
    assert repr(content_of(body)) == repr((kind, *content))


@given(st.binary(max_size=100))
@example(b"")
@example(bytes(16))
@example(bytes(16) + b"\xdc\x04\x01" + b"\x01" * 1025)
@example(bytes(16) + b"\x91" * 20_000)
def test_noise_is_no_content_or_content_in_its_one_form(body: bytes) -> None:
    try:
        content = content_of(body)
    except InvalidEntry:
        return
    assert body[16:] == msgpack.packb(content)
    assert type(content[0]) is int


@pytest.mark.parametrize(
    "content", [[], [0], [-1], [MAX_KIND + 1], [True], ["1"], [None], [1.0], [[1]], 1, None, b"x"]
)
def test_content_begins_with_its_kind(content: Any) -> None:
    with pytest.raises(InvalidEntry):
        content_of(bytes(16) + msgpack.packb(content))


@pytest.mark.parametrize(
    "content", [b"\xdc\x00\x01\x01", b"\x91\xcc\x01", b"\x91\xd0\x01", b"\x91\x01\x00", b"\x92\x01"]
)
def test_content_in_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(NotCanonical):
        content_of(bytes(16) + content)


@pytest.mark.parametrize("extra", [1.5, float("nan"), {}, [[{}]], msgpack.ExtType(5, b""), [[[[[[[[]]]]]]]]])
def test_content_holds_no_value_that_the_format_lacks(extra: Any) -> None:
    with pytest.raises(NotCanonical):
        content_of(bytes(16) + msgpack.packb([1, "text", "en", extra]))


def test_a_body_is_bounded_when_it_is_made() -> None:
    room = MAX_BODY_BYTES - 16 - 5
    assert len(make_body(bytes(16), [1, b"x" * room])) == MAX_BODY_BYTES
    with pytest.raises(TooLarge, match="32769"):
        make_body(bytes(16), [1, b"x" * (room + 1)])
    with pytest.raises(ValueError, match="16 bytes"):
        make_body(bytes(15), [1])
    with pytest.raises(TypeError):
        make_body(bytes(16), [1, 1.5])
