"""Cases that a reader of `docs/protocol/entry.md` must refuse, for entry-refuse.json."""

from collections.abc import Iterator
from typing import Any

import msgpack
from entry_pieces import (
    ALICE,
    BOB,
    CHARTER,
    NETWORK,
    OTHER_NETWORK,
    SALT,
    Case,
    chain,
    flat,
    pairs,
    post,
    shown,
    signature_case,
    sorted_pair,
    spoiled,
    spoiled_chain,
)
from make_signature_vectors import L

from store.codec import encode
from store.crypto import digest
from store.crypto_vectors import REFUSED, REFUSED_KEYS
from store.entry import DOMAIN, Entry
from store.ids import LOG_DOCS, to_text


def refusal(what: str, name: str, error: str, **values: Any) -> Case:
    """A case with the reason in words and the class of error of this implementation."""
    return {"what": what, "name": name, "error": error, **values}


def refused_headers() -> Iterator[Case]:
    """Well signed headers that break one rule each."""
    good = list(msgpack.unpackb(chain(2)[1].header))
    broken: dict[str, dict[int, Any]] = {
        "version 2": {0: 2},
        "version true": {0: True},
        "an author of 31 bytes": {1: good[1][:31]},
        "an author as text": {1: "a" * 32},
        "log 32": {2: 32},
        "log -1": {2: -1},
        "log true": {2: True},
        "seq 0": {3: 0},
        "seq 2**40": {3: 2**40},
        "no back link at seq 2": {4: b""},
        "a back link at seq 1": {3: 1},
        "a back link of 31 bytes": {4: good[4][:31]},
        "a body of 16 bytes": {5: 16},
        "a body of 32,769 bytes": {5: 32_769},
        "a body of 2,049 bytes in an id log": {2: 0, 5: 2_049},
        "seq 4,097 in an id log": {2: 0, 3: 4_097},
        "a commitment of 31 bytes": {6: good[6][:31]},
        "a time before 1970": {7: -1},
        "time 2**53": {7: 2**53},
        "a time as a float": {7: 1.5},
        "a time that is not a number": {7: float("nan")},
        "a link of 31 bytes": {8: [bytes(31)]},
        "the same link twice": {8: [bytes(32), bytes(32)]},
        "a link as text": {8: ["a" * 32]},
        "no list of links": {8: None},
        "an empty map as links": {8: {}},
        "a link in a sealed log": {2: 5, 8: [bytes(32)]},
        "a link in box-0": {2: 16, 8: [bytes(32)]},
        "a link in box-f": {2: 31, 8: [bytes(32)]},
    }
    for name, changes in broken.items():
        fields = [changes.get(place, value) for place, value in enumerate(good)]
        yield signed_case(name, "InvalidEntry", msgpack.packb(fields))
    yield signed_case("eight values", "InvalidEntry", msgpack.packb(good[:8]))
    yield signed_case("ten values", "InvalidEntry", msgpack.packb([*good, 0]))
    yield signed_case("a number instead of a list", "InvalidEntry", b"\x01")
    yield from refused_encodings(good)


def refused_encodings(good: list[Any]) -> Iterator[Case]:
    """Headers that mean the same as a good one, or nest too deep, or are too long."""
    header = msgpack.packb(good)
    links = [digest(bytes([number])) for number in range(17)]
    named = {
        "seq in two bytes where one is enough": header.replace(
            good[1] + b"\x02\x02", good[1] + b"\x02\xcc\x02"
        ),
        "the list of nine with a 16-bit length": b"\xdc\x00\x09" + header[1:],
        "the author with a 16-bit length": header.replace(b"\xc4\x20" + good[1], b"\xc5\x00\x20" + good[1]),
        "a byte after the end": header + b"\x00",
        "the last byte missing": header[:-1],
        "17 links": msgpack.packb([*good[:8], links]),
        "a map with the numbers of the places": msgpack.packb(dict(enumerate(good))),
        "lists nested 600 deep as links": header[:-1] + b"\x91" * 600 + b"\x90",
        "no bytes": b"",
        "a list of 2**32 - 1": b"\xdd\xff\xff\xff\xff",
        "an extension value as time": msgpack.packb([*good[:7], msgpack.ExtType(5, b"x"), good[8]]),
    }
    for name, data in named.items():
        yield signed_case(name, "NotCanonical", data)


