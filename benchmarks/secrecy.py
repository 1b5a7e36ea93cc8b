"""How fast messages are written and read, beside vodozemac encrypting and decrypting and doing nothing else.

    python benchmarks/secrecy.py [messages]

Two homes of an open circle, with encrypted stores, in one process; nothing goes over a network. Texts of 300
bytes in a running conversation, the session renewed every 1,000 messages as always.

    send     500 messages a step, as who sends many at once does: their ratchet, entries and lines of the
             conversation are durable in one transaction
    receive  500 of them at a time, as run frames of a sync: parsed, checked, appended, then opened and
             stored; the clock stops when they can be read and searched
    open     packets for others that lie in this device's box, each tried with the keys of two weeks: two
             attempts

After each 500 messages vodozemac does as many and nothing else, so that the machine is in the same mood for
both; the last line is one JSON object. `*_ratio` is our rate over that of vodozemac alone. `overhead_bytes`
is by how much an entry is longer than its text, without the padding.
"""

import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

import trio
from ingest import TEXT_BYTES, cut_runs, feed, make_texts
from vodozemac import GroupSession, InboundGroupSession, MegolmMessage

from gossip.net.links import Inflow
from gossip.proto.sync_messages import Run, parse_sync
from node.apps.messenger import bodies, conversations, receiving, sending, upkeep
from node.apps.messenger.bodies import Text
from node.apps.messenger.desk import Desk
from node.author import Author
from node.bus import Bus
from node.desk import Room
from node.home import Home
from node.intake import Intake
from node.limits import THREAD_SWITCH_S
from node.mesh import Mesh
from node.messaging.courier import Courier
from node.messaging.world import HomeWorld
from node.naming import NameBook
from node.secrecy import envelope, padding
from node.secrecy.pairwise import Account
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_KEYS, LOG_SEALED, AuthorId, LogNo
from store.log import LogId
from store.sqlite.home import Peer

MESSAGES = 5_000
AT_ONCE = 500
"""Messages that are durable together."""

RUNNING = 50
"""Messages that the conversation has already."""

PACKETS = 3_000
STRANGERS = 20
ATTEMPTS = 100
MAX_READ_BYTES = 1 << 24


class Synced:
    """In the place of a mesh: nobody is connected."""

    def synced_ms(self) -> dict[AuthorId, int]:
        """When each peer was last in step, Unix ms."""
        return {}

    def last_synced_ms(self, log: LogNo) -> int:
        """When somebody was last in step who had what is for us, Unix ms; 0: nobody since the start."""
        return 0


class Node(NamedTuple):
    """A home at work."""

    home: Home
    intake: Intake
    courier: Courier


def know(home: Home, other: Home) -> None:
    """Put the device of another home on the list of peers."""
    home.tables.put_peer(Peer(other.device, "", (), "", 0))
    home.reload_peers()


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def at_work(home: Home) -> AsyncIterator[Node]:
    """A home with its writer running."""
    intake = Intake(home.shelf, home.network, home.allowed, Bus())
    author = Author(home.key, home.network, intake, now_ms)
    room = Room(home, intake, author, cast(Mesh, Synced()), NameBook(home, now_ms), now_ms)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.run)
        yield Node(home, intake, Courier(room))
        nursery.cancel_scope.cancel()


def log_of(node: Node, log: LogNo, after: int = 0) -> list[Entry]:
    """What a node wrote in a log, after a seq."""
    found: list[Entry] = []
    log_id = LogId(node.home.device, log)
    state = node.intake.state(log_id)
    last = 0 if state is None or state.head is None else state.head.seq
    while after + len(found) < last:
        found += node.home.entries.range(log_id, after + len(found) + 1, last, MAX_READ_BYTES)
    return found


async def take_in(node: Node, logs: Sequence[Sequence[Entry]]) -> None:
    """Take logs in as a sync brings them."""

    async def take(frame: bytes, inflow: Inflow) -> None:
        message = parse_sync(frame)
        assert isinstance(message, Run)
        inflow.add(len(message.entries))
        source = message.entries[0].author
        [verdict] = await node.intake.ingest([message.entries], source, each_signature=False)
        inflow.done(len(message.entries))
        assert type(verdict).__name__ == "Accepted", verdict

    await feed([frame for log in logs for frame in cut_runs(log)], take)


async def read_all(node: Node) -> None:
    """Look at everything that has arrived."""
    while await node.courier.change(lambda desk: receiving.take(desk, ATTEMPTS)):
        pass


async def send(node: Node, to: bytes, texts: Sequence[str]) -> None:
    """Send these texts in one step."""

    def step(desk: Desk) -> None:
        conversation = conversations.direct(desk, to)
        for text in texts:
            sending.send_text(desk, conversation, Text(text))

    await node.courier.compose(step)


async def hand_over(one: Node, other: Node) -> None:
    """Everything that one has written to the other, who looks at it."""
    logs = [log_of(one, log) for log in (LOG_KEYS, bodies.box_of(other.home.device), LOG_SEALED)]
    await take_in(other, [log for log in logs if log])
    await read_all(other)


def shown(node: Node, count: int) -> bool:
    """Are there so many messages to be read?"""
    with node.home.entries.views() as views:
        [(found,)] = views.execute("SELECT count(*) FROM chat_messages WHERE kind = 1")
    return bool(found == count)


# --- what is compared with ----------------------------------------------------------------------------


