"""Every number of the protocol: name, unit, reason. Nothing else is in here.

Numbers marked *wire* are part of the protocol: a peer that exceeds them is at fault. The others are
this node's own choice.
"""

from typing import Final

# --- frames (wire) ----------------------------------------------------------------------------------

MAX_FRAME_BYTES: Final = 1_048_576
"""Largest message on any stream, without its length. A run of full bodies is cut to fit."""

MAX_FRAME_ITEMS: Final = 8_192
"""Largest list inside a message: a run of 1,024 entries has 4 values each, a turn at most 4,096 parts."""

MAX_ANNOUNCEMENT_BYTES: Final = 4_096
"""An announcement with 16 addresses and 32 heads is under 3 kB."""

MAX_ADDRESSES: Final = 16
"""Addresses that one device may announce."""

MAX_ADDRESS_CHARS: Final = 200
"""A DNS name has at most 253 characters; ours are shorter with all parts of the multiaddr."""

MAX_HEADS: Final = 32
"""Heads in one announcement: one for each log of the device."""

# --- push -------------------------------------------------------------------------------------------

WHOLE_BODY_BYTES: Final = 4_096
"""Bodies below this are pushed with their header (wire: hint only). Larger ones are asked for."""

PUSH_BATCH_BYTES: Final = 131_072
"""A push message is closed at this size, so that one frame never delays the next by much."""

PUSH_BATCH_ENTRIES: Final = 512
"""The same by number: what an intake can verify in about 30 ms."""

BODIES_PER_ANSWER: Final = 16
"""Bodies in one message: at most 512 KiB."""

MAX_WANTED_BODIES: Final = 64
"""Ids in one request for bodies (wire): 64 bodies of 32 KiB are 2 MiB, sent in several answers."""

FLUSH_S: Final = 0.015
"""Pushed entries leave at once after a pause, else together after this time: one frame costs far more
than one entry."""

BULK_ENTRIES: Final = 256
"""A commit of more entries than this is not pushed on; neighbours are nudged to sync instead."""

SEEN_ENTRIES: Final = 16_384
"""Recent entry ids whose holders we remember, so as not to send an entry back where it is held."""

WANTED_BODIES: Final = 1_024
"""Bodies that we are waiting for, over all peers."""

HELLO_WAIT_S: Final = 10.0
"""How long a new link may take to say hello."""

# --- sync -------------------------------------------------------------------------------------------

FINGERPRINT_BYTES: Final = 6
"""Of a range or an item (wire). Keyed afresh each session, so that nobody can prepare collisions; a
chance one (1 in 2**48) hides a difference for one session only."""

LEAF_ITEMS: Final = 16
"""A range with at most so many logs is listed, not split (wire: hint only)."""

MAX_SPLIT_BITS: Final = 6
"""A range is split into at most 64 parts at a time (wire)."""

MAX_TURN_PARTS: Final = 4_096
"""Parts in one turn of a reconciliation (wire). What does not fit waits for the next session."""

RUN_BYTES: Final = 262_144
"""A run is closed at this size. Big enough that its fixed costs vanish, small enough that two fit into
a stream's window."""

RUN_WINDOW: Final = 8
"""Runs sent and not acknowledged (wire: a receiver may rely on it): bounds its memory to 2 to 8 MiB."""

READS_AHEAD: Final = 4
"""Runs that a session asks the store for before they can be sent."""

MAX_SESSIONS: Final = 16
"""Sync sessions at a time, both directions together; each holds a copy of the frontier."""

MAX_SESSIONS_OUT: Final = 4
"""Of these, sessions that we opened."""

SESSION_SILENCE_S: Final = 60.0
"""A session with no message for this long is over. An intake that is verifying 8 runs needs about 1 s."""

SYNC_INTERVAL_S: Final = 60.0
"""A neighbour is asked this often whether anything is missing, although push should have brought it."""

GAP_WAIT_S: Final = 0.25
"""A gap seen in pushed entries: wait so long before syncing, for more of the burst to arrive."""

