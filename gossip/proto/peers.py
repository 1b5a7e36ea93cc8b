"""Whom to dial and whom to keep: the address book, back-off, and the number of neighbours.

A configured peer is dialled until it answers, for ever. Others are dialled while there are fewer
neighbours than `target_links`, hubs before laptops. A failed dial doubles the wait for that peer up to
five minutes; a link that stood half a minute resets it. Nobody waits for anybody: a dial is an effect.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gossip.proto import events, limits
from gossip.proto.context import Context
from gossip.proto.events import Effect
from gossip.proto.reputation import Reputation
from store.ids import AuthorId

DIAL = "dial"
EXPLORE = "explore"


@dataclass(slots=True)
class _Peer:
    addresses: tuple[str, ...] = ()
    configured: bool = False
    hub: bool = False
    failures: int = 0
    next_dial: float = 0.0
    dialled_at: float = float("-inf")
    up_since: float = 0.0


class Peers:
    """The peers that one node knows."""

    def __init__(self, context: Context, reputation: Reputation) -> None:
        self._context = context
        self._reputation = reputation
        self._peers: dict[AuthorId, _Peer] = {}
        self._configured: dict[AuthorId, None] = {}
        self._linked: set[AuthorId] = set()
        self._dialling: set[AuthorId] = set()

    def found(self, event: events.PeerFound, now: float) -> list[Effect]:
        """A peer is configured, found or remembered."""
        if event.peer == self._context.device:
            return []
        peer = self._get(event.peer)
        if peer is None:
            return []
        if event.configured:
            peer.configured = True
            self._configured[event.peer] = None
        self._merge(peer, event.addresses)
        if event.configured:
            peer.next_dial = min(peer.next_dial, now)
        return self.dial_some(now)

    def heard(self, device: AuthorId, addresses: tuple[str, ...], *, hub: bool, now: float) -> list[Effect]:
        """A device announced where it is. Its own word replaces what was heard before."""
        peer = self._get(device)
        if peer is None or device == self._context.device:
            return []
        if set(addresses) - set(peer.addresses):
            soon = max(
                now + self._context.jitter(limits.BACKOFF_FIRST_S), peer.dialled_at + limits.STABLE_LINK_S
            )
            peer.next_dial = min(peer.next_dial, soon)
        peer.addresses = tuple(dict.fromkeys(addresses + peer.addresses))[: limits.MAX_ADDRESSES]
        peer.hub = hub
        return self.dial_some(now)

    def link_up(self, device: AuthorId, now: float) -> list[Effect]:
        """A link stands. Over the limit, one that is neither configured nor older is let go."""
        peer = self._get(device)
        if peer is None:
            return [events.Disconnect(device, "the address book is full")]
        self._dialling.discard(device)
        self._linked.add(device)
        peer.up_since = now
        if len(self._linked) > self._context.tuning.max_links and not peer.configured:
            return [events.Disconnect(device, "too many neighbours")]
        return []

    def link_down(self, device: AuthorId, now: float) -> list[Effect]:
        """A link ended: dial again soon, or later where it never stood long."""
        peer = self._peers.get(device)
        if peer is None:
            return []
        if device in self._linked and now - peer.up_since >= limits.STABLE_LINK_S:
            peer.failures = 0
        return self._retry(device, peer, now)

    def dial_failed(self, device: AuthorId, now: float) -> list[Effect]:
        """None of a peer's addresses answered."""
        peer = self._peers.get(device)
        return [] if peer is None else self._retry(device, peer, now)

    def admission_changed(self, now: float) -> list[Effect]:
        """Let go who is not admitted any more; dial who is now."""
        gone = [name for name in self._peers if not self._context.admission.admits_peer(name)]
        for name in gone:
            del self._peers[name]
            self._configured.pop(name, None)
            self._linked.discard(name)
            self._dialling.discard(name)
        return [events.Disconnect(name, "not admitted any more") for name in gone] + self.dial_some(now)

    def start(self, now: float) -> None:
        """Begin to look beyond the present neighbours now and then."""
        self._context.schedule.set(EXPLORE, now + self._context.jitter(self._context.tuning.explore_s))

    def explore(self, now: float) -> list[Effect]:
        """Swap a neighbour for somebody else although there are enough.

        Without this, two halves of a mesh that were apart stay apart once each node has found all the
        neighbours that it wants in its own half.
        """
        self.start(now)
        if len(self._linked | self._dialling) < self._context.tuning.target_links:
            return []
        due, _ = self._candidates(now, wants_more=True)
        if not due:
            return []
        name, peer = self._context.random.choice(due)
        effects: list[Effect] = []
        spare = [each for each in sorted(self._linked) if each not in self._configured]
        if len(self._linked) > self._context.tuning.target_links and spare:
            effects.append(events.Disconnect(self._context.random.choice(spare), "making room for others"))
        self._dialling.add(name)
        peer.dialled_at = now
        return [*effects, events.Dial(name, peer.addresses)]

    def dial_some(self, now: float) -> list[Effect]:
        """Dial who is due, and set the moment of the next dial."""
        linked, room = len(self._linked | self._dialling), limits.MAX_DIALS - len(self._dialling)
        effects: list[Effect] = []
        due, next_at = self._candidates(now, wants_more=linked < self._context.tuning.target_links)
        for name, peer in due:
            if room <= 0 or not (peer.configured or linked < self._context.tuning.target_links):
                continue
            room -= 1
            linked += 1
            self._dialling.add(name)
            peer.dialled_at = now
            effects.append(events.Dial(name, peer.addresses))
        if next_at is not None:
            self._context.schedule.set_earlier(DIAL, next_at)
        return effects

    def _candidates(
        self, now: float, *, wants_more: bool
    ) -> tuple[list[tuple[AuthorId, _Peer]], float | None]:
        """Who may be dialled now, best first, and when the next one may."""
        due: list[tuple[AuthorId, _Peer]] = []
        next_at: float | None = None
        for name in self._peers if wants_more else self._configured:
            peer = self._peers[name]
            if name in self._linked or name in self._dialling or not peer.addresses:
                continue
            if not self._context.admission.admits_peer(name):
                continue
            at = max(peer.next_dial, self._reputation.banned_until(name))
            if at <= now:
                due.append((name, peer))
            else:
                next_at = at if next_at is None else min(next_at, at)
        if not due:
            return due, next_at
        self._context.random.shuffle(due)
        due.sort(key=lambda item: (not item[1].configured, item[1].failures, not item[1].hub))
        return due, next_at

    def _retry(self, device: AuthorId, peer: _Peer, now: float) -> list[Effect]:
        self._dialling.discard(device)
        self._linked.discard(device)
        wait = min(limits.BACKOFF_FIRST_S * 2**peer.failures, limits.BACKOFF_LAST_S)
        peer.failures = min(peer.failures + 1, 16)
        peer.next_dial = now + self._context.jitter(wait)
        return self.dial_some(now)

    def _get(self, device: AuthorId) -> _Peer | None:
        """The record of a device, made where there is room for it."""
        peer = self._peers.get(device)
        if peer is None and (len(self._peers) < limits.ADDRESS_BOOK or self._make_room()):
            peer = self._peers[device] = _Peer()
        return peer

    def _make_room(self) -> bool:
        for name, peer in self._peers.items():
            if not peer.configured and name not in self._linked and name not in self._dialling:
                del self._peers[name]
                return True
        return False

    def _merge(self, peer: _Peer, addresses: Collection[str]) -> None:
        peer.addresses = tuple(dict.fromkeys((*peer.addresses, *addresses)))[: limits.MAX_ADDRESSES]
