"""Gossipsub for the libp2p host: libp2p's mesh of one topic, with bounds on all that peers can send.

`BoundedGossipSub` decides who is in the mesh and who gets which message; `BoundedPubsub` reads, judges
and writes. Both are libp2p's classes; each override names the fault of libp2p 0.8.1 that it cures.

What a peer may cause, all told: `MAX_RPC_BYTES` while it is read, `MAX_QUEUED_RPCS` answers that wait
for it, `MAX_IDS_A_BEAT` ids asked or told a second, one entry in each table; the tables of messages hold
at most `MAX_SEEN` ids and `MAX_CACHED` messages. After `MAX_FAULTS` faults its connection ends.
"""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import ParseError, ValidationError
from libp2p.io.exceptions import IOException
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID, PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited

from gossip.errors import GossipError
from gossip.net.libp2p_noise import NotAdmitted, author_of
from gossip.net.libp2p_service import CalmHost
from gossip.net.libp2p_yamux import Muxer
from store.ids import AuthorId

GOSSIP_PROTOCOLS: Final[tuple[TProtocol, ...]] = (PROTOCOL_ID_V11, PROTOCOL_ID)
"""Gossipsub 1.1 and 1.0. What 1.2 adds saves traffic for large messages; ours are small."""

HEARTBEAT_S: Final = 1
"""Time between two rounds of care for the mesh. The library's 120 s leave it broken for minutes."""

DEGREE, LEAST_DEGREE, MOST_DEGREE = 6, 4, 12
"""Peers in the mesh: wanted, at least, at most."""

MAX_GOSSIP_BYTES: Final = 16_384
"""Largest payload of a message."""

MAX_RPC_BYTES: Final = 65_536
"""Largest message on a gossip stream, control and several payloads together. The library reads 1 MiB."""

MAX_QUEUED_RPCS: Final = 256
"""Messages that wait for one peer, the library has 32. At most 16 MiB, for a peer that reads nothing."""

MAX_SEEN: Final = 32_768
"""Message ids remembered so as not to hear or forward twice: 5 minutes at 100 messages a second."""

SEEN_S: Final = 300.0
"""How long an id is remembered: longer than any message travels."""

MAX_CACHED: Final = 1_024
"""Messages kept for peers that ask for them, within the last 5 heartbeats."""

MAX_IDS_A_BEAT: Final = 256
"""Message ids that a peer may ask for, and that it may tell us of, between two heartbeats."""

MAX_SUBSCRIPTIONS: Final = 8
"""Subscriptions read from one RPC. There is one topic."""

MAX_BACK_OFF_S: Final = 600
"""Longest time that a peer may keep us from asking again to be in its mesh."""

MAX_FAULTS: Final = 4
"""Broken RPCs on a connection before it is ended. No correct program sends one."""

RETRY_S: Final = 5.0
"""Wait before the gossip stream to a peer is opened again after it broke; doubled up to a minute."""

_log = logging.getLogger(__name__)


class SeenMessages:
    """Ids of messages, the newest `MAX_SEEN` of the last `SEEN_S` seconds.

    Cures: the library's has no bound in number and runs a thread.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def has(self, key: bytes) -> bool:
        """It was added, not too long ago."""
        return key in self._seen

    def add(self, key: bytes) -> bool:
        """Remember it. True: it is new."""
        now_s = time.monotonic()
        new = key not in self._seen
        self._seen.setdefault(key, now_s)
        while self._seen and (len(self._seen) > MAX_SEEN or next(iter(self._seen.values())) < now_s - SEEN_S):
            self._seen.popitem(last=False)
        return new

    def __len__(self) -> int:
        return len(self._seen)

    def stop(self) -> None:
        """The library's has a thread to stop."""


