"""A swarm of askers and holders on virtual time, with streams that break and peers that lie.

What has to hold: each honest fetch ends with the right bytes, as long as honest peers hold every chunk
between them; nobody honest is blamed.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from gossip.errors import RemoteFault, Severity
from gossip.proto import blob_effects, blob_limits, limits
from gossip.proto.blob_messages import (
    Answer,
    Chunk,
    Got,
    Holding,
    Lacking,
    NoChunk,
    encode_answer,
    encode_question,
    parse_answer,
    parse_question,
)
from gossip.proto.blob_serving import Describe, Fetch, Job, Serving, StreamNo
from gossip.proto.blobsync import Asking
from store.blob_memory import MemoryBlobStore
from store.blobs import CHUNK_BYTES, Manifest, check_chunk, chunk_id, held_map
from store.errors import InvalidBlob
from store.ids import AuthorId

CHUNKS = 20
CONTENT = [bytes([place]) * CHUNK_BYTES for place in range(CHUNKS - 1)] + [b"the last one is short"]
MANIFEST = Manifest(sum(map(len, CONTENT)), tuple(map(chunk_id, CONTENT)))
BLOB = MANIFEST.id
ENOUGH_S = 20_000.0
"""Virtual time within which every fetch has to end, however many rests its sources need."""

Work = Callable[[], None]


class Clock:
    """Virtual time: what happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Work]] = []
        self._count = 0

    def after(self, wait_s: float, work: Work) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now + wait_s, self._count, work))

    def run_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self.now, _, work = heapq.heappop(self._due)
            assert self.now < ENOUGH_S, "the fetches do not end"
            work()


@dataclass(slots=True)
class Line:
    """A stream from an asker to a holder; messages arrive in order, none after it broke."""

    world: "World"
    asker: "Node"
    holder: "Node"
    number: StreamNo
    up: bool = True
    arrives: dict[bool, float] = field(default_factory=dict)

    def send(self, data: bytes, *, forth: bool) -> None:
        """`forth`: from the asker to the holder."""
        clock = self.world.clock
        at = max(clock.now + self.world.random.uniform(0.01, 0.2), self.arrives.get(forth, 0.0))
        self.arrives[forth] = at
        clock.after(at - clock.now, lambda: self._arrive(data, forth=forth))

    def _arrive(self, data: bytes, *, forth: bool) -> None:
        if not self.up:
            return
        if self.world.random.random() < self.world.loss:
            self.cut()
        elif forth:
            self.holder.hear_question(self, data)
        else:
            self.asker.hear_answer(self, data)

    def cut(self) -> None:
        if self.up:
            self.up = False
            self.holder.serving.closed(self.number)
            self.asker.line_down(self)


