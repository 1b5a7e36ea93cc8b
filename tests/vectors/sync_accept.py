"""Cases that a reader of `docs/protocol/sync.md` must accept, for sync-accept.json."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from entry_pieces import NETWORK, chain, post
from gossip_samples import comparing_messages, encoded_sync, trading_messages
from gossip_sides import (
    ALICE_FEED,
    BOB_FEED,
    CAROL,
    CAROL_ID,
    NONCES,
    Case,
    Side,
    bob_branch,
    bob_fork,
    both,
    example,
    shown_interest,
    shown_position,
    talk,
)

from gossip.proto.fields import ALL_LOGS
from gossip.proto.framing import frame
from gossip.proto.interest import EVERYTHING, Interest, choose
from gossip.proto.parts import Listed
from gossip.proto.reconcile import Reconciler
from gossip.proto.sync_messages import Run, Turn, encode_sync
from store.crypto import SigningKey, digest, keyed_digest
from store.entry import Entry
from store.frontier import Frontier, Snapshot, place_of, position
from store.ids import LOG_FEED, LOG_ID, AuthorId, EntryId
from store.interface import LogState
from store.log import Evidence, Head, LogId, fork_proof

KEY = keyed_digest(NONCES["initiator"] + NONCES["responder"], b"asterism/sync/1", 32)

States = dict[LogId, LogState]


def states_of(logs: Iterable[Sequence[Entry]]) -> States:
    """Where a node is that holds these logs."""
    return {
        LogId(log[0].author, log[0].log): LogState(Head(log[-1].seq, log[-1].id), 0, None) for log in logs
    }


def many(count: int, ahead: Iterable[int] = (), missing: Iterable[int] = ()) -> States:
    """Logs of made up authors, each with one entry; those that are `ahead` with two."""
    ahead, missing = set(ahead), set(missing)
    states: States = {}
    for number in range(count):
        seq = 2 if number in ahead else 1
        if number not in missing:
            log_id = LogId(AuthorId(number.to_bytes(32, "big")), LOG_FEED)
            states[log_id] = LogState(Head(seq, EntryId(digest(bytes([number, seq])))), 0, None)
    return states


def ended(states: States, evidence: Evidence, seq: int) -> States:
    """The same states, one log of them ended by evidence after `seq` entries."""
    held = states[evidence.log_id].head
    assert held is not None
    head = Head(seq, BOB_FEED[seq - 1].id)
    return {**states, evidence.log_id: LogState(head, 0, evidence)}


def frontiers() -> Iterator[Case]:
    """Digests of frontiers."""
    feeds = states_of([ALICE_FEED, BOB_FEED, CAROL_ID])
    proof = bob_fork()
    only_evidence = {**feeds, proof.log_id: LogState(None, 0, proof)}
    id_proof = carol_fork()
    id_evidence = {**feeds, id_proof.log_id: LogState(None, 0, id_proof)}
    named = {
        "nothing held": ({}, ALL_LOGS),
        "three logs": (feeds, ALL_LOGS),
        "of three logs those of number 2": (feeds, 0b100),
        "one log ended by a fork": (ended(feeds, proof, 1), ALL_LOGS),
        "of one log nothing but the evidence": (only_evidence, ALL_LOGS),
        "of an id log nothing but the evidence, which does not count": (id_evidence, ALL_LOGS),
    }
    for name, (states, interest) in named.items():
        snapshot = Frontier(NETWORK, states).snapshot(interest)
        held = [position(log_id, place_of(log_id), state) for log_id, state in states.items()]
        yield {
            "what": "frontier",
            "name": name,
            "network": NETWORK.hex(),
            "interest": interest,
            "held": [shown_position(one) for one in sorted(held, key=lambda one: one.place)],
            "logs": len(snapshot),
            "digest": snapshot.digest(NETWORK).hex(),
        }


def selections() -> Iterator[Case]:
    """What two nodes compare of the same logs when they carry different sections."""
    lyon, berlin, roma = (digest(bytes([number])) for number in (30, 31, 32))
    belongs = {ALICE_FEED[0].author: {lyon}, BOB_FEED[0].author: {berlin, roma}}
    some = choose(sections=[lyon, berlin])
    named = {
        "one carries everything, one a section": (EVERYTHING, choose(sections=[lyon])),
        "two different sections": (choose(sections=[lyon]), choose(sections=[berlin])),
        "one author is in both by two sections": (choose(sections=[berlin]), choose(sections=[lyon, roma])),
        "no section, so id logs and those of no member": (choose(sections=[]), EVERYTHING),
        "id logs are in whatever the sections, unless their number is not": (choose(0b100, [berlin]), some),
        "age plays no part": (choose(bodies_since_ms=2**50), some),
        "nor do the logs whose bodies are wanted": (choose(bodies=0), some),
    }
    feeds = states_of([ALICE_FEED, BOB_FEED, CAROL_ID, chain(1, "carol", key=CAROL)])
    frontier = Frontier(NETWORK, feeds)
    frontier.group_by(lambda author: frozenset(belongs.get(author, ())))
    for name, (one, other) in named.items():
        both_carry = one.meet(other)
        yield {
            "what": "selection",
            "name": name,
            "network": NETWORK.hex(),
            "sections_of": {author.hex(): sorted(map(bytes.hex, of)) for author, of in belongs.items()},
            "interests": [shown_interest(one), shown_interest(other)],
            "held": [shown_position(held) for held in frontier.snapshot(ALL_LOGS).positions],
            "logs": frontier.count(both_carry),
            "digest": frontier.digest(both_carry).hex(),
        }


def carol_fork() -> Evidence:
    """The proof that Carol's second device began its `id` log in two ways."""
    key = SigningKey(bytes([4] * 32))
    one, other = (post(1, b"", text, key=key, log=LOG_ID) for text in ("one", "other"))
    return fork_proof(one, other, NETWORK)


