"""Who is let in and what is carried in a federation: `gossip.proto.admission.Admission` over its roster.

    in the store   the `id` logs of all whom the roster knows, folded as they are committed
    waiting        those of others, in a bounded room; folded too, so that the roster can judge them

It decides and keeps; `node.belonging.carrying` acts on what `settle` says. The roster belongs to the
thread that takes entries in (in a daemon: trio's): nobody else looks at it while that one may add to it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from gossip.proto.events import Behind, Committed, Piece, Stopped, Unwanted, Verdict
from node.belonging.pinning import is_healed
from node.belonging.waiting_room import Change, Waiting, WaitingRoom, log_of
from node.budgets.bounds import Bounds
from node.federation.roster import Roster
from node.federation.views import Standing
from store.entry import MAX_ID_SEQ, MAX_SEQ, Entry
from store.ids import LOG_ID, AuthorId, EntryId, LogNo
from store.interface import LogState
from store.log import Evidence, Head, LogId

_Known = tuple[Standing, tuple[tuple[int, int], ...] | None]
"""Standing of a device, and where its logs end."""


class Changes(NamedTuple):
    """What became of the roster since the last look."""

    admission: bool
    """Somebody is let in or carried otherwise than before."""
    ready: tuple[Waiting, ...]
    """Logs that waited and are carried now: to be written."""
    devices: tuple[AuthorId, ...]
    """Whose logs may be carried less far than they are held."""


class Membership:
    """Who belongs, for one home."""

    def __init__(self, roster: Roster, own: AuthorId) -> None:
        self.roster = roster
        self._own = own
        self._room = WaitingRoom(roster.network)
        self._known: dict[AuthorId, _Known] = {}
        self._sections: dict[AuthorId, frozenset[bytes]] = {}
        """What `section_ids_of` answered."""
        self._released: dict[AuthorId, list[EntryId]] = {}
        """What was folded while it waited and is on its way into the store."""
        self.torn: set[AuthorId] = set()
        """Of whom the store holds more than could be folded, because a body is damaged; `load` goes on."""
        self.pins: dict[LogId, Head] = {}
        """Entries that cuts name as the last good ones. Also read by the thread that writes."""
        self._pinned: dict[AuthorId, dict[LogNo, Head]] = {}
        """The same by device."""
        self._listener: Callable[[], None] = lambda: None
        self.bounds = Bounds()
        """Of whom no more is carried, because he has filled his bound."""

    # --- what gossip asks -----------------------------------------------------------------------------

    def admits_peer(self, device: AuthorId) -> bool:
        """Is this our device, or one of a member?"""
        return device == self._own or self.standing(device) is Standing.MEMBER

    def is_guest(self, device: AuthorId) -> bool:
        """May this device, which is not admitted, show who it is? Not one that was shut out."""
        return not self.admits_peer(device) and self.standing(device) is not Standing.FORMER

    def last_carried(self, log_id: LogId) -> int:
        """See `Admission`. Of `id` logs everything, from anyone: what they say is judged by `consider`."""
        if log_id.log == LOG_ID:
            return MAX_ID_SEQ
        return min(self.last_good(log_id), self.bounds.last_taken(log_id))

    def section_ids_of(self, author: AuthorId) -> frozenset[bytes]:
        """The sections that the author's member belongs or belonged to."""
        known = self._sections.get(author)
        if known is None:
            known = self._sections[author] = self._look_up_sections(author)
        return known

    def _look_up_sections(self, author: AuthorId) -> frozenset[bytes]:
        root = self.roster.member_of(author)
        member = None if root is None else self.roster.member(root)
        return frozenset() if member is None else frozenset((*member.sections, *member.left))

    # --- what the node asks ---------------------------------------------------------------------------

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change of who is let in or carried."""
        self._listener = listener

    def tell(self) -> None:
        """Call the listener."""
        self._listener()

    def standing(self, device: AuthorId) -> Standing:
        """How a device stands in the roster."""
        known = self._known.get(device)
        return Standing.UNKNOWN if known is None else known[0]

    def carries(self, author: AuthorId) -> bool:
        """Is the `id` log of this author kept in the store?"""
        return author == self._own or self.standing(author) is not Standing.UNKNOWN

    def last_good(self, log_id: LogId) -> int:
        """The last seq of a log that is kept in the store; 0: none. Our own device's are kept whole: an
        author whose log is cut short at home would contradict himself with the next entry."""
        if log_id.author == self._own:
            return MAX_SEQ
        return self.roster.last_good(log_id)

    def kept_seq(self, log_id: LogId, state: LogState) -> int:
        """The last seq of a log that stays in the store; less than is good where a log was said to fork
        before an entry that a cut names: it has to come again."""
        if log_id.author != self._own and is_healed(state.evidence, self.pins.get(log_id)):
            assert state.evidence is not None
            return state.evidence.seq - 1
        return self.last_good(log_id)

    @property
    def waiting(self) -> int:
        """How many authors wait whom the roster does not know."""
        return len(self._room)

    def why_not_signing(self) -> str:
        """Why this home's device must sign nothing; empty: it may."""
        if self.standing(self._own) is Standing.FORMER:
            return "this device was revoked, or its member belongs to the network no longer"
        return ""

    # --- folding --------------------------------------------------------------------------------------

    def load(self, logs: Iterable[Sequence[Entry]]) -> Changes:
        """Fold whole `id` logs, as they are in the store; what was folded before is left out."""
        for entries in logs:
            self._extend(entries[0].author, entries)
        return self.settle()

    def committed(self, commit: Committed) -> None:
        """Fold what the store took in or let go of."""
        for piece in commit.pieces:
            if piece[0].log == LOG_ID:
                self._fold(piece)
        for evidence in commit.evidence:
            if evidence.log_id.log == LOG_ID:
                self._drop(evidence.log_id.author, evidence.seq)
        for author, log in commit.shrunk:
            if log == LOG_ID:
                waiting = self._room.get(author)
                self._drop(author, 1 if waiting is None else len(waiting.entries) + 1)

    def _fold(self, piece: Piece) -> None:
        author, first = piece[0].author, piece[0].seq
        folded = self._released.pop(author, [])
        common = min(self.roster.held(author) + 1 - first, len(piece))
        if folded[first - 1 : first - 1 + common] != [entry.id for entry in piece[: max(0, common)]]:
            self._drop(author, first)
        self._room.release(author)
        self._extend(author, piece)

    def _extend(self, author: AuthorId, entries: Sequence[Entry]) -> None:
        """Fold those of the entries that come next, as far as their bodies are here."""
        next_seq = self.roster.held(author) + 1
        fresh = [entry for entry in entries if entry.seq >= next_seq]
        whole = list(takewhile(lambda entry: entry.body is not None, fresh))
        if whole and whole[0].seq == next_seq:
            self.roster.add(whole)
        if fresh and self.roster.held(author) < fresh[-1].seq:
            self.torn.add(author)
        else:
            self.torn.discard(author)

    def _drop(self, author: AuthorId, from_seq: int) -> None:
        """Take back what was folded, from a seq on."""
        if self.roster.held(author) >= from_seq:
            self.roster.drop(author, from_seq)

    def settle(self) -> Changes:
        """Look what became of the roster since the last time."""
        changed = [device for device in self.roster.take_touched() if self._note(device)]
        ready = [device for device in changed if device in self._room and self.carries(device)]
        return Changes(bool(changed), tuple(map(self._release, ready)), tuple(changed))

    def _note(self, device: AuthorId) -> bool:
        """Note how a device stands now. True: otherwise than before."""
        sections = self._sections.pop(device, None)
        moved = sections is not None and sections != self.section_ids_of(device)
        standing = self.roster.standing(device)
        before = self._known.get(device)
        moved |= self._pin(device, standing)
        if standing is Standing.UNKNOWN:
            return self._known.pop(device, None) is not None or moved
        found = self.roster.device(device) if standing is Standing.FORMER else None
        now = self._known[device] = (standing, None if found is None else found.ends)
        return moved or now != before

    def _pin(self, device: AuthorId, standing: Standing) -> bool:
        """Note the entries that cuts of a device name. True: others than before."""
        named = self.roster.pins(device) if standing is Standing.FORMER else {}
        pins = {
            log: head for log, head in named.items() if head.seq <= self.roster.last_good(LogId(device, log))
        }
        moved = pins != self._pinned.get(device, {})
        if moved:
            for log in self._pinned.pop(device, {}):
                del self.pins[LogId(device, log)]
            if pins:
                self._pinned[device] = pins
                self.pins.update((LogId(device, log), head) for log, head in pins.items())
        return moved

    # --- who waits ------------------------------------------------------------------------------------

    def holds(self, entry: Entry) -> bool:
        """Does this very entry wait, its signature checked?"""
        return self._room.holds(entry)

    def consider(self, piece: Piece, source: AuthorId, evidence: Evidence | None) -> Verdict | Waiting:
        """Judge a checked piece of the `id` log of an author who is not carried.

        `evidence`: what the store knows against the log. Gives all that waited of him, to be written,
        if the piece makes him known; else what is to be answered.
        """
        author, log_id = piece[0].author, log_of(piece[0].author)
        change = self._room.put(piece, source, evidence)
        waiting = self._refold(author, change)
        if waiting is not None and waiting.entries and self.roster.member_of(author) is None:
            self._room.release(author)
            self._drop(author, 1)
            return Unwanted(log_id, "the log does not begin with a certificate")
        if waiting is not None and self.roster.last_good(log_id) > 0:
            return self._release(author)
        if change.evidence is not None and piece[-1].seq >= change.evidence.seq:
            return Stopped(log_id, change.evidence)
        if piece[0].seq > change.next_seq:
            return Behind(log_id, change.next_seq)
        return Unwanted(log_id, "its author is not known here yet")

    def shelve(self, author: AuthorId, entries: Piece, state: LogState) -> None:
        """Let a log wait that the store is about to let go of, because its author is no longer carried."""
        if entries or state.evidence is not None:
            self._refold(author, self._room.put(entries, self._own, state.evidence))

    def _refold(self, author: AuthorId, change: Change) -> Waiting | None:
        """Fold what waits of an author after it changed, and forget those who had to make room."""
        for evicted in change.evicted:
            self._drop(evicted, 1)
        waiting = self._room.get(author)
        if waiting is not None and change.changed_from:
            self._drop(author, change.changed_from)
            self._extend(author, waiting.entries)
        return waiting

    def _release(self, author: AuthorId) -> Waiting:
        waiting = self._room.release(author)
        assert waiting is not None
        self._released[author] = [entry.id for entry in waiting.entries]
        return waiting

    def written(self, author: AuthorId, held_seq: int) -> None:
        """What waited of an author was handed to the store, which holds his log up to `held_seq` now."""
        self._released.pop(author, None)
        if author not in self._room:
            self._drop(author, held_seq + 1)
