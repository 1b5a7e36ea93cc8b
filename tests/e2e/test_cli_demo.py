"""The demo, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

DEADLINE_S = 280


def test_the_demo_comes_about_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[-1]["ok"] is True
    assert any("kill -9" in each["text"] for each in told)
    assert any("end-to-end encrypted" in each["text"] for each in told)
    assert {"Lyon", "Berlin", "Porto"} in [set(each.get("sections", ())) for each in told]
    assert list(tmp_path.iterdir()) == []
