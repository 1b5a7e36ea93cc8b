"""Serves guests: devices that the roster does not know, and that get nothing but the guest protocol.

The shell around `node.federation.hosting`. What a guest brings goes through the intake like everything
else, and is on disk before the guest hears that it is welcome. Guests are few, slow ones are cut off, and
joins are counted by the minute. For the trio thread.
"""

import ipaddress
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import trio

from gossip.errors import NotConnected, RemoteFault
from gossip.net.transport import Stream
from gossip.proto.events import Accepted, Diverged, Failed, Stopped
from node.belonging.membership import Membership
from node.errors import Fault
from node.federation import guest_effects as effects
from node.federation.bare import NONCE_BYTES
from node.federation.guest_messages import (
    MAX_ENTRY_MESSAGES_HOST,
    TOO_MANY_GUESTS,
    Entries,
    pack,
    refusal,
)
from node.federation.hosting import Hosting
from node.federation.offers import UsesUnderWay
from node.home import Home
from node.intake import Intake
from node.newcomers.guest_stream import GuestStream
from node.newcomers.rates import Rate
from store.entry import MAX_ID_SEQ, Entry
from store.ids import LOG_ID, AuthorId, short
from store.log import LogId

MAX_JOINS: Final = 30
"""Newcomers whose entries are taken in within a minute: more is no assembly but an attack."""

MAX_JOINS_FROM_ONE: Final = 10
"""The same from one IP address; a household or an office behind one router joins in two minutes."""

MAX_SHOWN: Final = 30
"""Passports with statements that are taken in within a minute. Anybody can make one up, so they are counted
apart: who has a code, or the words of a member, does not have to stand in one queue with them."""

MAX_SHOWN_FROM_ONE: Final = 10

MAX_VISITS: Final = 120
"""Streams within a minute. A join opens two: a first look before words are shown, and the join itself."""

MAX_VISITS_FROM_ONE: Final = 40

VISIT_S: Final = 30.0
"""How long a guest may take in all; an honest one needs some round trips."""

MAX_LOG_BYTES: Final = 16 * 2**20
"""What is read of one `id` log at a time: all of it, at the largest."""

_log = logging.getLogger(__name__)


class Guests:
    """The guests of one home."""

    def __init__(self, home: Home, membership: Membership, intake: Intake, now_ms: Callable[[], int]) -> None:
        """`now_ms`: Unix time in ms."""
        self._home = home
        self._membership = membership
        self._intake = intake
        self._now_ms = now_ms
        self._uses = UsesUnderWay()
        self._visits = Rate(MAX_VISITS, MAX_VISITS_FROM_ONE)
        self._joins = Rate(MAX_JOINS, MAX_JOINS_FROM_ONE)
        self._shown = Rate(MAX_SHOWN, MAX_SHOWN_FROM_ONE)

    async def serve(self, stream: Stream, ip: str) -> None:
        """Serve one stream of a guest at `ip` (text) to its end. What a guest does wrong ends its stream."""
        guest = GuestStream(stream)
        with trio.move_on_after(VISIT_S) as patience:
            try:
                if self._may(self._visits, ip):
                    await self._host(guest, ip)
                else:
                    await guest.send(refusal(TOO_MANY_GUESTS))
                await guest.close()
            except NotConnected:
                pass  # it went away
            except RemoteFault as fault:
                _log.info("a guest, %s, broke the rules: %s", short(stream.peer), fault)
                await guest.reset()
        if patience.cancelled_caught:
            await guest.reset()

    def _may(self, rate: Rate, ip: str) -> bool:
        """Count an event of a guest, if there is room for it. This machine itself is no stranger to bound."""
        origin, is_own = _origin(ip)
        return rate.take(origin, trio.current_time(), exempt=is_own)

    async def _host(self, guest: GuestStream, ip: str) -> None:
        nonce = os.urandom(NONCE_BYTES)
        hosting = Hosting(self._membership.roster, self._home.device, guest.peer, nonce, self._uses)
        try:
            while (message := await guest.receive()) is not None:
                if await self._perform(hosting, guest, ip, hosting.handle(message, self._now_ms())):
                    return
        finally:
            hosting.left()

    async def _perform(
        self, hosting: Hosting, guest: GuestStream, ip: str, wanted: Sequence[effects.Effect]
    ) -> bool:
        """Perform effects in order. True: the talk is at its end."""
        waiting = deque(wanted)
        while waiting:
            match waiting.popleft():
                case effects.Send(message):
                    await guest.send(message)
                case effects.SendLogs(devices):
                    await self._send_logs(guest, devices)
                case effects.TakeIn(runs):
                    if not self._may(self._shown if hosting.is_presenting else self._joins, ip):
                        await guest.send(refusal(TOO_MANY_GUESTS))
                        return True
                    waiting += await self._take_in(hosting, guest.peer, runs)
                case effects.End():
                    return True
                case effect:
                    raise Fault(f"A host does not do this: {type(effect).__name__}.")
        return False

    async def _take_in(
        self, hosting: Hosting, guest: AuthorId, runs: tuple[tuple[Entry, ...], ...]
    ) -> Sequence[effects.Effect]:
        """Have the intake judge and keep what a guest brought; what the host then says."""
        verdicts = await self._intake.ingest(runs, guest, each_signature=True)
        for verdict in verdicts:
            match verdict:
                case Failed(why=why):
                    return hosting.not_taken(f"This node could not keep it: {why}.")
                case Stopped() | Diverged():
                    return hosting.not_taken("The log of this device contradicts itself.")
        if any(isinstance(verdict, Accepted) for verdict in verdicts):
            _log.info("took in what the guest %s brought", short(guest))
        return hosting.taken()

    async def _send_logs(self, guest: GuestStream, devices: Sequence[AuthorId]) -> None:
        """Send `id` logs, each message as full as may be, as far as there is room for them."""
        left = MAX_ENTRY_MESSAGES_HOST
        begun: tuple[Entry, ...] = ()
        for device in devices:
            read = await self._intake.read_run(LogId(device, LOG_ID), 1, MAX_ID_SEQ, MAX_LOG_BYTES)
            *full, begun = [message.entries for message in pack((*begun, *read))] or [()]
            for entries in full[: left - 1]:
                await guest.send(Entries(entries))
            left -= len(full)
            if left <= 1:
                break
        if begun:
            await guest.send(Entries(begun))


def _origin(ip: str) -> tuple[str, bool]:
    """Whom an address counts for (all of an IPv6 network together), and whether it is this machine."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip, False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False)), address.is_loopback
    return ip, address.is_loopback
