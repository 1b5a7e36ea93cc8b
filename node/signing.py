"""How a log of ours goes on: from what shall be said to the next signed entry. Pure."""

from collections.abc import Callable
from typing import Final, NamedTuple

from store.crypto import SigningKey
from store.entry import Entry, sign
from store.ids import EntryId, LogNo, NetworkId
from store.log import Head


class Intent(NamedTuple):
    """An entry that shall be written next."""

    body: bytes
    """Salt and content."""
    links: tuple[EntryId, ...] = ()


class Draft(NamedTuple):
    """An entry that a step wants written in the transaction that the step is part of."""

    log: LogNo
    intent: Intent
    then: Callable[[int, Entry], None] | None = None
    """What is to be noted once the entry is signed and appended: given its key and the entry, called in that
    same transaction."""


class Place(NamedTuple):
    """Where a log goes on."""

    head: Head | None
    time_ms: int
    """Claimed time of the head; 0 where there is none."""


BEGINNING: Final = Place(None, 0)


def sign_next(
    key: SigningKey, network: NetworkId, log: LogNo, place: Place, intent: Intent, now_ms: int
) -> tuple[Entry, Place]:
    """Sign what follows `place`, and say where the log goes on after it.

    The claimed time is `now_ms`, or the next millisecond after the head's where that is later: it never
    runs backwards within a log.

    Raises:
        TooLarge, InvalidEntry: the entry breaks a rule of the header.
    """
    seq, back = (1, b"") if place.head is None else (place.head.seq + 1, place.head.id)
    time_ms = now_ms if place.head is None else max(now_ms, place.time_ms + 1)
    entry = sign(key, network, log, seq, back, intent.body, time_ms, intent.links)
    return entry, Place(Head(entry.seq, entry.id), time_ms)
