"""How soon the daemon is ready, what it weighs at rest, and how fast a timeline of a large store is read.

    python benchmarks/daemon.py [entries]

A fresh home is started several times; then a home is filled in bulk with feed entries of 100 authors, and
the newest 50 are read. Store, views and search index are as in real life; the signatures are made up, and
nothing here verifies them. Prints; the last line is one JSON object:

    ready_ms      from the start of the process `aster run` to its ready line, median, fresh home
    idle_rss_mb   resident memory of that process, 3 s later
    timeline_ms   the newest 50 of all entries, asked of the api in its process, median
    socket_ms     the same through the control socket, median
    full_ready_ms, full_rss_mb   as above for the filled home
    entries       how many it was filled with
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from node.apps.feed.bodies import Post, compose
from node.doors.control.client import Client
from node.home import Home, open_home
from node.paths import Paths
from node.queries import Queries
from store.codec import encode_trusted
from store.crypto import SigningKey, digest
from store.entry import VERSION, Entry, build
from store.ids import LOG_FEED, AuthorId
from store.sqlite.home import Peer

ENTRIES = 1_000_000
AUTHORS = 100
RUN = 1_000
STARTS = 5
TIMES = 50
LIMIT = 50
IDLE_S = 3.0
FIRST_MS = 1_700_000_000_000
INSTALLED = Path(sys.executable).with_name("aster")
ASTER = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "cli"]
TEXTS = (
    "The kitchen opens at noon, and whoever can is asked to bring a chair.",
    "Собрание в воскресенье, в десять утра, у старой мельницы.",
    "明天上午十点在老地方开会。",
    "الاجتماع يوم الأحد في العاشرة صباحا",
)


def start_daemon(home: Path) -> tuple[float, float]:
    """Start a daemon and end it again: ms until it was ready, and its resident memory in MB."""
    begun = time.perf_counter()
    daemon = subprocess.Popen(
        [*ASTER, "run", "--json", "--listen", "/ip4/127.0.0.1/tcp/0"],
        env={**os.environ, "ASTERISM_HOME": str(home)},
        stdout=subprocess.PIPE,
    )
    try:
        assert daemon.stdout is not None
        event = json.loads(daemon.stdout.readline())
        ready_ms = (time.perf_counter() - begun) * 1000
        assert event["event"] == "ready"
        time.sleep(IDLE_S)
        rss_kb = int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(daemon.pid)]))
        return ready_ms, rss_kb / 1024
    finally:
        daemon.terminate()
        daemon.wait(30)


def socket_ms(home: Path) -> float:
    """Median time of a timeline through the control socket."""
    daemon = subprocess.Popen(
        [*ASTER, "run", "--json", "--listen", "/ip4/127.0.0.1/tcp/0"],
        env={**os.environ, "ASTERISM_HOME": str(home)},
        stdout=subprocess.PIPE,
    )
    try:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        client = Client(Paths(home))
        return median_ms(lambda: len(list(client.stream("read", {"limit": LIMIT}))))
    finally:
        daemon.terminate()
        daemon.wait(30)


def median_ms(work: Callable[[], int]) -> float:
    """Median time of calls that have to give `LIMIT` messages each."""
    taken = []
    for _ in range(TIMES + 5):
        begun = time.perf_counter()
        assert work() == LIMIT
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken[5:])


def fill(home: Home, entries: int) -> None:
    """Append feed entries of many authors, mixed in time."""
    authors = [SigningKey(digest(b"benchmark author %d" % number)).author for number in range(AUTHORS)]
    for author in authors:
        home.tables.put_peer(Peer(author, "", (), "", 0))
    heads: dict[AuthorId, tuple[int, bytes]] = dict.fromkeys(authors, (0, b""))
    done = 0
    while done < entries:
        runs = []
        for author in authors[:4]:
            run = []
            seq, back = heads[author]
            for _ in range(min(RUN, entries - done)):
                seq += 1
                done += 1
                entry = make_entry(author, seq, back, done)
                back = entry.id
                run.append(entry)
            heads[author] = (seq, back)
            if run:
                runs.append(run)
        authors = authors[4:] + authors[:4]
        home.shelf.append(runs, checked=True, durable=False)
        print(f"\r{done:,} entries", end="", flush=True)
    print()


def make_entry(author: AuthorId, seq: int, back: bytes, number: int) -> Entry:
    """A feed entry with a made-up signature."""
    salt = digest(number.to_bytes(8, "big"))
    body = compose(Post(f"{number}: {TEXTS[number % len(TEXTS)]}", ""), salt[:16])
    time_ms = FIRST_MS + (number * 7_919) % 100_000_000_000
    fields = (VERSION, author, LOG_FEED, seq, back, len(body), digest(body), time_ms, ())
    return build(fields, encode_trusted(fields), salt + salt, body)


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        environment = {**os.environ, "ASTERISM_HOME": str(home)}
        subprocess.run(
            [*ASTER, "init", "--name", "bench", "--unattended", "--quiet"], env=environment, check=True
        )
        starts = [start_daemon(home) for _ in range(STARTS)]
        begun = time.perf_counter()
        with open_home(Paths(home), lambda: None, writing=True) as opened:
            fill(opened, entries)
            while opened.search().index_some():
                pass
            print(f"filled in {time.perf_counter() - begun:.0f} s")
            queries = Queries(opened)
            timeline_ms = median_ms(lambda: len(list(queries.social.read(limit=LIMIT))))
        figures = {
            "ready_ms": round(statistics.median(ready for ready, _ in starts)),
            "idle_rss_mb": round(statistics.median(rss for _, rss in starts), 1),
            "timeline_ms": round(timeline_ms, 2),
            "socket_ms": round(socket_ms(home), 2),
        }
        full_ready_ms, full_rss_mb = start_daemon(home)
        figures |= {
            "full_ready_ms": round(full_ready_ms),
            "full_rss_mb": round(full_rss_mb, 1),
            "entries": entries,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
