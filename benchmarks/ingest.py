"""How fast a home takes entries in, beside PyNaCl verifying signatures and doing nothing else.

    python benchmarks/ingest.py [entries]

100,000 posts of 300 bytes in 100 logs; 40 % of the texts are Cyrillic, Chinese, Arabic or Devanagari.
Encrypted store, feed view and search on.

    bulk  run frames as a sync brings them: parsed, accepted on the last signature of each run, appended,
          folded, indexed for search; the clock stops when everything is committed
    live  push frames of 64 entries, each signature checked first; the same otherwise

The verifying alone is measured before, between and after, for the machine has moods; the last line is one
JSON object. `*_ratio` is the rate over the mean rate of the measurements of verifying around it.
"""

import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import nacl.bindings
import trio

from gossip.net.links import Inflow
from gossip.proto.limits import RUN_BYTES, RUN_WINDOW
from gossip.proto.messages import Entries, encode_push, parse_push
from gossip.proto.sync_messages import Run, encode_sync, parse_sync
from node.bus import Bus
from node.home import Home
from node.indexing import Indexing
from node.intake import Intake
from node.running import tuned
from node.testing.homes import temporary_home
from node.testing.people import NETWORK, Person
from store.entry import DOMAIN, Entry
from store.log import MAX_RUN_ENTRIES

ENTRIES = 100_000
LOGS = 100
TEXT_BYTES = 300
FOREIGN = 0.4
VERIFY_SAMPLE = 10_000
PUSH_ENTRIES = 64
SCRIPTS = {
    "latin": ("abcdefghijklmnopqrstuvwxyz", 7),
    "cyrillic": ("абвгдежзийклмнопрстуфхцчшщъыьэюя", 7),
    "cjk": ("".join(map(chr, range(0x4E00, 0x5600))), 12),
    "arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", 6),
    "devanagari": ("अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौ्", 6),
}


def make_texts(count: int, chance: random.Random) -> list[str]:
    """Texts of `TEXT_BYTES` bytes made of words of one script each."""
    words = {
        name: ["".join(chance.choices(letters, k=chance.randint(2, size))) for _ in range(4_000)]
        for name, (letters, size) in SCRIPTS.items()
    }
    foreign = [name for name in SCRIPTS if name != "latin"]
    texts = []
    for number in range(count):
        script = chance.choice(foreign) if chance.random() < FOREIGN else "latin"
        text = f"{number}"
        while len(text.encode()) < TEXT_BYTES:
            text += " " + chance.choice(words[script])
        texts.append(text.encode()[:TEXT_BYTES].decode(errors="ignore"))
    return texts


def make_logs(entries: int) -> tuple[list[Person], list[list[Entry]]]:
    """Who writes, and what: `LOGS` logs of posts."""
    texts = make_texts(entries, random.Random(1))
    people = [Person(f"author {number}") for number in range(LOGS)]
    share = entries // LOGS
    logs = [
        [person.post(text) for text in texts[number * share : (number + 1) * share]]
        for number, person in enumerate(people)
    ]
    return people, logs


def cut_runs(log: Sequence[Entry]) -> list[bytes]:
    """A log as the frames of a sync session."""
    frames, run, size = [], list[Entry](), 0
    for entry in log:
        run.append(entry)
        size += len(entry.body or b"") + 80
        if size >= RUN_BYTES or len(run) == MAX_RUN_ENTRIES:
            frames.append(encode_sync(Run(tuple(run))))
            run, size = [], 0
    return [*frames, encode_sync(Run(tuple(run)))] if run else frames


def interleave(logs: Sequence[Sequence[Entry]]) -> list[bytes]:
    """The logs as push frames, as if everybody wrote at the same time."""
    frames = []
    for start in range(0, len(logs[0]), PUSH_ENTRIES):
        frames += [encode_push(Entries(tuple(log[start : start + PUSH_ENTRIES]))) for log in logs]
    return frames


def verify_alone(entries: Sequence[Entry]) -> float:
    """Signatures that PyNaCl checks in a second, with nothing else to do."""
    signed = [(entry.signature + DOMAIN + NETWORK + entry.header, entry.author) for entry in entries]
    check = nacl.bindings.crypto_sign_open
    begun = time.perf_counter()
    for message, author in signed:
        check(message, author)
    return len(signed) / (time.perf_counter() - begun)


async def feed(frames: Sequence[bytes], take: Callable[[bytes, Inflow], Awaitable[None]]) -> None:
    """Give all frames to `take`: a window of them at a time, as a session does, and of entries that are not
    judged no more than it reads. `take` counts them."""
    waiting, inflow = iter(frames), Inflow()

    async def work() -> None:
        while True:
            await inflow.wait_for_room()
            frame = next(waiting, None)
            if frame is None:
                return
            await take(frame, inflow)

    async with trio.open_nursery() as nursery:
        for _ in range(RUN_WINDOW):
            nursery.start_soon(work)


async def ingest(home: Home, people: Sequence[Person], frames: Sequence[bytes], live: bool) -> float:
    """Seconds until all frames are taken in, committed and indexed."""
    bus = Bus()
    intake = Intake(home.shelf, home.network, home.allowed, bus)
    index = home.search()
    source = people[0].id

    async def take(frame: bytes, inflow: Inflow) -> None:
        message = parse_push(frame) if live else parse_sync(frame)
        assert isinstance(message, Entries | Run)
        inflow.add(len(message.entries))
        [verdict] = await intake.ingest([message.entries], source, each_signature=live)
        inflow.done(len(message.entries))
        assert type(verdict).__name__ == "Accepted", verdict

    with tuned():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(Indexing(intake, index).run)
            begun = time.perf_counter()
            await feed(frames, take)
            taken = time.perf_counter() - begun
            await trio.to_thread.run_sync(index.catch_up)
            seconds = time.perf_counter() - begun
            print(f"  committed after {taken:.2f} s, indexed after {seconds:.2f} s")
            nursery.cancel_scope.cancel()
    return seconds


def measure(people: Sequence[Person], frames: Sequence[bytes], entries: int, live: bool) -> float:
    """Entries a second into a fresh home."""
    with temporary_home("bench", people) as home:
        seconds = trio.run(ingest, home, people, frames, live)
        assert home.shelf.count() == entries + 1
    return entries / seconds


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    print(f"making {entries} entries in {LOGS} logs")
    people, logs = make_logs(entries)
    runs = [frame for log in logs for frame in cut_runs(log)]
    pushes = interleave(logs)
    sample = random.Random(2).sample([entry for log in logs for entry in log], min(VERIFY_SAMPLE, entries))
    del logs
    alone = [verify_alone(sample)]
    print(f"bulk: {len(runs)} runs")
    bulk = measure(people, runs, entries, live=False)
    alone.append(verify_alone(sample))
    print(f"live: {len(pushes)} pushes")
    live = measure(people, pushes, entries, live=True)
    alone.append(verify_alone(sample))
    report = {
        "verify_per_s": round(sum(alone) / len(alone)),
        "bulk_per_s": round(bulk),
        "bulk_ratio": round(bulk / ((alone[0] + alone[1]) / 2), 2),
        "live_per_s": round(live),
        "live_ratio": round(live / ((alone[1] + alone[2]) / 2), 2),
        "entries": entries,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
