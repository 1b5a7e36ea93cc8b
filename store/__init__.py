"""The log: what an entry is, when it is valid, and where it is kept.

This floor imports none of the others. `store.sqlite` is its only room that does I/O.
"""

HOUSE = "asterism"