NUDGE_WAIT_S: Final = 0.5
"""After a nudge: wait so long before syncing, so that several become one session."""

MAX_ROUNDS: Final = 40
"""Turns of one comparison; 64 bits of places at 6 bits a turn, twice, and slack."""

MAX_PROBES: Final = 64
"""Entries asked for by probe at a time in one session."""

DIVERGENCE_STEPS: Final = 44
"""Bisection steps to the lowest forked seq in one log: 2**40 entries need 41."""

# --- gossip -----------------------------------------------------------------------------------------

PRESENCE_S: Final = 120.0
"""A device announces itself this often; `PRESENCE_PER_PEER_S` is added for each device heard of."""

PRESENCE_PER_PEER_S: Final = 0.5
"""Keeps the sum over a mesh of any size at about two announcements a second."""

MESH_WAIT_S: Final = 3.0
"""After a link came up: gossipsub needs two heartbeats until the new neighbour hears us."""

LINK_PRESENCE_S: Final = 30.0
"""New links make a device announce itself at most this often."""

HEADS_WAIT_S: Final = 1.0
"""Own new heads are announced at most this often."""

MISSING_WAIT_S: Final = 3.0
"""An announced head that push has not brought after this time is fetched by a sync."""

KNOWN_DEVICES: Final = 4_096
"""Devices whose last announcement we remember."""

CLOCK_SKEW_S: Final = 86_400.0
"""An announcement dated further ahead than this is not believed."""

# --- peers ------------------------------------------------------------------------------------------

TARGET_LINKS: Final = 8
"""Neighbours that a node tries to have. In simulations 8 keep 1,000 nodes within 4 to 5 hops."""

MAX_LINKS_LAPTOP: Final = 16
"""Neighbours that an ordinary node accepts."""

MAX_LINKS_HUB: Final = 256
"""Neighbours that a hub accepts; each costs about 60 KiB."""

MAX_DIALS: Final = 4
"""Dials at a time."""

BACKOFF_FIRST_S: Final = 1.0
"""Wait after the first failed dial; doubles each time."""

BACKOFF_LAST_S: Final = 300.0
"""Longest wait between dials to one peer."""

STABLE_LINK_S: Final = 30.0
"""A link that stood this long resets the back-off."""

ADDRESS_BOOK: Final = 4_096
"""Devices whose addresses are remembered."""

# --- reputation -------------------------------------------------------------------------------------

BAN_SCORE: Final = 100.0
"""Points at which a peer is banned; see `gossip.errors.Severity`."""

SCORE_HALF_LIFE_S: Final = 600.0
"""Points decay by half in this time."""

BAN_S: Final = 3_600.0
"""First ban; doubles with each further one."""

BAN_LAST_S: Final = 86_400.0
"""Longest ban."""

RATE_ENTRIES_PER_S: Final = 4_000.0
"""Pushed entries a second that we take from one peer over time; more are dropped and synced later."""

RATE_BURST_ENTRIES: Final = 20_000.0
"""Pushed entries that a peer may send at once beyond the rate."""

# --- the shell ----------------------------------------------------------------------------------------

PUSH_QUEUE_BYTES: Final = 4_194_304
"""Bytes that wait for one neighbour's push stream. Full: the link ends, and a sync repairs it later."""

SYNC_QUEUE_BYTES: Final = 16_777_216
"""Bytes that wait on one sync stream; the window of runs keeps it far below."""

INFLOW_ENTRIES: Final = 4_096
"""Entries of one peer that the intake has not judged yet; beyond, we stop reading from it."""

READ_BYTES: Final = 262_144
"""Asked of a stream at a time."""

DIAL_TIMEOUT_S: Final = 10.0
"""For one address. A handshake takes four round trips; half a minute of silence helps nobody."""

STREAM_TIMEOUT_S: Final = 10.0
"""For opening a stream over a standing connection, and for the push stream of a peer that dialled us."""

CLOSE_TIMEOUT_S: Final = 2.0
"""For the last messages of a stream that ends."""
