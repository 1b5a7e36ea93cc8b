-- What the messenger of this home knows and no other node may: keys, ratchets, plaintext. Never a view: none of it
-- can be made again from entries. `who`: 32 bytes that name a person; `device`: 32 bytes; times: Unix ms;
-- `k`: key in entries; `s`: row of chat_sessions; `c`: row of chat_conversations; `n`: row of chat_messages.

-- What came into the logs keys, sealed and box-*, and was not looked at yet. Filled by the messenger's fold.
CREATE TABLE chat_arrived (k INTEGER PRIMARY KEY, log INTEGER NOT NULL) STRICT;
-- Packets for this device that wait for their trial opening.
CREATE TABLE chat_packets (author BLOB NOT NULL, k INTEGER NOT NULL, PRIMARY KEY (author, k)) STRICT, WITHOUT ROWID;
-- Sealed entries whose session is not known: of other people's conversations, or their key comes later.
CREATE TABLE chat_keyless (tag INTEGER NOT NULL, k INTEGER NOT NULL, PRIMARY KEY (tag, k)) STRICT, WITHOUT ROWID;
-- Sealed entries and packets, by what they claim: their bodies are let go when they are 30 days old.
CREATE TABLE chat_bodies (at INTEGER NOT NULL, k INTEGER NOT NULL, PRIMARY KEY (at, k)) STRICT, WITHOUT ROWID;
-- Entries of the logs keys: only the newest body of each device is kept.
CREATE TABLE chat_bundles (
    device BLOB NOT NULL,
    seq INTEGER NOT NULL,
    k INTEGER NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;
-- Entries of messages that are gone here (unsent, deleted, disappeared): their bodies go as well.
CREATE TABLE chat_dropping (entry BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;

-- The Olm account of this device: identity, fallback keys. One row.
CREATE TABLE chat_account (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pickle BLOB NOT NULL,
    generation INTEGER NOT NULL,
    rotated_ms INTEGER NOT NULL
) STRICT;
-- Private HPKE keys (96 bytes): of the present generation and the one before.
CREATE TABLE chat_envelope_keys (
    generation INTEGER PRIMARY KEY,
    private BLOB NOT NULL,
    since_ms INTEGER NOT NULL
) STRICT;
-- Olm sessions with other devices; the one used last is written with.
CREATE TABLE chat_pairs (
    device BLOB NOT NULL,
    id BLOB NOT NULL,
    pickle BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    PRIMARY KEY (device, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE chat_conversations (
    c INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE, -- 16 bytes
    kind INTEGER NOT NULL, -- 1 direct, 2 group
    other BLOB, -- who; of a direct one
    state INTEGER NOT NULL, -- 1 request of a stranger, 2 open, 3 left or removed
    title TEXT NOT NULL, -- of a group
    by BLOB, -- who brought it to us first; NULL: ourselves
    since_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
) STRICT;
-- Members of groups as the operations give them.
CREATE TABLE chat_members (
    c INTEGER NOT NULL,
    who BLOB NOT NULL,
    admin INTEGER NOT NULL,
    PRIMARY KEY (c, who)
) STRICT, WITHOUT ROWID;
CREATE TABLE chat_operations (
    conversation BLOB NOT NULL,
    op BLOB NOT NULL, -- 16 bytes
    bytes BLOB NOT NULL,
    device BLOB NOT NULL,
    seq INTEGER NOT NULL, -- of the sealed entry that carried it
    told_by BLOB, -- device; NULL: it came from its author
    PRIMARY KEY (conversation, op)
) STRICT, WITHOUT ROWID;
-- Operations told of groups to which the owner does not belong as far as is known, by the devices that told them.
CREATE TABLE chat_told (
    told_by BLOB NOT NULL,
    conversation BLOB NOT NULL,
    op BLOB NOT NULL,
    bytes BLOB NOT NULL,
    device BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (told_by, conversation, op)
) STRICT, WITHOUT ROWID;
-- Messages of groups whose operations are not all here yet.
CREATE TABLE chat_headless (
    conversation BLOB NOT NULL,
    k INTEGER NOT NULL,
    s INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    plaintext BLOB NOT NULL,
    PRIMARY KEY (conversation, k)
) STRICT, WITHOUT ROWID;

-- Megolm sessions whose messages this device can read, its own among them.
CREATE TABLE chat_sessions (
    s INTEGER PRIMARY KEY,
    tag INTEGER NOT NULL, -- 8 bytes, big endian, signed
    device BLOB NOT NULL,
    conversation BLOB NOT NULL,
    pickle BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    UNIQUE (tag, device)
) STRICT;
-- Own sessions as they are written with.
CREATE TABLE chat_senders (
    s INTEGER PRIMARY KEY,
    conversation BLOB NOT NULL,
    pickle BLOB NOT NULL,
    made_ms INTEGER NOT NULL,
    used INTEGER NOT NULL, -- messages so far
    current INTEGER NOT NULL -- 0: another one is used since
) STRICT;
CREATE UNIQUE INDEX chat_senders_current ON chat_senders (conversation) WHERE current = 1;
-- To whom the keys of own sessions go.
CREATE TABLE chat_shares (
    s INTEGER NOT NULL,
    device BLOB NOT NULL,
    from_index INTEGER NOT NULL,
    tries INTEGER NOT NULL, -- 0: not sent yet, it has published no keys
    next_ms INTEGER NOT NULL,
    got_ms INTEGER NOT NULL, -- 0: not acknowledged
    PRIMARY KEY (s, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_shares_open ON chat_shares (next_ms) WHERE got_ms = 0;
-- Which entry used which place of a session: another entry at the same place is a replay.
CREATE TABLE chat_opened (
    s INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    k INTEGER NOT NULL,
    PRIMARY KEY (s, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE chat_messages (
    n INTEGER PRIMARY KEY,
    c INTEGER NOT NULL,
    entry BLOB UNIQUE, -- 32 bytes; NULL: a notice of this device
    s INTEGER, -- NULL: notice, or imported
    idx INTEGER,
    device BLOB NOT NULL,
    who BLOB NOT NULL,
    at_ms INTEGER NOT NULL, -- claimed
    arrived_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 1 text; from 100 on: notices
    content BLOB NOT NULL, -- canonical msgpack of the payload; empty where it is gone
    expires_ms INTEGER NOT NULL, -- 0: never
    read_ms INTEGER NOT NULL, -- 0: not read here
    gone INTEGER NOT NULL -- 0 held, 1 unsent by its author, 2 deleted here, 3 expired
) STRICT;
CREATE INDEX chat_messages_order ON chat_messages (c, at_ms, n);
CREATE INDEX chat_messages_place ON chat_messages (s, idx);
CREATE INDEX chat_messages_expiry ON chat_messages (expires_ms) WHERE expires_ms > 0 AND gone = 0;
CREATE INDEX chat_messages_unread ON chat_messages (c) WHERE read_ms = 0;
CREATE VIRTUAL TABLE chat_words USING fts5 (
    words, content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
-- Messages that their author took back before they came.
CREATE TABLE chat_unsent (entry BLOB PRIMARY KEY, who BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- Own messages: which devices have them, and where somebody read them.
CREATE TABLE chat_receipts (
    n INTEGER NOT NULL,
    device BLOB NOT NULL,
    delivered_ms INTEGER NOT NULL,
    read_ms INTEGER NOT NULL,
    PRIMARY KEY (n, device)
) STRICT, WITHOUT ROWID;
-- Own messages: how far the mesh has taken them.
CREATE TABLE chat_progress (
    n INTEGER PRIMARY KEY,
    peers INTEGER NOT NULL,
    hubs INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL
) STRICT;

-- What is to be said to other devices in packets.
CREATE TABLE chat_outbox (
    device BLOB NOT NULL,
    item BLOB NOT NULL, -- canonical msgpack
    due_ms INTEGER NOT NULL,
    PRIMARY KEY (device, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_outbox_due ON chat_outbox (due_ms);
-- What is known of people beside the roster.
CREATE TABLE chat_people (
    who BLOB PRIMARY KEY,
    accepted INTEGER NOT NULL, -- 1: no stranger
    root BLOB NOT NULL, -- as it was when we last wrote
    verified BLOB, -- the root that was compared; NULL: none
    devices BLOB NOT NULL -- those told of, 32 bytes each, one after the other
) STRICT, WITHOUT ROWID;
CREATE TABLE chat_notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
