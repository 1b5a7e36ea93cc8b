"""How far logs are carried of those who have filled their bound of headers. Pure; asked often.

One object a home, part of what says who is let in and what is carried. It starts empty; `node.budgets.keeper`
fills it. `id` logs are never bounded here: they are short, and everybody needs them.
"""

from collections.abc import Mapping

from store.entry import MAX_SEQ
from store.ids import LOG_ID, AuthorId, LogNo
from store.log import LogId

Ends = Mapping[AuthorId, Mapping[LogNo, int]]
"""Of each device that is bounded the last seq of each bounded log; 0: nothing of it."""


class Bounds:
    """Where logs end here because of budgets."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: Ends = {}

    def replace(self, ends: Ends) -> bool:
        """Bound these from now on. True: it is something else than before."""
        before, self._ends = self._ends, ends
        return before != ends

    @property
    def ends(self) -> Ends:
        """What is bounded now."""
        return self._ends

    def last_taken(self, log_id: LogId) -> int:
        """The last seq of a log that is taken, as far as budgets go; `MAX_SEQ`: all of it."""
        of_author = self._ends.get(log_id.author)
        if of_author is None or log_id.log == LOG_ID:
            return MAX_SEQ
        return of_author.get(log_id.log, MAX_SEQ)

    def is_full(self, log_id: LogId) -> bool:
        """Is a log held, and no more of it taken?"""
        return 0 < self.last_taken(log_id) < MAX_SEQ
