"""Every number of the protocol: name, unit, reason. Nothing else is in here.

Numbers marked *wire* are part of the protocol: a peer that exceeds them is at fault. The others are
this node's own choice.
"""
# long because it is the one list of these numbers

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

MAX_SECTIONS: Final = 64
"""Sections that an interest may name: more than a federation of 50 has. Whoever wants more wants all."""

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
"""Ids in one request for bodies (wire), and bodies that we await from one peer: 64 bodies of 32 KiB are
2 MiB, which fits into a push queue."""

MAX_OWED_BODIES: Final = 256
"""Bodies that one peer may have asked us for and not got yet; of further ones we say that we lack them."""

BODY_WAIT_S: Final = 10.0
"""How long a neighbour may take to send a body; then another one is asked."""

FLUSH_S: Final = 0.03
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

FINGERPRINT_BYTES: Final = 5
"""Of a range or an item (wire). Keyed afresh each session, so that nobody can prepare collisions; a
chance one (1 in 2**40) hides a difference for one session only."""

HEAD_MARK_BYTES: Final = 6
"""Of a head in a position (wire). One more, because what it hides may have forked."""

LEAF_ITEMS: Final = 16
"""Logs that the parts of a split are meant to have at most, on average (wire: hint only)."""

LIST_ITEMS: Final = 40
"""A range with at most so many logs is listed, not split (wire: hint only). More than `LEAF_ITEMS`, so that
parts that have somewhat more than the average do not take one more round trip."""

MAX_SPLIT_BITS: Final = 6
"""A range is split into at most 64 parts at a time (wire)."""

MAX_TURN_PARTS: Final = 4_096
"""Parts in one turn of a reconciliation (wire). What does not fit waits for the next session."""

TURN_BYTES: Final = 1_000_000
"""Bytes in one turn: with what surrounds its parts well inside one frame. The rest waits likewise."""

MAX_POSITIONS: Final = 65_536
"""Positions that one side tells in one session (wire). A new node that lacks more logs takes several."""

DEEP_BITS: Final = 24
"""Ranges of so many bits or more are split into 64 parts whatever is in them: only somebody who searched
for keys has more than a handful of logs there, and a turn for each bit would be many turns."""

LAST_BITS: Final = 42
"""Ranges of so many bits are listed, not split."""

RUN_BYTES: Final = 262_144
"""A run is closed at this size. Big enough that its fixed costs vanish, small enough that two fit into
a stream's window."""

RUN_WINDOW: Final = 256
"""Runs sent and not acknowledged (wire: a receiver may rely on it). Most logs are short: with fewer under
way, transactions hold a few hundred entries, and each writes the same pages of the views again. How much of
that a receiver reads before it is judged, `INFLOW_ENTRIES` bounds."""

WINDOW_BYTES: Final = 8_388_608
"""The same in bytes: 32 runs of the largest size. Far below `SYNC_QUEUE_BYTES`."""

READS_AHEAD: Final = 4
"""Runs that a session asks the store for before they can be sent."""

CAREFUL_ENTRIES: Final = 32
"""A run of at most so many entries is checked signature by signature, about 2 ms, and may be pushed on;
of a longer one only the last signature is checked before it is kept."""

SESSION_EVIDENCE_BYTES: Final = 4_194_304
"""Evidence that one side sends in one session: well below `SYNC_QUEUE_BYTES`. More waits for another."""

MAX_STOP_CHARS: Final = 200
"""Reason in a `Stop` (wire)."""

MAX_SESSIONS: Final = 16
"""Sync sessions at a time, both directions together; each holds a copy of the frontier."""

MAX_SESSIONS_OUT: Final = 4
"""Of these, sessions that we opened."""

SESSION_PAUSE_S: Final = 1.0
"""Between sessions that we open with one peer, unless a person asks; four times as long after two that
brought nothing, sixteen times after three."""

SOLE_SESSION_S: Final = 30.0
"""While one session brings entries no other one is opened for so long; then one more, and so on: what is
missing comes once, and a slow peer holds nobody up for long."""

SOLE_COMPARISON_S: Final = 2.0
"""The same while a session that we opened still compares."""

SESSIONS_PER_S: Final = 2.0
"""Sessions that one peer may open with us over time (wire). Each costs a pass over the frontier."""

SESSIONS_BURST: Final = 32.0
"""Sessions that a peer may open beyond that rate (wire)."""

MAX_UNWANTED: Final = 65_536
"""Places of logs that are remembered as not carried here; then forgotten, and found out anew."""

SESSION_SILENCE_S: Final = 60.0
"""A session with no message for this long is over. An intake that is verifying 8 runs needs about 1 s."""

SYNC_INTERVAL_S: Final = 60.0
"""A neighbour is asked this often whether anything is missing, although push should have brought it."""

GAP_WAIT_S: Final = 0.25
"""A gap seen in pushed entries: wait so long before syncing, for more of the burst to arrive."""

MAX_GAPS: Final = 64
"""Gaps of different logs that are remembered of one peer; more call for a sync in any case."""

