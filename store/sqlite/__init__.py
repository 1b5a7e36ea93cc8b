"""A home on disk: entries, app views, settings and search in encrypted SQLite files.

The only door to apsw. Rooms: `connection` (opening, one writer, pooled readers, errors), `migrations`
(the schema and its history), `entries` (the log), `views` (tables of apps), `search` (full text, in
a file of its own), `home` (settings, peers, addresses), `scrub` (re-hashing what lies there).
"""
