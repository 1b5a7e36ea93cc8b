"""What a node fetches: what somebody asks for, and what it keeps unasked. Whole nodes in one process."""

import io
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import trio

from gossip.net.memory import MemoryNet
from gossip.proto import blob_limits
from node.apps.feed.bodies import Attachment, Post
from node.apps.feed.bodies import compose as compose_post
from node.apps.files.bodies import SharedFile
from node.apps.files.bodies import compose as compose_file
from node.errors import Conflict
from node.home import Home, open_home
from node.paths import Paths
from node.queries import Queries
from node.sharing import fetching
from node.sharing.candidates import SMALL_BYTES, Candidates, Page
from node.sharing.fetching import Fetching
from node.sharing.outcomes import FetchEvent
from node.sharing.space import Space
from node.sharing.waiting import Waiting
from node.sharing.wanted import MAX_WANTED, WantedBlobs
from node.signing import Intent
from node.testing.homes import make_home, temporary_home
from node.testing.nodes import Node, running
from store.blobs import CHUNK_BYTES, Manifest
from store.entry import SALT_BYTES
from store.ids import LOG_FEED, LOG_FILES, LogNo
from store.sqlite.home import Peer

DEADLINE_S = 60
SIZE = 3 * CHUNK_BYTES + 17
DATA = Random(0).randbytes(SIZE)


def introduce(*homes: Home) -> None:
    """Let homes let each other in."""
    for home in homes:
        for other in homes:
            if other is not home:
                home.tables.put_peer(Peer(other.device, "friend", (), "", 0))
        home.reload_peers()


@asynccontextmanager
async def pair(*more: Home) -> AsyncIterator[Sequence[Node]]:
    """Running nodes that know each other and are not connected yet: two, and one for each of `more`."""
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as one, temporary_home("bob") as other:
        homes = (one, other, *more)
        introduce(*homes)
        async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
            net = MemoryNet(nursery)
            yield [await stack.enter_async_context(running(home, net)) for home in homes]
            await stack.aclose()
            nursery.cancel_scope.cancel()


def fetching_of(node: Node) -> Fetching:
    found = node.api.sharing.fetching
    assert found is not None
    return found


def connect(node: Node, other: Node) -> None:
    node.mesh.peer_added(other.home.device, [other.address.rpartition("/p2p/")[0]])


def keep(home: Home, data: bytes = DATA) -> Manifest:
    return home.blobs.add(io.BytesIO(data), lambda done: None)


def content(home: Home, blob: bytes) -> bytes:
    written = bytearray()
    home.blobs.read(blob, written.extend)
    return bytes(written)


async def to_the_end(node: Node, blob: bytes) -> list[FetchEvent]:
    """What is told of a fetch until it is over."""
    async with fetching_of(node).following(blob) as events:
        return [event async for event in events]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (what it waits for has no event)
        await trio.sleep(0.02)


# What people ask for


async def test_what_is_asked_for_comes_and_its_follower_sees_the_end() -> None:
    async with pair() as (alice, bob):
        blob = keep(alice.home).id
        connect(bob, alice)
        await fetching_of(bob).want(blob, SIZE)
        events = await to_the_end(bob, blob)
        assert events[-1] == FetchEvent(blob, "done", SIZE, SIZE)
        assert {event.state for event in events[:-1]} <= {"asking", "fetching", "nobody"}
        assert content(bob.home, blob) == DATA
        await until(lambda: len(WantedBlobs(bob.home)) == 0)
        await fetching_of(bob).want(blob, SIZE)
        assert await to_the_end(bob, blob) == [FetchEvent(blob, "done", SIZE, SIZE)]


async def test_what_nobody_has_comes_when_somebody_connects_who_has_it() -> None:
    async with pair() as (alice, bob):
        blob = keep(alice.home).id
        await fetching_of(bob).want(blob, SIZE)
        async with fetching_of(bob).following(blob) as events:
            async for event in events:
                if event.state == "nobody":
                    connect(bob, alice)
        assert event.state == "done"
        assert content(bob.home, blob) == DATA


async def test_what_a_peer_gets_later_comes_by_its_hint() -> None:
    async with pair() as (alice, bob):
        connect(bob, alice)
        await until(lambda: bool(bob.mesh.connected()))
        data = b"written later"
        with temporary_home("carol") as elsewhere:
            blob = keep(elsewhere, data).id
        await fetching_of(bob).want(blob, len(data))
        async with fetching_of(bob).following(blob) as events:
            async for event in events:
                if event.state == "nobody":
                    keep(alice.home, data)
                    fetching_of(alice).added(blob)
        assert event.state == "done"
        assert content(bob.home, blob) == data


