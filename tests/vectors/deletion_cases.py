"""The cases of `docs/protocol/deletion.md`: bodies, and what is left of a set of entries."""

from typing import Any

from node.testing.people import NETWORK, Person, people
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_ID, EntryId

Case = dict[str, Any]

X, Y = EntryId(bytes(range(32))), EntryId(bytes(range(32, 64)))


def _entry(entry: Entry) -> dict[str, str | None]:
    return {
        "header": entry.header.hex(),
        "signature": entry.signature.hex(),
        "body": None if entry.body is None else entry.body.hex(),
    }


def _said(name: str, content: list[object], links: list[EntryId], found: dict[str, object]) -> Case:
    entry = Person("bob").write(content, LOG_DELETIONS, links)
    return {"what": "said", "name": name, **_entry(entry), "found": found}


def _deletion(links: list[EntryId], reason: str) -> dict[str, object]:
    return {"kind": 96, "names": [link.hex() for link in links], "reason": reason}


def _receipt(links: list[EntryId]) -> dict[str, object]:
    return {"kind": 97, "names": [link.hex() for link in links]}


def accepted() -> list[Case]:
    """What is understood, and what a set of entries comes to."""
    many = [EntryId(number.to_bytes(32, "big")) for number in range(16)]
    return [
        _said("a deletion", [96, "The date was wrong."], [X], _deletion([X], "The date was wrong.")),
        _said("a deletion of sixteen, without a reason", [96, ""], many, _deletion(many, "")),
        _said("a reason of 300 characters", [96, "ж" * 300], [X, Y], _deletion([X, Y], "ж" * 300)),
        _said("a deletion with more elements", [96, "x", [1], None], [X], _deletion([X], "x")),
        _said("a receipt", [97], [X, Y], _receipt([X, Y])),
        _said("a receipt with more elements", [97, "x"], [X], _receipt([X])),
        *_sets(),
    ]


def refused() -> list[Case]:
    """Entries of the log that say nothing."""
    bad: list[tuple[str, list[object], list[EntryId]]] = [
        ("a deletion that names nothing", [96, ""], []),
        ("a receipt that names nothing", [97], []),
        ("a deletion without its reason", [96], [X]),
        ("a reason that is bytes", [96, b"x"], [X]),
        ("a reason that is a number", [96, 7], [X]),
        ("a reason of 301 characters", [96, "x" * 301], [X]),
        ("another kind", [98, ""], [X]),
        ("a post in this log", [1, "hello", ""], [X]),
    ]
    return [
        {"what": "said", "name": name, **_entry(Person("bob").write(content, LOG_DELETIONS, links))}
        for name, content, links in bad
    ]


def _set(name: str, entries: list[Entry], same: list[list[Person]], gone: list[Entry]) -> Case:
    """`entries`: all that is held; `same`: devices of one member; `gone`: whose bodies are not kept."""
    return {
        "what": "set",
        "name": name,
        "network": NETWORK.hex(),
        "members": [[person.id.hex() for person in member] for member in same],
        "entries": [_entry(entry) for entry in entries],
        "gone": sorted(entry.id.hex() for entry in gone),
    }


def _sets() -> list[Case]:
    bob, phone, carol = people(["bob", "phone", "carol"])
    said, also = bob.post("a slip"), bob.post("another")
    hers = carol.post("it stays")
    certificate = bob.write([7, "who I am"], LOG_ID)
    first = bob.write([96, ""], LOG_DELETIONS, [said.id])
    of_first = bob.write([96, ""], LOG_DELETIONS, [first.id])
    both = carol.write([96, ""], LOG_DELETIONS, [also.id, hers.id])
    by_phone = phone.write([96, ""], LOG_DELETIONS, [also.id])
    of_id = bob.write([96, ""], LOG_DELETIONS, [certificate.id])
    receipt = carol.write([97], LOG_DELETIONS, [said.id])
    members = [[bob, phone], [carol]]
    return [
        _set("one's own entry", [said, first], members, [said]),
        _set("the deletion comes first", [first, said], members, [said]),
        _set("by another device of the member", [also, by_phone], members, [also]),
        _set("by another device, of no member", [also, by_phone], [[bob], [phone]], []),
        _set("another's entry, with one's own", [also, hers, both], members, [hers]),
        _set("a deletion of a deletion", [said, first, of_first], members, [said]),
        _set("an entry of an id log", [certificate, of_id], members, []),
        _set("a receipt deletes nothing", [said, receipt], members, []),
    ]
