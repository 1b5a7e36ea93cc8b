"""Devices that write to each other on virtual time: the steps of the messenger over tables in memory.

There is no network here and no store. What a device wrote lies in its own list; `Post.carry` brings as much
of one list to another as a test likes: in parts, late, or without bodies at first. A step may be cut off
before it is committed, and a device may fall back to what it had on its disk.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple, cast

from node.apps.kit import Reach
from node.apps.messenger import bodies, fold, receiving, steps, upkeep
from node.apps.messenger.desk import Desk
from node.apps.messenger.steps import Step
from node.secrecy import bundles
from node.secrecy.bundles import Bundle
from node.secrecy.errors import SecrecyError
from node.signing import BEGINNING, Draft, Place, sign_next
from node.testing.people import NETWORK, START_MS, Person
from store.entry import Entry
from store.ids import LOG_KEYS, LOG_SEALED, AuthorId, LogNo, NetworkId
from store.interface import EntryKey, KeyedRun
from store.sqlite.scratch import ScratchTables
from store.sqlite.views import Row, Views

ATTEMPTS: Final = 1_000
"""Packets that one look opens: more than any test has waiting."""

IDLE_MS: Final = 500

MAX_ROUNDS: Final = 400
"""After so many exchanges everything has to be at rest: what goes on would never end."""

PICKLE_KEY: Final = bytes(32)


class Crash(Exception):
    """The process of a device ends in the middle of a step."""


class _NoReach:
    """What a fold asks for: blobs that entries name do not matter here."""

    def note_blobs(self, key: int, blobs: Sequence[tuple[bytes, int]]) -> None:
        """Nothing is noted."""


class _Disk(NamedTuple):
    """What a device finds when it begins again."""

    tables: bytes
    entries: list[Entry]
    places: dict[LogNo, Place]


class Device:
    """A device of a person: its tables, the entries that it holds, and what it knows of the roster."""

    def __init__(self, post: "Post", name: str, who: bytes | None) -> None:
        self.post = post
        self.person = Person(name)
        self.name = name
        self.device = self.person.id
        self.who: bytes = who or self.device
        self.network: NetworkId = NETWORK
        self.caught_up_ms = 0
        self.owners: dict[AuthorId, bytes] = {self.device: self.who}
        """Devices that it knows of."""
        self.revoked: set[AuthorId] = set()
        self.blocked: set[bytes] = set()
        self.strangers: set[bytes] = set()
        self.roots: dict[bytes, bytes] = {}
        """Roots that have changed, by person."""
        self.entries_held: list[Entry] = []
        """The key of an entry is its place here, counted from 1."""
        self.keys: dict[tuple[AuthorId, LogNo], list[int]] = {}
        """Keys of the entries of each log that is held, in order."""
        self.private_keys: set[bytes] = set()
        """Every private HPKE key that it ever had: for tests that look at everything afterwards."""
        self._places: dict[LogNo, Place] = {}
        self._chance = Random(name)
        self._tables = ScratchTables()
        self._disk = _Disk(self._tables.dump(), [], {})

    # --- the world of a step --------------------------------------------------------------------------

    def devices(self, who: bytes) -> Sequence[AuthorId]:
        """The live devices of a person, as known here."""
        return sorted(each for each, owner in self.owners.items() if owner == who and self.is_live(each))

    def who_of(self, device: AuthorId) -> bytes | None:
        """The person to whom a device belongs or belonged."""
        return self.owners.get(device)

    def is_live(self, device: AuthorId) -> bool:
        """Is a device known here, and not known to be revoked?"""
        return device in self.owners and device not in self.revoked

    def root(self, who: bytes) -> bytes:
        """The root key of a person."""
        return self.roots.get(who, who)

    def bundle(self, device: AuthorId) -> Bundle | None:
        """The newest keys of a device, if they are here and well formed."""
        held = self.keys.get((device, LOG_KEYS))
        body = None if not held else self.entries_held[held[-1] - 1].body
        found = None if body is None else bodies.parse(body)
        if not isinstance(found, Bundle):
            return None
        try:
            bundles.check(found)
        except SecrecyError:
            return None
        return found

    def last_sealed(self, device: AuthorId) -> int:
        """Entries of the `sealed` log of a device that are held."""
        return len(self.keys.get((device, LOG_SEALED), ()))

    def entries(self, keys: Sequence[int]) -> list[Entry | None]:
        """Entries by their keys."""
        return [self.entries_held[key - 1] if 0 < key <= len(self.entries_held) else None for key in keys]

    def is_blocked(self, who: bytes) -> bool:
        """Did its owner block this person?"""
        return who in self.blocked

    def is_known(self, who: bytes) -> bool:
        """Is this person no stranger to its owner?"""
        return who not in self.strangers

    # --- steps ----------------------------------------------------------------------------------------

    def do(self, step: Step, crash_after: int | None = None) -> list[Entry]:
        """Do a step, sign what it wants written, and commit all of it.

        `crash_after`: the process ends once so many entries were signed, before anything is committed.
        """
        held, places, written = len(self.entries_held), dict(self._places), list[Entry]()
        try:
            with self._tables.write() as views:
                for number, draft in enumerate(steps.run(self._desk(views), step)):
                    if number == crash_after:
                        raise Crash
                    written.append(self._sign(draft))
                if crash_after is not None:
                    raise Crash
        except BaseException as error:
            self._forget(held, places)
            if isinstance(error, Crash):
                return []
            raise
        if written:
            self.flush()
        return written

    def _sign(self, draft: Draft) -> Entry:
        place = self._places.get(draft.log, BEGINNING)
        entry, self._places[draft.log] = sign_next(
            self.person.key, NETWORK, draft.log, place, draft.intent, self.post.now_ms
        )
        key = self._hold(entry)
        if draft.then is not None:
            draft.then(key, entry)
        return entry

    def _hold(self, entry: Entry) -> int:
        self.entries_held.append(entry)
        self.keys.setdefault((entry.author, entry.log), []).append(len(self.entries_held))
        return len(self.entries_held)

    def _forget(self, held: int, places: dict[LogNo, Place]) -> None:
        """Hold only the first so many entries."""
        self._places = places
        del self.entries_held[held:]
        self.keys = {}
        for key, entry in enumerate(self.entries_held, 1):
            self.keys.setdefault((entry.author, entry.log), []).append(key)

    def flush(self) -> None:
        """Everything that was committed so far is on the disk."""
        self._disk = _Disk(self._tables.dump(), list(self.entries_held), dict(self._places))
        self.private_keys.update(key for (key,) in self.rows("SELECT private FROM chat_envelope_keys"))

    def lose_power(self) -> None:
        """Begin again with what was on the disk: what came since the last own entry may be gone."""
        self.restore(self._disk)

    def backup(self) -> _Disk:
        """All of it, as it is now."""
        self.flush()
        return self._disk

    def restore(self, disk: _Disk) -> None:
        """Be as one was then."""
        self._tables.load(disk.tables)
        self.entries_held = list(disk.entries)
        self._forget(len(disk.entries), dict(disk.places))

    def take(self, attempts: int = ATTEMPTS) -> bool:
        """Look once at what has arrived; is there more to do?"""
        more = [False]

        def look(desk: Desk) -> None:
            more[0] = receiving.take(desk, attempts)

        self.do(look)
        return more[0]

    def take_all(self) -> None:
        """Look until nothing is left."""
        while self.take():
            pass

    def keep_up(self) -> list[Entry]:
        """Do what is due."""
        return self.do(upkeep.keep_up)

    def next_due(self) -> int | None:
        """When something is due next."""
        with self._tables.write() as views:
            return upkeep.next_due(views)

    def _desk(self, views: Views) -> Desk:
        return Desk(views, self, PICKLE_KEY, self.post.now_ms, self._chance.randbytes)

    def rows(self, sql: str, *params: object) -> list[Row]:
        """Look into its tables."""
        return self._tables.rows(sql, *params)

    def change(self, sql: str, *params: object) -> None:
        """Spoil its tables."""
        with self._tables.write() as views:
            views.execute(sql, params)

    def texts(self) -> list[str]:
        """What its owner can read, in order of arrival."""
        found = (
            bodies.text_of_content(content)
            for (content,) in self.rows(
                "SELECT content FROM chat_messages WHERE kind = 1 AND gone = 0 ORDER BY n"
            )
        )
        return [text.text for text in found if text is not None]

    # --- what comes -----------------------------------------------------------------------------------

    def receive(self, entry: Entry) -> None:
        """Append an entry of another device, in the order of its log."""
        self._fold([(self._hold(entry), entry)])

    def receive_body(self, key: int, entry: Entry) -> None:
        """The body of an entry that is held comes later."""
        self.entries_held[key - 1] = entry
        self._fold([(key, entry)])

    def fold_again(self, count: int) -> None:
        """Entries that came last are folded again, as when views are made anew."""
        self._fold(list(enumerate(self.entries_held, 1))[-count:])

    def _fold(self, keyed: Sequence[tuple[int, Entry]]) -> None:
        runs = [KeyedRun(EntryKey(key), [entry]) for key, entry in keyed if entry.log in fold.LOGS]
        with self._tables.write() as views:
            fold.fold(views, runs, cast(Reach, _NoReach()))


class Post:
    """Brings entries from device to device, and has the time."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.devices: dict[AuthorId, Device] = {}

    def join(self, name: str, who: bytes | None = None) -> Device:
        """A new device; `who`: of this person, else of one of its own. Nobody knows of it yet."""
        device = Device(self, name, who)
        self.devices[device.device] = device
        return device

    def meet(self) -> None:
        """All devices know of all others."""
        for one, other in self._pairs():
            other.owners |= one.owners
            other.revoked |= one.revoked

    def _pairs(self) -> Iterator[tuple[Device, Device]]:
        for one in self.devices.values():
            for other in self.devices.values():
                if one is not other:
                    yield one, other

    def carry(
        self, giver: Device, taker: Device, limit: int = 1_000_000, first: int = 0, *, bare: bool = False
    ) -> int:
        """Bring at most `limit` entries to a device, log by log, beginning with log `first`; how many came.

        `bare`: without their bodies, which a later turn brings.
        """
        taker.owners |= giver.owners
        taker.revoked |= giver.revoked
        logs = sorted(giver.keys, key=lambda log: (log[1], log[0]))
        count = 0
        for author, log in logs[first % max(len(logs), 1) :] + logs[: first % max(len(logs), 1)]:
            theirs, ours = giver.keys[author, log], taker.keys.get((author, log), [])
            for mine, yours in zip(list(ours), theirs, strict=False):
                entry = giver.entries_held[yours - 1]
                if entry.body is not None and taker.entries_held[mine - 1].body is None and not bare:
                    taker.receive_body(mine, entry)
                    count += 1
            for key in theirs[len(ours) :]:
                if count >= limit:
                    return count
                entry = giver.entries_held[key - 1]
                taker.receive(entry.without_body() if bare and entry.body is not None else entry)
                count += 1
        if not bare:
            giver.caught_up_ms = taker.caught_up_ms = self.now_ms
        return count

    def exchange(self) -> int:
        """Bring everything to everybody, and let all look at it and answer what is due; what that moved."""
        moved = sum(self.carry(one, other) for one, other in self._pairs())
        for device in self.devices.values():
            device.take_all()
            if not any(device.device in other.revoked for other in self.devices.values()):
                moved += len(device.keep_up())
        return moved

    def settle(self, for_ms: int) -> None:
        """Exchange until nothing is left to do in the time to come, at most so long."""
        until_ms = self.now_ms + for_ms
        pause_ms, rounds = IDLE_MS, 0
        while True:
            while self.exchange():
                self.now_ms += IDLE_MS
                pause_ms = IDLE_MS
                rounds += 1
                if rounds > MAX_ROUNDS:
                    raise AssertionError("these devices never come to rest")
            dues = [due for device in self.devices.values() if (due := device.next_due()) is not None]
            next_ms = max(min(dues, default=until_ms), self.now_ms + pause_ms)
            pause_ms *= 2
            if next_ms >= until_ms:
                return
            self.now_ms = next_ms
