"""Alice, Bob, Carol and Eve: devices with fixed seeds, who sign entries for tests. Eve does not keep rules.

Nothing here is random: the same calls give the same bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from store.charter import Charter
from store.crypto import SEED_BYTES, SigningKey, digest
from store.entry import SALT_BYTES, Entry, make_body, parse, sign
from store.ids import LOG_FEED, AuthorId, EntryId, LogNo, NetworkId
from store.log import LogId

CHARTER: Final = Charter("a network for tests", bytes(range(16)))
NETWORK: Final = CHARTER.network_id()

START_MS: Final = 1_763_000_000_000
"""Claimed time of a person's first entry: 13 November 2025. Each further entry is a second later."""


class Person:
    """A device with a name, a key made of the name, and logs that it goes on with."""

    def __init__(self, name: str, network: NetworkId = NETWORK, seed: bytes = b"") -> None:
        """`seed`: 32 bytes, of the key of a device that was made elsewhere; else one is made of the name."""
        self.name = name
        self.network = network
        self.seed = seed or digest(b"asterism/testing/" + name.encode())[:SEED_BYTES]
        self.key = SigningKey(self.seed)
        self._heads: dict[LogNo, tuple[int, bytes]] = {}

    @property
    def id(self) -> AuthorId:
        """The device's id, 32 bytes."""
        return self.key.author

    def log_id(self, log: LogNo = LOG_FEED) -> LogId:
        """The name of one of the person's logs."""
        return LogId(self.id, log)

    def write(
        self,
        content: Sequence[object],
        log: LogNo = LOG_FEED,
        links: Sequence[EntryId] = (),
        time_ms: int | None = None,
    ) -> Entry:
        """Sign the next entry of a log."""
        seq, back = self._heads.get(log, (0, b""))
        entry = self.sign_at(seq + 1, back, content, log, links, time_ms)
        self._heads[log] = (entry.seq, entry.id)
        return entry

    def sign_at(
        self,
        seq: int,
        back: bytes,
        content: Sequence[object],
        log: LogNo = LOG_FEED,
        links: Sequence[EntryId] = (),
        time_ms: int | None = None,
    ) -> Entry:
        """Sign an entry anywhere, without going on from it: this is how forks are made."""
        salt = digest(self.seed + bytes([log]) + seq.to_bytes(8, "big"))[:SALT_BYTES]
        body = make_body(salt, content)
        when = START_MS + 1_000 * seq if time_ms is None else time_ms
        return sign(self.key, self.network, log, seq, back, body, when, links)

    def post(self, text: str, links: Sequence[EntryId] = (), time_ms: int | None = None) -> Entry:
        """Sign the next post in the feed."""
        return self.write([1, text, ""], LOG_FEED, links, time_ms)

    def posts(self, count: int) -> tuple[Entry, ...]:
        """The next `count` posts, a chain."""
        return tuple(self.post(f"{self.name} says {number}") for number in range(count))


def people(names: Iterable[str] = ("alice", "bob", "carol", "eve")) -> tuple[Person, ...]:
    """Fresh people of these names, with empty logs and the same keys each time."""
    return tuple(Person(name) for name in names)


def spoiled(entry: Entry) -> Entry:
    """The same entry with a signature that does not fit; it has another id."""
    signature = bytes([entry.signature[0] ^ 1]) + entry.signature[1:]
    return parse(entry.header, signature, entry.body)


def chain_after(person: Person, entry: Entry, texts: Sequence[str]) -> tuple[Entry, ...]:
    """Posts of `person` that follow `entry` in its log, without going on with the person's own log."""
    made: list[Entry] = []
    last = entry
    for text in texts:
        last = person.sign_at(last.seq + 1, last.id, [1, text, ""], last.log)
        made.append(last)
    return tuple(made)
