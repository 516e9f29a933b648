"""Several volumes at work in one process, one at a time: the next has its turn while this one waits for a network.

::

    volume 1   read, resample | waits ........ | labels, QA, write
    volume 2                  | read, resample | waits ......
    network                   | patches of volume 1, then of 1 and 2 in one batch, ...

So patches of several volumes meet in the queue of the Predictor, and nothing else is ever done by two threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Condition
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Turns:
    """Whose turn it is, and what all that are at work hold together.

    Parameters
    ----------
    limit : bytes that may be held at once
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._turn = Condition()
        self._interrupted = False

    def map(self, work: Callable[[T], R], items: Iterable[T], at_once: int) -> list[R]:
        """``work`` of every item, in their order; at most ``at_once`` of them are begun and not ended.

        Where the caller is interrupted, KeyboardInterrupt ends the others as well, wherever they wait.
        """

        def one(item: T) -> R:
            with self._turn:
                _CURRENT.set(self)
                self._go_on()
                return work(item)

        with ThreadPoolExecutor(at_once, thread_name_prefix="volume") as pool:
            try:
                return list(pool.map(one, items))
            except KeyboardInterrupt:
                with self._turn:
                    self._interrupted = True
                    self._turn.notify_all()
                raise

    @contextmanager
    def away(self) -> Iterator[None]:
        """Others have their turn meanwhile."""
        self._turn.release()
        try:
            yield
        finally:
            self._turn.acquire()
        self._go_on()

    @contextmanager
    def holding(self, nbytes: int) -> Iterator[None]:
        """Waits until there is room for so many bytes beside what others hold, or nobody else holds any."""
        self._turn.wait_for(lambda: self._interrupted or not self._held or self._held + nbytes <= self._limit)
        self._go_on()
        self._held += nbytes
        try:
            yield
        finally:
            self._held -= nbytes
            self._turn.notify_all()

    def _go_on(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt


_CURRENT: ContextVar[Turns | None] = ContextVar("turns", default=None)


@contextmanager
def away() -> Iterator[None]:
    """What this thread waits for, others need not: around every wait for a network."""
    turns = _CURRENT.get()
    if turns is None:
        yield
    else:
        with turns.away():
            yield


@contextmanager
def holding(nbytes: int) -> Iterator[None]:
    """``nbytes`` are held; where volumes take turns, not before there is room for them."""
    turns = _CURRENT.get()
    if turns is None:
        yield
    else:
        with turns.holding(nbytes):
            yield
