-- What this home calls members of its federation: the 32-byte root that names the member, and the name.
CREATE TABLE petnames (member BLOB PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
