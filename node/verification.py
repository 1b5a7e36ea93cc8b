"""Background verification: the signatures that were accepted on a later one's word.

A run is accepted on its last signature; the others are checked here, log by log, while nothing waits for
the writer. One that does not fit ends its log there: the author vouched for it with a later signature.
Slices and pauses keep the loop free for others.
"""

import logging

import trio

from node.intake import Intake
from node.limits import VERIFY_PAUSE_S, VERIFY_READ_BYTES, VERIFY_READ_ENTRIES
from store.errors import Damaged
from store.interface import NOTHING_HELD
from store.log import LogId

_log = logging.getLogger(__name__)


class Verification:
    """Checks what the intake took on trust. For the trio thread."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._stuck: set[LogId] = set()
        """Logs that cannot be gone on with: damaged on the disk."""

    async def run(self) -> None:
        """Check whatever there is to check, and wait for more, until cancelled."""
        while True:
            seen = self._intake.commits
            await self.catch_up()
            await self._intake.changed(seen)

    async def catch_up(self) -> None:
        """Check everything that is held and was not checked yet."""
        while open_logs := self._intake.unchecked_logs() - self._stuck:
            for log_id in open_logs:
                if not await self._advance(log_id):
                    self._stuck.add(log_id)

    async def _advance(self, log_id: LogId) -> bool:
        """Check the next entries of a log. False: it cannot be gone on with."""
        await self._intake.queue.idle()
        checked_seq = (self._intake.state(log_id) or NOTHING_HELD).checked_seq
        try:
            entries = await self._intake.read_held(
                log_id, checked_seq + 1, checked_seq + VERIFY_READ_ENTRIES, VERIFY_READ_BYTES
            )
        except Damaged:
            _log.exception("entries that were not verified yet cannot be read")
            return False
        bad = await self._intake.wrongly_signed(entries)
        await trio.sleep(VERIFY_PAUSE_S)
        if bad:
            await self._intake.note_checked(log_id, bad[0].seq - 1)
            return await self._intake.condemn(log_id, bad[0].seq)
        if entries:
            await self._intake.note_checked(log_id, entries[-1].seq)
        return bool(entries) or not self._is_behind(log_id)

    def _is_behind(self, log_id: LogId) -> bool:
        return log_id in self._intake.unchecked_logs()