def fingerprints() -> Iterator[Case]:
    """Keyed fingerprints of a range and of each log, and packed positions."""
    feeds = states_of([ALICE_FEED, BOB_FEED, CAROL_ID])
    proof = bob_fork()
    for name, states in {"no log": {}, "three logs": feeds, "one log ended": ended(feeds, proof, 1)}.items():
        snapshot = Frontier(NETWORK, states).snapshot(ALL_LOGS)
        told = b"".join(part[0] for part in Reconciler(snapshot, KEY).answer([Listed(0, 0, b"")]))
        yield {
            "what": "fingerprint",
            "name": name,
            "nonces": [NONCES["initiator"].hex(), NONCES["responder"].hex()],
            "key": KEY.hex(),
            "positions": [held.packed.hex() for held in snapshot.positions],
            "range": snapshot.fingerprint(KEY, 0, len(snapshot), 5).hex(),
            "logs": [snapshot.fingerprint(KEY, at, at + 1, 5).hex() for at in range(len(snapshot))],
            "packed": [told[at : at + 24].hex() for at in range(0, len(told), 24)],
        }


def compared(name: str, ours: States, theirs: States) -> Case:
    """Two frontiers, every turn of both sides, and what they found."""
    sides: dict[str, tuple[Snapshot, Reconciler]] = {}
    for role, states in {"initiator": ours, "responder": theirs}.items():
        snapshot = Frontier(NETWORK, states).snapshot(ALL_LOGS)
        sides[role] = snapshot, Reconciler(snapshot, KEY)
    turns: list[Case] = []
    parts, speaker, listener = sides["responder"][1].first_turn(), "responder", "initiator"
    while parts:
        turns.append({"from": speaker, "data": encode_sync(Turn(parts)).hex()})
        parts, speaker, listener = sides[listener][1].answer(parts), listener, speaker
    case: Case = {"what": "comparison", "name": name, "key": KEY.hex(), "turns": turns}
    for role, (snapshot, reconciler) in sides.items():
        places = {held.log_id: str(held.place) for held in snapshot.positions}
        case[role] = {
            "positions": [shown_position(held) for held in snapshot.positions],
            "ahead": sorted(
                [places[log_id], a.their_seq, a.our_seq] for log_id, a in reconciler.ahead.items()
            ),
            "forked": sorted([places[found.log_id], found.seq] for found in reconciler.forked),
            "evidence": sorted(places[log_id] for log_id in reconciler.contradicted),
        }
    return case