def signed_case(name: str, error: str, header: bytes) -> Case:
    """A header with the author's signature over it, refused before that is looked at."""
    signature = ALICE.sign(DOMAIN + NETWORK + header)
    values = {"network": NETWORK.hex(), "header": header.hex(), "signature": signature.hex(), "body": None}
    return refusal("entry", name, error, stage="parse", **values)


def refused_entries() -> Iterator[Case]:
    """Entries whose signature or body does not fit."""
    entry = chain(1)[0]
    body = entry.body or b""
    bare = ALICE.sign(b"asterism/" + entry.header)
    s = int.from_bytes(entry.signature[32:], "little") + L
    signatures = {
        "one flipped bit": spoiled(entry).signature,
        "another key's signature": BOB.sign(DOMAIN + NETWORK + entry.header),
        "a signature for another network": ALICE.sign(DOMAIN + OTHER_NETWORK + entry.header),
        "a signature in another domain": bare,
        "S not reduced: a relay's second form of a good signature": entry.signature[:32]
        + s.to_bytes(32, "little"),
    }
    for name, signature in signatures.items():
        case = {**shown(entry), "signature": signature.hex()}
        yield refusal("entry", name, "BadSignature", stage="signature", **case)
    for size in (0, 63, 65):
        case = {**shown(entry), "signature": (entry.signature + b"\x00")[:size].hex()}
        yield refusal("entry", f"a signature of {size} bytes", "InvalidEntry", stage="parse", **case)
    bodies = {
        "another salt": bytes([body[0] ^ 1]) + body[1:],
        "another content": body[:-1] + bytes([body[-1] ^ 1]),
        "a byte too many": body + b"\x00",
        "a byte too few": body[:-1],
        "an empty body": b"",
    }
    for name, changed in bodies.items():
        case = {**shown(entry), "body": changed.hex()}
        yield refusal("entry", f"body: {name}", "InvalidEntry", stage="parse", **case)


def refused_evidence() -> Iterator[Case]:
    """Lists of entries that prove nothing, and encodings that are not the one."""
    one, two = sorted((post(2, bytes(32), "one"), post(2, bytes(32), "two")), key=lambda entry: entry.id)
    wrong = spoiled_chain(4, 2)
    good = chain(4)
    named: dict[str, tuple[str, int | bool, list[Entry]]] = {
        "a fork of one entry with itself": ("InvalidEntry", 0, [one, one]),
        "a fork with the larger id first": ("InvalidEntry", 0, [two, one]),
        "a fork of three": ("InvalidEntry", 0, [one, two, good[1]]),
        "a fork of two places": ("InvalidEntry", 0, [good[0], good[1]]),
        "a fork of two logs": ("InvalidEntry", 0, [one, post(2, bytes(32), log=LOG_DOCS)]),
        "a fork of two authors": ("InvalidEntry", 0, [one, post(2, bytes(32), key=BOB)]),
        "a fork of which one is badly signed": ("BadSignature", 0, sorted_pair(one, spoiled(two))),
        "a fork of another network": ("BadSignature", 0, foreign_pair()),
        "a bad entry that nobody vouches for": ("InvalidEntry", 1, wrong[1:2]),
        "a chain whose first is well signed": ("InvalidEntry", 1, good[1:3]),
        "a chain whose last is badly signed too": ("BadSignature", 1, [wrong[1], spoiled(wrong[2])]),
        "a chain with a gap": ("InvalidEntry", 1, [wrong[1], wrong[3]]),
        "a chain that skips a place though the back link fits": (
            "InvalidEntry",
            1,
            [wrong[1], post(4, wrong[1].id)],
        ),
        "a chain with a successor of another branch": ("InvalidEntry", 1, [wrong[1], good[2]]),
        "kind 2": ("InvalidEntry", 2, [one, two]),
        "kind false": ("InvalidEntry", False, [one, two]),
        "nothing": ("InvalidEntry", 0, []),
    }
    for name, (error, kind, entries) in named.items():
        yield evidence_case(name, error, [kind, flat(entries)])
    yield evidence_case("a header without its signature", "InvalidEntry", [0, flat([one, two])[:3]])
    yield evidence_case("text where bytes belong", "InvalidEntry", [0, ["a", "b", "c", "d"]])
    yield evidence_case("a bare number", "InvalidEntry", 0)
    whole = encode([0, flat([one, two])])
    yield evidence_case("a byte after the end", "NotCanonical", whole + b"\x00")
    yield evidence_case("the outer list with a 16-bit length", "NotCanonical", b"\xdc\x00\x02" + whole[1:])


