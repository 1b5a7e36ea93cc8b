"""Where the logs of a device end: canonical msgpack ``[device, [[log, seq, entry id], …]]``. Pure.

Each log named is good up to that entry, each log not named is cut at 0.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from node.federation import limits
from node.federation.names import InvalidStatement, is_id
from store.codec import decode, encode
from store.entry import MAX_SEQ
from store.errors import NotCanonical
from store.ids import MAX_LOGS_PER_AUTHOR, AuthorId, EntryId, LogNo

MAX_BYTES: Final = 1_600
"""32 logs of 43 bytes, a device, and framing."""

_CUT_ITEMS: Final = 3


class LogEnd(NamedTuple):
    """The last good entry of a log."""

    log: LogNo
    seq: int
    """From 1."""
    entry: EntryId


class Cut(NamedTuple):
    """Where every log of a device ends."""

    device: AuthorId
    ends: tuple[LogEnd, ...]
    """Ascending by log; a log that is not here ends at 0."""

    def encode(self) -> bytes:
        """The canonical bytes, as they are signed. Raises: InvalidStatement."""
        _check(self)
        return encode([self.device, [list(end) for end in self.ends]])

    def last_seq(self, log: int) -> int:
        """The last good seq of a log; 0: none."""
        return next((end.seq for end in self.ends if end.log == log), 0)


def make_cut(device: AuthorId, ends: Iterable[LogEnd]) -> Cut:
    """A cut with its ends in order."""
    return Cut(device, tuple(sorted(ends)))


def read_cut(data: bytes) -> Cut:
    """The cut that these bytes are. Raises: InvalidStatement."""
    try:
        value = decode(data, MAX_BYTES, limits.MAX_STATEMENT_ITEMS)
    except NotCanonical as error:
        raise InvalidStatement("this is no cut") from error
    if type(value) is not tuple or len(value) != 2 or type(value[1]) is not tuple:
        raise InvalidStatement("a cut is a device and a list of ends")
    device: Any = value[0]
    ends: Any = value[1]
    if any(type(end) is not tuple or len(end) != _CUT_ITEMS for end in ends):
        raise InvalidStatement("an end is a log, a seq and an entry")
    cut = Cut(device, tuple(LogEnd(*end) for end in ends))
    _check(cut)
    return cut


def _check(cut: Cut) -> None:
    if not is_id(cut.device) or len(cut.ends) > limits.MAX_LOGS_CUT:
        raise InvalidStatement("a cut names one device and at most 32 logs")
    before = -1
    for log, seq, entry in cut.ends:
        if type(log) is not int or not before < log < MAX_LOGS_PER_AUTHOR:
            raise InvalidStatement("logs in order, each once")
        if type(seq) is not int or not 1 <= seq <= MAX_SEQ or not is_id(entry):
            raise InvalidStatement("an end names an entry and its place")
        before = log
