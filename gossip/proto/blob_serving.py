"""The holder's side of blob streams: whose question is answered next. Values in, jobs out.

One stream a peer. Questions wait in a short queue for each; peers take turns, one answer or a few chunks
each, however much one of them asks for. A turn is read while the one before it is sent, never more of them,
and answers leave in the order of the questions. What a peer was told to be lacking here is remembered for as
long as its stream stands, so that it can be told when it comes.

The shell performs the jobs that `jobs` gives and says `read` and `sent`; it reads no further question from a
stream that is `busy`.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple, NewType, TypeAlias

from gossip.proto import blob_limits
from gossip.proto.blob_messages import Look, Question, Want
from store.ids import AuthorId

StreamNo = NewType("StreamNo", int)
"""Number of a stream that is or was served."""


class Describe(NamedTuple):
    """Answer what is held of a blob."""

    stream: StreamNo
    blob: bytes
    whole: bool
    """With the manifest."""


class Fetch(NamedTuple):
    """Answer with some chunks of a blob, one answer each."""

    stream: StreamNo
    blob: bytes
    first: int
    chunks: int


Job: TypeAlias = Describe | Fetch


@dataclass(slots=True)
class _Served:
    """A stream."""

    peer: AuthorId
    asked_s: float
    """When something was asked last."""
    questions: deque[Question] = field(default_factory=deque)
    answered: int = 0
    """Chunks of the first question that are answered."""
    in_hand: int = 0
    """Turns that are read, or wait to be sent."""
    is_reading: bool = False
    large: deque[bool] = field(default_factory=deque)
    """Of the answers in hand, whether each counts as a large manifest."""
    lacked: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    @property
    def is_ready(self) -> bool:
        """May its next answer be read?"""
        return bool(self.questions) and not self.is_reading and self.in_hand < blob_limits.ANSWERS_IN_HAND


class Serving:
    """Every blob stream that peers have open to us."""

    def __init__(self) -> None:
        self._streams: OrderedDict[StreamNo, _Served] = OrderedDict()
        """Who had a turn last is last."""
        self._reading = 0
        self._large = 0

    def __len__(self) -> int:
        return len(self._streams)

    def opened(self, stream: StreamNo, peer: AuthorId, now: float) -> list[StreamNo]:
        """A peer opened a stream. Gives the streams that have to end for it, which may be that one itself."""
        ended = [number for number, served in self._streams.items() if served.peer == peer]
        if not ended and len(self._streams) >= blob_limits.SERVED_STREAMS:
            resting = [number for number, served in self._streams.items() if _is_resting(served, now)]
            if not resting:
                return [stream]
            ended = [min(resting, key=lambda number: self._streams[number].asked_s)]
        for number in ended:
            self.closed(number)
        self._streams[stream] = _Served(peer, now)
        return ended

    def closed(self, stream: StreamNo) -> None:
        """A stream ended; what is being read for it comes to nothing."""
        served = self._streams.pop(stream, None)
        if served is not None:
            self._large -= sum(served.large)
            if served.is_reading:
                self._reading -= 1

    def asked(self, stream: StreamNo, question: Question, now: float) -> None:
        """A peer asks."""
        served = self._streams.get(stream)
        if served is not None:
            served.questions.append(question)
            served.asked_s = now

    def busy(self, stream: StreamNo) -> bool:
        """Do enough questions of a stream wait?"""
        served = self._streams.get(stream)
        return served is not None and len(served.questions) >= blob_limits.PENDING_QUESTIONS

    def jobs(self) -> list[Job]:
        """Turns to read now: of each stream at most one, those that waited longest first."""
        jobs: list[Job] = []
        most = blob_limits.CHUNKS_A_TURN if len(self._streams) <= blob_limits.FEW_STREAMS else 1
        for number, served in list(self._streams.items()):
            if self._reading >= blob_limits.BLOB_READERS:
                break
            if not served.is_ready or (_may_be_large(served) and self._large >= blob_limits.LARGE_MANIFESTS):
                continue
            served.large.append(_may_be_large(served))
            self._large += served.large[-1]
            jobs.append(_next_job(number, served, most))
            served.in_hand += 1
            served.is_reading = True
            self._reading += 1
            self._streams.move_to_end(number)
        return jobs

    def read(self, stream: StreamNo, size_bytes: int) -> None:
        """What the job of a stream says was read, and is to be sent; so large is the manifest in it."""
        served = self._streams.get(stream)
        if served is None or not served.is_reading:
            return
        served.is_reading = False
        self._reading -= 1
        if served.large[-1] and size_bytes <= blob_limits.LARGE_MANIFEST_BYTES:
            served.large[-1] = False
            self._large -= 1

    def sent(self, stream: StreamNo) -> None:
        """The oldest turn in hand of a stream was sent."""
        served = self._streams.get(stream)
        if served is not None and served.in_hand:
            served.in_hand -= 1
            self._large -= served.large.popleft()

    def lacked(self, stream: StreamNo, blob: bytes) -> None:
        """A peer was told that a blob is lacking here."""
        served = self._streams.get(stream)
        if served is None:
            return
        served.lacked[blob] = None
        served.lacked.move_to_end(blob)
        if len(served.lacked) > blob_limits.REMEMBERED_LOOKS:
            served.lacked.popitem(last=False)

    def added(self, blob: bytes) -> list[StreamNo]:
        """A blob came that was lacking: the streams on which it has to be told. Each is given once."""
        told = [number for number, served in self._streams.items() if blob in served.lacked]
        for number in told:
            del self._streams[number].lacked[blob]
        return told


def _may_be_large(served: _Served) -> bool:
    first = served.questions[0]
    return isinstance(first, Look) and first.whole


def _next_job(number: StreamNo, served: _Served, most: int) -> Job:
    """The next answers of a stream, at most so many, which count as given from now on."""
    match served.questions[0]:
        case Look(blob, whole):
            served.questions.popleft()
            return Describe(number, blob, whole)
        case Want(blob, first, chunks):
            begin = first + served.answered
            count = min(chunks - served.answered, most)
            served.answered += count
            if served.answered == chunks:
                served.questions.popleft()
                served.answered = 0
            return Fetch(number, blob, begin, count)


def _is_resting(served: _Served, now: float) -> bool:
    is_idle = not served.questions and not served.in_hand
    return is_idle and now - served.asked_s > blob_limits.SERVED_REST_S
