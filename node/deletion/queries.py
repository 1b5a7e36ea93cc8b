"""What can be asked about deletion: what would go, and from which hubs it has gone. Synchronous."""

from collections.abc import Mapping, Sequence
from typing import Final

from node.apps.deletion import service
from node.apps.deletion.bodies import Deletion, parse
from node.apps.deletion.service import Asked
from node.apps.registry import text_of
from node.deletion.authority import is_deletable, may_delete
from node.deletion.belongings import amending
from node.deletion.hubs import Heard, merged, read_hubs
from node.errors import BadRequest, Missing, Refused
from node.federation.views import Standing
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.entry import Entry
from store.errors import NotFound
from store.ids import LOG_DELETIONS, AuthorId, EntryId, log_name, short, to_text
from store.sqlite.bodies_gone import DELETED

MAX_IDS: Final = 1_000
"""Entries that one call may delete. More is a script's work, in several calls."""

MAX_SHOWN_CHARS: Final = 300
"""Of what goes, as it is shown before it does."""

GONE: Final = "gone"
SILENT: Final = "silent"
NOT_REACHED: Final = "not-reached"


class DeletionQueries:
    """Reading methods about deletion over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look

    # --- what would go --------------------------------------------------------------------------------

    @told_plainly()
    def delete_preview(self, ids: Sequence[str]) -> Json:
        """What would go if these entries were deleted: they, and what goes along. Changes nothing."""
        names = self._look.names.now()
        own, along = self.going(ids)
        shown = [{**self._shown(entry, names), "along": False} for entry in own]
        return {"entries": shown + [{**self._shown(entry, names), "along": True} for entry in along]}

    def going(self, ids: Sequence[str]) -> tuple[list[Entry], list[Entry]]:
        """The entries that these texts name, and what goes along with them.

        Raises:
            Missing, Ambiguous, BadData: one of them is none, or not here.
            Refused: one of them is somebody else's, or cannot be deleted at all.
        """
        if not ids or len(ids) > MAX_IDS:
            raise BadRequest(f"Name 1 to {MAX_IDS} entries.", "Delete the rest with another command.")
        store, names = self._look.home.entries, self._look.names.now()
        wanted = list(dict.fromkeys(map(self._look.entry_id, ids)))
        own = [self._own(entry_id, names) for entry_id in wanted]
        along: dict[EntryId, Entry] = {}
        for entry_id in wanted:
            for entry in amending(store, entry_id):
                if entry.id not in wanted and may_delete(names, self._look.home.device, entry.author):
                    along[entry.id] = entry
        return own, list(along.values())

    def _own(self, entry_id: EntryId, names: Names) -> Entry:
        entry = self._look.home.entries.entry(entry_id)
        if not is_deletable(entry.log):
            raise Refused(
                f"{quoted(short(entry_id))} stands in the log {log_name(entry.log)!r}, which is kept whole.",
                "Who belongs, and what was deleted, stays visible for everybody.",
            )
        if not may_delete(names, self._look.home.device, entry.author):
            raise Refused(
                f"{quoted(short(entry_id))} was written by {names.of(entry.author)}, not by you.",
                "Only who wrote something can have it deleted. Ask them; or hide it here: aster mute",
            )
        if self._look.home.shelf.why_gone(entry_id) is not None and self._deletions(entry_id, names):
            raise Refused(
                f"{quoted(short(entry_id))} was deleted already.",
                f"See where it has gone: aster delete --status {short(entry_id)}",
            )
        return entry

    def _shown(self, entry: Entry, names: Names) -> Json:
        text = text_of(entry)
        return {
            "id": to_text(entry.id),
            **_author(entry.author, names),
            "log": log_name(entry.log),
            "time_ms": entry.time_ms,
            "text": None if text is None else text[:MAX_SHOWN_CHARS],
        }

    # --- what has gone --------------------------------------------------------------------------------

    @told_plainly()
    def delete_status(self, id: str, hubs: Mapping[AuthorId, Heard] | None = None) -> Json:
        """From which hubs an entry has gone. `id`: of the entry, or of a deletion.

        `hubs`: what a daemon has heard of since its start.
        """
        names, home = self._look.names.now(), self._look.home
        entry_id = self._look.entry_id(id)
        entry = home.entries.entry(entry_id)
        said = parse(entry) if entry.log == LOG_DELETIONS else None
        if isinstance(said, Deletion):
            targets = list(said.targets)
            asked = [Asked(home.entries.key_of(entry_id), entry, said)]
        else:
            targets = [entry_id]
            asked = service.naming(home.entries, entry_id)
        if not asked:
            raise Missing(f"Nobody has deleted {quoted(short(entry_id))}.", "Delete it with: aster delete ID")
        deletions = [(each, self._counts(each, targets, names)) for each in asked]
        counting = [each for each, counts in deletions if counts]
        known = merged(read_hubs(home), hubs or {})
        shown = self._hubs(counting, known, names) if counting else []
        return {
            "targets": [self._target(each, names) for each in targets],
            "deletions": [_deletion(each, counts, names) for each, counts in deletions],
            "hubs": shown,
            "gone": sum(hub["state"] == GONE for hub in shown),
            "of": len(shown),
        }

    def _deletions(self, target: EntryId, names: Names) -> list[Asked]:
        """The deletions of an entry that count."""
        asked = service.naming(self._look.home.entries, target)
        return [each for each in asked if self._counts(each, [target], names)]

    def _counts(self, asked: Asked, targets: Sequence[EntryId], names: Names) -> bool:
        """May its author have all of these deleted, as far as they are held?"""
        held = self._look.home.entries.headers_of(targets)
        return bool(held) and all(
            is_deletable(entry.log) and may_delete(names, asked.entry.author, entry.author)
            for _, entry in held
        )

    def _target(self, target: EntryId, names: Names) -> Json:
        try:
            entry = self._look.home.entries.entry(target)
            why = self._look.home.shelf.why_gone(target)
        except NotFound:
            return {"id": to_text(target), "here": "unknown"}
        here = "held" if entry.body is not None else "missing"
        if why is not None:
            here = "deleted" if why[0] == DELETED else "let-go"
        return {"id": to_text(target), **_author(entry.author, names), "time_ms": entry.time_ms, "here": here}

    def _hubs(self, asked: Sequence[Asked], known: Mapping[AuthorId, Heard], names: Names) -> list[Json]:
        """Every hub that is known or has answered, those that answered first."""
        since: dict[AuthorId, int] = {}
        for each in asked:
            for given in service.receipts(self._look.home.entries, each.entry.id):
                since.setdefault(given.entry.author, given.entry.time_ms)
        deleted_ms = min(each.entry.time_ms for each in asked)
        answered = [_hub(device, GONE, since_ms, names) for device, since_ms in since.items()]
        others = [device for device in known if device not in since and self._is_let_in(device)]
        waiting = [
            _hub(device, SILENT, known[device].connected_ms, names)
            if known[device].connected_ms > deleted_ms
            else _hub(device, NOT_REACHED, known[device].connected_ms, names)
            for device in others
        ]
        return sorted(answered, key=_by_name) + sorted(waiting, key=_by_name)

    def _is_let_in(self, device: AuthorId) -> bool:
        census = self._look.names.census()
        if census is None:
            return any(peer.device == device for peer in self._look.home.tables.peers())
        known = census.devices.get(device)
        return known is not None and known.standing is Standing.MEMBER


def _by_name(hub: Json) -> tuple[str, str]:
    return hub["name"], hub["author"]


def _hub(device: AuthorId, state: str, since_ms: int, names: Names) -> Json:
    return {**_author(device, names), "state": state, "since_ms": since_ms}


def _deletion(asked: Asked, counts: bool, names: Names) -> Json:
    return {
        "id": to_text(asked.entry.id),
        **_author(asked.entry.author, names),
        "time_ms": asked.entry.time_ms,
        "reason": asked.said.reason,
        "counts": counts,
    }


def _author(device: AuthorId, names: Names) -> Json:
    return {
        "author": to_text(device),
        "name": names.of(device),
        "member": names.member(device),
        "device_name": names.device(device),
    }