async def test_a_fetch_goes_on_after_a_restart(tmp_path: Path) -> None:
    with make_home(tmp_path, "bob") as home:
        device = home.device
        async with running(home) as bob:
            blob = b"b" * 32
            with temporary_home("alice") as other:
                blob = keep(other).id
            await fetching_of(bob).want(blob, SIZE)
    with (
        trio.fail_after(DEADLINE_S),
        open_home(Paths(tmp_path), lambda: None, writing=True) as home,
        temporary_home("alice") as other,
    ):
        assert home.device == device
        keep(other)
        introduce(home, other)
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(other, net) as alice, running(home, net) as bob:
                connect(bob, alice)
                assert (await to_the_end(bob, blob))[-1].state == "done"
            nursery.cancel_scope.cancel()


async def test_a_size_that_is_not_true_fails_and_is_not_kept() -> None:
    async with pair() as (alice, bob):
        blob = keep(alice.home).id
        connect(bob, alice)
        await fetching_of(bob).want(blob, SIZE - 1)
        last = (await to_the_end(bob, blob))[-1]
        assert last.state == "failed"
        assert f"{SIZE:,} bytes" in last.why
        assert bob.home.blobs.state(blob) is None
        await fetching_of(bob).want(blob, SIZE)
        assert (await to_the_end(bob, blob))[-1].state == "done"


async def test_what_is_not_wanted_any_more_is_over_for_who_follows_it() -> None:
    async with pair() as (_, bob):
        blob = bytes(32)
        await fetching_of(bob).want(blob, 7)
        async with fetching_of(bob).following(blob) as events:
            async for event in events:
                if event.state == "nobody":
                    await fetching_of(bob).unwant(blob)
        assert event.state == "failed"
        assert len(WantedBlobs(bob.home)) == 0


async def test_who_follows_what_is_not_fetched_is_told_so() -> None:
    async with pair() as (alice, _):
        held = keep(alice.home).id
        assert await to_the_end(alice, held) == [FetchEvent(held, "done", SIZE, SIZE)]
        [event] = await to_the_end(alice, bytes(32))
        assert event.state == "failed"


async def test_what_does_not_get_on_makes_way_for_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TURN_S", 0.1)
    monkeypatch.setattr(blob_limits, "HUNTED_BLOBS", 1)
    over = threading.Event()
    with temporary_home("carol") as third:
        async with pair(third) as (alice, bob, carol):
            held, promised = keep(carol.home).id, keep(alice.home, b"x" * SIZE).id

            def read_never(chunk: bytes) -> None:
                over.wait(DEADLINE_S)

            monkeypatch.setattr(alice.home.blobs, "read_chunk", read_never)
            connect(bob, alice)
            connect(bob, carol)
            try:
                await fetching_of(bob).want(promised, SIZE)
                await until(lambda: bob.home.blobs.state(promised) is not None)
                await fetching_of(bob).want(held, SIZE)
                assert (await to_the_end(bob, held))[-1].state == "done"
            finally:
                over.set()


# The list of what is wanted


def test_the_list_of_what_is_wanted_is_on_the_disk() -> None:
    with temporary_home() as home:
        wanted = WantedBlobs(home)
        wanted.add([(b"a" * 32, 5), (b"b" * 32, 6)])
        wanted.add([(b"a" * 32, 7)])
        wanted.remove(b"b" * 32)
        wanted.remove(b"c" * 32)
        assert len(WantedBlobs(home)) == 2
        wanted.flush()
        assert WantedBlobs(home).items() == [(b"a" * 32, 7)]


async def test_wanting_and_ending_at_once_loses_nothing() -> None:
    with temporary_home() as home:
        wanted = WantedBlobs(home)
        blobs = [number.to_bytes(32, "big") for number in range(40)]
        wanted.add([(blob, 1) for blob in blobs[:20]])
        with trio.fail_after(DEADLINE_S):
            async with trio.open_nursery() as nursery:
                for old, new in zip(blobs[:20], blobs[20:], strict=True):
                    nursery.start_soon(trio.to_thread.run_sync, wanted.remove, old)
                    nursery.start_soon(trio.to_thread.run_sync, wanted.add, [(new, 1)])
        wanted.flush()
        assert {blob for blob, _ in WantedBlobs(home).items()} == set(blobs[20:])


