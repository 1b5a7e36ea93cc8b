"""Who may have what dropped. Pure; the one place that says so.

A deletion counts for entries of the same member: whichever of his devices wrote them, whichever deletes. In
an open circle there are no members, and a device deletes its own. Nobody can delete what stands in `id` and
`deletions` logs: who belongs, and what was deleted, everybody must be able to see.
"""

from typing import Protocol

from node.deletion.sieve import SPARED
from store.ids import AuthorId, LogNo


class Bearers(Protocol):
    """Knows to whom devices belong: `node.naming.Names`, or the roster itself."""

    def bearer(self, device: AuthorId) -> bytes:
        """The member to whom a device belongs (32 bytes); in a circle, or of nobody's device, itself."""
        ...


def may_delete(bearers: Bearers, deleter: AuthorId, target: AuthorId) -> bool:
    """May the author of a deletion have entries of the author `target` dropped?"""
    return deleter == target or bearers.bearer(deleter) == bearers.bearer(target)


def is_deletable(log: LogNo) -> bool:
    """May bodies of a log be dropped at all?"""
    return log not in SPARED
