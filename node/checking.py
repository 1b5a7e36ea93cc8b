"""Verifying and hashing again what is held: every link and signature, every header and body.

Two passes, since they see different faults. Verifying goes along the logs as peers would. Hashing
(`store.sqlite.scrub`) goes along the disk, and finds the bits that changed there. Logs may grow or end
meanwhile. Synchronous; who verifies signatures, and what becomes of damaged bodies, is the caller's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.home import Home
from store.entry import Entry
from store.errors import BadSignature, Damaged, InvalidEntry, NotFound
from store.ids import EntryId, NetworkId, log_name, to_text
from store.interface import NOTHING_HELD, LogState
from store.log import LogId
from store.sqlite.scrub import BODY, Flaw, scrub

ENTRIES_AT_ONCE: Final = 1_000
"""Entries that are read and verified at a time: some 60 ms."""

MAX_BAD_SHOWN: Final = 1_000
"""Bad entries that an answer lists; a disk that fails would otherwise fill the memory."""

_BYTES_AT_ONCE: Final = 8 * 2**20

Verify: TypeAlias = Callable[[Sequence[Entry]], Sequence[Entry]]
"""Gives those of some entries whose signature does not fit."""

Repair: TypeAlias = Callable[[Sequence[EntryId]], int]
"""Has damaged bodies fetched again; gives how many of them."""


class Bad(NamedTuple):
    """An entry that is not what it should be."""

    log_id: LogId
    seq: int
    why: str

    def plain(self) -> dict[str, Any]:
        """Ready for JSON."""
        author, log = self.log_id
        return {"author": to_text(author), "log": log_name(log), "seq": self.seq, "why": self.why}


class Seen(NamedTuple):
    """What one step has looked at."""

    entries: int
    good: int
    bodies: int
    """Of the good ones, those whose body is here."""
    bad: list[Bad]


class Checked(NamedTuple):
    """What a check of everything has found so far."""

    done: int
    """Entries verified or hashed; each counts twice in all."""
    entries: int = 0
    """Good ones."""
    bodies: int = 0
    bad: tuple[Bad, ...] = ()
    """At most `MAX_BAD_SHOWN`."""
    repaired: int = 0
    """Bodies that were damaged and are asked for again."""


def one_by_one(network: NetworkId) -> Verify:
    """Verify here and now."""

    def wrong(entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if not _fits(entry, network)]

    return wrong


def _fits(entry: Entry, network: NetworkId) -> bool:
    try:
        entry.check_signature(network)
    except BadSignature:
        return False
    return True


def verify_log(home: Home, log_id: LogId, verify: Verify) -> Iterator[Seen]:
    """Check links and signatures of one log, as far as it goes now."""
    stop = _last_seq(home, log_id)
    seq, before = 1, b""
    while seq <= (last := min(stop, _last_seq(home, log_id))):
        try:
            entries = home.entries.range(log_id, seq, min(last, seq + ENTRIES_AT_ONCE - 1), _BYTES_AT_ONCE)
        except (Damaged, InvalidEntry) as error:
            yield Seen(
                last - seq + 1, 0, 0, [Bad(log_id, seq, f"it, or one after it, cannot be read: {error}")]
            )
            return
        if not entries and seq > _last_seq(home, log_id):
            return  # the log was ended meanwhile
        if not entries or entries[0].seq != seq:
            yield Seen(last - seq + 1, 0, 0, [Bad(log_id, seq, "the entry is missing")])
            return
        bad, before = _judge(log_id, entries, before, verify(entries))
        places = {each.seq for each in bad}
        good = [entry for entry in entries if entry.seq not in places]
        yield Seen(len(entries), len(good), sum(entry.body is not None for entry in good), bad)
        seq = entries[-1].seq + 1
    head = (home.entries.state(log_id) or NOTHING_HELD).head
    if before and head is not None and head.seq == seq - 1 and head.id != before:
        yield Seen(0, 0, 0, [Bad(log_id, head.seq, "it is not the entry that was vouched for")])


def _judge(
    log_id: LogId, entries: Sequence[Entry], before: bytes, wrong: Sequence[Entry]
) -> tuple[list[Bad], bytes]:
    """What is bad among entries that follow each other, and the id of the last of them.

    An entry is not blamed for following a badly signed one that is not what it once was.
    """
    badly_signed = {entry.seq for entry in wrong}
    bad: list[Bad] = []
    for entry in entries:
        if entry.seq in badly_signed:
            bad.append(Bad(log_id, entry.seq, "its signature does not fit"))
        elif entry.back != before and entry.seq - 1 not in badly_signed:
            bad.append(Bad(log_id, entry.seq, "it does not follow the entry before it"))
        before = entry.id
    return bad, before


def _last_seq(home: Home, log_id: LogId) -> int:
    head = (home.entries.state(log_id) or NOTHING_HELD).head
    return 0 if head is None else head.seq


def check_all(
    home: Home, logs: Mapping[LogId, LogState], verify: Verify, repair: Repair
) -> Iterator[Checked]:
    """Verify and hash everything; what was found so far after each step, all of it in the last one."""
    checked = Checked(0)
    for log_id in logs:
        for seen in verify_log(home, log_id, verify):
            checked = Checked(
                checked.done + seen.entries,
                checked.entries + seen.good,
                checked.bodies + seen.bodies,
                _with(checked.bad, seen.bad),
            )
            yield checked
    arrival = 0
    while (step := scrub(home.database, arrival, ENTRIES_AT_ONCE)).last_arrival != arrival:
        arrival = step.last_arrival
        damaged = [body for flaw in step.flaws if (body := _damaged_body(home, flaw)) is not None]
        checked = checked._replace(
            done=checked.done + step.entries,
            bad=_with(checked.bad, [_bad_of(flaw) for flaw in step.flaws]),
            repaired=checked.repaired + (repair(damaged) if damaged else 0),
        )
        yield checked


def _with(bad: tuple[Bad, ...], more: Sequence[Bad]) -> tuple[Bad, ...]:
    """Bad entries of both, each once: what verifying found of it counts."""
    known = {(each.log_id, each.seq) for each in bad} if more else set()
    return (*bad, *(each for each in more if (each.log_id, each.seq) not in known))[:MAX_BAD_SHOWN]


def _bad_of(flaw: Flaw) -> Bad:
    is_body = flaw.what == BODY
    why = "its body does not fit its hash" if is_body else "the entry on the disk is damaged"
    return Bad(flaw.log_id, flaw.seq, why)


def _damaged_body(home: Home, flaw: Flaw) -> EntryId | None:
    """The entry of which only the body is damaged."""
    if flaw.what != BODY:
        return None
    try:
        entries = home.entries.range(flaw.log_id, flaw.seq, flaw.seq, _BYTES_AT_ONCE)
    except (Damaged, NotFound):
        return None
    return entries[0].id if entries else None
