"""What is put right in libp2p 0.8.1, where, and the check that it is this libp2p.

| fault of the library, seen | cure | where |
|---|---|---|
| 250 inbound connections in the process's life, then nobody gets in | a place is held only during the handshake | `libp2p_swarm.CalmSwarm.accept` |
| 400 silent connections shut others out for 10 s | bounded by time, number and address; the oldest gives way | `libp2p_swarm.HalfOpen` |
| handshakes cost 2 ms each, and strangers may have any number | 20 a second from one address | `libp2p_noise.NoiseGate` |
| a stranger announces a long message before the handshake: megabytes | 16 KiB before the handshake is done | `libp2p_tcp.TcpConnection.read` |
| two daemons listen at one port | no SO_REUSEPORT; `PortInUse` | `libp2p_tcp.listen_tcp` |
| plaintext and TLS are accepted, any device gets streams | Noise alone, admission right after it | `libp2p_noise.NoiseGate` |
| what a stream handler raises ends the host | it ends that stream | `libp2p_service.CalmHost` |
| text that is not UTF-8, or long, in a negotiation | bounds, and the stream ends | `libp2p_negotiation` |
| garbage on the gossip stream, an undecodable key, a raising validator end the host | judged one by one, guarded | `libp2p_gossip.BoundedPubsub` |
| gossip's tables grow with whatever peers name; rates, queues, heartbeat | one topic, bounds | `libp2p_gossip.BoundedGossipSub` |
| numbers of messages begin again after a restart | they begin at the clock's nanoseconds | `libp2p_gossip.BoundedPubsub` |
| the old half-dead connection and a new one coexist | one connection a peer, the old one cleared away first | `libp2p_swarm.CalmSwarm.add_conn` |
| a connection that ends while it is booked stays in the book | it is taken out | `libp2p_swarm.CalmSwarm.add_conn` |
| a Yamux writer dies after 5 s without window | it waits for 60 s | `libp2p_stream.MuxedStream` |
| streams without end, windows overrun, answers never read | numbered bounds | `libp2p_yamux.Muxer`, `libp2p_stream.UnreadBytes` |
| a peer killed in mid-stream reads as a clean end | a lost connection raises | `libp2p_stream.MuxedStream` |
| a frozen peer stays connected | Yamux pings, gone after 10 to 15 s | `libp2p_yamux.Muxer` |
| dialling costs 250 ms, blocks a failed peer, hangs on a silent server | each address with a deadline | `host.Libp2pHost.dial` |
| it dials, identifies and prunes on its own | it does not | `libp2p_swarm.CalmSwarm`, `libp2p_service.CalmHost` |
| sockets stay open after the end | everything closes with `Libp2pHost.run` | `host.Libp2pHost` |
"""  # noqa: E501 - a table

import importlib.metadata
import logging
from typing import Final

from libp2p.host.basic_host import BasicHost
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.swarm import Swarm
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.security.noise.transport import Transport
from libp2p.transport.upgrader import TransportUpgrader

from gossip.errors import LocalFault
from gossip.net.libp2p_gossip import BoundedGossipSub, BoundedPubsub
from gossip.net.libp2p_noise import NoiseGate
from gossip.net.libp2p_service import CalmHost
from gossip.net.libp2p_swarm import CalmSwarm, Upgrader

LIBP2P_VERSION: Final = "0.8.1"
"""The version whose faults are known. Another one may have others, or none: read the table again."""

_CURES: Final[tuple[tuple[type, type], ...]] = (
    (CalmSwarm, Swarm),
    (CalmHost, BasicHost),
    (Upgrader, TransportUpgrader),
    (NoiseGate, Transport),
    (BoundedGossipSub, GossipSub),
    (BoundedPubsub, Pubsub),
)

_OUR_OWN: Final = frozenset(
    {
        *("accept", "secure", "visit", "_shaken", "live", "end", "_cleared", "_replaces", "_turn"),
        *("serve", "_serve_stream", "_serve_identify"),
        *("_checked",),
        *("_beat", "_allowed"),
        *("_read_rpc", "_take", "_fault", "_open_until_it_works"),
    }
)
"""Methods of our classes that override nothing."""

_USED: Final = (
    (Swarm, "_notify"),
    (SwarmConn, "_cleanup"),
    (GossipSub, "mesh_heartbeat"),
    (GossipSub, "gossip_heartbeat"),
    (GossipSub, "_periodic_security_cleanup"),
    (Pubsub, "handle_sending_messages"),
    (Pubsub, "_peer_is_connected"),
    (Pubsub, "_schedule_peer_stream_retry"),
)
"""What the cures rely on without overriding it."""


def check_library() -> None:
    """Check that this is the libp2p that the cures were made for. Under 1 ms.

    Raises:
        LocalFault: it is not; the node must not start.
    """
    version = importlib.metadata.version("libp2p")
    if version != LIBP2P_VERSION:
        raise LocalFault(f"libp2p {version} is installed, but this program is made for {LIBP2P_VERSION}")
    missing = [
        f"{theirs.__name__}.{name}"
        for ours, theirs in _CURES
        for name, value in vars(ours).items()
        if callable(value) and not name.startswith("__") and name not in _OUR_OWN and name not in vars(theirs)
    ]
    missing += [f"{owner.__name__}.{name}" for owner, name in _USED if not hasattr(owner, name)]
    if missing:
        raise LocalFault(f"this libp2p lacks what its cures replace: {', '.join(missing)}")


def quiet_library() -> None:
    """Keep libp2p's messages off standard error. What peers do wrong is no news; our rooms log what
    matters. `SwarmConn` logs through the root logger, which would install a handler there."""
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
