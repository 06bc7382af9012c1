"""Work on many items with several threads, in order and in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4
"""Items in flight for each thread: enough to hide a slow film, few enough to keep memory flat."""


def usable_cores() -> int:
    """Cores that this process may use: fewer than the machine's under a container or taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def reading_threads() -> int:
    """Threads that keep all cores at work on films: one often waits for Python's lock or for a file, so one more."""
    return usable_cores() + 1


def ordered_map(work: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[R]:
    """Yield ``work(item)`` for each item in order, with ``jobs`` threads and a bounded number of items in flight.

    ``items`` is consumed lazily. An exception of ``work`` is raised here, at its item's turn. Closing the
    iterator early waits only for the items already being worked on.
    """
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) >= jobs * _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
