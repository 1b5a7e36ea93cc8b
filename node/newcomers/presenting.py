"""Shows our passport to a peer that does not know our device yet, and so treats us as a guest.

The shell around `node.federation.visiting.Presenting`, for the daemon: the driver calls `introduce` when a
peer that we are connected to refuses everything but the guest protocol. For the trio thread.
"""

import logging
from collections.abc import Sequence
from typing import Final

import trio

from gossip.errors import NotConnected, RemoteFault
from gossip.net.transport import Transport
from node.belonging.membership import Membership
from node.federation import guest_effects as effects
from node.federation.guest_messages import MAX_ENTRY_MESSAGES_GUEST, PROTOCOL, pack
from node.federation.passport import logs_behind, make
from node.federation.views import Standing
from node.federation.visiting import Presenting
from node.home import Home
from node.newcomers.guest_stream import GuestStream
from store.entry import MAX_ID_SEQ, Entry
from store.errors import NotFound
from store.ids import LOG_ID, AuthorId, short
from store.log import LogId

PRESENT_S: Final = 20.0
"""How long showing a passport may take: some round trips, and the other side's commit."""

OPEN_S: Final = 10.0

MAX_SENT_BYTES: Final = 2 * 2**20
"""What is read of one log: more does not fit what a guest may send."""

_log = logging.getLogger(__name__)


class Introduction:
    """Introduces this home's device to peers."""

    def __init__(self, home: Home, membership: Membership, transport: Transport) -> None:
        self._home = home
        self._membership = membership
        self._transport = transport

    async def introduce(self, peer: AuthorId) -> bool:
        """Show the passport to a connected peer. True: it lets us in now."""
        if self._membership.roster.standing(self._home.device) is not Standing.MEMBER:
            return False
        is_welcome = False
        try:
            with trio.move_on_after(PRESENT_S):
                stream = await self._transport.open(peer, PROTOCOL, OPEN_S)
                try:
                    is_welcome = await self._present(GuestStream(stream))
                finally:
                    await stream.close()
        except NotConnected as error:
            _log.info("could not show the passport to %s: %s", short(peer), error)
        except RemoteFault as fault:
            _log.info("%s did not take the passport as it should: %s", short(peer), fault)
        return is_welcome

    async def _present(self, host: GuestStream) -> bool:
        roster, device = self._membership.roster, self._home.device
        passport = make(roster, device, self._certificate_of, self._home.entries.entry)
        visit = Presenting(passport, logs_behind(roster, device))
        wanted = visit.begin()
        while True:
            for effect in wanted:
                match effect:
                    case effects.Send(message):
                        await host.send(message)
                    case effects.SendLogs(devices):
                        await self._send_logs(host, devices)
                    case effects.TurnedAway(_, text):
                        _log.info("%s does not let us in: %r", short(host.peer), text)
                        return False
                    case effects.Welcomed():
                        return True
            answer = await host.receive()
            if answer is None:
                return False
            wanted = visit.handle(answer)

    async def _send_logs(self, host: GuestStream, devices: Sequence[AuthorId]) -> None:
        entries = await trio.to_thread.run_sync(self._gather, devices)
        for number, message in enumerate(pack(entries)):
            if number < MAX_ENTRY_MESSAGES_GUEST:
                await host.send(message)

    def _gather(self, devices: Sequence[AuthorId]) -> list[Entry]:
        """The first entries of these logs, a little more than fit what a guest may send."""
        entries: list[Entry] = []
        size_bytes = 0
        for device in devices:
            for entry in self._home.entries.range(LogId(device, LOG_ID), 1, MAX_ID_SEQ, MAX_SENT_BYTES):
                size_bytes += entry.body_bytes
                entries.append(entry)
            if size_bytes > MAX_SENT_BYTES:
                break
        return entries

    def _certificate_of(self, device: AuthorId) -> Entry:
        found = self._home.entries.range(LogId(device, LOG_ID), 1, 1, MAX_SENT_BYTES)
        if not found:
            raise NotFound(f"no certificate of {short(device)} is held")
        return found[0]
