"""Threads are held up by events, never by the clock; the timeouts only keep a failing test from hanging."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import pytest

from pneumoscope.core import parallel
from pneumoscope.core.parallel import ordered_map, reading_threads, usable_cores

LONG = 20.0


class Counted:
    """The numbers from 0, and how many of them were asked for."""

    def __init__(self, size: int) -> None:
        self.size, self.drawn = size, 0

    def __iter__(self) -> Iterator[int]:
        for number in range(self.size):
            self.drawn += 1
            yield number


def test_answers_keep_the_order_of_the_items_however_late_each_is():
    """Each even item waits until the odd one after it is done."""
    done = [Event() for _ in range(40)]

    def work(item: int) -> int:
        if item % 2 == 0:
            assert done[item + 1].wait(LONG)
        done[item].set()
        return item * item

    assert list(ordered_map(work, range(40), jobs=2)) == [n * n for n in range(40)]


def test_no_more_than_jobs_work_at_a_time():
    lock, release = Lock(), Event()
    running, most = 0, 0

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                release.set()
        assert release.wait(LONG)
        with lock:
            running -= 1

    list(ordered_map(work, range(60), jobs=3))
    assert most == 3


def test_items_are_drawn_only_a_little_ahead():
    items = Counted(10_000)
    answers = ordered_map(lambda item: item, items, jobs=2)
    assert items.drawn == 0
    for position in range(100):
        assert next(answers) == position
        assert position < items.drawn <= position + 16
    answers.close()
    assert items.drawn <= 116


def test_an_endless_source_is_no_trouble():
    items = Counted(2**62)
    answers = ordered_map(str, items, jobs=3)
    assert [next(answers) for _ in range(5)] == ["0", "1", "2", "3", "4"]
    answers.close()


def test_an_exception_comes_at_its_items_turn():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("the third")
        return item

    answers = ordered_map(work, range(100), jobs=4)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(answers)
    assert list(answers) == []


def test_an_exception_of_the_source_is_raised():
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the folder is gone")

    with pytest.raises(OSError, match="the folder is gone"):
        list(ordered_map(str, items(), jobs=2))


def test_closing_early_begins_nothing_more(monkeypatch):
    """Item 1 holds the only thread until the pool is shut down, so those behind it can only begin after that."""
    begun: list[int] = []
    second, shut = Event(), Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args: Any, **options: Any) -> None:
            shut.set()
            super().shutdown(*args, **options)

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            second.set()
            assert shut.wait(LONG)
        return item

    monkeypatch.setattr(parallel, "ThreadPoolExecutor", Pool)
    answers = ordered_map(work, range(1000), jobs=1)
    assert next(answers) == 0
    assert second.wait(LONG)
    answers.close()
    assert begun == [0, 1]


def test_no_items_no_answers():
    assert list(ordered_map(str, [], jobs=2)) == []


def test_usable_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_films_are_read_by_one_thread_more_than_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert reading_threads() == 4
