"""What arrives for the messenger is noted in the transaction that appends it, so that nothing is missed.

`chat_arrived` is no view: it holds what was not looked at yet. Folding an entry again, as when views are made
anew, has it looked at again, which changes nothing.
"""

from collections.abc import Sequence
from typing import Final

from node.apps.kit import Reach
from node.apps.messenger.bodies import Sealed, parse, tag_number
from store.ids import LOG_BOX_0, LOG_KEYS, LOG_SEALED, MAX_LOGS_PER_AUTHOR, LogNo
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema("messenger", 1, ())
"""No tables: what can be made again from entries is nothing but the blobs that they name."""

LOGS: Final = (LOG_KEYS, LOG_SEALED, *map(LogNo, range(LOG_BOX_0, MAX_LOGS_PER_AUTHOR)))

_AGAIN: Final = "ON CONFLICT DO NOTHING"


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Note what has arrived, and which blobs sealed entries name."""
    rows: list[tuple[int, int]] = []
    for first_key, entries in runs:
        keyed = list(enumerate(entries, first_key))
        rows += [(key, entry.log) for key, entry in keyed if entry.body is not None]
        if entries[0].log == LOG_KEYS:
            bundles = [(entry.author, entry.seq, key) for key, entry in keyed]
            views.insert_rows("chat_bundles", ("device", "seq", "k"), bundles, _AGAIN)
        else:
            times = [(entry.time_ms, key) for key, entry in keyed]
            views.insert_rows("chat_bodies", ("at", "k"), times, _AGAIN)
        if entries[0].log == LOG_SEALED:
            for key, entry in keyed:
                found = None if entry.body is None else parse(entry.body)
                if isinstance(found, Sealed) and found.blobs:
                    reach.note_blobs(key, found.blobs)
    views.insert_rows("chat_arrived", ("k", "log"), rows, _AGAIN)


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """What goes need not be looked at any more. What was read of it stays: it is the owner's."""
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            views.execute("DELETE FROM chat_arrived WHERE k = ?", (key,))
            views.execute("DELETE FROM chat_bodies WHERE at = ? AND k = ?", (entry.time_ms, key))
            views.execute("DELETE FROM chat_bundles WHERE device = ? AND k = ?", (entry.author, key))
            if entry.log >= LOG_BOX_0:
                views.execute("DELETE FROM chat_packets WHERE author = ? AND k = ?", (entry.author, key))
            found = parse(entry.body) if entry.log == LOG_SEALED and entry.body is not None else None
            if isinstance(found, Sealed):
                views.execute(
                    "DELETE FROM chat_keyless WHERE tag = ? AND k = ?", (tag_number(found.tag), key)
                )


def text_of(body: bytes) -> str | None:
    """What people may search for in a body: nothing. What was read is searched with `aster chat search`."""
    return None
