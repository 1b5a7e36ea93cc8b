"""Finds the lowest place at which two nodes hold different entries of one log, by bisection.

Both agree that seq 0 is common. A place where they differ makes the evidence stronger (the lowest
forked seq counts), a place where they agree means that the fork lies above it.
"""

from gossip.proto.limits import DIVERGENCE_STEPS


class Bisection:
    """The bounds of one search. `asked` is the seq whose entry was asked for, 0: none."""

    __slots__ = ("_differ", "_same", "_steps", "asked")

    def __init__(self, differ_seq: int) -> None:
        self._same = 0
        self._differ = differ_seq
        self._steps = 0
        self.asked = 0

    def differ_at(self, seq: int) -> None:
        """The entries at `seq` differ."""
        self._differ = min(self._differ, seq)

    def same_at(self, seq: int) -> None:
        """The entries at `seq` are the same."""
        self._same = max(self._same, seq)

    def next_probe(self) -> int:
        """The seq to compare next; 0: the search is over."""
        self._steps += 1
        if self._differ - self._same <= 1 or self._steps > DIVERGENCE_STEPS:
            return 0
        self.asked = (self._same + self._differ) // 2
        return self.asked
