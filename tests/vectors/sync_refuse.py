"""Cases that a reader of `docs/protocol/sync.md` must refuse, for sync-refuse.json."""

from collections.abc import Callable, Iterator
from typing import Any

import msgpack
from entry_pieces import NETWORK, Case, post, spoiled
from gossip_samples import ALICE_LOG, encoded_sync
from gossip_sides import ALICE_FEED, BOB_FEED, CAROL, CAROL_ID, NONCES, Side
from sync_accept import KEY, held_runs

from gossip.errors import RemoteFault, Severity
from gossip.proto import sync_messages as wire
from gossip.proto.fields import ALL_LOGS
from gossip.proto.framing import Deframer, frame
from gossip.proto.interest import EVERYTHING
from gossip.proto.parts import Listed, Part, Positions, Split, Wanted
from gossip.proto.sync_messages import SyncMessage, encode_sync, parse_sync
from store.entry import MAX_SEQ
from store.frontier import place_of
from store.log import LogId

BOB_LOG = LogId(BOB_FEED[0].author, BOB_FEED[0].log)
CAROL_LOG = LogId(CAROL_ID[0].author, CAROL_ID[0].log)


def refused(case: Case, attempt: Callable[[], object]) -> Case:
    """The case with the class of error and the severity of this implementation.

    Raises: AssertionError: it is not refused.
    """
    try:
        attempt()
    except RemoteFault as fault:
        return {**case, "error": "RemoteFault", "severity": fault.severity.name.lower()}
    raise AssertionError(f"nothing is wrong with {case['name']}")


# --- streams ------------------------------------------------------------------------------------------


def frames() -> Iterator[Case]:
    """Streams that are no sequence of frames."""
    done = frame(b"\x91\x08")
    named = {
        "a length of 0": bytes(4),
        "a length of 1,048,577": (1_048_577).to_bytes(4, "big"),
        "a length of 2**32 - 1": b"\xff" * 4,
        "a good frame and a length of 0": done + bytes(4),
        "the end inside a length": done + b"\x00\x00",
        "the end inside a message": done + b"\x00\x00\x00\x05\x91",
    }
    for name, data in named.items():
        yield refused({"what": "frames", "name": name, "data": data.hex()}, lambda data=data: cut(data))


def cut(data: bytes) -> None:
    """Read a whole stream to its end. Raises: RemoteFault."""
    deframer = Deframer()
    deframer.feed(data)
    deframer.finish()


# --- messages -----------------------------------------------------------------------------------------


def malformed(good: dict[str, bytes], broken: dict[str, tuple[str, dict[int, Any]]]) -> dict[str, bytes]:
    """Good messages with some values changed: by name the message and its changes by place."""
    made = {}
    for name, (message, changes) in broken.items():
        values = list(msgpack.unpackb(good[message], use_list=True))
        made[name] = msgpack.packb([changes.get(place, value) for place, value in enumerate(values)])
    return made


def longer(good: dict[str, bytes], names: list[str]) -> dict[str, bytes]:
    """Messages with a value more, and with one less."""
    made = {}
    for name in names:
        values = msgpack.unpackb(good[name], use_list=True)
        made[f"{name}, with a value more"] = msgpack.packb([*values, 0])
        if len(values) > 1:
            made[f"{name}, with a value less"] = msgpack.packb(values[:-1])
    return made


def part(*values: Any) -> dict[int, Any]:
    """A turn of this part alone."""
    return {0: 4, 1: list(values)}


def broken_turns() -> dict[str, tuple[str, dict[int, Any]]]:
    """Turns with a part that breaks a rule."""
    of = "turn of one empty list"
    return {
        "a split of a range of depth 65": (of, part(0, 65, 0, 1, bytes(10))),
        "a split below depth 64": (of, part(0, 60, 0, 6, bytes(320))),
        "a split into one": (of, part(0, 0, 0, 0, bytes(5))),
        "a split into 128": (of, part(0, 0, 0, 7, bytes(640))),
        "a split without a fingerprint": (of, part(0, 0, 0, 1, bytes(5))),
        "a prefix longer than the depth": (of, part(1, 3, 8, b"")),
        "a prefix below 0": (of, part(1, 3, -1, b"")),
        "a depth that is true": (of, part(1, True, 0, b"")),
        "a list of half a fingerprint": (of, part(1, 0, 0, bytes(8))),
        "no positions": (of, part(2, b"")),
        "a position of 23 bytes": (of, part(2, bytes(23))),
        "nothing wanted": (of, part(3, b"")),
        "half a fingerprint wanted": (of, part(3, bytes(3))),
        "a part of number 4": (of, part(4, b"")),
        "a part with a text": (of, part(2, "a" * 24)),
        "a part that is no list": (of, {1: 7}),
    }


