"""How fast messages are written and read, beside vodozemac encrypting and decrypting and doing nothing else.

    python benchmarks/secrecy.py [messages]

Two homes of an open circle, with encrypted stores, in one process; nothing goes over a network. Texts of 300
bytes in a running conversation, the session renewed every 1,000 messages as always.

    send     500 messages a step, as who sends many at once does: their ratchet, entries and lines of the
             conversation are durable in one transaction
    receive  run frames as a sync brings them: parsed, checked, appended, then opened and stored; the clock
             stops when all of them can be read and searched
    open     packets for others that lie in this device's box, each tried with the keys of two weeks: two
             attempts

vodozemac alone is measured before and after each; the last line is one JSON object. `*_ratio` is the rate
over the mean rate of vodozemac around it. `overhead_bytes` is by how much an entry is longer than its text,
without the padding.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

import trio
from ingest import TEXT_BYTES, cut_runs, feed, make_texts
from vodozemac import GroupSession, InboundGroupSession, MegolmMessage

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

ALONE = 3_000
PACKETS = 3_000
STRANGERS = 20
ATTEMPTS = 100
MAX_READ_BYTES = 1 << 24


class Synced:
    """In the place of a mesh: nobody is connected."""

    def synced_ms(self) -> dict[AuthorId, int]:
        """When each peer was last in step, Unix ms."""
        return {}


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

    async def take(frame: bytes) -> None:
        message = parse_sync(frame)
        assert isinstance(message, Run)
        source = message.entries[0].author
        [verdict] = await node.intake.ingest([message.entries], source, each_signature=False)
        assert type(verdict).__name__ == "Accepted", verdict

    await feed([frame for log in logs for frame in cut_runs(log)], take)


async def read_all(node: Node) -> None:
    """Look at everything that has arrived."""
    while await node.courier.change(lambda desk: receiving.take(desk, ATTEMPTS)):
        pass


async def send(node: Node, to: bytes, said: Sequence[str]) -> float:
    """Seconds until all these texts are sent."""
    begun = time.perf_counter()
    for start in range(0, len(said), AT_ONCE):

        def step(desk: Desk, texts: Sequence[str] = said[start : start + AT_ONCE]) -> None:
            conversation = conversations.direct(desk, to)
            for text in texts:
                sending.send_text(desk, conversation, Text(text))

        await node.courier.compose(step)
    return time.perf_counter() - begun


async def hand_over(one: Node, other: Node) -> None:
    """Everything that one has written to the other, who looks at it."""
    logs = [log_of(one, log) for log in (LOG_KEYS, bodies.box_of(other.home.device), LOG_SEALED)]
    await take_in(other, [log for log in logs if log])
    await read_all(other)


def shown(node: Node, count: int) -> bool:
    """Are there so many messages to be read?"""
    with node.home.entries.views() as views:
        [(found,)] = views.execute("SELECT count(*) FROM chat_messages WHERE kind = 1")
        [(words,)] = views.execute("SELECT count(*) FROM chat_words")
    return bool(found == words == count)


# --- what is compared with ----------------------------------------------------------------------------


def per_s(count: int, work: Callable[[], object]) -> float:
    """How many a second."""
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def alone() -> tuple[float, float]:
    """Messages that vodozemac encrypts and decrypts in a second, from bytes to bytes, padded as ours are."""
    plain = padding.pad(b"a" * (TEXT_BYTES + 40), padding.MESSAGE_CLASSES)
    session = GroupSession()
    reader = InboundGroupSession(session.session_key)
    sealed: list[bytes] = []
    encrypts = per_s(ALONE, lambda: sealed.extend(session.encrypt(plain).to_bytes() for _ in range(ALONE)))
    decrypts = per_s(ALONE, lambda: [reader.decrypt(MegolmMessage.from_bytes(each)) for each in sealed])
    return encrypts, decrypts


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
    return PACKETS * keys / seconds


def _rotate(desk: Desk) -> None:
    """Have the keys of last week as well as those of this one."""
    desk.now_ms += upkeep.ROTATE_MS
    cast(HomeWorld, desk.world).caught_up_ms = desk.now_ms
    upkeep.keep_up(desk)


# --- all together -------------------------------------------------------------------------------------


async def measure(messages: int, alice: Home, bob: Home, strangers: Sequence[Person]) -> dict[str, float]:
    """All figures."""
    async with at_work(alice) as one, at_work(bob) as other:
        for node in (one, other):
            await node.courier.compose(upkeep.keep_up)
        await hand_over(other, one)
        await send(one, bob.device, ["a running conversation"])
        await hand_over(one, other)
        baseline = [alone()]
        seconds = await send(one, bob.device, make_texts(messages, random.Random(1)))
        baseline.append(alone())
        sent = log_of(one, LOG_SEALED, after=1)
        packets = log_of(one, bodies.box_of(bob.device), after=1)
        assert len(sent) == messages
        begun = time.perf_counter()
        await take_in(other, [packets, sent] if packets else [sent])
        stored = time.perf_counter() - begun
        await read_all(other)
        received = time.perf_counter() - begun
        print(f"  received: committed after {stored:.2f} s, read after {received:.2f} s")
        baseline.append(alone())
        assert shown(other, messages + 1)
        attempts = await open_attempts(other, strangers)
    encrypts = statistics.mean(each for each, _ in baseline)
    decrypts = statistics.mean(each for _, each in baseline)
    return {
        "send_per_s": round(messages / seconds),
        "receive_per_s": round(messages / received),
        "vodozemac_encrypt_per_s": round(encrypts),
        "vodozemac_decrypt_per_s": round(decrypts),
        "send_ratio": round(messages / seconds / statistics.mean(each for each, _ in baseline[:2]), 2),
        "receive_ratio": round(messages / received / statistics.mean(each for _, each in baseline[1:]), 2),
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
