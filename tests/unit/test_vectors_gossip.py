"""The frozen vectors of `docs/protocol/gossip.md`, read as a second implementation would read them, and the
encodings of all messages."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gossip.errors import RemoteFault
from gossip.proto import limits
from gossip.proto.admission import Everyone
from gossip.proto.announce import Announcer, parse_announcement
from gossip.proto.context import Context
from gossip.proto.limits import MAX_FRAME_BYTES, MAX_FRAME_ITEMS
from gossip.proto.messages import Entries, encode_push, parse_push
from gossip.proto.push import Link, Push
from gossip.proto.sync_messages import encode_sync, parse_sync
from node.running import gossip_topic
from store.codec import decode, encode
from store.frontier import Frontier
from store.ids import AuthorId, NetworkId
from store.log import MAX_EVIDENCE_BYTES, MAX_RUN_ENTRIES

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = [f"{page}-{kind}.json" for page in ("gossip", "sync") for kind in ("accept", "reencode", "refuse")]
PEER = AuthorId(b"p" * 32)
OWN = AuthorId(b"o" * 32)

Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def named(cases: Iterable[Case]) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['what']}: {case['name']}".encode("ascii", "replace").decode())
        for case in cases
    ]


def raw(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


ACCEPT, REFUSE = (load(f"gossip-{kind}.json")["cases"] for kind in ("accept", "refuse"))
REENCODE = [case for page in ("sync", "gossip") for case in load(f"{page}-reencode.json")["values"]]


def accept_push_message(case: Case) -> None:
    data = raw(case, "data")
    message = parse_push(data)
    assert encode_push(message) == data
    assert isinstance(message, Entries) == ("entries" in case)
    if isinstance(message, Entries):
        assert [entry.id.hex() for entry in message.entries] == case["entries"]


def json_of(value: Any) -> Any:
    """An interest as the files have it."""
    if type(value) is int:
        return value
    logs, sections, since_ms, bodies = value
    return [logs, None if sections is None else [section.hex() for section in sections], since_ms, bodies]


def accept_announcement(case: Case) -> None:
    said = parse_announcement(raw(case, "data"))
    assert said.encode() == raw(case, "data")
    found: Case = {"time_ms": said.time_ms, "hub": said.hub, "interest": json_of(said.interest.value())}
    found |= {"addresses": list(said.addresses)}
    found |= {"heads": [[head.log, head.seq, head.mark.hex()] for head in said.heads]}
    assert {name: case[name] for name in found} == found


# Links and announcements


def listening(case: Case) -> Push:
    network = NetworkId(raw(case, "network"))
    push = Push(Context(OWN, network, Everyone(), Frontier(network), Random(0), Random(0)))
    push.link_up(PEER, Link(0.0, True, ""))
    return push


def accept_link(case: Case) -> None:
    push = listening(case)
    for data in case["received"]:
        push.received(PEER, parse_push(bytes.fromhex(data)), 0.0)
    assert push.neighbours() == [PEER]


def refuse_link(case: Case) -> None:
    push, last = listening(case), case["received"][-1]
    for data in case["received"][:-1]:
        try:
            push.received(PEER, parse_push(bytes.fromhex(data)), 0.0)
        except RemoteFault as fault:
            pytest.fail(f"refused too early: {fault}")
    push.received(PEER, parse_push(bytes.fromhex(last)), 0.0)


def accept_believed(case: Case) -> None:
    network = NetworkId(bytes(32))
    announcer = Announcer(Context(OWN, network, Everyone(), Frontier(network), Random(0), Random(0)))
    origin = AuthorId(raw(case, "origin"))
    found = [
        announcer.hear(origin, raw(step, "data"), step["now_ms"] / 1000) is not None for step in case["heard"]
    ]
    assert found == [step["believed"] for step in case["heard"]]


def accept_topic(case: Case) -> None:
    assert gossip_topic(NetworkId(raw(case, "network"))) == case["topic"]


ACCEPTORS: dict[str, Callable[[Case], None]] = {
    "topic": accept_topic,
    "message": accept_push_message,
    "link": accept_link,
    "announcement": accept_announcement,
    "believed": accept_believed,
}
REFUSERS: dict[str, Callable[[Case], object]] = {
    "message": lambda case: parse_push(raw(case, "data")),
    "announcement": lambda case: parse_announcement(raw(case, "data")),
    "link": refuse_link,
}
REENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "sync message": lambda data: encode_sync(parse_sync(data)),
    "push message": lambda data: encode_push(parse_push(data)),
    "announcement": lambda data: parse_announcement(data).encode(),
}


@pytest.mark.parametrize("case", named(ACCEPT))
def test_what_gossip_must_accept_is(case: Case) -> None:
    ACCEPTORS[case["what"]](case)


@pytest.mark.parametrize("case", named(REFUSE))
def test_what_gossip_must_refuse_is_as_badly_as_is_said(case: Case) -> None:
    with pytest.raises(RemoteFault) as caught:
        REFUSERS[case["what"]](case)
    assert type(caught.value).__name__ == case["error"]
    assert caught.value.severity.name.lower() == case["severity"]


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


@pytest.mark.parametrize("case", named(REENCODE))
def test_a_message_has_one_encoding(case: Case) -> None:
    value, data = untagged(case["value"]), raw(case, "data")
    assert encode(value) == data
    assert repr(decode(data, MAX_FRAME_BYTES, MAX_FRAME_ITEMS)) == repr(value)
    assert REENCODERS[case["what"]](data) == data
    for other in case["refused"]:
        with pytest.raises(RemoteFault):
            REENCODERS[case["what"]](bytes.fromhex(other["data"]))


def test_the_script_still_writes_the_frozen_bytes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_gossip_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def number_of(data: bytes) -> Any:
    values: Any = decode(data, MAX_FRAME_BYTES, MAX_FRAME_ITEMS)
    return values[0]


def test_the_files_of_gossip_hold_cases_of_every_sort() -> None:
    assert {case["what"] for case in ACCEPT} == set(ACCEPTORS)
    assert {case["what"] for case in REFUSE} == set(REFUSERS)
    assert {case["severity"] for case in REFUSE} == {"slight", "bad", "hostile"}
    messages = [raw(case, "data") for case in ACCEPT if case["what"] == "message"]
    assert {number_of(data) for data in messages} == set(range(1, 8))
    assert {case["what"] for case in REENCODE} == set(REENCODERS)
    assert sum(len(case["refused"]) for case in REENCODE) > 100


LIMITS = {
    "sync": (
        limits.MAX_FRAME_BYTES,
        limits.MAX_FRAME_ITEMS,
        limits.MAX_TURN_PARTS,
        limits.MAX_POSITIONS,
        MAX_RUN_ENTRIES,
        MAX_EVIDENCE_BYTES,
        limits.RUN_WINDOW,
        limits.WINDOW_BYTES,
        limits.MAX_PROBES,
        limits.DIVERGENCE_STEPS,
        limits.MAX_ROUNDS,
        limits.LEAF_ITEMS,
        limits.LIST_ITEMS,
        limits.LAST_BITS,
        limits.DEEP_BITS,
        limits.MAX_STOP_CHARS,
        limits.SESSIONS_BURST,
        limits.SESSION_SILENCE_S,
        limits.RUN_BYTES,
        limits.TURN_BYTES,
        limits.CAREFUL_ENTRIES,
    ),
    "gossip": (
        limits.MAX_ANNOUNCEMENT_BYTES,
        limits.MAX_ADDRESSES,
        limits.MAX_ADDRESS_CHARS,
        limits.MAX_HEADS,
        limits.MAX_WANTED_BODIES,
        limits.MAX_OWED_BODIES,
        limits.BODY_WAIT_S,
        limits.HELLO_WAIT_S,
        limits.WHOLE_BODY_BYTES,
        limits.PUSH_BATCH_BYTES,
        limits.PUSH_BATCH_ENTRIES,
        limits.BULK_ENTRIES,
        limits.RATE_ENTRIES_PER_S,
        limits.RATE_BURST_ENTRIES,
        limits.INFLOW_ENTRIES,
        limits.SEEN_ENTRIES,
        limits.MISSING_WAIT_LAST_S,
        limits.SCORE_HALF_LIFE_S,
        limits.BAN_SCORE,
        MAX_EVIDENCE_BYTES,
    ),
}


@pytest.mark.parametrize("page", LIMITS)
def test_the_page_names_the_limits_of_the_program(page: str) -> None:
    text = (FOLDER.parents[1] / "docs" / "protocol" / f"{page}.md").read_text(encoding="utf-8")
    found = set(re.findall(r"\d+(?:,\d{3})*", text))
    assert {f"{int(limit):,}" for limit in LIMITS[page]} - found == set()
