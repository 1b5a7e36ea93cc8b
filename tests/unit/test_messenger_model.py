"""What holds of the messenger whatever happens: devices of several people, and everything that can go wrong.

Messages are sent, entries come late, in parts, in any order and again; processes end in the middle of a step
and before their changes are on the disk; groups change in several places at once; devices come and are
revoked. When all is at rest: who should read a message reads it once, nobody else can, no key was used twice,
and all agree on who belongs to the group.
"""
# long because what may happen and what has to hold after it are read together

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.apps.messenger import bodies, conversations, groups, receipts, sending, standing, upkeep
from node.apps.messenger.bodies import Packet, Sealed, Text, tag_number
from node.apps.messenger.conversations import Conversation, Kind, State
from node.apps.messenger.desk import DAY_MS, Desk
from node.errors import NodeError
from node.secrecy.broadcast import Receiver
from node.secrecy.envelope import EnvelopeKey
from node.secrecy.errors import SecrecyError
from node.testing.correspondence import PICKLE_KEY, Device, Post
from node.testing.people import NETWORK
from store.entry import Entry
from store.ids import LOG_BOX_0, LOG_SEALED, AuthorId, EntryId

MINUTE_MS = 60_000
PAUSES_MS = (200, 2_000, MINUTE_MS, 20 * MINUTE_MS, 7 * 60 * MINUTE_MS, 2 * DAY_MS)
REST_MS = 4 * DAY_MS
"""Until all is at rest: longer than the longest pause between two tries."""


class Message(NamedTuple):
    """What somebody sent, and who was to read it when it was sent."""

    entry: EntryId
    text: str
    sender: AuthorId
    conversation: bytes
    readers: frozenset[AuthorId]
    heads: tuple[bytes, ...]


