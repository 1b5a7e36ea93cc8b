"""The frozen vectors of `docs/protocol/entry.md`, read as a second implementation would read them."""

import base64
import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nacl.signing
import pytest

from store import charter
from store.codec import decode, encode
from store.crypto import check_author, verify
from store.entry import MAX_BODY_BYTES, Entry, content_of, make_body, parse
from store.errors import NotCanonical, StoreError
from store.ids import EntryId, NetworkId, from_text, to_text
from store.log import Evidence, Head, check_run, parse_evidence, stronger

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("entry-accept.json", "entry-refuse.json", "entry-reencode.json")

Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def named(cases: list[Case]) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['what']}: {case['name']}".encode("ascii", "replace").decode())
        for case in cases
    ]


ACCEPT, REFUSE, REENCODE = map(load, NAMES)


def raw(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def read_entry(case: Case) -> Entry:
    body = None if case["body"] is None else raw(case, "body")
    return parse(raw(case, "header"), raw(case, "signature"), body)


def read_run(case: Case) -> list[Entry]:
    return [
        parse(bytes.fromhex(header), bytes.fromhex(signature), None) for header, signature in case["entries"]
    ]


def read_head(case: Case) -> Head | None:
    head = case["head"]
    return None if head is None else Head(head[0], EntryId(bytes.fromhex(head[1])))


def network(case: Case) -> NetworkId:
    return NetworkId(raw(case, "network"))


def accept_entry(case: Case) -> None:
    entry = read_entry(case)
    entry.check_signature(network(case))
    assert entry.id.hex() == case["id"]
    for name, value in case["fields"].items():
        found = getattr(entry, name)
        if name == "links":
            found = [link.hex() for link in found]
        assert (found.hex() if type(found) is bytes else found) == value


def accept_evidence(case: Case) -> None:
    evidence = parse_evidence(raw(case, "data"), network(case))
    assert (evidence.kind, evidence.log_id.log, evidence.seq) == (case["kind"], case["log"], case["seq"])
    assert evidence.log_id.author.hex() == case["author"]
    assert [entry.id.hex() for entry in evidence.entries] == case["entries"]
    assert evidence.digest().hex() == case["digest"]
    assert evidence.encode().hex() == case["data"]


def accept_merge(case: Case) -> None:
    items = [parse_evidence(bytes.fromhex(data), network(case)) for data in case["data"]]
    orders = itertools.islice(itertools.permutations(items), 200)
    for order in orders:
        held: Evidence | None = None
        for item in order:
            held = stronger(held, item)
        assert held is not None
        assert held.encode().hex() == case["strongest"]


def accept_run(case: Case) -> None:
    run = read_run(case)
    check_run(read_head(case), run, network(case))
    assert [run[-1].seq, run[-1].id.hex()] == case["head_after"]
    badly_signed = []
    for entry in run:
        try:
            entry.check_signature(network(case))
        except StoreError:
            badly_signed.append(entry.seq)
    assert badly_signed == case["badly_signed"]


def accept_id(case: Case) -> None:
    assert to_text(raw(case, "id")) == case["text"]
    assert from_text(case["read"]) == raw(case, "id")


def accept_charter(case: Case) -> None:
    read = charter.parse(raw(case, "data"))
    assert (read.name, read.salt) == (case["charter_name"], raw(case, "salt"))
    assert read.endorsements == case["endorsements"]
    assert [each.hex() for each in read.inceptions] == case["inceptions"]
    assert read.encode() == raw(case, "data")
    assert read.network_id() == raw(case, "network")


def check_signature_case(case: Case) -> None:
    verify(raw(case, "key"), raw(case, "signature"), raw(case, "message"))


ACCEPTORS = {
    "entry": accept_entry,
    "evidence": accept_evidence,
    "merge": accept_merge,
    "run": accept_run,
    "id": accept_id,
    "charter": accept_charter,
    "signature": check_signature_case,
}


@pytest.mark.parametrize("case", named(ACCEPT["cases"]))
def test_what_must_be_accepted_is(case: Case) -> None:
    ACCEPTORS[case["what"]](case)


def refuse_entry(case: Case) -> None:
    try:
        entry = read_entry(case)
    except StoreError:
        assert case["stage"] == "parse"
        raise
    assert case["stage"] == "signature"
    entry.check_signature(network(case))


REFUSERS = {
    "entry": refuse_entry,
    "evidence": lambda case: parse_evidence(raw(case, "data"), network(case)),
    "run": lambda case: check_run(read_head(case), read_run(case), network(case)),
    "id": lambda case: from_text(case["text"]),
    "charter": lambda case: charter.parse(raw(case, "data")),
    "signature": check_signature_case,
    "content": lambda case: content_of(raw(case, "body")),
    "key": lambda case: check_author(raw(case, "key")),
}


@pytest.mark.parametrize("case", named(REFUSE["cases"]))
def test_what_must_be_refused_is_with_the_error_that_is_named(case: Case) -> None:
    with pytest.raises(StoreError) as caught:
        REFUSERS[case["what"]](case)
    assert type(caught.value).__name__ == case["error"]


def untagged(value: Any) -> Any:
    match value:
        case {"int": digits}:
            return int(digits)
        case {"bytes": digits}:
            return bytes.fromhex(digits)
        case {"text": text}:
            return text
        case list():
            return tuple(untagged(item) for item in value)
        case _:
            return value


@pytest.mark.parametrize("case", REENCODE["values"], ids=lambda case: case["data"][:24])
def test_a_value_has_one_encoding(case: Case) -> None:
    value, data = untagged(case["value"]), raw(case, "data")
    assert encode(value) == data
    assert repr(decode(data, len(data), 100)) == repr(value)
    for other in case["refused"]:
        with pytest.raises(NotCanonical):
            decode(bytes.fromhex(other["data"]), 1_000, 100)


@pytest.mark.parametrize("case", REENCODE["bodies"], ids=lambda case: case["body"][:48])
def test_a_content_has_one_body(case: Case) -> None:
    assert make_body(raw(case, "salt"), untagged(case["value"])) == raw(case, "body")
    assert content_of(raw(case, "body")) == untagged(case["value"])


@pytest.mark.parametrize("case", REENCODE["foreign"], ids=lambda case: case["why"])
def test_bytes_that_encode_no_value_are_refused(case: Case) -> None:
    with pytest.raises(NotCanonical):
        decode(raw(case, "data"), MAX_BODY_BYTES, 1_024)


def test_the_script_still_writes_the_frozen_bytes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_entry_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_the_files_hold_cases_of_every_sort() -> None:
    assert {case["what"] for case in ACCEPT["cases"]} == set(ACCEPTORS)
    assert {case["what"] for case in REFUSE["cases"]} == set(REFUSERS)
    assert len(ACCEPT["cases"]) > 30
    assert len(REFUSE["cases"]) > 100
    assert all(len(REENCODE[name]) > 4 for name in ("values", "bodies", "foreign"))


def blake(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


@pytest.mark.parametrize("case", named([case for case in ACCEPT["cases"] if case["what"] == "entry"]))
def test_an_accepted_entry_follows_from_the_words_of_the_specification(case: Case) -> None:
    """Nothing of ours is called: the header is put together by hand."""
    fields = case["fields"]

    def number(value: int) -> bytes:
        if value < 128:
            return bytes([value])
        size = next(size for size in (1, 2, 4, 8) if value < 256**size)
        return bytes([{1: 0xCC, 2: 0xCD, 4: 0xCE, 8: 0xCF}[size]]) + value.to_bytes(size, "big")

    def octets(digits: str) -> bytes:
        return bytes([0xC4, len(digits) // 2]) + bytes.fromhex(digits)

    links = fields["links"]
    header = b"\x99\x01" + octets(fields["author"]) + number(fields["log"]) + number(fields["seq"])
    header += octets(fields["back"]) + number(fields["body_bytes"]) + octets(fields["commitment"])
    header += number(fields["time_ms"]) + (bytes([0x90 + len(links)]) if len(links) < 16 else b"\xdc\x00\x10")
    header += b"".join(map(octets, links))
    assert header == raw(case, "header")
    assert blake(header + raw(case, "signature")) == raw(case, "id")
    signed = b"asterism/entry/1\0" + raw(case, "network") + header
    nacl.signing.VerifyKey(bytes.fromhex(fields["author"])).verify(signed, raw(case, "signature"))
    if case["body"] is not None:
        assert blake(raw(case, "body")).hex() == fields["commitment"]
        assert len(raw(case, "body")) == fields["body_bytes"]


def test_an_accepted_text_form_is_plain_base32() -> None:
    for case in ACCEPT["cases"]:
        if case["what"] == "id":
            assert base64.b32encode(raw(case, "id")).decode().rstrip("=").lower() == case["text"]