def test_too_many_wanted_blobs_are_refused_all_together() -> None:
    with temporary_home() as home:
        wanted = WantedBlobs(home)
        wanted.add([(number.to_bytes(32, "big"), 1) for number in range(MAX_WANTED - 1)])
        with pytest.raises(Conflict, match="4,095"):
            wanted.add([(b"x" * 32, 1), (b"y" * 32, 1)])
        wanted.add([(bytes(32), 2), (b"x" * 32, 1)])
        assert WantedBlobs(home).items() == wanted.items()
        assert len(wanted) == MAX_WANTED


@pytest.mark.parametrize("stored", [b"", b"\xc1", b"\x01", b"\x92\x02\x90", b"\x92\x01\x91\x92\xc4\x01x\x05"])
def test_a_list_that_cannot_be_read_is_an_empty_one(stored: bytes) -> None:
    with temporary_home() as home:
        home.tables.set({"blobs_wanted": stored})
        assert len(WantedBlobs(home)) == 0


# What is kept unasked


def shared(blob: bytes, size: int) -> Callable[[bytes], bytes]:
    return lambda salt: compose_file(
        SharedFile("a.bin", "text/plain", size, blob, False, "", "", (), False), salt
    )


def attached(blob: bytes, size: int) -> Callable[[bytes], bytes]:
    post = Post("look", "", (), (), (Attachment(blob, "a.bin", "image/png", size),), False)
    return lambda salt: compose_post(post, salt)


async def publish(node: Node, log: LogNo, body: Callable[[bytes], bytes]) -> None:
    await node.author.write(log, [Intent(body(bytes(SALT_BYTES)), ())])


async def test_a_laptop_gets_attachments_unasked_and_no_files() -> None:
    async with pair() as (alice, bob):
        picture, file = keep(alice.home, b"a picture"), keep(alice.home, b"a file")
        await publish(alice, LOG_FILES, shared(file.id, file.size))
        await publish(alice, LOG_FEED, attached(picture.id, picture.size))
        connect(bob, alice)
        await until(lambda: bob.home.blobs.state(picture.id) is not None)
        assert (await to_the_end(bob, picture.id))[-1].state == "done"
        assert bob.home.blobs.state(file.id) is None


def candidates(home: Home, hub: bool) -> Candidates:
    return Candidates(home, Space(Queries(home), hub), hub=hub)


async def test_a_hub_keeps_what_entries_name_and_others_small_parts_of_what_is_read() -> None:
    named = [(LOG_FILES, shared, 5), (LOG_FEED, attached, 6), (LOG_FEED, attached, SMALL_BYTES + 1)]
    blobs = [bytes([number]) * 32 for number in range(3)]
    with temporary_home() as home:
        async with running(home) as node:
            for blob, (log, compose, size) in zip(blobs, named, strict=True):
                await publish(node, log, compose(blob, size))
        hub, laptop = candidates(home, True), candidates(home, False)
        page = hub.named_after(0)
        assert page is not None
        assert sorted(page.blobs) == [(blobs[0], 5), (blobs[1], 6), (blobs[2], SMALL_BYTES + 1)]
        assert laptop.named_after(0) == Page([(blobs[1], 6)], page.last_key)
        assert hub.named_after(page.last_key) is None
        assert hub.sizes_to_take(unasked(blobs[2])) == {SMALL_BYTES + 1}
        assert laptop.sizes_to_take(unasked(blobs[2])) == frozenset()
        assert hub.sizes_to_take(unasked(b"x" * 32)) is None


def unasked(blob: bytes) -> Waiting:
    return Waiting(blob, frozenset(), asked=False, fresh=True)


async def test_what_is_only_claimed_drives_nothing_out() -> None:
    with temporary_home() as home:
        async with running(home) as node:
            await publish(node, LOG_FILES, shared(b"b" * 32, 2**33))
        space = Space(Queries(home), True)
        made: list[int] = []
        space.make_room = lambda size, blob=b"": not made.append(size)  # type: ignore[method-assign, func-returns-value]
        hub = Candidates(home, space, hub=True)
        assert hub.sizes_to_take(unasked(b"b" * 32)) == {2**33}
        assert made == []
        assert hub.make_room(unasked(b"b" * 32), Manifest(0, ()))
        assert made == [0]


async def test_who_lies_about_a_size_keeps_nobody_from_a_blob() -> None:
    with temporary_home() as home:
        async with running(home) as node:
            blob = b"b" * 32
            for size in (2**33, 5, 10):
                await publish(node, LOG_FILES, shared(blob, size))
        small = candidates(home, False).sizes_to_take(unasked(blob))
        assert small == {5, 10}
        assert {5, 10} <= (candidates(home, True).sizes_to_take(unasked(blob)) or set())
