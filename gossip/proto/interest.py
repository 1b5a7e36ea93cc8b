"""What a node carries: which logs, by number and by the sections of their authors, and bodies from when on.

On the wire an interest is an int, bit n for logs of number n, where that is all there is to say; else the
list [logs, sections, bodies_since_ms]: sections nil for all of them, or a list of ids of 32 bytes, ascending.

Sections and numbers choose whole logs, so that two nodes can compare what they hold of them; the age
chooses bodies alone. `id` logs say who is in which section, and `deletions` logs what is to be dropped: no
choice of sections leaves them out, nor does any age their bodies. An author whom no section is known for is
carried whatever the sections.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from gossip.proto import limits
from gossip.proto.fields import ALL_LOGS, HASH_BYTES, is_bytes, require
from store.entry import MAX_TIME_MS, Entry
from store.frontier import Selection, is_selected
from store.ids import FOR_ALL, AuthorId
from store.log import LogId

SectionsOf = Callable[[AuthorId], frozenset[bytes]]
"""The ids (32 bytes) of the sections that an author belongs or belonged to; empty: of none that is known."""


class Interest(NamedTuple):
    """One node's choice. As made without arguments it is everything."""

    logs: int = ALL_LOGS
    """Bit n: logs of number n."""
    sections: tuple[bytes, ...] | None = None
    """Ids of 32 bytes, ascending, at most `limits.MAX_SECTIONS`; None: all, those to come included."""
    bodies_since_ms: int = 0
    """Bodies of entries that claim an earlier time are not wanted; 0: all are."""

    def carries(self, log_id: LogId, sections_of: SectionsOf) -> bool:
        """Whether a log is among those chosen."""
        if not self.logs >> log_id.log & 1:
            return False
        return self.sections is None or is_selected(log_id, (frozenset(self.sections),), sections_of)

    def wants_body(self, entry: Entry) -> bool:
        """Whether the body of an entry is to come with it."""
        return entry.time_ms >= self.bodies_since_ms or entry.log in FOR_ALL

    def fitted(self, entry: Entry) -> Entry:
        """An entry as it is sent to a node of this interest: without its body if that is not wanted."""
        return entry if entry.body is None or self.wants_body(entry) else entry.without_body()

    def meet(self, other: "Interest") -> Selection:
        """The logs that both carry; the same for both."""
        chosen = {frozenset(each.sections) for each in (self, other) if each.sections is not None}
        return Selection(self.logs & other.logs, tuple(sorted(chosen, key=sorted)))

    def value(self) -> int | list[Any]:
        """What stands for it in a message."""
        if self.sections is None and not self.bodies_since_ms:
            return self.logs
        return [self.logs, None if self.sections is None else list(self.sections), self.bodies_since_ms]


EVERYTHING = Interest()


def choose(
    logs: int = ALL_LOGS, sections: Iterable[bytes] | None = None, bodies_since_ms: int = 0
) -> Interest:
    """An interest of our own making. Raises: ValueError: it has no place in a message."""
    chosen = None if sections is None else tuple(sorted(set(sections)))
    if chosen is not None and (
        len(chosen) > limits.MAX_SECTIONS or any(len(section) != HASH_BYTES for section in chosen)
    ):
        raise ValueError(f"at most {limits.MAX_SECTIONS} sections, each an id of {HASH_BYTES} bytes")
    if not 0 <= logs <= ALL_LOGS or not 0 <= bodies_since_ms <= MAX_TIME_MS:
        raise ValueError("an interest has 32 logs, and a time in milliseconds")
    return Interest(logs, chosen, bodies_since_ms)


def parse_interest(value: Any) -> Interest:  # noqa: ANN401 (a value from outside)
    """The interest that a value of a message stands for. Raises: RemoteFault."""
    if type(value) is not tuple:
        _check_logs(value)
        return Interest(value)
    require(len(value) == 3, "interest")
    logs, sections, bodies_since_ms = value
    _check_logs(logs)
    require(type(bodies_since_ms) is int and 0 <= bodies_since_ms <= MAX_TIME_MS, "interest")
    if sections is None:
        require(bodies_since_ms > 0, "interest")
        return Interest(logs, None, bodies_since_ms)
    require(type(sections) is tuple and len(sections) <= limits.MAX_SECTIONS, "sections")
    require(all(is_bytes(section, HASH_BYTES) for section in sections), "sections")
    require(all(before < after for before, after in pairwise(sections)), "sections out of order")
    return Interest(logs, sections, bodies_since_ms)


def _check_logs(value: Any) -> None:  # noqa: ANN401 (a value from outside)
    require(type(value) is int and 0 <= value <= ALL_LOGS, "interest")
