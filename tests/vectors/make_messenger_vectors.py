"""Writes the vectors of `docs/protocol/secrecy.md`: messenger-accept.json and messenger-refuse.json.

Run it and it writes both beside itself, or into the folder that is its one argument; always the same bytes. A
change in these files is a change of the protocol.
"""

import json
import sys
from pathlib import Path

import messenger_cases


def write(folder: Path) -> None:
    """Write both files."""
    files = {
        "messenger-accept.json": messenger_cases.accepted(),
        "messenger-refuse.json": messenger_cases.refused(),
    }
    for name, cases in files.items():
        text = json.dumps({"cases": cases}, indent=1, ensure_ascii=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
