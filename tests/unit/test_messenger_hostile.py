"""What hostile devices write: refused without a crash, and the next good message is not lost."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.messenger import bodies, conversations, groups, operations, packets, sending
from node.apps.messenger.bodies import Change, Item, Key, Own, Packet, Payload, Sealed, Text, Told, Unsend
from node.apps.messenger.desk import Desk
from node.apps.messenger.operations import Create
from node.secrecy import envelope, padding
from node.secrecy.broadcast import Sender
from node.secrecy.bundles import Bundle
from node.secrecy.pairwise import Account, Pair
from node.testing.correspondence import Device, Post
from node.testing.people import NETWORK
from store.entry import Entry
from store.ids import LOG_KEYS, LOG_SEALED

WAIT_MS = 3 * 3_600_000
ZERO_POINT = bytes(32)
POINT_OF_SMALL_ORDER = (1).to_bytes(32, "little")


class Circle:
    """Alice, Bob and Eve, who know of each other; Alice and Bob have begun to talk."""

    def __init__(self) -> None:
        self.post = Post()
        self.alice, self.bob, self.eve = map(self.post.join, ("alice", "bob", "eve"))
        self.post.meet()
        self.settle()
        self.first = self.say(self.alice, self.bob, "first")
        self.settle()
        assert self.bob.texts() == ["first"]

    def settle(self) -> None:
        self.post.settle(WAIT_MS)

    def say(self, device: Device, to: Device, text: str) -> Entry:
        """A message, as honest devices send it; its sealed entry."""
        written = device.do(
            lambda desk: sending.send_text(desk, conversations.direct(desk, to.who), Text(text))
        )
        [sealed] = [entry for entry in written if entry.log == LOG_SEALED]
        return sealed

    def is_well(self, *before: str) -> None:
        """Bob has read this and no more, and still reads what is sent to him."""
        self.settle()
        assert sorted(self.bob.texts()) == sorted(before)
        self.say(self.alice, self.bob, "the next one")
        self.settle()
        assert sorted(self.bob.texts()) == sorted((*before, "the next one"))

    def name(self, one: Device, other: Device) -> bytes:
        return conversations.direct_id(NETWORK, one.who, other.who)


@pytest.fixture
def circle() -> Circle:
    return Circle()


def publish(device: Device, compose: Callable[[bytes], bytes], log: int = LOG_SEALED) -> None:
    """An entry with a body of its author's choosing."""
    device.do(lambda desk: desk.write(type(LOG_SEALED)(log), compose))


def sealed_of(entry: Entry) -> Sealed:
    found = bodies.parse(entry.body or b"")
    assert isinstance(found, Sealed)
    return found


def give(device: Device, to: Device, *items: Item) -> None:
    """A packet with items of its author's choosing."""
    device.do(lambda desk: _give(desk, to, items))


def _give(desk: Desk, to: Device, items: Sequence[Item]) -> None:
    assert packets.write(desk, to.device, items)


def speak(
    device: Device,
    to: Device,
    conversation: bytes,
    payload: Payload,
    heads: Sequence[bytes] = (),
    bound: bytes | None = None,
    sender: Sender | None = None,
) -> Sender:
    """A message in any conversation, under a session of its own."""
    sender = sender or Sender.new()
    give(device, to, Key(conversation, sender.key()))
    binding = bound or bodies.binding(NETWORK, conversation, device.device)
    plain = bodies.write_message(binding, heads, payload)
    message = sender.encrypt(padding.pad(plain, padding.MESSAGE_CLASSES))
    publish(device, lambda salt: bodies.compose_sealed(sender.tag, message, (), salt))
    return sender


# --- ciphertexts --------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_ciphertext_that_was_cut_or_flipped_says_nothing_new(data: st.DataObject) -> None:
    circle = Circle()
    tag, message, _ = sealed_of(circle.first)
    at = data.draw(st.integers(0, len(message) - 1))
    bit = data.draw(st.integers(0, 8))
    spoiled = message[:at] if bit == 8 else message[:at] + bytes([message[at] ^ 1 << bit]) + message[at + 1 :]
    publish(circle.alice, lambda salt: bodies.compose_sealed(tag, spoiled, (), salt))
    circle.is_well("first")


def test_a_ciphertext_that_is_sent_again_by_its_author_is_shown_once(circle: Circle) -> None:
    tag, message, _ = sealed_of(circle.first)
    publish(circle.alice, lambda salt: bodies.compose_sealed(tag, message, (), salt))
    circle.is_well("first")


