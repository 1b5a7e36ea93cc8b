"""Blob streams over the in-memory network: fetching, resuming, and peers that keep no rule."""
# long because honest and rogue peers meet the same nodes, which are made here

import time
from collections.abc import AsyncIterator, Callable, Iterable
from random import Random

import pytest
import trio
from trio.testing import MockClock as Clock

from gossip.errors import NotConnected, RemoteFault, Severity
from gossip.net.blob_frames import PROTOCOL, read_message
from gossip.net.blob_streams import BlobStreams, News, NotKept
from gossip.net.memory import MemoryNet
from gossip.net.transport import Stream
from gossip.proto import blob_limits
from gossip.proto.blob_effects import Available, Finished, GivenUp, Nobody
from gossip.proto.blob_messages import (
    MAX_QUESTION_BYTES,
    Answer,
    Chunk,
    Holding,
    Lacking,
    Look,
    NoChunk,
    Want,
    encode_answer,
    encode_question,
    parse_answer,
    parse_question,
)
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES, Manifest, chunk_id, held_map
from store.errors import StorageFull
from store.ids import AuthorId

ALICE, BOB, CAROL, EVE = (AuthorId(letter * 32) for letter in (b"a", b"b", b"c", b"e"))
COUNT = 12
CONTENT = [bytes([place]) * CHUNK_BYTES for place in range(COUNT - 1)] + [b"the end"]
MANIFEST = Manifest(sum(map(len, CONTENT)), tuple(map(chunk_id, CONTENT)))
BLOB = MANIFEST.id
PATIENCE_S = 1_000.0
"""On virtual time."""


class Node:
    """A node that fetches and serves."""

    def __init__(self, net: MemoryNet, device: AuthorId, places: Iterable[int] = ()) -> None:
        self.transport = net.join(device)
        self.device = device
        self.store = MemoryBlobStore()
        self.news: list[News] = []
        self.blamed: dict[AuthorId, RemoteFault] = {}
        self.streams = BlobStreams(self.transport, self.store, self.connected, self.blame, Random(1))
        self.streams.on_news = self.news.append
        self.hold(places)

    def hold(self, places: Iterable[int]) -> None:
        """Let some chunks be here."""
        places = list(places)
        if places:
            self.store.begin(MANIFEST)
        for place in places:
            self.store.put_chunk(MANIFEST.chunks[place], CONTENT[place])

    def connected(self) -> list[AuthorId]:
        return list(self.transport.links)

    def blame(self, peer: AuthorId, fault: RemoteFault) -> None:
        self.blamed[peer] = fault

    async def dial(self, *others: "Node | Rogue") -> None:
        for other in others:
            await self.transport.dial(other.device, other.transport.addresses, 10)

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 (on virtual time)
                await trio.sleep(0.5)

    def heard(self, news: News) -> bool:
        """Was that told? News of two kinds may be equal as tuples."""
        return any(type(one) is type(news) and one == news for one in self.news)

    async def fetch(self) -> None:
        """Fetch the blob, and see that it is right."""
        await self.streams.hunt(BLOB)
        await self.until(lambda: self.heard(Finished(BLOB)))
        assert self.content() == CONTENT

    def content(self) -> list[bytes]:
        written: list[bytes] = []
        self.store.read(BLOB, written.append)
        return written


class Rogue:
    """A peer that serves blob streams as it likes."""

    def __init__(self, net: MemoryNet, answer: Callable[[Look | Want], Iterable[Answer | bytes]]) -> None:
        self.transport = net.join(EVE)
        self.device = EVE
        self.ended = trio.Event()
        self._answer = answer
        self.transport.handle(PROTOCOL, self._serve)

    async def _serve(self, stream: Stream) -> None:
        try:
            while data := await read_message(stream, lambda: MAX_QUESTION_BYTES, trio.lowlevel.checkpoint):
                for said in self._answer(parse_question(data)):
                    await stream.send_all(said if isinstance(said, bytes) else framed(said))
        except NotConnected:
            self.ended.set()


