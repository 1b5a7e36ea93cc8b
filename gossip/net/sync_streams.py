"""The sync streams: one a session, with its queue, its reader and its writer, and the report at its end."""

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import trio

from gossip.errors import GossipError, LocalFault, NotConnected, RemoteFault
from gossip.net.feed import Feed
from gossip.net.links import Outflow, payloads
from gossip.net.transport import Stream, Transport
from gossip.proto import events, limits
from gossip.proto.events import Event, SessionId
from gossip.proto.framing import LENGTH_BYTES
from gossip.proto.sync_messages import encode_sync, parse_sync
from store.ids import AuthorId

PROTOCOL: Final = "/asterism/sync/1"

_log = logging.getLogger(__name__)


class SyncReport(NamedTuple):
    """How a sync session went, for people; bytes are those on the stream."""

    ended: events.SyncEnded
    initiator: bool
    bytes_sent: int
    bytes_received: int
    duration_s: float


SyncListener = Callable[[SyncReport | events.SyncProgress], None]


@dataclass(slots=True)
class _Session:
    """A sync stream; `outflow` is None while it is being opened."""

    peer: AuthorId
    initiator: bool
    started: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    outflow: Outflow | None = None
    received_bytes: int = 0
    why: str = ""


class SyncStreams:
    """Opens, serves and ends sync streams; tells the engine what comes over them."""

    def __init__(
        self,
        transport: Transport,
        feed: Feed,
        give: Callable[[Event], None],
        new_session: Callable[[], SessionId],
    ) -> None:
        self._transport = transport
        self._feed = feed
        self._give = give
        self._new_session = new_session
        self._sessions: dict[SessionId, _Session] = {}
        self.listeners: list[SyncListener] = []

    async def serve(self, stream: Stream) -> None:
        """Serve a sync stream that a peer opened."""
        number = self._new_session()
        self._sessions[number] = _Session(stream.peer, False, trio.current_time())
        await self._run(number, stream)

    async def open(self, effect: events.OpenSync) -> None:
        """Open a sync stream; `SyncOpened` or `SyncClosed` follows."""
        number, peer = effect.session, effect.peer
        self._sessions[number] = _Session(peer, True, trio.current_time())
        try:
            stream = await self._transport.open(peer, PROTOCOL, limits.STREAM_TIMEOUT_S)
        except LocalFault as fault:
            del self._sessions[number]
            self._give(events.SyncClosed(number, str(fault)))
            return
        await self._run(number, stream)

    def send(self, effect: events.SendSync) -> None:
        """Queue a message of a session; a full queue ends it."""
        session = self._sessions.get(effect.session)
        if session is None or session.outflow is None or session.outflow.is_closing:
            return
        if not session.outflow.offer(encode_sync(effect.message)):
            session.why = session.why or "the peer reads too slowly"
            session.scope.cancel()

    def close(self, effect: events.CloseSync) -> None:
        """End a session once its last messages are sent."""
        session = self._sessions.get(effect.session)
        if session is None:
            return
        session.why = session.why or effect.why
        if session.outflow is None:
            session.scope.cancel()
        else:
            session.outflow.close_after()
            if effect.why:
                session.scope.deadline = trio.current_time() + limits.CLOSE_TIMEOUT_S

    def end_all(self, peer: AuthorId) -> None:
        """The connection to a peer ended: so do its sessions."""
        for session in [running for running in self._sessions.values() if running.peer == peer]:
            session.why = session.why or "the connection ended"
            session.scope.cancel()

    def progress(self, effect: events.SyncProgress) -> None:
        """Tell the listeners how far a session is."""
        self._tell(effect)

    def ended(self, effect: events.SyncEnded) -> None:
        """Tell the listeners how a session went."""
        session = self._sessions.get(effect.session)
        started = trio.current_time() if session is None else session.started
        sent = 0 if session is None or session.outflow is None else session.outflow.sent_bytes
        received = 0 if session is None else session.received_bytes
        initiator = session is None or session.initiator
        self._tell(SyncReport(effect, initiator, sent, received, trio.current_time() - started))

    def _tell(self, news: SyncReport | events.SyncProgress) -> None:
        for listener in list(self.listeners):
            listener(news)

    async def _run(self, number: SessionId, stream: Stream) -> None:
        session = self._sessions[number]
        outflow = session.outflow = Outflow(stream, limits.SYNC_QUEUE_BYTES)
        with session.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, number, session, stream)
                self._give(events.SyncOpened(number, stream.peer, session.initiator))
                try:
                    await outflow.pump()
                except NotConnected as fault:
                    session.why = session.why or str(fault)
                nursery.cancel_scope.cancel()
        self._give(events.SyncClosed(number, session.why))
        del self._sessions[number]
        await _close(stream)

    async def _read(self, number: SessionId, session: _Session, stream: Stream) -> None:
        inflow = self._feed.inflow(session.peer)
        try:
            async with aclosing(payloads(stream)) as incoming:
                async for payload in incoming:
                    size = len(payload) + LENGTH_BYTES
                    session.received_bytes += size
                    self._give(events.SyncReceived(number, parse_sync(payload), size))
                    await inflow.wait_for_room()
        except RemoteFault as fault:
            session.why = str(fault)
            self._give(events.SyncClosed(number, session.why))
            self._give(events.Faulted(session.peer, fault.severity, str(fault)))
        except GossipError as fault:
            session.why = session.why or str(fault)
        except Exception:  # noqa: BLE001 (the task of one session: a fault of ours ends it, not the node)
            _log.exception("a message of a sync could not be handled")
            session.why = session.why or "an error of this program; see the log"
        if session.outflow is not None:
            session.outflow.close_after()


async def _close(stream: Stream) -> None:
    """Close a stream; where the other side does not close it too, reset it, so that none is left behind."""
    with trio.move_on_after(limits.CLOSE_TIMEOUT_S) as patience:
        await stream.close()
        try:
            while await stream.receive_some(limits.READ_BYTES):
                continue
        except NotConnected:
            return
    if patience.cancelled_caught:
        await stream.reset()
