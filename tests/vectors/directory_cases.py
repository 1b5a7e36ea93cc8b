"""Profiles that a reader of `docs/protocol/directory.md` must understand, and such that it must not show."""

from typing import Any

from node.apps.directory.bodies import KIND, KIND_SECTION, Profile, SectionProfile, parse
from store.entry import make_body

SALT = bytes(range(16))
SECTION = bytes(range(100, 132))
BLOB = bytes(range(200, 232))
GOOD = [2, "", "Lyon", True]

Case = dict[str, Any]

MEMBERS: dict[str, list[object]] = {
    "a name alone: nothing is said about fields": [KIND, "Alice"],
    "no fields: that is said": [KIND, "Alice", []],
    "one field of each number": [
        KIND,
        "Alice",
        [
            [1, "ru", "Алиса", True],
            [2, "", "Lyon", True],
            [3, "", "fr", True],
            [4, "press", "mailto:a@example.org", False],
            [5, "", "/dns/hub.example.org/tcp/4001", False],
            [6, "1234", BLOB, True],
            [7, "de", "Ich backe.\n\tJeden Tag.", False],
            [8, "", "https://example.org/", True],
        ],
    ],
    "unknown numbers are kept, with text or bytes": [
        KIND,
        "Alice",
        [[900, "x", "y", True], [65_535, "", b"\x00", False]],
    ],
    "values after the known ones are ignored": [KIND, "Alice", [[*GOOD, 1, "later"]], "later", 7],
    "64 fields": [KIND, "Alice", [[3, "", f"x-{number}", True] for number in range(64)]],
    "65 fields: nothing is said about them": [
        KIND,
        "Alice",
        [[3, "", f"x-{number}", True] for number in range(65)],
    ],
    "fields that are no list: nothing is said about them": [KIND, "Alice", "fields"],
    "a value of 4,000 bytes": [KIND, "Alice", [[7, "", "é" * 2_000, True]]],
    "of two texts in one language the first counts": [
        KIND,
        "A",
        [[7, "de", "1", True], [7, "DE", "2", True]],
    ],
    "of two pictures the first counts": [KIND, "A", [[6, "1", BLOB, True], [6, "2", SECTION, True]]],
    "two contacts for one purpose": [KIND, "A", [[4, "x", "1", True], [4, "x", "2", True]]],
    "the same contact twice is one": [KIND, "A", [[4, "x", "1", True], [4, "x", "1", False]]],
    "a name with a zero-width joiner where a script needs it": [KIND, "क्\u200dष"],
}

BROKEN_FIELDS: dict[str, object] = {
    "a text instead of a field": "x",
    "three values": GOOD[:3],
    "number 0": [0, "", "x", True],
    "number 65,536": [65_536, "", "x", True],
    "true as a number": [True, "", "x", True],
    "1 as public": [2, "", "Lyon", 1],
    "a tag of 65 characters": [900, "x" * 65, "x", True],
    "a tag with a line break": [900, "a\nb", "x", True],
    "a value of 4,001 bytes": [900, "", "x" * 4_001, True],
    "a number as a value": [900, "", 7, True],
    "a name that shows nothing": [1, "ru", "\u200b\u200c", True],
    "a name that turns the text around it": [1, "ru", "\u202eavE", True],
    "a name of 65 characters": [1, "ru", "x" * 65, True],
    "a name in no language": [1, "in Russian", "Алиса", True],
    "a territory with a tag": [2, "de", "Lyon", True],
    "an empty territory": [2, "", "", True],
    "a territory with white space at its end": [2, "", "Lyon ", True],
    "a territory of 301 characters": [2, "", "x" * 301, True],
    "a language of one letter": [3, "", "d", True],
    "a language with a space": [3, "", "de AT", True],
    "a contact on two lines": [4, "", "a\nb", True],
    "an address without a slash": [5, "", "hub.example.org", True],
    "a picture without a size": [6, "", BLOB, True],
    "a picture of 0 bytes": [6, "0", BLOB, True],
    "a picture of 01 bytes": [6, "01", BLOB, True],
    "a picture of 1 MiB and a byte": [6, "1048577", BLOB, True],
    "a picture whose size has other digits": [6, "١٢", BLOB, True],
    "a picture of 31 bytes of id": [6, "12", BLOB[:31], True],
    "a picture that is named by text": [6, "12", "x" * 32, True],
    "a text of white space": [7, "de", " \n", True],
    "a text with a bell": [7, "de", "x\x07", True],
    "a text as bytes": [7, "de", b"x", True],
    "a page that is a program": [8, "", "javascript:alert(1)", True],
}