def framed(answer: Answer) -> bytes:
    data = encode_answer(answer)
    return len(data).to_bytes(4, "big") + data


def right(question: Look | Want) -> list[Answer | bytes]:
    """What an honest holder of everything says."""
    if isinstance(question, Look):
        return [Holding(BLOB, MANIFEST.encode() if question.whole else None, held_map(range(COUNT), COUNT))]
    places = range(question.first, question.first + question.chunks)
    return [Chunk(place, CONTENT[place]) for place in places]


@pytest.fixture
async def net(autojump_clock: Clock, nursery: trio.Nursery) -> MemoryNet:
    return MemoryNet(nursery, latency_s=0.01)


@pytest.fixture
async def join(net: MemoryNet, nursery: trio.Nursery) -> AsyncIterator[Callable[..., object]]:
    """Makes running nodes, and sees that no handler of theirs failed."""

    async def join_net(device: AuthorId, places: Iterable[int] = ()) -> Node:
        node = Node(net, device, places)
        await nursery.start(node.streams.run)
        return node

    yield join_net
    assert net.handler_errors == []


async def test_a_blob_comes_whole_and_in_chunks_that_come_once(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    await bob.dial(alice)
    await bob.fetch()
    assert bob.streams.received_chunks == COUNT
    assert bob.blamed == alice.blamed == {}


async def test_a_fetch_goes_on_with_what_is_lacking(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB, range(0, COUNT, 2))
    await bob.dial(alice)
    await bob.fetch()
    assert bob.streams.received_chunks == COUNT // 2


async def test_parts_come_from_those_who_have_them(autojump_clock, join) -> None:
    alice, bob, carol = await join(ALICE, range(7)), await join(BOB, range(5, COUNT)), await join(CAROL)
    await carol.dial(alice, bob)
    await carol.fetch()
    assert carol.streams.received_chunks == COUNT
    assert alice.streams.service.sent_bytes
    assert bob.streams.service.sent_bytes


async def test_two_who_fetch_give_each_other_what_they_have(autojump_clock, join) -> None:
    alice, bob, carol = await join(ALICE, range(COUNT)), await join(BOB), await join(CAROL)
    await bob.dial(alice)
    await carol.dial(bob)
    await carol.streams.hunt(BLOB)
    await bob.fetch()
    await carol.until(lambda: carol.heard(Finished(BLOB)))
    assert carol.content() == CONTENT


async def test_an_empty_blob_comes_too(autojump_clock, join) -> None:
    alice, bob = await join(ALICE), await join(BOB)
    empty = Manifest(0, ())
    alice.store.begin(empty)
    await bob.dial(alice)
    await bob.streams.hunt(empty.id, frozenset({0}))
    await bob.until(lambda: bob.heard(Finished(empty.id)))
    assert bob.store.missing(empty.id) == []


async def test_a_fetch_goes_on_after_the_connection_was_lost(autojump_clock, join, net: MemoryNet) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    await bob.dial(alice)
    await bob.streams.hunt(BLOB)
    while bob.streams.received_chunks < 3:  # noqa: ASYNC110 (the fetch is over soon)
        await trio.sleep(0.01)
    await net.cut(BOB, ALICE)
    came = bob.streams.received_chunks
    await trio.sleep(30)
    assert bob.streams.received_chunks == came < COUNT
    net.heal(BOB, ALICE)
    await bob.dial(alice)
    await bob.until(lambda: bob.heard(Finished(BLOB)))
    assert bob.content() == CONTENT
    assert bob.streams.received_chunks <= COUNT + 1


async def test_a_chunk_is_taken_whole_only_when_the_one_before_it_is_kept(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    keep, in_hand = bob.store.put_chunk, []

    def put_slowly(chunk: bytes, data: bytes) -> None:
        time.sleep(0.02)  # more would have come by now
        in_hand.append(bob.streams.received_chunks - len(in_hand))
        keep(chunk, data)

    bob.store.put_chunk = put_slowly
    await bob.dial(alice)
    await bob.fetch()
    assert in_hand == [1] * COUNT


# What is told


async def test_nobody_is_told_and_a_hint_when_it_comes(autojump_clock, join) -> None:
    alice, bob = await join(ALICE), await join(BOB)
    await bob.dial(alice)
    await bob.streams.hunt(BLOB)
    await bob.until(lambda: bob.heard(Nobody(BLOB)) and ALICE in bob.streams.sources)
    await trio.sleep(1)
    bob.streams.forget(BLOB)
    alice.hold(range(COUNT))
    alice.streams.service.added(BLOB)
    await bob.until(lambda: bob.heard(Available(BLOB, ALICE)))
    await bob.fetch()


async def test_a_hint_lets_a_hunt_that_stands_go_on(autojump_clock, join) -> None:
    alice, bob = await join(ALICE), await join(BOB)
    await bob.dial(alice)
    await bob.streams.hunt(BLOB)
    await bob.until(lambda: ALICE in bob.streams.sources)
    await trio.sleep(1)
    alice.hold(range(COUNT))
    alice.streams.service.added(BLOB)
    with trio.fail_after(blob_limits.LOOK_LACKING_S / 2):
        await bob.until(lambda: bob.heard(Finished(BLOB)))


async def test_a_full_disk_ends_the_hunt_and_harms_nothing(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)

    def put_nothing(chunk: bytes, data: bytes) -> None:
        raise StorageFull("the disk is full")

    keep, bob.store.put_chunk = bob.store.put_chunk, put_nothing
    await bob.dial(alice)
    await bob.streams.hunt(BLOB)
    await bob.until(lambda: bob.heard(NotKept(BLOB, "the disk is full")))
    assert bob.streams.hunted == []
    bob.store.put_chunk = keep
    await bob.fetch()
    assert bob.blamed == {}


async def test_where_there_is_no_room_nothing_is_begun(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    bob.streams.make_room = lambda manifest: manifest.size < MANIFEST.size
    await bob.dial(alice)
    await bob.streams.hunt(BLOB)
    await bob.until(lambda: any(isinstance(one, NotKept) for one in bob.news))
    assert bob.store.manifest(BLOB) is None
    assert bob.streams.hunted == []


async def test_a_blob_of_another_size_than_was_said_is_given_up(autojump_clock, join) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    await bob.dial(alice)
    await bob.streams.hunt(BLOB, frozenset({5}))
    await bob.until(lambda: any(isinstance(one, GivenUp) for one in bob.news))
    assert bob.store.manifest(BLOB) is None
    assert bob.blamed == {}


# Holders that keep no rule


def wrong_chunk(question: Look | Want) -> Iterable[Answer | bytes]:
    return right(question) if isinstance(question, Look) else [Chunk(question.first, b"wrong")]


def wrong_manifest(question: Look | Want) -> Iterable[Answer | bytes]:
    return [Holding(BLOB, Manifest(0, ()).encode(), b"")]


def endless(question: Look | Want) -> Iterable[Answer | bytes]:
    yield from right(question)
    while True:
        yield from right(Want(BLOB, 0, COUNT))


def too_long(question: Look | Want) -> Iterable[Answer | bytes]:
    return [(2**31).to_bytes(4, "big"), bytes(1000)]


def garbage(question: Look | Want) -> Iterable[Answer | bytes]:
    return [b"\x00\x00\x00\x04spam"]


def empty(question: Look | Want) -> Iterable[Answer | bytes]:
    return [bytes(4)]


def boast(question: Look | Want) -> Iterable[Answer | bytes]:
    return right(question) if isinstance(question, Look) else [NoChunk(question.first)]


def wrong_map(question: Look | Want) -> Iterable[Answer | bytes]:
    return [Holding(BLOB, MANIFEST.encode() if question.whole else None, b"\xff" * 9)]


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        (wrong_chunk, Severity.HOSTILE),
        (wrong_manifest, Severity.HOSTILE),
        (endless, Severity.BAD),
        (too_long, Severity.BAD),
        (garbage, Severity.BAD),
        (empty, Severity.BAD),
        (wrong_map, Severity.BAD),
    ],
)
async def test_who_answers_wrongly_is_blamed_and_others_are_asked(
    autojump_clock, join, net, answer, severity
) -> None:
    rogue = Rogue(net, answer)
    alice, bob = await join(ALICE), await join(BOB)
    await bob.dial(rogue)
    await bob.streams.hunt(BLOB)
    await bob.until(lambda: EVE in bob.blamed)
    assert bob.blamed[EVE].severity == severity
    with trio.fail_after(PATIENCE_S):
        await rogue.ended.wait()
    alice.hold(range(COUNT))
    await bob.dial(alice)
    await bob.until(lambda: bob.heard(Finished(BLOB)))
    assert bob.content() == CONTENT


@pytest.mark.parametrize("answer", [lambda question: [], boast])
async def test_who_promises_or_is_silent_holds_nobody_up_for_ever(autojump_clock, join, net, answer) -> None:
    rogue = Rogue(net, answer)
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    await bob.dial(rogue)
    await bob.streams.hunt(BLOB)
    await trio.sleep(2)
    await bob.dial(alice)
    await bob.until(lambda: bob.heard(Finished(BLOB)))
    assert bob.content() == CONTENT


# Askers that keep no rule


async def ask(net: MemoryNet, holder: Node) -> Stream:
    """Eve's stream to a holder."""
    transport = net.join(EVE)
    await transport.dial(holder.device, holder.transport.addresses, 10)
    return await transport.open(holder.device, PROTOCOL, 10)


def question(message: Look | Want) -> bytes:
    data = encode_question(message)
    return len(data).to_bytes(4, "big") + data


@pytest.mark.parametrize(
    "data", [b"\x00\x00\x00\x03abc", bytes(4), b"\xff" * 8, question(Look(BLOB, True))[:9]]
)
async def test_a_malformed_question_is_blamed_and_ends_the_stream(
    autojump_clock, join, net: MemoryNet, data: bytes
) -> None:
    alice = await join(ALICE, range(COUNT))
    stream = await ask(net, alice)
    await stream.send_all(data)
    await stream.close()
    await alice.until(lambda: EVE in alice.blamed)
    with pytest.raises(NotConnected):
        await stream.receive_some(1)


async def test_who_reads_nothing_is_left_and_others_are_served_meanwhile(
    autojump_clock, join, net: MemoryNet
) -> None:
    alice, bob = await join(ALICE, range(COUNT)), await join(BOB)
    stream = await ask(net, alice)
    for _ in range(1_000):
        await stream.send_all(question(Want(BLOB, 0, COUNT)))
    await bob.dial(alice)
    await bob.fetch()
    await trio.sleep(blob_limits.ANSWER_SEND_S + 1)
    with pytest.raises(NotConnected):
        await stream.send_all(question(Look(BLOB, False)))


async def test_what_is_not_held_is_said_so_also_beyond_the_end_of_a_blob(
    autojump_clock, join, net: MemoryNet
) -> None:
    alice = await join(ALICE, [2])
    stream = await ask(net, alice)
    asked = [Look(bytes(32), True), Want(bytes(32), 0, 1), Want(BLOB, 1, 2), Want(BLOB, COUNT, 1)]
    for message in asked:
        await stream.send_all(question(message))
    answers = []
    for _ in range(5):
        data = await read_message(stream, lambda: 10**6, trio.lowlevel.checkpoint)
        assert data is not None
        answers.append(parse_answer(data))
    assert answers == [Lacking(bytes(32)), NoChunk(0), NoChunk(1), Chunk(2, CONTENT[2]), NoChunk(COUNT)]


async def test_a_store_that_fails_answers_as_one_that_has_nothing(
    autojump_clock, join, net: MemoryNet
) -> None:
    alice = await join(ALICE, range(COUNT))

    def fail(chunk: bytes) -> bytes:
        raise OSError("the disk is broken")

    alice.store.read_chunk = fail
    stream = await ask(net, alice)
    await stream.send_all(question(Want(BLOB, 3, 1)))
    data = await read_message(stream, lambda: 10**6, trio.lowlevel.checkpoint)
    assert data == encode_answer(NoChunk(3))
