"""The queue."""

import heapq


class Empty(Exception):
    """There is no job."""


class Queue:
    """Jobs are tables with at least a `name`."""

    def __init__(self) -> None:
        self._heap = []
        self._cancelled = set()

    def put(self, job: dict, priority: int = 0) -> None:
        heapq.heappush(self._heap, (-priority, job["name"], job))

    def get(self) -> dict:
        """The next job. Raises Empty."""
        while self._heap:
            _, name, job = heapq.heappop(self._heap)
            if name not in self._cancelled:
                return job
        raise Empty

    def cancel(self, name: str) -> None:
        """Jobs of that name that wait now will not be done."""
        self._cancelled.add(name)

    def __len__(self) -> int:
        return sum(name not in self._cancelled for _, name, _ in self._heap)
