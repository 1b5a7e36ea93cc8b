"""How fast a home of a million entries of all kinds is filled, read and searched, and how large it is.

    python benchmarks/views.py [entries [authors]]

Posts, answers, reactions, corrections, translations, versions of documents and their translations, files,
profiles, deletions and receipts (`node.testing.society`), as run frames of a sync: parsed, accepted on the
last signature of each run, appended, folded into all views, indexed for search. The clock stops when
everything is committed and indexed. PyNaCl verifying signatures and doing nothing else is measured before
and after; `ratio` is the rate over the mean of both.

Then medians of `TIMES` questions each, asked as the doors do: the newest 50 of the timeline, 50 of a thread,
the newest 50 that contain words, common and rare ones in several scripts. Last the size of all files of the
home. The last line is one JSON object.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import trio
from ingest import VERIFY_SAMPLE, cut_runs, ingest, verify_alone

from node.home import Home
from node.queries import Queries
from node.testing.homes import temporary_home
from node.testing.society import GREAT_THREADS, SCRIPTS, Society
from store.ids import to_text

ENTRIES = 1_000_000
AUTHORS = 2_000
LIMIT = 50
TIMES = 60


def median_ms(work: Callable[[], object]) -> float:
    """Median time of calls."""
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


class Questions:
    """What people ask, over and over, each time of something else."""

    def __init__(self, home: Home, society: Society) -> None:
        self.social = Queries(home).social
        self.chance = random.Random(3)
        self.society = society
        self.roots = [said.root for said in society.posts]

    def timeline(self) -> None:
        """The newest 50."""
        assert len(list(self.social.timeline(limit=LIMIT))) == LIMIT

    def thread(self) -> None:
        """The newest 50 of a thread: every other time of a great one, else of any."""
        great = self.society.posts[self.chance.randrange(GREAT_THREADS)].root
        root = great if self.chance.random() < 0.5 else self.chance.choice(self.roots)
        assert list(self.social.thread(to_text(root), limit=LIMIT))

    def search(self, ranks: Sequence[int]) -> None:
        """The newest 50 of all apps that contain words of these ranks, of one language."""
        words = self.society.words[self.chance.choice(list(SCRIPTS))]
        list(self.social.search(" ".join(words[rank] for rank in ranks), limit=LIMIT))

    def figures(self) -> dict[str, float]:
        """Medians in ms. Of the searches the slowest kind counts."""
        kinds = {
            "one common word": lambda: self.search([self.chance.randrange(10)]),
            "three common words": lambda: self.search(self.chance.sample(range(20), 3)),
            "a common and a rare word": lambda: self.search([self.chance.randrange(10), 2_000]),
            "a rare word": lambda: self.search([self.chance.randrange(1_000, 8_000)]),
        }
        searches = {kind: median_ms(work) for kind, work in kinds.items()}
        for kind, taken in searches.items():
            print(f"  {kind}: {taken:.1f} ms")
        return {
            "timeline_ms": round(median_ms(self.timeline), 2),
            "thread_ms": round(median_ms(self.thread), 2),
            "search_ms": round(max(searches.values()), 2),
        }


def tidy(home: Home) -> None:
    """What an idle daemon does after bulk."""
    begun = time.perf_counter()
    while home.search().tidy():
        pass
    print(f"  the search index tidied in {time.perf_counter() - begun:.1f} s")


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    authors = int(sys.argv[2]) if len(sys.argv) > 2 else AUTHORS
    print(f"making {entries:,} entries of {authors:,} authors")
    society = Society(authors)
    logs = society.write(entries)
    sample = random.Random(2).sample([entry for log in logs for entry in log], min(VERIFY_SAMPLE, entries))
    frames = [frame for log in logs for frame in cut_runs(log)]
    del logs
    alone = [verify_alone(sample)]
    with temporary_home("bench", society.people) as home:
        print(f"{len(frames):,} runs")
        seconds = trio.run(ingest, home, society.people, frames, False)
        alone.append(verify_alone(sample))
        assert home.shelf.count() == entries + 1
        del frames
        tidy(home)
        figures = Questions(home, society).figures()
        home.close()
        size_bytes = size_of(home.paths.home)
    verify_per_s = statistics.mean(alone)
    report = {
        "ingest_per_s": round(entries / seconds),
        "verify_per_s": round(verify_per_s),
        "ratio": round(entries / seconds / verify_per_s, 2),
        **figures,
        "db_bytes_per_entry": round(size_bytes / entries),
        "entries": entries,
        "authors": authors,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
