"""Writes the vectors of `docs/protocol/documents.md`: documents-accept.json and documents-refuse.json.

Run it and it writes both beside itself, or into the folder that is its one argument; always the same bytes. A
change in these files is a change of the protocol.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from store.codec import encode

SALT = bytes(range(16))
ONE, TWO = b"unit-one", b"unit-two"
BLOB = bytes([8]) * 32


def source(text: str) -> bytes:
    """The first 8 bytes of the digest of a text."""
    return hashlib.blake2b(text.encode(), digest_size=32).digest()[:8]


UNITS = [[ONE, "# Plan\n\n"], [TWO, "Bread für alle.\n"]]
RENDERED = [[ONE, source("# Plan\n\n"), "# Plan\n"], [TWO, bytes(8), "Du pain pour tous."]]
HEAD = ["plan.md", "Our plan", "text/markdown", "en", ["food", "2026"], True]

BODIES: list[tuple[str, list[Any]]] = [
    ("a version", [33, *HEAD, UNITS]),
    ("an empty document", [33, "a", "", "text/plain", "", [], False, []]),
    ("a name of many scripts", [33, "протокол/会议", "", "text/plain", "ru", [], False, UNITS[:1]]),
    ("a long version", [34, *HEAD, BLOB, 40_000, "# Plan\n"]),
    ("a translation", [35, "plan.md", "Notre plan", "fr", True, RENDERED]),
    ("a translation of nothing yet", [35, "plan.md", "", "zh-Hant", False, []]),
    ("a long translation", [36, "plan.md", "", "pt-BR", False, BLOB, 40_000, ""]),
]
RESERVED: list[tuple[str, list[Any], list[Any]]] = [
    ("reserved elements", [33, *HEAD, UNITS, 7, None], [33, *HEAD, UNITS]),
    (
        "a language that is no tag is read as empty",
        [33, "a", "", "text/plain", "d e", [], False, []],
        [33, "a", "", "text/plain", "", [], False, []],
    ),
]
CUT: list[tuple[str, str, list[str]]] = [
    ("no text", "", []),
    ("one line", "a", ["a"]),
    ("two paragraphs", "a\nb\n\nc\n", ["a\nb\n\n", "c\n"]),
    ("several blank lines belong to the paragraph before", "a\n\n \t\n\nb", ["a\n\n \t\n\n", "b"]),
    ("blank lines at the beginning belong to the first", "\n\na\n\nb\n", ["\n\na\n\n", "b\n"]),
    ("blank lines alone", "\n \n", ["\n \n"]),
    ("a carriage return is no end of a line", "a\r\n\r\nb\rc", ["a\r\n\r\n", "b\rc"]),
    ("other separators are no ends of lines", "a\u2029\u2029b\x0b\x0bc", ["a\u2029\u2029b\x0b\x0bc"]),
]
TRANSLATED: list[tuple[str, list[Any], list[list[Any]], list[str | None]]] = [
    ("nobody has begun", UNITS, [], ["missing", "missing"]),
    ("one part is out of date", UNITS, [RENDERED], ["fine", "out of date"]),
    (
        "an older rendering of the present text comes before a newer one of another",
        UNITS,
        [[[ONE, bytes(8), "new"]], [[ONE, source("# Plan\n\n"), "old"]]],
        ["fine", "missing"],
    ),
    ("a unit of white space needs none", [[ONE, " \n\n"], [TWO, "a"]], [], [None, "missing"]),
]
REFUSED: list[tuple[str, list[Any]]] = [
    ("no name", [33, "", *HEAD[1:], UNITS]),
    ("a name with a space at its end", [33, "a ", *HEAD[1:], UNITS]),
    ("a name that is not in NFC", [33, "e\u0301", *HEAD[1:], UNITS]),
    ("a name with a line end", [33, "a\nb", *HEAD[1:], UNITS]),
    ("a name of 201 characters", [33, "a" * 201, *HEAD[1:], UNITS]),
    ("a title of 301 characters", [33, "a", "a" * 301, *HEAD[2:], UNITS]),
    ("a media type without a slash", [33, "a", "", "text", "", [], False, UNITS]),
    ("17 tags", [33, "a", "", "text/plain", "", [f"t{n}" for n in range(17)], False, UNITS]),
    ("a tag twice", [33, "a", "", "text/plain", "", ["x", "x"], False, UNITS]),
    ("a tag in capitals", [33, "a", "", "text/plain", "", ["X"], False, UNITS]),
    ("a number for public", [33, "a", "", "text/plain", "", [], 1, UNITS]),
    ("two units of one id", [33, *HEAD, [[ONE, "a"], [ONE, "b"]]]),
    ("an id of 7 bytes", [33, *HEAD, [[ONE[1:], "a"]]]),
    ("a unit without text", [33, *HEAD, [[ONE, ""]]]),
    ("a unit with a zero byte", [33, *HEAD, [[ONE, "a\0"]]]),
    ("no units at all", [33, *HEAD]),
    ("a text in place of units", [33, *HEAD, "text"]),
    ("a blob of 31 bytes", [34, *HEAD, BLOB[1:], 1, ""]),
    ("a blob of no bytes", [34, *HEAD, BLOB, 0, ""]),
    ("a blob that is too large", [34, *HEAD, BLOB, 8_388_609, ""]),
    ("an excerpt that is too long", [34, *HEAD, BLOB, 10_000, "x" * 8_193]),
    ("a translation into no language", [35, "a", "", "", False, RENDERED]),
    ("a language in another spelling", [35, "a", "", "PT_br", False, RENDERED]),
    ("a digest of 7 bytes", [35, "a", "", "fr", False, [[ONE, bytes(7), "a"]]]),
    ("another kind", [37, *HEAD, UNITS]),
]
BLOBS: list[tuple[str, list[Any]]] = [
    ("another version", [2, UNITS]),
    ("no version", [UNITS]),
    ("a unit without text", [1, [[ONE, ""]]]),
    ("something more", [1, UNITS, 0]),
]


def plain(value: Any) -> Any:
    """A value for JSON: bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list) else value


def accepted() -> list[dict[str, Any]]:
    """What must be accepted."""
    bodies = [*((name, content, content) for name, content in BODIES), *RESERVED]
    return [
        *(
            {"what": "body", "name": name, "body": (SALT + encode(content)).hex(), "found": plain(found)}
            for name, content, found in bodies
        ),
        *({"what": "units", "name": name, "text": text, "units": units} for name, text, units in CUT),
        *(
            {
                "what": "translated",
                "name": name,
                "units": plain(units),
                "translations": plain(translations),
                "states": states,
            }
            for name, units, translations, states in TRANSLATED
        ),
    ]


def refused() -> list[dict[str, Any]]:
    """What must be refused."""
    return [
        *(
            {"what": "body", "name": name, "body": (SALT + encode(content)).hex(), "error": "not shown"}
            for name, content in REFUSED
        ),
        *(
            {"what": "blob", "name": name, "blob": encode(content).hex(), "error": "not shown"}
            for name, content in BLOBS
        ),
    ]


def write(folder: Path) -> None:
    """Write both files."""
    for name, cases in (("documents-accept.json", accepted()), ("documents-refuse.json", refused())):
        text = json.dumps({"cases": cases}, indent=1, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