def foreign_pair() -> list[Entry]:
    """A fork, but in another network."""
    return sorted_pair(*(post(2, bytes(32), text, network=OTHER_NETWORK) for text in ("one", "two")))


def evidence_case(name: str, error: str, value: Any) -> Case:
    """Bytes that are no evidence; a value other than bytes is encoded first."""
    data = value if type(value) is bytes else encode(value)
    return refusal("evidence", name, error, network=NETWORK.hex(), data=data.hex())


def refused_runs() -> Iterator[Case]:
    """Runs that do not continue a log."""
    good, other = chain(5), chain(5, "other")
    docs, bob = chain(5, log=LOG_DOCS), chain(5, key=BOB)
    named: dict[str, tuple[str, Entry | None, list[Entry]]] = {
        "no entry": ("InvalidEntry", None, []),
        "the first is missing": ("GapInLog", None, good[1:]),
        "one between is missing": ("GapInLog", good[0], good[2:]),
        "it begins where an entry is held": ("Forked", good[1], other[1:]),
        "it links back to another entry than the one held": ("Forked", good[1], other[2:]),
        "it skips a place inside": ("InvalidEntry", None, [*good[:2], good[3]]),
        "it skips a place though the back link fits": (
            "InvalidEntry",
            None,
            [*good[:2], post(4, good[1].id)],
        ),
        "it stays at a place though the back link fits": (
            "InvalidEntry",
            None,
            [*good[:2], post(2, good[1].id)],
        ),
        "it names an entry twice": ("InvalidEntry", None, [good[0], good[0]]),
        "it changes to another branch": ("InvalidEntry", None, [*good[:2], other[2]]),
        "it changes to another log": ("InvalidEntry", None, [*good[:2], docs[2]]),
        "it changes to another author": ("InvalidEntry", None, [*good[:2], bob[2]]),
        "its last signature is wrong": ("BadSignature", None, spoiled_chain(3, 3)),
    }
    for name, (error, head, run) in named.items():
        before = None if head is None else [head.seq, head.id.hex()]
        yield refusal("run", name, error, network=NETWORK.hex(), head=before, entries=pairs(run))


