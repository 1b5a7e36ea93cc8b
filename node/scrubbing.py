"""Idle scrubbing: everything that is held is hashed again now and then, while nothing else is to be done.

SQLite's own checks see no flipped bit inside a value. A body that is damaged is let go and asked for
again from peers; a damaged header is logged, and `aster check` shows it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

import trio

from node.home import Home
from node.intake import Intake
from store.errors import StoreError
from store.ids import EntryId, log_name, short
from store.sqlite.scrub import BODY, Flaw, Scrubbed, scrub

FIRST_S: Final = 600.0
"""After the start: a laptop that was just opened has better things to do."""

REST_S: Final = 86_400.0
"""Between two rounds. Disks lose bits over months."""

STEP_ENTRIES: Final = 500
"""Hashed at a time, about 10 ms in a thread."""

STEP_REST_S: Final = 0.25
"""Between two steps: at most a twentieth of one core; a million entries take some ten minutes."""

_log = logging.getLogger(__name__)


class Scrubbing:
    """Hashes what is held again, round after round. For the trio thread."""

    def __init__(self, home: Home, intake: Intake, ask: Callable[[Sequence[EntryId]], None]) -> None:
        """`ask` asks peers for bodies that are missing."""
        self._home = home
        self._intake = intake
        self._ask = ask

    async def run(self) -> None:
        """Scrub now and then, until cancelled."""
        await trio.sleep(FIRST_S)
        while True:
            try:
                await self.scrub_once()
            except StoreError:
                _log.exception("what is held could not be hashed again")
            await trio.sleep(REST_S)

    async def scrub_once(self) -> int:
        """One round over everything; how many flaws it found. Raises: StoreError."""
        arrival = flaws = 0
        while True:
            await self._intake.queue.idle()
            step: Scrubbed = await self._intake.read(scrub, self._home.database, arrival, STEP_ENTRIES)
            if step.last_arrival == arrival:
                return flaws
            arrival = step.last_arrival
            flaws += len(step.flaws)
            if step.flaws:
                await self._mend(step.flaws)
            await trio.sleep(STEP_REST_S)

    async def _mend(self, flaws: Sequence[Flaw]) -> None:
        for log_id, seq, what in flaws:
            _log.error(
                "damaged on the disk: %s of entry %s of %s's log %s",
                what,
                seq,
                short(log_id.author),
                log_name(log_id.log),
            )
        ids = await self._intake.read(self._bodies_in, flaws)
        self._ask(await self._intake.drop_damaged(ids))

    def _bodies_in(self, flaws: Sequence[Flaw]) -> list[EntryId]:
        """The entries of which only the body is damaged."""
        pieces = [
            self._home.entries.range(flaw.log_id, flaw.seq, flaw.seq, 1)
            for flaw in flaws
            if flaw.what == BODY
        ]
        return [piece[0].id for piece in pieces if piece]