class Node:
    """An honest peer: fetches what it lacks of the blob, and serves what it has."""

    def __init__(self, world: "World", name: int) -> None:
        self.world = world
        self.peer = AuthorId(name.to_bytes(32, "big"))
        self.store = MemoryBlobStore()
        self.asking = Asking(world.random)
        self.serving = Serving()
        self.lines: dict[AuthorId, Line] = {}
        self.blamed: Counter[AuthorId] = Counter()
        self.done = False

    # Asking

    def want(self) -> None:
        manifest = self.store.manifest(BLOB)
        lacking = [] if manifest is None else self.store.missing(BLOB)
        self.perform(
            self.asking.want(BLOB, frozenset({MANIFEST.size}), manifest, lacking, self.world.clock.now)
        )
        self.tick()

    def tick(self) -> None:
        now = self.world.clock.now
        for other in self.world.nodes:
            is_open = other.peer in self.lines or self.asking.is_resting(other.peer, now)
            if other is not self and not is_open and self.blamed[other.peer] < limits.BAN_SCORE:
                self.lines[other.peer] = line = self.world.line(self, other)
                if line.number in other.serving.opened(line.number, self.peer, now):
                    raise AssertionError("there is room for everybody")
                self.perform(self.asking.opened(other.peer, now))
        self.perform(self.asking.tick(now))
        self.world.clock.after(blob_limits.BLOB_TICK_S, self.tick)

    def hear_answer(self, line: Line, data: bytes) -> None:
        if self.lines.get(line.holder.peer) is not line:
            return
        try:
            if len(data) > self.asking.longest_answer(line.holder.peer):
                raise RemoteFault("too long")
            self.perform(self.asking.received(line.holder.peer, parse_answer(data), self.world.clock.now))
        except RemoteFault as fault:
            self.blame(line.holder.peer, fault.severity)

    def blame(self, peer: AuthorId, severity: Severity) -> None:
        self.blamed[peer] += severity
        self.lines[peer].cut()

    def line_down(self, line: Line) -> None:
        if self.lines.get(line.holder.peer) is line:
            del self.lines[line.holder.peer]
            self.perform(self.asking.closed(line.holder.peer, self.world.clock.now))

    def perform(self, effects: list[blob_effects.Effect]) -> None:
        for effect in effects:
            match effect:
                case blob_effects.Ask(peer, question) if peer in self.lines:
                    self.lines[peer].send(encode_question(question), forth=True)
                case blob_effects.Keep():
                    self.world.clock.after(self.world.random.uniform(0, 0.1), lambda it=effect: self.keep(it))
                case blob_effects.Begin(manifest):
                    self.store.begin(manifest)
                    lacking = self.store.missing(BLOB)
                    self.perform(self.asking.begun(BLOB, lacking, self.world.clock.now))
                case blob_effects.Leave(peer, _, severity):
                    if severity is not None:
                        self.blamed[peer] += severity
                    self.lines[peer].cut()
                case blob_effects.Finished():
                    self.done = True
                    for number in self.serving.added(BLOB):
                        self.world.lines[number].send(encode_answer(Got(BLOB)), forth=False)
                case blob_effects.GivenUp(_, why):
                    raise AssertionError(why)
                case _:
                    pass

    def keep(self, effect: blob_effects.Keep) -> None:
        try:
            self.store.put_chunk(check_chunk(effect.manifest, effect.place, effect.data), effect.data)
        except InvalidBlob:
            self.blamed[effect.peer] += Severity.HOSTILE
            self.perform(self.asking.refused(effect.peer, BLOB, effect.place, self.world.clock.now))
            if effect.peer in self.lines:
                self.lines[effect.peer].cut()
        else:
            self.perform(self.asking.kept(BLOB, effect.place))

    # Serving

    def hear_question(self, line: Line, data: bytes) -> None:
        self.serving.asked(line.number, parse_question(data), self.world.clock.now)
        self.go_on()

    def go_on(self) -> None:
        for job in self.serving.jobs():
            self.world.clock.after(0.001, lambda it=job: self.answer(it))

    def answer(self, job: Job) -> None:
        said = [self.tell(job.blob, whole=job.whole)] if isinstance(job, Describe) else self.give(job)
        sent = [encode_answer(one) for one in said if one is not None]
        if isinstance(said[0], Lacking):
            self.serving.lacked(job.stream, job.blob)
        self.serving.read(job.stream, sum(map(len, sent)))
        for data in sent:
            self.world.lines[job.stream].send(data, forth=False)
        self.serving.sent(job.stream)
        self.go_on()

    def give(self, job: Fetch) -> list[Answer | None]:
        return [self.chunk(job.blob, place) for place in range(job.first, job.first + job.chunks)]

    def tell(self, blob: bytes, *, whole: bool) -> Answer | None:
        manifest = self.store.manifest(blob)
        if manifest is None:
            return Lacking(blob)
        return Holding(blob, manifest.encode() if whole else None, self.store.held(blob))

    def chunk(self, blob: bytes, place: int) -> Answer | None:
        manifest = self.store.manifest(blob)
        data = None if manifest is None else self.store.read_chunk(manifest.chunks[place])
        return NoChunk(place) if data is None else Chunk(place, data)


ALL_HELD = held_map(range(CHUNKS), CHUNKS)


class Boaster(Node):
    """Says that it holds everything, and has nothing when it is asked."""

    def tell(self, blob: bytes, *, whole: bool) -> Answer | None:
        return Holding(blob, MANIFEST.encode() if whole else None, ALL_HELD)

    def chunk(self, blob: bytes, place: int) -> Answer | None:
        return NoChunk(place)


class Forger(Boaster):
    """Sends other bytes than the manifest says."""

    def chunk(self, blob: bytes, place: int) -> Answer | None:
        return Chunk(place, b"forged")


class Inventor(Boaster):
    """Sends the manifest of another blob."""

    def tell(self, blob: bytes, *, whole: bool) -> Answer | None:
        return Holding(blob, Manifest(1, (chunk_id(b"x"),)).encode() if whole else None, b"\x01")


class Mute(Boaster):
    """Promises everything and sends nothing."""

    def chunk(self, blob: bytes, place: int) -> Answer | None:
        return None


class Deaf(Mute):
    """Answers nothing at all."""

    def tell(self, blob: bytes, *, whole: bool) -> Answer | None:
        return None


class Miser(Node):
    """Has everything, and takes fifty seconds for each answer."""

    def answer(self, job: Job) -> None:
        self.world.clock.after(50.0, lambda: super(Miser, self).answer(job))


