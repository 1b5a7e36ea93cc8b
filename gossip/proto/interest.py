"""What a node carries: which logs, by number and by the sections of their authors, and the bodies of which.

On the wire an interest is an int, bit n for logs of number n, where that is all there is to say; else the
list [logs, sections, bodies_since_ms, bodies]: sections nil for all of them, or a list of ids of 32 bytes,
ascending; bodies an int, bit n for logs of number n whose bodies are wanted.

Sections and numbers choose whole logs, so that two nodes can compare what they hold of them; age and bodies
choose bodies alone. `id` logs say who is in which section, and `deletions` logs what is to be dropped: no
choice of sections leaves them out, nor does any their bodies; nor does a choice of bodies those of `keys`,
without which nobody can be written to. An author whom no section is known for is carried whatever the
sections.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from gossip.proto import limits
from gossip.proto.fields import ALL_LOGS, HASH_BYTES, is_bytes, require
from store.entry import MAX_TIME_MS, Entry
from store.frontier import Selection, is_selected
from store.ids import FOR_ALL, LOG_KEYS, AuthorId, LogNo
from store.log import LogId

SectionsOf = Callable[[AuthorId], frozenset[bytes]]
"""The ids (32 bytes) of the sections that an author belongs or belonged to; empty: of none that is known."""

ALWAYS_WHOLE: Final = sum(1 << log for log in (*FOR_ALL, LOG_KEYS))
"""Bit n: whoever carries logs of number n wants their bodies."""


class Interest(NamedTuple):
    """One node's choice. As made without arguments it is everything."""

    logs: int = ALL_LOGS
    """Bit n: logs of number n."""
    sections: tuple[bytes, ...] | None = None
    """Ids of 32 bytes, ascending, at most `limits.MAX_SECTIONS`; None: all, those to come included."""
    bodies_since_ms: int = 0
    """Bodies of entries that claim an earlier time are not wanted; 0: of any time are."""
    bare: int = 0
    """Bit n: logs of number n are carried without their bodies. A part of `logs`, without `ALWAYS_WHOLE`."""

    @property
    def bodies(self) -> int:
        """Bit n: bodies of logs of number n are wanted."""
        return self.logs & ~self.bare

    def carries(self, log_id: LogId, sections_of: SectionsOf) -> bool:
        """Whether a log is among those chosen."""
        if not self.logs >> log_id.log & 1:
            return False
        return self.sections is None or is_selected(log_id, (frozenset(self.sections),), sections_of)

    def wants_bodies(self, log: LogNo, time_ms: int) -> bool:
        """Whether bodies of logs of that number are wanted, of entries that claim that time."""
        return bool(self.bodies >> log & 1) and (time_ms >= self.bodies_since_ms or log in FOR_ALL)

    def wants_body(self, entry: Entry) -> bool:
        """Whether the body of an entry is to come with it."""
        return self.wants_bodies(entry.log, entry.time_ms)

    def fitted(self, entry: Entry) -> Entry:
        """An entry as it is sent to a node of this interest: without its body if that is not wanted."""
        return entry if entry.body is None or self.wants_body(entry) else entry.without_body()

    def withholds(self, entries: Sequence[Entry], other: "Interest") -> bool:
        """Whether entries of one log came to us without bodies that we do not want and `other` does: if they
        were pushed to it, it would ask us in vain for what comes whole from somebody else."""
        differs = self.bare & other.bodies & 1 << entries[0].log
        return bool(differs) and any(entry.body is None for entry in entries)

    def meet(self, other: "Interest") -> Selection:
        """The logs that both carry; the same for both."""
        chosen = {frozenset(each.sections) for each in (self, other) if each.sections is not None}
        return Selection(self.logs & other.logs, tuple(sorted(chosen, key=sorted)))

    def value(self) -> int | list[Any]:
        """What stands for it in a message."""
        if self == Interest(self.logs):
            return self.logs
        sections = None if self.sections is None else list(self.sections)
        return [self.logs, sections, self.bodies_since_ms, self.bodies]


EVERYTHING = Interest()


def choose(
    logs: int = ALL_LOGS,
    sections: Iterable[bytes] | None = None,
    bodies_since_ms: int = 0,
    bodies: int = ALL_LOGS,
) -> Interest:
    """An interest of our own making: `bodies` are wanted of those logs that are carried, or must be.

    Raises:
        ValueError: it has no place in a message.
    """
    chosen = None if sections is None else tuple(sorted(set(sections)))
    if chosen is not None and (
        len(chosen) > limits.MAX_SECTIONS or any(len(section) != HASH_BYTES for section in chosen)
    ):
        raise ValueError(f"at most {limits.MAX_SECTIONS} sections, each an id of {HASH_BYTES} bytes")
    if not all(0 <= mask <= ALL_LOGS for mask in (logs, bodies)) or not 0 <= bodies_since_ms <= MAX_TIME_MS:
        raise ValueError("an interest has 32 logs, and a time in milliseconds")
    return Interest(logs, chosen, bodies_since_ms, logs & ~(bodies | ALWAYS_WHOLE))


def parse_interest(value: Any) -> Interest:  # noqa: ANN401 (a value from outside)
    """The interest that a value of a message stands for. Raises: RemoteFault."""
    if type(value) is not tuple:
        _check_logs(value)
        return Interest(value)
    require(len(value) == 4, "interest")
    logs, sections, bodies_since_ms, bodies = value
    _check_logs(logs)
    _check_logs(bodies)
    require(not bodies & ~logs and not logs & ALWAYS_WHOLE & ~bodies, "bodies of an interest")
    require(type(bodies_since_ms) is int and 0 <= bodies_since_ms <= MAX_TIME_MS, "interest")
    if sections is None:
        require(bodies_since_ms > 0 or bodies != logs, "interest")
    else:
        _check_sections(sections)
    return Interest(logs, sections, bodies_since_ms, logs & ~bodies)


def _check_sections(value: Any) -> None:  # noqa: ANN401 (a value from outside)
    require(type(value) is tuple and len(value) <= limits.MAX_SECTIONS, "sections")
    require(all(is_bytes(section, HASH_BYTES) for section in value), "sections")
    require(all(before < after for before, after in pairwise(value)), "sections out of order")


def _check_logs(value: Any) -> None:  # noqa: ANN401 (a value from outside)
    require(type(value) is int and 0 <= value <= ALL_LOGS, "interest")
