"""What it costs two nodes to find out in what they differ: bytes and round trips of a sync session.

    python benchmarks/sync_bytes.py [logs]

Two sessions with 10,000 logs each talk through real encoded frames (length included), in one process. Counted
is everything on the stream but the runs themselves, that is the entries. `recent`: the ten logs that differ
were the last to grow; `scattered`: ten by chance. Both directions are tried (either side ahead) with several
seeds; the last line is one JSON object with the worst of them. A round trip is a message of the initiator
and its answer, until both sides know what to send.
"""

import json
import random
import sys
from collections import deque
from itertools import count

from gossip.proto import events
from gossip.proto.admission import Everyone
from gossip.proto.context import Terms
from gossip.proto.framing import frame
from gossip.proto.interest import EVERYTHING
from gossip.proto.sync import SyncSession
from gossip.proto.sync_messages import Run, encode_sync, parse_sync
from node.testing.people import NETWORK, Person
from store.entry import Entry
from store.frontier import Frontier
from store.ids import LOG_FEED, AuthorId, EntryId
from store.interface import LogState
from store.log import Head, LogId

LOGS = 10_000
DIFFERENT = 10
SEEDS = 15


class Side:
    """One end of a session, with a store that is a dictionary of the entries that differ."""

    def __init__(
        self, states: dict[LogId, LogState], entries: dict[tuple[LogId, int], Entry], *, first: bool
    ) -> None:
        tokens = count(1)
        self.entries = entries
        terms = Terms(
            frontier=Frontier(NETWORK, states),
            interests=(EVERYTHING, EVERYTHING),
            last_carried=Everyone().last_carried,
            unwanted=set(),
            is_news=lambda evidence: True,
            new_token=lambda: events.Token(next(tokens)),
            nonce=random.randbytes(16),
            entry_bytes=450.0,
        )
        self.session = SyncSession(events.SessionId(1), AuthorId(bytes(32)), initiator=first, terms=terms)

    def settle(self, effects: list[events.Effect]) -> list[bytes]:
        """Answer what the session asks of its store; give the messages that it sends."""
        sent = []
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            match effect:
                case events.SendSync(_, message):
                    sent.append(encode_sync(message))
                case events.ReadRun(token, log_id, first, last, _):
                    held = (self.entries.get((log_id, seq)) for seq in range(first, last + 1))
                    waiting.extend(
                        self.session.run_read(token, tuple(entry for entry in held if entry is not None))
                    )
                case events.Deliver(token, _, pieces, _):
                    heads = (Head(piece[-1].seq, piece[-1].id) for piece in pieces)
                    names = (LogId(piece[0].author, piece[0].log) for piece in pieces)
                    verdicts = tuple(
                        events.Accepted(name, head, 1) for name, head in zip(names, heads, strict=True)
                    )
                    waiting.extend(self.session.judged(token, verdicts))
        return sent


def talk(initiator: Side, responder: Side) -> tuple[int, int]:
    """Let two sides talk to the end; bytes without runs, and round trips."""
    total = 0
    outbox = [(responder, message) for message in initiator.settle(initiator.session.opened())]
    while outbox:
        receiver, payload = outbox.pop(0)
        message = parse_sync(payload)
        if not isinstance(message, Run):
            total += len(frame(payload))
        sender = initiator if receiver is responder else responder
        effects = receiver.session.received(message, len(payload))
        outbox += [(sender, answer) for answer in receiver.settle(effects)]
    return total, initiator.session.rounds


def make_states(chance: random.Random, logs: int) -> dict[LogId, LogState]:
    """Logs of devices that nobody needs to know, the one that grew last at the end."""
    return {
        LogId(AuthorId(chance.randbytes(32)), LOG_FEED): LogState(
            Head(chance.randint(1, 500), EntryId(chance.randbytes(32))), 0, None
        )
        for _ in range(logs)
    }


def grown(
    base: dict[LogId, LogState], people: list[Person], places: list[int]
) -> tuple[dict[LogId, LogState], dict[LogId, LogState], dict[tuple[LogId, int], Entry]]:
    """Two frontiers: in the second the logs of `people`, put at `places`, have one entry more."""
    behind, ahead = list(base.items()), list(base.items())
    entries = {}
    for place, person in zip(places, people, strict=True):
        log_id = person.log_id()
        first, second = person.posts(2)
        behind[place] = (log_id, LogState(Head(1, first.id), 1, None))
        ahead[place] = (log_id, LogState(Head(2, second.id), 2, None))
        entries[log_id, 1], entries[log_id, 2] = first, second
    return dict(behind), dict(ahead), entries


def measure(seed: int, logs: int, *, recent: bool, first_is_ahead: bool) -> tuple[int, int]:
    """One session over ten logs that differ."""
    chance = random.Random(seed)
    base = make_states(chance, logs)
    places = list(range(logs - DIFFERENT, logs)) if recent else chance.sample(range(logs), DIFFERENT)
    people = [Person(f"{seed} {number}") for number in range(DIFFERENT)]
    behind, ahead, entries = grown(base, people, places)
    mine, theirs = (ahead, behind) if first_is_ahead else (behind, ahead)
    return talk(Side(mine, entries, first=True), Side(theirs, entries, first=False))


def main() -> None:
    """Measure and print."""
    logs = int(sys.argv[1]) if len(sys.argv) > 1 else LOGS
    equal = make_states(random.Random(0), logs)
    equal_bytes, equal_rounds = talk(Side(equal, {}, first=True), Side(equal, {}, first=False))
    worst: dict[bool, int] = {}
    rounds = 0
    for recent in (True, False):
        tried = [
            measure(seed, logs, recent=recent, first_is_ahead=ahead)
            for seed in range(SEEDS)
            for ahead in (True, False)
        ]
        worst[recent] = max(size for size, _ in tried)
        rounds = max(rounds, *(trips for _, trips in tried))
    report = {
        "equal_bytes": equal_bytes,
        "equal_round_trips": equal_rounds,
        "ten_recent_bytes": worst[True],
        "ten_scattered_bytes": worst[False],
        "ten_round_trips": rounds,
        "logs": logs,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