REFUSED: dict[str, list[object]] = {
    "no name": [KIND],
    "an empty name": [KIND, ""],
    "a name of 65 characters": [KIND, "x" * 65],
    "a name with white space at its end": [KIND, "Alice "],
    "a name that is not NFC": [KIND, "e\u0301va"],
    "a name with a tab": [KIND, "a\tb"],
    "a name that turns the text around it": [KIND, "\u2066Alice"],
    "a name as bytes": [KIND, b"Alice"],
    "a section without fields": [KIND_SECTION, SECTION],
    "a section named by 31 bytes": [KIND_SECTION, SECTION[:31], []],
    "a section named by text": [KIND_SECTION, "x" * 32, []],
    "a section with 65 fields": [
        KIND_SECTION,
        SECTION,
        [[3, "", f"x-{number}", True] for number in range(65)],
    ],
    "another kind": [66, "Alice", []],
}


def accepted() -> list[Case]:
    """The cases of directory-accept.json."""
    made = [accept(name, content) for name, content in MEMBERS.items()]
    made.append(accept("a section", [KIND_SECTION, SECTION, [GOOD, [7, "fr", "Pain", False]], "later"]))
    made += [
        accept(f"left out: {name}", [KIND, "Alice", [field, GOOD]]) for name, field in BROKEN_FIELDS.items()
    ]
    return [*made, *chosen()]


def accept(name: str, content: list[object]) -> Case:
    """A body with what is to be found in it."""
    body = make_body(SALT, content)
    found = parse(body)
    assert found is not None, name
    is_member = isinstance(found, Profile)
    return {
        "what": "profile",
        "name": name,
        "body": body.hex(),
        "found": {
            "name": found.name if isinstance(found, Profile) else None,
            "section": found.section.hex() if isinstance(found, SectionProfile) else None,
            "fields": None
            if is_member and found.fields is None
            else [shown(field) for field in found.fields or ()],
        },
    }


def shown(field: Any) -> Case:
    """A field as the files have it."""
    value = {"text": field.value} if isinstance(field.value, str) else {"bytes": field.value.hex()}
    return {"number": field.number, "tag": field.tag, "public": field.public, **value}


def chosen() -> list[Case]:
    """Which of several profiles of one member count."""
    laptop, phone = bytes([1] * 32).hex(), bytes([2] * 32).hex()

    def said(device: str, seq: int, time_ms: int, name: str, fields: bool) -> Case:
        return {"device": device, "seq": seq, "time_ms": time_ms, "name": name, "fields": fields}

    first, renamed = said(laptop, 1, 1_000, "Alice", True), said(phone, 1, 2_000, "Alicia", False)
    same_time = said(phone, 2, 1_000, "Ada", True)
    later_seq = said(laptop, 2, 1_000, "Al", True)
    return [
        {
            "what": "choose",
            "name": name,
            "profiles": profiles,
            "found": {"name": called, "fields": fields},
        }
        for name, profiles, called, fields in (
            ("one profile", [first], "Alice", [laptop, 1]),
            ("a later name alone leaves the fields", [first, renamed], "Alicia", [laptop, 1]),
            ("no profile says anything about fields", [renamed], "Alicia", None),
            ("of one time the larger device counts", [first, same_time], "Ada", [phone, 2]),
            ("of one time and device the larger seq counts", [first, later_seq], "Al", [laptop, 2]),
        )
    ]


def refused() -> list[Case]:
    """The cases of directory-refuse.json."""
    cases = []
    for name, content in REFUSED.items():
        body = make_body(SALT, content)
        assert parse(body) is None, name
        cases.append({"what": "profile", "name": name, "body": body.hex(), "error": "not shown"})
    return cases
