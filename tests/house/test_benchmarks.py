"""The benchmarks still run: each one that is quick with little to do prints the keys that are promised.

The figures of such short runs say nothing and are not looked at. What takes long to set up is left out here;
the type checker reads all of them.
"""

import json
import subprocess
import sys

import pytest

from premises import ROOT

DEADLINE_S = 240

QUICK = {
    "ingest.py 2000": "verify_per_s bulk_per_s bulk_ratio live_per_s live_ratio",
    "views.py 2000 50": "ingest_per_s verify_per_s ratio timeline_ms thread_ms search_ms db_bytes_per_entry",
    "merge.py 20": "equal_to_git lost_lines",
    "sync_bytes.py 100": "equal_bytes equal_round_trips ten_recent_bytes ten_scattered_bytes ten_round_trips",
    "replicate.py 1000": "ratio wire_bytes_per_entry receiver_peak_rss_mb",
    "secrecy.py 50": "send_ratio receive_ratio overhead_bytes open_attempts_per_s",
    "groups.py 8 10": "rekey_s rekey_bytes create_s message_entries",
    "chat_latency.py --messages 3": "p50_ms p99_ms lost",
}
"""Command, and the keys of the object in its last line."""


@pytest.mark.parametrize("command", QUICK)
def test_a_benchmark_prints_what_it_promises(command: str) -> None:
    name, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert set(QUICK[command].split()) <= set(report)
