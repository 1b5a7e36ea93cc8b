"""Receiving: what arrived in the logs of others becomes keys, messages and receipts. Part of the steps.

    keys      the device can be written to: what waited for that goes out
    sealed    a message; where its session is not known it waits for the key
    box       a packet: opened by trial, so many a step, authors in turn, so that a flood starves nobody

Nothing here raises for what others wrote, and nothing answers it at once: what is to be said waits in
`chat_outbox`. All of it may be done twice.
"""

from collections.abc import Sequence
from typing import Final

from node.apps.messenger import bodies, items, packets, sealed, sessions
from node.apps.messenger.bodies import Packet, Sealed, tag_number
from node.apps.messenger.desk import Desk
from store.entry import Entry
from store.ids import LOG_KEYS, LOG_SEALED, AuthorId

MAX_TAKEN: Final = 512
"""Entries that one step looks at, opened packets apart: others of the writer's wait for it, some 100 ms."""

MAX_PACKETS_WAITING: Final = 20_000
"""Packets that wait for their opening. Of more, those of whoever has most here go first."""


_FIRST_OF_EACH: Final = """
    WITH RECURSIVE authors (author) AS (
        SELECT min(author) FROM chat_packets
        UNION ALL
        SELECT (SELECT min(author) FROM chat_packets WHERE author > authors.author) FROM authors
        WHERE author IS NOT NULL
    )
    SELECT author, (SELECT min(k) FROM chat_packets WHERE chat_packets.author = authors.author) FROM authors
    WHERE author IS NOT NULL ORDER BY 2
"""
"""From author to author: what one of them has here by the thousand is not gone through."""


def take(desk: Desk, attempts: int) -> bool:
    """Look at what has arrived, and open at most `attempts` packets; True: there is more to do."""
    arrived = desk.views.execute("SELECT k, log FROM chat_arrived ORDER BY k LIMIT ?", (MAX_TAKEN,))
    entries = desk.world.entries([k for k, _ in arrived])
    own_box = bodies.box_of(desk.world.device)
    letters: list[tuple[int, Entry, Sealed]] = []
    waiting = False
    for (k, log), entry in zip(arrived, entries, strict=True):
        if entry is None or entry.body is None or entry.author == desk.world.device:
            continue  # a body that comes later is told of again
        if log == LOG_KEYS:
            sessions.wake(desk, entry.author)
            _retry(desk, entry.author)
        elif log == LOG_SEALED:
            found = bodies.parse(entry.body)
            if isinstance(found, Sealed):
                letters.append((k, entry, found))
        elif log == own_box:
            desk.views.execute("INSERT OR IGNORE INTO chat_packets VALUES (?, ?)", (entry.author, k))
            waiting = True
    if waiting:
        _drop_excess(desk)
    desk.views.execute_for(
        "DELETE FROM chat_arrived WHERE k IN (SELECT value FROM carray(?))", [k for k, _ in arrived]
    )
    _sort(desk, letters)
    opened = _open_packets(desk, attempts)
    return opened == attempts or bool(desk.views.execute("SELECT 1 FROM chat_arrived LIMIT 1"))


def _sort(desk: Desk, letters: Sequence[tuple[int, Entry, Sealed]]) -> None:
    """Open sealed entries whose sessions are known, in order; the others wait for their keys."""
    known: dict[tuple[int, AuthorId], int | None] = {}
    for k, entry, found in letters:
        place = (tag_number(found.tag), entry.author)
        if place not in known:
            known[place] = sealed.session_of(desk, *place)
        s = known[place]
        if s is None:
            desk.views.execute("INSERT OR IGNORE INTO chat_keyless VALUES (?, ?)", (place[0], k))
        else:
            sealed.open_(desk, s, k, entry, found)


def _drop_excess(desk: Desk) -> None:
    """Let packets go that are too many: the latest of whoever has most here."""
    [(count,)] = desk.views.execute("SELECT count(*) FROM chat_packets")
    while count > MAX_PACKETS_WAITING:
        most = desk.views.execute(
            "SELECT author, count(*) FROM chat_packets GROUP BY author ORDER BY 2 DESC, 1 LIMIT 2"
        )
        author, held = most[0]
        next_held = most[1][1] if len(most) > 1 else 0
        excess = min(count - MAX_PACKETS_WAITING, max(held - next_held, 1))
        desk.views.execute(
            "DELETE FROM chat_packets WHERE author = ?1 AND k IN"
            " (SELECT k FROM chat_packets WHERE author = ?1 ORDER BY k DESC LIMIT ?2)",
            (author, excess),
        )
        count -= excess


def _retry(desk: Desk, author: AuthorId) -> None:
    """Look again at packets of this author that could not be judged before its keys were here."""
    desk.views.execute("DELETE FROM chat_notes WHERE name = ?", (_rest(author),))


def _rest(author: AuthorId) -> str:
    return f"rest:{author.hex()}"


def _open_packets(desk: Desk, attempts: int) -> int:
    """Open packets, one of each author in turn; how many were tried."""
    tried = 0
    resting: set[AuthorId] = {
        AuthorId(bytes.fromhex(name[5:]))
        for (name,) in desk.views.execute("SELECT name FROM chat_notes WHERE name GLOB 'rest:*'")
    }
    while tried < attempts:
        first = desk.views.execute(_FIRST_OF_EACH)
        turns = [(author, k) for author, k in first if author not in resting][: attempts - tried]
        if not turns:
            break
        for (author, k), entry in zip(turns, desk.world.entries([k for _, k in turns]), strict=True):
            tried += 1
            if not _open_packet(desk, entry):
                resting.add(author)
                desk.views.execute("INSERT OR IGNORE INTO chat_notes VALUES (?, X'')", (_rest(author),))
                continue
            desk.views.execute("DELETE FROM chat_packets WHERE author = ? AND k = ?", (author, k))
    return tried


def _open_packet(desk: Desk, entry: Entry | None) -> bool:
    """Open a packet and do what it says. False: not yet, the keys of its author are not here."""
    if entry is None or entry.body is None or not desk.world.is_live(entry.author):
        return True
    packet = bodies.parse(entry.body)
    if not isinstance(packet, Packet):
        return True
    bundle = desk.world.bundle(entry.author)
    if bundle is None:
        return False
    try:
        found = packets.open_(desk, entry, packet, bundle)
    except packets.Lost:
        if entry.seq > _last_opened(desk, entry.author):
            items.renew(desk, entry.author)
        return True
    if found is not None:
        _note_opened(desk, entry)
        items.heed(desk, entry, found.items)
    return True


def _last_opened(desk: Desk, author: AuthorId) -> int:
    """The last seq of this author's box that was opened; 0: none. All packets are looked at again when views
    are made anew: that those up to here cannot be opened a second time is no loss of a session."""
    rows = desk.views.execute("SELECT value FROM chat_notes WHERE name = ?", (_opened(author),))
    return int.from_bytes(rows[0][0], "big") if rows else 0


def _note_opened(desk: Desk, entry: Entry) -> None:
    if entry.seq > _last_opened(desk, entry.author):
        desk.views.execute(
            "INSERT OR REPLACE INTO chat_notes VALUES (?, ?)",
            (_opened(entry.author), entry.seq.to_bytes(8, "big")),
        )


def _opened(author: AuthorId) -> str:
    return f"opened:{author.hex()}"
