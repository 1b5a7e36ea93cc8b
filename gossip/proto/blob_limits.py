"""Every number of blob streams: name, unit, reason. Those of messages stand beside the messages.

Numbers marked *wire* are part of the protocol: a peer that exceeds them is at fault. The others are this
node's own choice.
"""

from typing import Final

HUNTED_BLOBS: Final = 64
"""Blobs that are asked for at a time: many small ones keep a stream busy, and each that is not found costs
every source a question."""

BLOB_SOURCES: Final = 32
"""Peers that are asked for blobs at a time. Beyond it those that have nothing for us make room."""

FIRST_CHUNKS_AHEAD: Final = 4
"""Chunks that a source may owe us before we know how fast it is."""

LEAST_CHUNKS_AHEAD: Final = 2
"""The same of a slow one: while one chunk is on its way, the next is asked for."""

CHUNKS_AHEAD: Final = 16
"""The same of a fast one, 4 MiB: four times the largest window of a stream."""

CHUNKS_AHEAD_S: Final = 1.0
"""A source owes us at most what it sends in so long, within the two bounds above."""

CHUNK_LATE_S: Final = 5.0
"""A chunk that is owed for longer is asked of a second source, if one has nothing better to do; so is a
manifest."""

SOURCE_SILENCE_S: Final = 60.0
"""A source that owes us something and ends no answer for so long is left: less than 5 kB/s."""

SOURCE_REST_S: Final = 60.0
"""How long a source that was left is not asked. Doubles each time that nothing came of it, see below."""

SOURCE_REST_LAST_S: Final = 3_600.0
"""Longest such rest."""

LOOK_AGAIN_S: Final = 2.0
"""A source that holds a part of a blob is asked this often whether it holds more by now."""

LOOK_LACKING_S: Final = 30.0
"""A source that held nothing of a blob is asked again after this time, if its hint did not come."""

SPARE_SOURCE_S: Final = 20.0
"""A source that has had nothing for us for so long makes room for another."""

REOPEN_S: Final = 5.0
"""A peer whose stream ended, or could not be opened, is not asked again before this time is over."""

BLOB_TICK_S: Final = 1.0
"""How often both sides look at what is late."""

REMEMBERED_LOOKS: Final = 256
"""Blobs that were lacking when a peer looked, of which it is told if they come (wire: a hint about another
one is a fault)."""

SERVED_STREAMS: Final = 128
"""Blob streams that are served at a time, one a peer. A further peer takes the place of the one that has
asked nothing for longest, or is sent away."""

SERVED_REST_S: Final = 30.0
"""A stream on which nothing was asked for so long gives its place to another peer."""

PENDING_QUESTIONS: Final = 128
"""Questions of one peer that wait; beyond, we read nothing more from it."""

ANSWERS_IN_HAND: Final = 2
"""Turns that are read or sent for one peer at a time: one is sent while the next one is read. With one chunk
a turn that is half a MiB for each of `SERVED_STREAMS`."""

CHUNKS_A_TURN: Final = 4
"""Chunks that a peer gets in one turn while few streams are served: reading and sending them together costs
less than one by one. 2 MiB in hand for each of `FEW_STREAMS`."""

FEW_STREAMS: Final = 16
"""Streams up to which that is so; beyond, a turn is one chunk."""

BLOB_READERS: Final = 4
"""Answers that are read from the disk at a time; peers take turns."""

LARGE_MANIFEST_BYTES: Final = 262_144
"""A manifest larger than this counts as a large one, of which few are in hand at a time."""

LARGE_MANIFESTS: Final = 4
"""Large manifests that are read or sent at a time, over all peers: 8 MiB."""

ANSWER_SEND_S: Final = 120.0
"""How long one answer may take to be sent; a peer that reads less than 17 kB/s of a large manifest, or 2 kB/s
of a chunk, is left."""