def refused_names() -> Iterator[Case]:
    """Texts that are no ids, bytes that are no charters, signatures and keys."""
    # long because it is a table
    text = to_text(ALICE.author)
    texts = {
        "51 characters": text[:51],
        "53 characters": text + "a",
        "no characters": "",
        "the digit 1": "1" + text[1:],
        "the digit 0": "0" + text[1:],
        "padding bits that are not zero": text[:51] + "b",
        "padding characters": text[:48] + "====",
        "a space": " " + text[1:],
        "the Kelvin sign, whose small form is k": "\u212a" + text[1:],
        "the dotless i, whose capital form is I": "\u0131" + text[1:],
    }
    for name, broken in texts.items():
        yield refusal("id", name, "NotAnId", text=broken)
    salt = CHARTER.salt
    charters: dict[str, Any] = {
        "an empty name": [1, "", salt, 0, []],
        "a name of 101 characters": [1, "a" * 101, salt, 0, []],
        "a line break in the name": [1, "a\nb", salt, 0, []],
        "a C1 control in the name": [1, "a\u0085b", salt, 0, []],
        "a salt of 15 bytes": [1, "a", salt[:15], 0, []],
        "a salt of 17 bytes": [1, "a", salt + b"x", 0, []],
        "version 2": [2, "a", salt, 0, []],
        "version true": [True, "a", salt, 0, []],
        "a name as bytes": [1, b"a", salt, 0, []],
        "an endorsement where there are no sections": [1, "a", salt, 1, []],
        "no endorsements where there is a section": [1, "a", salt, 0, [b"one"]],
        "17 endorsements": [1, "a", salt, 17, [b"one"]],
        "false endorsements": [1, "a", salt, False, []],
        "inceptions out of order": [1, "a", salt, 1, [b"two", b"one"]],
        "an inception twice": [1, "a", salt, 1, [b"one", b"one"]],
        "an inception as text": [1, "a", salt, 1, ["one"]],
        "an inception of 2,049 bytes": [1, "a", salt, 1, [bytes(2_049)]],
        "17 inceptions": [1, "a", salt, 1, [bytes([number]) for number in range(17)]],
        "two values": [1, "a"],
        "three values": [1, "a", salt],
        "six values": [1, "a", salt, 0, [], 0],
        "a number": 1,
    }
    for name, value in charters.items():
        yield refusal("charter", name, "InvalidCharter", data=encode(value).hex())
    yield refusal(
        "charter", "a byte after the end", "InvalidCharter", data=(CHARTER.encode() + b"\x00").hex()
    )
    longer = b"\x95\x01\xd9\x01a\xc4\x10" + salt + b"\x00\x90"
    yield refusal("charter", "a name with an over-long length", "InvalidCharter", data=longer.hex())
    for name, key, signature, message in REFUSED:
        yield {**signature_case(name, key, signature, message), "error": "BadSignature"}
    for name, key in REFUSED_KEYS:
        yield refusal("key", name, "BadSignature", key=key.hex())


def refused_contents() -> Iterator[Case]:
    """Contents that are not shown. The entries that carry them are valid all the same."""
    values: dict[str, Any] = {
        "no values": [],
        "a number instead of a list": 1,
        "kind 0": [0],
        "kind 65,536": [65_536],
        "kind true": [True],
        "a kind as text": ["1"],
        "a float after a post": [1, "text", "en", 1.5],
        "an empty map after a post": [1, "text", "en", {}],
        "lists nested nine deep": [1, [[[[[[[[]]]]]]]]],
        "1,025 values": [1] * 1_025,
    }
    early = (
        "no values",
        "a number instead of a list",
        "kind 0",
        "kind 65,536",
        "kind true",
        "a kind as text",
    )
    for name, value in values.items():
        error = "InvalidEntry" if name in early else "NotCanonical"
        yield refusal("content", name, error, body=(SALT + msgpack.packb(value)).hex())
    encodings = {
        "the kind in two bytes": b"\x91\xcc\x01",
        "the list with a 16-bit length": b"\xdc\x00\x01\x01",
        "a byte after the end": b"\x91\x01\x00",
        "a list that ends early": b"\x92\x01",
        "nothing after the salt": b"",
    }
    for name, data in encodings.items():
        yield refusal("content", name, "NotCanonical", body=(SALT + data).hex())


def cases() -> list[Case]:
    """All of them."""
    makers = (
        refused_headers,
        refused_entries,
        refused_evidence,
        refused_runs,
        refused_names,
        refused_contents,
    )
    return [case for maker in makers for case in maker()]
