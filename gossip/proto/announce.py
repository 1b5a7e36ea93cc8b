"""The mesh's doorbell: each device says now and then where it is and how far its own logs are.

Payload, canonical msgpack: [1, time_ms, hub, interest, [address …], [log, seq, first 16 bytes of the
head id, log, seq, …]]. The gossip layer signs it with the device's key and hands over who signed. An
announcement is believed only if it is newer than the last one of that device and not from the future.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import Any, Final, NamedTuple

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto.admission import Admission
from gossip.proto.context import Context
from gossip.proto.events import Effect
from gossip.proto.fields import (
    PROTOCOL_VERSION,
    is_bytes,
    require,
    require_addresses,
    require_version,
)
from gossip.proto.interest import Interest, parse_interest
from store.codec import decode, encode
from store.entry import MAX_SEQ, MAX_TIME_MS
from store.errors import InvalidEntry
from store.ids import MAX_LOGS_PER_AUTHOR, AuthorId, LogNo
from store.log import LogId

PRESENCE = "presence"
MISSING = "missing"

_MARK_BYTES: Final = 16


class HeadMark(NamedTuple):
    """How far a log of the announcing device is."""

    log: LogNo
    seq: int
    mark: bytes
    """First 16 bytes of the head's id."""


class Announcement(NamedTuple):
    """What a device says of itself."""

    time_ms: int
    hub: bool
    interest: Interest
    addresses: tuple[str, ...]
    heads: tuple[HeadMark, ...]

    def encode(self) -> bytes:
        """The payload, see the module."""
        heads = [part for head in self.heads for part in head]
        interest = self.interest.value()
        return encode([PROTOCOL_VERSION, self.time_ms, self.hub, interest, list(self.addresses), heads])


def parse_announcement(payload: bytes) -> Announcement:
    """The announcement that `payload` encodes. Raises: RemoteFault."""
    try:
        values: Any = decode(payload, limits.MAX_ANNOUNCEMENT_BYTES, 3 * limits.MAX_HEADS)
    except InvalidEntry as error:
        raise RemoteFault(f"no announcement: {error}") from error
    require(type(values) is tuple and len(values) == 6, "an announcement")
    version, time_ms, hub, interest, addresses, flat = values
    require_version(version)
    require(type(time_ms) is int and 0 <= time_ms <= MAX_TIME_MS and type(hub) is bool, "an announcement")
    require_addresses(addresses)
    require(type(flat) is tuple and len(flat) % 3 == 0, "heads")
    heads = tuple(_head(*flat[at : at + 3]) for at in range(0, len(flat), 3))
    require(all(before.log < after.log for before, after in pairwise(heads)), "heads out of order")
    return Announcement(time_ms, hub, parse_interest(interest), addresses, heads)


def _head(log: Any, seq: Any, mark: Any) -> HeadMark:  # noqa: ANN401 (values from outside)
    require(type(log) is int and 0 <= log < MAX_LOGS_PER_AUTHOR, "a head")
    require(type(seq) is int and 1 <= seq <= MAX_SEQ and is_bytes(mark, _MARK_BYTES), "a head")
    return HeadMark(LogNo(log), seq, mark)


class _Fetched(NamedTuple):
    """The last time that we synced because of an origin's announced heads."""

    held: int
    """Entries of the origin that we held then."""
    in_vain: int
    """Fetches in a row before this one that brought none of them."""


class Gate:
    """Which announcements a node passes on to its neighbours: well-formed ones, of origins that it lets in,
    and not too many of each. What it believes itself is `Announcer.hear`'s matter."""

    __slots__ = ("_admission", "_allowances")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._allowances: OrderedDict[AuthorId, tuple[float, float]] = OrderedDict()

    def passes(self, origin: AuthorId, payload: bytes, now: float) -> bool:
        """Whether to forward; counts what passes. `now` in seconds on any clock that never goes back."""
        if not self._admission.admits_peer(origin):
            return False
        try:
            parse_announcement(payload)
        except RemoteFault:
            return False
        left, since = self._allowances.pop(origin, (limits.ANNOUNCE_BURST, now))
        left = min(limits.ANNOUNCE_BURST, left + (now - since) * limits.ANNOUNCE_PER_S)
        passed = left >= 1
        self._allowances[origin] = (left - 1 if passed else left, now)
        if len(self._allowances) > limits.KNOWN_DEVICES:
            self._allowances.popitem(last=False)
        return passed


