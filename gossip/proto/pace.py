"""How fast entries of one author are pushed on. What comes faster is not lost: it comes by sync.

Every node paces for itself, what it writes too. Whose entries are valid and carried has nothing to do with
it: what is too fast for the live stream is kept all the same, and neighbours are nudged.
"""

from collections import OrderedDict

from gossip.proto import limits
from store.ids import AuthorId


class Pace:
    """The allowances of authors. The one heard last stands last."""

    def __init__(self) -> None:
        self._left: OrderedDict[AuthorId, tuple[float, float]] = OrderedDict()
        """What an author may still say, and when that was so."""

    def allows(self, author: AuthorId, entries: int, now: float) -> bool:
        """Take `entries` from an author's allowance. False: it has not so many, and keeps what it has."""
        left, at = self._left.pop(author, (limits.AUTHOR_BURST_ENTRIES, now))
        left = min(left + (now - at) * limits.AUTHOR_ENTRIES_PER_S, limits.AUTHOR_BURST_ENTRIES)
        is_allowed = left >= entries
        self._left[author] = (left - entries if is_allowed else left, now)
        if len(self._left) > limits.PACED_AUTHORS:
            self._left.popitem(last=False)
        return is_allowed
