"""How much the sending side of a sync session has under way: so many runs, and so many bytes."""

from collections.abc import Sequence
from itertools import count

import pytest

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.reconcile import Ahead
from gossip.proto.sending import Sending
from node.testing.people import Person, people
from store.crypto import SIGNATURE_BYTES
from store.entry import Entry
from store.ids import LOG_FEED
from store.log import LogId


class Store:
    """Answers what the sending side asks for, until it asks no more."""

    def __init__(self, logs: dict[LogId, Sequence[Entry]]) -> None:
        self.logs = logs
        self.runs: list[wire.Run] = []

    def serve(self, sending: Sending, effects: Sequence[Effect]) -> None:
        todo = list(effects)
        while todo:
            match todo.pop(0):
                case events.ReadRun(token, log_id, first_seq, last_seq, max_bytes):
                    assert max_bytes == limits.RUN_BYTES
                    run = self.cut(self.logs[log_id][first_seq - 1 : last_seq], max_bytes)
                    todo += sending.run_read(token, run)
                case events.SendSync(_, wire.Run() as run):
                    self.runs.append(run)

    def cut(self, entries: Sequence[Entry], max_bytes: int) -> tuple[Entry, ...]:
        run, size_bytes = list[Entry](), 0
        for entry in entries:
            size_bytes += bytes_of(entry)
            if run and size_bytes > max_bytes:
                break
            run.append(entry)
        return tuple(run)


def bytes_of(entry: Entry) -> int:
    return len(entry.header) + SIGNATURE_BYTES + len(entry.body or b"")


def begin(logs: dict[LogId, Sequence[Entry]]) -> tuple[Sending, Store]:
    tokens = count(1)
    plan = [Ahead(log_id, 0, len(entries), b"") for log_id, entries in logs.items()]
    sending = Sending(SessionId(1), lambda: Token(next(tokens)), bytes, lambda entry: entry, plan)
    return sending, Store(logs)


def logs_of(authors: Sequence[Person], posts: int, text: str) -> dict[LogId, Sequence[Entry]]:
    return {author.log_id(LOG_FEED): [author.post(text) for _ in range(posts)] for author in authors}


def test_of_short_logs_as_many_runs_are_under_way_as_the_window_has() -> None:
    sending, store = begin(logs_of(people([f"a{n}" for n in range(limits.RUN_WINDOW + 20)]), 1, "short"))
    store.serve(sending, sending.read_on())
    assert len(store.runs) == limits.RUN_WINDOW
    store.serve(sending, sending.acknowledged(5))
    assert len(store.runs) == limits.RUN_WINDOW + 5
    store.serve(sending, sending.acknowledged(limits.RUN_WINDOW + 5))
    assert len(store.runs) == limits.RUN_WINDOW + 20
    assert sending.is_done


def test_of_long_logs_no_more_bytes_are_under_way_than_the_window_has() -> None:
    sending, store = begin(logs_of(people(["a", "b"]), 200, "x" * 30_000))
    store.serve(sending, sending.read_on())
    sizes = [sum(map(bytes_of, run.entries)) for run in store.runs]
    assert limits.WINDOW_BYTES - 2 * limits.RUN_BYTES < sum(sizes) <= limits.WINDOW_BYTES
    assert len(sizes) < limits.RUN_WINDOW
    before = len(sizes)
    store.serve(sending, sending.acknowledged(3))
    sizes = [sum(map(bytes_of, run.entries)) for run in store.runs]
    assert len(sizes) > before
    assert sum(sizes[3:]) <= limits.WINDOW_BYTES
    with pytest.raises(RemoteFault):
        sending.acknowledged(len(sizes) + 1)
