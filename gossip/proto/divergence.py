"""Finds the lowest place at which two nodes hold different entries of one log, by bisection.

Both agree that seq 0 is common. A place where they differ makes the evidence stronger (the lowest
forked seq counts), a place where they agree means that the fork lies above it. The search ends when the
peer's entry at the lowest place was seen, because that entry and our own are the proof.
"""

from gossip.errors import RemoteFault
from gossip.proto.events import Accepted, Behind, Diverged, Stopped, Verdict
from gossip.proto.limits import DIVERGENCE_STEPS, MAX_PROBES
from gossip.proto.sync_messages import Probe
from store.entry import Entry
from store.log import LogId


class Bisection:
    """The bounds of one search."""

    __slots__ = ("_differ", "_same", "_seen", "_steps")

    def __init__(self, differ_seq: int) -> None:
        """The entries at `differ_seq` (from 1) differ."""
        self._same = 0
        self._differ = differ_seq
        self._seen: set[int] = set()
        self._steps = 0

    def differ_at(self, seq: int) -> None:
        """The entries at `seq` differ."""
        self._differ = min(self._differ, seq)

    def same_at(self, seq: int) -> None:
        """The entries at `seq` are the same."""
        self._same = max(self._same, seq)

    def next_probe(self) -> int:
        """The seq to compare next; 0: the search is over."""
        self._steps += 1
        if self._steps > DIVERGENCE_STEPS:
            return 0
        asked = self._differ
        if self._differ - self._same > 1:
            asked = (self._same + self._differ) // 2
        if asked in self._seen or asked <= self._same:
            return 0
        self._seen.add(asked)
        return asked


class Searches:
    """The searches of one session, one a log, at most `MAX_PROBES` at a time; the others wait."""

    __slots__ = ("_asked", "_done", "_running", "_waiting")

    def __init__(self) -> None:
        self._running: dict[LogId, Bisection] = {}
        self._asked: dict[LogId, int] = {}
        self._waiting: dict[LogId, int] = {}
        self._done: set[LogId] = set()

    def __bool__(self) -> bool:
        """Whether anything is still searched for."""
        return bool(self._running or self._waiting)

    def begin(self, log_id: LogId, seq: int) -> list[Probe]:
        """The entries at `seq` differ: search where it begins, unless that was done in this session."""
        if log_id in self._running:
            self._running[log_id].differ_at(seq)
        elif log_id not in self._done and seq >= 1:
            self._waiting[log_id] = min(seq, self._waiting.get(log_id, seq))
        return self._start()

    def answered(self, log_id: LogId, seq: int) -> None:
        """The peer answered a probe. Raises: RemoteFault: there was none."""
        if self._asked.pop(log_id, 0) != seq:
            raise RemoteFault("an answer to a probe that was not sent")

    def placed(self, shown: Entry, verdict: Verdict) -> list[Probe]:
        """The intake judged an entry that the peer has shown."""
        log_id = LogId(shown.author, shown.log)
        search = self._running.get(log_id)
        if search is None:
            return []
        match verdict:
            case Accepted() | Behind():
                search.same_at(shown.seq)
            case Diverged(_, seq):
                search.differ_at(seq)
            case Stopped(_, evidence):
                if evidence.seq == shown.seq and evidence.entries[0].back == shown.back:
                    return self.end(log_id)
                search.differ_at(evidence.seq)
            case _:
                return self.end(log_id)
        return self._go_on(log_id)

    def end(self, log_id: LogId) -> list[Probe]:
        """There is nothing more to be found out about a log."""
        if self._running.pop(log_id, None) is not None:
            self._done.add(log_id)
        self._asked.pop(log_id, None)
        return self._start()

    def _go_on(self, log_id: LogId) -> list[Probe]:
        search = self._running.get(log_id)
        seq = 0 if search is None else search.next_probe()
        if not seq:
            return self.end(log_id)
        self._asked[log_id] = seq
        return [Probe(log_id, seq)]

    def _start(self) -> list[Probe]:
        probes: list[Probe] = []
        while self._waiting and len(self._running) < MAX_PROBES:
            log_id = next(iter(self._waiting))
            self._running[log_id] = Bisection(self._waiting.pop(log_id))
            probes += self._go_on(log_id)
        return probes
