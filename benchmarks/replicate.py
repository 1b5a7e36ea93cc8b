"""Two processes over libp2p: how fast does an empty home take over 100,000 entries?

    python benchmarks/replicate.py [entries]

The entries are those of `ingest.py`: posts of 300 bytes in 100 logs, 40 % of them not ASCII. Both homes are
encrypted, with view and search index. The clock runs from the moment at which the receiver learns the
sender's address until everything is committed, folded and indexed there. PyNaCl verifying alone is measured
in the receiver's process before and after. `wire_bytes_per_entry` is what the receiver read from the sync
stream, less the UTF-8 bytes of the texts. The last line is one JSON object.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Any

import trio
from ingest import ENTRIES, LOGS, TEXT_BYTES, VERIFY_SAMPLE, make_logs, verify_alone
from mesh import running_node

from gossip.net.sync_streams import SyncReport
from gossip.proto.events import Accepted, SyncProgress
from node.testing.people import Person
from store.entry import Entry, content_of, parse
from store.log import MAX_RUN_ENTRIES

Json = dict[str, Any]

SENDER, RECEIVER = Person("sender"), Person("receiver")


async def send(entries: int) -> None:
    """The sender's process: fill the home, say where it is, and serve until standard input ends."""
    people, logs = make_logs(entries)
    async with running_node(SENDER, [*people, SENDER, RECEIVER], target_links=1) as node:
        for log in logs:
            pieces = [tuple(log[at : at + MAX_RUN_ENTRIES]) for at in range(0, len(log), MAX_RUN_ENTRIES)]
            verdicts = await node.intake.ingest(pieces, people[0].id, each_signature=False)
            assert all(isinstance(verdict, Accepted) for verdict in verdicts)
        texts = sum(len(content_of(entry.body)[1].encode()) for log in logs for entry in log if entry.body)
        some = [entry for log in logs for entry in log][:: entries // VERIFY_SAMPLE or 1]
        sample = [[entry.header.hex(), entry.signature.hex()] for entry in some]
        logs.clear()
        while node.intake.unchecked_logs():  # noqa: ASYNC110 (a benchmark may look now and then)
            await trio.sleep(0.2)
        offer = {"address": node.host.addresses[0], "text_bytes": texts, "sample": sample}
        print(json.dumps(offer), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


async def receive(entries: int, offer: Json) -> Json:
    """The receiver's process: dial, wait until all is here, and give the figures."""
    people = [Person(f"author {number}") for number in range(LOGS)]
    reports: list[SyncReport] = []

    def note(news: SyncReport | SyncProgress) -> None:
        if isinstance(news, SyncReport):
            reports.append(news)

    async with running_node(RECEIVER, [*people, SENDER, RECEIVER], target_links=1) as node:
        node.driver.on_sync(note)
        before = node.intake.entries
        begun = time.perf_counter()
        node.know(SENDER.id, offer["address"])
        await node.intake.grown(before + entries)
        committed_s = time.perf_counter() - begun
        await trio.to_thread.run_sync(node.home.search().catch_up)
        seconds = time.perf_counter() - begun
        while not any(news.ended.ok and news.ended.entries_received for news in reports):  # noqa: ASYNC110
            await trio.sleep(0.05)
        received = sum(report.bytes_received for report in reports)
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "entries_per_s": round(entries / seconds),
        "committed_per_s": round(entries / committed_s),
        "wire_bytes_per_entry": round((received - offer["text_bytes"]) / entries, 1),
        "receiver_peak_rss_mb": round(peak_kb / 1024),
    }


def sample_of(offer: Json) -> list[Entry]:
    """The entries on which verifying alone is measured."""
    return [parse(bytes.fromhex(header), bytes.fromhex(proof), None) for header, proof in offer["sample"]]


def main() -> None:
    """Start the sender, receive, and print."""
    if "--send" in sys.argv:
        trio.run(send, int(sys.argv[-1]))
        return
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    command = [sys.executable, __file__, "--send", str(entries)]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert sender.stdout is not None
        offer = json.loads(sender.stdout.readline())
        sample = sample_of(offer)
        del offer["sample"]
        alone = [verify_alone(sample)]
        figures = trio.run(receive, entries, offer)
        alone.append(verify_alone(sample))
    finally:
        sender.communicate(timeout=30)
    verify_per_s = sum(alone) / len(alone)
    report = {
        "entries_per_s": figures["entries_per_s"],
        "verify_per_s": round(verify_per_s),
        "ratio": round(figures["entries_per_s"] / verify_per_s, 2),
        **figures,
        "entries": entries,
        "text_bytes": TEXT_BYTES,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
