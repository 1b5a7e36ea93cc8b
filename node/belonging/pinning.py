"""Logs that end for good at an entry which a cut names: what is said against their author counts no longer.

Whoever stole a device has its key for ever, and can contradict in its name what it said before it was cut.
Where the entry that the cut names is held, the hash chain says which branch is good, and a contradiction
before it is no news. Where another branch is held, the one with that entry takes its place; where none is,
because the contradiction came first, the log is opened again. Pure.
"""

from collections.abc import Callable, Sequence

from store.entry import Entry
from store.log import FORK, Evidence, Head, LogId

ReadHeld = Callable[[LogId, int, int], Sequence[Entry]]
"""Entries of a log that are held, from one seq to another, both included, in order."""


def is_idle(evidence: Evidence, pin: Head | None, read_held: ReadHeld) -> bool:
    """Is this evidence about another branch than the one that is held and pinned, before the pin?"""
    if pin is None or evidence.seq > pin.seq:
        return False
    held = read_held(evidence.log_id, pin.seq, pin.seq)
    if not held or held[0].id != pin.id:
        return False
    if evidence.kind == FORK:
        return True
    [told] = read_held(evidence.log_id, evidence.seq, evidence.seq)
    return told.id != evidence.entries[0].id


def leads_to(piece: Sequence[Entry], evidence: Evidence, pin: Head | None) -> bool:
    """Does a chain that contradicts what is held contain the pinned entry, from the contradiction on?"""
    if pin is None or not is_healed(evidence, pin) or piece[0].seq > evidence.seq:
        return False
    at = pin.seq - piece[0].seq
    return at < len(piece) and piece[at].id == pin.id


def is_healed(evidence: Evidence | None, pin: Head | None) -> bool:
    """Did a log end at a fork before the entry at which it is pinned?"""
    return evidence is not None and evidence.kind == FORK and pin is not None and evidence.seq <= pin.seq