class Talker(Boaster):
    """Goes on answering without being asked."""

    def answer(self, job: Job) -> None:
        line = self.world.lines[job.stream]
        for place in range(3):
            line.send(encode_answer(Chunk(place, CONTENT[place])), forth=False)
        super().answer(job)


class Muddler(Boaster):
    """Answers with another chunk than was asked for, a right one."""

    def chunk(self, blob: bytes, place: int) -> Answer | None:
        other = (place + 1) % CHUNKS
        return Chunk(other, CONTENT[other])


LIARS = (Boaster, Forger, Inventor, Mute, Deaf, Miser, Talker, Muddler)


class World:
    """Some honest nodes, who hold every chunk between them, and some that are not."""

    def __init__(self, seed: int, honest: int, liars: Iterator[type[Node]], loss: float) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.clock = Clock()
        self.lines: dict[StreamNo, Line] = {}
        self.honest = [Node(self, number) for number in range(honest)]
        self.liars = [kind(self, 1_000 + number) for number, kind in enumerate(liars)]
        self.nodes = self.random.sample([*self.honest, *self.liars], len(self.honest) + len(self.liars))
        for liar in self.liars:
            if isinstance(liar, Miser):
                self.endow(liar, range(CHUNKS))

    def endow(self, node: Node, places: range | list[int]) -> None:
        """Let a node hold some chunks from the start."""
        node.store.begin(MANIFEST)
        for place in places:
            node.store.put_chunk(MANIFEST.chunks[place], CONTENT[place])

    def line(self, asker: Node, holder: Node) -> Line:
        number = StreamNo(len(self.lines))
        self.lines[number] = line = Line(self, asker, holder, number)
        return line

    def run(self) -> None:
        """Let all honest nodes fetch until all are done, and look at what came of it."""
        for node in self.honest:
            node.want()
        self.clock.run_until(lambda: all(node.done for node in self.honest))
        honest = {node.peer for node in self.honest}
        for node in self.honest:
            written: list[bytes] = []
            node.store.read(BLOB, written.append)
            assert written == CONTENT
            assert not honest & (+node.blamed).keys(), "an honest peer was blamed"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("loss", [0.0, 0.03])
def test_everybody_gets_everything_where_each_holds_a_part(seed: int, loss: float) -> None:
    world = World(seed, 4, iter(()), loss)
    for place in range(CHUNKS):
        for node in world.random.sample(world.honest, world.random.choice((1, 1, 2))):
            world.endow(node, [place])
    world.run()


@pytest.mark.parametrize("seed", range(6))
def test_everybody_gets_everything_from_one_seed_among_liars(seed: int) -> None:
    random = Random(seed)
    world = World(seed, 3, iter(random.sample(LIARS, 4)), 0.02)
    world.endow(world.random.choice(world.honest), range(CHUNKS))
    world.run()


@pytest.mark.parametrize("liar", LIARS)
def test_no_liar_keeps_anybody_from_the_right_bytes(liar: type[Node]) -> None:
    world = World(1, 2, iter([liar] * 3), 0.0)
    world.endow(world.honest[0], range(CHUNKS))
    world.run()


@pytest.mark.parametrize("liar", [Forger, Inventor, Talker, Muddler])
def test_who_breaks_the_protocol_is_blamed(liar: type[Node]) -> None:
    blamed = 0
    for seed in range(4):
        world = World(seed, 2, iter([liar] * 2), 0.0)
        world.endow(world.honest[0], range(CHUNKS))
        world.run()
        blamed += sum(world.honest[1].blamed[one.peer] for one in world.liars)
    assert blamed


def test_a_chunk_comes_once_where_nothing_is_lost() -> None:
    world = World(3, 3, iter(()), 0.0)
    world.endow(world.honest[0], range(CHUNKS))
    came: Counter[tuple[AuthorId, int]] = Counter()
    for node in world.honest:
        keep = node.keep
        node.keep = lambda effect, node=node, keep=keep: (  # type: ignore[method-assign, misc]
            came.update([(node.peer, effect.place)]),
            keep(effect),
        )
    world.run()
    assert set(came.values()) == {1}
    assert len(came) == 2 * CHUNKS


def test_the_same_seed_gives_the_same_history() -> None:
    def history(seed: int) -> tuple[float, int]:
        world = World(seed, 3, iter([Mute, Miser]), 0.02)
        world.endow(world.honest[1], range(CHUNKS))
        world.run()
        return world.clock.now, len(world.lines)

    assert history(5) == history(5)
    assert history(5) != history(6)
