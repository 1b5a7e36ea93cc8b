-- What the owner of this home chose to see: verdict is follow, mute or block; kind says what it is about
-- (who: 32 bytes that name a person, section: 32 bytes, topic: UTF-8). Never published.
CREATE TABLE choices (
    verdict TEXT NOT NULL,
    kind TEXT NOT NULL,
    what BLOB NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, what, verdict)
) STRICT, WITHOUT ROWID;

-- Entries of the inbox that were read, by their keys in entries.
CREATE TABLE inbox_read (k INTEGER PRIMARY KEY) STRICT;