NUDGE_WAIT_S: Final = 0.5
"""Between nudges while a node takes in much, and between attempts to open a session when there are enough."""

MAX_ROUNDS: Final = 40
"""Turns of one side in one comparison. Ranges reach `LAST_BITS` in at most 27 turns of both sides even
where somebody searched for keys to make that long, and three more tell positions. What is left then
waits for another session."""

MAX_PROBES: Final = 64
"""Entries asked for by probe and not shown yet, of one side of one session (wire)."""

DIVERGENCE_STEPS: Final = 44
"""Bisection steps to the lowest forked seq in one log: 2**40 entries need 42."""

# --- gossip -----------------------------------------------------------------------------------------

PRESENCE_S: Final = 120.0
"""A device announces itself this often; `PRESENCE_PER_PEER_S` is added for each device heard of."""

PRESENCE_PER_PEER_S: Final = 0.5
"""Keeps the sum over a mesh of any size at about two announcements a second."""

ANNOUNCE_PER_S: Final = 1.0
"""Announcements of one origin that are passed on in a second; a correct device says no more."""

ANNOUNCE_BURST: Final = 8.0
"""The same at once: some arrive together on the way."""

MESH_WAIT_S: Final = 3.0
"""After a link came up: gossipsub needs two heartbeats until the new neighbour hears us."""

LINK_PRESENCE_S: Final = 30.0
"""New links make a device announce itself at most this often."""

HEADS_WAIT_S: Final = 1.0
"""Own new heads are announced at most this often."""

MISSING_WAIT_S: Final = 3.0
"""An announced head that push has not brought after this time is fetched by a sync."""

MISSING_WAIT_LAST_S: Final = 300.0
"""Longest such wait: it doubles each time that a fetch brought nothing of what was announced."""

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

EXPLORE_S: Final = 600.0
"""A node that has all the neighbours it wants tries another one this often, and lets one go for it."""

STABLE_LINK_S: Final = 30.0
"""A link that stood this long resets the back-off. A new address that a device announces is tried at once,
but not within this time after the last dial: who announces others' addresses shall not make all dial them."""

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

AUTHOR_ENTRIES_PER_S: Final = 200.0
"""Entries of one author that are pushed on in a second over time. What comes faster is kept and comes to
others by sync, many to a message, so that nobody's live stream is filled by one who never stops."""

AUTHOR_BURST_ENTRIES: Final = 2_000.0
"""Entries of one author that are pushed on at once beyond that rate."""

PACED_AUTHORS: Final = 4_096
"""Authors whose rates are remembered; beyond, those that were quiet longest are forgotten."""

# --- the shell ----------------------------------------------------------------------------------------

PUSH_QUEUE_BYTES: Final = 4_194_304
"""Bytes that wait for one neighbour's push stream. Full: the link ends, and a sync repairs it later."""

SYNC_QUEUE_BYTES: Final = 16_777_216
"""Bytes that wait on one sync stream; the window of runs keeps it far below."""

INFLOW_ENTRIES: Final = 8_192
"""Entries of one peer that the intake has not judged yet; beyond, we stop reading from it. Two transactions:
one is written while the other one comes."""

INFLOW_BODY_BYTES: Final = 2_048
"""Bodies count as one entry for each so many bytes, where that is more: some 16 MiB wait for the intake."""

INFLOW_ENTRY_BYTES: Final = 256
"""What else a peer hands us, evidence above all, counts as one entry for each so many bytes."""

CLOCK_JUMP_S: Final = 30.0
"""A wall clock that is this much ahead of ours is followed: the machine was asleep."""

READ_BYTES: Final = 262_144
"""Asked of a stream at a time."""

DIAL_TIMEOUT_S: Final = 10.0
"""For one address. A handshake takes four round trips; half a minute of silence helps nobody."""

STREAM_TIMEOUT_S: Final = 10.0
"""For opening a stream over a standing connection, and for the push stream of a peer that dialled us."""

LAST_WORDS_S: Final = 0.2
"""Between the end of a push stream and the end of its connection: the peer reads our last messages."""

MAX_GUESTS: Final = 32
"""Devices at a time that are served although they are not admitted (wire: federation.md). They take no
place of an admitted peer, and at most 16 MiB of memory together."""

MAX_GUESTS_FROM_ONE: Final = 4
"""The same from one IP address (one /64 of IPv6), other than this machine itself: a family behind one
address can join together, and one stranger does not keep all others out."""

GUEST_LIFE_S: Final = 30.0
"""How long a guest is served. Joining takes a second, on a bad line ten."""

MAX_GUEST_STREAMS: Final = 2
"""Streams that a guest may have open to us at a time. It needs one."""

INTRODUCE_PAUSE_S: Final = 60.0
"""We present ourselves to a peer that does not know us at most this often: where it did not help, to do it
again at once helps nobody."""

CLOSE_TIMEOUT_S: Final = 2.0
"""For the last messages of a stream that ends."""