class World:
    """Some people with some devices, and what they did."""

    def __init__(self, devices: Iterable[int]) -> None:
        """`devices`: how many each person has."""
        self.post = Post()
        self.numbers = count(1)
        self.messages: list[Message] = []
        self.entries: dict[EntryId, Entry] = {}
        """All that ever left a device."""
        self.people: list[bytes] = []
        self.revoked: set[AuthorId] = set()
        for person, devices_of in enumerate(devices):
            who = None
            for number in range(devices_of):
                who = self.post.join(f"{person}-{number}", who).who
            assert who is not None
            self.people.append(who)
        self.post.meet()

    def at(self, number: int) -> Device:
        """One of the devices that are honest and not revoked."""
        honest = [each for each in self.post.devices.values() if each.device not in self.revoked]
        return honest[number % len(honest)]

    def any(self, number: int) -> Device:
        """One of all devices."""
        every = list(self.post.devices.values())
        return every[number % len(every)]

    def do(self, device: Device, step: Callable[[Desk], None], crash_after: int | None = None) -> None:
        with suppress(NodeError):  # refused with a reason: nothing was changed
            self.keep(device.do(step, crash_after))

    def keep(self, entries: Iterable[Entry]) -> None:
        self.entries.update((entry.id, entry) for entry in entries)

    # --- what people do -------------------------------------------------------------------------------

    def send(self, device: Device, find: Callable[[Desk], Conversation | None], crash: int | None) -> None:
        text = f"message {next(self.numbers)}"
        made: list[Message] = []

        def step(desk: Desk) -> None:
            conversation = find(desk)
            if conversation is None or conversation.state is State.LEFT:
                return

            def stored(n: int, entry: Entry) -> None:
                readers = frozenset(self.readers(desk, conversation)) - {device.device}
                heads = () if conversation.kind is Kind.DIRECT else groups.heads(desk, conversation.id)
                made.append(Message(entry.id, text, device.device, conversation.id, readers, heads))

            sending.send_text(desk, conversation, Text(text), stored)

        self.do(device, step, crash)
        self.messages += [message for message in made if message.entry in self.entries]

    @staticmethod
    def readers(desk: Desk, conversation: Conversation) -> list[AuthorId]:
        """Who is to read what is said now, as far as the sender knows."""
        if conversation.kind is Kind.DIRECT:
            assert conversation.other is not None
            whom = {desk.world.who, conversation.other}
        else:
            whom = set(standing.load(desk, conversation.id).members)
        return [device for who in whom for device in desk.world.devices(who)]

    def change_group(self, device: Device, which: int, change: int, whom: int, crash: int | None) -> None:
        who = self.people[whom % len(self.people)]

        def step(desk: Desk) -> None:
            group = group_at(desk, which)
            if group is None:
                return
            match change % 5:
                case 0:
                    groups.invite(desk, sending.say, group, [who], admin=bool(whom % 2))
                case 1:
                    groups.remove(desk, sending.say, group, who)
                case 2:
                    groups.remove(desk, sending.say, group, desk.world.who)
                case 3:
                    groups.promote(desk, sending.say, group, who)
                case _:
                    groups.rename(desk, sending.say, group, f"name {next(self.numbers)}")

        self.do(device, step, crash)

    def command(self, kind: str, a: int, b: int, c: int) -> None:
        """One thing that happens."""
        device, crash = self.at(a), c // 4 if c >= 8 else None
        match kind:
            case "direct":
                who = self.people[b % len(self.people)]
                self.send(device, lambda desk: conversations.direct(desk, who), crash)
            case "say":
                self.send(device, lambda desk: group_at(desk, b), crash)
            case "create":
                members = [who for number, who in enumerate(self.people) if b >> number & 1]
                self.do(device, lambda desk: _create(desk, members), crash)
            case "change":
                self.change_group(device, c, b, c, crash)
            case "carry":
                self.post.carry(self.any(a), self.any(b), limit=1 + c * c, first=c, bare=c % 5 == 4)
            case "exchange":
                self.keep_exchange()
            case "take":
                device.take(1 + c)
            case "keep_up":
                self.do(device, upkeep.keep_up, crash)
            case "wait":
                self.post.now_ms += PAUSES_MS[b % len(PAUSES_MS)]
            case "power":
                device.lose_power()
            case "again":
                device.fold_again(1 + b)
            case "read":
                self.do(device, lambda desk: _read(desk, b), crash)
            case "unsend":
                self.unsend(device, b, crash)
            case "join":
                self.join(self.people[b % len(self.people)])
            case "revoke":
                self.revoke(device)

    def unsend(self, device: Device, which: int, crash: int | None) -> None:
        """Somebody takes back a message of his own; it counts for nothing any more."""
        own = [each for each in self.messages if each.sender == device.device]
        if not own:
            return
        message = own[which % len(own)]

        def step(desk: Desk) -> None:
            conversation = conversations.find(desk.views, message.conversation)
            assert conversation is not None
            sending.unsend(desk, conversation, [message.entry])

        before = len(self.entries)
        self.do(device, step, crash)
        if len(self.entries) > before:
            self.messages.remove(message)

    def join(self, who: bytes) -> None:
        if len(self.post.devices) < 7:
            self.post.join(f"late-{len(self.post.devices)}", who)
            newest = list(self.post.devices.values())[-1]
            self.post.carry(next(iter(self.post.devices.values())), newest, limit=0)
            self.post.carry(newest, next(iter(self.post.devices.values())), limit=0)

    def revoke(self, device: Device) -> None:
        """A device is lost: whoever has it goes on receiving with it, and what it says is not believed."""
        if len(self.post.devices) - len(self.revoked) < 3:
            return
        others = [each for each in self.post.devices.values() if each.who == device.who]
        if all(each.device in self.revoked or each is device for each in others):
            return  # the last device of a person is not revoked: nobody could speak for him
        self.revoked.add(device.device)
        self.at(0).revoked.add(device.device)

    def keep_exchange(self) -> None:
        self.post.exchange()
        self.collect()

    def collect(self) -> None:
        for device in self.post.devices.values():
            self.keep(each for each in device.entries_held if each.author == device.device)

    def settle(self) -> None:
        """All meet, again and again, until nothing is left to say."""
        self.post.meet()
        self.post.settle(REST_MS)
        self.collect()


def _create(desk: Desk, members: list[bytes]) -> None:
    groups.create(desk, sending.say, "Kitchen", members)


def _read(desk: Desk, which: int) -> None:
    found = desk.views.execute("SELECT c FROM chat_conversations ORDER BY c")
    if found:
        conversation = conversations.at(desk.views, found[which % len(found)][0])
        assert conversation is not None
        receipts.read(desk, conversation, desk.now_ms)