def test_a_ciphertext_that_is_sent_by_another_member_is_not_shown_as_his(circle: Circle) -> None:
    sealed = circle.say(circle.alice, circle.eve, "for Eve")
    tag, message, _ = sealed_of(sealed)
    circle.settle()
    [(pickle,)] = circle.eve.rows("SELECT pickle FROM chat_sessions WHERE tag = ?", bodies.tag_number(tag))
    assert pickle
    publish(circle.eve, lambda salt: bodies.compose_sealed(tag, message, (), salt))
    circle.settle()
    assert circle.alice.texts() == ["first", "for Eve"]
    circle.is_well("first")


def test_a_session_speaks_in_the_conversation_of_its_key_alone(circle: Circle) -> None:
    ours, others = circle.name(circle.eve, circle.bob), circle.name(circle.alice, circle.bob)
    bound = bodies.binding(NETWORK, others, circle.eve.device)
    sender = speak(circle.eve, circle.bob, ours, Text("moved"), bound=bound)
    give(circle.eve, circle.bob, Key(others, sender.key()))
    circle.is_well("first")


def test_a_third_person_says_nothing_in_a_conversation_of_two(circle: Circle) -> None:
    speak(circle.eve, circle.bob, circle.name(circle.alice, circle.bob), Text("I am Alice"))
    circle.is_well("first")
    assert circle.bob.rows("SELECT count(*) FROM chat_messages WHERE who = ?", circle.eve.who) == [(0,)]


def test_nobody_takes_back_what_somebody_else_said(circle: Circle) -> None:
    speak(circle.eve, circle.bob, circle.name(circle.eve, circle.bob), Unsend((circle.first.id,)))
    circle.settle()
    late = circle.say(circle.alice, circle.bob, "late")
    speak(circle.eve, circle.bob, circle.name(circle.eve, circle.bob), Unsend((late.id,)))
    circle.is_well("first", "late")


@settings(max_examples=30, deadline=None)
@given(noise=st.binary(min_size=1, max_size=400), log=st.sampled_from([LOG_SEALED, LOG_KEYS, "box"]))
def test_noise_in_any_log_is_passed_over(noise: bytes, log: int | str) -> None:
    circle = Circle()
    number = bodies.box_of(circle.bob.device) if isinstance(log, str) else log
    publish(circle.eve, lambda salt: salt + noise, number)
    circle.is_well("first")


# --- packets and keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["cut", "flipped", "again", "by another"])
def test_a_packet_that_was_changed_or_moved_does_nothing(circle: Circle, change: str) -> None:
    give(circle.alice, circle.bob, Own((("read", circle.name(circle.alice, circle.bob), 1),)))
    [*_, entry] = [each for each in circle.alice.entries_held if each.author == circle.alice.device]
    packet = bodies.parse(entry.body or b"")
    assert isinstance(packet, Packet)
    spoiled = packet.envelope
    if change == "cut":
        spoiled = spoiled[:-1]
    elif change == "flipped":
        spoiled = spoiled[:1200] + bytes([spoiled[1200] ^ 1]) + spoiled[1201:]
    author = circle.eve if change == "by another" else circle.alice
    publish(author, lambda salt: bodies.compose_packet(spoiled, salt), entry.log)
    circle.settle()
    if change != "again":  # only its author can do that, who is then asked to begin anew
        assert circle.bob.rows("SELECT count(*) FROM chat_messages WHERE kind >= 100") == [(0,)]
    circle.is_well("first")


def spoiled_bundles(good: Bundle) -> dict[str, Bundle]:
    return {
        "no point": good._replace(identity=ZERO_POINT),
        "small order": good._replace(fallback=POINT_OF_SMALL_ORDER),
        "small order in the envelope": good._replace(envelope=good.envelope[:-32] + ZERO_POINT),
        "beyond the modulus": good._replace(envelope=b"\xff" * 1184 + good.envelope[1184:]),
        "short": good._replace(identity=good.identity[:-1]),
    }


@pytest.mark.parametrize(
    "which", ["no point", "small order", "small order in the envelope", "beyond the modulus", "short"]
)
def test_keys_that_are_none_are_not_written_to(circle: Circle, which: str) -> None:
    good = circle.eve.bundle(circle.eve.device)
    assert good is not None
    bad = spoiled_bundles(good)[which]
    publish(circle.eve, lambda salt: bodies.compose_bundle(bad, salt), LOG_KEYS)
    circle.settle()
    assert circle.bob.bundle(circle.eve.device) is None
    circle.say(circle.bob, circle.eve, "for Eve")
    circle.settle()
    assert circle.bob.texts() == ["first", "for Eve"]
    circle.is_well("first", "for Eve")


