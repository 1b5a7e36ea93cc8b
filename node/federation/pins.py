"""Which entries the cuts of a device name as its last good ones. Pure.

A cut says more than up to where a log is good: it says which branch is. Whoever holds that entry needs no
word of the author about what stands before it any more, so that a stolen key cannot spoil what it signed
before it was cut. docs/protocol/federation.md, "The roster", "Pins".

Not of `id` logs: which cuts there are depends on these, and has to be the same for everyone.
"""

from collections.abc import Iterable, Iterator

from node.federation.cuts import LogEnd
from node.federation.index import Index
from node.federation.memberships import Memberships
from node.federation.statements import Replacement
from store.ids import LOG_ID, AuthorId, LogNo
from store.log import Head


def find_pins(index: Index, memberships: Memberships, device: AuthorId) -> dict[LogNo, Head]:
    """By log the entry that the cuts of a device which count name there; of several the smallest place, and
    there the smallest id."""
    pins: dict[LogNo, Head] = {}
    for end in _named(index, memberships, device):
        if end.log != LOG_ID:
            head = Head(end.seq, end.entry)
            pins[end.log] = min(head, pins.get(end.log, head))
    return pins


def _named(index: Index, memberships: Memberships, device: AuthorId) -> Iterator[LogEnd]:
    log = index.devices.get(device)
    membership = None if log is None or log.root is None else memberships.of_root(log.root)
    if log is None or log.root is None or membership is None:
        return
    link = memberships.succession.links.get(log.root)
    act = None if link is None else index.acts.get(link.act)
    if link is None:
        yield from _flat(index.named.get((log.root, device), {}).values())
    elif isinstance(act, Replacement):
        yield from _flat(cut.ends for cut in act.cuts if cut.device == device)
    if membership.sections:
        return
    for root in membership.roots:
        for section in membership.left:
            for end in memberships.sections.ends.get(root, {}).get(section, ()):
                yield from _flat(cut.ends for cut in end.cuts if cut.device == device)


def _flat(cuts: Iterable[tuple[LogEnd, ...]]) -> Iterator[LogEnd]:
    for ends in cuts:
        yield from ends
