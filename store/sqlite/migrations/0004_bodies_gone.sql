-- Why a body is not here although its entry is: k of the entry; why: 1 deleted, 2 let go to keep within a
-- quota. source: key of the deletion, where it was deleted. log: number of the entry's log; claimed: its time_ms;
-- size: bytes of the body.
CREATE TABLE bodies_gone (
    k INTEGER PRIMARY KEY,
    why INTEGER NOT NULL,
    source INTEGER,
    log INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX bodies_gone_by_source ON bodies_gone (source) WHERE source IS NOT NULL;

-- Bodies that nobody asked had: not asked for again before due_ms (Unix time); tries: how often so far.
CREATE TABLE bodies_asked (k INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;

-- Deletions that named an entry of somebody else when they were looked at, by their keys.
CREATE TABLE deletions_refused (k INTEGER PRIMARY KEY) STRICT;

-- What is held of each log: bytes of headers with signatures, bytes of bodies, and the seq up to which bodies
-- were let go. Of pieces up to the arrival in counters 'held-arrival', whose keys end at 'held-key'.
CREATE TABLE holdings (
    log_n INTEGER PRIMARY KEY,
    head_bytes INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    let_go_seq INTEGER NOT NULL
) STRICT;