def broken_interests() -> dict[str, tuple[str, dict[int, Any]]]:
    """Interests that break a rule."""
    return {
        "an interest of 2**32": ("open", {2: 2**32}),
        "an interest below 0": ("open", {2: -1}),
        "an interest as a list that a number says": ("open", {2: [5, None, 0, 5]}),
        "an interest in 65 sections": (
            "open",
            {2: [5, [number.to_bytes(32, "big") for number in range(65)], 0, 5]},
        ),
        "an interest in sections that are not in order": (
            "open",
            {2: [5, [b"\x02" * 32, b"\x01" * 32], 0, 5]},
        ),
        "an interest in a section of 31 bytes": ("open", {2: [5, [bytes(31)], 0, 5]}),
        "an interest in bodies from 2**53 on": ("open", {2: [5, None, 2**53, 5]}),
        "an interest of three values": ("open", {2: [5, None, 1]}),
        "an interest in bodies of logs that are not carried": ("open", {2: [5, None, 0, 13]}),
        "an interest without bodies of id logs": ("open", {2: [5, None, 0, 4]}),
        "an interest without bodies of keys logs": ("open", {2: [6, None, 0, 4]}),
        "an interest without bodies of deletions logs": ("open", {2: [0x404, None, 0, 4]}),
        "an interest with true for bodies": ("open", {2: [5, None, 0, True]}),
    }


def broken_messages() -> dict[str, tuple[str, dict[int, Any]]]:
    """Messages with values that break a rule."""
    return {
        "open of version 2": ("open", {1: 2}),
        "open of version true": ("open", {1: True}),
        **broken_interests(),
        "a nonce of 15 bytes": ("open", {3: bytes(15)}),
        "a digest of 31 bytes": ("open", {4: bytes(31)}),
        "logs below 0": ("open", {5: -1}),
        "differ with a nonce of 17 bytes": ("differ, the line listed", {2: bytes(17)}),
        "totals below 0": ("totals", {1: -1}),
        "totals with a number for whole": ("totals", {3: 1}),
        "ack of no run": ("ack", {1: 0}),
        "a probe at seq 0": ("probe", {3: 0}),
        "a probe at seq 2**40": ("probe", {3: MAX_SEQ + 1}),
        "a probe of log 32": ("probe", {2: 32}),
        "a probe of an author of 31 bytes": ("probe", {1: bytes(31)}),
        "absent at seq 0": ("absent", {3: 0}),
        "decline of log -1": ("decline", {2: -1}),
        "shown with a signature of 63 bytes": ("shown", {2: bytes(63)}),
        "shown with a header that is none": ("shown", {1: b"\x90"}),
        "a reason of 201 characters": ("stop", {1: "x" * 201}),
        "a reason in bytes": ("stop", {1: b"x"}),
        "evidence as text": ("contradiction", {1: "x"}),
        "an unknown number": ("done", {0: 16}),
        "the number 0": ("done", {0: 0}),
        "a number that is true": ("done", {0: True}),
        "a number as text": ("done", {0: "8"}),
    }


def broken_runs() -> dict[str, tuple[str, dict[int, Any]]]:
    """Runs with values that break a rule. Their places: 1 author, 2 log, 3 seq, 4 back, then fours."""
    of, bare = "run of a whole log", "run with absent bodies"
    return {
        "a run of log 32": (of, {2: 32}),
        "a run from seq 0": (of, {3: 0}),
        "a run from seq 2 without a back link": (of, {3: 2}),
        "a run from seq 1 with a back link": (of, {4: bytes(32)}),
        "a run with a time before 1970": (of, {5: -1}),
        "a run with an empty list of links": (of, {6: []}),
        "a run with a link of 31 bytes": (of, {6: [bytes(31)]}),
        "a run with a signature of 63 bytes": (of, {7: bytes(63)}),
        "a run with a body of 16 bytes": (of, {8: bytes(16)}),
        "a run with a body of 32,769 bytes": (of, {8: bytes(32_769)}),
        "a run with no word of a body": (of, {8: None}),
        "a run with an absent body of 16 bytes": (bare, {8: [16, bytes(32)]}),
        "a run with a commitment of 31 bytes": (bare, {8: [17, bytes(31)]}),
        "a run with a commitment alone": (bare, {8: [bytes(32)]}),
    }


