"""The view of deletions: what is named by which deletion, and which receipts name which deletion.

    deletions_listed  (k, kind)        every deletion and receipt that is understood, by the key of its entry
    deletions_named   (tie, k)         every link of them: first 56 bits of the id named, key of the entry

Whether a deletion counts is not asked here: that depends on who belongs to whom (`node.deletion.authority`).
Two ids may share their first bits: whoever reads `deletions_named` looks at the links of the entry itself.
"""

from collections.abc import Sequence
from typing import Final

from node.apps.deletion.bodies import KIND_DELETION, KIND_RECEIPT, Deletion, parse
from node.apps.kit import Reach
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema(
    "deletions",
    1,
    (
        "CREATE TABLE deletions_listed (k INTEGER PRIMARY KEY, kind INT NOT NULL)",
        "CREATE TABLE deletions_named (tie INT, k INT, PRIMARY KEY (tie, k)) WITHOUT ROWID",
    ),
)

_TIE_BYTES: Final = 7


def tie_of(entry_id: bytes) -> int:
    """The first 56 bits of an id as a number, which fits an SQLite integer."""
    return int.from_bytes(entry_id[:_TIE_BYTES], "big")


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take deletions and receipts into the view; what is neither is left out."""
    listed: list[tuple[int, int]] = []
    named: list[tuple[int, int]] = []
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            said = parse(entry)
            if said is not None:
                listed.append((key, KIND_DELETION if isinstance(said, Deletion) else KIND_RECEIPT))
                named += ((tie_of(link), key) for link in entry.links)
    views.insert_rows("deletions_listed", ("k", "kind"), listed, "ON CONFLICT DO NOTHING")
    views.insert_rows("deletions_named", ("tie", "k"), sorted(named), "ON CONFLICT DO NOTHING")


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take deletions and receipts out of the view."""
    for first_key, entries in runs:
        last_key = first_key + len(entries) - 1
        views.execute("DELETE FROM deletions_listed WHERE k BETWEEN ? AND ?", (first_key, last_key))
        for key, entry in enumerate(entries, first_key):
            for link in entry.links:
                views.execute("DELETE FROM deletions_named WHERE tie = ? AND k = ?", (tie_of(link), key))