class Announcer:
    """Says our own announcements and hears others'."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._heard: OrderedDict[AuthorId, Announcement] = OrderedDict()
        self._said_at = 0.0
        self._said_time_ms = 0
        self._missing: dict[AuthorId, float] = {}
        self._fetched: dict[AuthorId, _Fetched] = {}
        self.announcements = 0
        """How many were heard and believed since the start."""

    def start(self, now: float) -> None:
        """Announce ourselves soon."""
        self._context.schedule.set_earlier(PRESENCE, now + self._context.jitter(limits.HEADS_WAIT_S))

    def own_heads_changed(self, now: float) -> None:
        """We published: ring the bell, at most once a second."""
        at = max(now, self._said_at + limits.HEADS_WAIT_S)
        self._context.schedule.set_earlier(PRESENCE, at)

    def linked(self, now: float) -> None:
        """A link came up: announce ourselves to those who were not there before, now and then."""
        at = max(now + limits.MESH_WAIT_S, self._said_at + limits.LINK_PRESENCE_S)
        self._context.schedule.set_earlier(PRESENCE, at)

    def say(self, now: float) -> list[Effect]:
        """Announce now, and set the next time."""
        context = self._context
        self._said_at = now
        self._said_time_ms = max(int(now * 1000), self._said_time_ms + 1)
        heads = []
        for number in range(MAX_LOGS_PER_AUTHOR):
            held = context.frontier.get(LogId(context.device, LogNo(number)))
            if held is not None and held.head is not None:
                heads.append(HeadMark(LogNo(number), held.head.seq, held.head.id[:_MARK_BYTES]))
        period = context.tuning.presence_s + len(self._heard) * limits.PRESENCE_PER_PEER_S
        context.schedule.set(PRESENCE, now + context.jitter(period))
        words = Announcement(
            self._said_time_ms,
            context.tuning.hub,
            context.interest,
            context.own_addresses(),
            tuple(heads[: limits.MAX_HEADS]),
        )
        while len(payload := words.encode()) > limits.MAX_ANNOUNCEMENT_BYTES:
            words = words._replace(addresses=words.addresses[:-1])
        return [events.Announce(payload)]

    def hear(self, origin: AuthorId, payload: bytes, now: float) -> Announcement | None:
        """A device's announcement; None where it says nothing new.

        Raises:
            RemoteFault: malformed. The fault is the origin's, who signed it.
        """
        said = parse_announcement(payload)
        last = self._heard.get(origin)
        if last is not None and said.time_ms <= last.time_ms:
            return None
        if said.time_ms > (now + limits.CLOCK_SKEW_S) * 1000 or origin == self._context.device:
            return None
        self._heard[origin] = said
        self._heard.move_to_end(origin)
        if len(self._heard) > limits.KNOWN_DEVICES:
            forgotten, _ = self._heard.popitem(last=False)
            self._fetched.pop(forgotten, None)
        self.announcements += 1
        if not self._lacks(origin, said):
            self._fetched.pop(origin, None)
        else:
            self._missing.setdefault(origin, now + self._patience_s(origin))
            self._context.schedule.set_earlier(MISSING, self._missing[origin])
        return said

    def interests(self) -> dict[AuthorId, Interest]:
        """What each device said that it carries, of those heard of."""
        return {device: said.interest for device, said in self._heard.items()}

    def _patience_s(self, origin: AuthorId) -> float:
        """How long to wait for announced heads: ever longer where fetching them has brought nothing.

        An origin may announce what does not exist; it costs the whole mesh a sync each time.
        """
        fetched = self._fetched.get(origin)
        in_vain = 0 if fetched is None or fetched.held < self._held(origin) else fetched.in_vain + 1
        return float(min(limits.MISSING_WAIT_S * 2**in_vain, limits.MISSING_WAIT_LAST_S))

    def still_missing(self, now: float) -> list[AuthorId]:
        """Origins whose announced heads have not come although we waited."""
        due = [origin for origin, at in self._missing.items() if at <= now]
        for origin in due:
            del self._missing[origin]
        if self._missing:
            self._context.schedule.set_earlier(MISSING, min(self._missing.values()))
        lacked = [
            origin for origin in due if origin in self._heard and self._lacks(origin, self._heard[origin])
        ]
        for origin in lacked:
            held, before = self._held(origin), self._fetched.get(origin)
            in_vain = before.in_vain + 1 if before is not None and before.held >= held else 0
            self._fetched[origin] = _Fetched(held, min(in_vain, 16))
        return lacked

    def _held(self, origin: AuthorId) -> int:
        """How many entries of an origin are held, in the logs that it announced."""
        said = self._heard.get(origin)
        total = 0
        for head in said.heads if said is not None else ():
            position = self._context.frontier.get(LogId(origin, head.log))
            total += position.head.seq if position is not None and position.head is not None else 0
        return total

    def _lacks(self, origin: AuthorId, said: Announcement) -> bool:
        for head in said.heads:
            log_id = LogId(origin, head.log)
            if self._context.carries(log_id):
                wanted = min(head.seq, self._context.admission.last_carried(log_id))
                held = self._context.frontier.get(log_id)
                if wanted and (held is None or held.lacks(wanted)):
                    return True
        return False