def comparisons() -> Iterator[Case]:
    """Two frontiers that differ in some way."""
    feeds, forked = states_of([ALICE_FEED, BOB_FEED]), states_of([ALICE_FEED, bob_branch()])
    yield compared(
        "three logs, each side lacks something", states_of([ALICE_FEED, BOB_FEED[:1], CAROL_ID]), feeds
    )
    yield compared("everything against nothing", states_of([ALICE_FEED, CAROL_ID]), {})
    yield compared("nothing against everything", {}, states_of([ALICE_FEED, CAROL_ID]))
    yield compared("two branches of one length", feeds, forked)
    yield compared("one side knows that a log has ended", ended(feeds, bob_fork(), 1), forked)
    yield compared("the other side knows it", feeds, ended(feeds, bob_fork(), 1))
    yield compared("forty logs, the line is split in four", many(40, [3], [7]), many(40, [21]))
    yield compared(
        "a hundred logs against seventy", many(100, range(60, 64)), many(100, [1], missing=range(70, 100))
    )


def held_runs(side: Side) -> list[str]:
    """The logs that a side holds, each as a run."""
    store = side.ledger.store
    logs = [store.range(log_id, 1, 1_000, max_bytes=2**40) for log_id in sorted(store.logs())]
    return [encode_sync(Run(tuple(entries))).hex() for entries in logs if entries]


def session(name: str, pair: tuple[Side, Side]) -> Case:
    """A whole session."""
    case: Case = {"what": "session", "name": name, "network": NETWORK.hex()}
    for side in pair:
        case[side.role] = {
            "nonce": NONCES[side.role].hex(),
            "interest": shown_interest(side.interests[0]),
            "peer_interest": shown_interest(side.interests[1]),
            "holds": held_runs(side),
        }
    case["messages"] = talk(*pair)
    for side in pair:
        assert side.ended is not None
        assert side.ended.ok, side.ended.why
        case[side.role]["digest_after"] = side.frontier.digest(ALL_LOGS).hex()
    return case


def sessions() -> Iterator[Case]:
    """Sessions from open to bye."""
    everything = [ALICE_FEED, BOB_FEED, CAROL_ID]
    yield session("three logs, each side lacks something", example())
    yield session("nothing differs", both(everything, everything))
    yield session(
        "the initiator took the responder to carry less", both(everything, everything, Interest(0b100))
    )
    since = choose(bodies_since_ms=BOB_FEED[0].time_ms + 1)
    yield session(
        "the initiator wants no bodies from before a time, other than in id logs",
        both([ALICE_FEED], everything, carried=since),
    )
    yield session(
        "the initiator wants no bodies but those of id, keys and deletions logs",
        both([ALICE_FEED], everything, carried=choose(bodies=0)),
    )
    yield session("a fork at one seq is searched for and proved", both([BOB_FEED], [bob_branch()]))
    yield session(
        "the longer side finds the fork before its first run",
        both([bob_branch()[:2]], [ALICE_FEED, BOB_FEED]),
    )


def messages() -> Iterator[Case]:
    """Every message, and runs taken apart."""
    names = {**comparing_messages(), **trading_messages()}
    for name, data in encoded_sync().items():
        case: Case = {"what": "message", "name": name, "data": data.hex()}
        message = names[name]
        if isinstance(message, Run):
            case["entries"] = [taken_apart(entry) for entry in message.entries]
        yield case


def taken_apart(entry: Entry) -> Case:
    """An entry of a run as it has to be rebuilt."""
    body: Any = None if entry.body is None else entry.body.hex()
    return {
        "header": entry.header.hex(),
        "signature": entry.signature.hex(),
        "body": body,
        "id": entry.id.hex(),
    }


def frames() -> Iterator[Case]:
    """Streams of bytes with the messages in them."""
    done, bye = b"\x91\x08", b"\x91\x09"
    named = {
        "no message": [],
        "one message": [done],
        "two messages": [done, bye],
        "a long one": [bytes(70_000)],
    }
    for name, payloads in named.items():
        stream = b"".join(map(frame, payloads))
        yield {
            "what": "frames",
            "name": name,
            "data": stream.hex() if len(stream) < 1_000 else f"{stream[:4].hex()}",
            "zeros_after": 0 if len(stream) < 1_000 else len(stream) - 4,
            "lengths": list(map(len, payloads)),
        }


def cases() -> list[Case]:
    """All of them."""
    return [*frames(), *frontiers(), *selections(), *fingerprints(), *comparisons(), *messages(), *sessions()]
