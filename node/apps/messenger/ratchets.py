"""Keys and ratchets in their tables: loaded once a step, kept at its end."""

from typing import Final

from node.secrecy.broadcast import Receiver, Sender
from node.secrecy.envelope import EnvelopeKey
from node.secrecy.pairwise import Account, Pair
from store.ids import AuthorId
from store.sqlite.views import Views

MAX_PAIRS: Final = 4
"""Olm sessions with one device: both sides may begin one at once, and either may have lost its own."""


class Ratchets:
    """The ratchets that one step uses."""

    def __init__(self, views: Views, pickle_key: bytes, now_ms: int) -> None:
        self._views = views
        self._key = pickle_key
        self._now_ms = now_ms
        self._account: Account | None = None
        self._envelopes: list[EnvelopeKey] | None = None
        self._pairs: dict[AuthorId, list[Pair]] = {}
        self._used: dict[AuthorId, list[Pair]] = {}
        self._senders: dict[int, Sender] = {}
        self._sent: set[int] = set()
        self._receivers: dict[int, tuple[Receiver, bytes]] = {}

    # --- this device ----------------------------------------------------------------------------------

    def account(self) -> Account | None:
        """The Olm account of this device; None before `begin`."""
        if self._account is None:
            rows = self._views.execute("SELECT pickle FROM chat_account")
            if rows:
                self._account = Account.load(rows[0][0], self._key)
        return self._account

    def begin(self, account: Account, generation: int) -> None:
        """Keep the account, after it was made or its fallback key was changed, as a new generation."""
        self._account = account
        self._views.execute(
            "INSERT INTO chat_account VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET"
            " pickle = excluded.pickle, generation = excluded.generation, rotated_ms = excluded.rotated_ms",
            (account.dump(self._key), generation, self._now_ms),
        )

    def envelope_keys(self) -> list[EnvelopeKey]:
        """The private HPKE keys of this device, the newest first."""
        if self._envelopes is None:
            rows = self._views.execute("SELECT private FROM chat_envelope_keys ORDER BY generation DESC")
            self._envelopes = [EnvelopeKey(private) for (private,) in rows]
        return self._envelopes

    def add_envelope_key(self, generation: int, private: bytes) -> None:
        """Keep a new private HPKE key (96 bytes) and the one before; older ones are forgotten."""
        self._envelopes = None
        self._views.execute(
            "INSERT INTO chat_envelope_keys VALUES (?, ?, ?)", (generation, private, self._now_ms)
        )
        self._views.execute("DELETE FROM chat_envelope_keys WHERE generation < ?", (generation - 1,))

    # --- one device to another ------------------------------------------------------------------------

    def pairs(self, device: AuthorId) -> list[Pair]:
        """The Olm sessions with a device, the one used last first."""
        if device not in self._pairs:
            rows = self._views.execute(
                "SELECT pickle FROM chat_pairs WHERE device = ? ORDER BY used_ms DESC, id", (device,)
            )
            self._pairs[device] = [Pair.load(pickle, self._key) for (pickle,) in rows]
        return self._pairs[device]

    def use(self, device: AuthorId, pair: Pair) -> None:
        """Note that a session was used or is new: it has changed and comes first from now on."""
        pairs = self.pairs(device)
        if pair in pairs:
            pairs.remove(pair)
        pairs.insert(0, pair)
        used = self._used.setdefault(device, [])
        if pair in used:
            used.remove(pair)
        used.append(pair)

    # --- one device to many ---------------------------------------------------------------------------

    def sender(self, s: int) -> Sender:
        """An own session to write with."""
        if s not in self._senders:
            [(pickle,)] = self._views.execute("SELECT pickle FROM chat_senders WHERE s = ?", (s,))
            self._senders[s] = Sender.load(pickle, self._key)
        return self._senders[s]

    def use_sender(self, s: int) -> Sender:
        """An own session to write with, which has changed once it was used."""
        self._sent.add(s)
        return self.sender(s)

    def add_sender(self, s: int, sender: Sender) -> bytes:
        """Remember a session that was just made; its pickle, for its row."""
        self._senders[s] = sender
        return sender.dump(self._key)

    def receiver(self, s: int) -> Receiver:
        """A session to read with."""
        return self._reader(s)[0]

    def conversation_of(self, s: int) -> bytes:
        """The conversation (16 bytes) that a session belongs to."""
        return self._reader(s)[1]

    def _reader(self, s: int) -> tuple[Receiver, bytes]:
        if s not in self._receivers:
            [(pickle, conversation)] = self._views.execute(
                "SELECT pickle, conversation FROM chat_sessions WHERE s = ?", (s,)
            )
            self._receivers[s] = Receiver.load(pickle, self._key), conversation
        return self._receivers[s]

    def dump_receiver(self, receiver: Receiver) -> bytes:
        """The pickle of a session to read with, for its row."""
        return receiver.dump(self._key)

    def forget_receiver(self, s: int) -> None:
        """A session's row has changed."""
        self._receivers.pop(s, None)

    # --- the end of the step --------------------------------------------------------------------------

    def keep(self) -> None:
        """Write what has changed."""
        for device, used in self._used.items():
            for order, pair in enumerate(used):
                self._views.execute(
                    "INSERT INTO chat_pairs VALUES (?, ?, ?, ?, ?) ON CONFLICT (device, id) DO UPDATE SET"
                    " pickle = excluded.pickle, used_ms = excluded.used_ms",
                    (device, pair.id, pair.dump(self._key), self._now_ms, self._now_ms + order),
                )
            self._views.execute(
                "DELETE FROM chat_pairs WHERE device = ?1 AND id NOT IN (SELECT id FROM chat_pairs"
                " WHERE device = ?1 ORDER BY used_ms DESC, id LIMIT ?2)",
                (device, MAX_PAIRS),
            )
        for s in self._sent:
            self._views.execute(
                "UPDATE chat_senders SET pickle = ?, used = ? WHERE s = ?",
                (self._senders[s].dump(self._key), self._senders[s].index, s),
            )
