"""What is due when: names and times behind the engine's one timer."""

import heapq


class Schedule:
    """Named moments (seconds). Setting a name again replaces its moment."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def set(self, name: str, at: float) -> None:
        """`name` is due at `at`."""
        self._due[name] = at
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
            del self._due[name]
            names.append(name)
        return names

    def next_at(self) -> float | None:
        """The next moment, or None where nothing is set."""
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None