def message_cases() -> Iterator[Case]:
    """Bytes that are no message."""
    good = encoded_sync()
    short = ["open", "same", "totals", "ack", "done", "bye", "probe", "shown", "stop", "absent", "decline"]
    named = malformed(good, {**broken_messages(), **broken_turns(), **broken_runs()})
    named |= longer(good, [*short, "contradiction", "run of a whole log"])
    named |= {
        "no bytes": b"",
        "an empty list": b"\x90",
        "a number instead of a list": b"\x08",
        "a map": b"\x81\x00\x08",
        "a float as number": b"\x91\xcb" + b"\x40\x20" + bytes(6),
        "a list of 2**32 - 1": b"\xdd\xff\xff\xff\xff",
        "a turn without parts": b"\x91\x04",
        "differ without parts": msgpack.packb([3, 1, bytes(16), bytes(32)]),
        "a turn of 4,097 parts": msgpack.packb([4] + [[1, 0, 0, b""]] * 4097),
        "a run without entries": msgpack.packb([6, *ALICE_LOG, 1, b""]),
    }
    for name, data in named.items():
        case = {"what": "message", "name": name, "data": data.hex()}
        yield refused(case, lambda data=data: parse_sync(data))


# --- sessions -----------------------------------------------------------------------------------------


def differ(*parts: Part) -> wire.Differ:
    """The responder's answer, whose frontier is another one."""
    return wire.Differ(EVERYTHING, NONCES["responder"], bytes(32), parts)


def packed(log_id: LogId, seq: int, mark: bytes = b"\x01" * 6) -> bytes:
    """A position of the peer."""
    return place_of(log_id).to_bytes(8, "big") + seq.to_bytes(5, "big") + mark + bytes(5)


def a_side(role: str) -> Side:
    """The side that has to refuse: it holds Alice's feed and the first entry of Bob's."""
    return Side(role, [ALICE_FEED, BOB_FEED[:1]], (EVERYTHING, EVERYTHING))


def own_list() -> Listed:
    """The list that finds nothing different in what `a_side` holds."""
    snapshot = a_side("initiator").frontier.snapshot(ALL_LOGS)
    return Listed(0, 0, b"".join(snapshot.fingerprint(KEY, at, at + 1, 5) for at in range(len(snapshot))))


def comparing_sessions() -> dict[str, list[SyncMessage]]:
    """What an initiator must refuse while it compares: the messages that it gets, the last one is wrong."""
    line = Listed(0, 0, b"")
    halves = Split(0, 0, 1, bytes(10))
    twice = Positions(packed(CAROL_LOG, 4) * 2)
    return {
        "a turn before differ": [wire.Turn((line,))],
        "open from the responder": [wire.Open(EVERYTHING, bytes(16), bytes(32), 0)],
        "totals before differ": [wire.Totals(0, 0, True)],
        "differ twice": [differ(line), differ(line)],
        "same after differ": [differ(line), wire.Same()],
        "a run in the comparison": [differ(line), wire.Run(tuple(BOB_FEED[1:]))],
        "done in the comparison": [differ(line), wire.Done()],
        "a first turn about half of the line": [differ(Listed(1, 0, b""))],
        "a first turn that tells the line twice": [differ(line, line)],
        "a range that was not split": [differ(halves), wire.Turn((Listed(1, 0, b""),))],
        "a range again that was listed": [differ(line), wire.Turn((line,))],
        "a fingerprint wanted that was not listed": [differ(line), wire.Turn((Wanted(b"\x01" * 5),))],
        "a position told twice in one turn": [differ(line), wire.Turn((twice,))],
        "a position told twice in two turns": [
            differ(line),
            wire.Turn((Positions(packed(CAROL_LOG, 4)),)),
            wire.Turn((Positions(packed(CAROL_LOG, 5)),)),
        ],
    }


