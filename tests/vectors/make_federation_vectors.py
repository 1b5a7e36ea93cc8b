"""Writes the vectors of `docs/protocol/federation.md`: federation-accept.json and federation-refuse.json.

Run it and it writes the two files beside itself, or into the folder that is its one argument. Roots, keys,
salts and times are fixed, so that it always writes the same bytes. A change in these files is a change of
the protocol, but for the words of refusals in messages.
"""

import json
import sys
from pathlib import Path

import federation_accept
import federation_refuse
import federation_rosters


def files() -> dict[str, object]:
    """The content of each file."""
    return {
        "federation-accept.json": {"cases": [*federation_accept.cases(), *federation_rosters.cases()]},
        "federation-refuse.json": {"cases": federation_refuse.cases()},
    }


def write(folder: Path) -> None:
    """Write them both."""
    for name, content in files().items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
