"""A file of 1 GiB between processes over libp2p on loopback: how fast, what a kill costs, how much memory.

    python benchmarks/files.py [MiB]

Every process keeps its blobs encrypted in a folder that vanishes at the end. A holder adds the file; then

    1. a second process receives the same bytes over a plain stream of our libp2p host, fetches the file, and
       receives the plain stream once more
    2. a third one fetches the file, is killed (SIGKILL) at half way, is started again and fetches the rest
    3. a fourth one fetches it from the first and the third at once
    4. two hosts of py-libp2p as it comes (Noise, Yamux) send each other a quarter of as many bytes, in writes
       of 1 MiB

The last line is one JSON object:

    mb_per_s, stream_mb_per_s, ratio   1: of the fetch, of the plain streams (mean), and the one by the other
    resume_refetched_bytes             2: bytes of chunks that had come whole and came again after the kill
    resume_sent_bytes                  2: bytes of chunks that the holder sent beyond the file's size: what
                                          was under way in sockets and buffers at the kill counts too
    two_sources_mb_per_s               3
    two_sources_shares                 3: parts of the file that came from each of both
    stock_stream_mb_per_s, stock_ratio 4: and the fetch of 1 by it
    cpu_ms_per_chunk                   1: of holder and receiver together, of the fetch and of a plain stream;
                                          a chunk is 256 KiB
    peak_rss_mb                        largest resident memory of any process that keeps blobs
"""

import contextlib
import json
import mmap
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import trio
from stock_stream import stock_bytes_per_s

from gossip.net.blob_streams import BlobStreams
from gossip.net.host import Libp2pHost
from gossip.net.transport import Stream
from gossip.proto.blob_effects import Advanced, Available, Finished
from store.blobs import CHUNK_BYTES, BlobId
from store.crypto import SigningKey, digest
from store.ids import AuthorId
from store.sqlite.blobs import SqliteBlobStore

MIB = 1024
PLAIN = "/benchmark/plain/1"
PIECE_BYTES = 1_048_576
DEADLINE_S = 600.0
SWITCH_S = 0.0005
"""Threads that wait for the interpreter get it after this time: the network goes on beside the disk."""

STOCK_PART = 4

Json = dict[str, Any]


class Content:
    """The bytes of the file: chance, and a number in each chunk so that no two are equal."""

    def __init__(self, size: int) -> None:
        self._chunk = Random(4).randbytes(CHUNK_BYTES)
        self._left = size
        self._count = 0

    def read(self, size: int, /) -> bytes:
        """The next bytes: a number of whole chunks."""
        wanted = min(size, self._left)
        parts = []
        for _ in range(0, wanted, CHUNK_BYTES):
            self._count += 1
            parts.append(self._count.to_bytes(8, "big") + self._chunk[8:])
        self._left -= wanted
        return b"".join(parts)[:wanted]


class CountingStore(SqliteBlobStore):
    """Counts chunks that are put, in a file that outlives the process."""

    count_in: mmap.mmap | None = None

    def put_chunk(self, chunk: bytes, data: bytes | memoryview) -> None:
        """Count, then keep."""
        if self.count_in is not None:
            number = int.from_bytes(self.count_in[:8], "big") + 1
            self.count_in[:8] = number.to_bytes(8, "big")
        super().put_chunk(chunk, data)


class Peer:
    """A process's host, store and blob streams."""

    def __init__(self, name: str, folder: Path) -> None:
        key = SigningKey(digest(name.encode()))
        folder.mkdir(exist_ok=True)
        self.store = CountingStore(
            folder / "blobs.db", folder / "chunks", digest(b"home"), lambda: 0, read_only=False
        )
        self.host = Libp2pHost(
            digest(name.encode()),
            ["/ip4/127.0.0.1/tcp/0"],
            topic="benchmark",
            admit=lambda device: True,
            validate=lambda origin, payload: True,
        )
        self.device = key.author
        self.others: list[AuthorId] = []
        self.faults: list[str] = []
        self.streams = BlobStreams(
            self.host,
            self.store,
            lambda: self.others,
            lambda peer, fault: self.faults.append(str(fault)),
            Random(1),
        )
        self._done: dict[bytes, trio.Event] = {}
        self.streams.on_news = self._hear

    def _hear(self, news: object) -> None:
        if isinstance(news, Finished):
            self._done[news.blob].set()
        elif not isinstance(news, (Advanced, Available)):
            print(news, file=sys.stderr)

    async def dial(self, offers: list[Json]) -> None:
        """Connect to other processes."""
        for offer in offers:
            device = AuthorId(bytes.fromhex(offer["device"]))
            await self.host.dial(device, (offer["address"],), 20)
            self.others.append(device)

    async def fetch(self, blob: bytes) -> float:
        """Fetch a blob: seconds."""
        self._done[blob] = trio.Event()
        begun = time.perf_counter()
        await self.streams.hunt(BlobId(blob))
        await self._done[blob].wait()
        return time.perf_counter() - begun

    async def receive_plain(self) -> float:
        """Receive the plain stream of the first other process: seconds."""
        begun = time.perf_counter()
        stream = await self.host.open(self.others[0], PLAIN, 20)
        while await stream.receive_some(PIECE_BYTES):
            continue
        await stream.close()
        return time.perf_counter() - begun

    def offer(self, **more: object) -> Json:
        """Where this process is."""
        return {"device": self.device.hex(), "address": self.host.addresses[0], **more}


