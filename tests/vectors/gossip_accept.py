"""Cases that a reader of `docs/protocol/gossip.md` must accept, for gossip-accept.json."""

from collections.abc import Iterator

from entry_pieces import NETWORK
from gossip_samples import (
    ADDRESS,
    ALICE_LOG,
    TIME_MS,
    announcements,
    encoded_announcements,
    encoded_push,
    push_messages,
)
from gossip_sides import Case, shown_interest

from gossip.proto import messages as wire
from gossip.proto.announce import Announcement, HeadMark
from gossip.proto.interest import EVERYTHING
from store.ids import to_text

DAY_MS = 86_400_000


def messages() -> Iterator[Case]:
    """Every push message, entries taken apart."""
    kinds = push_messages()
    for name, data in encoded_push().items():
        case: Case = {"what": "message", "name": name, "data": data.hex()}
        message = kinds[name]
        if isinstance(message, wire.Entries):
            case["entries"] = [entry.id.hex() for entry in message.entries]
        yield case


def said() -> Iterator[Case]:
    """Every announcement, taken apart."""
    values = announcements()
    for name, data in encoded_announcements().items():
        words = values[name]
        yield {
            "what": "announcement",
            "name": name,
            "data": data.hex(),
            "time_ms": words.time_ms,
            "hub": words.hub,
            "interest": shown_interest(words.interest),
            "addresses": list(words.addresses),
            "heads": [[head.log, head.seq, head.mark.hex()] for head in words.heads],
        }


def announced(time_ms: int, heads: tuple[HeadMark, ...] = ()) -> str:
    """The bytes of an announcement."""
    return Announcement(time_ms, False, EVERYTHING, (ADDRESS,), heads).encode().hex()


def believed() -> Iterator[Case]:
    """Announcements of one origin in the order in which they come, and which of them are believed."""
    named = {
        "each newer than the one before": [(0, 0, True), (5, 5, True), (6, 6, True)],
        "the same again": [(0, 0, True), (9, 0, False)],
        "an older one, as in a replay": [(0, 0, True), (9, -1, False), (9, 1, True)],
        "very old, but the first that is heard": [(0, -TIME_MS, True)],
        "a day ahead, and a millisecond more": [(0, DAY_MS + 1, False), (0, DAY_MS, True)],
        "a right one after one from a clock that was ahead": [(0, DAY_MS, True), (1_000, 1_000, False)],
        "the same, a day later": [(0, DAY_MS, True), (DAY_MS + 1, DAY_MS + 1, True)],
    }
    for name, steps in named.items():
        heard = [
            {"now_ms": TIME_MS + now, "data": announced(TIME_MS + time), "believed": taken}
            for now, time, taken in steps
        ]
        yield {"what": "believed", "name": name, "origin": ALICE_LOG.author.hex(), "heard": heard}


def topics() -> Iterator[Case]:
    """The name of the topic."""
    yield {
        "what": "topic",
        "name": "of the network of these vectors",
        "network": NETWORK.hex(),
        "topic": topic(),
    }


def topic() -> str:
    """What `node.running.gossip_topic` gives, without importing it."""
    return f"/asterism/1/{to_text(NETWORK)}"


def links() -> Iterator[Case]:
    """What a peer may say over a push stream."""
    samples = encoded_push()
    hello = samples["hello of a laptop"]
    named = {
        "hello, then entries": [hello, samples["three entries of two logs, one without its body"]],
        "hello without interest, then entries": [
            samples["hello of one who carries nothing and is nowhere"],
            samples["one entry with its body"],
        ],
        "bodies that are not known are wanted": [hello, samples["want of 64 bodies"]],
        "evidence": [hello, samples["evidence of a fork"]],
        "another interest, twice": [
            hello,
            samples["interested in two sections"],
            samples["interested in everything"],
        ],
        "nudges": [hello, samples["nudge"], samples["nudge"]],
    }
    for name, received in named.items():
        yield {
            "what": "link",
            "name": name,
            "network": NETWORK.hex(),
            "received": [data.hex() for data in received],
        }


def cases() -> list[Case]:
    """All of them."""
    return [*topics(), *messages(), *links(), *said(), *believed()]
