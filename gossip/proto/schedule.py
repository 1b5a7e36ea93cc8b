"""What is due when: names and times behind the engine's one timer."""

import heapq


class Schedule:
    """Named moments (seconds). Setting a name again replaces its moment.

    A moment that is only put off leaves its place in the heap and is put right when it comes up there, so
    that a name that is put off with every message takes one place and not one a message.
    """

    __slots__ = ("_due", "_heap", "_queued")

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._queued: dict[str, float] = {}

    def set(self, name: str, at: float) -> None:
        """`name` is due at `at`."""
        self._due[name] = at
        if at < self._queued.get(name, float("inf")):
            self._queued[name] = at
            heapq.heappush(self._heap, (at, name))

    def set_earlier(self, name: str, at: float) -> None:
        """`name` is due at `at`, or before where that is set already."""
        if at < self._due.get(name, float("inf")):
            self.set(name, at)

    def cancel(self, name: str) -> None:
        """`name` is not due any more."""
        self._due.pop(name, None)

    def is_set(self, name: str) -> bool:
        """Whether `name` has a moment."""
        return name in self._due

    def pop_due(self, now: float) -> list[str]:
        """The names whose moment has come, earliest first; they are set no longer."""
        names = []
        while (at := self.next_at()) is not None and at <= now:
            _, name = heapq.heappop(self._heap)
            del self._due[name], self._queued[name]
            names.append(name)
        return names

    def next_at(self) -> float | None:
        """The next moment, or None where nothing is set."""
        heap = self._heap
        while heap:
            at, name = heap[0]
            due = self._due.get(name)
            if self._queued.get(name) != at:
                heapq.heappop(heap)
            elif due is None:
                heapq.heappop(heap)
                del self._queued[name]
            elif due > at:
                self._queued[name] = due
                heapq.heapreplace(heap, (due, name))
            else:
                return at
        return None
