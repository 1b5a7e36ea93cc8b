"""What can be asked about logs: lists, entries, and checks of everything that is held. Synchronous."""

from collections.abc import Iterator
from typing import Any, Final

from node.apps.registry import text_of
from node.errors import BadData
from node.home import Home
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.naming import NameBook
from store.entry import Entry, content_of
from store.errors import BadSignature, Damaged, InvalidEntry
from store.ids import AuthorId, NotAnId, log_name, log_number, to_text
from store.interface import LogState
from store.log import FORK, LogId
from store.sqlite.scrub import BODY, scrub

Json = dict[str, Any]

_CHECK_ENTRIES: Final = 1_000
"""Entries that are read and verified at a time: some 60 ms."""

_CHECK_BYTES: Final = 8 * 2**20


class LogQueries:
    """Reading methods about logs over one open home. Thread-safe."""

    def __init__(self, home: Home, names: NameBook) -> None:
        self.home = home
        self.names = names

    def author(self, text: str) -> AuthorId:
        """The device that a name or an id stands for. Raises: Missing, Ambiguous, BadData."""
        known = {log_id.author for log_id in self.home.entries.logs()} | {self.home.device}
        return self.names.now().find(text, known)

    def logs_of(self, author: str | None, log: str | None) -> dict[LogId, LogState]:
        """The logs of an author (None: everybody) and number (None: all), in a fixed order."""
        try:
            number = None if log is None else log_number(log)
        except NotAnId as error:
            raise BadData(f"{error}.", "See: aster log list") from error
        device = None if author is None else self.author(author)
        chosen = {
            log_id: state
            for log_id, state in self.home.entries.logs().items()
            if (device is None or log_id.author == device) and (number is None or log_id.log == number)
        }
        return dict(sorted(chosen.items()))

    def log_list(self, author: str | None = None) -> Json:
        """`logs`: every log held, with how far it goes and how far its signatures were verified."""
        names = self.names.now()
        return {
            "logs": [
                {
                    "author": to_text(log_id.author),
                    "name": names.of(log_id.author),
                    "log": log_name(log_id.log),
                    "entries": state.head.seq if state.head is not None else 0,
                    "head": to_text(state.head.id) if state.head is not None else None,
                    "checked": state.checked_seq,
                    "ended": _ended(state),
                }
                for log_id, state in self.logs_of(author, None).items()
            ]
        }

    def log_show(
        self,
        author: str,
        log: str,
        first: int | None = None,
        last: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """The entries of a log from seq `first` to `last`; without `first` the last `limit` of them."""
        limit = min(DEFAULT_SHOWN if limit is None else limit, MAX_SHOWN)
        for log_id, state in self.logs_of(author, log).items():
            held = state.head.seq if state.head is not None else 0
            last_seq = held if last is None else min(last, held)
            first_seq = max(1, last_seq - limit + 1) if first is None else first
            last_seq = min(last_seq, first_seq + limit - 1)
            while first_seq <= last_seq:
                entries = self.home.entries.range(log_id, first_seq, last_seq, _CHECK_BYTES)
                if not entries:
                    return
                yield from map(_entry_shown, entries)
                first_seq = entries[-1].seq + 1

    def log_verify(self, author: str | None = None, log: str | None = None) -> Json:
        """Check every link and signature: `logs`, `entries`, and `bad` ones."""
        entries = 0
        bad: list[Json] = []
        chosen = self.logs_of(author, log)
        for log_id, state in chosen.items():
            for found in self._verified(log_id, state):
                if isinstance(found, dict):
                    bad.append(found)
                else:
                    entries += found
        return {"logs": len(chosen), "entries": entries, "bad": bad}

    def check(self) -> Iterator[Json]:
        """Hash and verify everything: progress, and a result at the end."""
        chosen = self.logs_of(None, None)
        total = sum(state.head.seq for state in chosen.values() if state.head is not None)
        done, bad, damaged = 0, list[Json](), list[Json]()
        for log_id, state in chosen.items():
            for found in self._verified(log_id, state):
                if isinstance(found, dict):
                    bad.append(found)
                else:
                    done += found
                    yield {"event": "progress", "done": done, "total": 2 * total}
        arrival, hashed = 0, 0
        while (step := scrub(self.home.database, arrival, _CHECK_ENTRIES)).last_arrival != arrival:
            arrival, hashed = step.last_arrival, hashed + step.entries
            damaged += (_flaw(flaw.log_id, flaw.seq, flaw.what) for flaw in step.flaws)
            yield {"event": "progress", "done": done + hashed, "total": 2 * total}
        known = {(each["author"], each["log"], each["seq"]) for each in bad}
        bad += [each for each in damaged if (each["author"], each["log"], each["seq"]) not in known]
        yield {
            "event": "result",
            "entries": done,
            "bodies": hashed - len(damaged) - self.absent_bodies(),
            "logs": len(chosen),
            "bad": bad,
            "repaired": 0,
            "ok": not bad,
        }

    def absent_bodies(self) -> int:
        """How many entries are held without their body."""
        with self.home.entries.views() as views:
            [(count,)] = views.execute("SELECT count(*) FROM bodies_missing")
        return int(count)

    def _verified(self, log_id: LogId, state: LogState) -> Iterator[int | Json]:
        """Verify one log: numbers of good entries, and what is bad."""
        seq, back = 1, b""
        last = state.head.seq if state.head is not None else 0
        while seq <= last:
            try:
                entries = self.home.entries.range(
                    log_id, seq, min(last, seq + _CHECK_ENTRIES - 1), _CHECK_BYTES
                )
            except (Damaged, InvalidEntry) as error:
                yield _bad(log_id, seq, str(error))
                return
            if not entries:
                yield _bad(log_id, seq, "the entry is missing")
                return
            good = 0
            for entry in entries:
                why = self._why_bad(entry, back)
                if why:
                    yield _bad(log_id, entry.seq, why)
                else:
                    good += 1
                back = entry.id
            yield good
            seq = entries[-1].seq + 1
        if state.head is not None and back != state.head.id:
            yield _bad(log_id, last, "the last entry is not the one that was vouched for")

    def _why_bad(self, entry: Entry, back: bytes) -> str:
        if entry.back != back:
            return "it does not follow the entry before it"
        try:
            entry.check_signature(self.home.network)
        except BadSignature:
            return "its signature does not fit"
        return ""


def _ended(state: LogState) -> Json | None:
    evidence = state.evidence
    if evidence is None:
        return None
    return {
        "seq": evidence.seq,
        "kind": "fork" if evidence.kind == FORK else "bad signature",
        "ids": [to_text(entry.id) for entry in evidence.entries[:2]],
    }


def _entry_shown(entry: Entry) -> Json:
    text = None if entry.body is None else text_of(entry)
    shown: Json = {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "log": log_name(entry.log),
        "seq": entry.seq,
        "time_ms": entry.time_ms,
        "back": to_text(entry.back) if entry.back else None,
        "links": [to_text(link) for link in entry.links],
        "size": entry.body_bytes,
        "kind": _kind(entry),
        "body": entry.body is not None,
    }
    return shown if text is None else {**shown, "text": text}


def _kind(entry: Entry) -> int | None:
    """The kind of an entry's body; None where it is not here, or says none."""
    try:
        return None if entry.body is None else int(content_of(entry.body)[0])
    except InvalidEntry:
        return None


def _bad(log_id: LogId, seq: int, why: str) -> Json:
    return {"author": to_text(log_id.author), "log": log_name(log_id.log), "seq": seq, "why": why}


def _flaw(log_id: LogId, seq: int, what: str) -> Json:
    why = "its body does not match its hash" if what == BODY else "the entry on the disk is damaged"
    return _bad(log_id, seq, why)
