"""Bodies, packets, messages and operations of the messenger: round trips, noise, and every limit."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.messenger import bodies, operations
from node.apps.messenger.bodies import (
    MAX_ATTACHMENTS,
    MAX_EXPIRES_S,
    MAX_HEADS,
    MAX_INDEX,
    MAX_ITEMS,
    MAX_NAME_CHARS,
    MAX_PLACES,
    MAX_SIZE,
    MAX_UNSENT,
    Ask,
    Attachment,
    Delivered,
    Got,
    History,
    Item,
    Key,
    Own,
    Packet,
    Payload,
    Read,
    Said,
    Sealed,
    Text,
    Told,
    Unsend,
    Want,
)
from node.apps.messenger.operations import Add, Change, Create, Promote, Remove, Rename
from node.secrecy.bundles import Bundle
from node.testing.people import NETWORK
from store.codec import encode
from store.entry import make_body
from store.ids import AuthorId, EntryId, LogNo

SALT = bytes(16)
ID = bytes(range(32))
TAG = bytes(range(8))
GROUP = bytes(range(16))
ALICE, BOB = AuthorId(b"a" * 32), AuthorId(b"b" * 32)
FILE = Attachment(ID, 100, b"k" * 32, "Plan.pdf", "application/pdf", 90)
NOISE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=25,
)

PAYLOADS: tuple[Payload, ...] = (
    Text(""),
    Text("Привет\nдва", ID, 86_400, (FILE, FILE._replace(name="", media_type="", plain_size=0, size=0))),
    Text("x", b"", MAX_EXPIRES_S, (FILE,) * MAX_ATTACHMENTS),
    bodies.Change((b"", b"op")),
    Told(((b"op", 0), (b"other", MAX_SIZE))),
    Unsend((EntryId(ID),) * MAX_UNSENT),
)
ITEMS: tuple[Item, ...] = (
    Key(GROUP, b"k" * 229),
    Got((TAG,) * MAX_PLACES),
    Delivered(((TAG, 0), (TAG, MAX_INDEX))),
    Read(()),
    Ask(()),
    Own((("read", GROUP, 7), ("accepted", ID))),
    History(ID, MAX_SIZE, b"k" * 32),
    Want(GROUP),
)
CHANGES: tuple[Change, ...] = (
    Create("Küche", ((ALICE, True), (BOB, False))),
    Add((ALICE, BOB), True),
    Remove(BOB, ((BOB, 0), (ALICE, 2**40 - 1))),
    Promote(BOB),
    Rename("x" * operations.MAX_TITLE_CHARS),
)


# --- round trips --------------------------------------------------------------------------------------


def test_bodies_come_back_as_they_were_composed() -> None:
    bundle = Bundle(b"i" * 32, b"f" * 32, b"e" * 1216)
    assert bodies.parse(bodies.compose_bundle(bundle, SALT)) == bundle
    assert bodies.parse(bodies.compose_sealed(TAG, b"m", (), SALT)) == Sealed(TAG, b"m", ())
    blobs = ((ID, 0), (ID[::-1], MAX_SIZE))
    assert bodies.parse(bodies.compose_sealed(TAG, b"m", blobs, SALT)) == Sealed(TAG, b"m", blobs)
    assert bodies.parse(bodies.compose_packet(b"sealed", SALT)) == Packet(b"sealed")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: type(payload).__name__)
@pytest.mark.parametrize("heads", [(), (GROUP,) * MAX_HEADS])
def test_messages_come_back_as_they_were_written(payload: Payload, heads: tuple[bytes, ...]) -> None:
    assert bodies.read_message(bodies.write_message(GROUP, heads, payload)) == Said(GROUP, heads, payload)


@pytest.mark.parametrize("text", [payload for payload in PAYLOADS if isinstance(payload, Text)])
def test_a_text_comes_back_from_its_row(text: Text) -> None:
    assert bodies.text_of_content(bodies.content_of(text)) == text


@pytest.mark.parametrize("content", [b"", encode([106, ID]), encode([2, []]), b"\xff"])
def test_a_row_that_holds_no_text_gives_none(content: bytes) -> None:
    assert bodies.text_of_content(content) is None


def test_packets_come_back_as_they_were_written() -> None:
    found = bodies.read_items(bodies.write_items(ALICE, BOB, ITEMS))
    assert found == bodies.Items(ALICE, BOB, ITEMS)
    for item in ITEMS:
        assert bodies.read_item(bodies.write_item(item)) == (item,)


@pytest.mark.parametrize("kind", [0, 1])
def test_what_is_in_an_envelope_comes_back(kind: int) -> None:
    assert bodies.read_olm(bodies.write_olm(kind, b"olm")) == (kind, b"olm")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_operations_come_back_as_they_were_composed(change: Change) -> None:
    is_create = isinstance(change, Create)
    group, deps = (b"", ()) if is_create else (GROUP, (GROUP, GROUP[::-1]))
    data = operations.compose(group, ALICE, BOB, deps, bytes(8), change)
    found = operations.parse(NETWORK, data)
    assert found is not None
    assert found[2:] == (ALICE, BOB, deps, change)
    assert found.conversation == (operations.group_id(data) if is_create else GROUP)
    assert found.id == operations.op_id(NETWORK, data)
    assert found.id != operations.op_id(type(NETWORK)(bytes(32)), data)


# --- what is bound to what ----------------------------------------------------------------------------


def test_a_binding_and_an_envelope_are_of_one_place_alone() -> None:
    bindings = {
        bodies.binding(network, group, device)
        for network in (NETWORK, type(NETWORK)(bytes(32)))
        for group in (GROUP, GROUP[::-1])
        for device in (ALICE, BOB)
    }
    infos = {
        bodies.packet_info(network, device, LogNo(log))
        for network in (NETWORK, type(NETWORK)(bytes(32)))
        for device in (ALICE, BOB)
        for log in (16, 17)
    }
    assert len(bindings) == 8
    assert len(infos) == 8


@given(st.binary(min_size=32, max_size=32))
def test_a_box_is_one_of_sixteen(device: bytes) -> None:
    assert 16 <= bodies.box_of(AuthorId(device)) < 32


@given(st.binary(min_size=8, max_size=8))
def test_a_tag_is_a_number_that_tables_hold(tag: bytes) -> None:
    assert bodies.tag_number(tag).to_bytes(8, "big", signed=True) == tag


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        [112, b"i" * 31, b"f" * 32, b"e" * 1216],
        [112, b"i" * 32, b"f" * 32, b"e" * 1215],
        [112, b"i" * 32, b"f" * 32],
        [113, b"t" * 7, b"m"],
        [113, TAG, "m"],
        [113, TAG, b"m", [[ID, -1]]],
        [113, TAG, b"m", [[ID, True]]],
        [113, TAG, b"m", [[ID[1:], 1]]],
        [113, TAG, b"m", [[ID, 1]] * (MAX_ATTACHMENTS + 1)],
        [113, TAG, b"m", ID],
        [114, "x"],
        [114],
        [115, b"x"],
        [True],
    ],
)
def test_a_body_that_breaks_a_rule_is_none(content: list[Any]) -> None:
    assert bodies.parse(make_body(SALT, content)) is None


def test_what_a_later_version_appends_is_ignored() -> None:
    assert bodies.parse(make_body(SALT, [113, TAG, b"m", [], "later"])) == Sealed(TAG, b"m", ())
    assert bodies.parse(make_body(SALT, [114, b"x", 7])) == Packet(b"x")
    assert bodies.read_olm(encode([1, 0, b"olm", 9])) == (0, b"olm")
    assert bodies.read_items(encode([1, ALICE, BOB, [[900, 1], [8, GROUP, 1]], 2])) == bodies.Items(
        ALICE, BOB, (Want(GROUP),)
    )
    said = bodies.read_message(encode([1, GROUP, [], 4, [], "later"]))
    assert said == Said(GROUP, (), Unsend(()))


@pytest.mark.parametrize(
    "value", [[2, 0, b"m"], [1, 2, b"m"], [1, False, b"m"], [1, 0, "m"], [True, 0, b"m"], 1]
)
def test_an_envelope_that_holds_something_else_is_none(value: Any) -> None:
    assert bodies.read_olm(encode(value)) is None


@pytest.mark.parametrize(
    "value",
    [
        [2, ALICE, BOB, []],
        [1, ALICE[1:], BOB, []],
        [1, ALICE, BOB, [[8, GROUP]] * (MAX_ITEMS + 1)],
        [1, ALICE, BOB, b""],
        [1, ALICE, BOB],
    ],
)
def test_a_packet_that_breaks_a_rule_is_none(value: Any) -> None:
    assert bodies.read_items(encode(value)) is None


@pytest.mark.parametrize(
    "item",
    [
        [1, GROUP[1:], b"k"],
        [1, GROUP, "k"],
        [2, [TAG] * (MAX_PLACES + 1)],
        [2, [TAG[1:]]],
        [3, [[TAG, -1]]],
        [3, [[TAG, MAX_INDEX + 1]]],
        [3, [[TAG, True]]],
        [4, [[TAG, 1, 2]]],
        [5, TAG],
        [6, [[]]],
        [6, [[7, "read"]]],
        [6, [["read", GROUP, 2**63]]],
        [7, ID, 2**63, b"k" * 32],
        [7, ID, 1, b"k"],
        [8, ID],
        8,
    ],
)
def test_an_item_that_breaks_a_rule_is_left_out_alone(item: Any) -> None:
    found = bodies.read_items(encode([1, ALICE, BOB, [item, [8, GROUP]]]))
    assert found == bodies.Items(ALICE, BOB, (Want(GROUP),))


@pytest.mark.parametrize(
    "value",
    [
        [2, GROUP, [], 1, "x", b"", 0, []],
        [True, GROUP, [], 1, "x", b"", 0, []],
        [1, ID, [], 1, "x", b"", 0, []],
        [1, GROUP, [ID], 1, "x", b"", 0, []],
        [1, GROUP, [GROUP] * (MAX_HEADS + 1), 1, "x", b"", 0, []],
        [1, GROUP, [], 1, b"x", b"", 0, []],
        [1, GROUP, [], 1, "x", TAG, 0, []],
        [1, GROUP, [], 1, "x", b"", -1, []],
        [1, GROUP, [], 1, "x", b"", True, []],
        [1, GROUP, [], 1, "x", b"", MAX_EXPIRES_S + 1, []],
        [1, GROUP, [], 1, "x", b"", 0, [list(FILE)] * (MAX_ATTACHMENTS + 1)],
        [1, GROUP, [], 1, "x", b"", 0, [list(FILE._replace(size=89))]],
        [1, GROUP, [], 1, "x", b"", 0, [list(FILE._replace(size=MAX_SIZE + 1))]],
        [1, GROUP, [], 1, "x", b"", 0, [list(FILE._replace(key=TAG))]],
        [1, GROUP, [], 1, "x", b"", 0, [list(FILE._replace(name="n" * (MAX_NAME_CHARS + 1)))]],
        [1, GROUP, [], 1, "x", b"", 0],
        [1, GROUP, [], 2, ["x"]],
        [1, GROUP, [], 3, [[b"op", -1]]],
        [1, GROUP, [], 3, [[b"op", 2**63]]],
        [1, GROUP, [], 4, [ID] * (MAX_UNSENT + 1)],
        [1, GROUP, [], 4, [TAG]],
        [1, GROUP, [], 9],
        [1, GROUP, []],
        [1],
        [],
        None,
    ],
)
def test_a_message_that_breaks_a_rule_is_none(value: Any) -> None:
    assert bodies.read_message(encode(value)) is None


HEAD = [1, GROUP, ALICE, BOB, [GROUP], bytes(8)]


@pytest.mark.parametrize(
    "value",
    [
        [2, *HEAD[1:], 4, BOB],
        [True, *HEAD[1:], 4, BOB],
        [1, GROUP[1:], *HEAD[2:], 4, BOB],
        [1, b"", *HEAD[2:], 4, BOB],
        [1, GROUP, ALICE, BOB, [], bytes(8), 4, BOB],
        [1, GROUP, ALICE, BOB, [GROUP, GROUP], bytes(8), 4, BOB],
        [1, GROUP, ALICE, BOB, [ID], bytes(8), 4, BOB],
        [1, GROUP, ALICE[1:], BOB, [GROUP], bytes(8), 4, BOB],
        [1, GROUP, ALICE, BOB, [GROUP], bytes(7), 4, BOB],
        [1, GROUP, ALICE, BOB, [bytes((n,)) * 16 for n in range(17)], bytes(8), 4, BOB],
        [*HEAD, 1, "name", [[ALICE, True]]],
        [1, b"", ALICE, BOB, [GROUP], bytes(8), 1, "name", [[ALICE, True]]],
        [1, b"", ALICE, BOB, [], bytes(8), 1, "name", []],
        [1, b"", ALICE, BOB, [], bytes(8), 1, "name", [[ALICE, 1]]],
        [1, b"", ALICE, BOB, [], bytes(8), 1, "", [[ALICE, True]]],
        [1, b"", ALICE, BOB, [], bytes(8), 1, "two\nlines", [[ALICE, True]]],
        [1, b"", ALICE, BOB, [], bytes(8), 1, "x" * 65, [[ALICE, True]]],
        [
            1,
            b"",
            ALICE,
            BOB,
            [],
            bytes(8),
            1,
            "x",
            [[bytes((n // 256, n % 256)) * 16, True] for n in range(501)],
        ],
        [*HEAD, 2, [], True],
        [*HEAD, 2, [BOB], 1],
        [*HEAD, 2, [BOB[1:]], True],
        [*HEAD, 3, BOB, [[BOB, -1]]],
        [*HEAD, 3, BOB, [[BOB, True]]],
        [*HEAD, 3, BOB, [[BOB, 2**40]]],
        [*HEAD, 3, BOB, [[bytes((n,)) * 32, 1] for n in range(65)]],
        [*HEAD, 3, BOB[1:], []],
        [*HEAD, 4, BOB, 1],
        [*HEAD, 5, " x"],
        [*HEAD, 5, "\u202ex"],
        [*HEAD, 6],
        [*HEAD, True, "x", []],
        HEAD,
    ],
)
def test_an_operation_that_breaks_a_rule_is_none(value: Any) -> None:
    assert operations.parse(NETWORK, encode(value)) is None


# --- laws ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(NOISE, st.sampled_from((1, 112, 113, 114, GROUP)))
def test_values_of_any_shape_never_raise(value: Any, first: Any) -> None:
    content = [first, *value] if isinstance(value, list) else [first, value]
    data = encode(content)
    bodies.parse(make_body(SALT, content))
    bodies.read_olm(data)
    bodies.read_items(data)
    bodies.read_item(data)
    bodies.read_message(data)
    operations.parse(NETWORK, data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_noise_never_raises(data: bytes) -> None:
    for read in (
        bodies.parse,
        bodies.read_olm,
        bodies.read_items,
        bodies.read_message,
        bodies.text_of_content,
    ):
        assert read(data) is None or isinstance(read(data), tuple)
    assert operations.parse(NETWORK, data) is None
    assert bodies.read_item(data) == () or data


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_message_that_is_cut_or_longer_is_none(data: st.DataObject) -> None:
    whole = bodies.write_message(GROUP, (GROUP,), data.draw(st.sampled_from(PAYLOADS)))
    assert bodies.read_message(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None
    assert bodies.read_message(whole + data.draw(st.binary(min_size=1, max_size=4))) is None


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_an_operation_with_one_flipped_bit_is_another_one_or_none(data: st.DataObject) -> None:
    change = data.draw(st.sampled_from(CHANGES[1:]))
    whole = operations.compose(GROUP, ALICE, BOB, (GROUP,), bytes(8), change)
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    before, after = operations.parse(NETWORK, whole), operations.parse(NETWORK, bytes(flipped))
    assert before is not None
    assert after is None or after.id != before.id
