"""Whether concurrent edits are merged as git merges them, and whether a line is ever lost.

    python benchmarks/merge.py [pairs]

Random pairs of concurrent edits of one text: paragraphs of some scripts, of which each side changes, adds,
takes away, doubles and moves lines and paragraphs, sometimes the same ones. Each is merged as `aster doc`
does, and by `git merge-file`.

    equal_to_git  of the merges that git does without a conflict, those whose result has the same bytes here
    lost_lines    lines that either side has beyond the base and that are not in the result, clean or not,
                  unless the other side took the same lines away

The last line is one JSON object.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ingest import SCRIPTS

from node.apps.documents.merging import merge

PAIRS = 1_000
PARAGRAPHS = 12


def sentence(chance: random.Random, letters: str, most: int) -> str:
    """A line of words."""
    words = [
        "".join(chance.choices(letters, k=chance.randint(1, most))) for _ in range(chance.randint(3, 12))
    ]
    return " ".join(words)


def first_text(chance: random.Random) -> list[str]:
    """Lines of a text: paragraphs with blank lines between, some lines the same as others."""
    letters, most = SCRIPTS[chance.choice(list(SCRIPTS))]
    lines: list[str] = []
    for _ in range(chance.randint(1, PARAGRAPHS)):
        if chance.random() < 0.3:
            lines += [f"## {sentence(chance, letters, most)}", ""]
        lines += [sentence(chance, letters, most) for _ in range(chance.randint(1, 5))]
        lines += [""] * chance.choice((1, 1, 1, 2))
    if chance.random() < 0.2:
        lines += chance.sample(lines, min(3, len(lines)))
    return lines


def edited(lines: list[str], chance: random.Random) -> list[str]:
    """What one side makes of a text."""
    lines = list(lines)
    letters, most = SCRIPTS[chance.choice(list(SCRIPTS))]
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(lines) + 1)
        match chance.randrange(6):
            case 0:
                lines[at:at] = [sentence(chance, letters, most)]
            case 1:
                lines[at:at] = [sentence(chance, letters, most), ""]
            case 2:
                del lines[at : at + chance.randint(1, 3)]
            case 3 if at < len(lines):
                lines[at] = f"{lines[at]} {sentence(chance, letters, most)}".strip()
            case 4 if at < len(lines):
                lines[at:at] = lines[at : at + 2]
            case 5:
                part = lines[at : at + 3]
                del lines[at : at + 3]
                to = chance.randrange(len(lines) + 1)
                lines[to:to] = part
    return lines


def as_text(lines: list[str], chance: random.Random) -> str:
    """Lines as a file; now and then without an end of the last line."""
    text = "".join(f"{line}\n" for line in lines)
    return text.removesuffix("\n") if chance.random() < 0.05 else text


def merge_with_git(folder: Path, base: str, ours: str, theirs: str) -> tuple[str, bool]:
    """What `git merge-file` makes of it, and whether that is without a conflict."""
    paths = []
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        paths.append(folder / name)
        paths[-1].write_bytes(text.encode())
    done = subprocess.run(["git", "merge-file", "-p", *paths], capture_output=True, check=False)
    return done.stdout.decode(), done.returncode == 0


def lost(base: str, side: str, merged: str) -> int:
    """Lines that a side added and that are not in the result."""
    added = Counter(side.split("\n")) - Counter(base.split("\n"))
    there = Counter(merged.split("\n"))
    return sum(max(0, count - there[line]) for line, count in added.items() if line)


def main() -> None:
    """Measure and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    chance = random.Random(4)
    clean = equal = conflicts = both_clean = lines_lost = 0
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(pairs):
            start = first_text(chance)
            base, ours, theirs = (
                as_text(lines, chance) for lines in (start, edited(start, chance), edited(start, chance))
            )
            begun = time.perf_counter()
            merged = merge(base, ours, theirs, "ours", "theirs")
            seconds += time.perf_counter() - begun
            text, is_clean = merge_with_git(Path(folder), base, ours, theirs)
            clean += is_clean
            both_clean += is_clean and not merged.conflicts
            equal += is_clean and not merged.conflicts and merged.text == text
            conflicts += merged.conflicts > 0
            lines_lost += lost(base, ours, merged.text) + lost(base, theirs, merged.text)
    report = {
        "equal_to_git": round(equal / clean, 4),
        "lost_lines": lines_lost,
        "pairs": pairs,
        "clean_in_git": clean,
        "clean_in_both": both_clean,
        "conflicts": conflicts,
        "merges_per_s": round(pairs / seconds),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
