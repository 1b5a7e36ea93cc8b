-- Entries in the order of arrival: k counts from 1 and is never used again. head is header and
-- signature (the last 64 bytes); body is NULL where it is not here.
CREATE TABLE entries (
    k INTEGER PRIMARY KEY,
    head BLOB NOT NULL,
    body BLOB
) STRICT;

-- The logs of which anything is known. evidence is what store.log.Evidence.encode gives, or NULL.
CREATE TABLE logs (
    n INTEGER PRIMARY KEY,
    author BLOB NOT NULL,
    log INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    head_id BLOB,
    checked_seq INTEGER NOT NULL,
    evidence BLOB,
    UNIQUE (author, log)
) STRICT;

-- Contiguous pieces of logs in the order of commits. The entry of seq s has k = first_k + s - first_seq.
CREATE TABLE arrivals (
    n INTEGER PRIMARY KEY,
    log_n INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_k INTEGER NOT NULL
) STRICT;
CREATE INDEX arrivals_by_place ON arrivals (log_n, last_seq, first_seq, first_k);

-- Where an id lies: v is the first 32 bits of the id, order preserved as a signed number, then k in
-- 32 bits. New ones go to ids_recent, which is small, and are moved in large sorted batches.
CREATE TABLE ids (v INTEGER PRIMARY KEY) STRICT;
CREATE TABLE ids_recent (v INTEGER PRIMARY KEY) STRICT;

-- Entries that went, or whose body went or came back, after they arrived; for the search index.
CREATE TABLE body_changes (
    n INTEGER PRIMARY KEY,
    k INTEGER NOT NULL,
    time_ms INTEGER NOT NULL
) STRICT;

-- Numbers that must not be used again although the row that had them is gone.
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Tables that apps derive from entries: which app made them, from which version of its schema.
CREATE TABLE app_schemas (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    tables TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE peers (
    device BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    addresses TEXT NOT NULL,
    note TEXT NOT NULL,
    added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE addresses (
    device BLOB NOT NULL,
    address TEXT NOT NULL,
    seen_ms INTEGER NOT NULL,
    reached_ms INTEGER NOT NULL,
    PRIMARY KEY (device, address)
) STRICT, WITHOUT ROWID;
