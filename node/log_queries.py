"""What can be asked about logs: lists, entries, and checks of everything that is held. Synchronous."""

from collections.abc import Iterator, Sequence
from typing import Final

from node.apps.registry import text_of
from node.checking import MAX_BAD_SHOWN, Bad, Checked, Repair, Verify, check_all, one_by_one, verify_log
from node.errors import BadData, Missing
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.entry import Entry, content_of
from store.errors import InvalidEntry
from store.ids import LOG_NAMES, AuthorId, EntryId, NotAnId, log_name, log_number, to_text
from store.interface import LogState
from store.log import FORK, LogId

_NAMED_LOGS: Final = 10
"""The first logs have names that say what they are for."""

_READ_BYTES: Final = 8 * 2**20
"""Of a log at a time."""


def report_only(bodies: Sequence[EntryId]) -> int:
    """What becomes of damaged bodies where nothing can be fetched."""
    return 0


class LogQueries(Look):
    """Reading methods about logs over one open home. Thread-safe."""

    def logs_of(self, author: str | None, log: str | None) -> dict[LogId, LogState]:
        """The logs of an author (None: everybody) and name (None: all), in a fixed order.

        Of a member they are those of all his devices.

        Raises: as `author`; BadData: no log has that name; Missing: that log is not held.
        """
        try:
            number = None if log is None else log_number(log.strip())
        except NotAnId as error:
            known = ", ".join(LOG_NAMES[:_NAMED_LOGS])
            raise BadData(
                f"No log is called {quoted(log or '')}; there are {known} and others.", "See: aster log list"
            ) from error
        devices = None if author is None else self.authors(author)
        chosen = {
            log_id: state
            for log_id, state in self.home.entries.logs().items()
            if (devices is None or log_id.author in devices) and (number is None or log_id.log == number)
        }
        if not chosen and devices and log is not None:
            name = self.names.now().of(min(devices))
            raise Missing(f"No log {quoted(log.strip())} of {name} is held here.", "See: aster log list")
        return dict(sorted(chosen.items()))

    @told_plainly()
    def log_list(self, author: str | None = None) -> Json:
        """`logs`: every log held, with how far it goes and how far its signatures were verified."""
        names = self.names.now()
        shown: dict[AuthorId, Json] = {}
        logs = []
        for log_id, state in self.logs_of(author, None).items():
            if log_id.author not in shown:
                shown[log_id.author] = {
                    "author": to_text(log_id.author),
                    "name": names.of(log_id.author),
                    "member": names.member(log_id.author),
                    "device_name": names.device(log_id.author),
                }
            logs.append({**shown[log_id.author], **_log_shown(log_id, state)})
        return {"logs": logs}

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
        names = self.names.now()
        with told_plainly():
            for log_id, state in self.logs_of(author, log).items():
                held = state.head.seq if state.head is not None else 0
                last_seq = held if last is None else min(last, held)
                first_seq = max(1, last_seq - limit + 1 if first is None else first)
                last_seq = min(last_seq, first_seq + limit - 1)
                while first_seq <= last_seq:
                    entries = self.home.entries.range(log_id, first_seq, last_seq, _READ_BYTES)
                    if not entries:
                        break
                    yield from (_entry_shown(entry, names) for entry in entries)
                    first_seq = entries[-1].seq + 1

    @told_plainly()
    def log_verify(
        self, author: str | None = None, log: str | None = None, verify: Verify | None = None
    ) -> Json:
        """Check every link and signature: `logs`, `entries` that are good, and `bad` ones."""
        entries = 0
        bad: list[Bad] = []
        chosen = self.logs_of(author, log)
        for log_id in chosen:
            for seen in verify_log(self.home, log_id, verify or one_by_one(self.home.network)):
                entries += seen.good
                bad = [*bad, *seen.bad][:MAX_BAD_SHOWN]
        return {"logs": len(chosen), "entries": entries, "bad": [each.plain() for each in bad]}

    def check(self, verify: Verify | None = None, repair: Repair = report_only) -> Iterator[Json]:
        """Hash and verify everything: progress, and a result at the end."""
        checked = Checked(0)
        with told_plainly():
            chosen = self.logs_of(None, None)
            total = 2 * sum(state.head.seq for state in chosen.values() if state.head is not None)
            for checked in check_all(self.home, chosen, verify or one_by_one(self.home.network), repair):
                yield {"event": "progress", "done": min(checked.done, total), "total": total}
        yield {
            "event": "result",
            "entries": checked.entries,
            "bodies": checked.bodies,
            "logs": len(chosen),
            "bad": [each.plain() for each in checked.bad],
            "repaired": checked.repaired,
            "ok": not checked.bad,
        }


def _log_shown(log_id: LogId, state: LogState) -> Json:
    return {
        "log": log_name(log_id.log),
        "entries": state.head.seq if state.head is not None else 0,
        "head": to_text(state.head.id) if state.head is not None else None,
        "checked": state.checked_seq,
        "ended": _ended(state),
    }


def _ended(state: LogState) -> Json | None:
    evidence = state.evidence
    if evidence is None:
        return None
    return {
        "seq": evidence.seq,
        "kind": "fork" if evidence.kind == FORK else "bad signature",
        "ids": [to_text(entry.id) for entry in evidence.entries[:2]],
    }


def _entry_shown(entry: Entry, names: Names) -> Json:
    text = None if entry.body is None else text_of(entry)
    shown: Json = {
        "id": to_text(entry.id),
        "author": to_text(entry.author),
        "member": names.member(entry.author),
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
