"""Cases that a reader of `docs/protocol/gossip.md` must refuse, for gossip-refuse.json."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgpack
from entry_pieces import NETWORK, OTHER_NETWORK, Case
from gossip_samples import an_id, encoded_announcements, encoded_push
from gossip_sides import ALICE_FEED
from sync_refuse import longer, malformed, refused

from gossip.proto import messages as wire
from gossip.proto.admission import Everyone
from gossip.proto.announce import parse_announcement
from gossip.proto.context import Context
from gossip.proto.interest import EVERYTHING
from gossip.proto.messages import encode_push, parse_push
from gossip.proto.push import Link, Push
from store.entry import MAX_SEQ, MAX_TIME_MS
from store.frontier import Frontier
from store.ids import AuthorId

PEER = AuthorId(bytes([9] * 32))


def broken_messages() -> dict[str, tuple[str, dict[int, Any]]]:
    """Push messages with values that break a rule."""
    hello, entry, answers = "hello of a laptop", "one entry with its body", "every sort of answer"
    return {
        "hello of version 2": (hello, {1: 2}),
        "hello of version true": (hello, {1: True}),
        "hello with a network of 31 bytes": (hello, {2: bytes(31)}),
        "hello with an interest of 2**32": (hello, {3: 2**32}),
        "hello with an interest in the same section twice": (hello, {3: [5, [bytes(32)] * 2, 0, 5]}),
        "hello with an interest of two values": (hello, {3: [5, None]}),
        "hello with an interest in bodies of a log that is not carried": (hello, {3: [5, None, 0, 7]}),
        "hello with an interest in bodies from before 1970": (hello, {3: [5, None, -1, 5]}),
        "hello with a number for hub": (hello, {4: 1}),
        "hello with 17 addresses": (hello, {5: ["/ip4/192.0.2.7/tcp/1"] * 17}),
        "hello with an empty address": (hello, {5: [""]}),
        "hello with an address of 201 characters": (hello, {5: ["/" * 201]}),
        "hello with an address that is not ASCII": (hello, {5: ["/dns/жук.example/tcp/1"]}),
        "hello with a line end in an address": (hello, {5: ["/ip4/192.0.2.7/tcp/1\n"]}),
        "hello with an address in bytes": (hello, {5: [b"/ip4/192.0.2.7/tcp/1"]}),
        "hello with no list of addresses": (hello, {5: None}),
        "an entry with a header that is none": (entry, {1: b"\x90"}),
        "an entry with a header as text": (entry, {1: "x"}),
        "an entry with a signature of 63 bytes": (entry, {2: bytes(63)}),
        "an entry with another body": (entry, {3: bytes(29)}),
        "an entry with an empty body": (entry, {3: b""}),
        "an entry with a list for a body": (entry, {3: [29, bytes(32)]}),
        "want of an id of 31 bytes": ("want of one body", {1: bytes(31)}),
        "an answer to an id of 33 bytes": (answers, {1: bytes(33)}),
        "an answer of status 4": (answers, {2: 4}),
        "an answer of status true": (answers, {2: True}),
        "a body of 16 bytes": (answers, {3: bytes(16)}),
        "a body of 32,769 bytes": (answers, {3: bytes(32_769)}),
        "deleted without saying by what": (answers, {6: b""}),
        "expired, with a body": (answers, {9: bytes(17)}),
        "not held, with a body": (answers, {12: bytes(17)}),
        "an answer with nothing for a body": (answers, {3: None}),
        "evidence as text": ("evidence of a fork", {1: "x"}),
        "a nudge of 31 bytes": ("nudge", {1: bytes(31)}),
        "an interest as a text": ("interested in everything", {1: "all"}),
        "an unknown number": ("nudge", {0: 8}),
        "a number that is true": ("nudge", {0: True}),
    }


def message_cases() -> Iterator[Case]:
    """Bytes that are no push message."""
    good = encoded_push()
    named = malformed(good, broken_messages())
    named |= longer(
        good,
        [
            "hello of a laptop",
            "one entry with its body",
            "evidence of a fork",
            "nudge",
            "interested in everything",
        ],
    )
    named |= {
        "entries without an entry": b"\x91\x02",
        "want of nothing": b"\x91\x03",
        "want of 65 bodies": msgpack.packb([3, *map(an_id, range(65))]),
        "no answer": b"\x91\x04",
        "65 answers": msgpack.packb([4] + [an_id(1), wire.NOT_HELD, b""] * 65),
        "no bytes": b"",
        "an empty list": b"\x90",
        "a text": b"\xa5hello",
    }
    for name, data in named.items():
        case = {"what": "message", "name": name, "data": data.hex()}
        yield refused(case, lambda data=data: parse_push(data))


def said_cases() -> Iterator[Case]:
    """Payloads that are no announcement."""
    good = encoded_announcements()
    of, head = "of a laptop", [2, 3, bytes(16)]
    broken: dict[str, tuple[str, dict[int, Any]]] = {
        "version 2": (of, {0: 2}),
        "a time before 1970": (of, {1: -1}),
        "time 2**53": (of, {1: MAX_TIME_MS + 1}),
        "a number for hub": (of, {2: 0}),
        "an interest of 2**32": (of, {3: 2**32}),
        "an interest in a section as text": (of, {3: [5, ["x" * 32], 0, 5]}),
        "17 addresses": (of, {4: ["/"] * 17}),
        "an address that is not ASCII": (of, {4: ["ж"]}),
        "a head of log 32": (of, {5: [32, 1, bytes(16)]}),
        "a head at seq 0": (of, {5: [2, 0, bytes(16)]}),
        "a head at seq 2**40": (of, {5: [2, MAX_SEQ + 1, bytes(16)]}),
        "a mark of 32 bytes": (of, {5: [2, 1, bytes(32)]}),
        "a head in two values": (of, {5: [2, 1]}),
        "the same log twice": (of, {5: head * 2}),
        "logs that fall": (of, {5: [3, 1, bytes(16), *head]}),
        "heads in lists of their own": (of, {5: [head]}),
        "no list of heads": (of, {5: None}),
    }
    named = malformed(good, broken)
    named |= longer(good, [of])
    named["over 4,096 bytes"] = msgpack.packb([1, 0, False, 0, ["/" * 300] * 14, []])
    named["a map"] = b"\x81\x01\x02"
    for name, data in named.items():
        case = {"what": "announcement", "name": name, "data": data.hex()}
        yield refused(case, lambda data=data: parse_announcement(data))


def link_cases() -> Iterator[Case]:
    """Messages of a peer over a push stream; the last one is wrong."""
    good = encoded_push()
    hello = good["hello of a laptop"]
    held = wire.BodyAnswer(ALICE_FEED[0].id, wire.HELD, ALICE_FEED[0].body or b"")
    other = encode_push(wire.Hello(OTHER_NETWORK, EVERYTHING, False, ()))
    no_evidence = encode_push(wire.EvidenceFound(b"\x92\x00\x90"))
    named = {
        "entries before hello": [good["one entry with its body"]],
        "a nudge before hello": [good["nudge"]],
        "an interest before hello": [good["interested in everything"]],
        "hello twice": [hello, hello],
        "hello of another network": [other],
        "a body that was not asked for": [hello, encode_push(wire.Bodies((held,)))],
        "evidence that is none": [hello, no_evidence],
    }
    for name, received in named.items():
        case: Case = {"what": "link", "name": name, "network": NETWORK.hex()}
        case |= {"received": [data.hex() for data in received]}
        push = standing()
        for data in received[:-1]:
            push.received(PEER, parse_push(data), 0.0)
        yield refused(case, lambda push=push, data=received[-1]: push.received(PEER, parse_push(data), 0.0))


def standing() -> Push:
    """A new link of a node that holds nothing."""
    context = Context(ALICE_FEED[0].author, NETWORK, Everyone(), Frontier(NETWORK), Random(0), Random(0))
    push = Push(context)
    push.link_up(PEER, Link(0.0, True, ""))
    return push


def cases() -> list[Case]:
    """All of them."""
    return [*message_cases(), *said_cases(), *link_cases()]