@contextlib.asynccontextmanager
async def running_peer(name: str, folder: Path) -> AsyncIterator[Peer]:
    """A peer on 127.0.0.1."""
    peer = Peer(name, folder)
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(peer.host.run)
            await nursery.start(peer.streams.run)
            yield peer
            nursery.cancel_scope.cancel()
    peer.store.close()


def cpu_s() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(**values: object) -> None:
    """One line of JSON, with the memory that this process took at most."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({**values, "peak_rss_mb": peak_mb}), flush=True)


async def hold(folder: Path, size: int) -> None:
    """The holder: add the file, serve it both ways, and tell at the end how much was sent."""

    async def send_plain(stream: Stream) -> None:
        content = Content(size)
        while data := content.read(PIECE_BYTES):
            await stream.send_all(data)

    async with running_peer("holder", folder) as peer:
        manifest = await trio.to_thread.run_sync(lambda: peer.store.add(Content(size), lambda done: None))
        peer.host.handle(PLAIN, send_plain)
        tell(**peer.offer(blob=manifest.id.hex()))
        while await trio.to_thread.run_sync(sys.stdin.readline):
            tell(sent_bytes=peer.streams.service.sent_bytes, cpu_s=cpu_s())


async def compare(folder: Path, offer: Json) -> None:
    """The plain stream, the fetch, and the plain stream again, each when it is asked for."""
    async with running_peer("receiver", folder) as peer:
        await peer.dial([offer])
        for _ in range(2):
            await trio.to_thread.run_sync(sys.stdin.readline)
            begun = cpu_s()
            tell(seconds=await peer.receive_plain(), cpu_s=cpu_s() - begun)
            await trio.to_thread.run_sync(sys.stdin.readline)
            if peer.store.manifest(bytes.fromhex(offer["blob"])) is None:
                begun = cpu_s()
                tell(seconds=await peer.fetch(bytes.fromhex(offer["blob"])), cpu_s=cpu_s() - begun)


async def fetch(folder: Path, name: str, offers: list[Json], stay: bool) -> None:
    """Fetch the file from everyone in `offers`, counting what comes; `stay`: then serve it."""
    async with running_peer(name, folder) as peer:
        counter = folder / "counter"
        if not counter.exists():
            counter.write_bytes(bytes(8))
        with counter.open("r+b") as file, mmap.mmap(file.fileno(), 8) as count_in:
            peer.store.count_in = count_in
            await peer.dial(offers)
            fetch_s = await peer.fetch(bytes.fromhex(offers[0]["blob"]))
            tell(**peer.offer(fetch_s=fetch_s, faults=peer.faults))
            if stay:
                while await trio.to_thread.run_sync(sys.stdin.readline):
                    tell(sent_bytes=peer.streams.service.sent_bytes)


class Child:
    """A process of this benchmark."""

    def __init__(self, *role: object) -> None:
        command = [sys.executable, __file__, "--role", json.dumps([str(part) for part in role])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def hear(self) -> Json:
        """Its next line."""
        assert self.process.stdout is not None
        heard: Json = json.loads(self.process.stdout.readline())
        peaks.append(heard["peak_rss_mb"])
        return heard

    def ask(self) -> Json:
        """Let it say how much it sent."""
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        """Let it end, or see that it has."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate(timeout=30)


peaks: list[int] = []
"""Largest resident memory of each process, as each said it."""


@contextlib.contextmanager
def child(*role: object) -> Iterator[Child]:
    """A process of this benchmark, which ends with the block."""
    running = Child(*role)
    try:
        yield running
    finally:
        running.process.kill() if sys.exc_info()[0] else running.end()


