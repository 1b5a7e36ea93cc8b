"""The frozen vectors of `docs/protocol/sync.md`, read as a second implementation would read them."""

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gossip.errors import RemoteFault
from gossip.ledger import Ledger
from gossip.proto import events
from gossip.proto.admission import Everyone
from gossip.proto.context import Context, Terms
from gossip.proto.events import SessionId, Token
from gossip.proto.evidence import glance, is_news
from gossip.proto.fields import ALL_LOGS
from gossip.proto.framing import Deframer, frame
from gossip.proto.interest import Interest
from gossip.proto.limits import MAX_FRAME_BYTES, MAX_FRAME_ITEMS
from gossip.proto.reconcile import Reconciler
from gossip.proto.sync import Phase, SyncSession
from gossip.proto.sync_messages import Bye, Open, Run, Same, Turn, encode_sync, parse_sync
from store.codec import decode, encode
from store.entry import parse
from store.frontier import Frontier, Position, Snapshot, place_of
from store.ids import AuthorId, EntryId, LogNo, NetworkId
from store.interface import LogState
from store.log import Head, LogId

FOLDER = Path(__file__).parents[1] / "vectors"
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


def blake(data: bytes, size: int = 32, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


ACCEPT, REFUSE = (load(f"sync-{kind}.json")["cases"] for kind in ("accept", "refuse"))


# Frames


def cut(data: bytes, ends: bool = True) -> list[bytes]:
    deframer = Deframer()
    payloads = [payload for at in range(len(data)) for payload in deframer.feed(data[at : at + 1])]
    if ends:
        deframer.finish()
    return payloads


def accept_frames(case: Case) -> None:
    stream = raw(case, "data") + bytes(case["zeros_after"])
    payloads = cut(stream)
    assert list(map(len, payloads)) == case["lengths"]
    assert b"".join(map(frame, payloads)) == stream


# Messages


def accept_sync_message(case: Case) -> None:
    data = raw(case, "data")
    message = parse_sync(data)
    assert encode_sync(message) == data
    assert isinstance(message, Run) == ("entries" in case)
    if isinstance(message, Run):
        found = [
            {
                "header": entry.header.hex(),
                "signature": entry.signature.hex(),
                "body": None if entry.body is None else entry.body.hex(),
                "id": entry.id.hex(),
            }
            for entry in message.entries
        ]
        assert found == case["entries"]


# What is compared


def position_of(case: Case) -> Position:
    """Built from the words of the specification; nothing of `store.frontier` but the type is used."""
    author, log = raw(case, "author"), case["log"]
    place = int.from_bytes(blake(b"asterism/place/1\0" + author + bytes([log]))[:8], "big")
    seq, head = case["head"] or [0, ""]
    packed = place.to_bytes(8, "big") + seq.to_bytes(8, "big") + bytes.fromhex(head).ljust(32, b"\0")
    packed += raw(case, "evidence").ljust(32, b"\0")
    assert str(place) == case["place"]
    assert packed.hex() == case["packed"]
    log_id = LogId(AuthorId(author), LogNo(log))
    assert place == place_of(log_id)
    return Position(
        log_id, place, Head(seq, EntryId(bytes.fromhex(head))) if seq else None, raw(case, "evidence"), packed
    )


def snapshot_of(cases: list[Case], interest: int = ALL_LOGS) -> Snapshot:
    positions = list(map(position_of, cases))
    assert [held.place for held in positions] == sorted(held.place for held in positions)
    counting = [held for held in positions if held.head is not None or held.log_id.log != 0]
    return Snapshot([held for held in counting if interest >> held.log_id.log & 1])


def accept_frontier(case: Case) -> None:
    snapshot = snapshot_of(case["held"], case["interest"])
    assert len(snapshot) == case["logs"]
    assert snapshot.digest(NetworkId(raw(case, "network"))) == raw(case, "digest")
    packed = b"".join(held.packed for held in snapshot.positions)
    assert blake(b"asterism/frontier/1\0" + raw(case, "network") + packed) == raw(case, "digest")


def interest_of(value: Any) -> Interest:
    if type(value) is int:
        return Interest(value)
    logs, sections, since_ms, wanted = value
    chosen = None if sections is None else tuple(map(bytes.fromhex, sections))
    return Interest(logs, chosen, since_ms, logs & ~wanted)


def is_carried(interest: Any, author: str, log: int, sections_of: dict[str, list[str]]) -> bool:
    """From the words of the specification."""
    logs, sections, *_ = [interest, None] if type(interest) is int else interest
    own = sections_of.get(author, [])
    in_section = sections is None or log == 0 or not own or bool(set(own) & set(sections))
    return bool(logs >> log & 1) and in_section


def accept_selection(case: Case) -> None:
    both = [
        position_of(held).packed
        for held in case["held"]
        if all(is_carried(one, held["author"], held["log"], case["sections_of"]) for one in case["interests"])
    ]
    assert len(both) == case["logs"]
    assert blake(b"asterism/frontier/1\0" + raw(case, "network") + b"".join(both)) == raw(case, "digest")
    one, other = map(interest_of, case["interests"])
    states = {}
    for held in map(position_of, case["held"]):
        states[held.log_id] = LogState(held.head, 0, None)
    frontier = Frontier(NetworkId(raw(case, "network")), states)
    belongs = {raw_key: frozenset(map(bytes.fromhex, of)) for raw_key, of in case["sections_of"].items()}
    frontier.group_by(lambda author: belongs.get(author.hex(), frozenset()))
    assert frontier.digest(one.meet(other)) == frontier.digest(other.meet(one)) == raw(case, "digest")


def accept_fingerprint(case: Case) -> None:
    key = blake(b"asterism/sync/1", key=b"".join(map(bytes.fromhex, case["nonces"])))
    assert key == raw(case, "key")
    positions = list(map(bytes.fromhex, case["positions"]))
    assert blake(b"".join(positions), 5, key) == raw(case, "range")
    assert [blake(item, 5, key).hex() for item in positions] == case["logs"]
    for item, packed in zip(positions, case["packed"], strict=True):
        place, seq, head, evidence = item[:8], item[8:16], item[16:48], item[48:]
        marks = blake(head, 6, key) if any(seq) else bytes(6)
        marks += blake(evidence, 5, key) if any(evidence) else bytes(5)
        assert (place + seq[3:] + marks).hex() == packed


def accept_comparison(case: Case) -> None:
    key = raw(case, "key")
    sides = {
        role: Reconciler(snapshot_of(case[role]["positions"]), key) for role in ("initiator", "responder")
    }
    parts, speaker, listener = sides["responder"].first_turn(), "responder", "initiator"
    for turn in case["turns"]:
        assert (speaker, encode_sync(Turn(parts)).hex()) == (turn["from"], turn["data"])
        parts, speaker, listener = sides[listener].answer(parts), listener, speaker
    assert parts == ()
    for role, side in sides.items():
        ahead = [[str(place_of(log_id)), a.their_seq, a.our_seq] for log_id, a in side.ahead.items()]
        assert sorted(ahead) == case[role]["ahead"]
        assert sorted([str(place_of(fork.log_id)), fork.seq] for fork in side.forked) == case[role]["forked"]
        assert sorted(str(place_of(log_id)) for log_id in side.contradicted) == case[role]["evidence"]


# Sessions


class Player:
    """One side of a session over a store in memory; keeps what it would send."""

    def __init__(self, case: Case, network: NetworkId, *, initiator: bool) -> None:
        self.ledger = Ledger(network, Everyone())
        for run in case["holds"]:
            message = parse_sync(bytes.fromhex(run))
            assert isinstance(message, Run)
            self.ledger.ingest([message.entries], PEER, each_signature=True)
        self.frontier = Frontier(network, self.ledger.store.logs())
        assert held_by(self.ledger) == sum(len(parsed_run(run)) for run in case["holds"])
        context = Context(OWN, network, Everyone(), self.frontier, Random(0), Random(0))
        tokens = count(1)
        terms = Terms(
            frontier=self.frontier,
            interests=(interest_of(case["interest"]), interest_of(case["peer_interest"])),
            last_carried=Everyone().last_carried,
            unwanted=set(),
            is_news=lambda evidence: is_news(context, glance(evidence)),
            new_token=lambda: Token(next(tokens)),
            nonce=raw(case, "nonce"),
            entry_bytes=400.0,
        )
        self.session = SyncSession(SessionId(1), PEER, initiator=initiator, terms=terms)
        self.sent: deque[str] = deque()
        self.answers: deque[Callable[[], list[events.Effect]]] = deque()
        self.ok = False
        self.perform(self.session.opened())

    def perform(self, effects: Iterable[events.Effect]) -> None:
        for effect in effects:
            match effect:
                case events.SendSync(_, message):
                    self.sent.append(encode_sync(message).hex())
                case events.Deliver(token, source, pieces, each):
                    verdicts, _ = self.ledger.ingest(pieces, source, each_signature=each)
                    self.answers.append(lambda t=token, v=verdicts: self.session.judged(t, tuple(v)))  # type: ignore[misc]
                case events.DeliverEvidence(_, evidence):
                    self.ledger.ingest_evidence(evidence)
                case events.ReadRun(token, log_id, first, last, size):
                    piece = self.ledger.read_run(log_id, first, last, size)
                    self.answers.append(lambda t=token, p=piece: self.session.run_read(t, p))  # type: ignore[misc]
                case events.SyncEnded():
                    self.ok = effect.ok and effect.complete
                case _:
                    assert isinstance(effect, events.SyncProgress | events.CloseSync)

    def receive(self, data: bytes, settles: bool = True) -> None:
        self.perform(self.session.received(parse_sync(data), len(data) + 4))
        while settles and self.answers:
            self.perform(self.answers.popleft()())

    def digest(self, network: NetworkId) -> bytes:
        return Frontier(network, self.ledger.store.logs()).digest(ALL_LOGS)


def parsed_run(data: str) -> tuple[Any, ...]:
    message = parse_sync(bytes.fromhex(data))
    assert isinstance(message, Run)
    return message.entries


def held_by(ledger: Ledger) -> int:
    return sum(state.head.seq for state in ledger.store.logs().values() if state.head is not None)


@pytest.mark.parametrize("role", ["initiator", "responder"])
@pytest.mark.parametrize("case", named(case for case in ACCEPT if case["what"] == "session"))
def test_each_side_of_a_session_says_what_is_frozen(case: Case, role: str) -> None:
    """The other side is played from the file, so that neither can lead the other astray."""
    network = NetworkId(raw(case, "network"))
    player = Player(case[role], network, initiator=role == "initiator")
    for message in case["messages"]:
        if message["from"] != role:
            player.receive(raw(message, "data"))
    said = [message["data"] for message in case["messages"] if message["from"] == role]
    assert sorted(player.sent) == sorted(said)
    assert player.ok
    assert player.session.phase is Phase.ENDED
    assert player.digest(network) == raw(case[role], "digest_after")


def accept_session(case: Case) -> None:
    first, last = (parse_sync(raw(case["messages"][at], "data")) for at in (0, -1))
    assert isinstance(first, Open)
    assert isinstance(last, Same | Bye)
    assert case["initiator"]["digest_after"] == case["responder"]["digest_after"]


def refuse_session(case: Case) -> None:
    player = Player(case, NetworkId(raw(case, "network")), initiator=case["role"] == "initiator")
    for data in case["received"][:-1]:
        try:
            player.receive(bytes.fromhex(data), settles=case["settles"])
        except RemoteFault as fault:
            pytest.fail(f"refused too early: {fault}")
    player.receive(bytes.fromhex(case["received"][-1]), settles=case["settles"])


ACCEPTORS: dict[str, Callable[[Case], None]] = {
    "frames": accept_frames,
    "frontier": accept_frontier,
    "selection": accept_selection,
    "fingerprint": accept_fingerprint,
    "comparison": accept_comparison,
    "message": accept_sync_message,
    "session": accept_session,
}
REFUSERS: dict[str, Callable[[Case], object]] = {
    "frames": lambda case: cut(raw(case, "data")),
    "message": lambda case: parse_sync(raw(case, "data")),
    "session": refuse_session,
}


@pytest.mark.parametrize("case", named(ACCEPT))
def test_what_sync_must_accept_is(case: Case) -> None:
    ACCEPTORS[case["what"]](case)


@pytest.mark.parametrize("case", named(REFUSE))
def test_what_sync_must_refuse_is_as_badly_as_is_said(case: Case) -> None:
    with pytest.raises(RemoteFault) as caught:
        REFUSERS[case["what"]](case)
    assert type(caught.value).__name__ == case["error"]
    assert caught.value.severity.name.lower() == case["severity"]


def test_the_files_of_sync_hold_cases_of_every_sort() -> None:
    assert {case["what"] for case in ACCEPT} == set(ACCEPTORS)
    assert {case["what"] for case in REFUSE} == set(REFUSERS)
    assert {case["severity"] for case in REFUSE} == {"slight", "bad", "hostile"}
    messages = [raw(case, "data") for case in ACCEPT if case["what"] == "message"]
    assert {values_of(data)[0] for data in messages} == set(range(1, 16))


def test_a_rebuilt_run_follows_from_the_words_of_the_specification() -> None:
    """Headers are put together from the values of the message alone."""
    runs = [case for case in ACCEPT if "entries" in case]
    assert len(runs) > 3
    for case in runs:
        _, author, log, seq, back, *flat = values_of(raw(case, "data"))
        time_ms = 0
        for at, expected in enumerate(case["entries"]):
            delta, links, signature, body = flat[4 * at : 4 * at + 4]
            time_ms += delta
            size, commitment = body if type(body) is tuple else (len(body), blake(body))
            header = encode([1, author, log, seq + at, back, size, commitment, time_ms, links or []])
            assert header.hex() == expected["header"]
            back = blake(header + signature)
            assert back.hex() == expected["id"]
            assert parse(header, signature, None).id == back


def values_of(data: bytes) -> Any:
    return decode(data, MAX_FRAME_BYTES, MAX_FRAME_ITEMS)


EXAMPLE = next(
    case
    for case in ACCEPT
    if case["what"] == "session" and case["name"] == "three logs, each side lacks something"
)


def test_the_worked_example_of_the_page_is_that_of_the_vectors() -> None:
    """Every hex string of it, whole or with an ellipsis, is found in the frozen messages or positions."""
    page = (Path(__file__).parents[2] / "docs" / "protocol" / "sync.md").read_text(encoding="utf-8")
    shown = page.split("## An example")[1].split("## Attacks")[0]
    comparison = next(
        case for case in ACCEPT if case["what"] == "comparison" and case["name"] == EXAMPLE["name"]
    )
    known = [message["data"] for message in EXAMPLE["messages"]] + [comparison["key"]]
    known += [
        held[part]
        for side in ("initiator", "responder")
        for held in comparison[side]["positions"]
        for part in ("author", "packed")
    ]
    tokens = re.findall(r"(?<!\w)[0-9a-f]{4,}(?:…[0-9a-f]*)?(?!\w)", shown)
    assert len(tokens) > 40
    for token in tokens:
        first, _, last = token.partition("…")
        assert any(re.search(f"{first}(.*{last})?" if last else first, data) for data in known), token


def test_the_worked_example_shows_the_comparison_byte_for_byte() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol" / "sync.md").read_text(encoding="utf-8")
    shown = page.split("The messages, lengths of frames left out")[1].split("## Attacks")[0]
    columns = (re.split(r" {3,}", line.strip("▶◀ "))[0] for line in shown.splitlines())
    joined = "".join(column.replace(" ", "") for column in columns if re.fullmatch("[0-9a-f ]+", column))
    assert joined.startswith("".join(message["data"] for message in EXAMPLE["messages"][:5]))