def group_at(desk: Desk, which: int) -> Conversation | None:
    """One of the groups that a device knows."""
    rows = desk.views.execute("SELECT id FROM chat_conversations WHERE kind = 2 ORDER BY id")
    return conversations.find(desk.views, rows[which % len(rows)][0]) if rows else None


# --- what has to hold ---------------------------------------------------------------------------------


def look_at_groups(world: World) -> None:
    """All who belong to a group see the same members, admins and name."""
    seen: dict[bytes, dict[str, object]] = {}
    for device in live(world):
        for c, name, title in device.rows("SELECT c, id, title FROM chat_conversations WHERE kind = 2"):
            members = dict[bytes, int](device.rows("SELECT who, admin FROM chat_members WHERE c = ?", c))
            if device.who in members:
                seen.setdefault(name, {})[device.name] = (members, title)
    open_ = left_open(world)
    for name, views in seen.items():
        assert name in open_ or len({repr(view) for view in views.values()}) == 1, views


def left_open(world: World) -> set[bytes]:
    """Groups that a device changed before it was revoked, so that not everybody could read what it did.

    They stay apart until an admin who knows it tells the others, whom a message of his makes ask.
    """
    held: dict[bytes, set[frozenset[bytes]]] = {}
    for device in live(world):
        made: dict[bytes, set[bytes]] = {}
        for name, op, author in device.rows("SELECT conversation, op, device FROM chat_operations"):
            made.setdefault(name, set()).update({op} if author in world.revoked else ())
        for name, ops in made.items():
            held.setdefault(name, set()).add(frozenset(ops))
    return {name for name, views in held.items() if len(views) > 1}


def live(world: World) -> list[Device]:
    return [each for each in world.post.devices.values() if each.device not in world.revoked]


def look_at_messages(world: World) -> None:
    """Who should read a message has it once; nobody else has it at all."""
    shown = {
        device.device: Counter(
            EntryId(entry) for (entry,) in device.rows("SELECT entry FROM chat_messages WHERE kind = 1")
        )
        for device in world.post.devices.values()
    }
    open_ = left_open(world)
    for message in world.messages:
        counts = is_to_be_shown(world, message)
        for device in world.post.devices.values():
            times = shown[device.device][message.entry]
            if device.device not in message.readers and device.device != message.sender:
                assert times == 0, ("read by who should not", device.name, message)
            elif {message.sender, device.device} & world.revoked or message.conversation in open_:
                assert times <= 1
            elif device.device == message.sender or counts(device):
                assert times == 1, ("not read", device.name, message)


def is_to_be_shown(world: World, message: Message) -> Callable[[Device], bool]:
    """Does a message count for a device? One of a group if its owner belongs to it and its sender did."""
    author = world.post.devices[message.sender]
    entry = world.entries[message.entry]

    def counts(device: Device) -> bool:
        if not message.heads:
            return True
        result = [False]

        def step(desk: Desk) -> None:
            membership = standing.load(desk, message.conversation)
            result[0] = device.who in membership.members and membership.may_speak(
                author.who, message.sender, entry.seq, message.heads
            )

        device.do(step)
        return result[0]

    return counts


def look_at_keys(world: World) -> None:
    """No place of a session was used for two entries, and only those who were meant have the key to it."""
    readable = {message.entry: message.readers | {message.sender} for message in world.messages}
    used: dict[tuple[AuthorId, bytes, int], EntryId] = {}
    for device in world.post.devices.values():
        sessions = {
            (author, tag): Receiver.load(pickle, PICKLE_KEY)
            for author, tag, pickle in device.rows("SELECT device, tag, pickle FROM chat_sessions")
        }
        for entry in world.entries.values():
            found = bodies.parse(entry.body or b"") if entry.log == LOG_SEALED else None
            if not isinstance(found, Sealed):
                continue
            receiver = sessions.get((entry.author, tag_number(found.tag)))
            try:
                index = None if receiver is None else receiver.decrypt(found.message)[0]
            except SecrecyError:
                index = None
            if index is None:
                continue
            place = (entry.author, found.tag, index)
            assert used.setdefault(place, entry.id) == entry.id, "a place of a session was used twice"
            if entry.id in readable:
                assert device.device in readable[entry.id], ("readable by who should not", device.name)