def killed_and_resumed(folder: Path, offer: Json, size: int) -> int:
    """Fetch, kill at half way: how many chunks had come whole by then."""
    counter = folder / "counter"
    running = Child("fetch", folder, "resumer", json.dumps([offer]), "")
    begun = time.monotonic()
    while not counter.exists() or int.from_bytes(counter.read_bytes(), "big") < size // CHUNK_BYTES // 2:
        assert time.monotonic() - begun < DEADLINE_S
        assert running.process.poll() is None, "the fetch ended before half of it was seen"
        time.sleep(0.01)
    running.process.kill()
    running.process.wait()
    return int.from_bytes(counter.read_bytes(), "big")


def measure(folder: Path, size: int) -> Json:
    """All three parts."""
    report: Json = {}
    with child("hold", folder / "holder", size) as holder:
        offer = holder.hear()
        with child("compare", folder / "receiver", json.dumps(offer)) as receiver:
            report |= compared(holder, receiver, size)
        remove(folder / "receiver")
        sent_before = holder.ask()["sent_bytes"]
        killed_and_resumed(folder / "resumer", offer, size)
        with child("fetch", folder / "resumer", "resumer", json.dumps([offer]), "stay") as resumer:
            second = {**resumer.hear(), "blob": offer["blob"]}
            came = int.from_bytes((folder / "resumer" / "counter").read_bytes(), "big")
            sent = holder.ask()["sent_bytes"] - sent_before
            report["resume_refetched_bytes"] = (came - -(-size // CHUNK_BYTES)) * CHUNK_BYTES
            report["resume_sent_bytes"] = sent - size
            sent_before += sent
            role = ("fetch", folder / "third", "third", json.dumps([offer, second]), "")
            with child(*role) as third:
                figures = third.hear()
            report["two_sources_mb_per_s"] = round(size / figures["fetch_s"] / 1e6, 1)
            shares = [holder.ask()["sent_bytes"] - sent_before, resumer.ask()["sent_bytes"]]
            report["two_sources_shares"] = [round(share / size, 2) for share in shares]
    report["peak_rss_mb"] = max(peaks)
    report["stock_stream_mb_per_s"] = round(stock_bytes_per_s(size // STOCK_PART) / 1e6, 1)
    report["stock_ratio"] = round(report["mb_per_s"] / report["stock_stream_mb_per_s"], 2)
    report["mib"] = size >> 20
    return report


def compared(holder: Child, receiver: Child, size: int) -> Json:
    """Part 1: the figures of plain stream, fetch, and plain stream."""
    seconds, cpus = [], []
    before = holder.ask()["cpu_s"]
    for _ in range(3):
        heard = receiver.ask()
        after = holder.ask()["cpu_s"]
        seconds.append(heard["seconds"])
        cpus.append(heard["cpu_s"] + after - before)
        before = after
    chunk_ms = 1000 / (size / CHUNK_BYTES)
    plain_s = (seconds[0] + seconds[2]) / 2
    return {
        "mb_per_s": round(size / seconds[1] / 1e6, 1),
        "stream_mb_per_s": round(size / plain_s / 1e6, 1),
        "ratio": round(plain_s / seconds[1], 2),
        "cpu_ms_per_chunk": [round(cpus[1] * chunk_ms, 2), round((cpus[0] + cpus[2]) / 2 * chunk_ms, 2)],
    }


def remove(folder: Path) -> None:
    """Remove a folder of blobs."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            Path(path, name).unlink()
        for name in folders:
            Path(path, name).rmdir()


def play(role: list[str]) -> None:
    """Be one of the processes."""
    sys.setswitchinterval(SWITCH_S)
    match role:
        case ["hold", folder, size]:
            trio.run(hold, Path(folder), int(size))
        case ["compare", folder, offer]:
            trio.run(compare, Path(folder), json.loads(offer))
        case ["fetch", folder, name, offers, stay]:
            trio.run(fetch, Path(folder), name, json.loads(offers), bool(stay))


def main() -> None:
    """Measure and print."""
    if "--role" in sys.argv:
        play(json.loads(sys.argv[-1]))
        return
    size = (int(sys.argv[1]) if len(sys.argv) > 1 else MIB) << 20
    with tempfile.TemporaryDirectory(prefix="asterism-files-") as folder:
        print(json.dumps(measure(Path(folder), size)))


if __name__ == "__main__":
    main()
