"""One device to many: who has the key reads from its place on, and nobody but the sender writes."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vodozemac import GroupSession

from node.secrecy.broadcast import EXPORT_BYTES, KEY_BYTES, MAX_INDEX, TAG_BYTES, Receiver, Sender
from node.secrecy.errors import Unopenable
from node.secrecy.pairwise import Broken
from store.crypto import digest

KEY = bytes(range(32))


def session() -> tuple[Sender, Receiver]:
    sender = Sender.new()
    return sender, Receiver.from_key(sender.key())


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(10)), st.binary(max_size=300))
def test_messages_are_read_in_any_order_each_with_its_place(order: list[int], data: bytes) -> None:
    sender, receiver = session()
    said = [sender.encrypt(data + bytes([n])) for n in range(10)]
    assert [receiver.decrypt(said[n]) for n in order] == [(n, data + bytes([n])) for n in order]


def test_a_message_can_be_read_again_under_the_same_place() -> None:
    sender, receiver = session()
    message = sender.encrypt(b"hello")
    assert receiver.decrypt(message) == receiver.decrypt(message) == (0, b"hello")


def test_nothing_is_encrypted_twice_under_one_place() -> None:
    sender, receiver = session()
    places = []
    for n in range(5):
        assert sender.index == n
        places.append(receiver.decrypt(sender.encrypt(b"same"))[0])
        sender = Sender.load(sender.dump(KEY), KEY)
    assert places == [0, 1, 2, 3, 4]


def test_a_session_is_named_by_the_digest_of_its_public_key() -> None:
    group = GroupSession()
    raw = base64.b64decode(group.session_id + "=" * (-len(group.session_id) % 4))
    sender = Sender(group)
    receiver = Receiver.from_key(sender.key())
    late = Receiver.from_key(receiver.export_at(3))
    assert sender.tag == receiver.tag == late.tag == digest(b"asterism/tag/1\x00" + raw)[:TAG_BYTES]
    assert Sender.new().tag != sender.tag


@pytest.mark.parametrize("signed", [True, False])
def test_who_comes_later_reads_nothing_from_before(signed: bool) -> None:
    sender, receiver = session()
    early = [sender.encrypt(b"early") for _ in range(3)]
    late = Receiver.from_key(sender.key() if signed else receiver.export_at(3))
    assert late.first == 3
    for message in early:
        with pytest.raises(Unopenable):
            late.decrypt(message)
    with pytest.raises(Unopenable):
        late.export_at(2)
    assert late.decrypt(sender.encrypt(b"late")) == (3, b"late")
    assert [receiver.decrypt(message)[1] for message in early] == [b"early"] * 3


def test_the_two_forms_of_a_key_have_their_lengths() -> None:
    sender, receiver = session()
    assert len(sender.key()) == KEY_BYTES
    assert len(receiver.export_at(0)) == EXPORT_BYTES


@pytest.mark.parametrize("place", [-1, MAX_INDEX + 1, 2**70])
def test_a_key_for_no_place_is_not_given(place: int) -> None:
    with pytest.raises(Unopenable):
        session()[1].export_at(place)


def test_a_message_of_another_session_stays_closed() -> None:
    sender, _ = session()
    _, other = session()
    with pytest.raises(Unopenable):
        other.decrypt(sender.encrypt(b"a"))


def test_who_reads_cannot_write() -> None:
    sender, receiver = session()
    message = sender.encrypt(b"a")
    impostor, _ = session()
    forged = impostor.encrypt(b"b")
    for mixed in (message[:-64] + forged[-64:], forged[:-64] + message[-64:], message[:-64] + bytes(64)):
        with pytest.raises(Unopenable):
            receiver.decrypt(mixed)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_message_is_refused_or_it_is_the_same_in_other_bytes(data: st.DataObject) -> None:
    sender, receiver = session()
    message = sender.encrypt(b"good morning")
    bit = data.draw(st.integers(0, len(message) * 8 - 1))
    flipped = bytearray(message)
    flipped[bit // 8] ^= 1 << bit % 8
    with suppress(Unopenable):
        assert receiver.decrypt(bytes(flipped)) == (0, b"good morning")
    cut = message[: data.draw(st.integers(0, len(message) - 1))]
    for bad in (cut, data.draw(st.binary(max_size=300))):
        with pytest.raises(Unopenable):
            receiver.decrypt(bad)
    assert receiver.decrypt(message) == (0, b"good morning")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_key_that_was_changed_is_refused(data: st.DataObject) -> None:
    key = Sender.new().key()
    bit = data.draw(st.integers(0, len(key) * 8 - 1))
    flipped = bytearray(key)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = key[: data.draw(st.integers(0, len(key) - 1))]
    for bad in (bytes(flipped), cut, key + b"\x00", data.draw(st.binary(min_size=160, max_size=230))):
        with pytest.raises(Unopenable):
            Receiver.from_key(bad)


def test_both_ends_go_on_after_they_were_kept_and_loaded() -> None:
    sender, receiver = session()
    first = sender.encrypt(b"first")
    sender, receiver = Sender.load(sender.dump(KEY), KEY), Receiver.load(receiver.dump(KEY), KEY)
    assert receiver.decrypt(first) == (0, b"first")
    assert receiver.decrypt(sender.encrypt(b"second")) == (1, b"second")
    assert sender.tag == receiver.tag


def test_kept_state_opens_under_its_own_key_alone_and_only_whole() -> None:
    sender, receiver = session()
    for load, kept in ((Sender.load, sender.dump(KEY)), (Receiver.load, receiver.dump(KEY))):
        for data, key in ((kept, bytes(32)), (kept, KEY[:-1]), (kept[:-1], KEY), (b"", KEY), (b"\xff", KEY)):
            with pytest.raises(Broken):
                load(data, key)


def test_values_do_not_show_their_keys() -> None:
    sender, receiver = session()
    assert (repr(sender), repr(receiver)) == ("Sender(…)", "Receiver(…)")