class BoundedGossipSub(GossipSub):
    """libp2p's gossipsub router for one topic, without scores, rate limits and peer exchange."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            protocols=GOSSIP_PROTOCOLS,
            degree=DEGREE,
            degree_low=LEAST_DEGREE,
            degree_high=MOST_DEGREE,
            heartbeat_interval=HEARTBEAT_S,
            do_px=False,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        self.scorer = None
        self._topic = topic
        self._ids_of: Counter[ID] = Counter()

    async def heartbeat(self) -> None:
        """Care for the mesh. Cures: the library's ends the host with the first exception, and prunes
        without telling for how long."""
        while True:
            await trio.sleep(HEARTBEAT_S)
            try:
                await self._beat()
            except Exception:  # noqa: BLE001 - the library's tables after whatever peers sent; next second again
                _log.exception("a gossip heartbeat failed")

    async def _beat(self) -> None:
        grafts, prunes = self.mesh_heartbeat()
        for peer in grafts:
            await self.emit_graft(self._topic, peer)
        for peer in prunes:
            self._add_back_off(peer, self._topic, False)
            await self.emit_prune(self._topic, peer, False, False)
        for peer, ids in self.gossip_heartbeat().items():
            await self.emit_ihave(self._topic, ids.get(self._topic, [])[-MAX_IDS_A_BEAT:], peer)
        self.mcache.shift()
        self._periodic_security_cleanup()
        self._ids_of.clear()
        now_s = int(time.time())
        for back_offs in self.back_off.values():
            for peer in [peer for peer, until_s in back_offs.items() if until_s <= now_s]:
                del back_offs[peer]

    async def publish(self, msg_forwarder: ID, pubsub_msg: rpc_pb2.Message) -> None:
        """Send a judged message on: to the mesh, and our own to every subscriber.

        Cures: the library keeps a time stamp of every message for ever, drops all beyond 10 a second,
        and queues messages for peers that did not subscribe.
        """
        if self.pubsub is None:
            return
        if len(self.mcache.msgs) < MAX_CACHED:
            self.mcache.put(pubsub_msg)
        origin = ID(pubsub_msg.from_id)
        if msg_forwarder == self.pubsub.my_id:
            targets = set(self.pubsub.peer_topics.get(self._topic, ()))
        else:
            targets = set(self.mesh.get(self._topic, ()))
        for peer in targets - {msg_forwarder, origin}:
            self.send_rpc(peer, rpc_pb2.RPC(publish=[pubsub_msg]))

    async def handle_rpc(self, rpc: rpc_pb2.RPC, sender_peer_id: ID) -> None:
        """Serve control messages of our topic. Cures: the library keeps state for any topic that a peer
        names, obeys any back-off, and dials peers that it is told of."""
        control = rpc.control
        if any(prune.topicID == self._topic for prune in control.prune):
            asked_s = max(prune.backoff for prune in control.prune)
            prune = rpc_pb2.ControlPrune(topicID=self._topic, backoff=min(asked_s, MAX_BACK_OFF_S))
            await self.handle_prune(prune, sender_peer_id)
        elif any(graft.topicID == self._topic for graft in control.graft):
            await self.handle_graft(rpc_pb2.ControlGraft(topicID=self._topic), sender_peer_id)
        told = [mid for ihave in control.ihave if ihave.topicID == self._topic for mid in ihave.messageIDs]
        if told := self._allowed(told, sender_peer_id):
            await self.handle_ihave(
                rpc_pb2.ControlIHave(topicID=self._topic, messageIDs=told), sender_peer_id
            )
        asked = [mid for iwant in control.iwant for mid in iwant.messageIDs]
        for mid in self._allowed(asked, sender_peer_id):
            message = self.mcache.get(mid)
            if message is not None:
                self.send_rpc(sender_peer_id, rpc_pb2.RPC(publish=[message]))

    def _allowed(self, ids: list[bytes], peer: ID) -> list[bytes]:
        allowed = ids[: max(0, MAX_IDS_A_BEAT - self._ids_of[peer])]
        self._ids_of[peer] += len(allowed)
        return allowed

    async def emit_control_message(self, control_msg: rpc_pb2.ControlMessage, to_peer: ID) -> None:
        """Queue a control message. Cures: the library adds our signed addresses to each."""
        self.send_rpc(to_peer, rpc_pb2.RPC(control=control_msg), priority=True)


class BoundedPubsub(Pubsub):
    """libp2p's pubsub for one topic; strict signing stays on."""

    def __init__(
        self,
        host: CalmHost,
        router: BoundedGossipSub,
        topic: str,
        validate: Callable[[AuthorId, bytes], bool],
        heard: Callable[[AuthorId, bytes], None],
    ) -> None:
        """`validate` judges (origin, payload) before anything is forwarded; then `heard` gets it."""
        super().__init__(host, router, strict_signing=True, allowed_topics={topic})
        self._topic = topic
        self._validate = validate
        self._heard = heard
        self._router = router
        self._swarm = host.swarm
        self._reading: dict[ID, INetStream] = {}
        self._opening: set[ID] = set()
        self._faults: Counter[ID] = Counter()
        self.seen_messages.stop()
        self.seen_messages = SeenMessages()  # type: ignore[assignment]
        # Cures: the library counts from the seconds of the clock, so that what is published in the first
        # while after a restart has numbers that were used before, and is dropped everywhere as known.
        self.counter = time.time_ns()

    # --- what comes in -------------------------------------------------------------------------------

    async def stream_handler(self, stream: INetStream) -> None:
        """Read a peer's gossip; one stream a peer, a newer one replaces it.

        Cures: in the library bytes that are no protobuf, a key that cannot be decoded, or a validator
        that raises end the whole host, from afar.
        """
        peer = stream.muxed_conn.peer_id
        older = self._reading.get(peer)
        if older is not None:
            await older.reset()
        self._reading[peer] = stream
        try:
            while True:
                rpc = await self._read_rpc(stream)
                if self._swarm.live(peer) is not stream.muxed_conn:
                    return  # What is still to be read comes from a peer that is cleared away already.
                await self._take(peer, rpc)
        except (DecodeError, ParseError, UnicodeError) as error:
            self._fault(peer, stream, error)
            raise GossipError(f"broken gossip: {error}") from error
        except IOException as error:
            raise GossipError(f"the gossip stream ended: {error}") from error
        finally:
            if self._reading.get(peer) is stream:
                del self._reading[peer]

    async def _read_rpc(self, stream: INetStream) -> rpc_pb2.RPC:
        rpc = rpc_pb2.RPC()
        rpc.ParseFromString(await read_varint_prefixed_bytes_limited(stream, MAX_RPC_BYTES))
        return rpc

    async def _take(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        for subscription in rpc.subscriptions[:MAX_SUBSCRIPTIONS]:
            if subscription.topicid != self._topic:
                continue
            if subscription.subscribe:
                self.peer_topics.setdefault(self._topic, set()).add(peer)
                await self._router.on_peer_subscribed(peer, self._topic)
            else:
                self._forget_subscription(peer, self._topic)
        for message in rpc.publish:
            await self.push_msg(peer, message)
            await trio.lowlevel.checkpoint()
        if rpc.HasField("control"):
            await self._router.handle_rpc(rpc, peer)

    def _fault(self, peer: ID, stream: INetStream, error: Exception) -> None:
        self._faults[peer] += 1
        _log.debug("broken gossip from %s: %s", peer, error)
        if self._faults[peer] >= MAX_FAULTS and isinstance(stream.muxed_conn, Muxer):
            stream.muxed_conn.break_off("broken gossip again and again")

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Judge a message, hear it, send it on. Never raises."""
        try:
            if list(msg.topicIDs) == [self._topic] and len(msg.data) <= MAX_GOSSIP_BYTES:
                author_of(ID(msg.from_id))
                await super().push_msg(msg_forwarder, msg)
        except NotAdmitted:
            return
        except Exception:  # noqa: BLE001 - the per-peer task: the library dies of what a message may hold
            _log.exception("a gossip message could not be judged")

    async def validate_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Ask the validator. Raises: ValidationError. Cures: the library's cache of verdicts costs more
        than the verdict."""
        if msg_forwarder != self.my_id and not self._validate(author_of(ID(msg.from_id)), msg.data):
            raise ValidationError("the validator refuses it")

    def notify_subscriptions(self, publish_message: rpc_pb2.Message) -> None:
        """Hear a message that is not our own. Cures: the library's channel of 32."""
        origin = ID(publish_message.from_id)
        if origin != self.my_id:
            self._heard(author_of(origin), publish_message.data)

    # --- what goes out -------------------------------------------------------------------------------

    def get_hello_packet(self) -> rpc_pb2.RPC:
        """Our subscription. Cures: the library adds our signed addresses."""
        subscription = rpc_pb2.RPC.SubOpts(subscribe=True, topicid=self._topic)
        return rpc_pb2.RPC(subscriptions=[subscription])

    def _build_announce_rpc(self, topic_id: str, subscribe: bool) -> tuple[rpc_pb2.RPC, rpc_pb2.RPC.SubOpts]:
        subscription = rpc_pb2.RPC.SubOpts(subscribe=subscribe, topicid=topic_id)
        return rpc_pb2.RPC(subscriptions=[subscription]), subscription

    async def _handle_new_peer(self, peer_id: ID) -> None:
        """Open our gossip stream to a peer. Cures: the library keeps the stream of a connection that is
        over, and has room for 32 messages."""
        current = self.peers.get(peer_id)
        if current is not None:
            if not (isinstance(current.muxed_conn, Muxer) and current.muxed_conn.is_closed):
                return
            self._handle_dead_peer(peer_id)
        stream = await self.host.new_stream(peer_id, self.protocols)
        await stream.write(encode_varint_prefixed(self.get_hello_packet().SerializeToString()))
        self._router.add_peer(peer_id, stream.get_protocol())
        self.peers[peer_id] = stream
        queue = RpcQueue(MAX_QUEUED_RPCS, MAX_RPC_BYTES)
        self.peer_queues[peer_id] = queue
        self.manager.run_task(self.handle_sending_messages, peer_id, stream, queue)
        if peer_id in self.peer_topics.get(self._topic, ()):
            await self._router.on_peer_subscribed(peer_id, self._topic)

    async def _handle_new_peer_with_retry(
        self,
        peer_id: ID,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
    ) -> None:
        """The same, again and again while the peer is connected. Cures: the library gives up for good
        when a peer is slow once, and two of these at a time leave one stream's writer behind."""
        if peer_id in self._opening:
            return
        self._opening.add(peer_id)
        try:
            await self._open_until_it_works(peer_id)
        except Exception:  # noqa: BLE001 - the per-peer task: no gossip with this peer, all else goes on
            _log.exception("no gossip stream to %s", peer_id)
        finally:
            self._opening.discard(peer_id)

    async def _open_until_it_works(self, peer_id: ID) -> None:
        delay_s = RETRY_S
        while (connection := self._swarm.live(peer_id)) is not None:
            try:
                await self._handle_new_peer(peer_id)
                return
            except (GossipError, StreamError) as error:
                _log.debug("no gossip stream to %s yet: %s", peer_id, error)
            with trio.move_on_after(delay_s):
                await connection.event_closed.wait()
            delay_s = min(2 * delay_s, 60.0)

    async def _peer_stream_retry_task(self, peer_id: ID) -> None:
        """Cures: the library reopens a broken stream at once, so that a peer that resets it keeps both
        busy."""
        await trio.sleep(RETRY_S)
        await super()._peer_stream_retry_task(peer_id)

    def _handle_dead_peer(self, peer_id: ID) -> None:
        if not self._peer_is_connected(peer_id):
            self._faults.pop(peer_id, None)
        super()._handle_dead_peer(peer_id)