class Alone:
    """vodozemac, from bytes to bytes, with texts that are padded as ours are."""

    def __init__(self) -> None:
        self._plain = padding.pad(b"a" * (TEXT_BYTES + 40), padding.MESSAGE_CLASSES)
        self._session = GroupSession()
        self._reader = InboundGroupSession(self._session.session_key)
        self._sealed: list[bytes] = []

    def encrypt(self, count: int) -> float:
        """Seconds for so many messages."""
        encrypt = self._session.encrypt
        begun = time.perf_counter()
        self._sealed = [encrypt(self._plain).to_bytes() for _ in range(count)]
        return time.perf_counter() - begun

    def decrypt(self, count: int) -> float:
        """Seconds for so many of those that were encrypted last."""
        decrypt, sealed = self._reader.decrypt, self._sealed[:count]
        begun = time.perf_counter()
        for each in sealed:
            decrypt(MegolmMessage.from_bytes(each))
        return time.perf_counter() - begun


def overhead_of(entry: Entry) -> int:
    """Bytes of an entry that are neither text nor padding."""
    assert entry.body is not None
    found = bodies.parse(entry.body)
    assert isinstance(found, bodies.Sealed)
    padded = min(size for size in padding.MESSAGE_CLASSES if size > TEXT_BYTES)
    text = Text("a" * TEXT_BYTES)
    plain = len(bodies.write_message(bytes(16), (), text))
    entry_bytes = len(entry.header) + len(entry.signature) + len(entry.body)
    return entry_bytes - (padded - plain) - TEXT_BYTES


# --- packets ------------------------------------------------------------------------------------------


async def open_attempts(node: Node, strangers: Sequence[Person]) -> float:
    """Attempts a second at packets that turn out to be for somebody else, one with each key."""
    await node.courier.compose(_rotate)
    box = bodies.box_of(node.home.device)
    other = envelope.public_of(envelope.new_key())
    logs = []
    for stranger in strangers:
        account = Account.new()
        bundle = [bodies.BUNDLE, account.identity, account.fallback, envelope.public_of(envelope.new_key())]
        logs.append([stranger.write(bundle, LOG_KEYS)])
        info = bodies.packet_info(node.home.network, stranger.id, box)
        sealed = [envelope.seal(other, info, bytes(600)) for _ in range(PACKETS // STRANGERS)]
        logs.append([stranger.write([bodies.PACKET, each], box) for each in sealed])
    await take_in(node, logs)
    begun = time.perf_counter()
    await read_all(node)
    seconds = time.perf_counter() - begun
    with node.home.entries.views() as views:
        [(waiting,)] = views.execute("SELECT count(*) FROM chat_packets")
        [(keys,)] = views.execute("SELECT count(*) FROM chat_envelope_keys")
    assert (waiting, keys) == (0, 2)
    return float(PACKETS * keys / seconds)


def _rotate(desk: Desk) -> None:
    """Have the keys of last week as well as those of this one."""
    desk.now_ms += upkeep.ROTATE_MS
    cast(HomeWorld, desk.world).caught_up_ms = desk.now_ms
    upkeep.keep_up(desk)


# --- all together -------------------------------------------------------------------------------------


async def measure_sending(node: Node, to: bytes, texts: Sequence[str]) -> tuple[float, float]:
    """Seconds until all of them are durable, and those of vodozemac alone."""
    alone, ours, bare = Alone(), 0.0, 0.0
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        begun = time.perf_counter()
        await send(node, to, some)
        ours += time.perf_counter() - begun
        bare += alone.encrypt(len(some))
    return ours, bare


async def measure_receiving(node: Node, entries: Sequence[Entry]) -> tuple[float, float]:
    """Seconds until all of them can be read, and those of vodozemac alone."""
    alone, ours, bare = Alone(), 0.0, 0.0
    alone.encrypt(AT_ONCE)
    for start in range(0, len(entries), AT_ONCE):
        some = entries[start : start + AT_ONCE]
        begun = time.perf_counter()
        await take_in(node, [some])
        await read_all(node)
        ours += time.perf_counter() - begun
        bare += alone.decrypt(len(some))
    return ours, bare


async def measure(messages: int, alice: Home, bob: Home, strangers: Sequence[Person]) -> dict[str, float]:
    """All figures."""
    async with at_work(alice) as one, at_work(bob) as other:
        for node in (one, other):
            await node.courier.compose(upkeep.keep_up)
        await hand_over(other, one)
        texts = make_texts(RUNNING + messages, random.Random(1))
        await send(one, bob.device, texts[:RUNNING])
        await hand_over(one, other)
        sending_s, encrypting_s = await measure_sending(one, bob.device, texts[RUNNING:])
        packets = log_of(one, bodies.box_of(bob.device), after=1)
        if packets:
            await take_in(other, [packets])
        sent = log_of(one, LOG_SEALED, after=RUNNING)
        assert len(sent) == messages
        receiving_s, decrypting_s = await measure_receiving(other, sent)
        assert shown(other, RUNNING + messages)
        attempts = await open_attempts(other, strangers)
    return {
        "send_per_s": round(messages / sending_s),
        "receive_per_s": round(messages / receiving_s),
        "vodozemac_encrypt_per_s": round(messages / encrypting_s),
        "vodozemac_decrypt_per_s": round(messages / decrypting_s),
        "send_ratio": round(encrypting_s / sending_s, 2),
        "receive_ratio": round(decrypting_s / receiving_s, 2),
        "overhead_bytes": overhead_of(sent[0]),
        "open_attempts_per_s": round(attempts),
        "messages": messages,
    }


def main() -> None:
    """Measure and print."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    strangers = [Person(f"stranger {number}") for number in range(STRANGERS)]
    sys.setswitchinterval(THREAD_SWITCH_S)  # as node.running does
    with temporary_home("alice", strangers) as alice, temporary_home("bob", strangers) as bob:
        know(alice, bob)
        know(bob, alice)
        report = trio.run(measure, messages, alice, bob, strangers)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
