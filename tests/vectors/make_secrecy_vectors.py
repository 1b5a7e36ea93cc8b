"""Writes the vectors of `docs/protocol/secrecy.md`: secrecy-accept.json and secrecy-refuse.json.

The libraries take their chance from the system, so what was encrypted can be recorded only once:
secrecy-accept.json is a frozen record, and `make_secrecy_vectors.py --anew` makes another one: with it the
promise is gone that what was sealed by older versions still opens. Without it the script writes
secrecy-refuse.json from the record, beside itself or into the folder that is its one argument; always the
same bytes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import secrecy_record
import secrecy_refuse

HERE = Path(__file__).parent
Case = dict[str, Any]


def save(path: Path, cases: list[Case]) -> None:
    """Write a file of cases."""
    path.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


def write(folder: Path) -> None:
    """Write what is refused, from what is accepted."""
    accepted = json.loads((HERE / "secrecy-accept.json").read_text(encoding="utf-8"))["cases"]
    save(folder / "secrecy-refuse.json", secrecy_refuse.cases(accepted))


if __name__ == "__main__":
    if sys.argv[1:] == ["--anew"]:
        save(HERE / "secrecy-accept.json", secrecy_record.cases())
        write(HERE)
    else:
        write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