def look_at_packets(world: World) -> None:
    """Every packet has its own key agreement, and no place of an Olm session was used twice."""
    keys = {
        device.device: [EnvelopeKey(private) for private in device.private_keys]
        for device in world.post.devices.values()
    }
    agreements: set[bytes] = set()
    used: set[bytes] = set()
    for entry in world.entries.values():
        found = bodies.parse(entry.body or b"") if entry.log >= LOG_BOX_0 else None
        if not isinstance(found, Packet):
            continue
        assert found.envelope[:1120] not in agreements
        agreements.add(found.envelope[:1120])
        info = bodies.packet_info(NETWORK, entry.author, entry.log)
        for private in (each for device in keys.values() for each in device):
            try:
                olm = bodies.read_olm(private.open_(info, found.envelope))
            except SecrecyError:
                continue
            assert olm is not None
            place = ratchet_place(*olm)
            assert place not in used, "a place of an Olm session was used twice"
            used.add(place)
            break
        else:
            raise AssertionError("a packet that nobody can open")


def ratchet_place(kind: int, message: bytes) -> bytes:
    """Ratchet key and chain index of an Olm message: what its key comes from. Both stand before the text."""
    if kind == 0:
        at = 1
        while message[at] != 0x22:  # fields of 32 bytes each, then the message itself
            at += 2 + message[at + 1]
        at += 1
        while message[at] & 0x80:
            at += 1
        message = message[at + 1 :]
    assert message[1:3] == b"\x0a\x20"
    assert message[35] == 0x10
    end = 36
    while message[end] & 0x80:
        end += 1
    return message[3 : end + 1]


RECEIPTS = "SELECT entry, r.device FROM chat_receipts AS r JOIN chat_messages USING (n)"
UNSENT_KEYS = "SELECT device, s FROM chat_shares WHERE got_ms = 0 AND next_ms < 1 << 61"


def look_at_words_of_delivery(world: World) -> None:
    """Whoever is here has the keys, and in a conversation of two all is known to have come."""
    for device in live(world):
        for who, s in device.rows("SELECT device, s FROM chat_shares WHERE got_ms = 0 AND next_ms < 1 << 61"):
            assert who in world.revoked, ("a key never came", device.name, s)
    delivered: dict[EntryId, set[bytes]] = {}
    for device in live(world):
        for entry, to in device.rows(
            "SELECT entry, r.device FROM chat_receipts AS r JOIN chat_messages USING (n)"
        ):
            delivered.setdefault(entry, set()).add(to)
    for message in world.messages:
        if not message.heads and message.sender not in world.revoked:
            owner = world.post.devices[message.sender].who
            expected = set(message.readers - world.revoked)
            own = {each for each in expected if world.post.devices[each].who == owner}
            assert delivered.get(message.entry, set()) >= expected - own


def look(world: World) -> None:
    """Everything that has to hold once all is at rest."""
    look_at_groups(world)
    look_at_messages(world)
    look_at_keys(world)
    look_at_packets(world)
    look_at_words_of_delivery(world)


KINDS = (
    ["direct"] * 4
    + ["say"] * 4
    + ["change"] * 3
    + ["create"] * 2
    + ["carry"] * 8
    + ["exchange"] * 3
    + ["take"] * 3
    + ["keep_up"] * 4
    + ["wait"] * 4
    + ["power", "again", "read", "unsend", "join", "revoke"]
)
SMALL = st.integers(0, 11)
COMMANDS = st.lists(st.tuples(st.sampled_from(KINDS), SMALL, SMALL, SMALL), max_size=40)


DEVICES = st.lists(st.integers(1, 2), min_size=2, max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DEVICES, COMMANDS)
def test_whatever_happens_messages_come_once_and_to_nobody_else(
    devices: list[int], commands: list[tuple[str, int, int, int]]
) -> None:
    world = World(devices)
    for command in commands:
        world.command(*command)
    world.settle()
    look(world)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DEVICES, COMMANDS)
def test_whatever_happens_in_a_group_all_who_belong_to_it_agree(
    devices: list[int], commands: list[tuple[str, int, int, int]]
) -> None:
    world = World(devices)
    world.keep_exchange()
    world.command("create", 0, 7, 0)
    world.keep_exchange()
    world.command("change", 0, 1, 3)  # a second admin
    for command in commands:
        world.command(*command)
    world.settle()
    look(world)
