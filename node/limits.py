"""The limits of the node floor: name, unit, reason. Those of bodies stand beside the bodies.

Wire limits are in `store` and `gossip.proto.limits`; what is here bounds this machine's memory and time.
"""

from typing import Final

MAX_PENDING_BYTES: Final = 64 * 2**20
"""Entries that wait for the writer, from everyone; whoever brings more waits."""

ENTRY_BYTES: Final = 700
"""What a parsed entry takes in memory besides its body."""

MAX_BATCH_ENTRIES: Final = 4_096
"""Entries in one transaction. Larger ones gain nothing and make the next commit wait."""

MAX_BATCH_BYTES: Final = 16 * 2**20
"""The same in bytes, for large bodies."""

ID_WEIGHT: Final = 16
"""Entries for which one of an `id` log counts there. After the commit the roster checks the signatures inside
of them on the loop: 256 of them take some 20 ms."""

VERIFY_SLICE: Final = 64
"""Signatures that are checked without a pause, about 4 ms: nothing else on the loop waits longer."""

VERIFY_READ_ENTRIES: Final = 256
"""Entries of one log that background verification checks at a time, about 15 ms: whoever comes with new
entries waits no longer than that."""

VERIFY_READ_BYTES: Final = 4 * 2**20
"""The same in bytes, where bodies are large."""

VERIFY_PAUSE_S: Final = 0.004
"""Pause of background verification after each time."""

MAX_READ_BYTES: Final = 64 * 2**20
"""What one look at held entries may take: a run of the largest entries fits."""

MAX_READ_THREADS: Final = 4
"""Reads of the store at a time, as many as it has read connections."""

BUS_CHANGES: Final = 256
"""Commits that a follower may be behind; one that is further behind reads from the store instead."""

MAX_FOLLOWERS: Final = 64
"""Followers at a time, as many as the control door has connections."""

MAX_OWN_ENTRIES: Final = 50_000
"""Entries that one call may publish. A request of 16 MiB has fewer lines unless they are nearly empty."""

MAX_INTENTS: Final = 4_096
"""Own entries of several calls that are signed and committed together."""

SIGN_SLICE: Final = 128
"""Signatures that the author makes without a pause, about 4 ms."""

INDEX_WAIT_S: Final = 0.25
"""After a commit: wait so long before indexing, so that a burst becomes one transaction."""

INDEX_AT_ONCE: Final = 4_096
"""So many new entries are indexed without waiting: bulk."""

THREAD_SWITCH_S: Final = 0.0005
"""How long a thread keeps the interpreter that others wait for: the loop, the writer and the readers take
turns ten times as often as Python would let them, or each call to the store would wait some 5 ms beside a
busy loop."""

YOUNG_OBJECTS: Final = 20_000
"""Objects that hold others and were made since the last search for cycles, before the next one; Python's own
number is 700. A batch of entries makes some 50,000, hardly one of them in a cycle: an entry costs 1 to 3 µs
less. What lies in cycles is found some MB later."""

INDEXER_MIN_TEXTS: Final = 1_000
"""Texts of one step of the search index from which on a process is started for it: 15 ms of work or more,
with more behind it."""

INDEXER_KEEP_TEXTS: Final = 32
"""Texts from which on a step goes to the process where it runs anyway; fewer take less than a millisecond."""

INDEXER_IDLE_S: Final = 20.0
"""How long the process is kept without work; it holds up to 80 MB of words and pages."""

INDEXER_HANG_S: Final = 180.0
"""How long a step may take: some 0.2 s, but a minute where millions of entries are merged on a slow disk."""

INDEXER_REST_S: Final = 60.0
"""How long to do without the process after it failed."""

VERIFIER_MIN_ENTRIES: Final = 24
"""Signatures from which on it pays to hand them to another process; fewer take about a millisecond."""

VERIFIER_REQUESTS: Final = 3
"""Requests that are sent before the first is answered: the process never waits for the next one."""

VERIFIER_READ_BYTES: Final = 4_096
"""Answers read at a time, one byte a signature."""

VERIFIER_IDLE_S: Final = 20.0
"""How long the process is kept without work; it holds some 20 MB."""

VERIFIER_HANG_S: Final = 60.0
"""How long an answer may take: a request of the largest size needs less than a second."""

VERIFIER_REST_S: Final = 60.0
"""How long to do without the process after it failed."""

CHECK_TOGETHER: Final = 128
"""Signatures that are checked before the entries go to the writer, about 7 ms: while it writes them, the
next ones are checked."""

INDEX_LAG: Final = 10_000
"""Entries that the index may be behind before the intake waits for it; the store has some 16,000 at hand."""

INDEX_LAG_WAIT_S: Final = 1.0
"""How long the intake waits at most before each transaction."""

DEFAULT_SHOWN: Final = 50
"""Entries of an answer where no limit is given: two screens."""

MAX_SHOWN: Final = 10_000
"""Most entries of one answer; with the largest bodies 320 MB, with usual ones 5 MB."""

HIDE_AHEAD_MS: Final = 86_400_000
"""What is ordered more than a day ahead of now is hidden until then; see docs/protocol/entry.md."""

FOLLOW_BATCH: Final = 500
"""Entries that a follower looks at together."""

MAX_AWAITED_BODIES: Final = 1_000
"""Entries whose bodies a follower waits for; older ones are not shown when they come after all."""

SUBMIT_TOGETHER_BYTES: Final = 2 * 2**20
"""Pieces that one peer hands to the writer as one job; the next ones are another."""