def test_who_gives_out_the_keys_of_somebody_else_reads_and_disturbs_nothing(circle: Circle) -> None:
    stolen = circle.bob.bundle(circle.bob.device)
    assert stolen is not None
    publish(circle.eve, lambda salt: bodies.compose_bundle(stolen, salt), LOG_KEYS)
    circle.settle()
    circle.say(circle.alice, circle.eve, "for Eve")
    circle.settle()
    assert circle.eve.texts() == []
    assert circle.bob.texts() == ["first"]
    circle.is_well("first")


def test_a_packet_meant_for_another_device_leaves_no_session_here(circle: Circle) -> None:
    def step(desk: Desk) -> None:
        bundle = circle.bob.bundle(circle.bob.device)
        assert bundle is not None
        pair = Pair.outbound(_account(desk), bundle.identity, bundle.fallback)
        plain = padding.pad(
            bodies.write_items(circle.alice.device, circle.eve.device, []), padding.PACKET_CLASSES
        )
        log = bodies.box_of(circle.bob.device)
        info = bodies.packet_info(NETWORK, circle.alice.device, log)
        sealed = envelope.seal(bundle.envelope, info, bodies.write_olm(*pair.encrypt(plain)))
        desk.write(log, lambda salt: bodies.compose_packet(sealed, salt))

    sessions = "SELECT id FROM chat_pairs ORDER BY id"
    before = circle.bob.rows(sessions)
    circle.alice.do(step)
    circle.settle()
    assert circle.bob.rows(sessions) == before
    circle.is_well("first")


def _account(desk: Desk) -> Account:
    account = desk.ratchets.account()
    assert account is not None
    return account


@pytest.mark.parametrize(
    "value",
    [
        ("read", bytes(16), 2**64 - 1),
        ("read", None, -1),
        ("accepted", bytes(16), b"nobody"),
        ("direct", bytes(16), bytes(32)),
        ("verified", bytes(32), bytes(32)),
        ("history", 1),
        ("of a later version",),
    ],
)
def test_what_only_devices_of_one_owner_say_is_nothing_from_others(
    circle: Circle, value: tuple[object, ...]
) -> None:
    own = circle.post.join("bob, second", circle.bob.who)
    circle.post.meet()
    circle.settle()
    ours = circle.name(circle.alice, circle.bob)
    spoken = tuple(ours if each in (None, bytes(16)) else each for each in value)
    people = circle.bob.rows("SELECT * FROM chat_people")
    for device in (circle.eve, own):  # another device of his may be of any version
        give(device, circle.bob, Own((spoken,)))
    circle.settle()
    if value[0] != "verified":
        assert circle.bob.rows("SELECT * FROM chat_people") == people
    circle.is_well("first")


# --- groups -------------------------------------------------------------------------------------------


def test_a_group_with_somebody_whom_nobody_knows_is_a_group_of_the_others(circle: Circle) -> None:
    nobody = b"\x07" * 32
    circle.alice.do(
        lambda desk: groups.create(desk, sending.say, "Kitchen", [circle.bob.who, nobody]) and None
    )
    circle.settle()

    def say(desk: Desk) -> None:
        [(name,)] = desk.views.execute("SELECT id FROM chat_conversations WHERE kind = 2")
        conversation = conversations.find(desk.views, name)
        assert conversation is not None
        sending.send_text(desk, conversation, Text("in the kitchen"))

    circle.alice.do(say)
    circle.is_well("first", "in the kitchen")


def test_a_group_made_in_the_name_of_another_is_none(circle: Circle) -> None:
    made = operations.compose(
        b"",
        circle.alice.who,
        circle.alice.device,
        (),
        bytes(8),
        Create("Trap", ((circle.alice.who, True), (circle.bob.who, False))),
    )
    name, op = operations.group_id(made), operations.op_id(NETWORK, made)
    for payload in (Change((made,)), Told(((made, 1),)), Text("in the trap")):
        speak(circle.eve, circle.bob, name, payload, heads=(op,) if isinstance(payload, Text) else ())
    circle.is_well("first")
    assert circle.bob.rows("SELECT count(*) FROM chat_conversations WHERE kind = 2") == [(0,)]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.binary(max_size=60), max_size=3), st.lists(st.binary(min_size=16, max_size=16), max_size=3)
)
def test_operations_that_are_none_change_nothing(noise: list[bytes], heads: list[bytes]) -> None:
    circle = Circle()
    for name in (circle.name(circle.eve, circle.bob), bytes(16)):
        speak(circle.eve, circle.bob, name, Change(tuple(noise)), heads)
        speak(circle.eve, circle.bob, name, Told(tuple((each, 1) for each in noise)), heads)
    circle.is_well("first")
