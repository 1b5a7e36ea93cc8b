"""Writes the vectors of "Transfer" in `docs/protocol/files.md`: blobs-stream-accept.json and so on.

Run it and it writes the three files beside itself, or into the folder that is its one argument; always the
same bytes. A change in these files is a change of the protocol.
"""

import json
import sys
from pathlib import Path

import blobs_stream_cases


def write(folder: Path) -> None:
    """Write them all."""
    files: dict[str, object] = {
        "blobs-stream-accept.json": {"cases": blobs_stream_cases.accept()},
        "blobs-stream-refuse.json": {"cases": blobs_stream_cases.refuse()},
        "blobs-stream-reencode.json": {"values": blobs_stream_cases.reencode()},
    }
    for name, content in files.items():
        text = json.dumps(content, indent=1, ensure_ascii=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
