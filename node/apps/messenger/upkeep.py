"""What the messenger does by itself as time goes by. Part of the steps.

docs/protocol/secrecy.md, "Keys and their times".
"""

from typing import Final

from node.apps.messenger import bodies, messages, packets, receipts, sending, sessions, tellings
from node.apps.messenger.bodies import Ask
from node.apps.messenger.desk import DAY_MS, Desk
from node.secrecy import envelope
from node.secrecy.bundles import Bundle
from node.secrecy.pairwise import Account
from store.ids import LOG_KEYS, AuthorId
from store.sqlite.views import ReadViews

ROTATE_MS: Final = 7 * DAY_MS
"""Age at which the keys that others write to first are replaced. The ones before are kept once more."""

KEEP_SESSIONS_MS: Final = 37 * DAY_MS
"""A session writes for a week, and its messages lie on hubs for 30 days; afterwards its key opens nothing."""

MAX_ANEW: Final = 16


def begin(desk: Desk) -> bool:
    """Make this device's keys and publish them, where there are none; True: it was done."""
    if desk.ratchets.account() is not None:
        return False
    _publish(desk, Account.new(), 1)
    return True


def keep_up(desk: Desk) -> None:
    """Do everything that is due."""
    if not begin(desk):
        _rotate(desk)
    messages.expire(desk)
    _begin_anew(desk)
    sessions.repeat(desk)
    tellings.keep_up(desk, sending.say)
    receipts.flush(desk)
    messages.index(desk)
    _forget(desk)


def _rotate(desk: Desk) -> None:
    """Replace the fallback key and the HPKE key once they are a week old.

    Only after this node has been in step with another one since the last time: who was away for long can open
    the packets of that time with the keys that they were written to.
    """
    [(generation, rotated_ms)] = desk.views.execute("SELECT generation, rotated_ms FROM chat_account")
    if desk.now_ms - rotated_ms < ROTATE_MS or desk.world.caught_up_ms <= rotated_ms:
        return
    if desk.views.execute("SELECT 1 FROM chat_arrived LIMIT 1"):
        return
    account = desk.ratchets.account()
    assert account is not None
    account.rotate()
    _publish(desk, account, generation + 1)


def _publish(desk: Desk, account: Account, generation: int) -> None:
    private = envelope.new_key()
    desk.ratchets.begin(account, generation)
    desk.ratchets.add_envelope_key(generation, private)
    bundle = Bundle(account.identity, account.fallback, envelope.public_of(private))
    desk.write(LOG_KEYS, lambda salt: bodies.compose_bundle(bundle, salt))


def _begin_anew(desk: Desk) -> None:
    """Begin new Olm sessions with devices whose packets could not be opened, and ask them for their keys."""
    rows = desk.views.execute(
        "SELECT name FROM chat_notes WHERE name GLOB 'anew:*' ORDER BY name LIMIT ?", (MAX_ANEW,)
    )
    for (name,) in rows:
        device = AuthorId(bytes.fromhex(name[5:]))
        if not desk.world.is_live(device) or packets.begin_anew(desk, device, [Ask(())]):
            desk.views.execute("DELETE FROM chat_notes WHERE name = ?", (name,))


def _forget(desk: Desk) -> None:
    """Forget keys that open nothing any more, and what waited for keys in vain."""
    before = desk.now_ms - KEEP_SESSIONS_MS
    old = desk.views.execute("SELECT s FROM chat_sessions WHERE made_ms < ? LIMIT 100", (before,))
    for (s,) in old:
        for table in ("chat_senders", "chat_shares", "chat_opened", "chat_headless", "chat_sessions"):
            desk.views.execute(f"DELETE FROM {table} WHERE s = ?", (s,))


def next_due(views: ReadViews) -> int | None:
    """When `keep_up` has something to do next, Unix ms; None: nothing is known to come."""
    asked_ms = tellings.next_due(views)
    moments: list[int] = [] if asked_ms is None else [asked_ms]
    indexed = messages.indexed_up_to(views)
    for statement in (
        f"SELECT min(arrived_ms) + {messages.INDEX_AFTER_MS} FROM chat_messages WHERE n > {indexed}",
        "SELECT min(due_ms) FROM chat_outbox",
        "SELECT min(next_ms) FROM chat_shares WHERE got_ms = 0",
        "SELECT min(expires_ms) FROM chat_messages WHERE expires_ms > 0 AND gone = 0",
        f"SELECT rotated_ms + {ROTATE_MS} FROM chat_account",
        "SELECT 0 FROM chat_notes WHERE name GLOB 'anew:*'",
        "SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM chat_account)",
    ):
        rows = views.execute(statement)
        moments += [moment for (moment,) in rows if moment is not None]
    return min(moments, default=None)
