"""Writes the vectors of `docs/protocol/sync.md` and `docs/protocol/gossip.md`: sync-accept.json and so on.

Run it and it writes the six files beside itself, or into the folder that is its one argument. Keys, nonces
and times are fixed, so that it always writes the same bytes. A change in these files is a change of the
protocol, except that other nodes may describe ranges in other ways (see sync.md).
"""

import json
import sys
from pathlib import Path

import gossip_accept
import gossip_reencode
import gossip_refuse
import sync_accept
import sync_refuse


def files() -> dict[str, object]:
    """The content of each file."""
    return {
        "sync-accept.json": {"cases": sync_accept.cases()},
        "sync-refuse.json": {"cases": sync_refuse.cases()},
        "sync-reencode.json": {"values": gossip_reencode.sync_values()},
        "gossip-accept.json": {"cases": gossip_accept.cases()},
        "gossip-refuse.json": {"cases": gossip_refuse.cases()},
        "gossip-reencode.json": {"values": gossip_reencode.gossip_values()},
    }


def write(folder: Path) -> None:
    """Write them all."""
    for name, content in files().items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
