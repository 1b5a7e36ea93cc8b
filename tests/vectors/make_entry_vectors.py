"""Writes the vectors of `docs/protocol/entry.md`: entry-accept.json, entry-refuse.json, entry-reencode.json.

Run it and it writes the three files beside itself, or into the folder that is its one argument. Keys,
salts and times are fixed, so that it always writes the same bytes. A change in these files is a change
of the protocol.
"""

import json
import sys
from pathlib import Path

import entry_accept
import entry_reencode
import entry_refuse


def files() -> dict[str, object]:
    """The content of each file."""
    return {
        "entry-accept.json": {"cases": entry_accept.cases()},
        "entry-refuse.json": {"cases": entry_refuse.cases()},
        "entry-reencode.json": {
            "values": list(entry_reencode.values()),
            "bodies": list(entry_reencode.contents()),
            "foreign": list(entry_reencode.foreign()),
        },
    }


def write(folder: Path) -> None:
    """Write them all."""
    for name, content in files().items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
