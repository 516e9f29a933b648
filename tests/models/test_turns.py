"""Turns: one at a time, others while one waits, and no more held than there is room for."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from pipeline.models.turns import Turns, away, holding


def test_one_works_at_a_time_and_results_keep_their_order() -> None:
    at_work = 0

    def work(n: int) -> int:
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        time.sleep(0.001)
        at_work -= 1
        return n * n

    assert Turns(1).map(work, range(9), 4) == [n * n for n in range(9)]


def test_whoever_waits_lets_the_others_work() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def work(_: int) -> None:
        with away():
            meeting.wait()  # all three are here at once, or nobody ever goes on

    Turns(1).map(work, range(3), 3)


@pytest.mark.parametrize(("each", "together"), [(40, 2), (60, 1), (500, 1)])
def test_no_more_is_held_than_there_is_room_for_unless_alone(each: int, together: int) -> None:
    held, most = 0, 0

    def work(_: int) -> None:
        nonlocal held, most
        with holding(each):
            held += 1
            most = max(most, held)
            with away():
                time.sleep(0.01)
            held -= 1

    Turns(100).map(work, range(6), 4)
    assert most == together


def test_an_error_ends_its_own_turn_alone() -> None:
    def work(n: int) -> int:
        with holding(80), away():
            if n == 1:
                raise ValueError("mine")
        return n

    with pytest.raises(ValueError, match="mine"):
        Turns(100).map(work, range(4), 2)


def test_outside_of_turns_nobody_waits() -> None:
    with away(), holding(10**12):
        pass


def test_an_interrupt_ends_whoever_waits_and_begins_nobody() -> None:
    """A signal reaches the main thread alone: volumes that wait for a network, or for room, must not go on."""
    answer, begun, ended = threading.Event(), [], []

    def work(n: int) -> None:
        begun.append(n)
        with holding(80):
            if n == 0:
                with away():
                    signal.raise_signal(signal.SIGINT)
                    answer.wait(1)
            with away():
                answer.wait(1)
            ended.append(n)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            Turns(100).map(work, range(9), 3)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) <= 3
    assert not ended
