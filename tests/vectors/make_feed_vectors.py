"""Writes the vectors of `docs/protocol/feed.md`: feed-accept.json and feed-refuse.json.

Run it and it writes both beside itself, or into the folder that is its one argument; always the same bytes. A
change in these files is a change of the protocol.
"""

import json
import sys
from pathlib import Path
from typing import Any

from store.codec import encode

SALT = bytes(range(16))
WHO = bytes([7]) * 32
BLOB = bytes([8]) * 32
VERSION = bytes([9]) * 32
FILE = [BLOB, "Plan für Mai.pdf", "application/pdf", 12_345]

ACCEPTED: list[tuple[str, list[Any], list[Any]]] = [
    ("the shortest post", [1, "a", ""], ["a", "", [], [], [], False]),
    (
        "a post with everything",
        [1, "#Bread for @Zoë 🍞", "de", ["bread"], [["Zoë", WHO]], [FILE], True],
        ["#Bread for @Zoë 🍞", "de", ["bread"], [["Zoë", WHO]], [FILE], True],
    ),
    ("elements at the end left out", [1, "a", "pt-BR", ["x"]], ["a", "pt-BR", ["x"], [], [], False]),
    (
        "elements at the end that could be left out",
        [1, "a", "", [], [], [], False],
        ["a", "", [], [], [], False],
    ),
    ("a language that is no tag is read as empty", [1, "a", "d e"], ["a", "", [], [], [], False]),
    ("reserved elements", [1, "a", "", [], [], [], False, [1], None], ["a", "", [], [], [], False]),
    (
        "topics of many scripts",
        [1, "a", "", ["strasse", "хлеб", "हिन्दी", "面包", "l·l", "2026-rent", "_a"]],
        ["a", "", ["strasse", "хлеб", "हिन्दी", "面包", "l·l", "2026-rent", "_a"], [], [], False],
    ),
    (
        "control characters in the text are shown as escapes",
        [1, "a\x1b[2J", ""],
        ["a\x1b[2J", "", [], [], [], False],
    ),
    ("a reaction", [2, "👍🏽", True], ["👍🏽", True]),
    ("a reaction that is taken back", [2, "👍🏽"], ["👍🏽", False]),
    ("a word is a reaction", [2, "да", True], ["да", True]),
    ("a correction", [3, "b", "de", ["x"]], ["b", "de", ["x"], [], [], False]),
    ("a translation", [4, "b", "fr", VERSION], ["b", "fr", VERSION, False]),
    ("a public translation", [4, "b", "zh-Hant", VERSION, True], ["b", "zh-Hant", VERSION, True]),
]

REFUSED: list[tuple[str, list[Any]]] = [
    ("an empty text", [1, "", ""]),
    ("white space alone", [1, " \n\u3000", ""]),
    ("bytes for a text", [1, b"a", ""]),
    ("no language", [1, "a"]),
    ("a number for a language", [1, "a", 1]),
    ("17 topics", [1, "a", "", [f"t{n}" for n in range(17)]]),
    ("a topic with a number sign", [1, "a", "", ["#x"]]),
    ("a topic in capitals", [1, "a", "", ["X"]]),
    ("a topic without a letter", [1, "a", "", ["2026"]]),
    ("a topic that ends in a hyphen", [1, "a", "", ["x-"]]),
    ("a topic with a space", [1, "a", "", ["x y"]]),
    ("a topic that is not in NFC", [1, "a", "", ["e\u0301"]]),
    ("a topic of 65 characters", [1, "a", "", ["x" * 65]]),
    ("33 mentions", [1, "a", "", [], [["x", WHO]] * 33]),
    ("a mention of 31 bytes", [1, "a", "", [], [["x", WHO[1:]]]]),
    ("a mention with a line end", [1, "a", "", [], [["x\ny", WHO]]]),
    ("a mention of nobody", [1, "a", "", [], [["x"]]]),
    ("17 files", [1, "a", "", [], [], [FILE] * 17]),
    ("a file whose name has a slash", [1, "a", "", [], [], [[BLOB, "../a", "text/plain", 1]]]),
    ("a file of negative size", [1, "a", "", [], [], [[BLOB, "a", "text/plain", -1]]]),
    ("a file that is too large", [1, "a", "", [], [], [[BLOB, "a", "text/plain", 2**34 + 1]]]),
    ("a file without a name", [1, "a", "", [], [], [[BLOB, "", "text/plain", 1]]]),
    ("a media type that is not ASCII", [1, "a", "", [], [], [[BLOB, "a", "text/ü", 1]]]),
    ("a number for public", [1, "a", "", [], [], [], 1]),
    ("true for a kind", [True, "a", ""]),
    ("an empty reaction", [2, "", True]),
    ("a reaction with a space", [2, "a b", True]),
    ("a reaction of 33 bytes", [2, "x" * 33, True]),
    ("a number for on", [2, "x", 1]),
    ("an empty correction", [3, "", ""]),
    ("a translation into no language", [4, "b", "", VERSION]),
    ("a translation of no version", [4, "b", "de"]),
    ("a translation of a version of 31 bytes", [4, "b", "de", VERSION[1:]]),
    ("a number for public in a translation", [4, "b", "de", VERSION, 0]),
    ("another kind", [5, "b", "de"]),
]


def plain(value: Any) -> Any:
    """A value for JSON: bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list) else value


def write(folder: Path) -> None:
    """Write both files."""
    files = {
        "feed-accept.json": [
            {
                "what": "body",
                "name": name,
                "body": (SALT + encode(content)).hex(),
                "content": plain([content[0], *read]),
            }
            for name, content, read in ACCEPTED
        ],
        "feed-refuse.json": [
            {"what": "body", "name": name, "body": (SALT + encode(content)).hex(), "error": "not shown"}
            for name, content in REFUSED
        ],
    }
    for name, cases in files.items():
        text = json.dumps({"cases": cases}, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
