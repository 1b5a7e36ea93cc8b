"""A step of ours and the entries that it wants, as one transaction of the writer. For the writer's thread.

A step reads and changes tables beside the entries and says what is to be written (`node.signing.Draft`);
what is written is signed and appended with them. So a ratchet and the message that it made are kept
together or not at all.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from node.errors import NodeError
from node.signing import BEGINNING, Draft, Place, sign_next
from store.crypto import SigningKey
from store.entry import Entry
from store.errors import LogEnded, StoreError
from store.ids import LogNo, NetworkId, log_name
from store.interface import KeyedRun
from store.log import MAX_RUN_ENTRIES, LogId
from store.sqlite.views import Views

if TYPE_CHECKING:
    from node.intake import Intake


class StepFailed(StoreError):
    """A step refused what it was asked for; nothing was changed."""

    def __init__(self, cause: NodeError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Composing:
    """One step on its way."""

    def __init__(
        self,
        key: SigningKey,
        network: NetworkId,
        intake: "Intake",
        now_ms: int,
        step: Callable[[Views], Sequence[Draft]],
    ) -> None:
        """`now_ms`: Unix time in ms, for claimed times."""
        self.entries: list[Entry] = []
        """What was written, in the order of the drafts."""
        self._key = key
        self._network = network
        self._intake = intake
        self._now_ms = now_ms
        self._step = step
        self._drafts: Sequence[Draft] = ()

    def make(self, views: Views) -> list[tuple[Entry, ...]]:
        """Do the step and sign what it wants. Raises: StepFailed, LogEnded, StoreError."""
        try:
            self._drafts = self._step(views)
        except NodeError as error:
            raise StepFailed(error) from error
        places: dict[LogNo, Place] = {}
        runs: dict[LogNo, list[Entry]] = {}
        self.entries = []
        for draft in self._drafts:
            place = places[draft.log] if draft.log in places else self._place(draft.log)
            entry, places[draft.log] = sign_next(
                self._key, self._network, draft.log, place, draft.intent, self._now_ms
            )
            runs.setdefault(draft.log, []).append(entry)
            self.entries.append(entry)
        return [
            tuple(run[start : start + MAX_RUN_ENTRIES])
            for run in runs.values()
            for start in range(0, len(run), MAX_RUN_ENTRIES)
        ]

    def then(self, views: Views, keyed: Sequence[KeyedRun]) -> None:
        """Note what the drafts wanted noted of their entries."""
        keys = {entry.id: key for run in keyed for key, entry in enumerate(run.entries, start=run.first_key)}
        for draft, entry in zip(self._drafts, self.entries, strict=True):
            if draft.then is not None:
                draft.then(keys[entry.id], entry)

    def _place(self, log: LogNo) -> Place:
        state = self._intake.stored_state(LogId(self._key.author, log))
        if state.evidence is not None:
            raise LogEnded(f"the log {log_name(log)!r} ended: an entry was signed in two ways")
        if state.head is None:
            return BEGINNING
        return Place(state.head, self._intake.stored_time(state.head.id))