def trading_sessions() -> dict[str, list[SyncMessage]]:
    """The same while it trades. In most of them the responder is at Bob's third entry and lacks nothing."""
    level = [differ(own_list())]
    asked = [
        differ(Listed(0, 0, b"")),
        wire.Turn((Positions(packed(BOB_LOG, 3)),)),
        wire.Totals(2, 800, True),
    ]
    run = wire.Run(tuple(BOB_FEED[1:]))
    return {
        "a turn after the comparison": [*level, wire.Turn((Listed(0, 0, b""),))],
        "done before totals": [*level, wire.Done()],
        "a run before totals": [*level, run],
        "totals twice": [*level, wire.Totals(0, 0, True), wire.Totals(0, 0, True)],
        "done twice": [*level, wire.Totals(0, 0, True), wire.Done(), wire.Done()],
        "bye before done": [*level, wire.Totals(0, 0, True), wire.Bye()],
        "an ack without a run": [*level, wire.Totals(0, 0, True), wire.Ack(1)],
        "a run of a log whose position was not told": [*asked, wire.Run(tuple(CAROL_ID))],
        "a run that leaves a gap": [*asked, wire.Run(tuple(BOB_FEED[2:]))],
        "a run again": [*asked, run, run],
        "a run after done": [*asked, wire.Done(), run],
        "a run whose last signature does not fit": [
            *asked,
            wire.Run((BOB_FEED[1], spoiled(BOB_FEED[2]))),
        ],
        "decline of a log that was not to be sent": [*level, wire.Decline(ALICE_LOG)],
        "shown without a probe": [*level, wire.Shown(BOB_FEED[0].without_body())],
        "absent without a probe": [*level, wire.Absent(BOB_LOG, 1)],
        "a contradiction that is no evidence": [*level, wire.Contradiction(b"\x90")],
    }


def responder_sessions() -> dict[str, list[SyncMessage]]:
    """What a responder must refuse."""
    opened = wire.Open(EVERYTHING, NONCES["initiator"], bytes(32), 0)
    return {
        "a turn before open": [wire.Turn((Listed(0, 0, b""),))],
        "same before open": [wire.Same()],
        "differ from the initiator": [opened, differ(Listed(0, 0, b""))],
        "open twice": [opened, opened],
        "same, later than as the answer to differ": [
            opened,
            wire.Turn((Positions(packed(CAROL_LOG, 4)),)),
            wire.Same(),
        ],
    }


def busy_sessions() -> dict[str, list[SyncMessage]]:
    """What an initiator must refuse that has not judged or read anything yet."""
    asked = [
        differ(Listed(0, 0, b"")),
        wire.Turn((Positions(packed(CAROL_LOG, 9)),)),
        wire.Totals(9, 0, True),
    ]
    log: list[wire.Run] = []
    back = b""
    for seq in range(1, 258):
        entry = post(seq, back, f"carol {seq}", log=CAROL_LOG.log, key=CAROL)
        log.append(wire.Run((entry.without_body(),)))
        back = entry.id
    probes = [wire.Probe(ALICE_LOG, 1)] * 65
    return {"a 257th run before the first was judged": [*asked, *log], "a 65th probe": [*asked, *probes]}


def session_cases() -> Iterator[Case]:
    """Whole sessions, seen by the side that has to refuse the last message."""
    groups = [
        ("initiator", True, {**comparing_sessions(), **trading_sessions()}),
        ("responder", True, responder_sessions()),
        ("initiator", False, busy_sessions()),
    ]
    for role, settles, named in groups:
        for name, messages in named.items():
            yield session_case(name, role, messages, settles=settles)


def session_case(name: str, role: str, messages: list[SyncMessage], *, settles: bool) -> Case:
    """One of them; all messages but the last one must be taken."""
    side = a_side(role)
    received = [encode_sync(message) for message in messages]
    case: Case = {"what": "session", "name": name, "role": role, "network": NETWORK.hex()}
    case |= {"nonce": NONCES[role].hex(), "interest": ALL_LOGS, "peer_interest": ALL_LOGS, "settles": settles}
    case |= {"holds": held_runs(side), "received": [data.hex() for data in received]}
    if role == "initiator":
        side.perform(side.session.opened())
    for data in received[:-1]:
        side.receive(data)
        if settles:
            side.settle()

    def last() -> None:
        side.receive(received[-1])
        if settles:
            side.settle()

    return refused(case, last)


def cases() -> list[Case]:
    """All of them."""
    made = [*frames(), *message_cases(), *session_cases()]
    assert {case["severity"] for case in made} == {severity.name.lower() for severity in Severity}
    return made
