"""The author: intent to next signed entry of one of this device's logs, under the author's lock.

What is to be written while a commit runs is signed together afterwards, so that many small posts share a
full sync. An entry is returned once it is durable. The claimed time of a log never runs backwards.

Nothing is signed while the home is not sure of its own heads (a copied or restored home): two homes that
both go on with one log would fork it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import trio

from node.composing import Composing, StepFailed
from node.errors import DiskFull, Fault, NodeError, NotSigning, TextTooLarge
from node.limits import MAX_INTENTS, MAX_OWN_ENTRIES, SIGN_SLICE
from node.signing import BEGINNING, Draft, Intent, Place, sign_next
from store.crypto import SigningKey
from store.entry import Entry
from store.errors import Forked, GapInLog, LogEnded, StorageFull, StoreError
from store.ids import LogNo, NetworkId, log_name
from store.interface import NOTHING_HELD
from store.log import MAX_RUN_ENTRIES, LogId
from store.sqlite.views import Views

if TYPE_CHECKING:
    from node.intake import Intake


class _Wish:
    """What one call wants to be written."""

    __slots__ = ("entries", "error", "intents", "is_done", "log")

    def __init__(self, log: LogNo, intents: Sequence[Intent]) -> None:
        self.log = log
        self.intents = intents
        self.entries: list[Entry] = []
        self.error: NodeError | None = None
        self.is_done = False


class Author:
    """Signs for this device. For the trio thread."""

    def __init__(
        self,
        key: SigningKey,
        network: NetworkId,
        intake: "Intake",
        now_ms: Callable[[], int],
        why_not: str = "",
    ) -> None:
        """`now_ms`: Unix time in ms. `why_not`: why nothing may be signed yet; empty: all is well."""
        self.device = key.author
        self.why_not = why_not
        self._key = key
        self._network = network
        self._intake = intake
        self._now_ms = now_ms
        self._lock = trio.Lock()
        self._wishes: list[_Wish] = []
        self._places: dict[LogNo, Place] = {}

    async def write(self, log: LogNo, intents: Sequence[Intent]) -> list[Entry]:
        """Write entries at the end of a log, all of them or none; return once they are durable.

        Raises:
            NotSigning: this home must not sign now, or the log has ended.
            TextTooLarge: more than `MAX_OWN_ENTRIES` at once.
            DiskFull: nothing of it was kept.
            Fault: the store is broken.
        """
        if len(intents) > MAX_OWN_ENTRIES:
            raise TextTooLarge(f"At most {MAX_OWN_ENTRIES} entries can be written at once.", "Split them.")
        wish = _Wish(log, intents)
        self._wishes.append(wish)
        try:
            async with self._lock:
                while not wish.is_done:
                    with trio.CancelScope(shield=True):
                        await self._fulfil(self._next_wishes())
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)
        if wish.error is not None:
            raise wish.error
        return wish.entries

    async def compose(self, step: Callable[[Views], Sequence[Draft]]) -> list[Entry]:
        """Do a step: what it changes in tables and what it wants written, in one durable transaction.

        The step is called in the writer's thread. Returns what was written, once all of it is durable.

        Raises:
            NotSigning, DiskFull, Fault: as `write`; nothing was changed.
            NodeError: what the step raised.
        """
        async with self._lock:
            with trio.CancelScope(shield=True):
                composing = Composing(self._key, self._network, self._intake, self._now_ms(), step)
                if self.why_not:
                    raise _not_signing(self.why_not)
                try:
                    await self._composed(composing)
                finally:
                    self._places.clear()
                return composing.entries

    async def _composed(self, composing: Composing) -> None:
        try:
            await self._intake.compose(composing.make, composing.then)
        except StorageFull as error:
            raise DiskFull from error
        except StepFailed as error:
            raise error.cause from error
        except (Forked, GapInLog, LogEnded) as error:
            raise _not_signing("a log of this device changed from outside while it was written") from error
        except StoreError as error:
            raise Fault(f"The store cannot be used: {error}.") from error

    def _next_wishes(self) -> list[_Wish]:
        """The wishes that are written together: from the oldest on, up to a bound."""
        taken: list[_Wish] = []
        entries = 0
        while self._wishes and (not taken or entries + len(self._wishes[0].intents) <= MAX_INTENTS):
            taken.append(self._wishes.pop(0))
            entries += len(taken[-1].intents)
        return taken

    async def _fulfil(self, wishes: Sequence[_Wish]) -> None:
        """Sign what these wishes want and have it committed; afterwards each is done or has an error."""
        problem: NodeError | None = Fault()
        try:
            if self.why_not:
                raise _not_signing(self.why_not)
            places = {wish.log: await self._place(wish.log) for wish in wishes}
            signed: dict[LogNo, list[Entry]] = {wish.log: [] for wish in wishes}
            for wish in wishes:
                places[wish.log] = await self._sign(wish, places[wish.log])
                signed[wish.log] += wish.entries
            await self._publish(tuple(_pieces(signed.values())))
            self._places.update(places)
            problem = None
        except NodeError as error:
            problem = error
        except StoreError as error:
            problem = Fault(f"The store cannot be used: {error}.")
        finally:
            for wish in wishes:
                wish.error, wish.is_done = problem, True

    async def _sign(self, wish: _Wish, place: Place) -> Place:
        now_ms = self._now_ms()
        for number, intent in enumerate(wish.intents, start=1):
            entry, place = sign_next(self._key, self._network, wish.log, place, intent, now_ms)
            wish.entries.append(entry)
            if number % SIGN_SLICE == 0:
                await trio.lowlevel.checkpoint()
        return place

    async def _publish(self, pieces: tuple[tuple[Entry, ...], ...]) -> None:
        try:
            await self._intake.publish(pieces)
        except StorageFull as error:
            raise DiskFull from error
        except (Forked, GapInLog, LogEnded) as error:
            raise _not_signing("a log of this device changed from outside while it was written") from error

    async def _place(self, log: LogNo) -> Place:
        """Where a log goes on. Raises: NotSigning: nowhere, it has ended."""
        state = self._intake.state(LogId(self.device, log)) or NOTHING_HELD
        if state.evidence is not None:
            at = state.evidence.seq
            raise _not_signing(f"its log {log_name(log)!r} ended: entry {at} was signed in two ways")
        if state.head is None:
            return BEGINNING
        known = self._places.get(log)
        if known is not None and known.head == state.head:
            return known
        return Place(state.head, await self._intake.time_of(state.head.id))


def _pieces(logs: Iterable[Sequence[Entry]]) -> Iterator[tuple[Entry, ...]]:
    """The entries of each log in chains that are not too long for a piece."""
    for entries in logs:
        for start in range(0, len(entries), MAX_RUN_ENTRIES):
            yield tuple(entries[start : start + MAX_RUN_ENTRIES])


def _not_signing(why: str) -> NotSigning:
    return NotSigning(
        f"This home does not sign now: {why}.",
        "Let it sync with a peer that knows this device. Or replace the device: aster init --new-device in an"
        " open circle, aster device link with a new home in a federation.",
    )
